//! `io-prio-class`: a priority class for all IO of the culprit's cgroup (cgroup v2 `io.prio.class`).
//!
//! - *Applies when* the file is there (CONFIG_BLK_CGROUP_IOPRIO, since Linux 5.15; Ubuntu builds it, Debian does not), the scheduler
//!   is bfq or mq-deadline, and the wait arises in the queue. It follows pages into writeback, since it goes by the request's
//!   cgroup (block/blk-ioprio.c).
//! - *Inert when* the scheduler is none or kyber, or the wait arises in the device: then it is as inert as `ionice`, which says so.
//! - *Harmful when* the victim waits for the culprit's pages in a commit of a shared journal: they would come last.

use super::common::{place_risks, recommended, refused, set_in_place};
use super::ionice::inert;
use crate::advice::case::Case;
use crate::advice::judgement::{Danger, Judgement};
use crate::change::Change;
use crate::report::{Action, Risk, Share, Why};

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    let Ok(way) = case.place.way("io", "io.prio.class") else { return Judgement::Silent };
    // systemd has no property for it: the file has to be there.
    if case.place.value("io.prio.class").is_none() || inert(case).is_some() {
        return Judgement::Silent;
    }
    let action = Action::IoPrioClass { actor: case.actor() };
    if case.demand.writes_buffered() && case.sharing.journal() {
        let (fstype, mount_point) = (case.sharing.fstype.clone(), case.sharing.mount_point.clone());
        let why = Why::JournalShared { actor: case.actor(), fstype, mount_point };
        return refused(case, action, why);
    }
    let why = if case.demand.writes_buffered() {
        Why::CoversWriteback { actor: case.actor() }
    } else {
        Why::InQueue { share: Share::of(case.queue_share()), device: case.disk_name() }
    };
    let mut one = recommended(case, action, why, None, Danger::Medium);
    one.risks = place_risks(case, vec![Risk::MayStarve]);
    let change = Change::Cgroup {
        cgroup: case.place.path.clone().unwrap_or_default(),
        file: "io.prio.class".to_owned(),
        value: "idle".to_owned(),
    };
    set_in_place(case, &way, &mut one, change);
    Judgement::Recommended(Box::new(one))
}
