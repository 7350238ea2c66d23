//! The report beside etcd's own metrics.

#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use iocontend_core::ids::{Call, FileClass, Role};
use iocontend_tests::etcd::{BACKEND_COMMIT, Etcd, Metrics, WAL_FSYNC};
use iocontend_tests::watch::{Watch, actor_as, latency};

/// Starts watching while etcd does nothing: its counters are the same before and after.
fn watch_idle(etcd: &Etcd) -> (Watch, Metrics) {
    for _ in 0..10 {
        let before = etcd.idle().unwrap();
        let watch = Watch::start(&["--pid", &etcd.pid().to_string()]).unwrap();
        let after = etcd.metrics().unwrap();
        if before.syncs().unwrap() == after.syncs().unwrap() {
            return (watch, after);
        }
    }
    panic!("etcd is never idle");
}

// Property: over a window at whose edges etcd is idle, the log's fdatasyncs are the ones that etcd counts (±2), the
// database's are two per commit (±4; bbolt syncs data, then the meta page), and our mean lies 0 to 50 µs below
// etcd's: it times the same call from outside.
#[test]
#[ignore = "needs root"]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "means in nanoseconds"
)]
fn fdatasyncs_are_those_that_etcd_counts() {
    let folder = super::folder();
    let etcd = Etcd::start(folder.path()).unwrap();
    etcd.puts(20, 100, 100).unwrap();
    let (watch, before) = watch_idle(&etcd);
    etcd.puts(1000, 100, 200).unwrap();
    let after = etcd.idle().unwrap();
    let report = watch.finish().unwrap();
    assert_eq!(etcd.metrics().unwrap().syncs().unwrap(), after.syncs().unwrap());

    let actor = actor_as(&report, etcd.pid(), Role::Etcd).unwrap();
    let since = |name| after.histogram(name).unwrap().since(&before.histogram(name).unwrap());
    let (theirs, commits) = (since(WAL_FSYNC), since(BACKEND_COMMIT));
    let wal = latency(actor, Call::Fdatasync, FileClass::Wal).unwrap();
    let db = latency(actor, Call::Fdatasync, FileClass::Db).unwrap();
    let below = theirs.mean_ns() - wal.sum_ns as f64 / wal.count as f64;
    println!(
        "wal {} of {}, db {} of 2 * {}, mean {:.1} us below etcd's {:.1}",
        wal.count,
        theirs.count,
        db.count,
        commits.count,
        below / 1e3,
        theirs.mean_ns() / 1e3
    );
    assert!(theirs.count >= 500, "etcd batched nearly everything: {}", theirs.count);
    assert!(wal.count.abs_diff(theirs.count) <= 2);
    assert!(db.count.abs_diff(2 * commits.count) <= 4);
    assert!((0.0..=50_000.0).contains(&below), "{below} ns below etcd's mean");

    // The report says the same by itself.
    let check = report.coverage.self_check.first().expect("etcd was not asked");
    assert_eq!(check.actor, actor.id);
    assert_eq!((check.ours.count, check.ours.sum_ns), (wal.count, wal.sum_ns));
    assert!(check.theirs.count.abs_diff(theirs.count) <= 2);
    assert!(check.theirs.mean_ns().unwrap().abs_diff(theirs.mean_ns() as u64) <= 1_000);
}
