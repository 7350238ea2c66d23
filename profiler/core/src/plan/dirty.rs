//! Who dirties the pages that others write back.

use iocontend_wire::config::{ABSENT, Dirty};

use super::{Facts, Gap, GapReason, Hook, Loses, Plan, Planned, expect_args};
use crate::btf::Btf;

/// `I_DIRTY_PAGES` while it was a macro (include/linux/fs.h, until 6.11: `1 << 2`).
const DIRTY_PAGES_MACRO: u32 = 1 << 2;

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
        // Without them a page could be told from a user's buffer no more.
        && plan.config.dio_end_count > 0;
    match offsets {
        Ok(dirty) if fits => {
            plan.config.dirty = dirty;
            plan.programs.push(Planned { program: "inode_written", hook: written, loses });
            plan.programs.push(Planned { program: "dirty_folio", hook: dirtied, loses });
        }
        Ok(_) => plan.gaps.push(gap("dirty_folio", dirtied, GapReason::NoTracepoint)),
        Err(reason) => plan.gaps.push(gap("dirty_folio", dirtied, reason)),
    }
}

fn offsets(btf: &Btf<'_>) -> Result<Dirty, GapReason> {
    let first = |places: &[(&str, &str)]| {
        places.iter().find_map(|(structure, path)| btf.offset(structure, path))
    };
    let need =
        |structure, path, whole| btf.offset(structure, path).ok_or(GapReason::NoField(whole));
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
        inode_state: need("inode", "i_state", "inode.i_state")?,
        dirty_pages: btf.enumerator("I_DIRTY_PAGES").unwrap_or(DIRTY_PAGES_MACRO),
        inode_mode: need("inode", "i_mode", "inode.i_mode")?,
        bio_size: need("bio", "bi_iter.bi_size", "bio.bi_iter.bi_size")?,
        bio_opf: need("bio", "bi_opf", "bio.bi_opf")?,
        pad: 0,
    })
}
