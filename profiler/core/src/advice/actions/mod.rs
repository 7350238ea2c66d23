//! The catalogue: one small module per action. Each says in its head when it applies, when it would be inert and when harmful,
//! with sources; `D11` are the measurements on a disk of 20 MB/s and 600 IOPS that are repeated in `profiler/docs/advice.md`.

mod common;

pub(super) mod direct_io;
pub(super) mod dirty_limit;
pub(super) mod etcd_flags;
pub(super) mod follower;
pub(super) mod io_latency;
pub(super) mod io_max;
pub(super) mod io_prio_class;
pub(super) mod io_weight;
pub(super) mod ionice;
pub(super) mod limits_unchanged;
pub(super) mod memory_high;
pub(super) mod move_audit_log;
pub(super) mod move_output;
pub(super) mod move_wal;
pub(super) mod pace;
pub(super) mod scheduler;
pub(super) mod separate_disk;
pub(super) mod stagger;

use super::case::Case;
use super::judgement::Judgement;

/// What an action says of a case.
type Judge = fn(&Case<'_>) -> Judgement;

/// All but `limits-unchanged`, which is for reports without a case.
pub(super) const ALL: [(&str, Judge); 17] = [
    ("ionice", ionice::judge),
    ("io-max", io_max::judge),
    ("io-weight", io_weight::judge),
    ("io-latency", io_latency::judge),
    ("io-prio-class", io_prio_class::judge),
    ("scheduler", scheduler::judge),
    ("dirty-limit", dirty_limit::judge),
    ("memory-high", memory_high::judge),
    ("pace", pace::judge),
    ("direct-io", direct_io::judge),
    ("move-output", move_output::judge),
    ("move-audit-log", move_audit_log::judge),
    ("move-wal", move_wal::judge),
    ("separate-disk", separate_disk::judge),
    ("stagger", stagger::judge),
    ("follower", follower::judge),
    ("etcd-flags", etcd_flags::judge),
];
