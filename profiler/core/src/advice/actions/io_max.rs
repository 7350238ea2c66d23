//! `io-max`: a ceiling for the culprit's bytes on the disk (cgroup v2 `io.max`).
//!
//! - *Applies when* the culprit reads or writes past the page cache, in a cgroup of its own on version 2. Works with every
//!   scheduler and on bio-based disks (block/blk-throttle.c). D11: a direct reader at a fifth of the disk no longer harms.
//! - *Of a writer through the page cache* it holds back what is written of its pages: those that its cgroup was the first to
//!   dirty, since writeback is charged to the cgroup that owns the file (Documentation/admin-guide/cgroup-v2.rst, "Writeback";
//!   io and memory have to be on for it). In the lab p99 of puts was a tenth of before or less in five cases of six, more than
//!   direct writes left (note 0024), so it is recommended after what has a number.
//! - *Inert when* another cgroup wrote these files first (D11: no effect), which nobody can see here; when it is below the
//!   ceiling already.
//! - *Harmful when* its pages are in the journal that the victim waits for: a commit of ext4 (`data=ordered`) waits for the
//!   held-back data, fs/jbd2/commit.c. In the lab p99 of syncs that met it was 0.3 to 0.4 s then, of 3.3 s before (docs/lab.md).
//! - Version 1 (`blkio.throttle`) holds reads and direct writes only; writeback is the root's.

use super::common::{
    LEFT, is_v1, not_worth, place_risks, recommended, refused, set_in_place, share, unfit,
};
use crate::advice::case::Case;
use crate::advice::demand::{per_second, scaled};
use crate::advice::expect::{self, Held};
use crate::advice::judgement::{Danger, Judgement};
use crate::change::Change;
use crate::facts::CgroupControls;
use crate::report::{Action, Risk, Why};

/// Ceilings are multiples of this: nobody wants to read 4,194,317.
const STEP: u64 = 64 << 10;

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    let of = Action::SomeIoMax { actor: case.actor() };
    let buffered = case.demand.writes_buffered();
    if buffered && let Some(refusal) = not_charged(case, &of) {
        return refusal;
    }
    let Some(capability) = case.demand.capability else { return Judgement::Silent };
    let rate = case.demand.rate();
    let Some((dev, device)) = case.limited() else { return Judgement::Silent };
    let way = match case.place.way("io", "io.max") {
        Ok(way) => way,
        Err(why) => return unfit(case, of, "io.max", why),
    };
    let ceiling = (scaled(capability, LEFT) / STEP).max(1) * STEP;
    if rate <= ceiling {
        return refused(case, of, Why::BelowCeiling { actor: case.actor(), bytes_per_s: rate });
    }
    let (reads, writes) = (case.demand.reads(), buffered || case.demand.writes_direct());
    // Both at once share the fifth.
    let each = if reads && writes { (ceiling / 2 / STEP).max(1) * STEP } else { ceiling };
    let action = Action::IoMax {
        actor: case.actor(),
        read_bytes_per_s: reads.then_some(each),
        write_bytes_per_s: writes.then_some(each),
        device: device.to_owned(),
    };
    let why = Why::TakesDevice {
        actor: case.actor(),
        share: share(case),
        bytes_per_s: rate,
        capability_bytes_per_s: capability,
    };
    let effect = expect::effect(
        case,
        Held {
            load: ratio(ceiling, capability),
            ahead_bytes: case.demand.request_bytes(),
            ahead_most_ns: case.demand.shortest_ns,
            requests_per_s: Some(ratio(ceiling, case.demand.request_bytes())),
            victim_elsewhere: false,
            slowdown: Some(slowdown(case, reads, writes, each)),
        },
    );
    if let Some(refusal) = not_worth(case, &action, effect.as_ref()) {
        return refusal;
    }
    // Pages are held back by other rules than requests of its own, and in bursts: that is no number, but its bound.
    let effect = effect.filter(|_| !buffered);
    let mut risks = vec![Risk::CulpritSlower, Risk::NotConserving];
    if buffered {
        risks.push(Risk::PagesOfOthers);
    }
    if buffered && case.sharing.journal() {
        risks.push(Risk::CommitWaits);
    }
    let danger = if buffered { Danger::Medium } else { Danger::Low };
    let mut one = recommended(case, action, why, effect, danger);
    one.risks = place_risks(case, risks);
    for (limit, _) in [("rbps", reads), ("wbps", writes)].into_iter().filter(|(_, is)| *is) {
        let change = Change::CgroupDevice {
            cgroup: case.place.path.clone().unwrap_or_default(),
            file: "io.max".to_owned(),
            device: dev,
            value: format!("{limit}={each}"),
        };
        set_in_place(case, &way, &mut one, change);
    }
    Judgement::Recommended(Box::new(one))
}

/// Why what it writes through the page cache is nowhere charged to its cgroup.
fn not_charged(case: &Case<'_>, action: &Action) -> Option<Judgement> {
    let (action, actor) = (action.clone(), case.actor());
    if is_v1(case) {
        return Some(refused(case, action, Why::V1Writeback { actor }));
    }
    let has_memory = |cgroup: &CgroupControls| cgroup.controllers.iter().any(|one| one == "memory");
    let lacks = case.place.controls.is_some_and(|cgroup| !has_memory(cgroup));
    lacks.then(|| refused(case, action, Why::WritebackElsewhere { actor }))
}

/// How many times as long it takes: as long as the slower of its directions.
fn slowdown(case: &Case<'_>, reads: bool, writes: bool, each: u64) -> f64 {
    let of = |bytes| ratio(per_second(bytes, case.demand.active_ns).unwrap_or(0), each);
    let read = if reads { of(case.demand.read_bytes) } else { 1.0 };
    let written = case.demand.direct_bytes.saturating_add(case.demand.buffered_bytes);
    let write = if writes { of(written) } else { 1.0 };
    read.max(write).max(1.0)
}

#[expect(clippy::cast_precision_loss, reason = "a ratio")]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}
