//! Devices whose IO is submitted by threads of their own: device-mapper's and loop devices'.

use iocontend_wire::config::Indirect;
use iocontend_wire::programs;

use super::dirty::no_writers;
use super::{Facts, Gap, GapReason, Hook, Loses, Plan, Planned, expect_args, need};

/// Stands for what the block hooks do for loop devices, which have no program of their own.
pub const LOOP_USERS: &str = "loop";

/// Programs for device-mapper, by tracepoint and its leading arguments. Where a bio enters comes last.
const STACKED: [(&str, &str, &str); 3] = [
    (programs::STACK_REMAP, "block_bio_remap", "bio, _, _"),
    (programs::STACK_SPLIT, "block_split", "bio"),
    (programs::STACK_QUEUE, "block_bio_queue", "bio"),
];

/// Carries causes through device-mapper where one of its threads submits for others; all programs or none.
pub(super) fn stacked_programs(plan: &mut Plan, facts: &Facts<'_>) {
    let loses = Loses::BehindMapper;
    let offsets = stacked_offsets(plan, facts);
    let usable = STACKED.iter().all(|(_, name, args)| expect_args(facts.btf, name, args).is_ok());
    for (program, name, _) in STACKED {
        let hook = Hook::Btf(name);
        let gap = |reason| Gap { program, hook, reason, loses };
        match &offsets {
            _ if facts.mapper_major.is_none() => plan.gaps.push(gap(GapReason::NotNeeded)),
            Ok(_) if usable => plan.programs.push(Planned { program, hook, loses }),
            Ok(_) => plan.gaps.push(gap(GapReason::NoTracepoint)),
            Err(reason) => plan.gaps.push(gap(reason.clone())),
        }
    }
    if let (Ok(indirect), true, Some(major)) = (offsets, usable, facts.mapper_major) {
        plan.config.indirect = Indirect { stacked: 1, mapper_major: major, ..indirect };
    }
}

/// Lets the block hooks remember requests of loop devices where there is one with a file on a disk; needs the writers of
/// files. Others may come later.
pub(super) fn loop_users(plan: &mut Plan, facts: &Facts<'_>) {
    let offsets = loop_offsets(plan, facts);
    let (hook, loses) = (Hook::Btf("block_rq_issue"), Loses::BehindLoops);
    let mut gap = |reason| plan.gaps.push(Gap { program: LOOP_USERS, hook, reason, loses });
    match offsets {
        _ if !facts.has_loops => gap(GapReason::NotNeeded),
        Ok(indirect) => plan.config.indirect = Indirect { loops: 1, ..indirect },
        Err(reason) => gap(reason),
    }
}

fn stacked_offsets(plan: &Plan, facts: &Facts<'_>) -> Result<Indirect, GapReason> {
    if let Some(reason) = no_writers(plan) {
        return Err(reason);
    }
    Ok(Indirect {
        bio_bdev: need(facts.btf, &["bio.bi_bdev"])?,
        bdev_disk: need(facts.btf, &["block_device.bd_disk"])?,
        bio_sector: need(facts.btf, &["bio.bi_iter.bi_sector"])?,
        bio_size: need(facts.btf, &["bio.bi_iter.bi_size"])?,
        ..plan.config.indirect
    })
}

fn loop_offsets(plan: &Plan, facts: &Facts<'_>) -> Result<Indirect, GapReason> {
    if let Some(reason) = no_writers(plan) {
        return Err(reason);
    }
    Ok(Indirect {
        rq_tag: need(facts.btf, &["request.tag"])?,
        // Named inside anonymous unions since 5.18.
        folio_index: need(facts.btf, &["folio.index", "page.index"])?,
        kiocb_pos: need(facts.btf, &["kiocb.ki_pos"])?,
        ..plan.config.indirect
    })
}
