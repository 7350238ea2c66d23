//! Takes waits of the targets apart: what held at each instant of a wait.
//!
//! Time is swept once, so requests that overlap are not counted twice, and the parts of a wait sum to it. At each
//! instant the first that holds wins: held back by a limit, a cache flush running, an own request in the device, an
//! own request queued, a journal commit that the wait needed. What is left was spent ready to run without a CPU, on
//! the CPU, or blocked, as far as the scheduler says: until the needed commit began on its begin, else on something
//! else.

use std::collections::BTreeMap;

use foldhash::HashMap;
use iocontend_wire::key::{How, Kind};

use super::blame::{Awaited, Segment};
use super::recent::Recent;
use crate::event::{CommitEvent, IoEvent, WaitEvent};
use crate::ids::{Dev, Op};
use crate::report::Part;

/// Most own requests that are kept per target, and most flushes per disk; the oldest go first.
const KEPT: usize = 1 << 16;
/// Most commits that are kept per file system.
const KEPT_COMMITS: usize = 1 << 10;

/// Nanoseconds by part, in the order of [`PARTS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts([u64; PARTS.len()]);

/// All parts.
pub(super) const PARTS: [Part; 13] = [
    Part::Throttle,
    Part::Flush,
    Part::Device,
    Part::Queue,
    Part::JournalEarlier,
    Part::JournalLocked,
    Part::JournalData,
    Part::JournalLog,
    Part::JournalBegin,
    Part::Runnable,
    Part::Cpu,
    Part::Lock,
    Part::Unexplained,
];

/// So many of them are intervals that can be swept; they come first, the strongest before the others.
const SWEPT: usize = 9;

impl Parts {
    pub(super) fn add(&mut self, part: Part, ns: u64) {
        if let Some(at) = PARTS.iter().position(|known| *known == part) {
            self.0[at] = self.0[at].saturating_add(ns);
        }
    }

    /// One part, ns.
    pub(super) fn get(&self, part: Part) -> u64 {
        PARTS.iter().position(|known| *known == part).map_or(0, |at| self.0[at])
    }

    /// Takes a part out.
    fn take(&mut self, part: Part) -> u64 {
        let at = PARTS.iter().position(|known| *known == part);
        at.map_or(0, |at| std::mem::take(&mut self.0[at]))
    }

    /// What is more than the whole can have, of the weakest parts; these lose it.
    pub(super) fn split_off(&mut self, whole: u64) -> Option<Self> {
        let mut over = *self;
        self.cut_to(whole);
        for (part, kept) in over.0.iter_mut().zip(&self.0) {
            *part -= kept;
        }
        (!over.is_empty()).then_some(over)
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (sum, ns) in self.0.iter_mut().zip(&other.0) {
            *sum = sum.saturating_add(*ns);
        }
    }

    /// What was added since they were these; never below 0.
    pub(super) fn since(&self, older: &Self) -> Self {
        let mut new = *self;
        for (part, before) in new.0.iter_mut().zip(&older.0) {
            *part = part.saturating_sub(*before);
        }
        new
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sum() == 0
    }

    /// Parts of many waits may sum to more than any one of them can.
    fn sum(&self) -> u128 {
        self.0.iter().copied().map(u128::from).sum()
    }

    /// What is left of a time when these are taken from it.
    fn left_of(&self, whole: u64) -> u64 {
        u64::try_from(u128::from(whole).saturating_sub(self.sum())).unwrap_or(0)
    }

    /// The parts of waits that took this long together: waits whose records were lost are unexplained, and an interval
    /// may end between a record and its statistics. Where records of requests, flushes or commits were lost (`complete`
    /// is false), what would be a lock may be theirs. Parts that are 0 are left out.
    pub(super) fn of(mut self, whole: u64, complete: bool) -> BTreeMap<Part, u64> {
        self.cut_to(whole);
        if !complete {
            let lock = self.take(Part::Lock);
            self.add(Part::Unexplained, lock);
        }
        self.add(Part::Unexplained, self.left_of(whole));
        PARTS.into_iter().zip(self.0).filter(|(_, ns)| *ns > 0).collect()
    }

    /// Takes from the weakest parts what is more than the whole.
    fn cut_to(&mut self, whole: u64) {
        let mut over = self.sum().saturating_sub(u128::from(whole));
        for ns in self.0.iter_mut().rev() {
            let cut = u64::try_from(over).unwrap_or(u64::MAX).min(*ns);
            *ns -= cut;
            over -= u128::from(cut);
        }
    }
}

/// A request that a target caused.
#[derive(Clone, Copy, Debug)]
struct Own {
    dev: u32,
    file: u32,
    kind: Kind,
    bytes: u32,
    held: bool,
    queued: u64,
    issued: Option<u64>,
    complete: u64,
}

/// A wait, taken apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Breakdown {
    /// They sum to its time.
    pub(super) parts: Parts,
    /// What held when, as far as that is known, in order and without overlaps.
    pub(super) segments: Vec<Segment>,
    /// The requests it waited for.
    pub(super) awaited: Vec<Awaited>,
    /// Commits that ended within it; it needed the last one.
    pub(super) commits: Vec<CommitEvent>,
    /// The disk, where it is known.
    pub(super) disk: Option<u32>,
}

/// What happened lately, as far as it may have been part of a target's wait.
#[derive(Default)]
pub(super) struct Anatomy {
    own: HashMap<u32, Recent<Own>>,
    /// Begin and end of cache flushes, by disk.
    flushes: HashMap<u32, Recent<(u64, u64)>>,
    commits: HashMap<Dev, Recent<CommitEvent>>,
    /// The disk below a file system, by the device indices that the kernel side uses: learnt from own requests.
    disks: HashMap<u32, u32>,
}

impl Anatomy {
    /// A request of a target is over.
    pub(super) fn io(&mut self, pid: u32, io: &IoEvent) {
        let (Some(kind), Some(q2c)) = (Kind::from_u32(io.key.kind()), io.q2c_ns) else { return };
        // Its part of a commit is the commit's time.
        if io.key.how() == How::Journal as u32 {
            return;
        }
        let own = Own {
            dev: io.key.dev(),
            file: io.key.file(),
            kind,
            bytes: io.bytes,
            held: io.held,
            queued: io.complete_ns.saturating_sub(q2c),
            issued: io.d2c_ns.map(|d2c| io.complete_ns.saturating_sub(d2c)),
            complete: io.complete_ns,
        };
        let kept = self.own.entry(pid).or_insert_with(|| Recent::new(KEPT));
        kept.push(own.complete, own);
    }

    /// A flush command is over.
    pub(super) fn flush(&mut self, dev: u32, complete_ns: u64, d2c_ns: Option<u64>) {
        let Some(d2c) = d2c_ns else { return };
        let kept = self.flushes.entry(dev).or_insert_with(|| Recent::new(KEPT));
        kept.push(complete_ns, (complete_ns.saturating_sub(d2c), complete_ns));
    }

    /// A commit is over.
    pub(super) fn commit(&mut self, commit: CommitEvent) {
        let kept = self.commits.entry(commit.dev).or_insert_with(|| Recent::new(KEPT_COMMITS));
        kept.push(commit.end_ns, commit);
    }

    /// A target is gone.
    pub(super) fn forget(&mut self, pid: u32) {
        self.own.remove(&pid);
    }

    /// Takes a wait of a target apart.
    pub(super) fn break_down(&mut self, pid: u32, wait: &WaitEvent) -> Breakdown {
        let mut sweep = Sweep::new(wait.start_ns, wait.end_ns);
        let reads = Kind::from_u32(wait.key.kind()).is_some_and(is_reading);
        let own: Vec<Own> = match self.own.get_mut(&pid) {
            Some(own) => {
                own.after(wait.start_ns).filter(|own| belongs(own, wait, reads)).copied().collect()
            }
            None => Vec::new(),
        };
        let disk = self.disk_of(wait, &own);
        let (mut written, mut awaited) = (Vec::new(), Vec::new());
        // Requests to another disk, of files that are not known, were no part of it.
        for own in own.iter().filter(|own| disk.is_none_or(|disk| own.dev == disk)) {
            if own.kind == Kind::Write {
                written.push(own.complete);
            }
            awaited.extend(own.awaited());
            if own.held {
                sweep.add(Part::Throttle, wait.start_ns, own.queued);
            }
            match (own.kind, own.issued) {
                (Kind::Flush, _) => sweep.add(Part::Flush, own.queued, own.complete),
                (_, Some(issued)) => {
                    sweep.add(Part::Queue, own.queued, issued);
                    sweep.add(Part::Device, issued, own.complete);
                }
                (_, None) => sweep.add(Part::Device, own.queued, own.complete),
            }
        }
        let mut commits = Vec::new();
        if !reads {
            self.add_flushes(wait, disk, &mut sweep);
            commits = self.add_commits(wait, &written, &mut sweep);
        }
        let segments = sweep.finish();
        let mut parts = Parts::default();
        for Segment { from, to, part } in &segments {
            parts.add(*part, to - from);
        }
        // The thread may as well have been ready to run meanwhile: the scheduler's word comes first.
        let begin = parts.take(Part::JournalBegin);
        parts.cut_to(wait.counted_ns);
        rest(&mut parts, wait, begin);
        Breakdown {
            parts,
            segments,
            awaited,
            commits,
            disk: disk.or_else(|| own.first().map(|own| own.dev)),
        }
    }

    /// The disk of a wait's file system: where requests of the same file went, now or in an earlier wait.
    fn disk_of(&mut self, wait: &WaitEvent, own: &[Own]) -> Option<u32> {
        let file = wait.key.file();
        if let Some(own) = own.iter().find(|own| file != 0 && own.file == file) {
            self.disks.insert(wait.key.dev(), own.dev);
        }
        self.disks.get(&wait.key.dev()).copied()
    }

    fn add_flushes(&mut self, wait: &WaitEvent, disk: Option<u32>, sweep: &mut Sweep) {
        let Some(flushes) = self.flushes.get_mut(&disk.unwrap_or(wait.key.dev())) else { return };
        for (begin, end) in flushes.after(wait.start_ns) {
            sweep.add(Part::Flush, *begin, *end);
        }
    }

    /// Commits that ended within the wait: it needed the last one, and stood behind the others. `written` are the
    /// completions of the wait's own writes.
    fn add_commits(
        &mut self,
        wait: &WaitEvent,
        written: &[u64],
        sweep: &mut Sweep,
    ) -> Vec<CommitEvent> {
        let commits = wait.dev.and_then(|dev| self.commits.get_mut(&dev));
        let Some(commits) = commits else { return Vec::new() };
        let within = commits.after(wait.start_ns).take_while(|commit| commit.end_ns <= wait.end_ns);
        let within: Vec<CommitEvent> = within.cloned().collect();
        let Some((needed, before)) = within.split_last() else { return within };
        // Nothing else stands between its own data and the commit (fs/ext4/fsync.c) than the end of that writing, which
        // a worker may still have to enter into the file, and the journal's thread, which has to wake up.
        if let Some(last) = written.iter().filter(|end| **end <= needed.start_ns).max() {
            sweep.add(Part::JournalBegin, *last, needed.start_ns);
        }
        let mut begin = needed.start_ns;
        let mut part = Part::JournalLocked;
        let phases = [
            (needed.locking_ns, Part::JournalLocked),
            (needed.flushing_ns, Part::JournalData),
            (needed.logging_ns, Part::JournalLog),
        ];
        for (at, next) in phases {
            // A phase that was not seen belongs to the one before it.
            if let Some(at) = at {
                sweep.add(part, begin, at);
                (begin, part) = (at, next);
            }
        }
        sweep.add(part, begin, needed.end_ns);
        for earlier in before {
            sweep.add(Part::JournalEarlier, earlier.start_ns, earlier.end_ns);
        }
        within
    }
}

impl Own {
    fn awaited(&self) -> Option<Awaited> {
        let op = match self.kind {
            Kind::Read => Op::Read,
            Kind::Write => Op::Write,
            Kind::Flush => Op::Flush,
            _ => return None,
        };
        let Self { dev, bytes, queued, complete, .. } = *self;
        Some(Awaited { dev, op, bytes, queued, complete })
    }
}

/// Calls that wait for data to come.
fn is_reading(kind: Kind) -> bool {
    matches!(kind, Kind::ReadCall | Kind::Fault)
}

/// Whether a request was part of what a wait waited for.
fn belongs(own: &Own, wait: &WaitEvent, reads: bool) -> bool {
    let overlaps = own.queued < wait.end_ns && own.complete > wait.start_ns;
    let same_way = (own.kind == Kind::Read) == reads;
    // Where one of the two is not known, it may be the same file.
    let file = wait.key.file();
    let same_file = own.file == file || own.file == 0 || file == 0;
    overlaps && same_way && (same_file || own.kind == Kind::Flush)
}

/// What no interval explains. Of what the scheduler leaves, at most `begin` was waiting for a commit to begin.
fn rest(parts: &mut Parts, wait: &WaitEvent, begin: u64) {
    let mut left = parts.left_of(wait.counted_ns);
    let mut take = |part, ns: u64| {
        let taken = ns.min(left);
        left -= taken;
        parts.add(part, taken);
    };
    take(Part::Throttle, wait.throttled_ns.unwrap_or(0));
    let Some(away) = wait.away_ns else {
        take(Part::Runnable, wait.runnable_ns.unwrap_or(0));
        return take(Part::Unexplained, u64::MAX);
    };
    let whole = wait.end_ns.saturating_sub(wait.start_ns);
    take(Part::Runnable, wait.runnable_ns.unwrap_or(0));
    take(Part::Cpu, whole.saturating_sub(away));
    take(Part::JournalBegin, begin);
    take(Part::Lock, u64::MAX);
}

/// Intervals over one wait.
struct Sweep {
    from: u64,
    to: u64,
    edges: Vec<(u64, usize, bool)>,
}

impl Sweep {
    fn new(from: u64, to: u64) -> Self {
        Self { from, to: to.max(from), edges: Vec::new() }
    }

    /// This held from `begin` to `end`, as far as that lies within the wait.
    fn add(&mut self, part: Part, begin: u64, end: u64) {
        let (begin, end) = (begin.max(self.from), end.min(self.to));
        let at = PARTS.iter().position(|known| *known == part);
        if let Some(at) = at.filter(|at| *at < SWEPT && begin < end) {
            self.edges.push((begin, at, true));
            self.edges.push((end, at, false));
        }
    }

    /// The strongest part that held, when.
    fn finish(mut self) -> Vec<Segment> {
        self.edges.sort_unstable();
        let (mut segments, mut open, mut before) = (Vec::new(), [0u32; SWEPT], self.from);
        for (time, at, begins) in self.edges {
            if let Some(strongest) = open.iter().position(|count| *count > 0) {
                add_segment(
                    &mut segments,
                    Segment { from: before, to: time, part: PARTS[strongest] },
                );
            }
            before = time;
            open[at] = if begins { open[at] + 1 } else { open[at].saturating_sub(1) };
        }
        segments
    }
}

/// One that goes on where the last one of the same part ended makes that one longer.
fn add_segment(segments: &mut Vec<Segment>, new: Segment) {
    if new.from == new.to {
        return;
    }
    match segments.last_mut() {
        Some(last) if last.part == new.part && last.to == new.from => last.to = new.to,
        _ => segments.push(new),
    }
}

#[cfg(test)]
#[path = "tests/anatomy.rs"]
mod tests;
