//! The sweep against a dumb oracle, and waits whose parts are known.

use iocontend_wire::key::{Key, Owner};
use proptest::prelude::*;

use super::*;

const DEV: Dev = Dev { major: 8, minor: 1 };
const PID: u32 = 7;

fn key(kind: Kind, file: u32) -> Key {
    Key::owner(Owner::Process(PID), file, How::Direct).with(1, kind as u32)
}

fn wait(kind: Kind, from: u64, to: u64) -> WaitEvent {
    WaitEvent {
        key: key(kind, 3),
        tid: PID,
        start_ns: from,
        end_ns: to,
        ino: 9,
        dev: Some(DEV),
        ret: 0,
        counted_ns: to - from,
        runnable_ns: Some(0),
        away_ns: Some(to - from),
        throttled_ns: None,
    }
}

fn io(kind: Kind, queued: u64, issued: Option<u64>, complete: u64) -> IoEvent {
    IoEvent {
        key: key(kind, if kind == Kind::Flush { 0 } else { 3 }),
        bytes: 4096,
        sector: 0,
        status: 0,
        complete_ns: complete,
        q2c_ns: Some(complete - queued),
        d2c_ns: issued.map(|issued| complete - issued),
        held: false,
        forcer: None,
    }
}

fn commit(start: u64, locking: u64, flushing: u64, logging: u64, end: u64) -> CommitEvent {
    CommitEvent {
        dev: DEV,
        tid: 1,
        thread: 99,
        start_ns: start,
        locking_ns: Some(locking),
        flushing_ns: Some(flushing),
        logging_ns: Some(logging),
        end_ns: end,
        contributors: Vec::new(),
        others: 0,
    }
}

fn named(parts: &Parts) -> Vec<(Part, u64)> {
    PARTS.into_iter().zip(parts.0).filter(|(_, ns)| *ns > 0).collect()
}

// Property: an fsync that writes its data, waits for a commit and has a flush in it has these parts, each once.
#[test]
fn an_fsync_with_a_commit_has_its_phases() {
    let mut anatomy = Anatomy::default();
    anatomy.io(PID, &io(Kind::Write, 110, Some(130), 200));
    anatomy.commit(commit(50, 51, 52, 53, 150));
    anatomy.commit(commit(210, 215, 230, 260, 400));
    anatomy.flush(1, 390, Some(40));
    let parts = anatomy.break_down(PID, &wait(Kind::Fsync, 100, 410)).parts;
    assert_eq!(
        named(&parts),
        [
            (Part::Flush, 40),
            (Part::Device, 70),
            (Part::Queue, 20),
            (Part::JournalEarlier, 10),
            (Part::JournalLocked, 20),
            (Part::JournalData, 30),
            (Part::JournalLog, 100),
            (Part::JournalBegin, 10),
            (Part::Lock, 10),
        ]
    );
}

// Property: between its own data and the begin of the commit it needed, a thread that had no CPU though it was ready is
// runnable; only what is left of that time is the commit's begin, and none of it without own data.
#[test]
fn until_a_commit_begins_the_scheduler_has_the_first_word() {
    let mut anatomy = Anatomy::default();
    anatomy.commit(commit(200, 201, 202, 203, 300));
    let wait = WaitEvent { runnable_ns: Some(30), ..wait(Kind::Fsync, 100, 300) };
    let made = |anatomy: &mut Anatomy| anatomy.break_down(PID, &wait).parts;
    let of = |parts: &Parts, part| named(parts).into_iter().find(|(named, _)| *named == part);
    assert_eq!(of(&made(&mut anatomy), Part::JournalBegin), None);
    assert_eq!(of(&made(&mut anatomy), Part::Lock), Some((Part::Lock, 70)));
    anatomy.io(PID, &io(Kind::Write, 100, Some(100), 150));
    let parts = made(&mut anatomy);
    assert_eq!(of(&parts, Part::Runnable), Some((Part::Runnable, 30)));
    assert_eq!(of(&parts, Part::JournalBegin), Some((Part::JournalBegin, 20)));
    assert_eq!(of(&parts, Part::Lock), None);
    assert_eq!(parts.sum(), 200);
}

// Property: sums that no wait can have do not break anything.
#[test]
fn impossible_times_are_cut() {
    let mut parts = Parts::default();
    for part in PARTS {
        parts.add(part, u64::MAX);
        parts.add(part, u64::MAX);
    }
    let sum = |parts: BTreeMap<Part, u64>| parts.into_values().map(u128::from).sum::<u128>();
    assert_eq!(sum(parts.of(u64::MAX, true)), u128::from(u64::MAX));
    assert_eq!(sum(parts.of(0, true)), 0);
    let mut anatomy = Anatomy::default();
    let end = u64::MAX;
    anatomy.io(PID, &io(Kind::Write, 1, Some(2), end));
    anatomy.flush(1, end, Some(end));
    anatomy.commit(commit(3, 4, 5, 6, end));
    let long = WaitEvent { counted_ns: end, runnable_ns: Some(end), ..wait(Kind::Fsync, 0, end) };
    assert_eq!(anatomy.break_down(PID, &long).parts.sum(), u128::from(end));
}

// Property: what records tell ahead of the statistics is nobody's surplus: it is split off, the strongest parts stay.
#[test]
fn what_is_ahead_of_the_statistics_is_split_off() {
    let mut parts = Parts::default();
    parts.add(Part::Device, 60);
    parts.add(Part::Lock, 20);
    let over = parts.split_off(70).unwrap();
    assert_eq!(named(&parts), [(Part::Device, 60), (Part::Lock, 10)]);
    assert_eq!(named(&over), [(Part::Lock, 10)]);
    assert_eq!(parts.split_off(70), None);
}

// Property: a commit that still runs when the call returns was not what it waited for.
#[test]
fn a_commit_that_outlives_the_wait_was_not_needed() {
    let mut anatomy = Anatomy::default();
    anatomy.commit(commit(100, 101, 102, 103, 300));
    let parts = anatomy.break_down(PID, &wait(Kind::Fdatasync, 100, 200)).parts;
    assert_eq!(named(&parts), [(Part::Lock, 100)]);
}

// Property: what a limit held back is throttle from the begin of the call until it was let go.
#[test]
fn a_request_that_was_held_back_is_throttle() {
    let mut anatomy = Anatomy::default();
    anatomy.io(PID, &IoEvent { held: true, ..io(Kind::Write, 180, Some(181), 190) });
    let parts = anatomy.break_down(PID, &wait(Kind::Fdatasync, 100, 190)).parts;
    assert_eq!(named(&parts), [(Part::Throttle, 80), (Part::Device, 9), (Part::Queue, 1)]);
}

// Property: what held a sync back while it handed over its requests is throttle, as far as no request explains it.
#[test]
fn a_sync_that_was_held_back_on_its_way_is_throttle() {
    let mut anatomy = Anatomy::default();
    anatomy.io(PID, &io(Kind::Write, 150, Some(160), 190));
    let wait = WaitEvent { throttled_ns: Some(45), ..wait(Kind::Fdatasync, 100, 200) };
    let parts = anatomy.break_down(PID, &wait).parts;
    assert_eq!(
        named(&parts),
        [(Part::Throttle, 45), (Part::Device, 30), (Part::Queue, 10), (Part::Lock, 15)]
    );
}

// Property: of a call that only counts as long as it slept, the parts are no more than that; pauses for dirty pages are
// throttle.
#[test]
fn a_write_that_paused_is_throttle() {
    let mut anatomy = Anatomy::default();
    let mut wait = wait(Kind::WriteCall, 100, 1_100);
    (wait.counted_ns, wait.throttled_ns) = (900, Some(800));
    let parts = anatomy.break_down(PID, &wait).parts;
    assert_eq!(named(&parts), [(Part::Throttle, 800), (Part::Lock, 100)]);
}

// Property: another process's, another file's and reading requests are no part of a sync.
#[test]
fn only_own_requests_of_the_file_count() {
    let mut anatomy = Anatomy::default();
    let own = io(Kind::Write, 110, Some(120), 150);
    anatomy.io(8, &own);
    anatomy.io(PID, &IoEvent { key: key(Kind::Write, 4), ..own });
    anatomy.io(PID, &io(Kind::Read, 110, Some(120), 150));
    let parts = anatomy.break_down(PID, &wait(Kind::Fdatasync, 100, 200)).parts;
    assert_eq!(named(&parts), [(Part::Lock, 100)]);
}

// Property: without the scheduler's word, what nothing explains is unexplained and not a lock.
#[test]
fn what_is_not_known_is_unexplained() {
    let mut anatomy = Anatomy::default();
    let wait = WaitEvent { away_ns: None, runnable_ns: Some(30), ..wait(Kind::Fsync, 0, 100) };
    let parts = anatomy.break_down(PID, &wait).parts;
    assert_eq!(named(&parts), [(Part::Runnable, 30), (Part::Unexplained, 70)]);
}

// Property: over many waits whose records were lost the parts still sum to the statistics.
#[test]
fn lost_waits_are_unexplained() {
    let mut parts = Parts::default();
    parts.add(Part::Device, 60);
    parts.add(Part::Lock, 20);
    assert_eq!(
        parts.of(100, true),
        BTreeMap::from([(Part::Device, 60), (Part::Lock, 20), (Part::Unexplained, 20)])
    );
    assert_eq!(parts.of(70, true), BTreeMap::from([(Part::Device, 60), (Part::Lock, 10)]));
}

fn times() -> impl Strategy<Value = (u64, u64, u64)> {
    (0u64..200, 0u64..60, 0u64..60).prop_map(|(a, b, c)| (a, a + b, a + b + c))
}

// Property: where records of requests, flushes or commits were lost, what looks like a lock may be theirs.
#[test]
fn with_lost_records_no_lock_is_claimed() {
    let mut parts = Parts::default();
    parts.add(Part::Device, 60);
    parts.add(Part::Lock, 30);
    assert_eq!(parts.of(100, false), BTreeMap::from([(Part::Device, 60), (Part::Unexplained, 40)]));
}

// Property: a flush of another disk, where another of the target's files lies, is no part of the wait once the disk of
// the wait's file system is known.
#[test]
fn another_disks_flush_does_not_count() {
    let there = Key::owner(Owner::Process(PID), 0, How::Direct).with(2, Kind::Flush as u32);
    let mut anatomy = Anatomy::default();
    let flush = IoEvent { key: there, ..io(Kind::Flush, 120, None, 190) };
    anatomy.io(PID, &flush);
    anatomy.io(PID, &io(Kind::Write, 110, Some(110), 130));
    let parts = anatomy.break_down(PID, &wait(Kind::Fdatasync, 100, 200)).parts;
    assert_eq!(named(&parts), [(Part::Device, 20), (Part::Lock, 80)]);
}

// Property: requests of two CPUs, told one CPU after the other, are found like those told in order.
#[test]
fn the_order_of_telling_does_not_matter() {
    let mut anatomy = Anatomy::default();
    let at = |n: u64| {
        io(Kind::Write, 10_000_000_000 * n, Some(10_000_000_000 * n), 10_000_000_000 * n + 5)
    };
    for n in [1, 3, 5, 2, 4] {
        anatomy.io(PID, &at(n));
    }
    for n in [5, 2, 4, 1, 3] {
        let parts = anatomy.break_down(
            PID,
            &wait(Kind::Fdatasync, 10_000_000_000 * n - 1, 10_000_000_000 * n + 5),
        );
        let parts = parts.parts;
        assert_eq!(named(&parts), [(Part::Device, 5), (Part::Lock, 1)], "{n}");
    }
}

proptest! {
    // Property: at each instant the strongest part that holds gets it; the parts sum to the wait.
    #[test]
    fn the_sweep_is_what_an_oracle_says(
        from in 0u64..100,
        length in 0u64..100,
        requests in prop::collection::vec(times(), 0..8),
        flushes in prop::collection::vec(times(), 0..4),
    ) {
        let (mut anatomy, wait) = (Anatomy::default(), wait(Kind::Fsync, from, from + length));
        for (queued, issued, complete) in &requests {
            anatomy.io(PID, &io(Kind::Write, *queued, Some(*issued), *complete));
        }
        for (begin, _, end) in &flushes {
            anatomy.flush(1, *end, Some(end - begin));
        }
        let parts = anatomy.break_down(PID, &wait).parts;
        let mut expected = Parts::default();
        // Requests that only touch the wait are no part of it, nor are flushes.
        for now in from..from + length {
            let holds = |begin: u64, end: u64| begin <= now && now < end;
            let part = if flushes.iter().any(|(begin, _, end)| holds(*begin, *end)) {
                Part::Flush
            } else if requests.iter().any(|(_, issued, complete)| holds(*issued, *complete)) {
                Part::Device
            } else if requests.iter().any(|(queued, issued, _)| holds(*queued, *issued)) {
                Part::Queue
            } else {
                Part::Lock
            };
            expected.add(part, 1);
        }
        prop_assert_eq!(parts, expected);
        prop_assert_eq!(parts.sum(), u128::from(length));
    }
}
