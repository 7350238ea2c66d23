//! The longest waits of targets, and parts that sum to their waits in every report.

use bytemuck::bytes_of;
use iocontend_wire::key::Kind;
use iocontend_wire::record::{NO_TIME, WaitRecord};
use proptest::prelude::*;

use super::super::{Input, Span};
use super::host::{Host, actor, facts, process};
use super::kernel::{Done, exec_record, exit_record, on_file, stats_of, stream, wait, wait_record};
use crate::ids::{Call, FileClass};
use crate::report::{Part, Report};

const ETCD: u32 = 100;

fn watched() -> Host {
    let mut host = Host::new(&[]);
    host.tell(process(facts(ETCD, 5, "etcd", &["etcd", "--data-dir=/d"])));
    host
}

/// Lengths of the longest waits, as the report has them.
fn longest(report: &Report) -> Vec<u64> {
    let found = report.actors.iter().find(|actor| actor.pid == Some(ETCD));
    let worst = found.and_then(|actor| actor.worst.as_ref());
    worst.into_iter().flatten().map(|wait| wait.duration_ns).collect()
}

/// Three are kept, of syncs alone, the longest first and with their file; an interval has its own, and who is no
/// target has none.
#[test]
fn the_three_longest_syncs_are_kept() {
    let mut host = watched();
    let (sync, write) =
        (on_file(ETCD, 0, Kind::Fdatasync, 1), on_file(ETCD, 0, Kind::WriteCall, 1));
    let path = Some("/d/member/wal/0000000000000001-0000000000000000.wal".to_owned());
    host.tell(Input::File { id: 1, path });
    for ns in [30, 50, 10, 40, 20] {
        host.record(&wait_record(sync, ns));
    }
    host.record(&wait_record(write, 1_000));
    host.record(&wait_record(on_file(7, 0, Kind::Fsync, 0), 1_000));
    let first = host.consistent(Span::Interval);
    assert_eq!(longest(&first), [50, 40, 30]);
    let worst = actor(&first, "100@5").worst.as_ref().unwrap();
    assert_eq!(worst[0].file_class, FileClass::Wal);
    assert!(worst[0].path.as_ref().unwrap().contains("/member/wal/"));
    // It began 5 ns after counting did, on a clock that then showed the epoch.
    assert_eq!(worst[0].start, "1970-01-01T00:00:00.000+00:00");
    host.record(&wait_record(sync, 45));
    assert_eq!(longest(&host.consistent(Span::Interval)), [45]);
    let whole = host.consistent(Span::Whole);
    assert_eq!(longest(&whole), [50, 45, 40]);
    assert_eq!(actor(&whole, "7@0").worst, None);
}

/// A wait that is told before it is counted belongs to the interval that counts it.
#[test]
fn parts_wait_for_their_statistics() {
    let mut host = watched();
    let sync = on_file(ETCD, 0, Kind::Fdatasync, 1);
    let record = WaitRecord { away_ns: 30, ..wait(sync.0, 5, 30) };
    host.record(bytes_of(&record));
    host.tell(stream(0, sync, &stats_of(&[Done::wait(30)])));
    host.record(bytes_of(&record));
    let anatomy = |report: &Report| actor(report, "100@5").waits[0].anatomy.clone().unwrap();
    assert_eq!(anatomy(&host.consistent(Span::Interval)), [(Part::Lock, 30)].into());
    host.tell(stream(0, sync, &stats_of(&[Done::wait(30); 2])));
    assert_eq!(anatomy(&host.consistent(Span::Interval)), [(Part::Lock, 30)].into());
    assert_eq!(anatomy(&host.consistent(Span::Whole)), [(Part::Lock, 60)].into());
}

/// Who was a target once and is put together with others of its name keeps the parts of its waits.
#[test]
fn parts_are_put_together_with_their_rows() {
    let mut host = watched();
    let sync = on_file(ETCD, 0, Kind::Fdatasync, 1);
    host.record(bytes_of(&WaitRecord { away_ns: 30, ..wait(sync.0, 5, 30) }));
    host.tell(stream(0, sync, &stats_of(&[Done::wait(30)])));
    host.record(&exec_record(ETCD, 5, "sh", &["sh"]));
    host.record(&exit_record(ETCD, 5, "sh"));
    for pid in 1_000..3_100 {
        host.record(&wait_record(on_file(pid, 0, Kind::Fsync, 0), 10));
        host.record(&exit_record(pid, u64::from(pid), "sh"));
    }
    host.consistent(Span::Whole);
    let report = host.consistent(Span::Whole);
    let together = actor(&report, "ended:sh");
    let row = together.waits.iter().find(|wait| wait.call == Call::Fdatasync).unwrap();
    assert_eq!(row.anatomy, Some([(Part::Lock, 30)].into()));
    assert_eq!(together.worst, None);
}

/// One wait: kind, file, length, run-queue delay, time without a CPU, pauses, and whether its record is lost and its
/// statistics come before the next report.
#[derive(Clone, Debug)]
struct Waited {
    kind: Kind,
    file: u32,
    ns: u64,
    spent: [Option<u64>; 3],
    told: bool,
    counted: bool,
}

fn waited() -> impl Strategy<Value = Waited> {
    let kind = prop::sample::select(vec![
        Kind::Fsync,
        Kind::Fdatasync,
        Kind::WriteCall,
        Kind::Fault,
        Kind::IoUringFsync,
    ]);
    let spent = prop::array::uniform3(prop::option::of(0..3_000_u64));
    (kind, 0..3_u32, 0..2_000_u64, spent, prop::bool::weighted(0.8), any::<bool>()).prop_map(
        |(kind, file, ns, spent, told, counted)| Waited { kind, file, ns, spent, told, counted },
    )
}

proptest! {
    // Property: whatever is lost or late, in every report the parts of each row and of each single wait sum to its
    // time; and the longest waits are those that an oracle finds among what was told.
    #[test]
    fn parts_sum_to_their_waits(
        steps in prop::collection::vec(prop::collection::vec(waited(), 0..12), 1..5),
        ends in any::<bool>(),
    ) {
        let mut host = watched();
        let keys: Vec<_> = [Kind::Fsync, Kind::Fdatasync, Kind::WriteCall, Kind::Fault, Kind::IoUringFsync]
            .into_iter()
            .flat_map(|kind| (0..3).map(move |file| on_file(ETCD, 0, kind, file)))
            .collect();
        let mut done = vec![Vec::new(); keys.len()];
        let mut told = Vec::new();
        for step in &steps {
            let (mut late, mut now) = (Vec::new(), Vec::new());
            for one in step {
                let key = on_file(ETCD, 0, one.kind, one.file);
                let at = keys.iter().position(|known| *known == key).unwrap();
                if one.counted { done[at].push(Done::wait(one.ns)) } else { late.push((at, one.ns)) }
                if one.told {
                    let [runnable, away, throttled] = one.spent.map(|ns| ns.unwrap_or(NO_TIME));
                    let record = WaitRecord {
                        runnable_ns: runnable,
                        away_ns: away,
                        throttled_ns: throttled,
                        ..wait(key.0, 1_000, one.ns)
                    };
                    host.record(bytes_of(&record));
                    if !matches!(one.kind, Kind::WriteCall | Kind::Fault) {
                        now.push(one.ns);
                    }
                }
            }
            for (index, (key, done)) in (0..).zip(keys.iter().zip(&done)) {
                if !done.is_empty() {
                    host.tell(stream(index, *key, &stats_of(done)));
                }
            }
            told.extend(now.clone());
            now.sort_unstable_by(|a, b| b.cmp(a));
            now.truncate(3);
            prop_assert_eq!(longest(&host.consistent(Span::Interval)), now);
            for (at, ns) in late {
                done[at].push(Done::wait(ns));
            }
        }
        if ends {
            host.record(&exit_record(ETCD, 5, "etcd"));
        }
        told.sort_unstable_by(|a, b| b.cmp(a));
        told.truncate(3);
        prop_assert_eq!(longest(&host.consistent(Span::Whole)), told);
    }
}
