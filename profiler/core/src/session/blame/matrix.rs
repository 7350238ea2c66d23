//! The matrix itself: nanoseconds by victim and charge, settled ones apart from provisional ones.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::Shared;
use super::timeline::float;
use crate::report::Mechanism;
use crate::session::actors::Owned;
use crate::session::since::Renaming;
use crate::session::streams::RowKey;
use foldhash::HashMap;

/// Who is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::session) enum Culprit {
    /// Another one.
    Other(Owned),
    /// The victim itself.
    Own,
    /// Nobody on this host explains it.
    Nobody,
}

/// To whom a part of a wait is charged, and how it came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::session) struct Charge {
    pub(in crate::session) culprit: Culprit,
    /// Number of the culprit's file, 0 when it is not known.
    pub(in crate::session) file: u32,
    /// Device index; `None` where no device was involved.
    pub(in crate::session) dev: Option<u32>,
    pub(in crate::session) mechanism: Mechanism,
}

impl Charge {
    pub(super) const fn own(dev: Option<u32>, mechanism: Mechanism) -> Self {
        Self { culprit: Culprit::Own, file: 0, dev, mechanism }
    }

    pub(super) const fn nobody(dev: Option<u32>, mechanism: Mechanism) -> Self {
        Self { culprit: Culprit::Nobody, file: 0, dev, mechanism }
    }

    /// Whose file it is.
    const fn owner(&self, victim: Owned) -> Owned {
        match self.culprit {
            Culprit::Other(owner) => owner,
            Culprit::Own | Culprit::Nobody => victim,
        }
    }
}

/// Charges with weights, each once.
#[derive(Debug, Default)]
pub(super) struct Weights(Vec<(Charge, f64)>);

impl Weights {
    pub(super) fn add(&mut self, charge: Charge, weight: f64) {
        if weight <= 0.0 {
            return;
        }
        match self.0.iter_mut().find(|(known, _)| *known == charge) {
            Some((_, sum)) => *sum += weight,
            None => self.0.push((charge, weight)),
        }
    }

    pub(super) fn sum(&self) -> f64 {
        self.0.iter().map(|(_, weight)| weight).sum()
    }

    /// Adds these in proportion, so much in all. Does nothing, and says so, when there are none.
    pub(super) fn spread(&mut self, over: &Self, ns: f64) -> bool {
        let sum = over.sum();
        if sum <= 0.0 {
            return false;
        }
        for (charge, weight) in &over.0 {
            self.add(*charge, ns * weight / sum);
        }
        true
    }

    /// Whole nanoseconds in proportion to the weights, which sum to `total` exactly.
    pub(super) fn exact(mut self, total: u64) -> Vec<(Charge, u64)> {
        let sum = self.sum();
        // Whatever order they were found in.
        self.0.sort_by_key(|(charge, _)| *charge);
        let (mut before, mut passed) = (0, 0.0);
        let last = self.0.len().saturating_sub(1);
        let mut exact = Vec::with_capacity(self.0.len());
        for (at, (charge, weight)) in self.0.into_iter().enumerate() {
            passed += weight;
            let upto = if at == last { total } else { share(total, passed / sum).max(before) };
            exact.push((charge, upto - before));
            before = upto;
        }
        exact.retain(|(_, ns)| *ns > 0);
        exact
    }
}

/// A share (0 to 1) of a time, rounded.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time between 0 and `total`, which fits"
)]
fn share(total: u64, share: f64) -> u64 {
    ((float(total) * share).round() as u64).min(total)
}

/// Nanoseconds by victim and charge.
pub(in crate::session) type Cells = HashMap<(RowKey, Charge), u64>;

/// Seconds of which it is known which waits were under way when they ended and were settled later. In a longer window,
/// those that were under way at its begin count as well: a quarter of a second of a quarter of an hour.
const LATE_SECONDS: usize = 1 << 10;

/// What waits were charged with that were told in one second and settled in a later one.
#[derive(Clone)]
struct Late {
    told: u64,
    settled: u64,
    cells: Arc<Cells>,
}

/// What a wait that is not settled yet would be charged with, as far as that was known when its second ended.
#[derive(Clone, Debug)]
struct Provisional {
    /// The second in which it was told.
    told: u64,
    row: RowKey,
    /// From then to then, CLOCK_MONOTONIC ns.
    span: (u64, u64),
    charges: Vec<(Charge, u64)>,
}

/// All charges. A wait is settled once, when what it overlapped has ended; until then its charges are provisional, and
/// kept apart, so that those that are settled are final.
#[derive(Clone, Default)]
pub(in crate::session) struct Matrix {
    /// Sums.
    settled: Cells,
    /// Sums, by the second in which they were settled.
    late: VecDeque<Late>,
    /// By the number of the wait. Of a window those that were told in it.
    provisional: BTreeMap<u64, Arc<Provisional>>,
    /// Sum: seconds that are over.
    seconds: u64,
}

impl Matrix {
    /// A wait is settled.
    pub(super) fn settle(
        &mut self,
        (number, told): (u64, u64),
        victim: RowKey,
        charges: &[(Charge, u64)],
    ) {
        add(&mut self.settled, victim, charges);
        self.provisional.remove(&number);
        if told == self.seconds || charges.is_empty() {
            return;
        }
        let settled = self.seconds;
        let is_same = |late: &&mut Late| (late.told, late.settled) == (told, settled);
        if let Some(late) = self.late.iter_mut().rev().take(2).find(is_same) {
            return add(Arc::make_mut(&mut late.cells), victim, charges);
        }
        let mut cells = Cells::default();
        add(&mut cells, victim, charges);
        self.late.push_back(Late { told, settled, cells: Arc::new(cells) });
        if self.late.len() > LATE_SECONDS {
            self.late.pop_front();
        }
    }

    /// Whether it is known already what a wait that is not settled would be charged with.
    pub(super) fn is_provisional(&self, number: u64) -> bool {
        self.provisional.contains_key(&number)
    }

    /// What a wait that is not settled would be charged with.
    pub(super) fn add_provisional(
        &mut self,
        (number, told): (u64, u64),
        (row, span): (RowKey, (u64, u64)),
        charges: Vec<(Charge, u64)>,
    ) {
        self.provisional.insert(number, Arc::new(Provisional { told, row, span, charges }));
    }

    /// Waits that are not settled, with what they would be charged with.
    pub(super) fn provisional(&self) -> impl Iterator<Item = Shared<'_>> {
        self.provisional.values().map(|wait| Shared {
            row: wait.row,
            from: wait.span.0,
            to: wait.span.1,
            charges: Cow::Borrowed(&wait.charges),
        })
    }

    /// Of all this nothing but what is not settled.
    pub(super) fn only_provisional(&self) -> Self {
        Self { provisional: self.provisional.clone(), ..Self::default() }
    }

    /// Seconds that are over.
    pub(super) const fn seconds(&self) -> u64 {
        self.seconds
    }

    pub(super) fn end_second(&mut self) {
        self.seconds += 1;
    }

    /// What is final.
    #[cfg(test)]
    pub(in crate::session) const fn settled(&self) -> &Cells {
        &self.settled
    }

    /// Everything: each wait once, with its final charges or, where there are none yet, with provisional ones.
    pub(super) fn cells(&self) -> Cells {
        let mut cells = self.settled.clone();
        for wait in self.provisional.values() {
            add(&mut cells, wait.row, &wait.charges);
        }
        cells
    }

    /// The same of what was told since the matrix was `older`. What was told before and settled since was in that window.
    pub(super) fn cells_since(&self, older: &Self) -> Cells {
        let mut cells = self.settled_since(older);
        let since = older.seconds;
        for late in self.late.iter().rev().take_while(|late| late.settled >= since) {
            for (cell, ns) in late.cells.iter().filter(|_| late.told < since) {
                if let Some(sum) = cells.get_mut(cell) {
                    *sum = sum.saturating_sub(*ns);
                }
            }
        }
        for wait in self.provisional.values().filter(|wait| wait.told >= since) {
            add(&mut cells, wait.row, &wait.charges);
        }
        cells.retain(|_, ns| *ns > 0);
        cells
    }

    /// What was settled since the matrix was `older`, whenever it was told: windows that follow each other sum to the whole.
    pub(in crate::session) fn settled_since(&self, older: &Self) -> Cells {
        let new = self.settled.iter().map(|(cell, ns)| {
            let before = older.settled.get(cell).copied().unwrap_or(0);
            (*cell, ns.saturating_sub(before))
        });
        new.filter(|(_, ns)| *ns > 0).collect()
    }

    /// Files of victims and of culprits, each with its owner.
    pub(super) fn files(&self) -> impl Iterator<Item = (Owned, u32)> {
        let settled = self.settled.keys().copied();
        let provisional = self.provisional.values();
        let provisional =
            provisional.flat_map(|wait| wait.charges.iter().map(|(charge, _)| (wait.row, *charge)));
        settled.chain(provisional).flat_map(|(victim, charge)| {
            [(victim.owner, victim.file), (charge.owner(victim.owner), charge.file)]
        })
    }

    /// Those who are listed no more, and these files, are others from now on.
    pub(in crate::session) fn rename(&mut self, renaming: &Renaming) {
        rename_cells(&mut self.settled, renaming);
        for late in &mut self.late {
            rename_cells(Arc::make_mut(&mut late.cells), renaming);
        }
        for wait in self.provisional.values_mut() {
            let wait = Arc::make_mut(wait);
            let victim = wait.row;
            for (charge, _) in &mut wait.charges {
                (_, *charge) = renamed(victim, *charge, renaming);
            }
            wait.row.file = renaming.place(victim.owner, victim.file).1;
        }
    }
}

fn rename_cells(cells: &mut Cells, renaming: &Renaming) {
    for ((victim, charge), ns) in std::mem::take(cells) {
        let (victim, charge) = renamed(victim, charge, renaming);
        add(cells, victim, &[(charge, ns)]);
    }
}

/// A target is always listed, so a victim keeps its name.
fn renamed(victim: RowKey, charge: Charge, renaming: &Renaming) -> (RowKey, Charge) {
    let (owner, file) = renaming.place(charge.owner(victim.owner), charge.file);
    let culprit = match charge.culprit {
        Culprit::Other(_) => Culprit::Other(owner),
        own => own,
    };
    let victim_file = renaming.place(victim.owner, victim.file).1;
    (RowKey { file: victim_file, ..victim }, Charge { culprit, file, ..charge })
}

fn add(cells: &mut Cells, victim: RowKey, charges: &[(Charge, u64)]) {
    for (charge, ns) in charges {
        let sum = cells.entry((victim, *charge)).or_default();
        *sum = sum.saturating_add(*ns);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn charge(file: u32) -> Charge {
        Charge { culprit: Culprit::Own, file, dev: Some(0), mechanism: Mechanism::Device }
    }

    proptest! {
        // Property: rounding loses and makes nothing, and nobody is more than a nanosecond off.
        #[test]
        fn rounded_shares_sum_to_the_whole(
            weights in prop::collection::vec(0.001..1e9_f64, 1..20), total in 0..1_u64 << 50,
        ) {
            let mut all = Weights::default();
            for (file, weight) in (0..).zip(&weights) {
                all.add(charge(file), *weight);
            }
            let sum = all.sum();
            let exact = all.exact(total);
            prop_assert_eq!(exact.iter().map(|(_, ns)| ns).sum::<u64>(), total);
            for (charge, ns) in exact {
                let expected = float(total) * weights[charge.file as usize] / sum;
                prop_assert!((float(ns) - expected).abs() < 1.5 + float(total) * 1e-12);
            }
        }
    }

    #[test]
    fn nothing_is_spread_over_nobody() {
        let mut weights = Weights::default();
        assert!(!weights.spread(&Weights::default(), 5.0));
        assert_eq!(weights.exact(0), []);
    }
}
