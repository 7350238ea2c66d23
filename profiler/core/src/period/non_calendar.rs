//! Periods that no clock has: a job that waits an hour after its end, a timer that counts from the boot.

use super::significance::Trials;
use super::{FREE_SPREAD, Fit, Grid, MAX_SPREAD_S, MIN_SPREAD_S, Watched, count, judge};

/// The shortest period, seconds: shorter ones are no schedule.
const SHORTEST_S: f64 = 60.0;
/// A run and one of the next begins give a grid to try: with more, decoys may lie between.
const REACH: usize = 4;
/// So many begins are tried as the first of such a pair, spread over all.
const ANCHORS: usize = 48;
/// Begins that a grid must fit before its spread is looked at.
const ENOUGH: usize = 4;

/// The periods that fit, one for each pair of begins that looks like two runs in a row.
pub(super) fn fits(times: &[f64], watched: &[Watched]) -> Vec<Fit> {
    let step = times.len().div_ceil(ANCHORS).max(1);
    let mut fits = Vec::new();
    for anchor in (0..times.len()).step_by(step) {
        for next in times.iter().skip(anchor + 1).take(REACH) {
            let period = next - times[anchor];
            if period < SHORTEST_S || period.is_infinite() {
                continue;
            }
            let Some(grid) = grown(times, anchor, period) else { continue };
            // A period that is a whole number of seconds within what can be told is one.
            let snapped = snapped(times, &grid);
            #[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
            let tried = (times.len() * REACH * rungs(&grid)) as f64;
            // The grid was fitted: laid through two of its runs it would be off by more.
            let trials = Trials { tried, given: 2, slack: 2.0 };
            fits.extend(judge(times, watched, &snapped, &trials));
        }
    }
    fits
}

/// How many spreads, halved each time, there are to choose from.
fn rungs(grid: &Grid) -> usize {
    let mut spread = widest(grid.period);
    let mut rungs = 1;
    while spread / 2.0 >= MIN_SPREAD_S {
        spread /= 2.0;
        rungs += 1;
    }
    rungs
}

fn widest(period: f64) -> f64 {
    (period * FREE_SPREAD).min(MAX_SPREAD_S)
}

/// Grows a grid from a pair of begins outwards, fitting period and origin anew with each begin that lies on it.
fn grown(times: &[f64], anchor: usize, period: f64) -> Option<Grid> {
    let origin = times[anchor];
    let widest = widest(period);
    let mut line = Line::through(period);
    let (mut after, mut before) = (anchor + 1, anchor);
    loop {
        // The nearer one first: what is far away needs a period that is known well.
        let right = times.get(after).map(|at| at - origin);
        let left = before.checked_sub(1).map(|index| times[index] - origin);
        let at = match (left, right) {
            (Some(left), Some(right)) if -left < right => left,
            (Some(left), None) => left,
            (_, Some(right)) => right,
            (None, None) => break,
        };
        if right == Some(at) {
            after += 1;
        } else {
            before -= 1;
        }
        if line.period < SHORTEST_S {
            return None;
        }
        let k = ((at - line.offset) / line.period).round();
        if k != 0.0 && (at - line.offset - k * line.period).abs() <= widest {
            line.add(k, at);
        }
    }
    if line.points < ENOUGH || line.period < SHORTEST_S || (line.period / period - 1.0).abs() > 0.5
    {
        return None;
    }
    let grid = Grid { origin: origin + line.offset, period: line.period, spread: widest };
    let mut off: Vec<f64> = times
        .iter()
        .filter_map(|at| {
            grid.cycle(*at).map(|_| {
                let since = at - grid.origin;
                (since - (since / grid.period).round() * grid.period).abs()
            })
        })
        .collect();
    off.sort_by(f64::total_cmp);
    let most = *off.last()?;
    // The rung that holds all of them.
    let mut spread = widest;
    while spread / 2.0 >= most && spread / 2.0 >= MIN_SPREAD_S {
        spread /= 2.0;
    }
    Some(Grid { spread, ..grid })
}

/// The same grid with a period of whole minutes, or else whole seconds, when over all begins that makes no difference.
fn snapped(times: &[f64], grid: &Grid) -> Grid {
    let extent = times.last().zip(times.first()).map_or(0.0, |(last, first)| last - first);
    let cycles = (extent / grid.period).ceil().max(1.0);
    for unit in [60.0, 1.0] {
        let period = (grid.period / unit).round() * unit;
        if period > 0.0 && (period - grid.period).abs() * cycles <= grid.spread / 2.0 {
            let hits = |grid: &Grid| times.iter().filter(|at| grid.cycle(**at).is_some()).count();
            let new = Grid { period, ..*grid };
            if hits(&new) >= hits(grid) {
                return new;
            }
        }
    }
    *grid
}

/// Least squares of begins over their cycles, one begin at a time.
struct Line {
    period: f64,
    offset: f64,
    points: usize,
    sums: [f64; 4],
}

impl Line {
    /// Through the anchor (cycle 0 at 0).
    fn through(period: f64) -> Self {
        Self { period, offset: 0.0, points: 1, sums: [0.0; 4] }
    }

    fn add(&mut self, k: f64, at: f64) {
        self.points += 1;
        let [sum_k, sum_t, sum_kk, sum_kt] = &mut self.sums;
        *sum_k += k;
        *sum_t += at;
        *sum_kk += k * k;
        *sum_kt += k * at;
        let n = f64::from(count(self.points));
        let spread = n * *sum_kk - *sum_k * *sum_k;
        if spread > 0.0 {
            self.period = (n * *sum_kt - *sum_k * *sum_t) / spread;
            self.offset = (*sum_t - self.period * *sum_k) / n;
        }
    }
}
