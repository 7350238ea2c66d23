//! Who fills the log of an xfs.

use iocontend_wire::config::{ABSENT, XfsLog};
use iocontend_wire::programs;

use super::dirty::no_writers;
use super::{
    Facts, Gap, GapReason, Hook, Loses, Plan, Planned, XLOG_END_SYMBOL, no_symbol, offset_of,
};

/// Tracepoints by program; what is in flight when it is attached counts as begun before.
const LOG: [(&str, (&str, &str)); 8] = [
    (programs::XFS_LOG_CLEAN, ("xfs", "xlog_iclog_clean")),
    (programs::XFS_LOG_WRITE, ("xfs", "xlog_iclog_write")),
    (programs::XFS_LOG_SPACE, ("xfs", "xlog_iclog_get_space")),
    (programs::XFS_INODE_REMOVED, ("xfs", "xfs_inode_inactivating")),
    (programs::XFS_INODE_LEFT, ("xfs", "xfs_inode_set_need_inactive")),
    (programs::XFS_DATA_WRITTEN, ("xfs", "xfs_unwritten_convert")),
    (programs::XFS_REGRANT, ("xfs", "xfs_log_ticket_regrant")),
    (programs::XFS_UNGRANT, ("xfs", "xfs_log_ticket_ungrant")),
];
/// The same program as for `xfs_unwritten_convert`.
const SIZE: (&str, (&str, &str)) = (programs::XFS_DATA_WRITTEN, ("xfs", "xfs_setfilesize"));

/// Who fills the checkpoints of the log; needs the writers of files. All programs or none, only where an xfs is mounted.
pub(super) fn log_programs(plan: &mut Plan, facts: &Facts<'_>) {
    let needed = facts.filesystems.iter().any(|found| found == "xfs");
    let offsets = offsets(facts, plan);
    for (program, (category, name)) in LOG.into_iter().chain([SIZE]) {
        let (hook, loses) = (Hook::Classic(category, name), Loses::Journal);
        let gap = |reason| Gap { program, hook, reason, loses };
        match &offsets {
            _ if !needed => plan.gaps.push(gap(GapReason::NotNeeded)),
            Ok(_) => plan.programs.push(Planned { program, hook, loses }),
            Err(reason) => plan.gaps.push(gap(reason.clone())),
        }
    }
    if let Ok(log) = offsets
        && needed
    {
        plan.config.xfs_log = log;
    }
}

fn offsets(facts: &Facts<'_>, plan: &Plan) -> Result<XfsLog, GapReason> {
    let [clean, write, space, removed, left, written, regrant, ungrant] = LOG.map(|(_, at)| at);
    // One place for each field in all of them.
    let same = |tracepoints: &[(&'static str, &'static str)], field, size| {
        let mut found = tracepoints.iter().map(|at| offset_of(facts, *at, field, size));
        let first = found.next().ok_or_else(|| GapReason::no_field(field))??;
        for other in found {
            if other? != first {
                return Err(GapReason::no_field(field));
            }
        }
        Ok(first)
    };
    let inodes = [removed, left, written, SIZE.1];
    let all = [clean, write, space, removed, left, written, SIZE.1, regrant, ungrant];
    if let Some(reason) = no_writers(plan) {
        return Err(reason);
    }
    if plan.config.bio_end_io == ABSENT {
        return Err(GapReason::no_field("bio.bi_end_io"));
    }
    if facts.xlog_end == 0 {
        return Err(no_symbol(facts, XLOG_END_SYMBOL));
    }
    Ok(XfsLog {
        end_io: facts.xlog_end,
        dev: same(&all, "dev", 4)?,
        ticket_left: same(&[regrant, ungrant], "curr_res", 4)?,
        ticket_unit: same(&[regrant, ungrant], "unit_res", 4)?,
        iclog_flags: same(&[write], "flags", 4)?,
        iclog_lsn: same(&[write, clean], "lsn", 8)?,
        ino: same(&inodes, "ino", 8)?,
    })
}
