//! Statistics become rows: exact counts, bytes, times and buckets, as differences of the kernel side's counters.

use iocontend_wire::bucket::{bounds, bucket_of};
use iocontend_wire::key::{DEVICE_OVERFLOW, Key, Kind, Owner, Reason};
use iocontend_wire::marks;
use iocontend_wire::record::{IoRecord, io};
use iocontend_wire::tables::{Q2C, Stats};

use super::super::{Input, Span, StreamSample};
use super::host::{Host, actor, bytes, facts, process};
use super::kernel::{Done, direct, empty, on_file, owned_by, stats_of, stream};
use crate::ids::{Call, FileClass, Method, Op, Role};
use crate::report::{Attached, ForcedBy, HookKind};

/// A stream's statistics are a row of its process and, with all others, a row of its device.
#[test]
fn known_requests_and_waits_are_known_rows() {
    let mut host = Host::new(&[]);
    host.tell(process(facts(10, 5, "a", &["a"])));
    let writes = [Done::io(4096, 900, 700), Done::io(8192, 3_000, 1_000)];
    host.tell(stream(0, direct(10, 1, Kind::Write), &stats_of(&writes)));
    host.tell(stream(1, direct(10, 1, Kind::Fdatasync), &stats_of(&[Done::wait(5_000)])));
    host.tell(stream(
        2,
        owned_by(Owner::Process(0), 1, Kind::FlushCommand),
        &stats_of(&[Done::wait(80)]),
    ));
    let report = host.consistent(Span::Whole);

    let owner = actor(&report, "10@5");
    let [row] = &owner.io[..] else { panic!("{:?}", owner.io) };
    assert_eq!((row.device.as_str(), row.op, row.count, row.bytes), ("8:16", Op::Write, 2, 12_288));
    assert_eq!((row.file_class, row.method), (FileClass::Other, Method::Direct));
    let q2c = row.q2c.as_ref().unwrap();
    assert_eq!((q2c.count, q2c.sum_ns, q2c.min_ns, q2c.max_ns), (2, 3_900, Some(900), Some(3_000)));
    let q2d = row.q2d.as_ref().unwrap();
    assert_eq!((q2d.sum_ns, q2d.min_ns, q2d.max_ns), (2_200, Some(200), Some(2_000)));
    assert_eq!(row.d2c.as_ref().unwrap().sum_ns, 1_700);

    let [wait] = &owner.waits[..] else { panic!("{:?}", owner.waits) };
    assert_eq!((wait.call, wait.latency.count, wait.latency.sum_ns), (Call::Fdatasync, 1, 5_000));
    let [device] = &report.devices[..] else { panic!("{:?}", report.devices) };
    assert_eq!((device.ios, device.bytes, device.flush_commands), (2, 12_288, Some(1)));
    // 1,700 ns in the device in a second.
    assert!((device.depth.unwrap().mean - 1.7e-6).abs() < 1e-12);
}

/// Run-queue delays are a distribution of their actor: no wait, on no device, and nothing that a record would tell.
#[test]
fn run_queue_delays_belong_to_their_actor_and_to_no_device() {
    let mut host = Host::new(&[]);
    host.tell(process(facts(10, 5, "a", &["a"])));
    let delays = [Done::wait(2_000), Done::wait(90_000_000)];
    host.tell(stream(0, direct(10, 0, Kind::RunQueue), &stats_of(&delays)));
    let report = host.consistent(Span::Whole);
    let owner = actor(&report, "10@5");
    let queued = owner.run_queue.as_ref().unwrap();
    assert_eq!((queued.count, queued.sum_ns, queued.max_ns), (2, 90_002_000, Some(90_000_000)));
    assert!(owner.waits.is_empty() && owner.io.is_empty() && report.devices.is_empty());
    assert_eq!((report.coverage.events_seen, report.coverage.lost_total()), (0, 0));
    assert!(host.consistent(Span::Interval).actors[0].run_queue.is_some());
    assert!(host.consistent(Span::Interval).actors.iter().all(|actor| actor.run_queue.is_none()));
}

/// Every kind of wait has a call of its own.
#[test]
fn every_kind_of_wait_is_a_call() {
    let mut host = Host::new(&[]);
    for (index, kind) in (0..).zip(Kind::ALL) {
        host.tell(stream(index, direct(10, 0, kind), &stats_of(&[Done::wait(1_000)])));
    }
    let report = host.consistent(Span::Whole);
    let calls: Vec<Call> = report.actors[0].waits.iter().map(|wait| wait.call).collect();
    assert_eq!(calls, Call::ALL);
}

/// A second look at the same statistics adds nothing, a later one only what is new.
#[test]
fn a_sample_adds_only_what_is_new_in_every_shard() {
    let mut host = Host::new(&[]);
    let key = direct(10, 0, Kind::Read);
    let sample = |a: &[Done], b: &[Done]| {
        let shards = vec![stats_of(a), stats_of(b)];
        Input::Stream(StreamSample { index: 3, key, shards })
    };
    let one = Done::io(512, 1_000, 600);
    host.tell(sample(&[one], &[one; 2]));
    host.tell(sample(&[one], &[one; 2]));
    assert_eq!(host.consistent(Span::Interval).devices[0].ios, 3);
    host.tell(sample(&[one; 5], &[one; 2]));
    assert_eq!(host.consistent(Span::Interval).devices[0].ios, 4);
    let whole = host.consistent(Span::Whole);
    assert_eq!((whole.devices[0].ios, whole.devices[0].bytes), (7, 3_584));
    assert_eq!(host.consistent(Span::Interval).devices, []);
}

/// A stream that was given back counts from zero again, for whomever.
#[test]
fn a_place_that_was_given_back_counts_from_zero() {
    let mut host = Host::new(&[]);
    let one = Done::io(4096, 1_000, 600);
    host.tell(stream(7, direct(10, 0, Kind::Write), &stats_of(&[one; 5])));
    host.tell(Input::Retired(7));
    host.tell(stream(7, direct(11, 0, Kind::Write), &stats_of(&[one; 2])));
    let report = host.consistent(Span::Whole);
    assert_eq!(bytes(actor(&report, "10@0")), 5 * 4096);
    assert_eq!(bytes(actor(&report, "11@0")), 2 * 4096);
}

/// Another key in a place is another stream, also when nobody said that the place was given back.
#[test]
fn another_key_in_a_place_counts_from_zero() {
    let mut host = Host::new(&[]);
    let one = Done::io(4096, 1_000, 600);
    host.tell(stream(7, direct(10, 0, Kind::Write), &stats_of(&[one; 5])));
    host.tell(stream(7, direct(11, 0, Kind::Write), &stats_of(&[one; 2])));
    let report = host.consistent(Span::Whole);
    assert_eq!(bytes(actor(&report, "11@0")), 2 * 4096);
}

/// Bucket counters have 32 bits and wrap: their differences are modulo 2^32.
#[test]
fn bucket_counters_wrap() {
    let mut host = Host::new(&[]);
    let key = direct(10, 0, Kind::Write);
    let bucket = bucket_of(1_000);
    let mut stats = empty();
    stats.count = u64::from(u32::MAX);
    stats.phases[Q2C].sum = stats.count * 1_000;
    stats.phases[Q2C].max = 1_000;
    stats.phases[Q2C].not_min = !1_000;
    stats.buckets[Q2C][bucket] = u32::MAX;
    host.tell(stream(0, key, &stats));
    host.consistent(Span::Interval);
    stats.count += 3;
    stats.phases[Q2C].sum += 3_000;
    stats.buckets[Q2C][bucket] = 2;
    host.tell(stream(0, key, &stats));
    let interval = host.consistent(Span::Interval);
    let q2c = interval.devices[0].q2c.as_ref().unwrap();
    assert_eq!((q2c.count, q2c.sum_ns), (3, 3_000));
    let whole = host.consistent(Span::Whole);
    assert_eq!(whole.devices[0].q2c.as_ref().unwrap().count, u64::from(u32::MAX) + 3);
}

/// The kernel side keeps extremes since the beginning; an interval has only what its own buckets say.
#[test]
fn an_interval_does_not_take_over_the_extremes_of_another() {
    let mut host = Host::new(&[]);
    let key = direct(10, 0, Kind::Write);
    let (slow, fast, usual) = (Done::wait(9_000_000), Done::wait(200), Done::wait(50_000));
    host.tell(stream(0, key, &stats_of(&[slow, fast])));
    let first = host.consistent(Span::Interval).devices[0].q2c.clone().unwrap();
    host.tell(stream(0, key, &stats_of(&[slow, fast, usual])));
    let second = host.consistent(Span::Interval).devices[0].q2c.clone().unwrap();
    let (low, high) = bounds(bucket_of(50_000)).unwrap();
    assert!(second.min_ns >= Some(low) && second.max_ns < high, "{second:?}");
    assert!(first.min_ns.unwrap() <= 200 && first.max_ns.unwrap() >= 9_000_000, "{first:?}");
    let whole = host.consistent(Span::Whole).devices[0].q2c.clone().unwrap();
    assert_eq!((whole.min_ns, whole.max_ns), (Some(200), Some(9_000_000)));
}

/// A look at statistics that are just being changed takes some words from before and some from after. What was
/// missed comes with the next look; nothing is lost and nothing counts twice.
#[test]
fn a_look_in_the_middle_of_a_change_loses_nothing() {
    let key = direct(10, 0, Kind::Write);
    let old = stats_of(&[Done::io(512, 1_000, 600)]);
    let new = stats_of(&[Done::io(512, 1_000, 600), Done::io(4096, 70_000, 200)]);
    let torn: [fn(&mut Stats, &Stats); 4] = [
        |stats, new| (stats.count, stats.bytes) = (new.count, new.bytes),
        |stats, new| stats.phases = new.phases,
        |stats, new| stats.buckets = new.buckets,
        |stats, new| (stats.count, stats.buckets) = (new.count, new.buckets),
    ];
    for (index, tear) in torn.into_iter().enumerate() {
        let mut host = Host::new(&[]);
        host.tell(stream(0, key, &old));
        let mut middle = old;
        tear(&mut middle, &new);
        host.tell(stream(0, key, &middle));
        host.tell(stream(0, key, &new));
        let whole = host.consistent(Span::Whole);
        let mut expected = Host::new(&[]);
        expected.tell(stream(0, key, &new));
        let expected = expected.consistent(Span::Whole);
        assert_eq!(whole.devices, expected.devices, "tear {index}");
        assert_eq!(whole.actors, expected.actors, "tear {index}");
    }
}

/// What nobody owns is an actor per device and reason, so that actors sum to the device.
#[test]
fn what_nobody_owns_has_actors_of_its_own() {
    let mut host = Host::new(&[]);
    let one = Done::io(4096, 1_000, 600);
    let keys = [
        owned_by(Owner::Unattributed(Reason::InFlightAtAttach as u32), 0, Kind::Read),
        owned_by(Owner::Unattributed(Reason::StartNotSeen as u32), 0, Kind::Read),
        owned_by(Owner::Unattributed(Reason::StartNotSeen as u32), 1, Kind::Read),
        Key::overflow(0, Kind::Read as u32),
        Key::overflow(DEVICE_OVERFLOW, Kind::Read as u32),
        direct(10, 0, Kind::Read),
    ];
    for (index, key) in (0..).zip(keys) {
        host.tell(stream(index, key, &stats_of(&[one])));
    }
    let report = host.consistent(Span::Whole);
    let ids: Vec<&str> = report.actors.iter().map(|actor| actor.id.as_str()).collect();
    let nobody = |id: &&&str| id.starts_with("unattributed:");
    assert_eq!(ids.iter().filter(nobody).count(), 5, "{ids:?}");
    for id in ids.iter().filter(nobody) {
        assert_eq!(actor(&report, id).role, Role::Unattributed);
    }
    let first = report.devices.iter().find(|device| device.name == "8:0").unwrap();
    assert_eq!((first.ios, first.bytes), (4, 4 * 4096));
    assert!(report.devices.iter().any(|device| device.name == "other-devices"));
    assert_eq!(report.coverage.attribution.unattributed, 5 * 4096);
    assert_eq!(report.coverage.attribution.direct, 4096);
}

/// Cgroups of which only the place in the table is known are still told apart.
#[test]
fn owning_cgroups_are_told_apart() {
    let mut host = Host::new(&[]);
    for index in 0..4 {
        let key = owned_by(Owner::Cgroup(index), 0, Kind::Write);
        host.tell(stream(index, key, &stats_of(&[Done::io(4096, 1_000, 600)])));
    }
    let report = host.consistent(Span::Whole);
    let named = actor(&report, "cgroup:77");
    assert_eq!(named.unit.as_deref(), Some("a.service"));
    assert_eq!(actor(&report, "cgroup:78").cgroup, None);
    let mut ids: Vec<&str> = report.actors.iter().map(|actor| actor.id.as_str()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert_eq!(report.coverage.attribution.owner_cgroup, 4 * 4096);
}

/// A request without times counts with its bytes and has no latency.
#[test]
fn a_request_without_times_still_counts() {
    let mut host = Host::new(&[]);
    let done = Done { bytes: 512, q2c: None, d2c: None };
    host.tell(stream(0, on_file(10, 0, Kind::Read, 0), &stats_of(&[done])));
    let report = host.consistent(Span::Whole);
    assert_eq!((report.devices[0].ios, report.devices[0].bytes), (1, 512));
    assert_eq!((&report.devices[0].q2c, &report.devices[0].depth), (&None, &None));
}

/// What happens to requests of a device is counted for it, is no event, and is absent where nothing is attached.
#[test]
fn merges_and_requeues_belong_to_the_device() {
    let mut host = Host::new(&[]);
    let one = Done::io(4096, 1_000, 600);
    let none = Done { bytes: 0, q2c: None, d2c: None };
    host.tell(stream(0, direct(10, 0, Kind::Write), &stats_of(&[one; 4])));
    host.tell(stream(1, Key::overflow(0, Kind::Merge as u32), &stats_of(&[none; 3])));
    host.tell(stream(2, Key::overflow(0, Kind::Requeue as u32), &stats_of(&[none; 2])));
    let report = host.consistent(Span::Whole);
    assert_eq!((report.devices[0].request_merges, report.devices[0].requeues), (None, None));
    let attached = ["rq_merge", "rq_requeue"].map(|program| Attached {
        program: program.to_owned(),
        hook: format!("block_{program}"),
        kind: HookKind::TpBtf,
        attached: true,
        reason: None,
    });
    host.tell(Input::Attached(attached.to_vec()));
    let report = host.consistent(Span::Whole);
    let [device] = &report.devices[..] else { panic!("{:?}", report.devices) };
    assert_eq!((device.ios, device.bytes), (4, 4 * 4096));
    assert_eq!((device.request_merges, device.requeues), (Some(3), Some(2)));
    // Four requests, whose records did not arrive.
    assert_eq!(report.coverage.events_seen, 4);
    assert_eq!(report.actors.len(), 1, "{:?}", report.actors);
}

/// What a process submitted of another's stands with its cause, whole and by interval; a forcer without streams of its
/// own is named.
#[test]
fn who_forced_a_request_stands_with_its_cause() {
    let mut host = Host::new(&[]);
    host.tell(process(facts(10, 5, "dd", &["dd"])));
    host.tell(process(facts(11, 6, "etcd", &["etcd"])));
    let word = 11 << marks::FORCER_SHIFT;
    let record = IoRecord {
        head: io::head(0, word),
        bytes: 8192,
        key: direct(10, 1, Kind::Write).0,
        sector: io::sector(64, word),
        complete_ns: 900,
        q2c_ns: 400,
        d2c_ns: 300,
    };
    host.record(bytemuck::bytes_of(&record));
    host.tell(stream(0, direct(10, 1, Kind::Write), &stats_of(&[Done::io(8192, 400, 300)])));
    let report = host.report(Span::Interval);
    let expected = ForcedBy { by: "11@6".to_owned(), count: 1, bytes: 8192 };
    assert_eq!(actor(&report, "10@5").forced_by, std::slice::from_ref(&expected));
    assert_eq!(
        host.report(Span::Interval).actors.iter().map(|one| one.forced_by.len()).sum::<usize>(),
        0
    );
    let whole = host.report(Span::Whole);
    assert_eq!(actor(&whole, "10@5").forced_by, [expected]);
    assert_eq!(actor(&whole, "11@6").forced_by, []);
}
