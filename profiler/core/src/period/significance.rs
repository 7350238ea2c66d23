//! How probable it is that begins at random times look as regular as these do.
//!
//! The random process it is held against puts every begin anywhere in its cycle, independent of the others. How many
//! begins a cycle has is taken as it was seen: so a crowd of begins in one cycle (a burst) proves nothing, and cycles
//! without a begin neither.

use std::collections::BTreeMap;

use super::{Grid, whole};

/// What a grid was chosen from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trials {
    /// Grids that were looked at.
    pub(super) tried: f64,
    /// Runs that are on the grid because it was laid through them.
    pub(super) given: usize,
    /// By how much the grid may have been shifted to take in more runs, in spreads to both sides.
    pub(super) slack: f64,
}

impl Trials {
    /// A bound on the probability that any of the grids has so many cycles with a run.
    ///
    /// Each cycle with begins has one on the grid with its own probability; the sum of such is at least `hits` with a
    /// probability of at most exp(−n·D(hits/n ‖ mean probability)) (Hoeffding 1963, theorem 1), D being the relative
    /// entropy. Over all grids the probabilities add up (Bonferroni).
    pub(super) fn of(&self, times: &[f64], grid: &Grid, hits: usize) -> f64 {
        let share = (2.0 * grid.spread * self.slack / grid.period).min(1.0);
        let mut begins: BTreeMap<i64, i32> = BTreeMap::new();
        for at in times {
            let k = whole(((at - grid.origin) / grid.period).round());
            *begins.entry(k).or_default() += 1;
        }
        let Some(cycles) = begins.len().checked_sub(self.given).filter(|cycles| *cycles > 0) else {
            return 1.0;
        };
        let sum: f64 = begins.values().map(|n| 1.0 - (1.0 - share).powi(*n)).sum();
        let mean = sum / number(begins.len());
        let seen = number(hits.saturating_sub(self.given)) / number(cycles);
        let bound = (-number(cycles) * entropy(seen.min(1.0), mean)).exp();
        (bound * self.tried).min(1.0)
    }
}

/// Relative entropy of two coins; 0 where the first is not above the second.
fn entropy(seen: f64, expected: f64) -> f64 {
    if seen <= expected || expected <= 0.0 {
        return 0.0;
    }
    let part = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    part(seen, expected) + part(1.0 - seen, 1.0 - expected)
}

#[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
fn number(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Property: runs that are all on the grid have the probability of that many hits, one of them given, times the
    /// number of grids.
    #[test]
    fn all_hits_multiply() {
        let grid = Grid { origin: 0.0, period: 100.0, spread: 1.0 };
        let times = [0.0, 100.0, 200.0, 300.0];
        let trials = Trials { tried: 10.0, given: 1, slack: 1.0 };
        let significance = trials.of(&times, &grid, 4);
        assert!((significance / (10.0 * 0.02_f64.powi(3)) - 1.0).abs() < 1e-9, "{significance}");
    }

    /// Property: no more hits than expected prove nothing, and a crowd in every cycle expects hits.
    #[test]
    fn what_is_expected_proves_nothing() {
        let grid = Grid { origin: 0.0, period: 100.0, spread: 5.0 };
        let trials = Trials { tried: 1.0, given: 1, slack: 1.0 };
        let crowd: Vec<f64> = (0..400).map(|i| f64::from(i) * 2.5 - 49.0).collect();
        assert!(trials.of(&crowd, &grid, 10) > 0.5);
        assert!((trials.of(&[0.0], &grid, 1) - 1.0).abs() < 1e-12);
    }
}
