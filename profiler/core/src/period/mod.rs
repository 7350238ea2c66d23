//! Periods: does something begin again and again after the same time, and at which minute?
//!
//! Owns the judgement alone: begins and the time that was watched go in, claims or what is missing for one come out.
//! Does not own what begins (`activity`), nor who asked for it (`schedule`).
//!
//! A claim needs three things, each against another way to be wrong (constants below, reasons in
//! `profiler/docs/periods.md`): enough cycles one after the other, few missing ones, and a regularity that begins at
//! random times would show at most once in [`MAX_SIGNIFICANCE`]⁻¹ such series. Two kinds of candidates are tried: periods of the
//! clock (a minute to a week, in local time) and any other one, found from the gaps themselves.

mod calendar;
mod non_calendar;
mod significance;
#[cfg(test)]
mod tests;
mod zone;

pub use zone::Zone;

/// A claim needs so many gaps of one period, each between two runs in a row.
pub const MIN_GAPS: u32 = 3;
/// Of the cycles that were watched, at least this share must have a run.
pub const MIN_SEEN: f64 = 0.6;
/// Of everything that began, at least this share must belong to the period: with less, something else goes on.
pub const MIN_EXPLAINED: f64 = 1.0 / 3.0;
/// With begins in the middle of the period (or at both its thirds), as many as this share of the runs, it is not the period.
const BETWEEN: f64 = 0.4;
/// Just outside of what runs may be off by (up to three times as far), there are at most this share of the runs: a crowd
/// that only thins out there is a time of day, not a schedule.
const AROUND: f64 = 0.5;
/// Begins at random times may look this regular with at most this probability.
pub const MAX_SIGNIFICANCE: f64 = 1e-4;
/// Runs may be off by this share of a period of the clock, and by [`MAX_SPREAD_S`].
pub const CLOCK_SPREAD: f64 = 0.1;
/// Runs may be off by this share of any other period.
pub const FREE_SPREAD: f64 = 0.05;
/// No run may be off by more, seconds.
pub const MAX_SPREAD_S: f64 = 300.0;
/// Runs are never told apart more finely than this, seconds.
const MIN_SPREAD_S: f64 = 0.5;
/// So many begins are looked at, the newest: more make no claim surer.
pub const MOST_STARTS: usize = 1000;
/// What lies further from 1970 is no time, seconds.
const FAR_S: f64 = 1e11;
/// Most periods claimed of one thing.
const MOST_CLAIMS: usize = 3;
/// A run begins this much after its minute, or (clocks differ) before it: `:04:51` is called `:05`.
const EARLY_S: u64 = 10;

/// Time that was watched, seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watched {
    /// Its begin.
    pub from: f64,
    /// Its end.
    pub to: f64,
}

/// A period that was seen often enough.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// From one run to the next, seconds.
    pub period_s: u64,
    /// When in the period, seconds of local time after midnight (of a week: after Monday's midnight), below `period_s`.
    /// `None` when it is not at a fixed time of the clock.
    pub phase_s: Option<u64>,
    /// How far off runs were at most, seconds.
    pub spread_s: f64,
    /// Cycles with a run.
    pub seen: u32,
    /// Cycles that were watched and had none.
    pub missed: u32,
    /// Begins that do not belong to it.
    pub others: u32,
    /// How probable it is at most that begins at random times look this regular.
    pub significance: f64,
    /// The begins that belong to it, by index.
    pub runs: Vec<usize>,
}

impl Claim {
    /// How probable it is that the next cycle has a run at its time, by the rule of succession: of `n` cycles `s` had
    /// one, so (s + 1) / (n + 2).
    pub fn confidence(&self) -> f64 {
        let seen = f64::from(self.seen);
        (seen + 1.0) / (seen + f64::from(self.missed) + 2.0)
    }

    /// The time of the clock as a person would say it: whole minutes.
    pub fn phase_minute(&self) -> Option<u64> {
        clock_minute(self.period_s, self.phase_s)
    }
}

/// The minute of a period at which it begins, by its phase, both in seconds: whole minutes, as a person would say it.
pub fn clock_minute(period_s: u64, phase_s: Option<u64>) -> Option<u64> {
    let minutes = period_s.div_ceil(60).max(1);
    phase_s.map(|phase| phase.saturating_add(EARLY_S) / 60 % minutes)
}

/// Why there is no claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotYet {
    /// It did not happen often enough.
    TooFew {
        /// How often it began.
        starts: u32,
        /// The period that what was seen would fit, seconds, and how many gaps of it were seen.
        closest: Option<(u64, u32)>,
    },
    /// A period fits, but begins at random times fit one as well too often.
    NotSignificant {
        /// The period, seconds.
        period_s: u64,
        /// Cycles with a run.
        seen: u32,
        /// Cycles that were watched and had none.
        missed: u32,
    },
    /// It happened often enough, and no period fits.
    Irregular {
        /// How often it began.
        starts: u32,
    },
}

/// A period that fits, sure or not.
#[derive(Clone, Debug)]
struct Fit {
    claim: Claim,
    gaps: u32,
}

impl Fit {
    fn is_sure(&self) -> bool {
        self.gaps >= MIN_GAPS && self.claim.significance <= MAX_SIGNIFICANCE
    }
}

/// The periods of something that began at these times (seconds since 1970), each with other runs; or why none is
/// claimed. `watched` are the times in which a begin would have been seen.
pub fn find(starts: &[f64], watched: &[Watched], zone: &Zone) -> Result<Vec<Claim>, NotYet> {
    let mut left: Vec<(usize, f64)> = starts.iter().copied().enumerate().collect();
    left.retain(|(_, at)| at.abs() < FAR_S);
    left.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let too_many = left.len().saturating_sub(MOST_STARTS);
    left.drain(..too_many);
    let mut watched = watched.to_vec();
    if let Some((_, first)) = left.first().filter(|_| too_many > 0) {
        for span in &mut watched {
            span.from = span.from.max(first - MIN_SPREAD_S);
        }
    }
    let mut claims: Vec<Claim> = Vec::new();
    while claims.len() < MOST_CLAIMS {
        match best(&left, &watched, zone) {
            Ok(claim) => {
                left.retain(|(index, _)| !claim.runs.contains(index));
                claims.push(claim);
            }
            Err(why) if claims.is_empty() => return Err(why),
            Err(_) => break,
        }
    }
    Ok(claims)
}

fn best(starts: &[(usize, f64)], watched: &[Watched], zone: &Zone) -> Result<Claim, NotYet> {
    let times: Vec<f64> = starts.iter().map(|(_, at)| *at).collect();
    let mut fits = calendar::fits(&times, watched, zone);
    fits.extend(non_calendar::fits(&times, watched));
    fits.sort_by(|a, b| a.claim.significance.total_cmp(&b.claim.significance));
    let sure = || fits.iter().filter(|fit| fit.is_sure());
    if let Some(first) = sure().next() {
        // Of the same period, the one that knows the time of the clock.
        let same = |fit: &&Fit| fit.claim.period_s == first.claim.period_s;
        let fit = sure().filter(same).find(|fit| fit.claim.phase_s.is_some()).unwrap_or(first);
        let runs = fit.claim.runs.iter().filter_map(|at| starts.get(*at)).map(|(at, _)| *at);
        return Ok(Claim { runs: runs.collect(), ..fit.claim.clone() });
    }
    let starts = count(times.len());
    let enough = fits.iter().find(|fit| fit.gaps >= MIN_GAPS);
    Err(match enough {
        // A period is only worth naming when chance would give one seldom enough to be looked at again.
        Some(Fit { claim, .. }) if claim.significance < 0.1 => NotYet::NotSignificant {
            period_s: claim.period_s,
            seen: claim.seen,
            missed: claim.missed,
        },
        _ if starts <= MIN_GAPS => NotYet::TooFew { starts, closest: calendar::closest(&times) },
        _ => NotYet::Irregular { starts },
    })
}

/// Cycles whose time was watched and that had no run: cycle `k` was due at `origin + k × period`, give or take `spread`.
fn missed(grid: &Grid, hit: &[i64], watched: &[Watched]) -> u32 {
    let mut hit = hit.to_vec();
    hit.sort_unstable();
    let mut missed = 0;
    for span in watched {
        let first = ((span.from + grid.spread - grid.origin) / grid.period).ceil();
        let last = ((span.to - grid.spread - grid.origin) / grid.period).floor();
        if last < first {
            continue;
        }
        let (first, last) = (whole(first), whole(last));
        let from = hit.partition_point(|k| *k < first);
        let until = hit.partition_point(|k| *k <= last);
        let due = last.saturating_sub(first).saturating_add(1);
        missed += u32::try_from(due).unwrap_or(u32::MAX).saturating_sub(count(until - from));
    }
    missed
}

/// Times at which runs are due.
#[derive(Clone, Copy, Debug)]
struct Grid {
    /// One of them.
    origin: f64,
    period: f64,
    /// How far off a run may be.
    spread: f64,
}

impl Grid {
    /// The cycle whose run this begin is, if it is one.
    fn cycle(&self, at: f64) -> Option<i64> {
        let k = ((at - self.origin) / self.period).round();
        // Rounding may put a begin at the very edge on either side.
        (self.off(at) <= self.spread * (1.0 + 1e-9)).then(|| whole(k))
    }

    /// How far a begin is from the next place of the grid.
    fn off(&self, at: f64) -> f64 {
        let k = ((at - self.origin) / self.period).round();
        (at - self.origin - k * self.period).abs()
    }
}

/// Judges a grid: which begins are its runs, and whether they suffice. `tried` is how many grids were looked at to find
/// this one, `given` how many of its runs made it.
fn judge(
    times: &[f64],
    watched: &[Watched],
    grid: &Grid,
    trials: &significance::Trials,
) -> Option<Fit> {
    let mut runs = Vec::new();
    let mut hit: Vec<i64> = Vec::new();
    for (index, at) in times.iter().enumerate() {
        if let Some(k) = grid.cycle(*at) {
            runs.push(index);
            if hit.last() != Some(&k) {
                hit.push(k);
            }
        }
    }
    hit.dedup();
    let gaps = count(hit.windows(2).filter(|pair| pair[0].checked_add(1) == Some(pair[1])).count());
    let (seen, missed) = (count(hit.len()), missed(grid, &hit, watched));
    let explained = share(runs.len(), times.len());
    let is_kept = f64::from(seen) >= MIN_SEEN * f64::from(seen + missed);
    let near = times.iter().filter(|at| grid.off(**at) <= 3.0 * grid.spread).count();
    let is_crowd = share(near.saturating_sub(runs.len()), runs.len()) > AROUND;
    let is_other = is_crowd || is_every_other(times, grid, hit.len());
    if gaps == 0 || !is_kept || explained < MIN_EXPLAINED || is_other {
        return None;
    }
    let significance = trials.of(times, grid, hit.len());
    let others = count(times.len() - runs.len());
    let claim = Claim {
        period_s: seconds(grid.period),
        phase_s: None,
        spread_s: grid.spread,
        seen,
        missed,
        others,
        significance,
        runs,
    };
    Some(Fit { claim, gaps })
}

/// Whether between the runs others lie in the same way: then the period is a half or a third of this one, or there is none.
/// A job of which many runs are missing has most of them, by luck, on every other place of its own grid.
fn is_every_other(times: &[f64], grid: &Grid, hits: usize) -> bool {
    [2.0, 3.0].into_iter().any(|parts| {
        (1..3).map(f64::from).take_while(|part| *part < parts).all(|part| {
            let between = Grid { origin: grid.origin + grid.period * part / parts, ..*grid };
            let mut hit: Vec<i64> = times.iter().filter_map(|at| between.cycle(*at)).collect();
            hit.dedup();
            share(hit.len(), hits) >= BETWEEN
        })
    })
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "at most a thousand of either")]
fn share(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast of a float stops at the ends of the type"
)]
fn whole(k: f64) -> i64 {
    k as i64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float stops at the ends of the type"
)]
fn seconds(s: f64) -> u64 {
    s.round() as u64
}
