//! The longest waits of each target, taken apart one by one: a mean hides what an alarm was about.

use std::collections::HashMap;

use super::actors::{ActorId, Owned};
use super::anatomy::Parts;
use super::streams::{RowKey, What};
use crate::ids::Call;

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
        if !is_sync(call) {
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

/// Whether a call's whole purpose is to wait for the disk.
const fn is_sync(call: Call) -> bool {
    match call {
        Call::Fsync
        | Call::Fdatasync
        | Call::OsyncWrite
        | Call::OdsyncWrite
        | Call::Msync
        | Call::IoUringFsync
        | Call::OtherSync
        | Call::Sync
        | Call::Syncfs
        | Call::SyncFileRange => true,
        Call::Write | Call::Read | Call::Fault | Call::FileCall => false,
    }
}
