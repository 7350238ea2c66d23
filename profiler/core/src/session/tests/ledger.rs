//! The books: seen = kept + lost, whatever was lost, and what nobody admits to have lost is said.

use iocontend_wire::count::Count;
use iocontend_wire::key::Kind;
use proptest::prelude::*;

use super::super::{Input, Span};
use super::host::Host;
use super::kernel::{
    Done, direct, exec_record, exit_record, io_record, stats_of, stream, wait_record,
};
use crate::ids::Dev;
use crate::report::Note;

const ONE: Done = Done { bytes: 4096, q2c: Some(1_000), d2c: Some(600) };

/// Statistics know of more than came as records and was counted as lost: the difference is shown.
#[test]
fn what_nobody_admits_to_have_lost_is_unaccounted() {
    let mut host = Host::new(&[]);
    let (io, wait) = (direct(10, 0, Kind::Write), direct(10, 0, Kind::Fsync));
    host.record(&io_record(io, ONE));
    host.record(&wait_record(wait, 5_000));
    host.tell(stream(0, io, &stats_of(&[ONE; 5])));
    host.tell(stream(1, wait, &stats_of(&[Done::wait(5_000); 2])));
    host.tell(Input::Counts(vec![(Count::RingFullIo, 3)]));
    let coverage = host.consistent(Span::Whole).coverage;
    assert_eq!(coverage.events_kept, 2);
    assert_eq!(coverage.lost.get("ring_full_io"), Some(&3));
    assert_eq!(coverage.lost.get("unaccounted"), Some(&2));
    assert_eq!(coverage.events_seen, 7);
}

/// With the rest admitted too, nothing is unaccounted.
#[test]
fn admitted_losses_close_the_books() {
    let mut host = Host::new(&[]);
    let io = direct(10, 0, Kind::Write);
    host.record(&io_record(io, ONE));
    host.record(&exec_record(10, 5, "a", &["a"]));
    host.tell(stream(0, io, &stats_of(&[ONE; 5])));
    host.tell(Input::Counts(vec![(Count::RingFullIo, 4), (Count::RingFullProcess, 2)]));
    host.tell(Input::RecursionMisses(1));
    let coverage = host.consistent(Span::Whole).coverage;
    assert_eq!(coverage.lost.get("unaccounted"), None, "{:?}", coverage.lost);
    assert_eq!((coverage.events_kept, coverage.lost_total(), coverage.events_seen), (2, 7, 9));
}

/// A record that cannot be read is lost, with a note that says why, once.
#[test]
fn unreadable_records_are_lost_and_said() {
    let mut host = Host::new(&[]);
    host.record(&[99, 0, 0]);
    host.record(&[99, 0, 0]);
    host.record(&io_record(direct(10, 0, Kind::Write), ONE)[..20]);
    host.tell(stream(0, direct(10, 0, Kind::Write), &stats_of(&[ONE])));
    let coverage = host.consistent(Span::Whole).coverage;
    assert_eq!(coverage.lost.get("undecodable"), Some(&3));
    assert_eq!(coverage.lost.get("unaccounted"), None);
    assert_eq!(coverage.notes.len(), 2, "{:?}", coverage.notes);
}

/// Counters go on for ever; an interval has its own part of them.
#[test]
fn an_interval_has_its_own_losses() {
    let mut host = Host::new(&[]);
    let counts = |lost, attach| {
        Input::Counts(vec![(Count::RingFullIo, lost), (Count::InFlightAtAttach, attach)])
    };
    host.tell(counts(5, 2));
    host.record(&exit_record(10, 5, "x"));
    let first = host.consistent(Span::Interval).coverage;
    assert_eq!((first.lost["ring_full_io"], first.events_kept), (5, 1));
    let in_flight = Count::InFlightAtAttach;
    let is_noted =
        |note: &Note| matches!(note, Note::Counter { counter, .. } if counter == in_flight.name());
    assert!(first.notes.iter().any(is_noted), "{:?}", first.notes);
    host.tell(counts(7, 2));
    let second = host.consistent(Span::Interval).coverage;
    assert_eq!((second.lost["ring_full_io"], second.events_kept), (2, 0));
    assert!(second.notes.is_empty(), "{:?}", second.notes);
    let whole = host.consistent(Span::Whole).coverage;
    assert_eq!((whole.lost["ring_full_io"], whole.events_kept), (7, 1));
}

proptest! {
    /// Any number of requests, of which some arrive, some are admitted as lost and some vanish.
    #[test]
    fn seen_is_kept_and_lost(
        arrived in 0..40_usize, admitted in 0..40_u64, vanished in 0..40_usize, steps in 1..4_usize,
    ) {
        let mut host = Host::new(&[]);
        let key = direct(10, 0, Kind::Write);
        let mut intervals = (0, 0);
        for step in 1..=steps {
            for _ in 0..arrived {
                host.record(&io_record(key, ONE));
            }
            let lost = admitted * step as u64;
            let done = (arrived + vanished) * step + usize::try_from(lost).unwrap();
            host.tell(stream(0, key, &stats_of(&vec![ONE; done])));
            host.tell(Input::Counts(vec![(Count::RingFullIo, lost)]));
            let coverage = host.consistent(Span::Interval).coverage;
            intervals = (intervals.0 + coverage.events_kept, intervals.1 + coverage.lost_total());
        }
        let coverage = host.consistent(Span::Whole).coverage;
        let unaccounted = coverage.lost.get("unaccounted").copied().unwrap_or(0);
        prop_assert_eq!(coverage.events_kept, (arrived * steps) as u64);
        prop_assert_eq!(unaccounted, (vanished * steps) as u64);
        prop_assert_eq!(coverage.events_seen, host_total(arrived, admitted, vanished, steps));
        prop_assert_eq!(intervals, (coverage.events_kept, coverage.lost_total() - unaccounted));
    }
}

fn host_total(arrived: usize, admitted: u64, vanished: usize, steps: usize) -> u64 {
    ((arrived + vanished) as u64 + admitted) * steps as u64
}

/// What only the kernel's own counters have is a loss by name, and the books still balance.
#[test]
fn requests_that_no_probe_saw_are_a_loss() {
    let mut host = Host::new(&[]);
    let key = direct(10, 0, Kind::Read);
    host.tell(stream(0, key, &stats_of(&[ONE; 3])));
    for _ in 0..3 {
        host.record(&io_record(key, ONE));
    }
    host.tell(Input::KernelCompleted(vec![(Dev { major: 8, minor: 0 }, 5)]));
    let report = host.consistent(Span::Whole);
    assert_eq!(report.coverage.lost.get("probe_not_run"), Some(&2));
    assert_eq!(report.coverage.lost.len(), 1, "{:?}", report.coverage.lost);
    assert_eq!(report.coverage.events_seen, 5);
}
