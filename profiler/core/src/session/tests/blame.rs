//! Blame through the whole engine: names, processes that come and go, intervals.

use bytemuck::bytes_of;
use iocontend_wire::key::{Key, Kind};
use iocontend_wire::record::{IoRecord, WaitRecord, tag};

use super::super::{Input, Span};
use super::host::{Host, facts, process};
use super::kernel::{Done, exec_record, exit_record, on_file, stats_of, stream, wait};
use crate::ids::{Call, FileClass};
use crate::report::{Blame, Mechanism, Report, SELF, UNEXPLAINED};

const ETCD: u32 = 100;
const COPIER: u32 = 200;
const MS: u64 = 1_000_000;

/// A request that was issued at once, times in ms.
fn request(key: Key, (queued, complete): (u64, u64), bytes: u32) -> IoRecord {
    IoRecord {
        head: u32::from(tag::IO),
        bytes,
        key: key.0,
        sector: 0,
        complete_ns: complete * MS,
        q2c_ns: (complete - queued) * MS,
        d2c_ns: (complete - queued) * MS,
    }
}

/// etcd on its log, with what its kernel side counts.
struct Etcd {
    host: Host,
    waits: Vec<Done>,
}

impl Etcd {
    fn new() -> Self {
        let mut host = Host::new(&[]);
        host.tell(process(facts(ETCD, 5, "etcd", &["etcd", "--data-dir=/d"])));
        let path = Some("/d/member/wal/0000000000000001-0000000000000000.wal".to_owned());
        host.tell(Input::File { id: 1, path });
        Self { host, waits: Vec::new() }
    }

    /// A sync whose only request took its whole time.
    fn sync(&mut self, from: u64, to: u64) {
        let write = on_file(ETCD, 0, Kind::Write, 1);
        self.host.record(bytes_of(&request(write, (from, to), 4096)));
        let key = on_file(ETCD, 0, Kind::Fdatasync, 1);
        let record: WaitRecord = wait(key.0, from * MS, (to - from) * MS);
        self.host.record(bytes_of(&record));
        self.waits.push(Done::wait((to - from) * MS));
        self.host.tell(stream(0, key, &stats_of(&self.waits)));
    }

    fn copy(&mut self, from: u64, to: u64) {
        let write = on_file(COPIER, 0, Kind::Write, 0);
        self.host.record(bytes_of(&request(write, (from, to), 1 << 20)));
    }
}

/// Milliseconds charged to each.
fn charged(report: &Report) -> Vec<(String, Mechanism, u64)> {
    let row = |row: &Blame| {
        assert_eq!((row.victim_class, row.victim_call), (FileClass::Wal, Call::Fdatasync));
        (row.culprit.clone(), row.mechanism, row.wait_ns / MS)
    };
    let mut rows: Vec<_> = report.blame.iter().flatten().map(row).collect();
    rows.retain(|(.., ms)| *ms > 0);
    rows.sort();
    rows
}

/// Of two processes that had one pid, each is charged with what it did.
#[test]
fn a_pid_that_comes_again_is_another_culprit() {
    let mut etcd = Etcd::new();
    etcd.host.record(&exec_record(COPIER, 10, "cp", &["cp"]));
    etcd.copy(1_000, 1_100);
    etcd.sync(1_000, 1_100);
    etcd.host.record(&exit_record(COPIER, 10, "cp"));
    etcd.host.record(&exec_record(COPIER, 20, "tar", &["tar"]));
    etcd.copy(2_000, 2_050);
    etcd.sync(2_000, 2_050);
    let report = etcd.host.consistent(Span::Whole);
    let expected = [
        ("200@10".to_owned(), Mechanism::Device, 99),
        ("200@20".to_owned(), Mechanism::Device, 49),
    ];
    assert_eq!(charged(&report), expected);
}

/// Each interval charges its own waits, and the whole is all of them, though a wait is charged late.
#[test]
fn intervals_add_up_to_the_whole() {
    let mut etcd = Etcd::new();
    etcd.copy(1_000, 1_100);
    etcd.sync(1_000, 1_100);
    let first = etcd.host.consistent(Span::Interval);
    etcd.sync(1_200, 1_210);
    let second = etcd.host.consistent(Span::Interval);
    let whole = etcd.host.consistent(Span::Whole);
    let sum = |report: &Report, culprit: &str| {
        let rows = report.blame.iter().flatten().filter(|row| row.culprit == culprit);
        rows.map(|row| row.wait_ns).sum::<u64>()
    };
    assert_eq!(sum(&first, "200@0") / MS, 99);
    assert_eq!(sum(&second, "200@0"), 0);
    assert_eq!(sum(&second, UNEXPLAINED) / MS, 9);
    for culprit in ["200@0", SELF, UNEXPLAINED] {
        let parts = sum(&first, culprit) + sum(&second, culprit);
        assert_eq!(sum(&whole, culprit), parts, "{culprit}");
    }
    assert_eq!(whole.coverage.blame.unwrap().waits, 2);
    assert_eq!(first.coverage.blame, None);
}

/// Waits whose records were lost are nobody's, and without a target there is no matrix.
#[test]
fn what_no_record_told_is_unexplained() {
    let mut etcd = Etcd::new();
    let key = on_file(ETCD, 0, Kind::Fdatasync, 1);
    etcd.host.tell(stream(0, key, &stats_of(&[Done::wait(7 * MS)])));
    let report = etcd.host.consistent(Span::Whole);
    let expected = [(UNEXPLAINED.to_owned(), Mechanism::Unexplained, 7)];
    assert_eq!(charged(&report), expected);
    let nobody = Host::new(&[]).consistent(Span::Whole);
    assert_eq!((nobody.blame, nobody.alone_vs_shared), (None, None));
}
