//! Blame against a dumb oracle that looks at every instant of a wait and at all requests, whatever the order in which they are told.

use std::collections::BTreeMap;

use iocontend_wire::key::{Key, Owner, Reason};
use proptest::prelude::*;

use super::bases::Base;
use super::timeline::float;
use super::*;
use crate::ids::{Call, Method};
use crate::report::{Mechanism, Part};
use crate::session::anatomy::Parts;

/// Times of the tests are whole multiples of this, ns.
const TICK: u64 = 1_000_000;
/// What any request takes, ticks.
const BASE: u64 = 5;
/// What takes no longer is not slow, ticks.
const NORMAL: u64 = 7;
const DEV: u32 = 3;
const VICTIM: Owned = Owned::Actor(0);

#[derive(Clone, Copy, Debug)]
struct Req {
    who: usize,
    queued: u64,
    issued: u64,
    complete: u64,
    bytes: u32,
    journal: bool,
    write: bool,
}

/// Each at another place, so that all are at random ones.
fn event(req: &Req, number: usize) -> IoEvent {
    let how = if req.journal { How::Journal } else { How::Direct };
    let kind = if req.write { Kind::Write } else { Kind::Read };
    let owner = Owner::Process(u32::try_from(req.who).unwrap());
    IoEvent {
        key: Key::owner(owner, 0, how).with(DEV, kind as u32),
        bytes: req.bytes,
        sector: 1_000_000_000 * (1 + number as u64),
        status: 0,
        complete_ns: req.complete * TICK,
        q2c_ns: Some((req.complete - req.queued) * TICK),
        d2c_ns: Some((req.complete - req.issued) * TICK),
        held: false,
        forcer: None,
    }
}

fn req() -> impl Strategy<Value = Req> {
    let sizes = prop::sample::select(vec![4096_u32, 65_536, 1 << 20]);
    let flags = (prop::bool::weighted(0.2), any::<bool>());
    (0..4_usize, 0..400_u64, 0..15_u64, 1..60_u64, sizes, flags).prop_map(
        |(who, queued, waiting, length, bytes, (journal, write))| Req {
            who,
            queued,
            issued: queued + waiting,
            complete: queued + waiting + length,
            bytes,
            journal,
            write,
        },
    )
}

/// A wait: its begin and its segments, with gaps between them.
#[derive(Clone, Debug)]
struct Wait {
    from: u64,
    segments: Vec<(u64, u64, Part)>,
    to: u64,
    commits: Vec<(u32, u32, u64)>,
}

fn wait() -> impl Strategy<Value = Wait> {
    let part = prop::sample::select(vec![
        Part::Flush,
        Part::Device,
        Part::Queue,
        Part::JournalEarlier,
        Part::JournalData,
        Part::JournalLog,
    ]);
    let segments = prop::collection::vec((0..10_u64, 1..50_u64, part), 1..6);
    let commits = prop::collection::vec((0..4_u32, 0..4_u32, 0..3_u64), 1..3);
    (0..300_u64, segments, commits).prop_map(|(from, lengths, commits)| {
        let (mut at, mut segments) = (from, Vec::new());
        for (gap, length, part) in lengths {
            segments.push((at + gap, at + gap + length, part));
            at += gap + length;
        }
        Wait { from, segments, to: at, commits }
    })
}

fn segments(wait: &Wait) -> Vec<Segment> {
    let one = |(from, to, part): &(u64, u64, Part)| Segment {
        from: from * TICK,
        to: to * TICK,
        part: *part,
    };
    wait.segments.iter().map(one).collect()
}

/// The victim's own requests that overlap with the wait are waited for.
fn awaited<'a>(wait: &'a Wait, reqs: &'a [Req]) -> impl Iterator<Item = &'a Req> {
    let own = reqs.iter().filter(|one| one.who == 0 && !one.journal && one.write);
    own.filter(|one| one.queued < wait.to && one.complete > wait.from)
}

fn waited(wait: &Wait, reqs: &[Req]) -> Waited {
    let segments = segments(wait);
    let mut parts = Parts::default();
    for Segment { from, to, part } in &segments {
        parts.add(*part, to - from);
    }
    let own = awaited(wait, reqs).map(|one| Awaited {
        dev: DEV,
        op: Op::Write,
        bytes: one.bytes,
        queued: one.queued * TICK,
        complete: one.complete * TICK,
    });
    let last = wait.commits.len() - 1;
    // All of them run during the whole wait, so the last one that fits counts.
    let commits = wait.commits.iter().enumerate().map(|(at, (own, other, nobody))| Filled {
        start: wait.from * TICK,
        end: wait.to * TICK,
        needed: at == last,
        by: vec![(VICTIM, *own), (Owned::Actor(1), *other)],
        others: *nobody,
    });
    Waited {
        who: VICTIM,
        from: wait.from * TICK,
        to: wait.to * TICK,
        parts,
        segments,
        awaited: own.collect(),
        commits: commits.collect(),
        disk: Some(DEV),
    }
}

fn row() -> RowKey {
    let what = What::Wait(Call::Fdatasync);
    RowKey { owner: VICTIM, device: DEV, what, file: 0, method: Method::Direct }
}

/// The oracle: every tick of every segment on its own.
struct Oracle<'a> {
    wait: &'a Wait,
    reqs: &'a [Req],
    flushes: &'a [(u64, u64)],
}

type Sums = BTreeMap<(Culprit, Mechanism), f64>;

impl Oracle<'_> {
    fn charges(&self) -> Sums {
        let mut sums = Sums::new();
        for (from, to, part) in &self.wait.segments {
            let mut piece: Vec<u64> = Vec::new();
            let mut kind = None;
            for tick in *from..*to {
                let new = self.kind((*from, *to, *part), tick);
                if Some(new) != kind {
                    self.piece(*part, kind, &piece, &mut sums);
                    (piece, kind) = (Vec::new(), Some(new));
                }
                piece.push(tick);
            }
            self.piece(*part, kind, &piece, &mut sums);
        }
        sums
    }

    /// Ticks of one kind that follow each other are shared out together: whether the time is own, and the flush that runs.
    fn kind(&self, (from, to, part): (u64, u64, Part), tick: u64) -> (bool, Option<usize>) {
        let own = |one: &Req| {
            let whole = one.complete - one.queued;
            let own = if whole <= NORMAL { whole } else { BASE };
            tick < one.complete && tick >= one.complete - own
        };
        match part {
            Part::Device | Part::Queue => (awaited(self.wait, self.reqs).any(own), None),
            Part::Flush => {
                // The first one by its end.
                let mut running = self.flushes.iter().enumerate();
                let flush = running.find(|(_, (begin, end))| *begin <= tick && tick < *end);
                let Some((number, (begin, end))) = flush else { return (false, None) };
                let own = if end - begin <= NORMAL { end - begin } else { BASE };
                (tick >= end - own, Some(number))
            }
            _ => {
                let there = |one: &&Req| one.journal && one.issued < to && one.complete > from;
                (self.reqs.iter().filter(there).any(own), None)
            }
        }
    }

    fn piece(
        &self,
        part: Part,
        kind: Option<(bool, Option<usize>)>,
        ticks: &[u64],
        sums: &mut Sums,
    ) {
        let Some((own, flush)) = kind else { return };
        let mechanism = match part {
            Part::Flush => Mechanism::Flush,
            Part::Queue => Mechanism::Queue,
            Part::JournalData => Mechanism::Journal,
            _ => Mechanism::Device,
        };
        let whole = float(ticks.len() as u64);
        let journal = mechanism == Mechanism::Journal
            || part == Part::JournalEarlier
            || part == Part::JournalLog;
        let served = self.served(ticks, journal);
        let shares = match (part, own) {
            (Part::Flush | Part::Device | Part::Queue, true) => {
                *sums.entry((Culprit::Own, mechanism)).or_default() += whole;
                return;
            }
            (Part::Flush, false) => match flush.map(|number| self.cached(number)) {
                Some(cached) if !cached.is_empty() => cached,
                _ => served,
            },
            (Part::Device | Part::Queue, false) => served,
            (_, false) if !served.is_empty() => served,
            _ => {
                let needed = part != Part::JournalEarlier;
                return self.filled(needed, whole, sums);
            }
        };
        let all: f64 = shares.values().sum();
        if shares.is_empty() {
            *sums.entry((Culprit::Nobody, mechanism)).or_default() += whole;
        }
        for (who, weight) in shares {
            *sums.entry((who, mechanism)).or_default() += whole * weight / all;
        }
    }

    fn served(&self, ticks: &[u64], journal: bool) -> BTreeMap<Culprit, f64> {
        let mut shares: BTreeMap<Culprit, f64> = BTreeMap::new();
        let (mut own, mut largest) = (0.0, 0.0_f64);
        for one in self.reqs {
            let within = ticks.iter().filter(|at| **at >= one.issued && **at < one.complete);
            let op = if one.write { Op::Write } else { Op::Read };
            let cost = cost::cost_ns(false, op, one.bytes, true);
            let cost = cost * float(within.count() as u64) / float(one.complete - one.issued);
            if cost <= 0.0 || (journal && one.journal) {
                continue;
            }
            let is_awaited = one.who == 0
                && !one.journal
                && one.write
                && one.queued < self.wait.to
                && one.complete > self.wait.from;
            if is_awaited && !journal {
                own += cost;
                largest = largest.max(cost);
            } else {
                *shares.entry(culprit(one.who)).or_default() += cost;
            }
        }
        if own > largest {
            *shares.entry(Culprit::Own).or_default() += own - largest;
        }
        shares
    }

    fn cached(&self, number: usize) -> BTreeMap<Culprit, f64> {
        let before = number.checked_sub(1).map_or(0, |before| self.flushes[before].0);
        let begin = self.flushes[number].0;
        let mut shares: BTreeMap<Culprit, f64> = BTreeMap::new();
        for one in self.reqs.iter().filter(|one| one.write) {
            if one.complete > before && one.complete <= begin {
                *shares.entry(culprit(one.who)).or_default() += f64::from(one.bytes);
            }
        }
        shares
    }

    fn filled(&self, needed: bool, whole: f64, sums: &mut Sums) {
        let last = self.wait.commits.len() - 1;
        let commit = if needed { Some(last) } else { last.checked_sub(1) };
        let mut shares: BTreeMap<Culprit, f64> = BTreeMap::new();
        if let Some(at) = commit {
            let (own, other, nobody) = self.wait.commits[at];
            let any = if needed { 2.0 } else { 0.0 };
            shares.insert(Culprit::Own, f64::from(own) + any);
            shares.insert(Culprit::Other(Owned::Actor(1)), f64::from(other));
            let kernel = Owned::Unattributed(Reason::JournalOthers as u32);
            shares.insert(Culprit::Other(kernel), float(nobody));
        }
        let all: f64 = shares.values().sum();
        if all <= 0.0 {
            *sums.entry((Culprit::Own, Mechanism::Journal)).or_default() += whole;
            return;
        }
        for (who, weight) in shares {
            *sums.entry((who, Mechanism::Journal)).or_default() += whole * weight / all;
        }
    }
}

fn culprit(who: usize) -> Culprit {
    if who == 0 { Culprit::Own } else { Culprit::Other(Owned::Actor(who)) }
}

fn engine() -> Blame {
    let mut blame = Blame::default();
    blame.bases.fixed = Some(Base { ns: BASE * TICK, normal_ns: NORMAL * TICK });
    blame
}

/// Something to be told, and when, in ticks.
enum Told {
    Io(usize),
    Flush(usize),
    Wait(usize),
}

fn sums(blame: &Blame) -> Sums {
    let mut sums = Sums::new();
    for ((_, charge), ns) in &*blame.blamed().cells() {
        *sums.entry((charge.culprit, charge.mechanism)).or_default() += float(*ns) / float(TICK);
    }
    sums
}

fn flushes() -> impl Strategy<Value = Vec<(u64, u64)>> {
    // A device flushes one after the other.
    prop::collection::vec((1..80_u64, 1..40_u64), 0..6).prop_map(|lengths| {
        let mut at = 0;
        let one = |(gap, length): (u64, u64)| {
            let begin = at + gap;
            at = begin + length;
            (begin, at)
        };
        lengths.into_iter().map(one).collect()
    })
}

proptest! {
    // Property: whatever the order in which events are told, as long as nothing is later than half the patience, each wait
    // is shared out as the oracle does that knows everything.
    #[test]
    fn streaming_is_what_the_oracle_says(
        reqs in prop::collection::vec(req(), 0..40),
        waits in prop::collection::vec(wait(), 1..5),
        flushes in flushes(),
        delays in prop::collection::vec(0..PATIENCE_NS / 2 / TICK, 60),
    ) {
        let mut told: Vec<(u64, Told)> = Vec::new();
        told.extend(reqs.iter().enumerate().map(|(at, one)| (one.complete, Told::Io(at))));
        told.extend(flushes.iter().enumerate().map(|(at, one)| (one.1, Told::Flush(at))));
        told.extend(waits.iter().enumerate().map(|(at, one)| (one.to, Told::Wait(at))));
        for ((due, _), delay) in told.iter_mut().zip(delays.iter().cycle()) {
            *due += delay;
        }
        told.sort_by_key(|(due, _)| *due);
        let mut blame = engine();
        for (_, told) in told {
            match told {
                Told::Io(at) => blame.io(Owned::Actor(reqs[at].who), &event(&reqs[at], at)),
                Told::Flush(at) => {
                    let (begin, end) = flushes[at];
                    blame.flush(DEV, end * TICK, Some((end - begin) * TICK));
                }
                Told::Wait(at) => blame.wait(row(), waited(&waits[at], &reqs)),
            }
        }
        blame.end_second(true);
        let found = sums(&blame);
        let mut expected = Sums::new();
        for wait in &waits {
            let oracle = Oracle { wait, reqs: &reqs, flushes: &flushes };
            for (key, weight) in oracle.charges() {
                *expected.entry(key).or_default() += weight;
            }
        }
        for key in found.keys().chain(expected.keys()) {
            let (found, expected) = (found.get(key).copied(), expected.get(key).copied());
            let off = (found.unwrap_or(0.0) - expected.unwrap_or(0.0)).abs();
            prop_assert!(off < 0.001, "{key:?}: {found:?}, the oracle says {expected:?}");
        }
    }

    // Property: whatever is lost, a wait's charges sum to the wait, in the whole and over all intervals.
    #[test]
    fn charges_sum_to_the_waits(
        reqs in prop::collection::vec(req(), 0..40),
        waits in prop::collection::vec(wait(), 1..8),
        flushes in flushes(),
        lost in prop::collection::vec(any::<bool>(), 50),
    ) {
        let mut blame = engine();
        let kept = |at: usize| !lost[at % lost.len()];
        let (mut intervals, mut all) = (0, 0);
        let (mut before, mut settled) = (Blamed::default(), Vec::new());
        let sum = |cells: &Cells| cells.values().sum::<u64>();
        for (at, one) in reqs.iter().enumerate().filter(|(at, _)| kept(*at)) {
            blame.io(Owned::Actor(one.who), &event(one, at));
        }
        for (begin, end) in &flushes {
            blame.flush(DEV, end * TICK, Some((end - begin) * TICK));
        }
        for (at, wait) in waits.iter().enumerate() {
            let waited = waited(wait, &reqs);
            all += waited.segments.iter().map(|one| one.to - one.from).sum::<u64>();
            blame.wait(row(), waited);
            if kept(at) {
                blame.end_second(false);
                let now = blame.blamed().clone();
                intervals += sum(&now.since(&before).cells());
                settled.push(now.settled_since(&before));
                before = now;
            }
        }
        blame.end_second(true);
        let now = blame.blamed().clone();
        intervals += sum(&now.since(&before).cells());
        settled.push(now.settled_since(&before));
        prop_assert_eq!(sum(&now.cells()), all);
        prop_assert_eq!(intervals, all);
        // Cell by cell, to the nanosecond.
        let mut cells = Cells::default();
        for (cell, ns) in settled.iter().flatten() {
            *cells.entry(*cell).or_default() += ns;
        }
        prop_assert_eq!(&cells, now.settled());
    }
}

fn req_of(who: usize, queued: u64, issued: u64, complete: u64, bytes: u32) -> Req {
    Req { who, queued, issued, complete, bytes, journal: false, write: true }
}

fn one_wait(reqs: &[Req], wait: &Wait) -> Sums {
    let mut blame = engine();
    for (at, one) in reqs.iter().enumerate() {
        blame.io(Owned::Actor(one.who), &event(one, at));
    }
    blame.wait(row(), waited(wait, reqs));
    blame.end_second(true);
    sums(&blame)
}

// Property: requests of another that overlap are no blame when the victim's own takes no longer than it does alone.
#[test]
fn no_excess_no_blame() {
    let reqs = [req_of(0, 100, 100, 106, 4096), req_of(1, 50, 50, 200, 1 << 20)];
    let wait = Wait {
        from: 100,
        segments: vec![(100, 106, Part::Device)],
        to: 106,
        commits: vec![(1, 0, 0)],
    };
    let sums = one_wait(&reqs, &wait);
    assert_eq!(sums.keys().collect::<Vec<_>>(), [&(Culprit::Own, Mechanism::Device)]);
}

// Property: a wait is shared out while its requests are still known, though no other wait follows and many requests do.
#[test]
fn a_lone_wait_is_shared_out_in_time() {
    let reqs = [req_of(0, 100, 100, 200, 4096), req_of(1, 100, 100, 200, 1 << 20)];
    let wait = Wait {
        from: 100,
        segments: vec![(100, 200, Part::Device)],
        to: 200,
        commits: vec![(1, 0, 0)],
    };
    let mut blame = engine();
    for (at, one) in reqs.iter().enumerate() {
        blame.io(Owned::Actor(one.who), &event(one, at));
    }
    blame.wait(row(), waited(&wait, &reqs));
    for at in 0..200_000 {
        let mut later = event(&req_of(2, 200, 200, 201, 4096), 9);
        later.complete_ns += at * TICK / 100;
        blame.io(Owned::Actor(2), &later);
    }
    blame.end_second(true);
    assert_eq!(blame.blamed().covered().forgotten_ns, 0);
    assert!((sums(&blame)[&(culprit(1), Mechanism::Device)] - 95.0).abs() < 0.001);
}

// Property: of two that are in the device as long, the one that asks more of it is charged more; a slow request with
// nobody else in the device is nobody's doing.
#[test]
fn the_larger_one_is_charged_more() {
    let slow = req_of(0, 100, 100, 205, 4096);
    let wait = Wait {
        from: 100,
        segments: vec![(100, 205, Part::Device)],
        to: 205,
        commits: vec![(1, 0, 0)],
    };
    let both = [slow, req_of(1, 100, 100, 200, 1 << 20), req_of(2, 100, 100, 200, 4096)];
    let sums = one_wait(&both, &wait);
    let of = |who: usize| sums[&(culprit(who), Mechanism::Device)];
    assert!(of(1) > 20.0 * of(2), "{sums:?}");
    assert!((of(1) + of(2) - 100.0).abs() < 0.001, "{sums:?}");
    assert!((of(0) - 5.0).abs() < 0.001, "{sums:?}");
    let alone = one_wait(&[slow], &wait);
    assert!((alone[&(Culprit::Nobody, Mechanism::Device)] - 100.0).abs() < 0.001, "{alone:?}");
}

// Property: a disk that moves its heads is one whatever is told of it first; on it a small request at a random place
// asks for most of what a large one does, on an SSD for little.
#[test]
fn a_disk_has_heads_whatever_comes_first() {
    let wait = Wait {
        from: 100,
        segments: vec![(100, 205, Part::Device)],
        to: 205,
        commits: vec![(1, 0, 0)],
    };
    let reqs = [
        req_of(0, 100, 100, 205, 4096),
        req_of(1, 100, 100, 200, 1 << 20),
        req_of(2, 100, 100, 200, 4096),
    ];
    let ratio = |is_rotational: bool| {
        let mut blame = engine();
        blame.set_rotational(std::iter::once((DEV, is_rotational)));
        blame.flush(DEV, TICK, Some(1));
        for (at, one) in reqs.iter().enumerate() {
            blame.io(Owned::Actor(one.who), &event(one, at));
        }
        blame.wait(row(), waited(&wait, &reqs));
        blame.end_second(true);
        let sums = sums(&blame);
        let of = |who: usize| sums[&(culprit(who), Mechanism::Device)];
        of(1) / of(2)
    };
    assert!(ratio(true) < 4.0, "{}", ratio(true));
    assert!(ratio(false) > 20.0, "{}", ratio(false));
}
