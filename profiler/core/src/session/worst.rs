//! The longest waits of each target, taken apart one by one: a mean hides what an alarm was about.

use std::sync::Arc;

use super::actors::Owned;
use super::anatomy::Parts;
use super::since::{Renaming, Since};
use super::streams::{RowKey, What};
use crate::ids::Call;
use foldhash::HashMap;

/// How many are told of each target.
const KEPT: usize = 3;
/// Most that are kept of each target, so that memory is bounded. Of `n` waits in any order, about 3 ln `n` are kept: 40 of a
/// million. Only where waits get shorter and shorter it would be all of them.
const MOST: usize = 256;

/// One wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Long {
    pub(super) row: RowKey,
    pub(super) call: Call,
    /// Begin, CLOCK_MONOTONIC ns.
    pub(super) start_ns: u64,
    pub(super) duration_ns: u64,
    pub(super) parts: Parts,
    /// How many were told before it.
    number: u64,
    /// How many that were told after it were longer.
    longer_after: usize,
}

/// The waits in syncs that are among the longest of some time that ends now. Those of any such time are found among
/// them, so one list serves every window.
#[derive(Clone, Default)]
pub(super) struct Worst {
    /// Extremes, in the order in which they were told.
    longest: HashMap<Owned, Arc<Vec<Long>>>,
    /// Sum: how many were told.
    told: u64,
}

impl Worst {
    /// A wait of a target; only syncs are kept.
    pub(super) fn add(&mut self, row: RowKey, start_ns: u64, duration_ns: u64, parts: Parts) {
        let What::Wait(call) = row.what else { return };
        if !call.is_sync() {
            return;
        }
        let number = self.told;
        self.told += 1;
        let new = Long { row, call, start_ns, duration_ns, parts, number, longer_after: 0 };
        let kept = Arc::make_mut(self.longest.entry(row.owner).or_default());
        // Of two that took as long, the first stays.
        for known in kept.iter_mut().filter(|known| known.duration_ns < duration_ns) {
            known.longer_after += 1;
        }
        kept.retain(|known| known.longer_after < KEPT);
        kept.push(new);
        if kept.len() > MOST {
            let whole: Vec<u64> = longest(kept).iter().map(|long| long.number).collect();
            let oldest = kept.iter().position(|long| !whole.contains(&long.number));
            oldest.map(|at| kept.remove(at));
        }
    }

    /// The longest of one owner, the longest first.
    pub(super) fn of(&self, owner: Owned) -> Vec<Long> {
        self.longest.get(&owner).map_or(Vec::new(), |kept| longest(kept))
    }

    /// Those who are listed by name need none, and rows belong to other files from now on. A target is always listed.
    pub(super) fn rename(&mut self, renaming: &Renaming) {
        self.longest.retain(|owner, _| renaming.owner(*owner).is_none());
        if renaming.files.is_empty() {
            return;
        }
        let file = |long: &Long| renaming.place(long.row.owner, long.row.file).1;
        for kept in self.longest.values_mut() {
            if kept.iter().any(|long| file(long) != long.row.file) {
                for long in Arc::make_mut(kept) {
                    long.row.file = file(long);
                }
            }
        }
    }
}

impl Since for Worst {
    fn since(&self, older: &Self) -> Self {
        let new = self.longest.iter().map(|(owner, kept)| {
            let new: Vec<Long> =
                kept.iter().filter(|long| long.number >= older.told).copied().collect();
            (*owner, Arc::new(new))
        });
        Self { longest: new.filter(|(_, kept)| !kept.is_empty()).collect(), told: self.told }
    }
}

/// The longest of these, the longest first.
fn longest(kept: &[Long]) -> Vec<Long> {
    let mut longest = kept.to_vec();
    longest.sort_by_key(|long| std::cmp::Reverse(long.duration_ns));
    longest.truncate(KEPT);
    longest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::Method;

    const OWNER: Owned = Owned::Actor(1);

    fn row() -> RowKey {
        let what = What::Wait(Call::Fsync);
        RowKey { owner: OWNER, device: 0, what, file: 0, method: Method::Direct }
    }

    fn found(worst: &Worst) -> Vec<(u64, u64)> {
        worst.of(OWNER).iter().map(|long| (long.start_ns, long.duration_ns)).collect()
    }

    proptest! {
        // Property: of any time that ends now, those kept hold the longest waits, of equal ones the first; and few are kept.
        #[test]
        fn every_window_has_its_longest(
            durations in prop::collection::vec(0_u64..50, 0..100), from in 0_usize..100,
        ) {
            let (mut worst, mut before) = (Worst::default(), Worst::default());
            for (at, ns) in (0..).zip(&durations) {
                if at == from {
                    before = worst.clone();
                }
                worst.add(row(), u64::try_from(at).unwrap(), *ns, Parts::default());
            }
            let oracle = |from: usize| {
                let all = (0..).zip(&durations).skip(from).map(|(at, ns)| (at, *ns));
                let mut all: Vec<(u64, u64)> = all.collect();
                all.sort_by_key(|(_, ns)| std::cmp::Reverse(*ns));
                all.truncate(KEPT);
                all
            };
            prop_assert_eq!(found(&worst), oracle(0));
            let from = if from < durations.len() { from } else { 0 };
            prop_assert_eq!(found(&worst.since(&before)), oracle(from));
        }
    }

    // Property: waits that get shorter and shorter take no more memory than allowed, and the longest of all stay.
    #[test]
    fn memory_is_bounded() {
        let mut worst = Worst::default();
        for at in 0..10_000 {
            worst.add(row(), at, 20_000 - at, Parts::default());
        }
        assert_eq!(worst.longest[&OWNER].len(), MOST);
        assert_eq!(found(&worst), [(0, 20_000), (1, 19_999), (2, 19_998)]);
    }
}
