//! Which part of a victim's calls meets a culprit, and what p99 of all of them is then.
//!
//! A culprit that still makes `r` requests per second, each of which is in the way for a time, is met by a call when one of them
//! comes while the call lasts, or was in the way when it began. Requests that are held back come at no time that has to do
//! with the call: a part `1 − exp(−r · (in the way + call))` meets one (Poisson; note 0025 has what was measured).

use std::collections::BTreeMap;

use crate::report::{AloneVsShared, Lat};

/// Calls that may be longer than a 99th percentile.
const LONGER: f64 = 0.01;
/// Shares and times, ns, that differ by less are the same, whatever sums of floats say.
const SAME_SHARE: f64 = 1e-9;
const SAME_NS: f64 = 0.5;

/// The part of the calls, 0 to 1, that meets a request; both times in one, ns.
pub(super) fn share(requests_per_s: f64, ns: f64) -> f64 {
    1.0 - (-requests_per_s * ns / 1e9).exp()
}

/// How long calls take that meet nobody.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tail {
    /// Times and how many calls took that long, the longest last.
    calls: Vec<(f64, f64)>,
    count: f64,
    /// The part of the calls that counts for nothing: longer than a 99th percentile of theirs that was found in another way.
    unusual: f64,
}

impl Tail {
    /// Of waits that are taken to be so many times as long, and to have this 99th percentile.
    #[expect(clippy::cast_precision_loss, reason = "counts and times as estimates")]
    pub(super) fn of(waits: &Lat, longer: f64, p99_ns: f64) -> Self {
        let max = waits.max_ns.map_or(f64::INFINITY, |max| max as f64);
        let ns = |edge: u64| (edge as f64).min(max) * longer;
        let calls = waits.buckets.iter().map(|(edge, count)| (ns(*edge), *count as f64)).collect();
        let mut tail = Self { calls, count: waits.count as f64, unusual: 0.0 };
        tail.unusual = (tail.longer_than(p99_ns) - LONGER).max(0.0);
        tail
    }

    /// The 99th percentile, ns, where a part of the calls takes longer by so much.
    pub(super) fn p99_ns(&self, part: f64, by_ns: f64) -> f64 {
        let part = part.clamp(0.0, 1.0);
        let is_reached = |ns: f64| {
            let longer = part * self.longer_than(ns - by_ns) + (1.0 - part) * self.longer_than(ns);
            longer <= LONGER + SAME_SHARE
        };
        let each = self.calls.iter().flat_map(|(ns, _)| [*ns, ns + by_ns]);
        each.filter(|ns| is_reached(*ns)).fold(f64::INFINITY, f64::min)
    }

    /// The part of the calls that took longer.
    fn longer_than(&self, ns: f64) -> f64 {
        let calls = self.calls.iter().filter(|(at, _)| *at > ns + SAME_NS);
        let longer: f64 = calls.map(|(_, count)| count).sum();
        (longer / self.count.max(1.0) - self.unusual).max(0.0)
    }
}

/// The 99th percentile of the calls while somebody was at work: of all that were not apart from him. `None` of fewer than so many.
pub(super) fn at_work_p99_ns(one: &AloneVsShared, enough: u64) -> Option<u64> {
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    // Where nothing is known to be apart, all that met nothing may have been before or after.
    let alone = one.alone.as_ref().filter(|_| one.baseline.is_some());
    for (edge, count) in one.shared.iter().chain(alone).flat_map(|lat| &lat.buckets) {
        let sum = counts.entry(*edge).or_default();
        *sum = sum.saturating_add(*count);
    }
    for (edge, count) in one.baseline.iter().flat_map(|lat| &lat.buckets) {
        counts.entry(*edge).and_modify(|sum| *sum = sum.saturating_sub(*count));
    }
    let all = counts.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
    if all < enough {
        return None;
    }
    let rank = all - all / 100;
    let mut seen = 0_u64;
    let at = counts.into_iter().find(|(_, count)| {
        seen = seen.saturating_add(*count);
        seen >= rank
    });
    let longest =
        [&one.alone, &one.shared].into_iter().flatten().filter_map(|lat| lat.max_ns).max();
    at.map(|(edge, _)| edge.min(longest.unwrap_or(edge)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hist::Dist;

    #[expect(clippy::cast_precision_loss, reason = "below 2^34")]
    fn p99_of(waits: &Lat) -> f64 {
        waits.p99_ns.unwrap() as f64
    }

    fn lat(all: impl IntoIterator<Item = u64>) -> Lat {
        let mut dist = Dist::new();
        all.into_iter().for_each(|ns| dist.record(ns));
        Lat::from(&dist)
    }

    proptest! {
        // Property: when all calls take longer, p99 does by as much; when none does, it is what it was; in between it is in between.
        #[test]
        fn a_part_is_between_none_and_all(
            calls in prop::collection::vec(1_000_u64..1 << 34, 100..500),
            by in 1.0e3..1.0e9,
            part in 0.0..1.0,
        ) {
            let waits = lat(calls);
            let p99 = p99_of(&waits);
            let tail = Tail::of(&waits, 1.0, p99);
            let near = |one: f64, other: f64| (one - other).abs() <= 1.0;
            prop_assert!(near(tail.p99_ns(0.0, by), p99));
            prop_assert!(near(tail.p99_ns(1.0, by), p99 + by));
            let between = tail.p99_ns(part, by);
            prop_assert!(between >= p99 - 1.0 && between <= p99 + by + 1.0);
        }
    }

    // Property: a twentieth of the calls that takes long is beyond p99 of all only as far as its own fifth goes; and waits beyond the usual
    // 99th percentile count for nothing.
    #[test]
    fn few_that_meet_somebody_are_few() {
        let calm = lat((1..=1_000).map(|at| 1_000_000 + at));
        let tail = Tail::of(&calm, 1.0, 1_001_000.0);
        assert!(tail.p99_ns(0.005, 50e6) < 2e6);
        assert!(tail.p99_ns(0.05, 50e6) > 50e6);
        let stalled =
            lat((1..=1_000).map(|at| if at > 950 { 500_000_000 } else { 1_000_000 + at }));
        assert!(Tail::of(&stalled, 1.0, 500e6).p99_ns(1.0, 5e6) > 500e6);
        assert!(Tail::of(&stalled, 1.0, 1.1e6).p99_ns(1.0, 5e6) < 7e6);
    }

    // Property: calls apart from somebody are no calls beside him, and the others are.
    #[test]
    fn calls_at_work_are_those_not_apart() {
        let mut one = AloneVsShared {
            victim: "1@1".into(),
            call: crate::ids::Call::Fsync,
            culprit: "2@1".into(),
            alone: Some(lat([1_000_000; 500].into_iter().chain([9_000_000; 200]))),
            shared: Some(lat([20_000_000; 2])),
            baseline: Some(lat([1_000_000; 500])),
            baseline_p99_ns: None,
        };
        let p99 = at_work_p99_ns(&one, 100).unwrap();
        assert!((8_500_000..=10_000_000).contains(&p99), "{p99}");
        assert_eq!(at_work_p99_ns(&one, 300), None);
        one.baseline = None;
        assert_eq!(at_work_p99_ns(&one, 100), None);
    }
}
