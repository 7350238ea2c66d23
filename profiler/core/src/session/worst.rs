//! The longest waits of each target, taken apart one by one: a mean hides what an alarm was about.

use super::actors::{ActorId, Owned};
use super::anatomy::Parts;
use super::streams::{RowKey, What};
use crate::ids::Call;
use foldhash::HashMap;

/// How many are kept of each target.
const KEPT: usize = 3;

/// One wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Long {
    pub(super) row: RowKey,
    pub(super) call: Call,
    /// Begin, CLOCK_MONOTONIC ns.
    pub(super) start_ns: u64,
    pub(super) duration_ns: u64,
    pub(super) parts: Parts,
}

/// The longest first.
type Longest = HashMap<Owned, Vec<Long>>;

/// The longest waits in syncs, whole and since the last interval.
#[derive(Default)]
pub(super) struct Worst {
    whole: Longest,
    interval: Longest,
}

impl Worst {
    /// A wait of a target; only syncs are kept.
    pub(super) fn add(&mut self, row: RowKey, start_ns: u64, duration_ns: u64, parts: Parts) {
        let What::Wait(call) = row.what else { return };
        if !call.is_sync() {
            return;
        }
        let new = Long { row, call, start_ns, duration_ns, parts };
        for longest in [&mut self.whole, &mut self.interval] {
            let kept = longest.entry(row.owner).or_default();
            // Of two that took as long, the first stays.
            let at = kept.partition_point(|known| known.duration_ns >= duration_ns);
            if at < KEPT {
                kept.insert(at, new);
                kept.truncate(KEPT);
            }
        }
    }

    /// Those of one owner.
    pub(super) fn of(&self, owner: Owned, interval: bool) -> &[Long] {
        let longest = if interval { &self.interval } else { &self.whole };
        longest.get(&owner).map_or(&[], Vec::as_slice)
    }

    pub(super) fn next_interval(&mut self) {
        self.interval.clear();
    }

    /// Those who are listed no more need none. A target is always listed.
    pub(super) fn put_together(&mut self, moved: &HashMap<ActorId, usize>) {
        let is_there = |owner: &Owned| !matches!(owner, Owned::Actor(id) if moved.contains_key(id));
        for longest in [&mut self.whole, &mut self.interval] {
            longest.retain(|owner, _| is_there(owner));
        }
    }

    /// These rows belong to other files from now on.
    pub(super) fn files_together(&mut self, moved: &HashMap<RowKey, u32>) {
        for longest in [&mut self.whole, &mut self.interval] {
            for long in longest.values_mut().flatten() {
                if let Some(file) = moved.get(&long.row) {
                    long.row.file = *file;
                }
            }
        }
    }
}
