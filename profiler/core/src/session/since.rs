//! What a window is: a ledger minus what it was before.
//!
//! A ledger keeps what happened since counting began. Whoever looks keeps a snapshot, and subtracts it from a later one.
//! Each field of a ledger is of one of three kinds, which stands beside it:
//!
//! - a **sum** (counts, bytes, buckets, charges, losses): subtracted, never below 0;
//! - an **extreme** (the longest waits): found among what came since, never taken over from before;
//! - **learnt** (names, paths, usual latencies, distributions alone and shared): what it is at the window's end, known
//!   since counting began.
//!
//! Rows that were put together meanwhile have other names in the later snapshot: the older one is renamed first.

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::HashMap;

use super::actors::{ActorId, Owned};

/// A ledger of which windows are made.
pub(super) trait Since {
    /// What came since the ledger was `older`: sums subtracted, extremes of what is new, what was learnt as it is.
    fn since(&self, older: &Self) -> Self;
}

/// Other names for what is not told apart any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Renaming {
    /// Processes that are listed by name only.
    pub(super) actors: HashMap<ActorId, usize>,
    /// Files, each with its owner, that are listed by class only.
    pub(super) files: HashMap<(Owned, u32), u32>,
}

impl Renaming {
    pub(super) fn is_empty(&self) -> bool {
        self.actors.is_empty() && self.files.is_empty()
    }

    /// A process's other name.
    pub(super) fn owner(&self, owner: Owned) -> Option<Owned> {
        match owner {
            Owned::Actor(id) => self.actors.get(&id).map(|index| Owned::Ended(*index)),
            _ => None,
        }
    }

    /// An owner and its file; of one with another name it is not kept which file it was.
    pub(super) fn place(&self, owner: Owned, file: u32) -> (Owned, u32) {
        match self.owner(owner) {
            Some(owner) => (owner, 0),
            None => (owner, self.files.get(&(owner, file)).copied().unwrap_or(file)),
        }
    }

    /// This one, then another. Whatever had a name in the beginning keeps the first one it was given: a place that was
    /// given back is somebody else's afterwards.
    pub(super) fn then(&mut self, next: &Self) {
        for (id, index) in &next.actors {
            self.actors.entry(*id).or_insert(*index);
        }
        for (place, file) in &next.files {
            self.files.entry(*place).or_insert(*file);
        }
    }
}

/// All renamings that somebody may still need: those since the oldest snapshot that is kept.
#[derive(Default)]
pub(super) struct Renamings {
    kept: VecDeque<Kept>,
    now: Epoch,
}

/// A time without renamings: its number, and a token that each snapshot of it holds.
#[derive(Clone, Default)]
struct Epoch {
    number: u64,
    token: Arc<()>,
}

impl Epoch {
    fn has_snapshots(&self) -> bool {
        Arc::strong_count(&self.token) > 1
    }
}

/// A renaming, and the time before it.
struct Kept {
    before: Epoch,
    renaming: Arc<Renaming>,
}

/// Of a snapshot: when it was taken, and the renamings before that which older ones may need.
#[derive(Clone, Default)]
pub(super) struct Named {
    epoch: Epoch,
    renamings: Vec<(u64, Arc<Renaming>)>,
}

impl Renamings {
    /// Names are others from now on. What lies between two snapshots that are kept is one renaming: memory is bounded by
    /// their number and that of the places for processes and files.
    pub(super) fn push(&mut self, renaming: Renaming) {
        let next = Epoch { number: self.now.number + 1, token: Arc::default() };
        let before = std::mem::replace(&mut self.now, next);
        self.kept.push_back(Kept { before, renaming: Arc::new(renaming) });
        let mut needed: VecDeque<Kept> = VecDeque::new();
        for kept in self.kept.drain(..) {
            if kept.before.has_snapshots() {
                needed.push_back(kept);
            } else if let Some(last) = needed.back_mut() {
                Arc::make_mut(&mut last.renaming).then(&kept.renaming);
            }
        }
        self.kept = needed;
    }

    /// For a snapshot.
    pub(super) fn named(&self) -> Named {
        let renamings =
            self.kept.iter().map(|kept| (kept.before.number, Arc::clone(&kept.renaming)));
        Named { epoch: self.now.clone(), renamings: renamings.collect() }
    }

    /// How many are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}

impl Named {
    /// What was renamed since an older snapshot, in order.
    pub(super) fn since<'a>(&'a self, older: &Self) -> impl Iterator<Item = &'a Renaming> {
        let from = older.epoch.number;
        self.renamings.iter().filter(move |(epoch, _)| *epoch >= from).map(|(_, one)| &**one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(id: ActorId) -> Renaming {
        Renaming { actors: [(id, id + 100)].into_iter().collect(), ..Renaming::default() }
    }

    /// Property: an older snapshot finds all renamings since it, in order, however many snapshots are kept; what nobody
    /// needs any more is not kept.
    #[test]
    fn renamings_are_kept_as_long_as_somebody_needs_them() {
        let mut all = Renamings::default();
        all.push(renamed(1));
        assert_eq!(all.len(), 0, "nobody was there before");
        let old = all.named();
        all.push(renamed(2));
        let between = all.named();
        all.push(renamed(3));
        let new = |all: &Renamings, older: &Named, id| {
            let mut owner = Owned::Actor(id);
            for renaming in all.named().since(older) {
                owner = renaming.owner(owner).unwrap_or(owner);
            }
            owner
        };
        assert_eq!(new(&all, &old, 2), Owned::Ended(102));
        assert_eq!(new(&all, &between, 2), Owned::Actor(2));
        assert_eq!(new(&all, &between, 3), Owned::Ended(103));
        assert_eq!(all.len(), 2);
        drop(between);
        all.push(renamed(4));
        assert_eq!(all.len(), 1);
        for id in [2, 3, 4] {
            assert_eq!(new(&all, &old, id), Owned::Ended(id + 100));
        }
        assert_eq!(new(&all, &old, 1), Owned::Actor(1), "that was before");
        drop(old);
        all.push(renamed(5));
        assert_eq!(all.len(), 0);
    }

    /// Property: of two renamings of one place the first counts, since the place was somebody else's afterwards; what has
    /// another owner loses its file.
    #[test]
    fn the_first_name_stays() {
        let mut both = renamed(1);
        let files = [((Owned::Actor(1), 7), 1_000), ((Owned::Actor(2), 7), 1_001)];
        let files = files.into_iter().collect();
        let actors = [(1, 9)].into_iter().collect();
        both.then(&Renaming { actors, files });
        assert_eq!(both.place(Owned::Actor(1), 7), (Owned::Ended(101), 0));
        assert_eq!(both.place(Owned::Actor(2), 7), (Owned::Actor(2), 1_001));
        assert_eq!(both.place(Owned::Actor(2), 8), (Owned::Actor(2), 8));
    }
}
