//! One latency distribution: what the kernel's buckets and single waits become in the engine.
//!
//! Owns: counting, merging, quantiles. Does not own: the bucket function (the wire crate's), how a
//! distribution looks in the report (`report::lat`) or on a terminal (`render`).
//!
//! Every value keeps the identity of its kernel bucket: a bucket's count is recorded at the bucket's
//! highest value, and the histogram inside resolves 16 steps per power of two where the kernel
//! resolves 8. `count`, `sum_ns`, `min_ns` and `max_ns` are kept beside it and are exact.

use std::sync::Arc;

use hdrhistogram::Histogram;
use iocontend_wire::bucket::{BUCKETS, bounds, bucket_of};

/// The largest value told apart from larger ones: 2^37 − 1 ns, about 137 s.
pub const TOP_NS: u64 = (1 << 37) - 1;

/// A latency distribution in nanoseconds. Empty ones take no heap, and a clone shares its buckets until one of the two
/// changes.
#[derive(Clone, Debug, Default)]
pub struct Dist {
    hist: Option<Arc<Histogram<u64>>>,
    count: u64,
    sum_ns: u64,
    min_ns: Option<u64>,
    max_ns: Option<u64>,
    overflow: u64,
}

impl Dist {
    /// An empty distribution.
    pub const fn new() -> Self {
        Self { hist: None, count: 0, sum_ns: 0, min_ns: None, max_ns: None, overflow: 0 }
    }

    /// Adds what the kernel counted: one count per bucket, with the exact sum and, where the kernel
    /// kept them, the exact extremes. An absent extreme is replaced by the edge of the outermost
    /// bucket that is not empty; give none that belongs to more than these values (such as one kept
    /// since attach, for the differences of an interval). A sum without counts belongs to values whose counts came
    /// before or come later: the kernel's words change one after the other.
    pub fn add_buckets<C: Copy + Into<u64>>(
        &mut self,
        counts: &[C; BUCKETS],
        sum_ns: u64,
        min_ns: Option<u64>,
        max_ns: Option<u64>,
    ) {
        let mut edges: Option<(u64, u64)> = None;
        for (index, count) in counts.iter().enumerate() {
            let count: u64 = (*count).into();
            let Some((low, high)) = bounds(index).filter(|_| count > 0) else {
                continue;
            };
            let highest = high.map_or(TOP_NS, |high| high - 1);
            self.put(highest, count, high.is_none());
            // An overflow bucket has no upper edge: its lower one is all that is known of the maximum.
            let known_max = high.map_or(low, |high| high - 1);
            edges = Some((edges.map_or(low, |(first, _)| first), known_max));
        }
        self.sum_ns = self.sum_ns.saturating_add(sum_ns);
        match (edges, min_ns, max_ns) {
            (Some((low, high)), ..) => self.widen(min_ns.unwrap_or(low), max_ns.unwrap_or(high)),
            (None, Some(min_ns), Some(max_ns)) if !self.is_empty() => self.widen(min_ns, max_ns),
            _ => {}
        }
    }

    /// Adds one exact value in nanoseconds.
    pub fn record(&mut self, ns: u64) {
        self.put(ns.min(TOP_NS), 1, ns > TOP_NS);
        self.widen(ns, ns);
        self.sum_ns = self.sum_ns.saturating_add(ns);
    }

    /// Adds everything another distribution holds.
    pub fn merge(&mut self, other: &Self) {
        for (le_ns, count) in other.raw_buckets() {
            self.put(le_ns, count, false);
        }
        self.overflow = self.overflow.saturating_add(other.overflow);
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        if let (Some(min_ns), Some(max_ns)) = (other.min_ns, other.max_ns) {
            self.widen(min_ns, max_ns);
        }
    }

    /// What came since `older`, which is what this one was before. Counts and the sum are differences, never below 0. The
    /// extremes are the edges of the outermost buckets that have something new: the exact ones may be from before.
    #[must_use]
    pub fn since(&self, older: &Self) -> Self {
        let mut new = Self::new();
        new.sum_ns = self.sum_ns.saturating_sub(older.sum_ns);
        let is_same = match (&self.hist, &older.hist) {
            (Some(now), Some(before)) => Arc::ptr_eq(now, before),
            (now, _) => now.is_none(),
        };
        if is_same {
            return new;
        }
        let mut edges: Option<(u64, u64)> = None;
        let mut before = older.raw_buckets().peekable();
        for (le_ns, count) in self.raw_buckets() {
            while before.next_if(|(old_ns, _)| *old_ns < le_ns).is_some() {}
            let old = before.next_if(|(old_ns, _)| *old_ns == le_ns).map_or(0, |(_, old)| old);
            let count = count.saturating_sub(old);
            if count == 0 {
                continue;
            }
            new.put(le_ns, count, false);
            let (low, high) = bounds(bucket_of(le_ns)).unwrap_or((le_ns, None));
            // As in `add_buckets`: an overflow bucket has no upper edge.
            let known_max = high.map_or(low, |high| high - 1);
            edges = Some((edges.map_or(low, |(first, _)| first), known_max));
        }
        new.overflow = self.overflow.saturating_sub(older.overflow);
        if let Some((low, high)) = edges {
            new.widen(low, high);
        }
        new
    }

    /// Rebuilds a distribution from what [`Dist::sparse_buckets`] gave, as a report stores it.
    /// The overflow count is not in that form and comes back as 0.
    pub fn from_sparse(
        buckets: &[(u64, u64)],
        sum_ns: u64,
        min_ns: Option<u64>,
        max_ns: Option<u64>,
    ) -> Self {
        let mut dist = Self::new();
        for &(le_ns, count) in buckets {
            dist.put(le_ns.min(TOP_NS), count, false);
        }
        if dist.count > 0 {
            let first = buckets.iter().find(|(_, count)| *count > 0).map_or(0, |(le_ns, _)| *le_ns);
            let last = buckets.iter().rev().find(|(_, count)| *count > 0);
            dist.widen(
                min_ns.unwrap_or(first),
                max_ns.unwrap_or(last.map_or(first, |(le_ns, _)| *le_ns)),
            );
            dist.sum_ns = sum_ns;
        }
        dist
    }

    /// The value in nanoseconds that a share `q` (0 to 1) of all values does not exceed: the upper
    /// edge of its bucket, never above the exact maximum nor below the exact minimum. `None` when
    /// nothing was recorded.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let (min_ns, max_ns) = (self.min_ns?, self.max_ns?);
        let edge = self.hist.as_ref()?.value_at_quantile(q.clamp(0.0, 1.0));
        Some(if edge >= TOP_NS { max_ns } else { edge.max(min_ns).min(max_ns) })
    }

    /// The mean in nanoseconds, rounded down. `None` when nothing was recorded.
    pub fn mean(&self) -> Option<u64> {
        self.sum_ns.checked_div(self.count)
    }

    /// The buckets that are not empty: (highest value of the bucket in nanoseconds, count), ascending.
    /// The last one of all stands for anything larger too; its edge is at least the exact maximum.
    pub fn sparse_buckets(&self) -> Vec<(u64, u64)> {
        let top =
            |le_ns| if le_ns >= TOP_NS { self.max_ns.unwrap_or(TOP_NS).max(le_ns) } else { le_ns };
        self.raw_buckets().map(|(le_ns, count)| (top(le_ns), count)).collect()
    }

    /// True when nothing was recorded.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many values were recorded.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The exact sum of all values in nanoseconds.
    pub const fn sum_ns(&self) -> u64 {
        self.sum_ns
    }

    /// The smallest value in nanoseconds. `None` when nothing was recorded.
    pub const fn min_ns(&self) -> Option<u64> {
        self.min_ns
    }

    /// The largest value in nanoseconds. `None` when nothing was recorded.
    pub const fn max_ns(&self) -> Option<u64> {
        self.max_ns
    }

    /// How many values were too large to be told apart (the kernel's last bucket, or above [`TOP_NS`]).
    pub const fn overflow(&self) -> u64 {
        self.overflow
    }

    fn raw_buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.hist.iter().flat_map(|hist| {
            hist.iter_recorded().map(|step| {
                (hist.highest_equivalent(step.value_iterated_to()), step.count_at_value())
            })
        })
    }

    fn put(&mut self, ns: u64, count: u64, overflowed: bool) {
        if self.hist.is_none() {
            // Constant bounds that the tests construct: `None` does not happen.
            self.hist = Histogram::new_with_bounds(1, TOP_NS, 1).ok().map(Arc::new);
        }
        if let Some(hist) = &mut self.hist {
            Arc::make_mut(hist).saturating_record_n(ns, count);
            self.count = self.count.saturating_add(count);
            if overflowed {
                self.overflow = self.overflow.saturating_add(count);
            }
        }
    }

    fn widen(&mut self, min_ns: u64, max_ns: u64) {
        self.min_ns = Some(self.min_ns.map_or(min_ns, |old| old.min(min_ns)));
        self.max_ns = Some(self.max_ns.map_or(max_ns, |old| old.max(max_ns)));
    }
}

#[cfg(test)]
#[path = "hist_tests.rs"]
mod tests;
