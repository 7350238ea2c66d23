//! Periods of the clock: every so many minutes or hours, every day, every week, in local time.

use super::significance::Trials;
use super::{
    CLOCK_SPREAD, Fit, Grid, MAX_SPREAD_S, MIN_SPREAD_S, Watched, Zone, count, judge, seconds,
    whole,
};

/// Seconds. What people write into schedules; each divides a day, or is a week.
const PERIODS: [u32; 20] = [
    60, 120, 180, 240, 300, 360, 600, 720, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600,
    28_800, 43_200, 86_400, 604_800,
];

const WEEK: f64 = 604_800.0;
/// 1970 began on a Thursday.
const MONDAY: f64 = 259_200.0;
/// Periods with more cycles than this between the first and the last begin are not tried: years of minutes.
const MOST_CYCLES: usize = 1 << 20;
/// Two gaps that differ by this share of a period are told as that period while there is no claim.
const CLOSE: f64 = 1.0 / 60.0;

/// All periods of the clock that fit. Where local time moved against UTC meanwhile, both are tried: cron goes by the
/// wall clock, timers of containers by UTC.
pub(super) fn fits(times: &[f64], watched: &[Watched], zone: &Zone) -> Vec<Fit> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return Vec::new() };
    let moves = zone.offset(*first) != zone.offset(*last);
    let local: Vec<f64> = times.iter().map(|at| zone.local(*at)).collect();
    let local_watched: Vec<Watched> = watched
        .iter()
        .map(|span| Watched { from: zone.local(span.from), to: zone.local(span.to) })
        .collect();
    let kinds = if moves { 2.0 } else { 1.0 };
    let mut fits = by_wall_clock(&local, &local_watched, kinds);
    if moves {
        let utc = by_wall_clock(times, watched, kinds);
        // In UTC, and local time moved: no fixed time of the local clock.
        fits.extend(utc.into_iter().map(|mut fit| {
            fit.claim.phase_s = None;
            fit
        }));
    }
    fits
}

fn by_wall_clock(times: &[f64], watched: &[Watched], kinds: f64) -> Vec<Fit> {
    let extent = times.last().zip(times.first()).map_or(0.0, |(last, first)| last - first);
    let mut fits = Vec::new();
    for period in PERIODS.map(f64::from) {
        // Three gaps are longer than that.
        if period * 2.5 > extent {
            break;
        }
        let spreads = spreads(period);
        #[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
        let tried = (PERIODS.len() * spreads.len() * times.len()) as f64 * kinds;
        let trials = Trials { tried, given: 1, slack: 1.0 };
        let phases = sorted_phases(times, period);
        for spread in spreads {
            let Some(anchor) = fullest(times, &phases, period, spread) else { continue };
            let grid = Grid { origin: times[anchor] + spread, period, spread };
            if let Some(mut fit) = judge(times, watched, &grid, &trials) {
                fit.claim.phase_s = Some(phase(times, &fit.claim.runs, &grid));
                fits.push(fit);
            }
        }
    }
    fits
}

/// How far off runs may be, from wide to narrow.
fn spreads(period: f64) -> Vec<f64> {
    let widest = (period * CLOCK_SPREAD).min(MAX_SPREAD_S);
    std::iter::successors(Some(widest), |spread| Some(spread / 2.0))
        .take_while(|spread| *spread >= MIN_SPREAD_S)
        .collect()
}

/// Begins by their place in the period.
fn sorted_phases(times: &[f64], period: f64) -> Vec<(f64, usize)> {
    let mut phases: Vec<(f64, usize)> =
        times.iter().enumerate().map(|(index, at)| (at.rem_euclid(period), index)).collect();
    phases.sort_by(|a, b| a.0.total_cmp(&b.0));
    phases
}

/// The begin after which, within twice the spread, most cycles have a begin.
fn fullest(times: &[f64], phases: &[(f64, usize)], period: f64, spread: f64) -> Option<usize> {
    let n = phases.len();
    let first = whole((times.first()? / period).floor()) - 1;
    // Begins inside the window by cycle. A window that goes over the end of a period goes on at the next one's begin:
    // what it finds there (in the second round) belongs to the cycle before.
    let mut inside = vec![0_u32; cycles(times, period)?];
    let place = |at: usize, round: i64| {
        let cycle = whole((times[phases[at].1] / period).floor()) - round;
        usize::try_from(cycle - first).unwrap_or(0)
    };
    let (mut end, mut held, mut best) = (0, 0_usize, None);
    for begin in 0..n {
        while end < begin + n {
            let (at, round) = if end < n { (end, 0_u8) } else { (end - n, 1) };
            if phases[at].0 + f64::from(round) * period - phases[begin].0 > 2.0 * spread {
                break;
            }
            let cycle = inside.get_mut(place(at, i64::from(round)))?;
            held += usize::from(*cycle == 0);
            *cycle += 1;
            end += 1;
        }
        if best.is_none_or(|(most, _)| held > most) {
            best = Some((held, phases[begin].1));
        }
        let cycle = inside.get_mut(place(begin, 0))?;
        *cycle -= 1;
        held -= usize::from(*cycle == 0);
    }
    best.map(|(_, anchor)| anchor)
}

/// Cycles from the one before the first begin to the last one's; `None` for more than are looked at.
fn cycles(times: &[f64], period: f64) -> Option<usize> {
    let cycle = |at: f64| whole((at / period).floor());
    let all = cycle(*times.last()?).checked_sub(cycle(*times.first()?))?.checked_add(3)?;
    usize::try_from(all).ok().filter(|all| *all <= MOST_CYCLES)
}

/// The middle one of the runs' places in the period.
fn phase(times: &[f64], runs: &[usize], grid: &Grid) -> u64 {
    let mut off: Vec<f64> = runs
        .iter()
        .map(|run| {
            let since = times[*run] - grid.origin;
            since - (since / grid.period).round() * grid.period
        })
        .collect();
    off.sort_by(f64::total_cmp);
    let middle = grid.origin + off.get(off.len() / 2).copied().unwrap_or(0.0);
    let since = if grid.period >= WEEK { middle + MONDAY } else { middle };
    let phase = seconds(since.rem_euclid(grid.period));
    if phase >= seconds(grid.period) { 0 } else { phase }
}

/// The period of the clock that all gaps of a few begins are close to, and their number.
pub(super) fn closest(times: &[f64]) -> Option<(u64, u32)> {
    let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if gaps.is_empty() {
        return None;
    }
    let near = |period: &u32| {
        let period = f64::from(*period);
        gaps.iter().all(|gap| (gap - period).abs() <= (period * CLOSE).max(2.0 * MIN_SPREAD_S))
    };
    PERIODS.iter().find(|period| near(period)).map(|period| (u64::from(*period), count(gaps.len())))
}
