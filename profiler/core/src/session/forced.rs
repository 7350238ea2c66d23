//! Whose sync wrote out what others had caused: the forcer beside the cause.
//!
//! A process that syncs a file submits the pages that others dirtied, and on xfs the log that others filled. The request
//! is its cause's (`session/streams.rs`); here stands who made it happen now. What a kernel thread submits has no forcer:
//! for commits of ext4's journal, the waits that needed them stand in the blame matrix.

use std::collections::BTreeMap;

use super::actors::Owned;
use super::since::{Renaming, Since};
use crate::event::IoEvent;

/// Requests and their bytes. A request that two processes caused is wholly that of the one with more of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) count: u64,
    pub(super) bytes: u64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    const fn since(self, older: Self) -> Self {
        Self {
            count: self.count.saturating_sub(older.count),
            bytes: self.bytes.saturating_sub(older.bytes),
        }
    }
}

/// Sums by cause and forcer: as many as there are such pairs of actors.
type Pairs = BTreeMap<(Owned, Owned), Sum>;

/// All of them.
#[derive(Clone, Default)]
pub(super) struct Forced {
    /// Sums.
    pairs: Pairs,
}

impl Forced {
    /// A request of `cause` that `forcer` submitted.
    pub(super) fn io(&mut self, cause: Owned, forcer: Owned, io: &IoEvent) {
        if cause == forcer {
            return;
        }
        let sum = Sum { count: 1, bytes: u64::from(io.bytes) };
        self.pairs.entry((cause, forcer)).or_default().add(sum);
    }

    /// Those who forced what `cause` had caused, most bytes first.
    pub(super) fn of(&self, cause: Owned) -> Vec<(Owned, Sum)> {
        let mut found: Vec<(Owned, Sum)> = self
            .pairs
            .iter()
            .filter(|((of, _), _)| *of == cause)
            .map(|((_, forcer), sum)| (*forcer, *sum))
            .collect();
        found.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.bytes));
        found
    }

    /// Processes that ended are now several of a name together.
    pub(super) fn rename(&mut self, renaming: &Renaming) {
        if renaming.actors.is_empty() {
            return;
        }
        let new = |who: Owned| renaming.owner(who).unwrap_or(who);
        for ((cause, forcer), sum) in std::mem::take(&mut self.pairs) {
            self.pairs.entry((new(cause), new(forcer))).or_default().add(sum);
        }
    }
}

impl Since for Forced {
    fn since(&self, older: &Self) -> Self {
        let new = self.pairs.iter().map(|(pair, sum)| {
            let before = older.pairs.get(pair).copied().unwrap_or_default();
            (*pair, sum.since(before))
        });
        Self { pairs: new.filter(|(_, sum)| sum.count > 0).collect() }
    }
}

#[cfg(test)]
mod tests {
    use iocontend_wire::key::{How, Key, Kind, Owner};

    use super::*;

    fn io(bytes: u32) -> IoEvent {
        IoEvent {
            key: Key::owner(Owner::Process(1), 0, How::Writeback).with(0, Kind::Write as u32),
            bytes,
            sector: 0,
            status: 0,
            complete_ns: 10,
            q2c_ns: Some(5),
            d2c_ns: Some(5),
            held: false,
            forcer: Some(2),
        }
    }

    /// Property: what each forced of another stands with its cause, most first; one's own is not forced.
    #[test]
    fn each_forcer_has_what_it_forced() {
        let mut forced = Forced::default();
        let (dd, etcd, sync) = (Owned::Actor(1), Owned::Actor(2), Owned::Actor(3));
        forced.io(dd, etcd, &io(4096));
        forced.io(dd, sync, &io(65536));
        forced.io(dd, etcd, &io(4096));
        forced.io(etcd, etcd, &io(4096));
        let expected =
            [(sync, Sum { count: 1, bytes: 65536 }), (etcd, Sum { count: 2, bytes: 8192 })];
        assert_eq!(forced.of(dd), expected);
        assert_eq!(forced.of(etcd), []);
        let before = forced.clone();
        assert_eq!(forced.since(&before).of(dd), []);
        forced.io(dd, etcd, &io(512));
        assert_eq!(forced.since(&before).of(dd), [(etcd, Sum { count: 1, bytes: 512 })]);
    }

    /// Property: sums survive that their processes are listed together.
    #[test]
    fn sums_stay_when_processes_are_put_together() {
        let mut forced = Forced::default();
        let etcd = Owned::Actor(9);
        forced.io(Owned::Actor(1), etcd, &io(1));
        forced.io(Owned::Actor(2), etcd, &io(2));
        let actors = [(1, 0), (2, 0)].into_iter().collect();
        forced.rename(&Renaming { actors, ..Renaming::default() });
        assert_eq!(forced.of(Owned::Ended(0)), [(etcd, Sum { count: 2, bytes: 3 })]);
    }
}
