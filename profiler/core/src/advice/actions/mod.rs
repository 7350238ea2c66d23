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
use crate::report::AdviceId;

/// What an action says of a case.
type Judge = fn(&Case<'_>) -> Judgement;

/// All but `limits-unchanged`, which is for reports without a case.
pub(super) const ALL: [(AdviceId, Judge); 17] = [
    (AdviceId::Ionice, ionice::judge),
    (AdviceId::IoMax, io_max::judge),
    (AdviceId::IoWeight, io_weight::judge),
    (AdviceId::IoLatency, io_latency::judge),
    (AdviceId::IoPrioClass, io_prio_class::judge),
    (AdviceId::Scheduler, scheduler::judge),
    (AdviceId::DirtyLimit, dirty_limit::judge),
    (AdviceId::MemoryHigh, memory_high::judge),
    (AdviceId::Pace, pace::judge),
    (AdviceId::DirectIo, direct_io::judge),
    (AdviceId::MoveOutput, move_output::judge),
    (AdviceId::MoveAuditLog, move_audit_log::judge),
    (AdviceId::MoveWal, move_wal::judge),
    (AdviceId::SeparateDisk, separate_disk::judge),
    (AdviceId::Stagger, stagger::judge),
    (AdviceId::Follower, follower::judge),
    (AdviceId::EtcdFlags, etcd_flags::judge),
];
