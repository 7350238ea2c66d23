//! What ended lately, in the order of its end: records of several CPUs arrive CPU by CPU, so one that ended earlier may
//! be told later.

use std::collections::VecDeque;

/// How long an event is kept after the newest one, ns: as long as a wait may last that it was part of.
const KEPT_NS: u64 = 120_000_000_000;

/// Events with the times of their ends.
pub(super) struct Recent<T> {
    kept: VecDeque<(u64, T)>,
    /// So many at the front are in order.
    sorted: usize,
    most: usize,
}

impl<T> Recent<T> {
    /// Keeps at most so many; the oldest go first.
    pub(super) const fn new(most: usize) -> Self {
        Self { kept: VecDeque::new(), sorted: 0, most }
    }

    pub(super) fn push(&mut self, end: u64, event: T) {
        self.kept.push_back((end, event));
        while self.kept.len() > self.most
            || self.kept.front().is_some_and(|(old, _)| old.saturating_add(KEPT_NS) < end)
        {
            self.kept.pop_front();
            self.sorted = self.sorted.saturating_sub(1);
        }
    }

    /// Events that ended after this time, those that ended first before the others. Costs what is new since the last
    /// call, and what it gives.
    pub(super) fn after(&mut self, time: u64) -> impl Iterator<Item = &T> {
        self.sort();
        let from = self.kept.partition_point(|(end, _)| *end <= time);
        self.kept.range(from..).map(|(_, event)| event)
    }

    /// Of those that ended up to this time, the one that ended last.
    pub(super) fn last_until(&mut self, time: u64) -> Option<&T> {
        self.sort();
        let upto = self.kept.partition_point(|(end, _)| *end <= time);
        upto.checked_sub(1).and_then(|at| self.kept.get(at)).map(|(_, event)| event)
    }

    /// Puts in place what came since the last time.
    fn sort(&mut self) {
        let Some(earliest) = self.kept.range(self.sorted..).map(|(end, _)| *end).min() else {
            return;
        };
        let sorted = self.sorted;
        let all = self.kept.make_contiguous();
        let from = all[..sorted].partition_point(|(end, _)| *end <= earliest);
        // Runs that are in order already are merged, not sorted again.
        all[from..].sort_by_key(|(end, _)| *end);
        self.sorted = self.kept.len();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // Property: whatever the order in which events are told, and whenever it is asked, it gives those that ended
        // after a time, in order.
        #[test]
        fn it_gives_what_an_oracle_gives(
            steps in prop::collection::vec((0u64..50, prop::option::of(0u64..50)), 0..60),
        ) {
            let (mut recent, mut oracle) = (Recent::new(1 << 16), Vec::new());
            for (end, asked) in steps {
                recent.push(end, end);
                oracle.push(end);
                if let Some(time) = asked {
                    let mut expected: Vec<u64> =
                        oracle.iter().copied().filter(|end| *end > time).collect();
                    expected.sort_unstable();
                    prop_assert_eq!(recent.after(time).copied().collect::<Vec<_>>(), expected);
                }
            }
        }
    }

    // Property: the oldest go, by number and by age, and asking in between changes nothing.
    #[test]
    fn the_oldest_go_first() {
        let mut recent = Recent::new(3);
        for end in [10, 30, 20, 40] {
            recent.push(end, end);
        }
        assert_eq!(recent.after(0).copied().collect::<Vec<_>>(), [20, 30, 40]);
        recent.push(KEPT_NS + 31, 0);
        assert_eq!(recent.after(0).copied().collect::<Vec<_>>(), [40, 0]);
    }
}
