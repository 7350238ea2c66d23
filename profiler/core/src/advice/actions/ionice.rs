//! `ionice`: a lower IO priority for the culprit's threads (`ioprio_set(2)`).
//!
//! - *Applies when* the disk's scheduler is bfq or mq-deadline with `prio_aging_expire` (there since Linux 5.17,
//!   block/mq-deadline.c), the culprit submits its IO itself, and the wait arises in the queue.
//! - *Inert when* the scheduler is none or kyber (neither reads `ioprio`); for pages that kernel threads write back (the request has
//!   the writer's priority, block/bio.c `bio_set_ioprio`, 6.1); for `ionice etcdctl` (etcd reads, kworker writes); when the wait
//!   arises in the device (D11: the same with `-c3` under BFQ).
//! - *Harmful when* mq-deadline has no aging: the idle class may starve (5.15), and its reader may hold locks meanwhile.

use super::common::{percent, recommended, refused};
use crate::advice::case::Case;
use crate::advice::forms::argv;
use crate::advice::judgement::{Danger, Judgement};
use crate::change::Change;
use crate::facts::{IoPriority, ProcessKey};
use crate::text::Lang;
use crate::text::advice::{Action, Risk, Why, risk};

/// `IOPRIO_CLASS_IDLE` (include/uapi/linux/ioprio.h).
pub(super) const IDLE: u8 = 3;

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    let who = case.culprit_name();
    let who = who.as_str();
    let action = Action::Ionice { who };
    if is_client(case) {
        return refused(case, &action, &Why::ClientOnly { who });
    }
    if let Some(why) = no_priorities(case) {
        return refused(case, &action, &why);
    }
    if case.demand.writes_buffered() {
        return refused(case, &action, &Why::WrittenByOthers { who });
    }
    if let Some(why) = behind(case) {
        return refused(case, &action, &why);
    }
    let share = percent(case.queue_share());
    let key = key_of(case);
    let known =
        case.facts.controls.and_then(|all| all.processes.iter().find(|one| Some(one.key) == key));
    let priorities = known.map(|known| known.io_priorities.as_slice()).unwrap_or_default();
    if !priorities.is_empty() && priorities.iter().all(|one| one.class == IDLE) {
        return refused(case, &action, &Why::AlreadyIdle { who });
    }
    let why = Why::InQueue { share: &share, disk: case.device_name() };
    let mut one = recommended(case, &action, &why, None, Danger::Medium);
    one.risk = risk(Lang::En, &Risk::MayStarve);
    if let Some(process) = key.filter(|_| !case.culprit.exited) {
        let change = Change::IoPriority { process, class: IDLE, level: 0 };
        let prior = priorities.first().copied().unwrap_or(IoPriority { class: 0, level: 0 });
        one.apply.push(argv::apply(&change, None));
        one.undo.push(argv::priority(process.pid, prior.class, prior.level));
        one.changes.push(change);
    }
    Judgement::Recommended(Box::new(one))
}

/// Why priorities do nothing here, whoever submits.
pub(super) fn inert<'a>(case: &'a Case<'_>) -> Option<Why<'a>> {
    no_priorities(case).or_else(|| behind(case))
}

/// Why this disk's scheduler does not go by priorities.
fn no_priorities<'a>(case: &'a Case<'_>) -> Option<Why<'a>> {
    let disk = case.device_name();
    let has_aging = || {
        let controls = case.disk_controls();
        controls.is_none_or(|one| one.scheduler_files.contains_key("prio_aging_expire"))
    };
    match case.scheduler() {
        None => Some(Why::SchedulerUnknown { disk }),
        Some("bfq") => None,
        Some("mq-deadline") if has_aging() => None,
        Some("mq-deadline") => Some(Why::OldDeadline { disk }),
        Some(scheduler) => Some(Why::NoPriorities { scheduler, disk }),
    }
}

/// Whether the wait arises where no scheduler decides.
pub(super) fn behind<'a>(case: &'a Case<'_>) -> Option<Why<'a>> {
    (case.queue_share() < MOSTLY).then(|| Why::BehindScheduler { disk: case.device_name() })
}

/// From here on the wait arises mostly in the queue.
const MOSTLY: f64 = 0.5;

/// A client of etcd's snapshot: neither reads the database nor writes most of it itself.
pub(super) fn is_client(case: &Case<'_>) -> bool {
    case.is_backup() && matches!(case.program(), "etcdctl" | "etcdbrctl" | "etcd-manager")
}

/// The culprit's identity from its id.
pub(super) fn key_of(case: &Case<'_>) -> Option<ProcessKey> {
    let (pid, start) = case.culprit.id.split_once('@')?;
    Some(ProcessKey { pid: pid.parse().ok()?, start_ticks: start.parse().ok()? })
}
