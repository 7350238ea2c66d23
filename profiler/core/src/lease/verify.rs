//! Whether a change helped: the victim's waits before and after, with intervals.
//!
//! Owns the statistics and the judgement. Seconds come from `window`, the document is `verified`'s. Decision note 0020 says why
//! it is done like this.

use fastrand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hist::Dist;

/// What the victim did in about one second.
#[derive(Clone, Debug, Default)]
pub struct Second {
    /// Its waits.
    pub waits: Dist,
    /// Bytes that the culprit, or everybody else, moved meanwhile.
    pub others_bytes: u64,
    /// How long it was, ns.
    pub duration_ns: u64,
}

/// A value with the interval that holds it in 95 of 100 repetitions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The value.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// One measure, before and after.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// Before, ns.
    pub before: Interval,
    /// After, ns.
    pub after: Interval,
    /// After / before.
    pub ratio: Interval,
    /// Before − after, ns.
    pub gain: Interval,
}

/// Both windows beside each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Mean wait.
    pub mean: Compared,
    /// 99th percentile.
    pub p99: Compared,
    /// Calls per second, before and after.
    pub rate: (f64, f64),
}

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Waits are shorter, by more than chance and by enough to matter.
    Helped,
    /// They are not, or longer.
    NotHelped,
    /// It cannot be told.
    Undecided(Doubt),
}

/// Why it cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// Too few calls in one of the windows.
    TooFewCalls,
    /// The victim asked for less afterwards: shorter waits may come from that.
    LoadFell,
    /// The others stopped: shorter waits come from that.
    OthersStopped,
    /// A part of the window before the change was no worse than the one with it: waits were getting shorter anyway.
    Unsteady,
    /// The intervals allow both.
    WideIntervals,
}

/// Calls that a window must have: a 99th percentile of fewer is one or two single waits.
pub const MIN_CALLS: u64 = 200;
/// Less gain than this is none to etcd, whose own line is 10 ms for the 99th percentile.
const FLOOR_P99_NS: f64 = 1e6;
/// The same for the mean.
const FLOOR_MEAN_NS: f64 = 0.25e6;
/// A gain of less than this share is not worth a limit.
const SMALL_SHARE: f64 = 0.1;
/// The victim's load has fallen when less than this share of it is left.
const LOAD_LEFT: f64 = 0.8;
/// The others have stopped when less than this share of their bytes is left: a limit leaves more.
const OTHERS_LEFT: f64 = 0.001;
/// Seconds that are drawn together: waits of neighbouring seconds depend on each other (commits of a journal, write-back).
const BLOCK: usize = 5;
/// Repetitions.
const DRAWS: usize = 1000;
/// The same windows give the same answer.
const SEED: u64 = 0x10c0_47e4;

/// Compares two windows. `None` when one of them holds no sync.
pub fn compare(before: &[Second], after: &[Second]) -> Option<Comparison> {
    let before = Counts::of(before);
    let after = Counts::of(after);
    let (first, second) = (before.whole()?, after.whole()?);
    let mut random = Rng::with_seed(SEED);
    let draws: Vec<(Measures, Measures)> = (0..DRAWS)
        .filter_map(|_| Some((before.drawn(&mut random)?, after.drawn(&mut random)?)))
        .collect();
    let compared = |of: fn(&Measures) -> f64| {
        let over = |map: &dyn Fn(f64, f64) -> f64| {
            let drawn = draws.iter().map(|(b, a)| map(of(b), of(a))).collect();
            interval(map(of(&first), of(&second)), drawn)
        };
        Compared {
            before: over(&|before, _| before),
            after: over(&|_, after| after),
            ratio: over(&|before, after| after / before),
            gain: over(&|before, after| before - after),
        }
    };
    Some(Comparison {
        mean: compared(|measures| measures.mean),
        p99: compared(|measures| measures.p99),
        rate: (before.rate(), after.rate()),
    })
}

/// Whether it helped. A comparison must be of the same seconds.
pub fn judge(comparison: Option<&Comparison>, before: &[Second], after: &[Second]) -> Outcome {
    let calls = |window: &[Second]| window.iter().map(|one| one.waits.count()).sum::<u64>();
    let Some(comparison) = comparison.filter(|_| calls(before).min(calls(after)) >= MIN_CALLS)
    else {
        return Outcome::Undecided(Doubt::TooFewCalls);
    };
    let verdicts =
        [verdict(&comparison.p99, FLOOR_P99_NS), verdict(&comparison.mean, FLOOR_MEAN_NS)];
    if verdicts.contains(&Verdict::Worse) {
        return Outcome::NotHelped;
    }
    if verdicts.contains(&Verdict::Better) {
        let doubt = load_changed(comparison, before, after)
            .or_else(|| unsteady(comparison, verdicts, before));
        return doubt.map_or(Outcome::Helped, Outcome::Undecided);
    }
    if verdicts.iter().all(|verdict| *verdict == Verdict::Same) {
        return Outcome::NotHelped;
    }
    Outcome::Undecided(Doubt::WideIntervals)
}

/// Why waits may be shorter without the change.
fn load_changed(comparison: &Comparison, before: &[Second], after: &[Second]) -> Option<Doubt> {
    let others = |window: &[Second]| {
        let bytes: u64 = window.iter().map(|one| one.others_bytes).sum();
        per_second(bytes, length(window))
    };
    let (then, now) = comparison.rate;
    if now < then * LOAD_LEFT {
        Some(Doubt::LoadFell)
    } else if others(before) > 0.0 && others(after) <= others(before) * OTHERS_LEFT {
        Some(Doubt::OthersStopped)
    } else {
        None
    }
}

/// What drew itself out of a bad time, such as a cache that became warm or a backup that ended, is better than before in the
/// end, whatever was changed. So each half of the window before must be worse by enough.
fn unsteady(comparison: &Comparison, verdicts: [Verdict; 2], before: &[Second]) -> Option<Doubt> {
    let (first, second) = before.split_at(before.len() / 2);
    let halves = [first, second].map(|half| Counts::of(half).whole());
    let holds = |verdict: Verdict, after: f64, floor: f64, of: fn(&Measures) -> f64| {
        let is_worse = |half: &Option<Measures>| {
            half.as_ref().is_some_and(|half| is_gain(of(half), after, floor))
        };
        verdict == Verdict::Better && halves.iter().all(is_worse)
    };
    let [p99, mean] = verdicts;
    let steady = holds(p99, comparison.p99.after.value, FLOOR_P99_NS, |of| of.p99)
        || holds(mean, comparison.mean.after.value, FLOOR_MEAN_NS, |of| of.mean);
    (!steady).then_some(Doubt::Unsteady)
}

/// Whether it became less by enough to matter.
fn is_gain(before: f64, after: f64, floor: f64) -> bool {
    before - after >= floor && after <= before * (1.0 - SMALL_SHARE)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Better,
    Worse,
    Same,
    Open,
}

fn verdict(of: &Compared, floor: f64) -> Verdict {
    if of.ratio.high < 1.0 && is_gain(of.before.value, of.after.value, floor) {
        Verdict::Better
    } else if of.ratio.low > 1.0 && -of.gain.value >= floor {
        Verdict::Worse
    } else if of.ratio.low > 1.0 - SMALL_SHARE || of.gain.high < floor {
        Verdict::Same
    } else {
        Verdict::Open
    }
}

/// What a window is judged by, ns.
#[derive(Clone, Copy)]
struct Measures {
    mean: f64,
    p99: f64,
}

/// A window's seconds as counts of the same buckets, so that many draws of them are cheap.
struct Counts {
    edges: Vec<u64>,
    seconds: Vec<(Vec<u64>, u64)>,
    duration_ns: u64,
}

impl Counts {
    fn of(window: &[Second]) -> Self {
        let all: Vec<Vec<(u64, u64)>> =
            window.iter().map(|one| one.waits.sparse_buckets()).collect();
        let mut edges: Vec<u64> = all.iter().flatten().map(|(edge, _)| *edge).collect();
        edges.sort_unstable();
        edges.dedup();
        let row = |buckets: &Vec<(u64, u64)>, second: &Second| {
            let mut row = vec![0; edges.len()];
            for (edge, count) in buckets {
                if let Ok(at) = edges.binary_search(edge) {
                    row[at] += count;
                }
            }
            (row, second.waits.sum_ns())
        };
        let seconds =
            all.iter().zip(window).map(|(buckets, second)| row(buckets, second)).collect();
        Self { edges, seconds, duration_ns: length(window) }
    }

    fn whole(&self) -> Option<Measures> {
        self.measures(0..self.seconds.len())
    }

    /// As many seconds as there are, drawn with replacement in blocks; a block that begins near the end goes on at the begin.
    fn drawn(&self, random: &mut Rng) -> Option<Measures> {
        let count = self.seconds.len();
        let blocks = count.div_ceil(BLOCK);
        let starts: Vec<usize> = (0..blocks).map(|_| random.usize(..count)).collect();
        let drawn =
            starts.iter().flat_map(|start| (0..BLOCK).map(move |step| (start + step) % count));
        self.measures(drawn.take(count))
    }

    fn measures(&self, seconds: impl Iterator<Item = usize>) -> Option<Measures> {
        let mut counts = vec![0; self.edges.len()];
        let mut sum = 0_u64;
        for at in seconds {
            let (row, ns) = &self.seconds[at];
            counts.iter_mut().zip(row).for_each(|(all, one)| *all += one);
            sum += ns;
        }
        let total: u64 = counts.iter().sum();
        if total == 0 {
            return None;
        }
        let rank = total - total / 100;
        let mut below = 0;
        let at = counts.iter().position(|count| {
            below += count;
            below >= rank
        })?;
        #[expect(clippy::cast_precision_loss, reason = "to judge by, not to add up")]
        Some(Measures { mean: sum as f64 / total as f64, p99: self.edges[at] as f64 })
    }

    fn rate(&self) -> f64 {
        per_second(self.seconds.iter().flat_map(|(row, _)| row).sum(), self.duration_ns)
    }
}

fn length(window: &[Second]) -> u64 {
    window.iter().map(|one| one.duration_ns).sum()
}

#[expect(clippy::cast_precision_loss, reason = "to judge by, not to add up")]
fn per_second(sum: u64, duration_ns: u64) -> f64 {
    sum as f64 * 1e9 / duration_ns.max(1) as f64
}

fn interval(value: f64, mut drawn: Vec<f64>) -> Interval {
    drawn.sort_by(f64::total_cmp);
    let end = |from_end: bool| {
        let cut = drawn.len() * 25 / 1000;
        let at = if from_end { drawn.len().saturating_sub(cut + 1) } else { cut };
        drawn.get(at).copied().unwrap_or(value)
    };
    Interval { value, low: end(false), high: end(true) }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
