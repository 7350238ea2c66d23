//! Stalls: runs of syncs that took a victim's heartbeat interval or longer, with whom these syncs are charged to.
//!
//! Kept apart from the seconds of `timeline`, so that a stall keeps its begin, its length and its causes when seconds are put together,
//! and so that its causes are those of the long syncs alone: a hundred quick ones in the same second have others. Memory is bounded
//! by [`MOST`] runs; the oldest goes first, and is counted.

use std::cmp::Reverse;

use foldhash::HashMap;

use super::actors::{ActorId, Owned};
use super::blame::Shared;
use super::streams::{RowKey, What};
use super::timeline::{Charged, Charges, Longest, Series, bounded, charge, rename};
use crate::etcd_heartbeat::Heartbeat;

/// Long syncs with no more than this between them are one stall, ns: one fine second does not end it. Our own choice.
pub(super) const PAUSE_NS: u64 = 1_000_000_000;
/// Runs of all victims, at most some 700 bytes each.
const MOST: usize = 2_048;
/// Charges told apart in one run; smaller ones are those of others.
const MOST_CHARGES: usize = 16;

/// One stall on one file. Times are CLOCK_MONOTONIC ns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) series: Series,
    /// A sync of this length is a stall.
    pub(super) limit: Heartbeat,
    /// The first long sync began.
    pub(super) from: u64,
    /// The last one ended.
    pub(super) to: u64,
    /// Long syncs.
    pub(super) syncs: u64,
    /// Their time, ns.
    pub(super) sum_ns: u64,
    /// The longest.
    pub(super) worst: Longest,
    /// Whom their time is charged to. What no record told of is missing.
    pub(super) charges: Charges,
    /// Something was added since the last interval.
    pub(super) is_new: bool,
}

impl Run {
    fn touches(&self, from: u64, to: u64) -> bool {
        from <= self.to.saturating_add(PAUSE_NS) && self.from <= to.saturating_add(PAUSE_NS)
    }

    /// Takes in another stall of the same victim.
    pub(super) fn merge(&mut self, other: &Self) {
        self.from = self.from.min(other.from);
        self.to = self.to.max(other.to);
        self.syncs = self.syncs.saturating_add(other.syncs);
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.worst = self.worst.max(other.worst);
        self.is_new |= other.is_new;
        other.charges.iter().for_each(|(to, ns)| charge(&mut self.charges, *to, *ns));
        bounded(&mut self.charges, MOST_CHARGES);
    }
}

/// All of them, in the order in which they were told.
#[derive(Default)]
pub(super) struct Stalls {
    runs: Vec<Run>,
    forgotten: u64,
    /// The shortest limit of all runs so far, ns; `None` without any.
    least_ns: Option<u64>,
}

impl Stalls {
    /// A wait of a target is over. Only syncs that took the limit or longer are kept.
    pub(super) fn add(&mut self, row: RowKey, from: u64, to: u64, limit: Heartbeat) {
        let What::Wait(call) = row.what else { return };
        let ns = to.saturating_sub(from);
        if !call.syncs_a_file() || ns < limit.ns {
            return;
        }
        let new = Run {
            series: (row.owner, row.file),
            limit,
            from,
            to,
            syncs: 1,
            sum_ns: ns,
            worst: Longest { ns, start_ns: from },
            charges: Charges::new(),
            is_new: true,
        };
        self.least_ns = Some(self.least_ns.unwrap_or(u64::MAX).min(limit.ns));
        match self.find(new.series, from, to) {
            Some(run) => run.merge(&new),
            None => self.runs.push(new),
        }
        if self.runs.len() > MOST {
            self.runs.remove(0);
            self.forgotten += 1;
        }
    }

    /// A wait was shared out for good.
    pub(super) fn settle(&mut self, shared: &Shared<'_>) {
        // Nearly all waits are short, and belong to no run.
        if self.least_ns.is_none_or(|least| shared.to.saturating_sub(shared.from) < least) {
            return;
        }
        if let Some(run) = self.find((shared.row.owner, shared.row.file), shared.from, shared.to) {
            add_charges(run, shared);
        }
    }

    /// All stalls; or those to which something was added since the last interval. With what is `provisional`: shared out, and not for
    /// good.
    pub(super) fn view<'a>(
        &self,
        interval: bool,
        provisional: impl Iterator<Item = Shared<'a>>,
    ) -> Vec<Run> {
        let wanted = self.runs.iter().filter(|run| !interval || run.is_new);
        let mut runs: Vec<Run> = wanted.cloned().collect();
        for shared in provisional {
            let series = (shared.row.owner, shared.row.file);
            let is_its =
                |run: &&mut Run| run.series == series && run.touches(shared.from, shared.to);
            if let Some(run) = runs.iter_mut().rev().find(is_its) {
                add_charges(run, &shared);
            }
        }
        runs
    }

    /// Stalls that were given up.
    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub(super) fn next_interval(&mut self) {
        self.runs.iter_mut().for_each(|run| run.is_new = false);
    }

    /// Those who are listed no more are others from now on, and no victims.
    pub(super) fn put_together(&mut self, moved: &HashMap<ActorId, usize>) {
        self.runs
            .retain(|run| !matches!(run.series.0, Owned::Actor(id) if moved.contains_key(&id)));
        self.runs.iter_mut().for_each(|run| rename(&mut run.charges, moved));
    }

    /// Files of victims, each with its owner.
    pub(super) fn files(&self) -> impl Iterator<Item = Series> {
        self.runs.iter().map(|run| run.series)
    }

    /// These files are others from now on.
    pub(super) fn files_together(&mut self, moved: &HashMap<Series, u32>) {
        for run in &mut self.runs {
            if let Some(file) = moved.get(&run.series) {
                run.series.1 = *file;
            }
        }
    }

    /// The newest run of a series that a wait belongs to: records of several CPUs are told CPU by CPU.
    fn find(&mut self, series: Series, from: u64, to: u64) -> Option<&mut Run> {
        self.runs.iter_mut().rev().find(|run| run.series == series && run.touches(from, to))
    }
}

/// Adds the charges of a sync that is long enough.
fn add_charges(run: &mut Run, shared: &Shared<'_>) {
    let What::Wait(call) = shared.row.what else { return };
    if !call.syncs_a_file() || shared.to.saturating_sub(shared.from) < run.limit.ns {
        return;
    }
    for (to, ns) in shared.charges.iter() {
        charge(&mut run.charges, Charged::from(*to), *ns);
    }
    bounded(&mut run.charges, MOST_CHARGES);
}

/// Stalls of one victim on files of one class as one, where nothing but a pause lies between them; in the order of their begin.
pub(super) fn joined(mut runs: Vec<Run>) -> Vec<Run> {
    runs.sort_by_key(|run| (run.from, Reverse(run.to)));
    let mut joined: Vec<Run> = Vec::new();
    for run in runs {
        match joined.last_mut().filter(|last| last.touches(run.from, run.to)) {
            Some(last) => last.merge(&run),
            None => joined.push(run),
        }
    }
    joined
}
