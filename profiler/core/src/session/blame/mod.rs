//! Who makes whom wait: the victim × culprit matrix, learnt and shared out as events pass.
//!
//! Owns the flow: requests of everybody go onto the time lines of their disks, waits of targets stand in a queue until
//! what overlaps with them has ended, then each is shared out once. How a wait is shared out is in `share`, what is undisturbed in
//! `bases`. What snapshots hold of it is `Blamed`.

mod activity;
mod alone;
mod bases;
mod cost;
mod matrix;
mod share;
mod timeline;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::VecDeque;

use foldhash::{HashMap, HashMapExt as _};
use iocontend_wire::key::{How, Kind};

use activity::{Activity, Crowd};
use alone::AloneOrShared;
pub(super) use alone::Pair;
use bases::{Bases, Class};
use matrix::Matrix;
pub(super) use matrix::{Cells, Charge, Culprit};
use share::Disk;
pub(super) use share::{Awaited, Filled, Segment, Waited};
use timeline::{Request, Timeline};

use super::actors::Owned;
use super::recent::Recent;
use super::since::{Renaming, Since};
use super::streams::{RowKey, What};
use crate::event::IoEvent;
use crate::ids::{Call, Op};

/// A wait is shared out when events so much later than its end were told, ns: until then, requests that it overlapped
/// with may end. One that ends later still is not counted among those that held it up; where a device serves
/// in order, it was behind.
const PATIENCE_NS: u64 = 250_000_000;
/// Flushes that are kept per disk.
const FLUSHES: usize = 1 << 14;
/// A flush of no more than these bytes of one process tells what a flush takes, bytes.
const SMALL_FLUSH: u64 = 1 << 20;

/// One disk.
struct DiskState {
    timeline: Timeline,
    /// Begin and end of flushes.
    flushes: Recent<(u64, u64)>,
    /// Flushes that ended up to here were learnt from.
    learnt_until: u64,
    rotational: bool,
    crowd: Crowd,
}

impl DiskState {
    fn new(rotational: bool) -> Self {
        let (timeline, flushes) = (Timeline::default(), Recent::new(FLUSHES));
        Self { timeline, flushes, learnt_until: 0, rotational, crowd: Crowd::default() }
    }

    /// Everything in order, and what was undisturbed learnt.
    fn learn(&mut self, dev: u32, until: u64, bases: &mut Bases) {
        self.timeline.sort();
        self.timeline.look_at(until, |one, alone| {
            let class = Class::new(dev, one.op, one.journal, one.bytes);
            bases.learn(class, one.complete - one.queued, alone);
        });
        self.timeline.drop_old();
        let since = self.learnt_until;
        let flushes = &mut self.flushes;
        let mut before = flushes.last_until(since).map_or(0, |(begin, _)| *begin);
        for (begin, end) in flushes.after(since).take_while(|(_, end)| *end <= until) {
            let cached = self.timeline.ended(before, *begin).filter(|one| one.op == Op::Write);
            let bytes: u64 = cached.map(|one| u64::from(one.bytes)).sum();
            let data = |one: &&Request| one.op != Op::Flush && !one.journal;
            let quiet = self.timeline.in_service(*begin, *end).all(|one| !data(&one));
            let class = Class::new(dev, Op::Flush, false, 0);
            bases.learn(class, end - begin, quiet && bytes <= SMALL_FLUSH);
            (before, self.learnt_until) = (*begin, *end);
        }
    }
}

/// What an owner's requests left on a disk.
#[derive(Clone, Copy, Default)]
struct Trace {
    /// Where the last one ended, 512-byte sectors.
    end: Option<u64>,
    activity: Activity,
}

/// A wait that is not shared out yet.
struct Pending {
    row: RowKey,
    waited: Waited,
    /// How many were told before it.
    number: u64,
    /// Seconds that were over when it was told.
    told: u64,
}

/// A wait that was shared out: whose, when (CLOCK_MONOTONIC ns), and whom it is charged to; the charges sum to it.
pub(super) struct Shared<'a> {
    pub(super) row: RowKey,
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) charges: Cow<'a, [(Charge, u64)]>,
}

/// How much of the waits could be looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Covered {
    /// Waits that were shared out.
    pub(super) waits: u64,
    /// Time of these from before what is still kept of their disk, ns: charged by the rest of the wait.
    pub(super) forgotten_ns: u64,
    /// Requests without times, which hold up nobody here.
    pub(super) untimed: u64,
}

/// What is known of blame: of this, windows are made.
#[derive(Clone, Default)]
pub(super) struct Blamed {
    /// Sums.
    matrix: Matrix,
    /// Learnt.
    alone: AloneOrShared,
    /// Sums, told of the whole only.
    covered: Covered,
    /// Learnt. By owner and disk.
    traces: HashMap<(Owned, u32), Trace>,
    /// Of a window: its charges.
    window: Option<Cells>,
}

/// The state of blame.
#[derive(Default)]
pub(super) struct Blame {
    disks: HashMap<u32, DiskState>,
    rotational: HashMap<u32, bool>,
    pending: VecDeque<Pending>,
    bases: Bases,
    newest: u64,
    /// Waits that were told.
    told: u64,
    blamed: Blamed,
    /// What was shared out since it was last asked for.
    settled: Vec<Shared<'static>>,
}

impl Blamed {
    /// What was shared out: victim, charge, ns.
    pub(super) fn cells(&self) -> Cow<'_, Cells> {
        self.window.as_ref().map_or_else(|| Cow::Owned(self.matrix.cells()), Cow::Borrowed)
    }

    /// What is final of it.
    #[cfg(test)]
    pub(super) const fn settled(&self) -> &Cells {
        self.matrix.settled()
    }

    /// What became final since it was `older`.
    pub(super) fn settled_since(&self, older: &Self) -> Cells {
        self.matrix.settled_since(&older.matrix)
    }

    /// What is not due yet, as far as it was known when its second ended, whenever it was told.
    pub(super) fn provisional(&self) -> impl Iterator<Item = Shared<'_>> {
        self.matrix.provisional()
    }

    /// Alone and shared distributions: with each of the others, and (`None`) with anybody.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (Owned, Call, Option<Owned>, &Pair)> {
        self.alone.pairs()
    }

    /// How long each owner had requests on some disk, ns: on the one where that was longest.
    pub(super) fn active(&self) -> HashMap<Owned, u64> {
        let mut active: HashMap<Owned, u64> = HashMap::new();
        for ((who, _), trace) in &self.traces {
            let longest = active.entry(*who).or_default();
            *longest = trace.activity.ns().max(*longest);
        }
        active
    }

    pub(super) const fn covered(&self) -> Covered {
        self.covered
    }

    /// Files of victims and culprits, each with its owner.
    pub(super) fn files(&self) -> impl Iterator<Item = (Owned, u32)> {
        self.matrix.files()
    }

    /// Those who are listed no more, and these files, are others from now on.
    pub(super) fn rename(&mut self, renaming: &Renaming) {
        self.matrix.rename(renaming);
        self.alone.rename(renaming);
        self.traces.retain(|(who, _), _| renaming.owner(*who).is_none());
    }
}

impl Since for Blamed {
    fn since(&self, older: &Self) -> Self {
        let window = Some(self.matrix.cells_since(&older.matrix));
        Self { matrix: self.matrix.only_provisional(), window, ..Self::default() }
    }
}

impl Blame {
    /// Whether a disk has to move its heads.
    pub(super) fn set_rotational(&mut self, disks: impl Iterator<Item = (u32, bool)>) {
        self.rotational = disks.collect();
        for (dev, disk) in &mut self.disks {
            disk.rotational = self.rotational.get(dev).copied().unwrap_or(false);
        }
    }

    /// A request is over.
    pub(super) fn io(&mut self, who: Owned, io: &IoEvent) {
        let Some(op) = Kind::from_u32(io.key.kind()).and_then(op) else { return };
        let Some(q2c) = io.q2c_ns else {
            self.blamed.covered.untimed += 1;
            return;
        };
        let dev = io.key.dev();
        let disk = disk_of(&mut self.disks, &self.rotational, dev);
        let end = io.sector.saturating_add(u64::from(io.bytes) / 512);
        let queued = io.complete_ns.saturating_sub(q2c);
        let trace = self.blamed.traces.entry((who, dev)).or_default();
        trace.activity.add(queued, io.complete_ns);
        disk.crowd.add(who, queued, io.complete_ns);
        let last = trace.end.replace(end);
        let random = last.is_none_or(|last| cost::is_random(io.sector, last));
        #[expect(clippy::cast_possible_truncation, reason = "a weight; seven digits are enough")]
        let cost = cost::cost_ns(disk.rotational, op, io.bytes, random) as f32;
        let issued = io.d2c_ns.map_or(queued, |d2c| io.complete_ns.saturating_sub(d2c));
        let times = (queued, issued.max(queued), io.complete_ns);
        let journal = io.key.how() == How::Journal as u32;
        disk.timeline.push(Request::new(times, who, io.key.file(), io.bytes, op, journal, cost));
        self.newest = self.newest.max(io.complete_ns);
        if disk.timeline.is_loose() {
            disk.learn(dev, self.newest.saturating_sub(PATIENCE_NS), &mut self.bases);
        }
        self.share_out_what_is_due();
    }

    /// A flush command is over.
    pub(super) fn flush(&mut self, dev: u32, complete_ns: u64, d2c_ns: Option<u64>) {
        let Some(d2c) = d2c_ns else { return };
        let begin = complete_ns.saturating_sub(d2c);
        let disk = disk_of(&mut self.disks, &self.rotational, dev);
        disk.flushes.push(complete_ns, (begin, complete_ns));
    }

    /// A wait of a target is over.
    pub(super) fn wait(&mut self, row: RowKey, waited: Waited) {
        self.newest = self.newest.max(waited.to);
        let (number, told) = (self.told, self.blamed.matrix.seconds());
        self.told += 1;
        self.pending.push_back(Pending { row, waited, number, told });
        self.share_out_what_is_due();
    }

    /// As time passes, in requests too: where there are many, those of a wait are not kept for long.
    fn share_out_what_is_due(&mut self) {
        let due = self.newest.saturating_sub(PATIENCE_NS);
        // Not for every wait: putting time lines in order costs what is new in them.
        if self
            .pending
            .front()
            .is_some_and(|oldest| oldest.waited.to <= due.saturating_sub(PATIENCE_NS / 8))
        {
            self.share_out(due);
        }
    }

    /// Shares out the waits that ended up to then.
    fn share_out(&mut self, until: u64) {
        for (dev, disk) in &mut self.disks {
            disk.learn(*dev, until, &mut self.bases);
        }
        // Waits are told CPU by CPU too; those that are not due stay.
        let waiting = std::mem::take(&mut self.pending);
        for one in waiting {
            if one.waited.to > until {
                self.pending.push_back(one);
                continue;
            }
            let charges = self.charges(&one.waited);
            self.blamed.matrix.settle((one.number, one.told), one.row, &charges);
            self.compare(&one);
            self.blamed.covered.waits += 1;
            let Waited { from, to, .. } = one.waited;
            let charges = Cow::Owned(charges);
            self.settled.push(Shared { row: one.row, from, to, charges });
        }
    }

    /// What was shared out since the last call, each wait once.
    pub(super) fn settled(&mut self) -> Vec<Shared<'static>> {
        std::mem::take(&mut self.settled)
    }

    fn charges(&mut self, waited: &Waited) -> Vec<(Charge, u64)> {
        let nothing = Timeline::default();
        let Some(disk) = waited.disk.and_then(|dev| self.disks.get_mut(&dev)) else {
            let disk = Disk { timeline: &nothing, flushes: &[] };
            return share::charges(waited, &disk, &mut self.bases);
        };
        let known_since = disk.timeline.known_since();
        self.blamed.covered.forgotten_ns += known_since.min(waited.to).saturating_sub(waited.from);
        let flushes = &mut disk.flushes;
        // The one before the first that touches the wait: what was written since is in the cache.
        let mut of_wait: Vec<(u64, u64)> =
            flushes.last_until(waited.from).copied().into_iter().collect();
        of_wait.extend(flushes.after(waited.from).take_while(|(begin, _)| *begin < waited.to));
        let disk = Disk { timeline: &disk.timeline, flushes: &of_wait };
        share::charges(waited, &disk, &mut self.bases)
    }

    /// Who had requests in the device meanwhile?
    fn compare(&mut self, one: &Pending) {
        let What::Wait(call) = one.row.what else { return };
        let Waited { who, from, to, disk, .. } = one.waited;
        let mut others: Vec<Owned> = Vec::new();
        let mut is_quiet = true;
        if let Some(disk) = disk.and_then(|dev| self.disks.get(&dev)) {
            is_quiet = disk.crowd.is_quiet(who, from, to);
            for request in disk.timeline.in_service(from, to) {
                if request.who != who && !others.contains(&request.who) {
                    others.push(request.who);
                }
            }
        }
        let is_away = |other| {
            let trace = disk.and_then(|dev| self.blamed.traces.get(&(other, dev)));
            trace.is_none_or(|trace| trace.activity.is_away(from, to))
        };
        self.blamed.alone.add(who, call, to - from, &others, is_away);
        self.blamed.alone.add_beside_anybody(who, call, to - from, !others.is_empty(), is_quiet);
    }

    /// A second is over: what is due is settled, and what is not is charged as far as is known. At the end of counting
    /// nothing more is waited for.
    pub(super) fn end_second(&mut self, is_last: bool) {
        self.share_out(if is_last { u64::MAX } else { self.newest.saturating_sub(PATIENCE_NS) });
        let waiting = std::mem::take(&mut self.pending);
        for one in &waiting {
            if self.blamed.matrix.is_provisional(one.number) {
                continue;
            }
            let covered = self.blamed.covered;
            let charges = self.charges(&one.waited);
            self.blamed.covered = covered;
            let Waited { from, to, .. } = one.waited;
            let wait = (one.row, (from, to));
            self.blamed.matrix.add_provisional((one.number, one.told), wait, charges);
        }
        self.pending = waiting;
        self.blamed.matrix.end_second();
    }

    /// What is known now.
    pub(super) const fn blamed(&self) -> &Blamed {
        &self.blamed
    }

    /// Those who are listed no more, and these files, are others from now on.
    pub(super) fn rename(&mut self, renaming: &Renaming) {
        self.blamed.rename(renaming);
        if renaming.actors.is_empty() {
            return;
        }
        for disk in self.disks.values_mut() {
            disk.timeline.rename(|who| renaming.owner(who).unwrap_or(who));
        }
    }
}

/// The state of a disk. One that nobody says anything of has no heads to move.
fn disk_of<'a>(
    disks: &'a mut HashMap<u32, DiskState>,
    rotational: &HashMap<u32, bool>,
    dev: u32,
) -> &'a mut DiskState {
    let known = || rotational.get(&dev).copied().unwrap_or(false);
    disks.entry(dev).or_insert_with(|| DiskState::new(known()))
}

const fn op(kind: Kind) -> Option<Op> {
    match kind {
        Kind::Read => Some(Op::Read),
        Kind::Write => Some(Op::Write),
        Kind::Flush => Some(Op::Flush),
        Kind::Discard => Some(Op::Discard),
        _ => None,
    }
}
