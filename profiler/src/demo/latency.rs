//! Latency figures of a workload, measured by the workload itself. Owns the histogram and its
//! summary; mean and maximum are exact, percentiles are within 0.1 %.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::nanos;

/// Longest latency told apart; anything above counts there for percentiles, never for mean or maximum.
const HIGHEST_NS: u64 = 600_000_000_000;

/// Count, mean, percentiles and maximum of at least one measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencySummary {
    /// Measurements taken.
    pub count: u64,
    /// Exact mean.
    pub mean_ns: u64,
    /// Half of the measurements were not above this.
    pub p50_ns: u64,
    /// 99 % of the measurements were not above this.
    pub p99_ns: u64,
    /// Exact maximum.
    pub max_ns: u64,
}

/// Collects latencies.
#[derive(Debug)]
pub(super) struct LatencyRecorder {
    histogram: Histogram<u64>,
    sum_ns: u128,
    max_ns: u64,
}

impl LatencyRecorder {
    /// An empty recorder.
    pub(super) fn new() -> anyhow::Result<Self> {
        let histogram = Histogram::new_with_bounds(1, HIGHEST_NS, 3)?;
        Ok(Self { histogram, sum_ns: 0, max_ns: 0 })
    }

    /// Adds one measurement.
    pub(super) fn record(&mut self, latency: Duration) {
        let ns = nanos(latency);
        self.histogram.saturating_record(ns.max(1));
        self.sum_ns += u128::from(ns);
        self.max_ns = self.max_ns.max(ns);
    }

    /// The figures, or `None` when nothing was measured: absent is not zero.
    pub(super) fn summary(&self) -> Option<LatencySummary> {
        let count = self.histogram.len();
        let mean = self.sum_ns.checked_div(u128::from(count))?;
        // A histogram answers with its bucket's upper end, which may lie above the real maximum.
        let quantile = |q| self.histogram.value_at_quantile(q).min(self.max_ns);
        Some(LatencySummary {
            count,
            mean_ns: u64::try_from(mean).unwrap_or(u64::MAX),
            p50_ns: quantile(0.5),
            p99_ns: quantile(0.99),
            max_ns: self.max_ns,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing measured is no summary.
    #[test]
    fn empty_is_absent() {
        assert_eq!(LatencyRecorder::new().unwrap().summary(), None);
    }

    /// Mean and maximum are exact, percentiles within the histogram's 0.1 %.
    #[test]
    fn figures_of_a_known_series() {
        let mut recorder = LatencyRecorder::new().unwrap();
        for us in 1..=1000 {
            recorder.record(Duration::from_micros(us));
        }
        let summary = recorder.summary().unwrap();
        assert_eq!((summary.count, summary.mean_ns, summary.max_ns), (1000, 500_500, 1_000_000));
        assert!(summary.p50_ns.abs_diff(500_000) <= 500);
        assert!(summary.p99_ns.abs_diff(990_000) <= 990);
    }

    /// A latency beyond the histogram's range still counts and keeps its exact size.
    #[test]
    fn beyond_the_range_is_kept() {
        let mut recorder = LatencyRecorder::new().unwrap();
        recorder.record(Duration::from_secs(3600));
        let summary = recorder.summary().unwrap();
        assert_eq!((summary.count, summary.max_ns), (1, 3_600_000_000_000));
    }
}
