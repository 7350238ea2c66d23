//! Windows that helped, did not, or cannot be told.

use proptest::prelude::*;

use super::*;

/// A window of a victim that syncs `rate` times a second, each wait drawn around a mean; one in `tail` is ten times as long.
fn window(
    seed: u64,
    seconds: usize,
    rate: usize,
    mean_ns: usize,
    tail: usize,
    others: u64,
) -> Vec<Second> {
    let mut random = fastrand::Rng::with_seed(seed);
    let second = |_| {
        let mut waits = Dist::new();
        for _ in 0..rate {
            let wait = mean_ns / 2 + random.usize(..mean_ns);
            let wait = if random.usize(..tail) == 0 { wait * 10 } else { wait };
            waits.record(wait as u64);
        }
        Second { waits, others_bytes: others, duration_ns: 1_000_000_000 }
    };
    (0..seconds).map(second).collect()
}

fn outcome(before: &[Second], after: &[Second]) -> Outcome {
    judge(compare(before, after).as_ref(), before, after)
}

const MS: usize = 1_000_000;
const BUSY: u64 = 100 << 20;

#[test]
fn a_large_gain_on_the_same_load_helped() {
    let before = window(1, 60, 50, 10 * MS, 50, BUSY);
    let after = window(2, 60, 50, 2 * MS, 50, BUSY / 50);
    assert_eq!(outcome(&before, &after), Outcome::Helped);
    // A victim that was held up does more afterwards.
    let more = window(3, 60, 150, 2 * MS, 50, BUSY / 50);
    assert_eq!(outcome(&before, &more), Outcome::Helped);
}

#[test]
fn a_gain_below_the_floor_did_not_help_though_it_is_certain() {
    let before = window(1, 60, 500, MS / 20, 1000, BUSY);
    let after = window(2, 60, 500, MS / 40, 1000, BUSY);
    let comparison = compare(&before, &after).unwrap();
    assert!(comparison.mean.ratio.high < 0.6, "{comparison:?}");
    assert_eq!(outcome(&before, &after), Outcome::NotHelped);
}

#[test]
fn longer_waits_did_not_help() {
    let before = window(1, 60, 50, 2 * MS, 50, BUSY);
    let after = window(2, 60, 50, 6 * MS, 50, BUSY);
    assert_eq!(outcome(&before, &after), Outcome::NotHelped);
}

#[test]
fn what_another_load_explains_is_not_told() {
    let before = window(1, 60, 50, 10 * MS, 50, BUSY);
    let idle = window(2, 60, 10, 2 * MS, 50, BUSY);
    assert_eq!(outcome(&before, &idle), Outcome::Undecided(Doubt::LoadFell));
    let alone = window(3, 60, 50, 2 * MS, 50, 0);
    assert_eq!(outcome(&before, &alone), Outcome::Undecided(Doubt::OthersStopped));
    let few = window(4, 60, 1, 2 * MS, 50, BUSY);
    assert_eq!(outcome(&before, &few), Outcome::Undecided(Doubt::TooFewCalls));
    assert_eq!(outcome(&before, &[]), Outcome::Undecided(Doubt::TooFewCalls));
}

// Property: waits that were getting shorter before the change are no proof of it, however much better it looks in the end.
#[test]
fn what_was_getting_better_before_is_not_told() {
    let joined = |first: Vec<Second>, second: Vec<Second>| [first, second].concat();
    let after = window(3, 60, 50, 2 * MS, 50, BUSY);
    let warmed_up =
        joined(window(1, 20, 50, 20 * MS, 50, BUSY), window(2, 40, 50, 2 * MS, 50, BUSY));
    let comparison = compare(&warmed_up, &after).unwrap();
    assert!(comparison.mean.ratio.high < 0.9, "{comparison:?}");
    assert_eq!(outcome(&warmed_up, &after), Outcome::Undecided(Doubt::Unsteady));
    // A bad time in between that was not all there is.
    let uneven = joined(window(4, 20, 50, 20 * MS, 50, BUSY), window(5, 40, 50, 8 * MS, 50, BUSY));
    assert_eq!(outcome(&uneven, &after), Outcome::Helped);
}

/// A window whose seconds depend on each other: each is by a factor of 0.5 to 2 slower than usual, and mostly as its neighbour.
fn wandering(random: &mut fastrand::Rng, seconds: usize) -> Vec<Second> {
    let mut slow = 100;
    let second = |_| {
        slow = (slow * 3 + 50 + random.usize(..150)) / 4;
        window(random.u64(..), 1, 40, slow * MS / 25, 60, BUSY).remove(0)
    };
    (0..seconds).map(second).collect()
}

/// How many of `pairs` pairs of windows of the same load are called help. One seed for all: whether chance goes beyond a bound must not
/// depend on the run.
fn called_help(
    seed: u64,
    pairs: usize,
    drawn: impl Fn(&mut fastrand::Rng) -> Vec<Second>,
) -> usize {
    let mut random = fastrand::Rng::with_seed(seed);
    let helped = |_: &usize| {
        let (before, after) = (drawn(&mut random), drawn(&mut random));
        outcome(&before, &after) == Outcome::Helped
    };
    let helped = (0..pairs).filter(helped).count();
    println!("{helped} of {pairs} called help");
    helped
}

// Property: the same load twice is called help in at most one of twenty cases, by the two measures' 2.5 % each.
#[test]
fn the_same_load_twice_is_seldom_called_help() {
    let steady = |random: &mut fastrand::Rng| window(random.u64(..), 40, 40, 4 * MS, 60, BUSY);
    let helped = called_help(5, 200, steady);
    assert!(helped <= 10, "{helped} of 200");
}

// Property: the same holds where seconds depend on each other.
#[test]
fn dependent_seconds_are_seldom_called_help() {
    let helped = called_help(11, 100, |random| wandering(random, 60));
    assert!(helped <= 5, "{helped} of 100");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_interval_holds_its_value(seed in any::<u64>(), mean in 1_usize..20) {
        let before = window(seed, 30, 40, mean * MS, 60, BUSY);
        let after = window(!seed, 30, 40, 3 * MS, 60, BUSY);
        let comparison = compare(&before, &after).unwrap();
        for compared in [comparison.mean, comparison.p99] {
            for one in [compared.before, compared.after, compared.ratio, compared.gain] {
                prop_assert!(one.low <= one.value && one.value <= one.high, "{one:?}");
            }
        }
    }
}
