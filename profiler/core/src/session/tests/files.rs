//! Files' numbers get their meaning later, and what was counted before has it too.

use iocontend_wire::key::{FILE_NUMBERS, FILES as FILES_APART, Kind, next_file_number};

use super::super::{Input, Output, Span};
use super::host::{Host, actor, facts, process};
use super::kernel::{Done, on_file, stats_of, stream};
use crate::ids::{Call, FileClass};
use crate::report::Wait;
use crate::selector::Selector;

const WAL: &str = "/data/member/wal/0000000000000001-0000000000000000.wal";

/// A session with one etcd that has waited on file 3 and on file 4.
fn waited() -> Host {
    let mut host = Host::new(&[Selector::PidOf("etcd".to_owned())]);
    host.tell(process(facts(10, 5, "etcd", &["etcd", "--data-dir", "/data"])));
    for file in [3, 4] {
        let key = on_file(10, 0, Kind::Fdatasync, file);
        host.tell(stream(file, key, &stats_of(&[Done::wait(u64::from(file) * 1_000)])));
    }
    host
}

fn classes(waits: &[Wait]) -> Vec<(FileClass, Option<&str>, u64)> {
    waits.iter().map(|wait| (wait.file_class, wait.path.as_deref(), wait.latency.count)).collect()
}

/// Waits that were counted before the file's path was known are given their class when it is.
#[test]
fn a_class_found_later_is_given_to_what_was_counted_before() {
    let mut host = waited();
    let report = host.consistent(Span::Whole);
    assert_eq!(classes(&actor(&report, "10@5").waits), [(FileClass::Other, None, 2)]);
    host.tell(Input::File { id: 3, path: Some(WAL.to_owned()) });
    let report = host.consistent(Span::Whole);
    let expected = [(FileClass::Wal, Some(WAL), 1), (FileClass::Other, None, 1)];
    assert_eq!(classes(&actor(&report, "10@5").waits), expected);
}

/// The path of several files is no path, and a file that is gone now keeps the path it had.
#[test]
fn several_paths_are_none_and_a_found_path_stays() {
    let mut host = waited();
    host.tell(Input::File { id: 3, path: Some(WAL.to_owned()) });
    host.tell(Input::File { id: 3, path: None });
    let report = host.consistent(Span::Whole);
    assert_eq!(actor(&report, "10@5").waits[0].path.as_deref(), Some(WAL));
    host.tell(Input::File { id: 4, path: Some(WAL.replace("01-", "02-")) });
    let report = host.consistent(Span::Whole);
    assert_eq!(classes(&actor(&report, "10@5").waits), [(FileClass::Wal, None, 2)]);
}

/// A file is asked for once, with a process that uses it.
#[test]
fn a_file_is_asked_for_once() {
    let mut host = Host::new(&[]);
    let key = on_file(10, 0, Kind::Write, 3);
    let outputs = host.tell(Input::Seen(key));
    assert!(outputs.contains(&Output::ResolveFile { id: 3, pid: 10 }), "{outputs:?}");
    assert_eq!(host.tell(Input::Seen(on_file(10, 0, Kind::Fsync, 3))), []);
}

/// A file whose number was given back keeps its path and class, also for what is late to finish.
#[test]
fn a_file_that_left_keeps_its_past() {
    let mut host = waited();
    host.tell(Input::File { id: 3, path: Some(WAL.to_owned()) });
    host.tell(Input::Retired(3));
    host.tell(Input::FileFreed(3));
    let next = next_file_number(3);
    let key = on_file(10, 0, Kind::Fdatasync, next);
    let outputs = host.tell(stream(9, key, &stats_of(&[Done::wait(5_000)])));
    assert!(outputs.contains(&Output::ResolveFile { id: next, pid: 10 }), "{outputs:?}");
    host.tell(Input::File { id: next, path: Some("/data/member/snap/db".to_owned()) });
    let late = on_file(10, 0, Kind::Fdatasync, 3);
    host.tell(stream(3, late, &stats_of(&[Done::wait(6_000)])));
    let report = host.consistent(Span::Whole);
    let expected = [
        (FileClass::Wal, Some(WAL), 2),
        (FileClass::Db, Some("/data/member/snap/db"), 1),
        (FileClass::Other, None, 1),
    ];
    assert_eq!(classes(&actor(&report, "10@5").waits), expected);
}

/// Ten thousand files that came and went: every wait is in its class, sums are exact, and what is kept is bounded.
#[test]
fn files_that_left_do_not_pile_up() {
    const FILES: u32 = 10_000;
    let mut host = waited();
    let mut number = 7;
    for count in 0..FILES {
        let (path, kind) = if count % 3 == 0 {
            ("/data/member/snap/db".to_owned(), Kind::Fsync)
        } else {
            (format!("/data/member/wal/{count:016x}-0000000000000000.wal"), Kind::Fdatasync)
        };
        let key = on_file(10, 0, kind, number);
        host.tell(stream(50, key, &stats_of(&[Done::wait(1_000 + u64::from(count))])));
        host.tell(Input::File { id: number, path: Some(path) });
        host.tell(Input::Retired(50));
        host.tell(Input::FileFreed(number));
        if count == FILES / 2 {
            host.consistent(Span::Interval);
        }
        if count % 1_000 == 999 {
            // Late, of a database that left up to 600 files ago.
            let back = ((count * 7) % 600) / 3 * 3 + count % 3;
            let late = number.wrapping_sub(FILES_APART * back) & (FILE_NUMBERS - 1);
            let key = on_file(10, 0, Kind::Fsync, late);
            host.tell(stream(51, key, &stats_of(&[Done::wait(9)])));
            host.tell(Input::Retired(51));
        }
        number = next_file_number(number);
    }
    let (rows, paths) = host.session.sizes();
    assert!(rows < 700 && paths < 3_000, "{rows} rows, {paths} paths");
    let report = host.consistent(Span::Whole);
    let waits = &actor(&report, "10@5").waits;
    let of = |call, class| -> (u64, u64) {
        let rows = waits.iter().filter(|wait| (wait.call, wait.file_class) == (call, class));
        rows.fold((0, 0), |sum, w| (sum.0 + w.latency.count, sum.1 + w.latency.sum_ns))
    };
    let sum = |db: bool| -> (u64, u64) {
        let own = (0..FILES).filter(|count| (count % 3 == 0) == db).map(u64::from);
        own.fold((0, 0), |sum, count| (sum.0 + 1, sum.1 + 1_000 + count))
    };
    let (db, wal) = (sum(true), sum(false));
    assert_eq!(of(Call::Fsync, FileClass::Db), (db.0 + 10, db.1 + 90));
    assert_eq!(of(Call::Fdatasync, FileClass::Wal), wal);
    // The two that were there before have no path.
    assert_eq!(of(Call::Fdatasync, FileClass::Other).0, 2);
}
