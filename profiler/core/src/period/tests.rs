//! Synthetic series: the right period and phase or "not yet", and no claim where nothing is periodic.

use proptest::prelude::*;

use super::*;

const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;
/// A midnight in UTC, a Sunday.
const MIDNIGHT: f64 = 1_772_323_200.0;

/// Random numbers that are the same every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "32 bits")]
    fn unit(&mut self) -> f64 {
        (self.next() >> 32) as f64 / (1_u64 << 32) as f64
    }

    fn within(&mut self, from: f64, to: f64) -> f64 {
        from + self.unit() * (to - from)
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

fn watched(from: f64, to: f64) -> Vec<Watched> {
    vec![Watched { from, to }]
}

/// Runs of a job: every `period` at `phase`, late by up to `jitter`, each missed with a probability.
fn job(
    random: &mut Random,
    period: f64,
    phase: f64,
    days: f64,
    jitter: f64,
    miss: f64,
) -> Vec<f64> {
    let runs = (days * DAY / period).floor();
    let mut starts = Vec::new();
    let mut k = 0.0;
    while k < runs {
        let late = random.unit() * jitter;
        if random.unit() >= miss {
            starts.push(MIDNIGHT + phase + k * period + late);
        }
        k += 1.0;
    }
    starts
}

fn one(starts: &[f64], days: f64) -> Result<Vec<Claim>, NotYet> {
    find(starts, &watched(MIDNIGHT, MIDNIGHT + days * DAY), &Zone::UTC)
}

/// Property: exact cron jobs are claimed from three gaps on, with their minute.
#[test]
fn four_exact_runs_make_a_claim_and_three_do_not() {
    for (period, phase) in [(HOUR, 300.0), (12.0 * HOUR, 0.0), (DAY, 8_100.0), (900.0, 120.0)] {
        let starts = |n: u32| -> Vec<f64> {
            (0..n)
                .map(|k| MIDNIGHT + phase + f64::from(k) * period + f64::from(k % 3) * 0.3)
                .collect()
        };
        let end = MIDNIGHT + phase + 3.2 * period;
        let claims = find(&starts(4), &watched(MIDNIGHT, end), &Zone::UTC).unwrap();
        let claim = &claims[0];
        assert_eq!((claims.len(), claim.seen, claim.missed, claim.others), (1, 4, 0, 0));
        assert_eq!((claim.period_s, claim.phase_s), (seconds(period), Some(seconds(phase))));
        assert_eq!(claim.phase_minute(), Some(seconds(phase) / 60));
        assert!(claim.confidence() > 0.8, "{claim:?}");
        let few = find(&starts(3), &watched(MIDNIGHT, end), &Zone::UTC);
        let closest = Some((seconds(period), 2));
        assert_eq!(few, Err(NotYet::TooFew { starts: 3, closest }));
    }
}

/// Property: the looser the runs, the more of them a claim needs (the figures of periods.md).
#[test]
fn loose_runs_need_more_cycles() {
    let needed = |within: f64| {
        (1_u32..40).find(|n| {
            // The first and the last of the width come first.
            let late = |k: u32| [0.0, within, within * 0.3, within * 0.7][(k % 4) as usize];
            let starts: Vec<f64> =
                (0..*n).map(|k| MIDNIGHT + 300.0 + f64::from(k) * HOUR + late(k)).collect();
            find(&starts, &watched(MIDNIGHT, MIDNIGHT + f64::from(*n) * HOUR), &Zone::UTC).is_ok()
        })
    };
    assert_eq!([1.0, 30.0, 300.0].map(needed), [Some(4), Some(5), Some(8)]);
}

/// Property: nothing, one and two begins are "not yet", and say what they would fit.
#[test]
fn few_begins_say_what_is_missing() {
    assert_eq!(one(&[], 1.0), Err(NotYet::TooFew { starts: 0, closest: None }));
    assert_eq!(one(&[MIDNIGHT], 1.0), Err(NotYet::TooFew { starts: 1, closest: None }));
    let two = [MIDNIGHT, MIDNIGHT + HOUR + 2.0];
    assert_eq!(one(&two, 1.0), Err(NotYet::TooFew { starts: 2, closest: Some((3_600, 1)) }));
    let odd = [MIDNIGHT, MIDNIGHT + 5_000.0];
    assert_eq!(one(&odd, 1.0), Err(NotYet::TooFew { starts: 2, closest: None }));
    let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 0.0];
    assert!(one(&bad, 1.0).is_err());
}

/// Property: a job that waits after its end has its own period, and no time of the clock.
#[test]
fn a_drifting_job_has_its_own_period_and_no_minute() {
    let starts: Vec<f64> = (0..48).map(|k| MIDNIGHT + f64::from(k) * 3_620.0).collect();
    let claim = one(&starts, 2.1).unwrap().remove(0);
    assert_eq!((claim.period_s, claim.phase_s, claim.seen), (3_620, None, 48));
    let mut random = Random(3);
    let mut at = MIDNIGHT;
    let walk: Vec<f64> = (0..60)
        .map(|_| {
            at += 5_400.0 + random.within(0.0, 40.0);
            at
        })
        .collect();
    let claim = one(&walk, 4.0).unwrap().remove(0);
    assert!((5_400..=5_440).contains(&claim.period_s) && claim.phase_s.is_none(), "{claim:?}");
}

/// Property: two daily runs of one command are two claims.
#[test]
fn two_jobs_are_two_claims() {
    let mut random = Random(1);
    let mut starts = job(&mut random, DAY, 2.0 * HOUR, 10.0, 20.0, 0.0);
    starts.extend(job(&mut random, DAY, 23.75 * HOUR, 10.0, 20.0, 0.0));
    let mut phases: Vec<Option<u64>> =
        one(&starts, 10.0).unwrap().iter().map(Claim::phase_minute).collect();
    phases.sort_unstable();
    assert_eq!(phases, [Some(120), Some(1_425)]);
}

/// Property: a daily job of the wall clock keeps its hour when the clocks change.
#[test]
fn local_time_goes_by_the_wall_clock() {
    let zone = Zone::new(Some("CET-1CEST,M3.5.0,M10.5.0/3"), 0);
    // 02:30 local before the 29th of March 2026 is 01:30 UTC, then 00:30 UTC; from the 20th on.
    let first = MIDNIGHT + 19.0 * DAY;
    let starts: Vec<f64> = (0..18)
        .filter(|day| *day != 9)
        .map(|day| first + f64::from(day) * DAY + if day < 9 { 5_400.0 } else { 1_800.0 })
        .collect();
    let span = watched(first, first + 18.0 * DAY);
    let claim = find(&starts, &span, &zone).unwrap().remove(0);
    assert_eq!((claim.period_s, claim.phase_minute()), (86_400, Some(150)));
    assert_eq!((claim.seen, claim.missed), (17, 1));
}

/// Property: time that nobody watched is no missed run.
#[test]
fn several_captures_miss_nothing_between_them() {
    let hour = |k: u32| MIDNIGHT + f64::from(k) * HOUR + 300.0;
    let starts = [hour(0), hour(1), hour(10), hour(11), hour(30), hour(31)];
    let spans: Vec<Watched> =
        [0, 10, 30].map(|k| Watched { from: hour(k) - 60.0, to: hour(k + 1) + 60.0 }).into();
    let claim = find(&starts, &spans, &Zone::UTC).unwrap().remove(0);
    assert_eq!((claim.period_s, claim.seen, claim.missed), (3_600, 6, 0));
    let whole = find(&starts, &watched(spans[0].from, spans[2].to), &Zone::UTC);
    assert!(whole.is_err(), "{whole:?}");
}

/// What a series was made from, and what may be said of it.
fn is_right(claim: &Claim, period: f64, phase: f64, jitter: f64) -> bool {
    let late = claim.phase_s.map(|at| {
        #[expect(clippy::cast_precision_loss, reason = "below a week")]
        let off = (at as f64 - phase.rem_euclid(period)).rem_euclid(period);
        off <= jitter + 1.0 || period - off <= 1.0
    });
    claim.period_s == seconds(period) && late == Some(true)
}

/// Property: with jitter, missed runs and decoys, every claim is right; and with few of them there is one.
#[test]
fn disturbed_jobs_are_right_or_not_yet() {
    let mut random = Random(2026);
    let periods = [900.0, 1_800.0, HOUR, 2.0 * HOUR, 6.0 * HOUR, 12.0 * HOUR, DAY];
    let (mut claimed, mut clean) = (0, 0);
    for round in 0..400 {
        let period = periods[usize::try_from(random.below(7)).unwrap()];
        let phase = (random.unit() * period / 60.0).floor() * 60.0;
        let cycles = random.within(2.0, 40.0).floor();
        let days = cycles * period / DAY;
        let jitter = random.unit() * (period / 20.0).min(240.0);
        let miss = random.unit() * 0.3;
        let mut starts = job(&mut random, period, phase, days, jitter, miss);
        let decoys = random.below(u64::from(count(starts.len())) + 1);
        for _ in 0..decoys {
            starts.push(MIDNIGHT + random.unit() * days * DAY);
        }
        clean += u32::from(cycles >= 12.0);
        match one(&starts, days + period / DAY) {
            Ok(claims) => {
                let claim = &claims[0];
                let what =
                    format!("round {round}: {period} {phase} {jitter} {miss} {decoys} {claim:?}");
                assert!(is_right(claim, period, phase, jitter), "{what}");
                assert!(claim.seen > MIN_GAPS, "{what}");
                claimed += 1;
            }
            Err(_) => assert!(
                cycles < 24.0 || miss > 0.2 || decoys > 8,
                "round {round}: {period} {jitter} {miss}"
            ),
        }
    }
    assert!(claimed >= clean * 9 / 10, "{claimed} of {clean}");
}

/// One random series of a kind, and how long it was watched, days.
fn random_series(random: &mut Random, kind: u64) -> (Vec<f64>, f64) {
    let days = random.within(0.1, 20.0);
    let end = days * DAY;
    let mean = end / random.within(4.0, 120.0);
    let mut starts = Vec::new();
    let mut at = 0.0;
    loop {
        match kind {
            // Poisson.
            0 => at += random.exponential(mean),
            // Bursts of a few within minutes, at random times.
            1 => {
                at += random.exponential(mean * 3.0);
                let mut inner = at;
                for _ in 0..random.below(12) {
                    starts.push(MIDNIGHT + inner);
                    inner += random.exponential(90.0);
                }
            }
            // Uniform over the time.
            2 => {
                let n = random.within(1.0, 120.0).floor();
                while f64::from(count(starts.len())) < n {
                    starts.push(MIDNIGHT + random.unit() * end);
                }
                break;
            }
            // Gaps that are uniform.
            3 => at += random.within(0.2, 1.8) * mean,
            // In working hours only.
            _ => {
                at += random.exponential(mean);
                if !(8.0..18.0).contains(&(at.rem_euclid(DAY) / HOUR)) {
                    continue_if_before(&mut at);
                }
            }
        }
        if at >= end {
            break;
        }
        if kind != 1 {
            starts.push(MIDNIGHT + at);
        }
    }
    starts.retain(|at| *at < MIDNIGHT + end);
    (starts, days)
}

/// On to the next morning, and a random while.
fn continue_if_before(at: &mut f64) {
    let hour = at.rem_euclid(DAY) / HOUR;
    let until = if hour < 8.0 { 8.0 - hour } else { 32.0 - hour };
    *at += until * HOUR + (*at * 7.31).rem_euclid(5_000.0);
}

/// Property: no random series makes a claim; 1,000 of each kind.
#[test]
fn random_series_make_no_claim() {
    let mut random = Random(5);
    for kind in 0..5 {
        for round in 0..1_000 {
            let (starts, days) = random_series(&mut random, kind);
            let said = one(&starts, days);
            assert!(
                said.is_err(),
                "kind {kind}, round {round}, {} starts in {days} days: {said:?}",
                starts.len()
            );
        }
    }
}

proptest! {
    // Property: the order in which begins are told, and a shift of the clock by whole days, change nothing.
    #[test]
    fn order_does_not_matter(
        mut starts in prop::collection::vec(0.0_f64..1e6, 0..40),
        swaps in prop::collection::vec((0_usize..40, 0_usize..40), 0..40),
    ) {
        starts.extend((0..12).map(|k| f64::from(k) * HOUR + 61.0));
        let span = watched(0.0, 1e6);
        let runs = |said: Result<Vec<Claim>, NotYet>, starts: &[f64]| said.map(|claims| {
            let times = |claim: &Claim| {
                let mut at: Vec<u64> = claim.runs.iter().map(|run| starts[*run].to_bits()).collect();
                at.sort_unstable();
                at
            };
            claims.iter().map(|claim| (claim.period_s, claim.phase_s, times(claim))).collect::<Vec<_>>()
        });
        let before = runs(find(&starts, &span, &Zone::UTC), &starts);
        for (a, b) in swaps {
            let n = starts.len();
            starts.swap(a % n, b % n);
        }
        prop_assert_eq!(runs(find(&starts, &span, &Zone::UTC), &starts), before);
    }
}
