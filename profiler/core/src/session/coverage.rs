//! The ledger of what was seen, kept and lost, and what watching cost.
//!
//! Every event is counted twice: exactly by the kernel side (statistics and loss counters), and once more when its
//! record arrives here. `seen = kept + lost` is checked, not assumed: what neither arrived nor was counted as
//! lost is shown as `unaccounted`.

use std::collections::BTreeMap;
use std::sync::Arc;

use iocontend_wire::count::Count;

use super::since::Since;
use crate::event::{DecodeError, Event};
use crate::ids::Dev;
use crate::report::{Attached, Attribution, BpfCost, Coverage, Note};

/// Losses: what bears these names did happen and is not in the events.
const LOST: [Count; 8] = [
    Count::RingFullIo,
    Count::RingFullWait,
    Count::RingFullProcess,
    Count::RingFullFlush,
    Count::NoStream,
    Count::WaitTableFull,
    Count::WaitEndNotSeen,
    Count::CommitLost,
];

/// Records without which a wait of a target cannot be taken apart wholly.
const PARTS_OF_WAITS: [Count; 3] = [Count::RingFullIo, Count::RingFullFlush, Count::CommitLost];

/// Of these losses the exact statistics know nothing either.
const NOT_IN_STATISTICS: [Count; 5] = [
    Count::RingFullProcess,
    Count::NoStream,
    Count::WaitTableFull,
    Count::WaitEndNotSeen,
    Count::CommitLost,
];

/// What was counted of records and losses.
#[derive(Clone, Default)]
pub(super) struct Ledger {
    /// Learnt: as it is now.
    pub(super) attached: Arc<Vec<Attached>>,
    /// Learnt: since counting began, told of the whole only.
    pub(super) cost: Arc<Vec<(String, BpfCost)>>,
    /// Learnt: as it is now.
    pub(super) map_bytes: Option<u64>,
    /// Sums.
    counts: BTreeMap<&'static str, u64>,
    /// Sum.
    recursion_misses: u64,
    /// Sum.
    kept_counted: u64,
    /// Sum.
    kept_process: u64,
    /// Sum.
    undecodable: u64,
    /// Learnt: everything that was noted so far.
    notes: Arc<Vec<Note>>,
    /// Requests that the kernel's own counters have for the whole time of counting, at least, by device. Told of the whole
    /// only.
    pub(super) kernel_completed: Vec<(Dev, u64)>,
}

impl Since for Ledger {
    fn since(&self, older: &Self) -> Self {
        let new = |(name, value): (&&'static str, &u64)| {
            (*name, value.saturating_sub(older.counts.get(name).copied().unwrap_or(0)))
        };
        Self {
            counts: self.counts.iter().map(new).collect(),
            recursion_misses: self.recursion_misses.saturating_sub(older.recursion_misses),
            kept_counted: self.kept_counted.saturating_sub(older.kept_counted),
            kept_process: self.kept_process.saturating_sub(older.kept_process),
            undecodable: self.undecodable.saturating_sub(older.undecodable),
            ..self.clone()
        }
    }
}

impl Ledger {
    pub(super) fn set_counts(&mut self, counts: &[(Count, u64)]) {
        self.counts = counts.iter().map(|(count, value)| (count.name(), *value)).collect();
    }

    pub(super) fn set_recursion_misses(&mut self, misses: u64) {
        self.recursion_misses = misses;
    }

    /// Whether a program is attached.
    pub(super) fn is_attached(&self, program: &str) -> bool {
        self.attached.iter().any(|found| found.program == program && found.attached)
    }

    pub(super) fn note(&mut self, note: Note) {
        if !self.notes.contains(&note) {
            Arc::make_mut(&mut self.notes).push(note);
        }
    }

    pub(super) fn kept(&mut self, event: &Event) {
        match event {
            Event::Io(_) | Event::Wait(_) | Event::Flush { .. } => self.kept_counted += 1,
            Event::Exec(_)
            | Event::Fork { .. }
            | Event::Writer { .. }
            | Event::Commit(_)
            | Event::Exit { .. } => self.kept_process += 1,
        }
    }

    /// A record that this version cannot read is lost, and said to be.
    pub(super) fn undecodable(&mut self, why: DecodeError) {
        self.undecodable += 1;
        self.note(why.into());
    }

    /// What was lost so far, as far as that is counted.
    pub(super) fn lost_so_far(&self) -> u64 {
        let counted = LOST.iter().map(|count| self.count(*count));
        counted.chain([self.recursion_misses, self.undecodable]).fold(0, u64::saturating_add)
    }

    /// A counter.
    pub(super) fn count(&self, count: Count) -> u64 {
        self.counts.get(count.name()).copied().unwrap_or(0)
    }

    /// Whether all records are here that waits are made of.
    pub(super) fn has_all_parts(&self) -> bool {
        PARTS_OF_WAITS.iter().all(|count| self.count(*count) == 0)
    }

    /// The books closed. `counted` is the number of requests, waits and flush commands in the exact statistics,
    /// `missed` that of requests which only the kernel's own counters have.
    pub(super) fn coverage(
        &self,
        is_whole: bool,
        counted: u64,
        missed: u64,
        io_bytes: u64,
        attribution: Attribution,
    ) -> Coverage {
        let add = u64::saturating_add;
        let mut lost = BTreeMap::new();
        let mut put = |name: &str, value: u64| {
            if value > 0 {
                lost.insert(name.to_owned(), value);
            }
        };
        for count in LOST {
            put(count.name(), self.count(count));
        }
        put("recursion", self.recursion_misses);
        put("probe_not_run", missed);
        put("undecodable", self.undecodable);
        let kept = self.kept_counted + self.kept_process;
        if is_whole {
            let elsewhere: u64 =
                NOT_IN_STATISTICS.iter().map(|count| self.count(*count)).fold(0, add);
            let lost_total = lost.values().copied().fold(0, add);
            let seen = [self.kept_process, elsewhere, self.recursion_misses];
            let seen = seen.into_iter().fold(counted, add);
            let known = add(kept, lost_total).saturating_sub(missed);
            if seen > known {
                lost.insert("unaccounted".to_owned(), seen - known);
            }
        }
        let mut coverage = Coverage {
            events_kept: kept,
            lost,
            io_bytes,
            attribution,
            map_bytes: self.map_bytes,
            attached: self.attached.to_vec(),
            notes: self.notes.to_vec(),
            ..Coverage::default()
        };
        coverage.events_seen = add(kept, coverage.lost_total());
        if !self.cost.is_empty() && is_whole {
            coverage.bpf = Some(self.cost.iter().cloned().collect());
        }
        coverage
    }
}
