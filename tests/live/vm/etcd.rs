//! etcd on a slow disk: our latencies beside its own histogram.

use iocontend_core::ids::{Call, FileClass, Role};
use iocontend_tests::etcd::{Etcd, WAL_FSYNC};
use iocontend_tests::watch::{Watch, actor_as, latency};

/// Syncs of the log that are enough to compare quantiles.
const ENOUGH: u64 = 102;
/// Rounds of puts that may be needed for them.
const MOST_ROUNDS: u32 = 4;

// Property: every quantile of the log's fdatasyncs falls into the bucket of etcd's own histogram that holds the same
// quantile, or into the one beside it (etcd's edges are 1 ms · 2^n).
#[test]
#[ignore = "needs the VM"]
fn vm_wal_quantiles_are_etcds() {
    let folder = super::folder();
    let etcd = Etcd::start(folder.path()).unwrap();
    etcd.puts(20, 20, 100).unwrap();
    let before = etcd.idle().unwrap();
    let watch = Watch::start(&["--pid", &etcd.pid().to_string()]).unwrap();
    let old = before.histogram(WAL_FSYNC).unwrap();
    // A slow machine takes many puts into one sync.
    let mut rounds = 0;
    let (slowest, theirs) = loop {
        let slowest = etcd.puts(600, 40, 500).unwrap();
        let after = etcd.idle().unwrap();
        let theirs = after.histogram(WAL_FSYNC).unwrap().since(&old);
        rounds += 1;
        if theirs.count >= ENOUGH || rounds == MOST_ROUNDS {
            break (slowest, theirs);
        }
    };
    let report = watch.finish().unwrap();

    let actor = actor_as(&report, etcd.pid(), Role::Etcd).unwrap();
    let ours = latency(actor, Call::Fdatasync, FileClass::Wal).unwrap();
    println!(
        "{}: {} waits of {}, slowest put {slowest:?}, mean {} of {:.0} ns",
        super::file_system(),
        ours.count,
        theirs.count,
        ours.mean_ns.unwrap(),
        theirs.mean_ns()
    );
    assert!(ours.count >= 100, "{} in {rounds} rounds", ours.count);
    assert!(ours.count.abs_diff(theirs.count) <= 2);
    let quantiles = [(50, ours.p50_ns), (90, ours.p90_ns), (99, ours.p99_ns)];
    for (percent, quantile) in quantiles {
        let ns = quantile.unwrap();
        let rank = (theirs.count * percent).div_ceil(100);
        let (their_bucket, our_bucket) =
            (theirs.bucket_of_rank(rank).unwrap(), theirs.bucket_of_ns(ns).unwrap());
        println!("p{percent}: {ns} ns, bucket {our_bucket}, etcd's {their_bucket}");
        assert!(our_bucket.abs_diff(their_bucket) <= 1, "p{percent}: {ns} ns, {theirs:?}");
    }
}
