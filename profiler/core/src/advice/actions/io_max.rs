//! `io-max`: a ceiling for the culprit's bytes on the disk (cgroup v2 `io.max`).
//!
//! - *Applies when* the culprit reads or writes past the page cache, in a cgroup of its own on version 2. Works with every
//!   scheduler and on bio-based disks (block/blk-throttle.c). D11: a direct reader at a fifth of the disk no longer harms.
//! - *Inert when* it writes through the page cache: writeback is charged to the cgroup that owns the inode
//!   (Documentation/admin-guide/cgroup-v2.rst, "Writeback"), and the ceiling comes late as pauses of the writer (D11: no effect, on
//!   the same ext4 and on another one); when it is below the ceiling already.
//! - *Harmful when* its pages are in the journal that the victim waits for: a commit of ext4 (`data=ordered`) waits for the
//!   held-back data, fs/jbd2/commit.c.
//! - Version 1 (`blkio.throttle`) holds reads and direct writes only; writeback is the root's.

use super::common::{
    LEFT, is_v1, not_worth, place_risks, recommended, refused, set_in_place, share, unfit,
};
use crate::advice::case::Case;
use crate::advice::demand::{per_second, scaled};
use crate::advice::expect::{self, Held};
use crate::advice::judgement::{Danger, Judgement};
use crate::change::Change;
use crate::render::units;
use crate::text::Lang;
use crate::text::advice::{self as words, Action, Risk, Why};

/// Ceilings are multiples of this: nobody wants to read 4,194,317.
const STEP: u64 = 64 << 10;

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    let who = case.culprit_name();
    let who = who.as_str();
    let of = Action::IoMaxOf { who };
    if case.demand.writes_buffered() {
        return buffered(case, &of, who);
    }
    let Some(capability) = case.demand.capability else { return Judgement::Silent };
    let (Some(dev), rate) = (case.dev(), case.demand.rate()) else { return Judgement::Silent };
    let way = match case.place.way("io", "io.max") {
        Ok(way) => way,
        Err(why) => return unfit(case, &of, "io.max", why),
    };
    let ceiling = (scaled(capability, LEFT) / STEP).max(1) * STEP;
    let rate_text = units::bytes(rate);
    if rate <= ceiling {
        return refused(case, &of, &Why::BelowCeiling { who, rate: &rate_text });
    }
    let (reads, writes) = (case.demand.reads(), case.demand.writes_direct());
    // Both at once share the fifth.
    let each = if reads && writes { (ceiling / 2 / STEP).max(1) * STEP } else { ceiling };
    let text = units::bytes(each);
    let action = Action::IoMax {
        who,
        reads: reads.then_some(&text),
        writes: writes.then_some(&text),
        disk: case.device_name(),
    };
    let capability_text = units::bytes(capability);
    let share = share(case);
    let why =
        Why::TakesDevice { who, share: &share, rate: &rate_text, capability: &capability_text };
    let effect = expect::effect(
        case,
        Held {
            load: ratio(ceiling, capability),
            ahead_bytes: case.demand.request_bytes(),
            ahead_most_ns: case.demand.shortest_ns,
            slowdown: Some(slowdown(case, reads, writes, each)),
        },
    );
    if let Some(refusal) = not_worth(case, &action, effect.as_ref()) {
        return refusal;
    }
    let mut one = recommended(case, &action, &why, effect, Danger::Low);
    one.risk = place_risks(case, &[Risk::CulpritSlower, Risk::NotConserving]);
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

/// Why not, for somebody who writes through the page cache.
fn buffered(case: &Case<'_>, action: &Action<'_>, who: &str) -> Judgement {
    if is_v1(case) {
        return refused(case, action, &Why::V1Writeback { who });
    }
    if case.sharing.journal() {
        let named = case.sharing.fstype.as_deref().zip(case.sharing.mount_point.as_deref());
        let place = named.map_or_else(
            || words::some_filesystem(Lang::En).to_owned(),
            |(fstype, mount)| words::filesystem(Lang::En, fstype, mount),
        );
        return refused(case, action, &Why::JournalShared { who, place: &place });
    }
    refused(case, action, &Why::WritebackElsewhere { who })
}

/// How many times as long it takes: as long as the slower of its directions.
fn slowdown(case: &Case<'_>, reads: bool, writes: bool, each: u64) -> f64 {
    let of = |bytes| ratio(per_second(bytes, case.demand.active_ns).unwrap_or(0), each);
    let read = if reads { of(case.demand.read_bytes) } else { 1.0 };
    let write = if writes { of(case.demand.direct_bytes) } else { 1.0 };
    read.max(write).max(1.0)
}

#[expect(clippy::cast_precision_loss, reason = "a ratio")]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}
