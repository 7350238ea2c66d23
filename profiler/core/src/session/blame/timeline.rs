//! What a disk served lately: requests in the order of their ends, so that those in service in some span of time are found
//! without looking at all.
//!
//! Records arrive CPU by CPU, each CPU's in order. They are put in order when somebody asks.

use crate::ids::Op;
use crate::session::actors::Owned;

/// How long a request is kept after the newest one, ns; see [`super::super::recent`].
const KEPT_NS: u64 = 120_000_000_000;
/// Most requests that are kept per disk: at 100,000 a second those of 0.4 s, 2.5 MiB. The oldest go first, and what of a wait was
/// before is charged like the rest of it.
const KEPT: usize = 40 << 10;
/// So many may come before they are put in order, at the latest; and so many that are dropped may still take room.
const LOOSE: usize = 1 << 13;

/// A finished request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Request {
    /// When it was queued, CLOCK_MONOTONIC ns.
    pub(super) queued: u64,
    /// When it went to the device; `queued` where that is not known.
    pub(super) issued: u64,
    pub(super) complete: u64,
    pub(super) who: Owned,
    /// Number of the file; 0 when it was not looked at.
    pub(super) file: u32,
    pub(super) bytes: u32,
    /// What it asks of the device, in [`super::cost::cost_ns`]'s ns.
    pub(super) cost: f32,
    pub(super) op: Op,
    /// Part of a journal.
    pub(super) journal: bool,
    /// The earliest `issued` of this one and all that end later.
    earliest: u64,
}

// What `KEPT` says of memory.
const _: () = assert!(size_of::<Request>() <= 64);

impl Request {
    pub(super) const fn new(
        (queued, issued, complete): (u64, u64, u64),
        who: Owned,
        file: u32,
        bytes: u32,
        op: Op,
        journal: bool,
        cost: f32,
    ) -> Self {
        Self { queued, issued, complete, who, file, bytes, cost, op, journal, earliest: issued }
    }

    /// What it asks of the device in a span of time: its cost, spread evenly over its time there.
    pub(super) fn cost_within(&self, from: u64, to: u64) -> f64 {
        let overlap = self.complete.min(to).saturating_sub(self.issued.max(from));
        let whole = self.complete.saturating_sub(self.issued);
        if whole == 0 { 0.0 } else { f64::from(self.cost) * float(overlap) / float(whole) }
    }
}

/// Exact up to 2^53 ns, 104 days.
#[expect(clippy::cast_precision_loss, reason = "spans of time, far below 2^53 ns")]
pub(super) const fn float(ns: u64) -> f64 {
    ns as f64
}

/// The requests of one disk.
#[derive(Default)]
pub(super) struct Timeline {
    /// Those before `from` are dropped, and taken out now and then.
    kept: Vec<Request>,
    from: usize,
    /// So many, from the begin of `kept`, are in order.
    sorted: usize,
    /// So many, from the begin of `kept`, were looked at by [`Timeline::look_at`].
    looked_at: usize,
    newest: u64,
    /// What ended up to here is not kept any more.
    dropped: u64,
}

impl Timeline {
    pub(super) fn push(&mut self, request: Request) {
        self.newest = self.newest.max(request.complete);
        self.kept.push(request);
    }

    /// Whether so many came that they have to be put in order, and old ones dropped.
    pub(super) const fn is_loose(&self) -> bool {
        self.kept.len() - self.sorted > LOOSE
    }

    /// Before this time not everything is known, ns; 0 when nothing was dropped.
    pub(super) const fn known_since(&self) -> u64 {
        self.dropped
    }

    /// Puts in order what came since the last time.
    pub(super) fn sort(&mut self) {
        let Some(earliest_end) = self.kept[self.sorted..].iter().map(|one| one.complete).min()
        else {
            return;
        };
        let begin = self.from
            + self.kept[self.from..self.sorted].partition_point(|one| one.complete <= earliest_end);
        // Runs that are in order already are merged, not sorted again.
        self.kept[begin..].sort_by_key(|one| one.complete);
        let mut earliest = u64::MAX;
        for (at, one) in self.kept.iter_mut().enumerate().skip(self.from).rev() {
            earliest = earliest.min(one.issued);
            // What came before and stays where it was has this value already, and so do all before it.
            if at < begin && one.earliest == earliest {
                break;
            }
            one.earliest = earliest;
        }
        self.sorted = self.kept.len();
        self.looked_at = self.looked_at.min(begin).max(self.from);
    }

    /// Drops what is old, or more than is kept.
    pub(super) fn drop_old(&mut self) {
        let kept = &self.kept[self.from..];
        let oldest = self.newest.saturating_sub(KEPT_NS);
        let old = kept.partition_point(|one| one.complete < oldest);
        let old = old.max(kept.len().saturating_sub(KEPT));
        if let Some(last) = old.checked_sub(1).and_then(|at| kept.get(at)) {
            self.dropped = self.dropped.max(last.complete);
            self.from += old;
        }
        if self.from > LOOSE || self.from > self.kept.len() / 2 {
            self.kept.drain(..self.from);
            self.sorted -= self.from;
            self.looked_at = self.looked_at.saturating_sub(self.from);
            self.from = 0;
        }
    }

    /// Requests that were in the device at some time of this span, by their ends. Only what is in order is found.
    pub(super) fn in_service(&self, from: u64, to: u64) -> impl Iterator<Item = &Request> {
        let known = &self.kept[self.from..self.sorted];
        let first = known.partition_point(|one| one.complete <= from);
        let in_reach = known[first..].iter().take_while(move |one| one.earliest < to);
        in_reach.filter(move |one| one.issued < to)
    }

    /// Requests that ended after `from` and not after `to`.
    pub(super) fn ended(&self, from: u64, to: u64) -> impl Iterator<Item = &Request> {
        let known = &self.kept[self.from..self.sorted];
        let first = known.partition_point(|one| one.complete <= from);
        known[first..].iter().take_while(move |one| one.complete <= to)
    }

    /// Calls `learn` for each request that ended up to `until` and was not looked at before, and says whether it had the
    /// device for itself from queued to completed. Where one is told so late that later ones were looked at, these are
    /// looked at again.
    pub(super) fn look_at(&mut self, until: u64, mut learn: impl FnMut(&Request, bool)) {
        let known = &self.kept[..self.sorted];
        let mut at = self.looked_at.max(self.from);
        while let Some(one) = known.get(at).filter(|one| one.complete <= until) {
            let before = at.checked_sub(1).and_then(|before| known.get(before));
            let free_before = before.is_none_or(|before| before.complete <= one.queued);
            let free_after = known.get(at + 1).is_none_or(|after| after.earliest >= one.complete);
            learn(one, free_before && free_after);
            at += 1;
        }
        self.looked_at = at;
    }

    /// Requests of these owners are others' from now on.
    pub(super) fn rename(&mut self, new: impl Fn(Owned) -> Owned) {
        for one in &mut self.kept {
            one.who = new(one.who);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(issued: u64, complete: u64) -> Request {
        let who = Owned::Unattributed(0);
        Request::new((issued, issued, complete), who, 0, 4096, Op::Read, false, 1.0)
    }

    proptest! {
        // Property: whatever the order of arrival, and however often one asks meanwhile, those in service are exactly those
        // that overlap.
        #[test]
        fn in_service_is_what_overlaps(
            spans in prop::collection::vec((0..1000_u64, 1..200_u64, any::<bool>()), 1..60),
            (from, length) in (0..1200_u64, 1..300_u64),
        ) {
            let to = from + length;
            let mut timeline = Timeline::default();
            for (begin, length, ask) in &spans {
                timeline.push(request(*begin, begin + length));
                if *ask {
                    timeline.sort();
                }
            }
            timeline.sort();
            let found: Vec<_> =
                timeline.in_service(from, to).map(|one| (one.complete, one.issued)).collect();
            let mut expected: Vec<_> = spans
                .iter()
                .map(|(begin, length, _)| (begin + length, *begin))
                .filter(|(end, begin)| *end > from && *begin < to)
                .collect();
            let ends: Vec<_> = found.iter().map(|(end, _)| *end).collect();
            prop_assert!(ends.is_sorted());
            let mut found = found;
            found.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }

        // Property: a request had the device for itself exactly when no other one touches its time, and each is told once.
        #[test]
        fn alone_is_what_nothing_touches(
            spans in prop::collection::vec((0..3000_u64, 1..60_u64), 1..40),
        ) {
            let mut timeline = Timeline::default();
            for (begin, length) in &spans {
                timeline.push(request(*begin, begin + length));
            }
            timeline.sort();
            let mut found = Vec::new();
            timeline.look_at(u64::MAX, |one, alone| found.push((one.issued, one.complete, alone)));
            let mut expected: Vec<_> = spans.iter().enumerate().map(|(at, (begin, length))| {
                let end = begin + length;
                let mut others = spans.iter().enumerate().filter(|(other, _)| *other != at);
                let touched = others.any(|(_, (b, l))| b + l > *begin && *b < end);
                (*begin, end, !touched)
            }).collect();
            found.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
            let mut again = 0;
            timeline.look_at(u64::MAX, |_, _| again += 1);
            prop_assert_eq!(again, 0);
        }
    }

    // Property: what is too old goes, is said to be unknown, and the rest is found as before.
    #[test]
    fn old_requests_go() {
        let mut timeline = Timeline::default();
        for at in 0..KEPT as u64 + 100 {
            timeline.push(request(at * 10, at * 10 + 5));
        }
        timeline.sort();
        timeline.drop_old();
        assert_eq!(timeline.known_since(), 99 * 10 + 5);
        assert_eq!(timeline.in_service(0, 1000).count(), 0);
        assert_eq!(timeline.in_service(1000, 1010).count(), 1);
        timeline.push(request(KEPT_NS * 2, KEPT_NS * 2 + 1));
        timeline.sort();
        timeline.drop_old();
        assert_eq!(timeline.in_service(0, u64::MAX).count(), 1);
    }
}
