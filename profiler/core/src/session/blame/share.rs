//! One wait: who is charged for which part of it. No state but what is handed in.
//!
//! The question is what would be gone without somebody. So a request of the wait pays its own base first; only what it
//! took beyond is shared among those whose requests were in the device meanwhile, by what they asked of it. Journal time
//! is shared by who filled the commit, a flush's by the bytes that were in the device's cache. What nobody explains stays
//! unexplained.

use iocontend_wire::key::Reason;

use super::bases::{Bases, Class};
use super::matrix::{Charge, Culprit, Weights};
use super::timeline::{Request, Timeline, float};
use crate::ids::Op;
use crate::report::{Mechanism, Part};
use crate::session::actors::Owned;
use crate::session::anatomy::{PARTS, Parts};

/// Blocks that any commit has, whoever fills it: a descriptor and a commit block (fs/jbd2/commit.c,
/// `jbd2_journal_commit_transaction`).
const BLOCKS_OF_ANY_COMMIT: f64 = 2.0;

/// A span of a wait, and what held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct Segment {
    pub(in crate::session) from: u64,
    pub(in crate::session) to: u64,
    pub(in crate::session) part: Part,
}

/// A request that the wait waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct Awaited {
    pub(in crate::session) dev: u32,
    pub(in crate::session) op: Op,
    pub(in crate::session) bytes: u32,
    pub(in crate::session) queued: u64,
    pub(in crate::session) complete: u64,
}

/// A commit that ended within the wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::session) struct Filled {
    pub(in crate::session) start: u64,
    pub(in crate::session) end: u64,
    /// The wait needed it; it stood behind the others.
    pub(in crate::session) needed: bool,
    /// Who changed how many blocks.
    pub(in crate::session) by: Vec<(Owned, u32)>,
    /// Blocks of nobody known.
    pub(in crate::session) others: u64,
}

/// A wait that was taken apart.
#[derive(Clone, Debug)]
pub(in crate::session) struct Waited {
    pub(in crate::session) who: Owned,
    pub(in crate::session) from: u64,
    pub(in crate::session) to: u64,
    pub(in crate::session) parts: Parts,
    pub(in crate::session) segments: Vec<Segment>,
    pub(in crate::session) awaited: Vec<Awaited>,
    pub(in crate::session) commits: Vec<Filled>,
    /// The disk, where it is known.
    pub(in crate::session) disk: Option<u32>,
}

/// What is known of the wait's disk.
pub(super) struct Disk<'a> {
    pub(super) timeline: &'a Timeline,
    /// Begin and end of flushes that touch the wait and of the one before, by their ends.
    pub(super) flushes: &'a [(u64, u64)],
}

/// The charges of a wait; they sum to its parts.
pub(super) fn charges(wait: &Waited, disk: &Disk<'_>, bases: &mut Bases) -> Vec<(Charge, u64)> {
    let mut sharing = Sharing { wait, disk, bases };
    let mut all = Weights::default();
    for part in PARTS {
        let ns = wait.parts.get(part);
        if ns == 0 {
            continue;
        }
        // What the parts lost when they were cut to the time that counts, all of a part lost alike.
        let found = sharing.part(part, ns);
        if !all.spread(&found, float(ns)) {
            all.add(Charge::nobody(None, Mechanism::Unexplained), float(ns));
        }
    }
    all.exact(PARTS.into_iter().map(|part| wait.parts.get(part)).fold(0, u64::saturating_add))
}

struct Sharing<'a> {
    wait: &'a Waited,
    disk: &'a Disk<'a>,
    bases: &'a mut Bases,
}

impl Sharing<'_> {
    /// Who is charged for a part, in proportion.
    fn part(&mut self, part: Part, ns: u64) -> Weights {
        let mut found = Weights::default();
        let dev = self.wait.disk;
        match part {
            Part::Runnable => found.add(Charge::nobody(None, Mechanism::Cpu), 1.0),
            Part::Cpu => found.add(Charge::own(None, Mechanism::Cpu), 1.0),
            Part::Lock | Part::JournalBegin | Part::Unexplained => {
                found.add(Charge::nobody(None, Mechanism::Unexplained), 1.0);
            }
            Part::Throttle => self.throttle(ns, &mut found),
            _ => {}
        }
        let wait = self.wait;
        for segment in wait.segments.iter().filter(|segment| segment.part == part) {
            let Segment { from, to, .. } = *segment;
            match part {
                Part::Flush => self.flush(from, to, &mut found),
                Part::Device => self.request(from, to, Mechanism::Device, &mut found),
                Part::Queue => self.request(from, to, Mechanism::Queue, &mut found),
                Part::JournalEarlier
                | Part::JournalLocked
                | Part::JournalData
                | Part::JournalLog => self.journal(part, from, to, &mut found),
                // A limit held back a request of the wait: nobody else's doing.
                Part::Throttle => {
                    found.add(Charge::own(dev, Mechanism::Throttle), float(to - from));
                }
                _ => {}
            }
        }
        found
    }

    /// Time in which the kernel made the thread pause, somewhere within the wait: for the sake of those whose
    /// requests were in the device.
    fn throttle(&self, ns: u64, found: &mut Weights) {
        let placed = self.wait.segments.iter().filter(|segment| segment.part == Part::Throttle);
        let placed: u64 = placed.map(|segment| segment.to - segment.from).sum();
        let rest = ns.saturating_sub(placed);
        if rest > 0 {
            let served = self.in_service(self.wait.from, self.wait.to, Mechanism::Throttle);
            self.spread(&served, rest, Mechanism::Throttle, found);
        }
    }

    /// An own request was queued or in the device.
    fn request(&mut self, from: u64, to: u64, mechanism: Mechanism, found: &mut Weights) {
        let bases = &mut *self.bases;
        let own = self.wait.awaited.iter().filter(|one| one.queued < to && one.complete > from);
        let own = own.map(|one| {
            let base = bases.of(Class::new(one.dev, one.op, false, one.bytes));
            (one.complete - base.own(one.complete - one.queued), one.complete)
        });
        let own = own.collect();
        for piece in pieces(from, to, own) {
            let ns = piece.to - piece.from;
            if piece.own {
                found.add(Charge::own(self.wait.disk, mechanism), float(ns));
            } else {
                let served = self.in_service(piece.from, piece.to, mechanism);
                self.spread(&served, ns, mechanism, found);
            }
        }
    }

    /// A commit ran.
    fn journal(&mut self, part: Part, from: u64, to: u64, found: &mut Weights) {
        let needed = part != Part::JournalEarlier;
        let covers = |one: &&Filled| one.needed == needed && one.start < to && one.end > from;
        let commit = self.wait.commits.iter().rev().find(covers);
        let filled = self.filled(commit);
        let (timeline, bases, dev) = (self.disk.timeline, &mut *self.bases, self.wait.disk);
        let own = timeline.in_service(from, to).filter(|one| one.journal).map(|one| {
            let class = Class::new(dev.unwrap_or(0), one.op, true, one.bytes);
            (one.complete - bases.of(class).own(one.complete - one.queued), one.complete)
        });
        let own = own.collect();
        // Data that the commit must not overtake is part of it.
        let mechanism =
            if part == Part::JournalData { Mechanism::Journal } else { Mechanism::Device };
        for piece in pieces(from, to, own) {
            let ns = float(piece.to - piece.from);
            let served = self.in_service_without_journal(piece.from, piece.to, mechanism);
            if (piece.own || !found.spread(&served, ns)) && !found.spread(&filled, ns) {
                found.add(Charge::own(dev, Mechanism::Journal), ns);
            }
        }
    }

    /// Who filled a commit. One that the wait needed has something of the wait's own in any case.
    fn filled(&self, commit: Option<&Filled>) -> Weights {
        let mut filled = Weights::default();
        let Some(commit) = commit else { return filled };
        let dev = self.wait.disk;
        if commit.needed {
            filled.add(Charge::own(dev, Mechanism::Journal), BLOCKS_OF_ANY_COMMIT);
        }
        let others = (Owned::Unattributed(Reason::JournalOthers as u32), commit.others);
        let by = commit.by.iter().map(|(who, blocks)| (*who, u64::from(*blocks)));
        for (who, blocks) in by.chain([others]) {
            let culprit = if who == self.wait.who { Culprit::Own } else { Culprit::Other(who) };
            let charge = Charge { culprit, file: 0, dev, mechanism: Mechanism::Journal };
            filled.add(charge, float(blocks));
        }
        filled
    }

    /// A flush of the device's cache ran.
    fn flush(&mut self, from: u64, to: u64, found: &mut Weights) {
        let class = Class::new(self.wait.disk.unwrap_or(0), Op::Flush, false, 0);
        let base = self.bases.of(class);
        let mut at = from;
        for (number, (begin, end)) in self.disk.flushes.iter().enumerate() {
            let (begin, end) = (*begin, *end);
            if end <= at || begin >= to {
                continue;
            }
            // Queued behind something: no flush runs.
            if begin > at {
                let served = self.in_service(at, begin, Mechanism::Flush);
                self.spread(&served, begin - at, Mechanism::Flush, found);
                at = begin;
            }
            let until = end.min(to);
            let own_from = (end - base.own(end - begin)).clamp(at, until);
            found.add(Charge::own(self.wait.disk, Mechanism::Flush), float(until - own_from));
            if own_from > at {
                let before = number.checked_sub(1).map_or(0, |before| self.disk.flushes[before].0);
                let cached = self.cached(before, begin);
                if !found.spread(&cached, float(own_from - at)) {
                    let served = self.in_service(at, own_from, Mechanism::Flush);
                    self.spread(&served, own_from - at, Mechanism::Flush, found);
                }
            }
            at = until;
        }
        if at < to {
            let served = self.in_service(at, to, Mechanism::Flush);
            self.spread(&served, to - at, Mechanism::Flush, found);
        }
    }

    /// Whose bytes were put into the device's cache from one flush to the next.
    fn cached(&self, from: u64, to: u64) -> Weights {
        let mut cached = Weights::default();
        let since = from.max(self.disk.timeline.known_since());
        for one in self.disk.timeline.ended(since, to).filter(|one| one.op == Op::Write) {
            cached.add(self.charge(one, Mechanism::Flush), f64::from(one.bytes));
        }
        cached
    }

    /// Who was in the device, by what they asked of it. Of the requests that the wait waited for, the one that it pays
    /// for at the moment does not hold up itself; its siblings do.
    fn in_service(&self, from: u64, to: u64, mechanism: Mechanism) -> Weights {
        let (mut served, mut awaited, mut largest) = (Weights::default(), 0.0, 0.0_f64);
        for one in self.disk.timeline.in_service(from, to) {
            let cost = one.cost_within(from, to);
            if self.is_awaited(one) {
                awaited += cost;
                largest = largest.max(cost);
            } else {
                served.add(self.charge(one, mechanism), cost);
            }
        }
        served.add(Charge::own(self.wait.disk, mechanism), awaited - largest);
        served
    }

    fn in_service_without_journal(&self, from: u64, to: u64, mechanism: Mechanism) -> Weights {
        let mut served = Weights::default();
        for one in self.disk.timeline.in_service(from, to).filter(|one| !one.journal) {
            served.add(self.charge(one, mechanism), one.cost_within(from, to));
        }
        served
    }

    fn is_awaited(&self, one: &Request) -> bool {
        let is_it = |own: &Awaited| {
            (own.complete, own.queued) == (one.complete, one.queued) && own.op == one.op
        };
        one.who == self.wait.who && !one.journal && self.wait.awaited.iter().any(is_it)
    }

    fn charge(&self, one: &Request, mechanism: Mechanism) -> Charge {
        let culprit = if one.who == self.wait.who { Culprit::Own } else { Culprit::Other(one.who) };
        Charge { culprit, file: one.file, dev: self.wait.disk, mechanism }
    }

    fn spread(&self, served: &Weights, ns: u64, mechanism: Mechanism, found: &mut Weights) {
        if !found.spread(served, float(ns)) {
            found.add(Charge::nobody(self.wait.disk, mechanism), float(ns));
        }
    }
}

/// A span of time that an own request would have taken anyway, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    from: u64,
    to: u64,
    own: bool,
}

/// Cuts a span by those that are own; they may overlap.
fn pieces(from: u64, to: u64, mut own: Vec<(u64, u64)>) -> Vec<Piece> {
    own.sort_unstable();
    let (mut at, mut all) = (from, Vec::new());
    let mut push = |from: u64, to: u64, own: bool| {
        if from < to {
            all.push(Piece { from, to, own });
        }
    };
    for (begin, end) in own {
        let (begin, end) = (begin.clamp(at, to), end.clamp(at, to));
        push(at, begin, false);
        push(begin, end, true);
        at = end;
    }
    push(at, to, false);
    all
}
