//! What an action should do to the victim, in numbers.
//!
//! The model is small on purpose, so that its errors can be seen. Without the culprit the victim waits as it did beside
//! nobody (`alone_vs_shared`), corrected by what blame leaves it. With a culprit that is held back, a request meets a device
//! that is busy with it for a part `load` of the time, and at worst what of the culprit's is ahead of it at once (`ahead`
//! bytes, at the rate the disk was seen to do):
//!
//! ```text
//! p99 = p99 without it + 2 · mean without it · load / (1 − load) + ahead / rate
//! ```
//!
//! What a busy device adds is the mean stretched, with a tail of its own; the longest waits without the culprit have other
//! reasons (note 0023, with what was measured). That is of a call that meets the culprit. Of a culprit that makes few requests few
//! calls do; p99 is that of all calls while it is at work ([`super::overlap`]).
//!
//! Against design measurements on a disk of 20 MB/s and 600 IOPS (p99 alone ≤ 16 ms, upper edges of buckets that double): a
//! reader at a fifth of the disk ≤ 32 ms, direct writes of 64 KiB ≤ 32 ms, of 1 MiB ≤ 128 ms (68), a backlog of 8 MB ≤ 256 ms
//! (416): at most a factor of 2 too long.

use super::case::{Case, Others};
use super::overlap::{self, Tail};
use crate::diagnosis::limits;
use crate::ids::FileClass;
use crate::report::{Effect, Lat};

/// Waits below which shares say nothing of a tail.
const ENOUGH_MIXED: u64 = 200;
/// A p99 alone varies by a quarter from run to run, a bucket is an eighth wide: together this factor.
const ERROR: f64 = 1.5;
/// The same where the tail had to be concluded from means.
const ERROR_MIXED: f64 = 2.0;
/// Share of calls without the culprit from which these are no choice of short ones.
const OFTEN: f64 = 0.2;
/// The 99th percentile of what a busy device adds, in means of it: the lab's rounds are fitted by 1 to 5, best by 2 (note 0023).
const TAIL: f64 = 2.0;

/// The victim's waits now and if the culprit were not there, ns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Without {
    /// On files of which class; `None` is all of them, since alone and shared are of a call.
    pub(super) class: Option<FileClass>,
    pub(super) now_ns: f64,
    pub(super) p99_ns: f64,
    pub(super) mean_ns: f64,
    pub(super) error: f64,
    /// How many calls take how long; `None` where only the mean is known.
    tail: Option<Tail>,
    /// Others than the culprit, beside whom these were not.
    others: Others,
}

/// The part of the window in which a culprit was at work: the part of the victim's calls that met it. All of it where that
/// is not known, which makes it look slower than it is.
#[expect(clippy::cast_precision_loss, reason = "a share")]
pub(super) fn active_share(runs: usize, alone: Option<&Lat>, shared: Option<&Lat>) -> f64 {
    match (runs, alone, shared) {
        (1, Some(alone), Some(shared)) if alone.count + shared.count > 0 => {
            shared.count as f64 / (alone.count + shared.count) as f64
        }
        _ => 1.0,
    }
}

#[expect(clippy::cast_precision_loss, reason = "times as estimates")]
pub(super) fn without(case: &Case<'_>) -> Option<Without> {
    let p99 = |lat: Option<&Lat>| Some(lat.filter(|lat| lat.count >= limits::MANY)?.p99_ns? as f64);
    let mean = |lat: &Lat| lat.mean_ns.map(|mean| mean as f64);
    let at_work = case.of_all_runs.and_then(|one| overlap::at_work_p99_ns(one, limits::MANY));
    let now_ns = at_work.map(|ns| ns as f64).or_else(|| p99(Some(&case.waits)))?;
    let class = at_work.is_none().then_some(case.class);
    let is = |p99_ns: f64, mean_ns: f64, error: f64, of: Option<(&Lat, f64)>| {
        let tail = of.map(|(waits, longer)| Tail::of(waits, longer, p99_ns));
        let p99_ns = p99_ns.min(now_ns);
        Without { class, now_ns, p99_ns, mean_ns, error, tail, others: Others::default() }
    };
    let mean_without = mean(&case.waits)? * (1.0 - case.share).max(0.0);
    let apart = case.of_all_runs.and_then(|one| one.baseline.as_ref());
    if let (Some(apart), Some(baseline_p99), Some(baseline_mean)) =
        (apart, p99(apart), apart.and_then(mean))
    {
        // A disk that stood still once in a short time apart is no expectation.
        let usual = case.of_all_runs.and_then(|one| one.baseline_p99_ns);
        let baseline_p99 = usual.map_or(baseline_p99, |usual| baseline_p99.min(usual as f64));
        let error = if case.others.load > 0.0 { ERROR_MIXED } else { ERROR };
        let is = is(baseline_p99, baseline_mean, error, Some((apart, 1.0)));
        return Some(Without { others: case.others, ..is });
    }
    // Of several runs, "alone" holds waits beside the other ones.
    let alone = case.alone.filter(|_| case.runs.len() == 1);
    if let (Some(alone), Some(alone_p99), Some(alone_mean)) =
        (alone, p99(alone), alone.and_then(mean))
    {
        // Long calls meet more, so alone is too short, the more so the fewer there were; blame's view is too long, since it
        // keeps what nobody explains. The middle of both, within a bound.
        let is_often_alone = case.alone_share() >= OFTEN;
        let (most, error) = if is_often_alone { (ERROR, ERROR) } else { (3.0, ERROR_MIXED) };
        let longer = (mean_without / alone_mean.max(1.0)).max(1.0).sqrt().min(most);
        return Some(is(alone_p99 * longer, alone_mean * longer, error, Some((alone, longer))));
    }
    if case.waits.count < ENOUGH_MIXED {
        return None;
    }
    let tail = (case.waits.p99_ns? as f64 / mean(&case.waits)?.max(1.0)).clamp(2.0, 5.0);
    Some(is(mean_without * tail, mean_without, ERROR_MIXED, None))
}

/// How a culprit is held back.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Held {
    /// The part of the disk that it still uses, 0 to 1.
    pub(super) load: f64,
    /// Bytes of its own that may stand ahead of a request at once.
    pub(super) ahead_bytes: u64,
    /// How long these take at most, ns; `None` where only the disk's rate tells.
    pub(super) ahead_most_ns: Option<u64>,
    /// How many requests it still makes, per second; `None` where each call may meet one.
    pub(super) requests_per_s: Option<f64>,
    /// Whether the victim is on a disk of its own then: others are gone as well.
    pub(super) victim_elsewhere: bool,
    /// How many times as long it takes then; `None` where that is not known.
    pub(super) slowdown: Option<f64>,
}

/// The effect of that; `None` where the data do not allow a number.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times as estimates; casts from floats saturate"
)]
pub(super) fn effect(case: &Case<'_>, held: Held) -> Option<Effect> {
    let without = without(case)?;
    let rate = case.demand.capability;
    let ahead_ns = match (held.ahead_bytes, rate) {
        (0, _) => 0.0,
        (bytes, Some(rate)) => bytes as f64 / rate.max(1) as f64 * 1e9,
        (_, None) => return None,
    };
    let ahead_ns = held.ahead_most_ns.map_or(ahead_ns, |most| ahead_ns.min(most as f64));
    let longer = |load: f64| TAIL * without.mean_ns * stretch(load);
    let others = if held.victim_elsewhere { Others::default() } else { without.others };
    let of_others = longer(others.load) + others.ahead_ns;
    let of_culprit = longer(held.load) + ahead_ns;
    let meets = held.requests_per_s.map_or(1.0, |per_s| {
        overlap::share(per_s, ahead_ns + without.mean_ns * (1.0 + stretch(held.load)))
    });
    let p99 = match &without.tail {
        Some(tail) => tail.p99_ns(meets, of_culprit),
        None => without.p99_ns + of_culprit,
    };
    Some(Effect {
        victim: case.victim.id.clone(),
        call: case.call,
        file_class: without.class,
        p99_before_ns: without.now_ns as u64,
        p99_expected_ns: (p99 + of_others).min(without.now_ns) as u64,
        error_factor: without.error,
        culprit_duration_factor: held.slowdown.map(|factor| (factor * 10.0).round() / 10.0),
    })
}

/// By which part a device that is busy for a part of the time makes the mean wait longer.
fn stretch(load: f64) -> f64 {
    let load = load.clamp(0.0, 0.9);
    load / (1.0 - load)
}

/// Whether an effect is worth it.
#[expect(clippy::cast_precision_loss, reason = "a ratio")]
pub(super) fn is_worth(effect: &Effect) -> bool {
    (effect.p99_expected_ns as f64) < limits::WORTH * effect.p99_before_ns as f64
}
