//! `io-prio-class`: a priority class for all IO of the culprit's cgroup (cgroup v2 `io.prio.class`).
//!
//! - *Applies when* the file is there (CONFIG_BLK_CGROUP_IOPRIO, since Linux 5.15; Ubuntu builds it, Debian does not), the scheduler
//!   is bfq or mq-deadline, and the wait arises in the queue. It follows pages into writeback, since it goes by the request's
//!   cgroup (block/blk-ioprio.c).
//! - *Inert when* the scheduler is none or kyber, or the wait arises in the device: then it is as inert as `ionice`, which says so.
//! - *Harmful when* the victim waits for the culprit's pages in a commit of a shared journal: they would come last.

use super::common::{percent, place_risks, recommended, refused, set_in_place};
use super::ionice::inert;
use crate::advice::case::Case;
use crate::advice::judgement::{Danger, Judgement};
use crate::change::Change;
use crate::text::Lang;
use crate::text::advice::{self as words, Action, Risk, Why};

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    let Ok(way) = case.place.way("io", "io.prio.class") else { return Judgement::Silent };
    // systemd has no property for it: the file has to be there.
    if case.place.value("io.prio.class").is_none() || inert(case).is_some() {
        return Judgement::Silent;
    }
    let who = case.culprit_name();
    let who = who.as_str();
    let action = Action::IoPrioClass { who };
    if case.demand.writes_buffered() && case.sharing.journal() {
        let named = case.sharing.fstype.as_deref().zip(case.sharing.mount_point.as_deref());
        let place = named.map_or_else(
            || words::some_filesystem(Lang::En).to_owned(),
            |(fstype, mount)| words::filesystem(Lang::En, fstype, mount),
        );
        return refused(case, &action, &Why::JournalShared { who, place: &place });
    }
    let share = percent(case.queue_share());
    let why = if case.demand.writes_buffered() {
        Why::CoversWriteback { who }
    } else {
        Why::InQueue { share: &share, disk: case.device_name() }
    };
    let mut one = recommended(case, &action, &why, None, Danger::Medium);
    one.risk = place_risks(case, &[Risk::MayStarve]);
    let change = Change::Cgroup {
        cgroup: case.place.path.clone().unwrap_or_default(),
        file: "io.prio.class".to_owned(),
        value: "idle".to_owned(),
    };
    set_in_place(case, &way, &mut one, change);
    Judgement::Recommended(Box::new(one))
}
