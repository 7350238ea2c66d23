//! A victim's waits while somebody had a request in the device, and while not: a second look at blame that knows
//! nothing of shares.

use crate::hist::Dist;
use crate::ids::Call;
use crate::session::actors::Owned;
use crate::session::since::Renaming;
use foldhash::HashMap;

/// Others that are followed per victim and call: those seen first. Each takes four histograms.
const FOLLOWED: usize = 32;
/// Of so many waits in a row, half of the times none is above the 99th percentile: ln 0.5 / ln 0.99.
const ROW: u32 = 69;
/// Rows from which their longest waits have a median.
const ROWS: u64 = 5;

/// The waits of one victim in one call.
#[derive(Clone, Default)]
struct Waits {
    all: Baseline,
    with: HashMap<Owned, Pair>,
    with_anybody: Pair,
}

/// Both distributions.
#[derive(Clone, Default)]
pub(in crate::session) struct Pair {
    pub(in crate::session) alone: Dist,
    pub(in crate::session) shared: Dist,
    /// Of those alone, the ones that began well after its last request.
    pub(in crate::session) baseline: Baseline,
}

/// Waits, and the longest ones of each row of them. A disk that stands still once makes many long waits in a few rows: they are the
/// tail of all, and not that of most of the time.
#[derive(Clone, Default)]
pub(in crate::session) struct Baseline {
    pub(in crate::session) all: Dist,
    row: u32,
    longest_ns: u64,
    longest: Dist,
}

impl Baseline {
    fn record(&mut self, ns: u64) {
        self.all.record(ns);
        self.longest_ns = self.longest_ns.max(ns);
        self.row += 1;
        if self.row == ROW {
            self.longest.record(self.longest_ns);
            (self.row, self.longest_ns) = (0, 0);
        }
    }

    /// The 99th percentile of most of the time; `None` of too few rows.
    pub(in crate::session) fn typical_p99_ns(&self) -> Option<u64> {
        let longest = Some(&self.longest).filter(|longest| longest.count() >= ROWS)?;
        longest.quantile(0.5)
    }
}

/// All of them.
#[derive(Clone, Default)]
pub(super) struct AloneOrShared {
    waits: HashMap<(Owned, Call), Waits>,
}

impl AloneOrShared {
    /// A wait, and who had requests in the device meanwhile.
    pub(super) fn add(
        &mut self,
        victim: Owned,
        call: Call,
        ns: u64,
        others: &[Owned],
        is_away: impl Fn(Owned) -> bool,
    ) {
        let waits = self.waits.entry((victim, call)).or_default();
        for other in others {
            if waits.with.len() < FOLLOWED && !waits.with.contains_key(other) {
                // Until now it was never there.
                let (alone, baseline) = (waits.all.all.clone(), waits.all.clone());
                let new = Pair { alone, baseline, shared: Dist::new() };
                waits.with.insert(*other, new);
            }
        }
        waits.all.record(ns);
        for (other, pair) in &mut waits.with {
            let there = others.contains(other);
            if there { &mut pair.shared } else { &mut pair.alone }.record(ns);
            if !there && is_away(*other) {
                pair.baseline.record(ns);
            }
        }
    }

    /// The same with whoever had requests in the device.
    pub(super) fn add_beside_anybody(
        &mut self,
        victim: Owned,
        call: Call,
        ns: u64,
        there: bool,
        is_quiet: bool,
    ) {
        let pair = &mut self.waits.entry((victim, call)).or_default().with_anybody;
        if there { &mut pair.shared } else { &mut pair.alone }.record(ns);
        if !there && is_quiet {
            pair.baseline.record(ns);
        }
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (Owned, Call, Option<Owned>, &Pair)> {
        self.waits.iter().flat_map(|((victim, call), waits)| {
            let anybody = std::iter::once((None, &waits.with_anybody));
            let each = waits.with.iter().map(|(other, pair)| (Some(*other), pair));
            anybody.chain(each).map(move |(other, pair)| (*victim, *call, other, pair))
        })
    }

    /// Those who are listed no more are not followed any longer: what is left of them is a name.
    pub(super) fn rename(&mut self, renaming: &Renaming) {
        for waits in self.waits.values_mut() {
            waits.with.retain(|other, _| renaming.owner(*other).is_none());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Property: each wait is in exactly one of the two, also those before the other one appeared; baseline are some of those
    // alone.
    #[test]
    fn every_wait_is_alone_or_shared() {
        let mut all = AloneOrShared::default();
        let (victim, first, second) = (Owned::Actor(1), Owned::Actor(2), Owned::Actor(3));
        for (ns, others) in
            [(10, vec![]), (20, vec![first]), (30, vec![first, second]), (40, vec![])]
        {
            all.add(victim, Call::Fsync, ns, &others, |other| other == first);
        }
        let sums = |who: Owned| {
            let (.., pair) = all.pairs().find(|(_, _, other, _)| *other == Some(who)).unwrap();
            (pair.alone.sum_ns(), pair.shared.sum_ns(), pair.baseline.all.sum_ns())
        };
        assert_eq!(sums(first), (50, 50, 50));
        // Those from before it appeared.
        assert_eq!(sums(second), (70, 30, 30));
    }

    // Property: the usual 99th percentile of waits that come in any order is about theirs; of one time at which a disk stood still, it is
    // that without it.
    #[test]
    fn a_stall_is_no_usual_wait() {
        let mut baseline = Baseline::default();
        // Each hundredth takes 8 ms, and one more in each thousand 16.
        let ns = |at: u64| match at * 7_919 % 1_000 {
            0 => 16_000_000,
            at if at % 100 == 0 => 8_000_000,
            at => 1_000_000 + at,
        };
        (0..ROW.into()).for_each(|at| baseline.record(ns(at)));
        assert_eq!(baseline.typical_p99_ns(), None);
        (0..10_000).for_each(|at| baseline.record(ns(at)));
        let usual = baseline.typical_p99_ns().unwrap();
        assert!((7_500_000..8_500_000).contains(&usual), "{usual}");
        (0..200).for_each(|_| baseline.record(500_000_000));
        assert!(baseline.all.quantile(0.99).unwrap() > 400_000_000);
        assert_eq!(baseline.typical_p99_ns(), Some(usual));
    }
}
