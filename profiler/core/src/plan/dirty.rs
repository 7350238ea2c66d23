//! Who dirties the pages that others write back.

use iocontend_wire::config::{ABSENT, Dirty};
use iocontend_wire::programs;

use super::{
    DIO_END_SYMBOLS, Facts, Gap, GapReason, Hook, Loses, Plan, Planned, expect_args, look_up, need,
    no_symbol, offset_of,
};
use crate::btf::Btf;

/// The programs that book dirtied pages; both or none.
pub(super) fn dirty_programs(plan: &mut Plan, facts: &Facts<'_>) {
    let loses = Loses::Writers;
    // `writeback_dirty_page` until 5.18, with the same fields in the same places.
    let name = ["writeback_dirty_folio", "writeback_dirty_page"]
        .into_iter()
        .find(|name| expect_args(facts.btf, name, "_, address_space").is_ok());
    let dirtied = Hook::Btf(name.unwrap_or("writeback_dirty_folio"));
    let written = Hook::Btf("writeback_single_inode");
    let gap = |program, hook, reason| Gap { program, hook, reason, loses };
    let offsets = offsets(facts.btf);
    let fits = name.is_some()
        && expect_args(facts.btf, "writeback_single_inode", "inode").is_ok()
        && expect_args(facts.btf, "writeback_single_inode_start", "inode").is_ok();
    match offsets {
        Ok(_) if !fits => {
            plan.gaps.push(gap(programs::DIRTY_FOLIO, dirtied, GapReason::NoTracepoint));
        }
        // Without them a page could be told from a user's buffer no more.
        Ok(_) if plan.config.dio_end_count == 0 => {
            let reason = no_symbol(facts, DIO_END_SYMBOLS[0]);
            plan.gaps.push(gap(programs::DIRTY_FOLIO, dirtied, reason));
        }
        Ok(dirty) => {
            plan.config.dirty = dirty;
            let begins = Hook::Btf("writeback_single_inode_start");
            plan.programs.push(Planned { program: programs::INODE_WRITTEN, hook: written, loses });
            plan.programs.push(Planned {
                program: programs::INODE_WRITE_START,
                hook: begins,
                loses,
            });
            plan.programs.push(Planned { program: programs::DIRTY_FOLIO, hook: dirtied, loses });
        }
        Err(reason) => plan.gaps.push(gap(programs::DIRTY_FOLIO, dirtied, reason)),
    }
}

/// Why the writers of files are not known; nothing where they are.
pub(super) fn no_writers(plan: &Plan) -> Option<GapReason> {
    if plan.config.dirty.watched != 0 {
        return None;
    }
    let gap = plan.gaps.iter().find(|gap| gap.program == programs::DIRTY_FOLIO);
    Some(gap.map_or(GapReason::NoTracepoint, |gap| gap.reason.clone()))
}

/// Tracepoints of jbd2, by program.
const JOURNAL: [(&str, (&str, &str)); 6] = [
    (programs::COMMIT_END, ("jbd2", "jbd2_end_commit")),
    (programs::COMMIT_LOGGING, ("jbd2", "jbd2_commit_logging")),
    (programs::COMMIT_FLUSHING, ("jbd2", "jbd2_commit_flushing")),
    (programs::COMMIT_LOCKING, ("jbd2", "jbd2_commit_locking")),
    (programs::COMMIT_START, ("jbd2", "jbd2_start_commit")),
    (programs::HANDLE_STATS, ("jbd2", "jbd2_handle_stats")),
];

/// Who fills the journal's transactions; needs the writers of files. All programs or none.
pub(super) fn journal_programs(plan: &mut Plan, facts: &Facts<'_>) {
    let mounted = |name: &str| facts.filesystems.iter().any(|found| found == name);
    let needed = mounted("ext4") || mounted("ext3");
    let no_writers = no_writers(plan);
    let offsets = journal_offsets(facts, plan.config.dirty);
    for (program, (category, name)) in JOURNAL {
        let (hook, loses) = (Hook::Classic(category, name), Loses::Journal);
        let gap = |reason| Gap { program, hook, reason, loses };
        match &offsets {
            _ if !needed => plan.gaps.push(gap(GapReason::NotNeeded)),
            Err(reason) => plan.gaps.push(gap(reason.clone())),
            Ok(_) => match &no_writers {
                Some(reason) => plan.gaps.push(gap(reason.clone())),
                None => plan.programs.push(Planned { program, hook, loses }),
            },
        }
    }
    if let Ok(dirty) = offsets
        && needed
        && no_writers.is_none()
    {
        plan.config.dirty = dirty;
    }
}

fn journal_offsets(facts: &Facts<'_>, dirty: Dirty) -> Result<Dirty, GapReason> {
    let (start, stats) = (("jbd2", "jbd2_start_commit"), ("jbd2", "jbd2_handle_stats"));
    let jbd2_dev = offset_of(facts, start, "dev", 4)?;
    for (_, tracepoint) in JOURNAL {
        // One place for all of them.
        if offset_of(facts, tracepoint, "dev", 4)? != jbd2_dev {
            return Err(GapReason::no_field("dev"));
        }
    }
    Ok(Dirty {
        journals: 1,
        jbd2_dev,
        jbd2_transaction: offset_of(facts, start, "transaction", 4)?,
        handle_tid: offset_of(facts, stats, "tid", 4)?,
        handle_blocks: offset_of(facts, stats, "dirtied_blocks", 4)?,
        ..dirty
    })
}

fn offsets(btf: &Btf<'_>) -> Result<Dirty, GapReason> {
    // `BIO_BPS_THROTTLED` since 6.2 (include/linux/blk_types.h).
    let throttled = btf.enumerator("BIO_BPS_THROTTLED").or_else(|| btf.enumerator("BIO_THROTTLED"));
    let head = btf.enumerator("PG_head").ok_or_else(|| GapReason::no_field("PG_head"))?;
    for member in ["address_space.host", "inode.i_ino", "inode.i_sb", "super_block.s_dev"] {
        need(btf, &[member])?;
    }
    let mut dirty = Dirty {
        watched: 1,
        head_mask: 1u32.checked_shl(head).unwrap_or(0),
        throttled: throttled.and_then(|bit| 1u32.checked_shl(bit)).unwrap_or(0),
        ..Dirty::absent()
    };
    look_up(btf, Dirty::OFFSETS, &mut dirty).map_err(GapReason::no_field)?;
    // Flags without the one that is asked for.
    if throttled.is_none() {
        dirty.bio_flags = ABSENT;
    }
    Ok(dirty)
}
