//! `scheduler`: another IO scheduler for the disk.
//!
//! - *Applies when* the disk has none or kyber, mq-deadline with priorities can be chosen, the wait arises in the queue and the culprit
//!   submits its IO itself: then mq-deadline together with the idle priority for it. mq-deadline alone prefers reads, not
//!   syncs (block/mq-deadline.c).
//! - *Inert when* the wait arises in the device: BFQ and mq-deadline order only what they still hold (D11: BFQ helped neither against a
//!   direct reader nor against a buffered writer, and cost a quarter of the puts with nobody beside).
//! - *Harmful when* the disk is fast: BFQ takes about 1.9 µs a request, mq-deadline 0.7 (Documentation/block/bfq-iosched.rst).
//!   OpenShift shipped BFQ with ionice for etcd, and took it back after a lock-up of the kernel (machine-config-operator).

use super::common::{recommended, refused};
use super::ionice::{IDLE, behind, is_client, key_of};
use crate::advice::case::Case;
use crate::advice::forms::argv;
use crate::advice::judgement::{Danger, Judgement};
use crate::change::Change;
use crate::report::{Action, Risk, Share, Why};

const TO: &str = "mq-deadline";

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    let disk = case.device_name();
    let Some(now @ ("none" | "kyber")) = case.scheduler() else { return Judgement::Silent };
    if let Some(why) = behind(case) {
        return refused(case, to(case, "bfq"), why);
    }
    let has = case.disk.is_some_and(|one| one.schedulers.iter().any(|name| name == TO));
    let Some(process) = key_of(case).filter(|_| has && !case.there.exited) else {
        return Judgement::Silent;
    };
    if is_client(case) || case.demand.writes_buffered() {
        return Judgement::Silent;
    }
    let share = Share::of(case.queue_share());
    let why = Why::InQueue { share, device: case.disk_name() };
    let mut one = recommended(case, to(case, TO), why, None, Danger::High);
    one.risks = vec![Risk::DiskCost, Risk::MayStarve];
    let queue = Change::Queue {
        device: disk.to_owned(),
        file: "scheduler".to_owned(),
        value: TO.to_owned(),
    };
    let idle = Change::IoPriority { process, class: IDLE, level: 0 };
    one.undo = vec![argv::undo(&queue, Some(now), None), argv::priority(process.pid, 0, 0)];
    one.changes = vec![queue, idle];
    one.apply = one.changes.iter().map(|change| argv::apply(change, None)).collect();
    Judgement::Recommended(Box::new(one))
}

fn to(case: &Case<'_>, scheduler: &str) -> Action {
    Action::Scheduler { device: case.disk_name(), scheduler: scheduler.to_owned() }
}
