//! What an etcd says of itself beside what was counted.

use iocontend_wire::key::Kind;

use super::super::{Input, Span};
use super::host::{Host, facts, process};
use super::kernel::{Done, on_file, stats_of, stream};
use crate::facts::WalFsyncs;
use crate::report::{Observed, SelfCheck};
use crate::selector::Selector;

const WAL: &str = "/data/member/wal/0000000000000001-0000000000000000.wal";
const DB: &str = "/data/member/snap/db";

/// An etcd that synced its log three times and its database once.
fn synced() -> Host {
    let mut host = Host::new(&[Selector::PidOf("etcd".to_owned())]);
    host.tell(process(facts(10, 5, "etcd", &["etcd", "--data-dir", "/data"])));
    for (file, path, waits) in [(3, WAL, vec![10, 20, 30]), (4, DB, vec![500])] {
        let done: Vec<Done> = waits.into_iter().map(Done::wait).collect();
        host.tell(stream(file, on_file(10, 0, Kind::Fdatasync, file), &stats_of(&done)));
        host.tell(Input::File { id: file, path: Some(path.to_owned()) });
    }
    host
}

fn said(asked_ns: u64, count: u64, sum_ns: u64) -> Input<'static> {
    Input::EtcdMetrics { pid: 10, said: WalFsyncs { asked_ns, count, sum_ns } }
}

/// The difference of the metric stands beside the waits on the log, and only those.
#[test]
fn the_log_is_compared_and_nothing_else() {
    let mut host = synced();
    host.tell(said(1, 100, 7_000));
    host.tell(said(2, 103, 7_090));
    let expected = SelfCheck {
        actor: "10@5".to_owned(),
        metric: "etcd_disk_wal_fsync_duration_seconds".to_owned(),
        ours: Observed { count: 3, sum_ns: 60 },
        theirs: Observed { count: 3, sum_ns: 90 },
    };
    assert_eq!(host.consistent(Span::Whole).coverage.self_check, [expected]);
    assert_eq!(host.consistent(Span::Interval).coverage.self_check, []);
}

/// Asked once, or of a process that began anew, there is nothing to compare, and no zero is shown.
#[test]
fn one_answer_or_a_counter_that_went_back_compares_nothing() {
    let mut host = synced();
    host.tell(said(1, 100, 7_000));
    assert_eq!(host.consistent(Span::Whole).coverage.self_check, []);
    host.tell(said(2, 3, 90));
    assert_eq!(host.consistent(Span::Whole).coverage.self_check, []);
}
