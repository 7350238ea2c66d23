//! Seconds and stalls as the report has them: names instead of numbers, one series for each victim and class of file.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Now;
use super::actors::Owned;
use super::assemble::{describe, device_name};
use super::blame::Culprit as Who;
use super::books::Books;
use super::stalls::{Run, joined};
use super::timeline::{Charged, Longest, Placed, Step, charge};
use crate::ids::FileClass;
use crate::report::{
    LongestSync, Mechanism, Note, OTHERS, SELF, Stall, StallCause, Timeline, TimelineCause,
    UNEXPLAINED, rfc3339,
};

/// A step that lies behind the last one by more than this begins another series, in steps: nobody wants hours of nothing.
const GAP: u64 = 600;

/// The timeline of what was told since then (CLOCK_MONOTONIC ns); `None` without anybody to be a victim.
pub(super) fn timeline(books: &Books, from_ns: u64, now: Now) -> Option<Vec<Timeline>> {
    if !books.actors.has_targets() {
        return None;
    }
    let mut classes: BTreeMap<(Owned, FileClass), BTreeMap<u64, Placed>> = BTreeMap::new();
    let seen = books.timeline.view(from_ns, u64::MAX, books.blame.provisional());
    for ((owner, file), steps) in
        seen.into_iter().filter(|((owner, _), _)| is_target(books, *owner))
    {
        let all = classes.entry((owner, books.class_of(owner, file))).or_default();
        for placed in steps {
            match all.get_mut(&placed.at_s) {
                Some(known) => add(&mut known.step, &placed.step),
                None => {
                    all.insert(placed.at_s, placed);
                }
            }
        }
    }
    let one = |((owner, class), steps): ((Owned, FileClass), BTreeMap<u64, Placed>)| {
        let steps: Vec<Placed> = steps.into_values().collect();
        let ends = |pair: &[Placed]| pair[0].at_s + pair[0].step_s;
        let is_next = |pair: &[Placed]| {
            pair[0].step_s == pair[1].step_s
                && pair[1].at_s.saturating_sub(ends(pair)) <= GAP * pair[0].step_s
        };
        let mut runs: Vec<Vec<Placed>> = vec![Vec::new()];
        for (number, placed) in steps.iter().enumerate() {
            if number > 0 && !is_next(&steps[number - 1..=number]) {
                runs.push(Vec::new());
            }
            runs.last_mut().into_iter().for_each(|run| run.push(placed.clone()));
        }
        runs.into_iter()
            .filter_map(move |run| series(books, owner, class, &run, now))
            .collect::<Vec<_>>()
    };
    Some(classes.into_iter().flat_map(one).collect())
}

/// Two files of one class: all of both, nobody left out.
fn add(known: &mut Step, other: &Step) {
    known.count = known.count.saturating_add(other.count);
    known.sum_ns = known.sum_ns.saturating_add(other.sum_ns);
    known.longest = known.longest.max(other.longest);
    other.charges.iter().for_each(|(to, ns)| charge(&mut known.charges, *to, *ns));
}

/// Steps of one length as lists with an entry for each.
fn series(
    books: &Books,
    owner: Owned,
    file_class: FileClass,
    steps: &[Placed],
    now: Now,
) -> Option<Timeline> {
    let (first, last) = (steps.first()?, steps.last()?);
    let (from_s, step_s) = (first.at_s, first.step_s);
    let place = |at_s: u64| (at_s - from_s) / step_s;
    let length = usize::try_from(place(last.at_s)).ok()? + 1;
    let from_ns = books.timeline.time_ns(from_s);
    let mut timeline = Timeline {
        victim: describe(books, owner, 0).id,
        file_class,
        from: time(books, from_ns, now),
        step_ns: step_s.saturating_mul(1_000_000_000),
        count: vec![0; length],
        sum_ns: vec![0; length],
        mean_ns: vec![0; length],
        max_ns: vec![0; length],
        lost: Vec::new(),
        causes: Vec::new(),
    };
    let mut causes: BTreeMap<(String, Option<Mechanism>), BTreeMap<u64, u64>> = BTreeMap::new();
    for Placed { at_s, step, .. } in steps {
        let at = place(*at_s);
        let index = usize::try_from(at).ok()?;
        timeline.count[index] = step.count;
        timeline.sum_ns[index] = step.sum_ns;
        timeline.mean_ns[index] = step.sum_ns.checked_div(step.count).unwrap_or(0);
        timeline.max_ns[index] = step.longest.ns;
        for (to, ns) in &step.charges {
            let (culprit, mechanism, _) = named(books, *to);
            let sum = causes.entry((culprit, mechanism)).or_default().entry(at).or_default();
            *sum = sum.saturating_add(*ns);
        }
    }
    let is_lossy = |at: &u64| books.timeline.is_lossy(from_s + at * step_s, step_s);
    timeline.lost = (0..).take(length).filter(is_lossy).collect();
    timeline.causes = causes.into_iter().filter_map(cause).collect();
    let all =
        |one: &TimelineCause| one.wait_ns.iter().fold(0, |sum: u64, ns| sum.saturating_add(*ns));
    timeline
        .causes
        .sort_by_cached_key(|one| (Reverse(all(one)), one.culprit.clone(), one.mechanism));
    Some(timeline)
}

fn cause(
    ((culprit, mechanism), steps): ((String, Option<Mechanism>), BTreeMap<u64, u64>),
) -> Option<TimelineCause> {
    let (first, last) = (*steps.keys().next()?, *steps.keys().next_back()?);
    let wait_ns = (first..=last).map(|at| steps.get(&at).copied().unwrap_or(0)).collect();
    Some(TimelineCause { culprit, mechanism, first, wait_ns })
}

/// The stalls; `None` without anybody to be a victim.
pub(super) fn stalls(books: &Books, now: Now) -> Option<Vec<Stall>> {
    if !books.actors.has_targets() {
        return None;
    }
    let mut classes: BTreeMap<(Owned, FileClass), Vec<Run>> = BTreeMap::new();
    for run in books.stalls.view(books.blame.provisional()) {
        let (owner, file) = run.series;
        if is_target(books, owner) {
            classes.entry((owner, books.class_of(owner, file))).or_default().push(run);
        }
    }
    let mut stalls: Vec<(u64, Stall)> = Vec::new();
    for ((owner, class), runs) in classes {
        let runs = joined(runs).into_iter();
        stalls.extend(runs.map(|run| (run.from, stall(books, owner, class, &run, now))));
    }
    // The first first; of one moment in the order of victims and classes.
    stalls.sort_by_key(|(from, _)| *from);
    Some(stalls.into_iter().map(|(_, stall)| stall).collect())
}

fn stall(books: &Books, owner: Owned, file_class: FileClass, run: &Run, now: Now) -> Stall {
    let mut sums: BTreeMap<(String, Option<Mechanism>, Option<String>), u64> = BTreeMap::new();
    for (to, ns) in &run.charges {
        let sum = sums.entry(named(books, *to)).or_default();
        *sum = sum.saturating_add(*ns);
    }
    let mut causes: Vec<StallCause> = sums
        .into_iter()
        .map(|((culprit, mechanism, device), wait_ns)| StallCause {
            culprit,
            mechanism,
            device,
            wait_ns,
        })
        .collect();
    causes.sort_by_key(|one| Reverse(one.wait_ns));
    let Longest { ns, start_ns } = run.worst;
    Stall {
        victim: describe(books, owner, 0).id,
        file_class,
        start: time(books, run.from, now),
        duration_ns: run.to.saturating_sub(run.from),
        limit_ns: run.limit.ns,
        limit_source: run.limit.source,
        syncs: run.syncs,
        wait_ns: run.sum_ns,
        worst: LongestSync { start: time(books, start_ns, now), duration_ns: ns },
        causes,
        mostly: None,
        culprits: Vec::new(),
    }
}

/// What was given up so far, if anything was.
pub(super) fn forgotten(books: &Books) -> Option<Note> {
    let (series, stalls) = (books.timeline.forgotten(), books.stalls.forgotten());
    (series > 0 || stalls > 0).then_some(Note::SecondsForgotten { series, stalls })
}

/// Who is charged, how, and where.
fn named(books: &Books, charged: Charged) -> (String, Option<Mechanism>, Option<String>) {
    let Charged::To(who, dev, mechanism) = charged else { return (OTHERS.to_owned(), None, None) };
    let id = match who {
        Who::Own => SELF.to_owned(),
        Who::Nobody => UNEXPLAINED.to_owned(),
        Who::Other(owner) => describe(books, owner, dev.unwrap_or(0)).id,
    };
    (id, Some(mechanism), dev.map(|dev| device_name(books, dev)))
}

fn is_target(books: &Books, owner: Owned) -> bool {
    let Owned::Actor(id) = owner else { return false };
    books.actors.get(id).is_some_and(|known| !known.selected_by.is_empty())
}

/// A time of the monotonic clock on the host's clock, as that stands now.
fn time(books: &Books, mono_ns: u64, now: Now) -> String {
    let ago = now.mono_ns.cast_signed().wrapping_sub(mono_ns.cast_signed());
    rfc3339(now.unix_ns.wrapping_sub(ago), books.options.utc_offset_seconds)
}
