//! The matrix itself: nanoseconds by victim and charge, whole and since the last interval.

use super::timeline::float;
use crate::report::Mechanism;
use crate::session::actors::{ActorId, Owned};
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

type Cells = HashMap<(RowKey, Charge), u64>;

/// All charges.
#[derive(Default)]
pub(super) struct Matrix {
    whole: Cells,
    interval: Cells,
}

impl Matrix {
    pub(super) fn add_whole(&mut self, victim: RowKey, charges: &[(Charge, u64)]) {
        add(&mut self.whole, victim, charges);
    }

    pub(super) fn add_interval(&mut self, victim: RowKey, charges: &[(Charge, u64)]) {
        add(&mut self.interval, victim, charges);
    }

    pub(super) fn cells(&self, interval: bool) -> impl Iterator<Item = (RowKey, Charge, u64)> {
        let cells = if interval { &self.interval } else { &self.whole };
        cells.iter().map(|((victim, charge), ns)| (*victim, *charge, *ns))
    }

    pub(super) fn next_interval(&mut self) {
        self.interval.clear();
    }

    /// Those who are listed no more are others from now on; which file it was is not kept.
    pub(super) fn put_together(&mut self, moved: &HashMap<ActorId, usize>) {
        // A target is always listed, so victims stay.
        self.change(|_victim, charge| {
            if let Culprit::Other(Owned::Actor(id)) = charge.culprit
                && let Some(index) = moved.get(&id)
            {
                charge.culprit = Culprit::Other(Owned::Ended(*index));
                charge.file = 0;
            }
        });
    }

    /// Files of victims and of culprits, each with its owner.
    pub(super) fn files(&self) -> impl Iterator<Item = (Owned, u32)> {
        let keys = self.whole.keys().chain(self.interval.keys());
        keys.flat_map(|(victim, charge)| {
            let owner = match charge.culprit {
                Culprit::Other(owner) => owner,
                Culprit::Own | Culprit::Nobody => victim.owner,
            };
            [(victim.owner, victim.file), (owner, charge.file)]
        })
    }

    /// These files are others from now on.
    pub(super) fn files_together(&mut self, moved: &HashMap<(Owned, u32), u32>) {
        self.change(|victim, charge| {
            let owner = match charge.culprit {
                Culprit::Other(owner) => owner,
                Culprit::Own | Culprit::Nobody => victim.owner,
            };
            if let Some(file) = moved.get(&(owner, charge.file)) {
                charge.file = *file;
            }
            if let Some(file) = moved.get(&(victim.owner, victim.file)) {
                victim.file = *file;
            }
        });
    }

    fn change(&mut self, change: impl Fn(&mut RowKey, &mut Charge)) {
        for cells in [&mut self.whole, &mut self.interval] {
            let old = std::mem::take(cells);
            for ((mut victim, mut charge), ns) in old {
                change(&mut victim, &mut charge);
                add(cells, victim, &[(charge, ns)]);
            }
        }
    }
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
