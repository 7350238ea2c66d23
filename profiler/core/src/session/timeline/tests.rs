//! Seconds against an oracle that keeps every wait, and what bounds them.

use proptest::prelude::*;

use super::*;
use crate::ids::{Call, Method};

const MS: u64 = 1_000_000;

fn row(call: Call, file: u32) -> RowKey {
    let owner = Owned::Actor(0);
    RowKey { owner, device: 0, what: What::Wait(call), file, method: Method::Direct }
}

fn own(ns: u64) -> (Charge, u64) {
    by(Culprit::Own, ns)
}

fn by(culprit: Culprit, ns: u64) -> (Charge, u64) {
    (Charge { culprit, file: 0, dev: Some(0), mechanism: Mechanism::Queue }, ns)
}

fn shared(row: RowKey, from: u64, to: u64, charges: Vec<(Charge, u64)>) -> Shared<'static> {
    Shared { row, from, to, charges: charges.into() }
}

fn all(timeline: &Timeline) -> Vec<Placed> {
    let seen = timeline.view(0, u64::MAX, std::iter::empty());
    seen.into_values().flatten().collect()
}

/// A wait marks every second that it spans; it counts where it ends, and its charges lie where it waited.
#[test]
fn a_wait_marks_every_second_it_spans() {
    let mut timeline = Timeline::default();
    timeline.begin(10_000 * MS);
    let (from, to) = (11_500 * MS, 13_250 * MS);
    timeline.add(row(Call::Fdatasync, 1), from, to, to - from);
    timeline.settle(&shared(row(Call::Fdatasync, 1), from, to, vec![own(to - from)]));
    let steps = all(&timeline);
    let told: Vec<_> = steps
        .iter()
        .map(|one| {
            let charged: u64 = one.step.charges.iter().map(|(_, ns)| ns / MS).sum();
            (one.at_s, one.step.count, one.step.sum_ns / MS, one.step.longest.ns / MS, charged)
        })
        .collect();
    assert_eq!(told, [(1, 0, 0, 1_750, 500), (2, 0, 0, 1_750, 1_000), (3, 1, 1_750, 1_750, 250)]);
    assert_eq!(timeline.time_ns(3), 13_000 * MS);
}

/// Only syncs of a file are followed: a write is none, nor is a sync of everybody's files.
#[test]
fn only_syncs_of_a_file_are_followed() {
    let mut timeline = Timeline::default();
    for call in [Call::Write, Call::Fault, Call::Read, Call::Syncfs, Call::Sync] {
        timeline.add(row(call, 1), 0, 5 * MS, 5 * MS);
        timeline.settle(&shared(row(call, 1), 0, 5 * MS, vec![own(5 * MS)]));
    }
    assert_eq!(all(&timeline), []);
}

/// What is not settled for good is seen beside what is, and kept by nobody.
#[test]
fn provisional_charges_are_seen_and_not_kept() {
    let mut timeline = Timeline::default();
    timeline.add(row(Call::Fsync, 1), 0, 5 * MS, 5 * MS);
    let one = || shared(row(Call::Fsync, 1), 0, 5 * MS, vec![own(5 * MS)]);
    let charged = |steps: Vec<Placed>| -> u64 {
        steps.iter().flat_map(|one| &one.step.charges).map(|(_, ns)| ns).sum()
    };
    let seen = timeline.view(0, u64::MAX, std::iter::once(one()));
    assert_eq!(charged(seen.into_values().flatten().collect()), 5 * MS);
    assert_eq!(charged(all(&timeline)), 0);
    timeline.settle(&one());
    assert_eq!(charged(all(&timeline)), 5 * MS);
}

/// Seconds in which records were lost are marked, between two looks all of them, also when they are steps by then.
#[test]
fn seconds_with_losses_are_marked() {
    let mut timeline = Timeline::default();
    timeline.looked(2_500 * MS, false);
    timeline.looked(4_500 * MS, true);
    timeline.looked(6_500 * MS, false);
    let marked: Vec<u64> = (0..10).filter(|at| timeline.is_lossy(*at, 1)).collect();
    assert_eq!(marked, [2, 3, 4]);
    assert!(timeline.is_lossy(0, 10) && !timeline.is_lossy(10, 10));
    for at in 0..3_000 {
        timeline.looked((10 + 4 * at) * 1_000 * MS, at % 2 == 0);
    }
    assert!(timeline.lost.len() <= MOST_LOST);
    assert!(timeline.is_lossy(3, 1), "the oldest are one, and none is unmarked");
}

fn renamed(id: usize, index: usize) -> Renaming {
    Renaming { actors: [(id, index)].into_iter().collect(), ..Renaming::default() }
}

/// Who is listed no more is another one, and no victim; files that are one file's are one series.
#[test]
fn those_put_together_and_their_files() {
    let mut timeline = Timeline::default();
    let culprit = Culprit::Other(Owned::Actor(7));
    for file in [1, 2] {
        timeline.add(row(Call::Fsync, file), 0, 5 * MS, 5 * MS);
        let charges = vec![by(culprit, 4 * MS), own(MS)];
        timeline.settle(&shared(row(Call::Fsync, file), 0, 5 * MS, charges));
    }
    let before = timeline.clone();
    let files = [((Owned::Actor(0), 1), 2)].into_iter().collect();
    timeline.rename(&Renaming { files, ..Renaming::default() });
    timeline.rename(&renamed(7, 3));
    let steps = all(&timeline);
    assert_eq!(steps.len(), 1);
    assert_eq!((steps[0].step.count, steps[0].step.sum_ns), (2, 10 * MS));
    let ended = Charged::To(Culprit::Other(Owned::Ended(3)), Some(0), Mechanism::Queue);
    assert!(steps[0].step.charges.contains(&(ended, 8 * MS)));
    timeline.rename(&renamed(0, 4));
    assert_eq!(all(&timeline), []);
    let steps = all(&before);
    assert_eq!(steps.len(), 2, "a snapshot stays as it is");
    assert!(
        steps.iter().all(|one| one.step.count == 1 && !one.step.charges.contains(&(ended, 8 * MS)))
    );
}

/// A day of three victims' syncs, each beside eight culprits that change every minute: a quarter of an hour by the second, then steps,
/// all within the bound, and nothing is lost of the sums.
#[test]
fn a_day_stays_within_its_memory() {
    let mut timeline = Timeline::default();
    let (mut count, mut most) = (0_u64, 0);
    let day = 86_400;
    // Long ago a second in seven is as good as each: there are no steps of a second any more.
    for second in (0..day).filter(|at| at % 7 == 0 || *at > day - 1_000) {
        for (victim, file) in [(0, 1), (0, 2), (1, 1)] {
            let from = (second * 1_000 + 300) * MS;
            let row = RowKey { owner: Owned::Actor(victim), ..row(Call::Fdatasync, file) };
            timeline.add(row, from, from + 4 * MS, 4 * MS);
            let other = |number: u64| {
                let id = usize::try_from(second / 60 * 8 + number).unwrap() + 10;
                by(Culprit::Other(Owned::Actor(id)), MS / 8)
            };
            let charges = (0..8).map(other).chain([own(3 * MS)]).collect();
            timeline.settle(&shared(row, from, from + 4 * MS, charges));
            count += 1;
        }
        most = most.max(timeline.bytes);
    }
    assert!(most <= MOST_BYTES, "{most}");
    assert_eq!(timeline.bytes, timeline.counted());
    let steps = all(&timeline);
    assert_eq!(steps.iter().map(|one| one.step.count).sum::<u64>(), count);
    let charged: u64 = steps.iter().flat_map(|one| &one.step.charges).map(|(_, ns)| ns).sum();
    assert_eq!(charged, count * 4 * MS);
    let fine = steps.iter().filter(|one| one.step_s == 1 && one.at_s >= day - 890).count();
    assert_eq!((fine, timeline.squeezed, timeline.forgotten), (3 * 890, 0, 0));
}

/// Thousands of victims: steps are put together early, then series go, and how many is told.
#[test]
fn many_victims_stay_within_the_memory() {
    let mut timeline = Timeline::default();
    for second in 0..3_u64 {
        for victim in 0..3_500 {
            let from = second * 1_000 * MS;
            let row = RowKey { owner: Owned::Actor(victim), ..row(Call::Fsync, 1) };
            timeline.add(row, from, from + MS, MS);
            let charges =
                (0..20).map(|who| by(Culprit::Other(Owned::Actor(who)), MS / 20)).collect();
            timeline.settle(&shared(row, from, from + MS, charges));
        }
    }
    assert!(timeline.bytes <= MOST_BYTES && timeline.forgotten > 0);
    assert_eq!(timeline.bytes, timeline.counted());
}

/// Bytes from outside may say anything.
#[test]
fn impossible_times_are_survived() {
    let mut timeline = Timeline::default();
    timeline.begin(5_000 * MS);
    for (from, to) in [(0, u64::MAX), (u64::MAX, 0), (u64::MAX, u64::MAX), (0, 0)] {
        timeline.add(row(Call::Fsync, 0), from, to, u64::MAX);
        timeline.settle(&shared(row(Call::Fsync, 0), from, to, vec![own(u64::MAX), own(1)]));
    }
    assert_eq!(all(&timeline).iter().map(|one| one.step.count).sum::<u64>(), 4);
}

proptest! {
    // Property: in whatever order waits are told, and however old they are by then, count and time of all steps are those of all
    // waits, charges sum to those of each culprit, and the longest of all is marked.
    #[test]
    fn seconds_sum_to_the_whole(
        waits in prop::collection::vec((0_u64..20_000_000, 0_u64..40_000, 0_u32..3, 0_usize..4), 1..60),
    ) {
        let mut timeline = Timeline::default();
        let (mut time, mut charged) = (0, BTreeMap::<Charged, u64>::new());
        for (from, ms, file, who) in &waits {
            let (from, to) = (from * MS, (from + ms) * MS);
            let row = row(Call::Fdatasync, *file);
            let charges = vec![by(Culprit::Other(Owned::Actor(*who)), ms * MS / 3), own(ms * MS - ms * MS / 3)];
            for (to, ns) in charges.iter().filter(|(_, ns)| *ns > 0) {
                *charged.entry(Charged::from(*to)).or_default() += ns;
            }
            timeline.add(row, from, to, to - from);
            timeline.settle(&shared(row, from, to, charges));
            time += to - from;
        }
        let steps = all(&timeline);
        prop_assert_eq!(steps.iter().map(|one| one.step.count).sum::<u64>(), waits.len() as u64);
        prop_assert_eq!(steps.iter().map(|one| one.step.sum_ns).sum::<u64>(), time);
        let mut sums = BTreeMap::<Charged, u64>::new();
        for (to, ns) in steps.iter().flat_map(|one| &one.step.charges) {
            *sums.entry(*to).or_default() += ns;
        }
        prop_assert_eq!(sums, charged);
        let longest = steps.iter().map(|one| one.step.longest.ns).max();
        prop_assert_eq!(longest, waits.iter().map(|(_, ms, ..)| ms * MS).max());
        // No step overlaps the one before, and each begins where its length says.
        for (_, steps) in timeline.view(0, u64::MAX, std::iter::empty()) {
            prop_assert!(steps.windows(2).all(|two| two[0].at_s + two[0].step_s <= two[1].at_s));
            prop_assert!(steps.iter().all(|one| one.at_s % one.step_s == 0));
        }
    }
}
