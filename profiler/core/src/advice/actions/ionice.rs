//! `ionice`: a lower IO priority for the culprit's threads (`ioprio_set(2)`).
//!
//! - *Applies when* the disk's scheduler is bfq or mq-deadline with `prio_aging_expire` (there since Linux 5.17,
//!   block/mq-deadline.c), the culprit submits its IO itself, and the wait arises in the queue.
//! - *Inert when* the scheduler is none or kyber (neither reads `ioprio`); for pages that kernel threads write back (the request has
//!   the writer's priority, block/bio.c `bio_set_ioprio`, 6.1); for `ionice etcdctl` (etcd reads, kworker writes); when the wait
//!   arises in the device (D11: the same with `-c3` under BFQ).
//! - *Harmful when* mq-deadline has no aging: the idle class may starve (5.15), and its reader may hold locks meanwhile.

use super::common::{recommended, refused};
use crate::advice::case::Case;
use crate::advice::forms::argv;
use crate::advice::judgement::{Danger, Judgement};
use crate::change::Change;
use crate::diagnosis::limits;
use crate::facts::{IoPriority, ProcessKey};
use crate::report::{Action, Risk, Share, Why};

/// `IOPRIO_CLASS_IDLE` (include/uapi/linux/ioprio.h).
pub(super) const IDLE: u8 = 3;

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    let actor = case.actor();
    let action = Action::Ionice { actor: case.actor() };
    if is_client(case) {
        return refused(case, action, Why::ClientOnly { actor });
    }
    if let Some(why) = no_priorities(case) {
        return refused(case, action, why);
    }
    if case.demand.writes_buffered() {
        return refused(case, action, Why::WrittenByOthers { actor });
    }
    if let Some(why) = behind(case) {
        return refused(case, action, why);
    }
    let key = key_of(case);
    let known =
        case.facts.controls.and_then(|all| all.processes.iter().find(|one| Some(one.key) == key));
    let priorities = known.map(|known| known.io_priorities.as_slice()).unwrap_or_default();
    if !priorities.is_empty() && priorities.iter().all(|one| one.class == IDLE) {
        return refused(case, action, Why::AlreadyIdle { actor });
    }
    let why = Why::InQueue { share: Share::of(case.queue_share()), device: case.disk_name() };
    let mut one = recommended(case, action, why, None, Danger::Medium);
    one.risks = vec![Risk::MayStarve];
    if let Some(process) = key.filter(|_| !case.there.exited) {
        let change = Change::IoPriority { process, class: IDLE, level: 0 };
        let prior = priorities.first().copied().unwrap_or(IoPriority { class: 0, level: 0 });
        one.apply.push(argv::apply(&change, None));
        one.undo.push(argv::priority(process.pid, prior.class, prior.level));
        one.changes.push(change);
    }
    Judgement::Recommended(Box::new(one))
}

/// Why priorities do nothing here, whoever submits.
pub(super) fn inert(case: &Case<'_>) -> Option<Why> {
    no_priorities(case).or_else(|| behind(case))
}

/// Why this disk's scheduler does not go by priorities.
fn no_priorities(case: &Case<'_>) -> Option<Why> {
    let device = case.disk_name();
    let has_aging = || {
        let controls = case.disk_controls();
        controls.is_none_or(|one| one.scheduler_files.contains_key("prio_aging_expire"))
    };
    match case.scheduler() {
        None => Some(Why::SchedulerUnknown { device }),
        Some("bfq") => None,
        Some("mq-deadline") if has_aging() => None,
        Some("mq-deadline") => Some(Why::OldDeadline { device }),
        Some(scheduler) => Some(Why::NoPriorities { scheduler: scheduler.to_owned(), device }),
    }
}

/// Whether the wait arises mostly where no scheduler decides.
pub(super) fn behind(case: &Case<'_>) -> Option<Why> {
    (case.queue_share() < limits::MOST).then(|| Why::BehindScheduler { device: case.disk_name() })
}

/// A client of etcd's snapshot: neither reads the database nor writes most of it itself.
pub(super) fn is_client(case: &Case<'_>) -> bool {
    case.is_backup() && matches!(case.program(), "etcdctl" | "etcdbrctl" | "etcd-manager")
}

/// The culprit as a process that is there; `None` for what is none.
pub(super) fn key_of(case: &Case<'_>) -> Option<ProcessKey> {
    Some(ProcessKey::from_start_ns(case.there.pid?, case.there.start_ns?))
}
