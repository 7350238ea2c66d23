//! Which waits are far above what is usual.
//!
//! Baseline is the median of all waits in the same call so far: peaks, as long as they are fewer than half of all, do not
//! move it, where a mean or a high quantile would follow them. Latencies of a disk that is well spread over two powers of
//! two and more around their median; eight medians are beyond the 99.9th percentile of such (log-normal with p99 four
//! times the median). A line of 10 ms stands below that: etcd's own documents want the 99th percentile of its syncs under it,
//! so what is shorter is nobody's complaint.

use iocontend_wire::bucket::{BUCKETS, bounds, bucket_of};

/// So many medians are far above the usual.
const FAR: u64 = 8;
/// Shorter waits are never, nanoseconds.
const FLOOR_NS: u64 = 10_000_000;
/// Before so many waits nothing is usual.
const ENOUGH: u64 = 100;
/// The median is worked out anew after so many waits.
const RENEW: u64 = 64;

/// What is usual for waits in one call.
#[derive(Clone, Debug)]
pub struct Baseline {
    counts: Box<[u64; BUCKETS]>,
    all: u64,
    /// Waits as long as this are far above the usual; `None` before that is known.
    threshold_ns: Option<u64>,
}

impl Default for Baseline {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), all: 0, threshold_ns: None }
    }
}

impl Baseline {
    /// Another wait; gives whether it is far above the usual.
    pub fn is_outlier(&mut self, wait_ns: u64) -> bool {
        let is_outlier = self.threshold_ns.is_some_and(|line| wait_ns >= line);
        if let Some(count) = self.counts.get_mut(bucket_of(wait_ns)) {
            *count += 1;
        }
        self.all += 1;
        if self.all >= ENOUGH && (self.threshold_ns.is_none() || self.all.is_multiple_of(RENEW)) {
            self.threshold_ns = Some(self.median().saturating_mul(FAR).max(FLOOR_NS));
        }
        is_outlier
    }

    /// Upper edge of the bucket that holds the median.
    fn median(&self) -> u64 {
        let mut seen = 0;
        let at = self.counts.iter().position(|count| {
            seen += count;
            seen * 2 >= self.all
        });
        let (low, high) = at.and_then(bounds).unwrap_or((0, None));
        high.unwrap_or(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Property: a minority of long waits, however long, does not become usual; nothing is told before there is a usual.
    #[test]
    fn peaks_do_not_become_usual() {
        let mut baseline = Baseline::default();
        assert!(!baseline.is_outlier(500 * MS));
        let far = (0..10_000)
            .filter(|n| baseline.is_outlier(if n % 5 < 3 { 2 * MS } else { 40 * MS }))
            .count();
        assert!((3_900..4_000).contains(&far), "{far}");
    }

    /// Property: a slow disk has its own usual, and on a fast one short waits are not far.
    #[test]
    fn a_slow_disk_has_its_own_usual_and_short_waits_are_never_far() {
        let (mut slow, mut fast) = (Baseline::default(), Baseline::default());
        for _ in 0..1_000 {
            slow.is_outlier(20 * MS);
            fast.is_outlier(50_000);
        }
        assert!(!slow.is_outlier(100 * MS) && slow.is_outlier(200 * MS));
        assert!(!fast.is_outlier(9 * MS) && fast.is_outlier(10 * MS));
    }
}
