//! Who makes whom wait: the victim × culprit matrix, learnt and shared out as events pass.
//!
//! Owns the flow: requests of everybody go onto the time lines of their disks, waits of targets stand in a queue until
//! what overlaps with them has ended, then each is shared out once. How a wait is shared out is in `share`, what is undisturbed in
//! `bases`.

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
pub(super) use matrix::{Charge, Culprit};
use share::Disk;
pub(super) use share::{Awaited, Filled, Segment, Waited};
use timeline::{Request, Timeline};

use super::actors::{ActorId, Owned};
use super::recent::Recent;
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
#[derive(Default)]
struct Trace {
    /// Where the last one ended, 512-byte sectors.
    end: Option<u64>,
    activity: Activity,
}

/// A wait that is not shared out yet.
struct Pending {
    row: RowKey,
    waited: Waited,
    /// It is in an interval's report already.
    told: bool,
    /// Its charges there, which may be others when it is due.
    charges: Vec<(Charge, u64)>,
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

/// The state of blame.
#[derive(Default)]
pub(super) struct Blame {
    disks: HashMap<u32, DiskState>,
    rotational: HashMap<u32, bool>,
    /// By owner and disk.
    traces: HashMap<(Owned, u32), Trace>,
    pending: VecDeque<Pending>,
    bases: Bases,
    matrix: Matrix,
    alone: AloneOrShared,
    covered: Covered,
    newest: u64,
    /// What was shared out since it was last asked for.
    settled: Vec<Shared<'static>>,
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
            self.covered.untimed += 1;
            return;
        };
        let dev = io.key.dev();
        let disk = disk_of(&mut self.disks, &self.rotational, dev);
        let end = io.sector.saturating_add(u64::from(io.bytes) / 512);
        let queued = io.complete_ns.saturating_sub(q2c);
        let trace = self.traces.entry((who, dev)).or_default();
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
        self.pending.push_back(Pending { row, waited, told: false, charges: Vec::new() });
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
            self.matrix.add_whole(one.row, &charges);
            if !one.told {
                self.matrix.add_interval(one.row, &charges);
            }
            self.compare(&one);
            self.covered.waits += 1;
            let Waited { from, to, .. } = one.waited;
            let charges = Cow::Owned(charges);
            self.settled.push(Shared { row: one.row, from, to, charges });
        }
    }

    /// What was shared out since the last call, each wait once.
    pub(super) fn settled(&mut self) -> Vec<Shared<'static>> {
        std::mem::take(&mut self.settled)
    }

    /// What is not due yet, as far as an interval's report has it.
    pub(super) fn provisional(&self) -> impl Iterator<Item = Shared<'_>> {
        self.pending.iter().filter(|one| one.told).map(|one| Shared {
            row: one.row,
            from: one.waited.from,
            to: one.waited.to,
            charges: Cow::Borrowed(&one.charges),
        })
    }

    fn charges(&mut self, waited: &Waited) -> Vec<(Charge, u64)> {
        let nothing = Timeline::default();
        let Some(disk) = waited.disk.and_then(|dev| self.disks.get_mut(&dev)) else {
            let disk = Disk { timeline: &nothing, flushes: &[] };
            return share::charges(waited, &disk, &mut self.bases);
        };
        let known_since = disk.timeline.known_since();
        self.covered.forgotten_ns += known_since.min(waited.to).saturating_sub(waited.from);
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
        let is_apart = |other| {
            let trace = disk.and_then(|dev| self.traces.get(&(other, dev)));
            trace.is_none_or(|trace| trace.activity.is_apart(from, to))
        };
        self.alone.add(who, call, to - from, &others, is_apart);
        self.alone.add_beside_anybody(who, call, to - from, !others.is_empty(), is_quiet);
    }

    /// Before a report. Of an interval: what is not due yet is shared out as far as known, so that the interval has it,
    /// and once more when it is due. Of the whole: this is the end, nothing more is waited for.
    pub(super) fn prepare(&mut self, interval: bool) {
        self.share_out(if interval { self.newest.saturating_sub(PATIENCE_NS) } else { u64::MAX });
        let mut waiting = std::mem::take(&mut self.pending);
        for one in waiting.iter_mut().filter(|one| !one.told) {
            let covered = self.covered;
            let charges = self.charges(&one.waited);
            self.covered = covered;
            self.matrix.add_interval(one.row, &charges);
            (one.told, one.charges) = (true, charges);
        }
        self.pending = waiting;
    }

    /// What was shared out: victim, charge, ns.
    pub(super) fn cells(&self, interval: bool) -> impl Iterator<Item = (RowKey, Charge, u64)> {
        self.matrix.cells(interval)
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

    pub(super) fn next_interval(&mut self) {
        self.matrix.next_interval();
    }

    /// Those who are listed no more are others from now on.
    pub(super) fn put_together(&mut self, moved: &HashMap<ActorId, usize>) {
        self.matrix.put_together(moved);
        self.alone.put_together(moved);
        let new = |who| match who {
            Owned::Actor(id) => moved.get(&id).map_or(who, |index| Owned::Ended(*index)),
            _ => who,
        };
        for disk in self.disks.values_mut() {
            disk.timeline.rename(new);
        }
        self.traces.retain(|(who, _), _| new(*who) == *who);
    }

    /// Files of victims and culprits, each with its owner.
    pub(super) fn files(&self) -> impl Iterator<Item = (Owned, u32)> {
        self.matrix.files()
    }

    /// These files are others from now on.
    pub(super) fn files_together(&mut self, moved: &HashMap<(Owned, u32), u32>) {
        self.matrix.files_together(moved);
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
