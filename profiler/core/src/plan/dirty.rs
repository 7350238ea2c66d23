//! Who dirties the pages that others write back.

use iocontend_wire::config::{ABSENT, Dirty};

use super::{Facts, Gap, GapReason, Hook, Loses, Plan, Planned, expect_args, offset_of};
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
        && expect_args(facts.btf, "writeback_single_inode_start", "inode").is_ok()
        // Without them a page could be told from a user's buffer no more.
        && plan.config.dio_end_count > 0;
    match offsets {
        Ok(dirty) if fits => {
            plan.config.dirty = dirty;
            let begins = Hook::Btf("writeback_single_inode_start");
            plan.programs.push(Planned { program: "inode_written", hook: written, loses });
            plan.programs.push(Planned { program: "inode_write_start", hook: begins, loses });
            plan.programs.push(Planned { program: "dirty_folio", hook: dirtied, loses });
        }
        Ok(_) => plan.gaps.push(gap("dirty_folio", dirtied, GapReason::NoTracepoint)),
        Err(reason) => plan.gaps.push(gap("dirty_folio", dirtied, reason)),
    }
}

/// Tracepoints of jbd2, by program.
const JOURNAL: [(&str, (&str, &str)); 6] = [
    ("commit_end", ("jbd2", "jbd2_end_commit")),
    ("commit_logging", ("jbd2", "jbd2_commit_logging")),
    ("commit_flushing", ("jbd2", "jbd2_commit_flushing")),
    ("commit_locking", ("jbd2", "jbd2_commit_locking")),
    ("commit_start", ("jbd2", "jbd2_start_commit")),
    ("handle_stats", ("jbd2", "jbd2_handle_stats")),
];

/// Who fills the journal's transactions; needs the writers of files. All programs or none.
pub(super) fn journal_programs(plan: &mut Plan, facts: &Facts<'_>) {
    let mounted = |name: &str| facts.filesystems.iter().any(|found| found == name);
    let needed = mounted("ext4") || mounted("ext3");
    let offsets = journal_offsets(facts, plan.config.dirty);
    for (program, (category, name)) in JOURNAL {
        let (hook, loses) = (Hook::Classic(category, name), Loses::Journal);
        let gap = |reason| Gap { program, hook, reason, loses };
        match &offsets {
            _ if !needed => plan.gaps.push(gap(GapReason::NotNeeded)),
            Ok(_) if plan.config.dirty.watched == 0 => {
                plan.gaps.push(gap(GapReason::NoTracepoint));
            }
            Ok(_) => plan.programs.push(Planned { program, hook, loses }),
            Err(reason) => plan.gaps.push(gap(reason.clone())),
        }
    }
    if let Ok(dirty) = offsets
        && needed
        && plan.config.dirty.watched != 0
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
            return Err(GapReason::NoField("dev"));
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
    let first = |places: &[(&str, &str)]| {
        places.iter().find_map(|(structure, path)| btf.offset(structure, path))
    };
    let need =
        |structure, path, whole| btf.offset(structure, path).ok_or(GapReason::NoField(whole));
    // `BIO_BPS_THROTTLED` since 6.2 (include/linux/blk_types.h).
    let throttled = btf.enumerator("BIO_BPS_THROTTLED").or_else(|| btf.enumerator("BIO_THROTTLED"));
    let flags = [("folio", "flags.f"), ("folio", "flags"), ("page", "flags")];
    let head = btf.enumerator("PG_head").ok_or(GapReason::NoField("PG_head"))?;
    for (structure, path, whole) in [
        ("address_space", "host", "address_space.host"),
        ("inode", "i_ino", "inode.i_ino"),
        ("inode", "i_sb", "inode.i_sb"),
        ("super_block", "s_dev", "super_block.s_dev"),
    ] {
        need(structure, path, whole)?;
    }
    Ok(Dirty {
        watched: 1,
        folio_flags: first(&flags).ok_or(GapReason::NoField("folio.flags"))?,
        head_mask: 1u32.checked_shl(head).unwrap_or(0),
        folio_pages: first(&[("folio", "_nr_pages"), ("folio", "_folio_nr_pages")])
            .unwrap_or(ABSENT),
        inode_mode: need("inode", "i_mode", "inode.i_mode")?,
        mapping_flags: need("address_space", "i_pages.xa_flags", "address_space.i_pages")?,
        bio_size: need("bio", "bi_iter.bi_size", "bio.bi_iter.bi_size")?,
        bio_opf: need("bio", "bi_opf", "bio.bi_opf")?,
        bio_flags: if throttled.is_some() { btf.offset("bio", "bi_flags") } else { None }
            .unwrap_or(ABSENT),
        throttled: throttled.and_then(|bit| 1u32.checked_shl(bit)).unwrap_or(0),
        ..Dirty::absent()
    })
}
