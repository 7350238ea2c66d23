//! Seconds and stalls through the whole engine: a backup that stalls a quiet etcd, intervals, losses.

use bytemuck::bytes_of;
use iocontend_wire::count::Count;
use iocontend_wire::key::{Key, Kind};
use iocontend_wire::record::{IoRecord, WaitRecord, tag};
use proptest::prelude::*;

use super::super::{Input, Span};
use super::host::{Host, facts, process};
use super::kernel::{Done, exec_record, exit_record, on_file, stats_of, stream, wait};
use crate::etcd_heartbeat::HeartbeatSource;
use crate::ids::FileClass;
use crate::report::{
    Conclusion, Mostly, Pattern, Report, Stall, Timeline, VictimState, check_agreement,
};

const ETCD: u32 = 100;
const MS: u64 = 1_000_000;
const WAL: &str = "/d/member/wal/0000000000000001-0000000000000000.wal";

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

/// etcd on its log, with what its kernel side counts. Times are ms.
struct Etcd {
    host: Host,
    waits: Vec<Done>,
}

impl Etcd {
    fn new(argv: &[&str]) -> Self {
        let mut host = Host::new(&[]);
        host.tell(process(facts(ETCD, 5, "etcd", argv)));
        host.tell(Input::File { id: 1, path: Some(WAL.to_owned()) });
        Self { host, waits: Vec::new() }
    }

    /// A sync whose only request took its whole time.
    fn sync(&mut self, from: u64, to: u64) {
        let write = on_file(ETCD, 0, Kind::Write, 1);
        self.host.record(bytes_of(&request(write, (from, to), 4096)));
        self.unexplained(from, to);
    }

    /// A sync without a request.
    fn unexplained(&mut self, from: u64, to: u64) {
        let key = on_file(ETCD, 0, Kind::Fdatasync, 1);
        let record: WaitRecord = wait(key.0, from * MS, (to - from) * MS);
        self.host.record(bytes_of(&record));
        self.waits.push(Done::wait((to - from) * MS));
        self.host.tell(stream(0, key, &stats_of(&self.waits)));
    }

    /// A hundred syncs of a millisecond in a second.
    fn quiet_second(&mut self, second: u64) {
        (0..100).for_each(|at| self.sync(second * 1_000 + at * 10, second * 1_000 + at * 10 + 1));
    }

    /// A snapshot save: a process of its own that writes for some time, and stalls etcd meanwhile.
    fn save(&mut self, pid: u32, from: u64, ms: u64) {
        let argv = ["etcdctl", "snapshot", "save", "/backup/x.db"];
        self.host.record(&exec_record(pid, u64::from(pid), "etcdctl", &argv));
        let write = on_file(pid, 0, Kind::Write, 0);
        self.host.record(bytes_of(&request(write, (from, from + ms), 8 << 20)));
        let done = Done::io(8 << 20, ms * MS, ms * MS);
        self.host.tell(stream(pid, write, &stats_of(&[done])));
        self.sync(from, from + ms);
        self.host.record(&exit_record(pid, u64::from(pid), "etcdctl"));
    }

    fn whole(&mut self) -> Report {
        let report = self.host.consistent(Span::Whole);
        assert_eq!(check_agreement(&report), Vec::<String>::new());
        report
    }
}

fn stalls(report: &Report) -> &[Stall] {
    report.stalls.as_deref().unwrap()
}

fn timelines(report: &Report) -> &[Timeline] {
    report.timeline.as_deref().unwrap()
}

/// The manual's main case: a percentile over half a minute cannot see it.
#[test]
fn two_saves_that_stall_a_quiet_etcd_are_contended() {
    let mut etcd = Etcd::new(&["etcd", "--data-dir=/d"]);
    for second in 0..30 {
        etcd.quiet_second(second);
        if second == 7 || second == 21 {
            etcd.save(500 + u32::try_from(second).unwrap(), second * 1_000 + 995, 130);
        }
    }
    let report = etcd.whole();
    let verdict = report.verdict.as_ref().unwrap();
    assert_eq!(verdict.answer, VictimState::Contended, "{verdict:?}");
    let Conclusion::Stalls { finding } = verdict.conclusion else { panic!("{verdict:?}") };
    let found = &report.findings.as_ref().unwrap()[finding];
    assert_eq!(found.id, Pattern::Stalls);
    let culprits: Vec<(&str, u64)> =
        found.culprits.iter().map(|one| (one.actor.as_str(), one.runs)).collect();
    assert_eq!(culprits.len(), 1);
    assert!(culprits[0].0.starts_with('5') && culprits[0].1 == 2, "{culprits:?}");
    let told: Vec<_> = stalls(&report)
        .iter()
        .map(|one| (one.start.as_str(), one.duration_ns / MS, one.syncs, one.mostly))
        .collect();
    let others = Some(Mostly::Others);
    assert_eq!(
        told,
        [
            ("1970-01-01T00:00:07.995+00:00", 130, 1, others),
            ("1970-01-01T00:00:21.995+00:00", 130, 1, others),
        ]
    );
    assert!(stalls(&report).iter().all(|one| one.culprits[0].actor.starts_with('5')));
    // The second before and the one in which it ended are marked.
    let [line] = timelines(&report) else { panic!("{:?}", report.timeline) };
    assert_eq!((line.file_class, line.step_ns / MS), (FileClass::Wal, 1_000));
    let marked: Vec<usize> =
        (0..line.max_ns.len()).filter(|at| line.max_ns[*at] == 130 * MS).collect();
    assert_eq!(marked, [7, 8, 21, 22]);
    assert_eq!((line.count[7], line.count[8], line.count[9]), (100, 101, 100));
}

/// Property: a lone long sync that nothing explains is said, and nobody is blamed.
#[test]
fn a_lone_long_sync_is_said_and_nobody_is_blamed() {
    let mut etcd = Etcd::new(&["etcd", "--data-dir=/d"]);
    (0..10).for_each(|second| etcd.quiet_second(second));
    etcd.unexplained(4_500, 4_630);
    let report = etcd.whole();
    assert_eq!(stalls(&report)[0].mostly, Some(Mostly::Unknown));
    assert!(stalls(&report)[0].culprits.is_empty());
    let verdict = report.verdict.as_ref().unwrap();
    assert!(
        matches!(verdict.conclusion, Conclusion::FineButStalls { stalls: 1, .. }),
        "{verdict:?}"
    );
    assert_eq!(report.findings, Some(Vec::new()));
}

/// Property: an idle disk has no stalls, nor has anybody without a target.
#[test]
fn a_fast_disk_has_no_stalls() {
    let mut etcd = Etcd::new(&["etcd", "--data-dir=/d"]);
    (0..10).for_each(|second| etcd.quiet_second(second));
    etcd.unexplained(4_500, 4_599);
    assert_eq!(etcd.whole().stalls, Some(Vec::new()));
    let nobody = Host::new(&[]).consistent(Span::Whole);
    assert_eq!((nobody.timeline, nobody.stalls), (None, None));
}

/// Property: the limit is the victim's own heartbeat interval.
#[test]
fn the_limit_is_the_heartbeat_on_the_command_line() {
    let mut etcd = Etcd::new(&["etcd", "--data-dir=/d", "--heartbeat-interval=500"]);
    etcd.unexplained(1_000, 1_400);
    etcd.unexplained(3_000, 3_500);
    let report = etcd.whole();
    let told: Vec<_> = stalls(&report)
        .iter()
        .map(|one| (one.limit_ns / MS, one.limit_source, one.duration_ns / MS))
        .collect();
    assert_eq!(told, [(500, HeartbeatSource::Argv, 500)]);
}

/// Long syncs with a fine second between them are one stall; with more they are two.
#[test]
fn a_fine_second_does_not_end_a_stall() {
    let mut etcd = Etcd::new(&["etcd", "--data-dir=/d"]);
    for from in [1_000, 1_900, 3_000, 9_000] {
        etcd.unexplained(from, from + 200);
    }
    let report = etcd.whole();
    let told: Vec<_> =
        stalls(&report).iter().map(|one| (one.duration_ns / MS, one.syncs)).collect();
    assert_eq!(told, [(2_200, 3), (200, 1)]);
}

/// An interval has the stalls that something was added to since the last one, with all that is known of them; the whole has all.
#[test]
fn an_interval_has_its_own_stalls() {
    let mut etcd = Etcd::new(&["etcd", "--data-dir=/d"]);
    etcd.save(500, 100, 200);
    let first = etcd.host.consistent(Span::Interval);
    assert_eq!(stalls(&first).len(), 1);
    // Not due yet, and told all the same.
    assert_eq!(stalls(&first)[0].mostly, Some(Mostly::Others));
    let second = etcd.host.consistent(Span::Interval);
    assert_eq!(stalls(&second), []);
    etcd.save(501, 5_000, 300);
    let third = etcd.host.consistent(Span::Interval);
    assert_eq!(stalls(&third)[0].worst.duration_ns, 300 * MS);
    assert_eq!(timelines(&third)[0].from, "1970-01-01T00:00:05.000+00:00");
    assert_eq!(stalls(&etcd.whole()).len(), 2);
}

/// Seconds between two looks at a counter of losses that grew are marked.
#[test]
fn seconds_with_lost_records_are_marked() {
    let mut etcd = Etcd::new(&["etcd", "--data-dir=/d"]);
    (0..6).for_each(|second| etcd.quiet_second(second));
    let counts = |lost| Input::Counts(vec![(Count::RingFullIo, lost)]);
    etcd.host.report(Span::Interval);
    etcd.host.tell(counts(0));
    etcd.host.report(Span::Interval);
    etcd.host.report(Span::Interval);
    etcd.host.tell(counts(7));
    let report = etcd.host.report(Span::Whole);
    assert_eq!(timelines(&report)[0].lost, [1, 2, 3]);
}

proptest! {
    // Property: where nothing is lost, counts and times of all seconds are those of the waits, and what is charged in them is what the
    // matrix charges, culprit by culprit and mechanism by mechanism.
    #[test]
    fn seconds_sum_to_the_report(
        steps in prop::collection::vec((0_u64..2_000, 1_u64..400, 0_u32..3), 1..25),
    ) {
        let mut etcd = Etcd::new(&["etcd", "--data-dir=/d"]);
        let mut at = 0;
        for (pause, ms, who) in steps {
            at += pause;
            match who {
                0 => etcd.sync(at, at + ms),
                1 => etcd.unexplained(at, at + ms),
                _ => etcd.save(600 + u32::try_from(at % 50_000).unwrap(), at, ms),
            }
            at += ms;
        }
        let report = etcd.host.consistent(Span::Whole);
        let waits = &report.actors.iter().find(|one| one.pid == Some(ETCD)).unwrap().waits;
        let (count, sum) = waits.iter().fold((0, 0), |(count, sum), one| {
            (count + one.latency.count, sum + one.latency.sum_ns)
        });
        let lines = timelines(&report);
        prop_assert_eq!(lines.iter().flat_map(|one| &one.count).sum::<u64>(), count);
        prop_assert_eq!(lines.iter().flat_map(|one| &one.sum_ns).sum::<u64>(), sum);
        let mut charged = std::collections::BTreeMap::new();
        for cause in lines.iter().flat_map(|one| &one.causes) {
            *charged.entry((cause.culprit.clone(), cause.mechanism.unwrap())).or_insert(0) +=
                cause.wait_ns.iter().sum::<u64>();
        }
        for row in report.blame.iter().flatten() {
            *charged.entry((row.culprit.clone(), row.mechanism)).or_insert(0) -= row.wait_ns;
        }
        prop_assert!(charged.values().all(|left| *left == 0), "{charged:?}");
        // A stall's time is that of its long syncs, and it is charged to the last nanosecond.
        for stall in stalls(&report) {
            let causes: u64 = stall.causes.iter().map(|one| one.wait_ns).sum();
            prop_assert_eq!(causes, stall.wait_ns);
            prop_assert!(stall.worst.duration_ns >= stall.limit_ns);
        }
    }
}
