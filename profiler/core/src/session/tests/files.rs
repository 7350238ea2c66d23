//! File ids get their meaning later, and what was counted before has it too.

use iocontend_wire::key::Kind;

use super::super::{Input, Output, Span};
use super::host::{Host, actor, facts, process};
use super::kernel::{Done, on_file, stats_of, stream};
use crate::ids::FileClass;
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

/// An id that is given to another file leaves what was counted before with the old file.
#[test]
fn a_reused_id_does_not_rename_the_past() {
    let mut host = waited();
    host.tell(Input::File { id: 3, path: Some(WAL.to_owned()) });
    host.tell(Input::Retired(3));
    host.tell(Input::FileFreed(3));
    let key = on_file(10, 0, Kind::Fdatasync, 3);
    host.tell(stream(9, key, &stats_of(&[Done::wait(5_000)])));
    host.tell(Input::File { id: 3, path: Some("/data/member/snap/db".to_owned()) });
    let report = host.consistent(Span::Whole);
    let expected = [
        (FileClass::Wal, Some(WAL), 1),
        (FileClass::Db, Some("/data/member/snap/db"), 1),
        (FileClass::Other, None, 1),
    ];
    assert_eq!(classes(&actor(&report, "10@5").waits), expected);
}
