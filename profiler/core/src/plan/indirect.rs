//! Devices whose IO is submitted by threads of their own: device-mapper's and loop devices'.

use iocontend_wire::config::Indirect;
use iocontend_wire::tables::LOOPS;

use super::{Facts, Gap, GapReason, Hook, Loses, Plan, Planned, expect_args};

/// A loop device and its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopBacking {
    /// The device (kernel encoding).
    pub disk: u32,
    /// The file system that the file lies in (kernel encoding).
    pub dev: u32,
    /// The file's inode number.
    pub ino: u64,
    /// Where the device begins in the file, bytes.
    pub offset: u64,
}

/// Programs for device-mapper, by tracepoint and its leading arguments. Where a bio enters comes last.
const STACKED: [(&str, &str, &str); 3] = [
    ("stack_remap", "block_bio_remap", "bio, _, _"),
    ("stack_split", "block_split", "bio"),
    ("stack_queue", "block_bio_queue", "bio"),
];

/// Programs for loop devices.
const LOOP: [(&str, &str); 2] =
    [("loop_done", "block_rq_complete"), ("loop_issue", "block_rq_issue")];

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

/// Remembers requests of loop devices where there are some; needs the writers of files. All programs or none.
pub(super) fn loop_programs(plan: &mut Plan, facts: &Facts<'_>) {
    let loses = Loses::BehindLoops;
    let offsets = loop_offsets(plan, facts);
    for (program, name) in LOOP {
        let hook = Hook::Btf(name);
        let gap = |reason| Gap { program, hook, reason, loses };
        match &offsets {
            _ if facts.loops.is_empty() => plan.gaps.push(gap(GapReason::NotNeeded)),
            Ok(_) => plan.programs.push(Planned { program, hook, loses }),
            Err(reason) => plan.gaps.push(gap(reason.clone())),
        }
    }
    if let Ok(indirect) = offsets
        && !facts.loops.is_empty()
    {
        plan.config.indirect = Indirect { loops: 1, ..indirect };
        plan.loops = facts.loops.iter().copied().take(LOOPS as usize).collect();
    }
}

/// The offset of a member, or that it is missing.
fn need(facts: &Facts<'_>, places: &[(&str, &str)], whole: &'static str) -> Result<u32, GapReason> {
    let mut found = places.iter().filter_map(|(structure, path)| facts.btf.offset(structure, path));
    found.next().ok_or(GapReason::NoField(whole))
}

fn stacked_offsets(plan: &Plan, facts: &Facts<'_>) -> Result<Indirect, GapReason> {
    if plan.config.dirty.watched == 0 {
        return Err(GapReason::NoTracepoint);
    }
    Ok(Indirect {
        bio_bdev: need(facts, &[("bio", "bi_bdev")], "bio.bi_bdev")?,
        bdev_disk: need(facts, &[("block_device", "bd_disk")], "block_device.bd_disk")?,
        bio_sector: need(facts, &[("bio", "bi_iter.bi_sector")], "bio.bi_iter.bi_sector")?,
        bio_size: need(facts, &[("bio", "bi_iter.bi_size")], "bio.bi_iter.bi_size")?,
        ..plan.config.indirect
    })
}

fn loop_offsets(plan: &Plan, facts: &Facts<'_>) -> Result<Indirect, GapReason> {
    if plan.config.dirty.watched == 0 {
        return Err(GapReason::NoTracepoint);
    }
    // Named inside anonymous unions since 5.18.
    let index = [("folio", "index"), ("page", "index")];
    Ok(Indirect {
        rq_tag: need(facts, &[("request", "tag")], "request.tag")?,
        folio_index: need(facts, &index, "folio.index")?,
        kiocb_pos: need(facts, &[("kiocb", "ki_pos")], "kiocb.ki_pos")?,
        ..plan.config.indirect
    })
}
