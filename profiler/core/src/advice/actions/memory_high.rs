//! `memory-high`: little memory for the culprit's cgroup, so that few of its pages are dirty (cgroup v2 `memory.high`).
//!
//! - *Applies when* the culprit writes through the page cache in a cgroup of its own with the memory controller of version 2. The limit of
//!   dirty pages is a share (`vm.dirty_ratio`) of what the cgroup may have (mm/page-writeback.c, `mdtc`), but with 16, 21
//!   and 64 MiB the lab's p99 on 6.12 was 0.7 to 0.8, 1.0 and 1.5 to 3.0 s, up to what the disk takes to write all of it (profiler/docs/lab.md), and why is not
//!   known; on 6.1 with 16 and 64 MiB 0.2 to 0.4 and 0.8 to 1.3 s, a quarter to a half of it. So all of it is what is expected.
//! - *Inert when* it reads or writes past the page cache; on version 1 (its limits of memory do not bound writeback).
//! - *Harmful when* the cgroup holds others, whose memory would be taken; below what the culprit needs for itself it would stand in
//!   reclaim, so that much is added.

use super::common::{
    backlog_bytes, not_worth, place_risks, recommended, refused, set_in_place, share, unfit,
};
use crate::advice::case::Case;
use crate::advice::cgroup_target::Unsettable;
use crate::advice::demand::scaled;
use crate::advice::expect::{self, Held};
use crate::advice::judgement::{Danger, Judgement};
use crate::change::Change;
use crate::report::{Action, Risk, Why};

/// Memory for pages at least, of which a part may be dirty.
const MIN_CACHE: u64 = 16 << 20;
/// What the program itself is given above what it was seen to use.
const SPARE: f64 = 1.25;
/// What a small program needs, where that was not seen.
const UNSEEN: u64 = 48 << 20;
/// The kernel's default of `vm.dirty_ratio`, percent.
const DEFAULT_RATIO: u64 = 20;

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    if !case.demand.writes_buffered() {
        return Judgement::Silent;
    }
    let Some(backlog) = backlog_bytes(case) else { return Judgement::Silent };
    let dirty = case.facts.controls.map(|all| all.dirty).unwrap_or_default();
    let ratio = dirty.ratio.filter(|ratio| *ratio > 0).unwrap_or(DEFAULT_RATIO).min(100);
    let cache = (backlog.saturating_mul(100) / ratio).clamp(MIN_CACHE, 1 << 30);
    let own = case.place.controls.and_then(|cgroup| cgroup.anon_bytes);
    let high = own.map_or(UNSEEN, |own| scaled(own, SPARE)).saturating_add(cache) >> 20 << 20;
    let action = Action::MemoryHigh { actor: case.actor(), bytes: high };
    let way = match case.place.way("memory", "memory.high") {
        Ok(way) => way,
        // Where nobody could be limited anyway, nobody tries.
        Err(Unsettable::Unknown | Unsettable::NoFile) => return Judgement::Silent,
        Err(why) => return unfit(case, action, "memory.high", why),
    };
    if case.place.controls.and_then(|cgroup| cgroup.processes).is_some_and(|count| count > 8) {
        return refused(case, action, Why::CgroupShared { actor: case.actor() });
    }
    let held = Held { ahead_bytes: cache, ..Held::default() };
    let effect = expect::effect(case, held);
    if let Some(refusal) = not_worth(case, &action, effect.as_ref()) {
        return refusal;
    }
    let why = Why::Backlog { actor: case.actor(), share: share(case) };
    let danger = if case.place.has_others() { Danger::Medium } else { Danger::Low };
    let mut one = recommended(case, action, why, effect, danger);
    one.risks = place_risks(case, vec![Risk::CulpritSlower, Risk::ReclaimStalls]);
    let change = Change::Cgroup {
        cgroup: case.place.path.clone().unwrap_or_default(),
        file: "memory.high".to_owned(),
        value: high.to_string(),
    };
    set_in_place(case, &way, &mut one, change);
    Judgement::Recommended(Box::new(one))
}
