//! Stalls: runs of syncs that took a victim's heartbeat interval or longer, with whom these syncs are charged to.
//!
//! Kept apart from the seconds of `timeline`, so that a stall keeps its begin, its length and its causes when seconds are put together,
//! and so that its causes are those of the long syncs alone: a hundred quick ones in the same second have others. Memory is bounded
//! by [`MOST`] runs; the oldest goes first, and is counted.

use std::cmp::Reverse;
use std::sync::Arc;

use super::blame::Shared;
use super::since::{Renaming, Since};
use super::streams::{RowKey, What};
use super::timeline::{Charged, Charges, Longest, Series, bounded, charge, is_renamed, rename};
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
    /// How many long syncs were told before the last one that belongs to it.
    number: u64,
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
        self.number = self.number.max(other.number);
        other.charges.iter().for_each(|(to, ns)| charge(&mut self.charges, *to, *ns));
        bounded(&mut self.charges, MOST_CHARGES);
    }
}

/// All of them, in the order in which they were told. What a snapshot has too is copied when it changes.
#[derive(Clone, Default)]
pub(super) struct Stalls {
    /// Told by when something was added; each whole, also what was added before.
    runs: Arc<Vec<Arc<Run>>>,
    /// Sum: long syncs that were told.
    told: u64,
    /// Learnt: since counting began.
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
            number: self.told,
        };
        self.told += 1;
        self.least_ns = Some(self.least_ns.unwrap_or(u64::MAX).min(limit.ns));
        match self.find(new.series, from, to) {
            Some(run) => run.merge(&new),
            None => Arc::make_mut(&mut self.runs).push(Arc::new(new)),
        }
        if self.runs.len() > MOST {
            Arc::make_mut(&mut self.runs).remove(0);
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

    /// All stalls, with what is `provisional`: shared out, and not for good.
    pub(super) fn view<'a>(&self, provisional: impl Iterator<Item = Shared<'a>>) -> Vec<Run> {
        let mut runs: Vec<Run> = self.runs.iter().map(|run| Run::clone(run)).collect();
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

    /// Files of victims, each with its owner.
    pub(super) fn files(&self) -> impl Iterator<Item = Series> {
        self.runs.iter().map(|run| run.series)
    }

    /// Those who are listed no more are others from now on, and no victims; these files are others.
    pub(super) fn rename(&mut self, renaming: &Renaming) {
        let is_other = |run: &Run| {
            let (owner, file) = run.series;
            renaming.place(owner, file) != run.series || is_renamed(&run.charges, renaming)
        };
        if !self.runs.iter().any(|run| is_other(run)) {
            return;
        }
        let runs = Arc::make_mut(&mut self.runs);
        runs.retain(|run| renaming.owner(run.series.0).is_none());
        for run in runs.iter_mut().filter(|run| is_other(run)) {
            let run = Arc::make_mut(run);
            run.series = renaming.place(run.series.0, run.series.1);
            rename(&mut run.charges, renaming);
        }
    }

    /// The newest run of a series that a wait belongs to: records of several CPUs are told CPU by CPU.
    fn find(&mut self, series: Series, from: u64, to: u64) -> Option<&mut Run> {
        let is_its = |run: &Arc<Run>| run.series == series && run.touches(from, to);
        let at = self.runs.iter().rposition(is_its)?;
        Arc::make_mut(&mut self.runs).get_mut(at).map(Arc::make_mut)
    }
}

impl Since for Stalls {
    fn since(&self, older: &Self) -> Self {
        let is_new = |run: &&Arc<Run>| run.number >= older.told;
        let runs = self.runs.iter().filter(is_new).cloned().collect();
        Self { runs: Arc::new(runs), ..self.clone() }
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
