//! Windows are differences: looking changes nothing, windows that follow each other sum to the whole, and none takes over
//! anything from before.

use std::collections::BTreeMap;

use bytemuck::bytes_of;
use iocontend_wire::key::{Key, Kind, Owner};
use iocontend_wire::record::{IoRecord, tag};
use proptest::prelude::*;

use super::super::blame::{Cells, Charge};
use super::super::streams::RowKey;
use super::super::{HostSample, Input, Intervals, Snapshot, report_between};
use super::host::{Host, facts, process};
use super::kernel::{Done, count, empty, exec_record, exit_record, on_file, stream, wait};
use crate::facts::{BlockStat, Psi};
use crate::ids::Dev;
use crate::render::json;
use crate::report::{Report, check_consistency};

const ETCD: u32 = 100;
const MS: u64 = 1_000_000;
/// When the first processes begin, ticks.
const START: u64 = 9;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// etcd syncs for so many milliseconds; its request takes a part of them.
    Sync { ms: u64, of_request: u64, is_told: bool },
    /// Another process writes so many kilobytes meanwhile.
    Write { who: u32, ms: u64, kib: u32 },
    /// It ends; its pid comes again as another process.
    Ends { who: u32 },
    /// Nothing, for some milliseconds.
    Pause { ms: u64 },
    /// A second is over.
    Second,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..60_u64, 0..60_u64, prop::bool::weighted(0.9))
            .prop_map(|(ms, of_request, is_told)| Step::Sync { ms, of_request, is_told }),
        6 => (200..204_u32, 1..200_u64, 1..2_000_u32)
            .prop_map(|(who, ms, kib)| Step::Write { who, ms, kib }),
        1 => (200..204_u32).prop_map(|who| Step::Ends { who }),
        2 => (1..400_u64).prop_map(|ms| Step::Pause { ms }),
        3 => Just(Step::Second),
    ]
}

/// A host whose kernel side counts what happens.
struct Kernel {
    host: Host,
    now_ms: u64,
    /// When each process that has its pid now began, ticks.
    starts: BTreeMap<u32, u64>,
    places: u32,
    streams: BTreeMap<u64, (u32, iocontend_wire::tables::Stats)>,
}

impl Kernel {
    fn new() -> Self {
        let mut host = Host::new(&[]);
        host.tell(process(facts(ETCD, 5, "etcd", &["etcd", "--data-dir=/d"])));
        let path = Some("/d/member/wal/0000000000000001-0000000000000000.wal".to_owned());
        host.tell(Input::File { id: 1, path });
        for who in 200..204 {
            host.record(&exec_record(who, START, "dd", &["dd"]));
        }
        Self { host, now_ms: 1_000, starts: BTreeMap::new(), places: 0, streams: BTreeMap::new() }
    }

    fn counted(&mut self, key: Key, done: Done) {
        let next = &mut self.places;
        let (_, stats) = self.streams.entry(key.0).or_insert_with(|| {
            *next += 1;
            (*next, empty())
        });
        count(stats, done);
    }

    fn request(&mut self, key: Key, ms: u64, bytes: u32) {
        let ns = ms * MS;
        let record = IoRecord {
            head: u32::from(tag::IO),
            bytes,
            key: key.0,
            sector: 0,
            complete_ns: self.now_ms * MS + ns,
            q2c_ns: ns,
            d2c_ns: ns,
        };
        self.host.record(bytes_of(&record));
        self.counted(key, Done::io(bytes.into(), ns, ns));
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Sync { ms, of_request, is_told } => {
                self.request(on_file(ETCD, 0, Kind::Write, 1), of_request.min(ms).max(1), 4096);
                let key = on_file(ETCD, 0, Kind::Fdatasync, 1);
                if is_told {
                    let record = wait(key.0, self.now_ms * MS, ms * MS);
                    self.host.record(bytes_of(&record));
                }
                self.counted(key, Done::wait(ms * MS));
                self.now_ms += ms;
            }
            Step::Write { who, ms, kib } => {
                self.request(on_file(who, 0, Kind::Write, 0), ms, kib << 10);
            }
            Step::Ends { who } => {
                self.statistics();
                let is_its = |key: &u64| Key(*key).who() == Owner::Process(who);
                for (_, (index, _)) in self.streams.iter().filter(|(key, _)| is_its(key)) {
                    self.host.tell(Input::Retired(*index));
                }
                self.streams.retain(|key, _| !is_its(key));
                // Starts that are a tick apart are taken for one process.
                let start = self.starts.entry(who).or_insert(START);
                self.host.record(&exit_record(who, *start, "dd"));
                *start += 100;
                self.host.record(&exec_record(who, *start, "dd", &["dd"]));
            }
            Step::Pause { ms } => self.now_ms += ms,
            Step::Second => {}
        }
    }

    /// Statistics come when a second is over.
    fn statistics(&mut self) {
        for (key, (index, stats)) in &self.streams {
            self.host.tell(stream(*index, Key(*key), stats));
        }
    }

    fn sample(&self) -> HostSample {
        let stat = BlockStat { write_ios: self.now_ms, io_ms: self.now_ms, ..BlockStat::default() };
        let dev = Dev { major: 8, minor: 0 };
        HostSample { psi_io: Some(Psi::default()), block_stats: vec![(dev, stat)] }
    }

    fn second(&mut self) {
        self.statistics();
        let sample = self.sample();
        self.host.tell(Input::Host(sample));
    }

    fn over(&mut self) -> Snapshot {
        self.statistics();
        let sample = self.sample();
        self.host.tell(Input::Over(sample));
        self.host.snapshot()
    }
}

/// Somebody who looks every so many seconds, or in the middle of one.
struct Looker {
    every: u64,
    before: Option<Snapshot>,
    intervals: Intervals,
    reports: Vec<Report>,
    settled: Cells,
}

impl Looker {
    fn new(every: u64) -> Self {
        let intervals = Intervals::default();
        Self { every, before: None, intervals, reports: Vec::new(), settled: Cells::default() }
    }

    fn look(&mut self, now: Snapshot) {
        let before = self.before.take().unwrap_or_else(|| now.beginning());
        for (cell, ns) in settled_since(&now, &before) {
            *self.settled.entry(cell).or_default() += ns;
        }
        self.before = Some(now.clone());
        self.reports.push(self.intervals.next(now));
    }
}

fn settled_since(now: &Snapshot, before: &Snapshot) -> Vec<((RowKey, Charge), u64)> {
    now.settled_since(before).into_iter().collect()
}

fn document(report: &Report) -> String {
    let mut out = Vec::new();
    json::document(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The whole, and what everybody saw who looked every so many seconds.
fn watched(steps: &[Step], lookers: &[u64]) -> (Snapshot, Vec<Looker>) {
    let mut kernel = Kernel::new();
    let mut lookers: Vec<Looker> = lookers.iter().map(|every| Looker::new(*every)).collect();
    let mut seconds = 0;
    for step in steps {
        kernel.step(step);
        if matches!(step, Step::Second) {
            seconds += 1;
            kernel.second();
            for looker in lookers.iter_mut().filter(|one| seconds % one.every == 0) {
                looker.look(kernel.host.snapshot());
            }
        } else if lookers.len() > 1 && matches!(step, Step::Pause { .. }) {
            // Anybody may look at any time; nothing comes of it.
            drop(report_between(None, &kernel.host.snapshot()));
        }
    }
    let whole = kernel.over();
    for looker in &mut lookers {
        looker.look(whole.clone());
    }
    (whole, lookers)
}

/// Counts, bytes and waits of a report.
fn sums(report: &Report) -> BTreeMap<String, (u64, u64)> {
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for actor in &report.actors {
        for io in &actor.io {
            let sum = sums.entry(format!("{} {}", actor.id, io.op.name())).or_default();
            (sum.0, sum.1) = (sum.0 + io.count, sum.1 + io.bytes);
        }
        for wait in &actor.waits {
            let sum = sums.entry(format!("{} {}", actor.id, wait.call.name())).or_default();
            (sum.0, sum.1) = (sum.0 + wait.latency.count, sum.1 + wait.latency.sum_ns);
        }
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    // Property: the whole is the same to the byte whether nobody looks, one or three do. For each of them counts, bytes and waits
    // of its windows sum to the whole, settled charges do cell by cell to the nanosecond, and in each window the rows of blame
    // and the parts of waits sum to the measured wait (`check_consistency`).
    #[test]
    fn looking_changes_nothing_and_windows_sum_to_the_whole(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let (nobody, _) = watched(&steps, &[]);
        let whole = report_between(None, &nobody);
        prop_assert_eq!(check_consistency(&whole), Vec::<String>::new());
        for lookers in [&[1][..], &[1, 5, 2]] {
            let (found, lookers) = watched(&steps, lookers);
            prop_assert_eq!(document(&report_between(None, &found)), document(&whole));
            for looker in &lookers {
                let mut all: BTreeMap<String, (u64, u64)> = BTreeMap::new();
                for report in &looker.reports {
                    prop_assert_eq!(check_consistency(report), Vec::<String>::new());
                    for (row, (count, sum)) in sums(report) {
                        let place = all.entry(row).or_default();
                        (place.0, place.1) = (place.0 + count, place.1 + sum);
                    }
                }
                prop_assert_eq!(all, sums(&whole));
                let settled: Cells = settled_since(&found, &found.beginning()).into_iter().collect();
                prop_assert_eq!(&looker.settled, &settled);
            }
        }
    }
}

/// Property: of a window the longest wait is one of the window, not the longest since counting began.
#[test]
fn an_extreme_is_not_from_before() {
    let mut kernel = Kernel::new();
    let sync = |ms| Step::Sync { ms, of_request: 1, is_told: true };
    kernel.step(&sync(500));
    kernel.second();
    let before = kernel.host.snapshot();
    kernel.step(&sync(20));
    kernel.second();
    let window = report_between(Some(&before), &kernel.host.snapshot());
    let etcd = window.actors.iter().find(|actor| actor.id == "100@5").unwrap();
    let longest: Vec<u64> = etcd.worst.iter().flatten().map(|long| long.duration_ns / MS).collect();
    assert_eq!(longest, [20]);
    let latency = &etcd.waits[0].latency;
    assert!((20 * MS..23 * MS).contains(&latency.max_ns.unwrap()), "{latency:?}");
    assert!((17 * MS..=20 * MS).contains(&latency.min_ns.unwrap()), "{latency:?}");
}

/// Property: processes that were put together between two snapshots have in the window what they did in it, and nothing of
/// before; renamings are not kept longer than the snapshots that need them.
#[test]
fn a_window_over_a_renaming() {
    let mut host = Host::new(&[]);
    let done = |host: &mut Host, pid: u32, stats| {
        host.record(&exec_record(pid, pid.into(), "cc", &["cc"]));
        host.tell(stream(pid, on_file(pid, 0, Kind::Write, 0), stats));
    };
    let mut once = empty();
    count(&mut once, Done::io(4096, 9, 9));
    for pid in 1_000..3_500 {
        done(&mut host, pid, &once);
    }
    host.tell(Input::Host(HostSample::default()));
    let before = host.snapshot();
    let mut twice = once;
    count(&mut twice, Done::io(512, 9, 9));
    for pid in 1_000..3_500 {
        host.tell(stream(pid, on_file(pid, 0, Kind::Write, 0), &twice));
        host.record(&exit_record(pid, pid.into(), "cc"));
    }
    // These are put together at the begin of the next second, which is told something.
    host.tell(Input::Host(HostSample::default()));
    host.tell(Input::RecursionMisses(0));
    assert_eq!(host.session.renamings.len(), 1);
    host.tell(Input::Host(HostSample::default()));
    let now = host.snapshot();
    let bytes = |report: &Report| -> u64 {
        report.actors.iter().flat_map(|actor| &actor.io).map(|io| io.bytes).sum()
    };
    let whole = report_between(None, &now);
    assert!(whole.actors.iter().any(|actor| actor.id == "ended:cc"));
    assert_eq!(bytes(&whole), 2_500 * (4096 + 512));
    let window = report_between(Some(&before), &now);
    assert_eq!(bytes(&window), 2_500 * 512);
    assert_eq!(check_consistency(&window), Vec::<String>::new());
    let nothing = report_between(Some(&now), &host.snapshot());
    assert_eq!((bytes(&nothing), nothing.actors.len()), (0, 0));
}
