//! What each second was like for each victim: how many of its syncs ended in it, how long they took, how long the longest one was that
//! touched it, and whom its waits are charged to.
//!
//! A ledger by time: any span of it can be looked at ([`Timeline::view`]), so a window is a span and nothing is subtracted. A snapshot
//! shares all steps that do not change. Seconds count from the
//! begin of counting. A quarter of an hour is kept by the second; what is older is put together into steps of 10 s, of a minute, of
//! ten. Memory is bounded by [`MOST_BYTES`] whatever happens: beyond it steps are put together earlier, in the end the series go of
//! whoever was idle for longest, and are counted.
//!
//! Count and sum belong to the second in which a sync ended, so that they add up. The longest sync marks every second that it
//! spans, and charges lie in the seconds over which the wait went.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;

use super::actors::Owned;
use super::blame::{Charge, Culprit, Shared};
use super::since::Renaming;
use super::streams::{RowKey, What};
use crate::report::Mechanism;

/// A second, ns.
const SECOND_NS: u64 = 1_000_000_000;

/// A step, and for how long there are such steps, in seconds. Each step divides the next one.
struct Tier {
    step_s: u64,
    kept_s: u64,
}

/// From fine to coarse; the last one holds all that is older.
const TIERS: [Tier; 4] = [
    Tier { step_s: 1, kept_s: 900 },
    Tier { step_s: 10, kept_s: 7_200 },
    Tier { step_s: 60, kept_s: 86_400 },
    Tier { step_s: 600, kept_s: u64::MAX },
];

/// Memory of all series, bytes. With what is kept of stalls it stays below 8 MiB.
const MOST_BYTES: usize = 6 << 20;
/// A step without its charges, and a charge, with what a tree needs to hold them, bytes.
const STEP_BYTES: usize = 128;
/// See [`STEP_BYTES`].
const CHARGE_BYTES: usize = size_of::<(Charged, u64)>();
/// Charges told apart in one step; smaller ones are those of others.
const MOST_CHARGES: usize = 16;
/// After so many halvings of the times that steps are kept, only the last tier is left.
const MOST_SQUEEZED: u32 = 17;
/// No wait marks more than a day: bytes from outside may say anything.
const LONGEST_NS: u64 = 86_400 * SECOND_NS;

/// Whom a part of a wait is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Charged {
    /// Somebody, on a device (by index), by a mechanism.
    To(Culprit, Option<u32>, Mechanism),
    /// Others who had little each.
    Others,
}

impl From<Charge> for Charged {
    fn from(charge: Charge) -> Self {
        Self::To(charge.culprit, charge.dev, charge.mechanism)
    }
}

impl Charged {
    /// The same after actors were put together.
    pub(super) fn renamed(self, renaming: &Renaming) -> Self {
        match self {
            Self::To(Culprit::Other(owner), dev, mechanism) => {
                let new = renaming.owner(owner).unwrap_or(owner);
                Self::To(Culprit::Other(new), dev, mechanism)
            }
            _ => self,
        }
    }
}

/// Time by whom it is charged to.
pub(super) type Charges = Vec<(Charged, u64)>;

/// Adds a time to that of the same charge.
pub(super) fn charge(all: &mut Charges, to: Charged, ns: u64) {
    match all.iter_mut().find(|(known, _)| *known == to) {
        Some((_, sum)) => *sum = sum.saturating_add(ns),
        None if ns > 0 => {
            // There are many short ones.
            all.reserve_exact(1);
            all.push((to, ns));
        }
        None => {}
    }
}

/// Of more than so many, the smallest become those of others.
pub(super) fn bounded(all: &mut Charges, most: usize) {
    if all.len() <= most {
        return;
    }
    all.sort_by_key(|(to, ns)| (*to == Charged::Others, Reverse(*ns), *to));
    for (_, ns) in all.split_off(most.saturating_sub(1)) {
        charge(all, Charged::Others, ns);
    }
    all.shrink_to_fit();
}

/// The same after actors were put together.
pub(super) fn rename(all: &mut Charges, renaming: &Renaming) {
    let old = std::mem::take(all);
    for (to, ns) in old {
        charge(all, to.renamed(renaming), ns);
    }
}

/// Whether any of these has another name.
pub(super) fn is_renamed(all: &Charges, renaming: &Renaming) -> bool {
    all.iter().any(|(to, _)| to.renamed(renaming) != *to)
}

/// The longest sync that touches a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Longest {
    /// Its length; 0 when none did.
    pub(super) ns: u64,
    /// Its begin, CLOCK_MONOTONIC ns.
    pub(super) start_ns: u64,
}

/// What is known of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// Syncs that ended in it.
    pub(super) count: u64,
    /// Their time, ns.
    pub(super) sum_ns: u64,
    /// The longest that touches it.
    pub(super) longest: Longest,
    /// Time waited within it, by whom it is charged to. What no record told of is missing.
    pub(super) charges: Charges,
}

impl Step {
    fn bytes(&self) -> usize {
        STEP_BYTES + self.charges.capacity() * CHARGE_BYTES
    }

    fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.longest = self.longest.max(other.longest);
        other.charges.iter().for_each(|(to, ns)| charge(&mut self.charges, *to, *ns));
        bounded(&mut self.charges, MOST_CHARGES);
    }
}

/// A step with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Its begin, seconds since counting began.
    pub(super) at_s: u64,
    /// Its length, seconds.
    pub(super) step_s: u64,
    /// What is known of it.
    pub(super) step: Step,
}

/// Whose syncs, on which file (by number).
pub(super) type Series = (Owned, u32);

/// Steps by the second in which they begin. What a snapshot has too is copied when it changes: of a series its list, of the steps only
/// that one.
type Steps = Arc<BTreeMap<u64, Arc<Step>>>;

/// All series. Learnt: a window shows those of its time.
#[derive(Clone, Default)]
pub(super) struct Timeline {
    /// Counting began, CLOCK_MONOTONIC ns.
    began_ns: u64,
    series: HashMap<Series, Steps>,
    /// The first second of each tier but the last.
    begins: [u64; TIERS.len() - 1],
    newest: u64,
    /// So often the times that steps are kept were halved.
    squeezed: u32,
    /// Spans of seconds in which records were lost, in order and apart.
    lost: Arc<Vec<(u64, u64)>>,
    looked_ns: u64,
    /// Series that were given up, since counting began.
    forgotten: u64,
    /// Memory of all series.
    bytes: usize,
}

/// Spans with losses that are told apart.
const MOST_LOST: usize = 1_024;

impl Timeline {
    /// Counting begins, CLOCK_MONOTONIC ns.
    pub(super) fn begin(&mut self, now_ns: u64) {
        *self = Self { began_ns: now_ns, looked_ns: now_ns, ..Self::default() };
    }

    /// A wait of a target is over: from then to then, CLOCK_MONOTONIC ns, and its length in the statistics. Other waits than syncs are
    /// not looked at.
    pub(super) fn add(&mut self, row: RowKey, from: u64, to: u64, counted_ns: u64) {
        if !is_sync(row) {
            return;
        }
        let (from, to) = self.within(from, to);
        let longest = Longest { ns: counted_ns, start_ns: from };
        self.advance(self.second(to));
        for at in self.places(from, to) {
            self.change(series(row), at, |step| step.longest = step.longest.max(longest));
        }
        let last = self.place(self.second(to));
        self.change(series(row), last, |step| {
            step.count = step.count.saturating_add(1);
            step.sum_ns = step.sum_ns.saturating_add(counted_ns);
        });
        self.shrink();
    }

    /// A wait was shared out for good.
    pub(super) fn settle(&mut self, shared: &Shared<'_>) {
        if !is_sync(shared.row) {
            return;
        }
        let (from, to) = self.within(shared.from, shared.to);
        self.advance(self.second(to));
        for (at, charges) in self.spread(from, to, &shared.charges) {
            self.change(series(shared.row), at, |step| {
                for (to, ns) in charges {
                    charge(&mut step.charges, to, ns);
                }
                bounded(&mut step.charges, MOST_CHARGES);
            });
        }
        self.shrink();
    }

    /// Counters of losses were looked at, CLOCK_MONOTONIC ns; `more` were lost since the last look, nobody knows when in between.
    pub(super) fn looked(&mut self, now_ns: u64, more: bool) {
        let since = std::mem::replace(&mut self.looked_ns, now_ns);
        if !more {
            return;
        }
        let (first, last) = (self.second(since), self.second(now_ns.max(since)));
        let lost = Arc::make_mut(&mut self.lost);
        match lost.last_mut() {
            Some((_, until)) if first <= until.saturating_add(1) => *until = last.max(*until),
            _ => lost.push((first, last)),
        }
        if lost.len() > MOST_LOST {
            // The oldest are one from then on: too much is marked rather than too little.
            let (first, _) = lost.remove(0);
            if let Some(oldest) = lost.first_mut() {
                oldest.0 = first;
            }
        }
    }

    /// Steps of all series that touch a span of time (CLOCK_MONOTONIC ns), in order, with what is `provisional`: shared out, and not for
    /// good.
    pub(super) fn view<'a>(
        &self,
        from_ns: u64,
        to_ns: u64,
        provisional: impl Iterator<Item = Shared<'a>>,
    ) -> BTreeMap<Series, Vec<Placed>> {
        let (first, last) = (self.place(self.second(from_ns)), self.second(to_ns.max(from_ns)));
        let mut seen: BTreeMap<Series, BTreeMap<u64, Step>> = BTreeMap::new();
        for (series, steps) in &self.series {
            let within = steps.range(first..=last).map(|(at, step)| (*at, Step::clone(step)));
            seen.insert(*series, within.collect());
        }
        for shared in provisional.filter(|shared| is_sync(shared.row)) {
            let (from, to) = self.within(shared.from, shared.to);
            let steps = seen.entry(series(shared.row)).or_default();
            for (at, charges) in self.spread(from, to, &shared.charges) {
                if (first..=last).contains(&at) {
                    let step = steps.entry(at).or_default();
                    for (to, ns) in charges {
                        charge(&mut step.charges, to, ns);
                    }
                }
            }
        }
        seen.retain(|_, steps| !steps.is_empty());
        let placed = |(at_s, step)| Placed { at_s, step_s: self.step_s(at_s), step };
        seen.into_iter()
            .map(|(series, steps)| (series, steps.into_iter().map(placed).collect()))
            .collect()
    }

    /// Whether records were lost in a step.
    pub(super) fn is_lossy(&self, at_s: u64, step_s: u64) -> bool {
        let at = self.lost.partition_point(|(_, until)| *until < at_s);
        self.lost.get(at).is_some_and(|(first, _)| *first < at_s.saturating_add(step_s))
    }

    /// When a second begins, CLOCK_MONOTONIC ns.
    pub(super) const fn time_ns(&self, at_s: u64) -> u64 {
        self.began_ns.saturating_add(at_s.saturating_mul(SECOND_NS))
    }

    /// Series that were given up.
    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Files of victims, each with its owner.
    pub(super) fn files(&self) -> impl Iterator<Item = Series> {
        self.series.keys().copied()
    }

    /// Those who are listed no more are others from now on, and no victims; these files are others.
    pub(super) fn rename(&mut self, renaming: &Renaming) {
        if !renaming.actors.is_empty() {
            self.series.retain(|(owner, _), _| renaming.owner(*owner).is_none());
            for steps in self.series.values_mut() {
                if !steps.values().any(|step| is_renamed(&step.charges, renaming)) {
                    continue;
                }
                for step in Arc::make_mut(steps).values_mut() {
                    if is_renamed(&step.charges, renaming) {
                        rename(&mut Arc::make_mut(step).charges, renaming);
                    }
                }
            }
        }
        for (series, file) in &renaming.files {
            let Some(old) = self.series.remove(series) else { continue };
            let new = Arc::make_mut(self.series.entry((series.0, *file)).or_default());
            for (at, step) in &*old {
                Arc::make_mut(new.entry(*at).or_default()).merge(step);
            }
        }
        self.bytes = self.counted();
    }

    /// Memory of all series, counted anew.
    fn counted(&self) -> usize {
        let steps = self.series.values().flat_map(|steps| steps.values());
        steps.map(|step| step.bytes()).sum()
    }

    fn second(&self, ns: u64) -> u64 {
        ns.saturating_sub(self.began_ns) / SECOND_NS
    }

    /// A wait as far as it is looked at.
    fn within(&self, from: u64, to: u64) -> (u64, u64) {
        let earliest = self.began_ns.max(to.saturating_sub(LONGEST_NS));
        (from.max(earliest), to.max(earliest))
    }

    /// The tier of a second: 0 is the finest.
    fn tier(&self, second: u64) -> usize {
        self.begins.iter().take_while(|begin| second < **begin).count()
    }

    fn step_s(&self, second: u64) -> u64 {
        TIERS[self.tier(second)].step_s
    }

    /// Where the step of a second begins.
    fn place(&self, second: u64) -> u64 {
        second - second % self.step_s(second)
    }

    /// Where the steps begin that a span of time touches.
    fn places(&self, from: u64, to: u64) -> Vec<u64> {
        let (first, last) = (self.place(self.second(from)), self.second(to));
        let next = |at: &u64| Some(at.saturating_add(self.step_s(*at))).filter(|at| *at <= last);
        std::iter::successors(Some(first), next).collect()
    }

    fn change(&mut self, series: Series, at: u64, change: impl FnOnce(&mut Step)) {
        let steps = Arc::make_mut(self.series.entry(series).or_default());
        let before = steps.get(&at).map_or(0, |step| step.bytes());
        let step = Arc::make_mut(steps.entry(at).or_default());
        change(step);
        self.bytes = self.bytes.saturating_sub(before).saturating_add(step.bytes());
    }

    /// Charges of a wait by step, in proportion to the time that it spent there; rounding loses nothing.
    fn spread(&self, from: u64, to: u64, charges: &[(Charge, u64)]) -> Vec<(u64, Charges)> {
        let places = self.places(from, to);
        let whole = u128::from(to.saturating_sub(from).max(1));
        let last = places.len().saturating_sub(1);
        let mut done: Vec<u64> = vec![0; charges.len()];
        let mut steps = Vec::with_capacity(places.len());
        for (number, at) in places.into_iter().enumerate() {
            let end = self.time_ns(at.saturating_add(self.step_s(at)));
            let passed = u128::from(end.min(to).saturating_sub(from));
            let mut of_step = Charges::new();
            for ((to, ns), done) in charges.iter().zip(&mut done) {
                let upto = match number {
                    _ if number == last => *ns,
                    _ => u64::try_from(u128::from(*ns) * passed / whole).unwrap_or(*ns),
                };
                charge(&mut of_step, Charged::from(*to), upto - *done);
                *done = upto;
            }
            steps.push((at, of_step));
        }
        steps
    }

    /// The newest second is this one: what has become old is put together.
    fn advance(&mut self, second: u64) {
        if second <= self.newest {
            return;
        }
        self.newest = second;
        self.roll_up();
    }

    /// Steps are put together earlier until there is room.
    fn shrink(&mut self) {
        while self.bytes > MOST_BYTES {
            if self.squeezed < MOST_SQUEEZED {
                self.squeezed += 1;
                self.roll_up();
            } else if !self.forget_one() {
                return;
            }
        }
    }

    fn roll_up(&mut self) {
        for tier in 0..self.begins.len() {
            let kept_s = TIERS[tier].kept_s >> self.squeezed;
            let coarse_s = TIERS[tier + 1].step_s;
            let begin = (self.newest + 1).saturating_sub(kept_s) / coarse_s * coarse_s;
            let old = self.begins[tier];
            if begin <= old {
                continue;
            }
            self.begins[tier] = begin;
            for steps in self.series.values_mut() {
                let rolled: Vec<u64> = steps.range(old..begin).map(|(at, _)| *at).collect();
                if rolled.is_empty() {
                    continue;
                }
                let steps = Arc::make_mut(steps);
                for at in rolled {
                    let Some(step) = steps.remove(&at) else { continue };
                    let place = at - at % coarse_s;
                    let before = steps.get(&place).map_or(0, |step| step.bytes()) + step.bytes();
                    let coarse = Arc::make_mut(steps.entry(place).or_default());
                    coarse.merge(&step);
                    self.bytes = self.bytes.saturating_sub(before).saturating_add(coarse.bytes());
                }
            }
        }
    }

    /// Gives up the series of whoever was idle for longest.
    fn forget_one(&mut self) -> bool {
        let newest = |steps: &Steps| steps.keys().next_back().copied();
        let oldest = self.series.iter().min_by_key(|(series, steps)| (newest(steps), **series));
        let Some(series) = oldest.map(|(series, _)| *series) else { return false };
        let steps = self.series.remove(&series);
        let freed: usize =
            steps.iter().flat_map(|steps| steps.values()).map(|step| step.bytes()).sum();
        self.bytes = self.bytes.saturating_sub(freed);
        self.forgotten += 1;
        freed > 0
    }
}

/// Whether a row's waits are syncs of one file, as those are that the verdict judges.
fn is_sync(row: RowKey) -> bool {
    matches!(row.what, What::Wait(call) if call.syncs_a_file())
}

const fn series(row: RowKey) -> Series {
    (row.owner, row.file)
}

#[cfg(test)]
mod tests;
