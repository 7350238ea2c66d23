//! What a snapshot costs, and a second with somebody who keeps one: `cargo run --release -p iocontend-core --example windows`.
//!
//! The session has what it may have at most: 1,024 streams that all count something in every second, 2,000 processes that have
//! ended and did something, a target with waits, and a cell of blame for each of those processes.
#![expect(clippy::disallowed_types, reason = "this measures time")]
#![expect(clippy::print_stdout, reason = "it says what it measured")]

use std::alloc::System;
use std::time::{Duration, Instant};

use bytemuck::{Zeroable as _, bytes_of};
use iocontend_core::facts::{ProcessFacts, ProcessKey};
use iocontend_core::ids::Dev;
use iocontend_core::session::{
    HostSample, Input, Intervals, Now, Options, Session, Snapshot, StreamSample, report_between,
};
use iocontend_wire::bucket::bucket_of;
use iocontend_wire::key::{How, Key, Kind, Owner};
use iocontend_wire::record::{ExitRecord, IoRecord, WaitRecord, tag};
use iocontend_wire::tables::{D2C, Q2C, Q2D, STREAMS, Stats};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Streams that the kernel side promises to tell apart.
const LIVE: u32 = 1_024;
const ENDED: u32 = 2_000;
/// Copies of the statistics: one per CPU.
const SHARDS: usize = 4;
const ETCD: u32 = 1;
const MS: u64 = 1_000_000;
const SECONDS: u32 = 20;

/// Bytes that are allocated now.
fn allocated() -> isize {
    let stats = MEMORY.stats();
    let signed = |bytes: usize| isize::try_from(bytes).unwrap_or(isize::MAX);
    signed(stats.bytes_allocated) - signed(stats.bytes_deallocated) + stats.bytes_reallocated
}

/// A session, the kernel side's table, and the time.
struct Host {
    session: Session,
    streams: Vec<(Key, Vec<Stats>)>,
    now_ms: u64,
}

impl Host {
    fn new() -> Self {
        let session = Session::new(Options::default(), Now::default());
        let mut host = Self { session, streams: Vec::new(), now_ms: 1_000 };
        host.tell(Input::Tables {
            devices: vec![Some(Dev { major: 8, minor: 0 }), Some(Dev { major: 8, minor: 16 })],
            cgroups: Vec::new(),
        });
        host.tell(Input::Started(HostSample::default()));
        host.process(ETCD, "etcd", &["etcd", "--data-dir=/var/lib/etcd"]);
        let path = Some("/var/lib/etcd/member/wal/0000000000000001-0000000000000000.wal".into());
        host.tell(Input::File { id: 1, path });
        (0..ENDED).for_each(|at| host.one_that_ends(10_000 + at));
        host.live();
        host
    }

    fn now(&self) -> Now {
        let ns = self.now_ms * MS;
        Now { mono_ns: ns, unix_ns: i64::try_from(ns).unwrap_or(i64::MAX) }
    }

    fn tell(&mut self, input: Input<'_>) {
        let now = self.now();
        self.session.apply(input, now);
    }

    fn process(&mut self, pid: u32, comm: &str, argv: &[&str]) {
        let mut facts = ProcessFacts::named(ProcessKey { pid, start_ticks: pid.into() }, comm);
        facts.exe = Some(format!("/usr/bin/{comm}"));
        facts.argv = argv.iter().map(|&word| word.to_owned()).collect();
        self.tell(Input::Process(Box::new(facts)));
    }

    /// A process that writes while etcd syncs, and ends.
    fn one_that_ends(&mut self, pid: u32) {
        let argv = ["cc1", "-quiet", "-O2", "-o", "/tmp/cc.s", "/src/a/long/name/of/a/file.c"];
        self.process(pid, "cc1", &argv);
        let key = key(pid, 0, Kind::Write, 0);
        self.request(key, 20, 1 << 20);
        self.sync(20);
        let mut stats = Stats::zeroed();
        count(&mut stats, 1 << 20, 20 * MS);
        self.tell(Input::Stream(StreamSample { index: 1_270, key, shards: vec![stats] }));
        self.tell(Input::Retired(1_270));
        let mut comm = [0; 16];
        comm[..3].copy_from_slice(b"cc1");
        let record = ExitRecord {
            head: tag::EXIT.into(),
            tgid: pid,
            start_boottime: u64::from(pid) * 10 * MS,
            now_ns: self.now_ms * MS,
            comm,
        };
        self.tell(Input::Record(bytes_of(&record)));
    }

    fn request(&mut self, key: Key, ms: u64, bytes: u32) {
        let record = IoRecord {
            head: tag::IO.into(),
            bytes,
            key: key.0,
            sector: 0,
            complete_ns: (self.now_ms + ms) * MS,
            q2c_ns: ms * MS,
            d2c_ns: ms * MS,
        };
        self.tell(Input::Record(bytes_of(&record)));
    }

    fn sync(&mut self, ms: u64) {
        self.request(key(ETCD, 0, Kind::Write, 1), ms, 4096);
        let record = WaitRecord {
            head: tag::WAIT.into(),
            tid: ETCD,
            key: key(ETCD, 0, Kind::Fdatasync, 1).0,
            start_ns: self.now_ms * MS,
            end_ns: (self.now_ms + ms) * MS,
            ino: 9,
            dev: 0,
            ret: 0,
            counted_ns: ms * MS,
            runnable_ns: 0,
            away_ns: ms * MS,
            throttled_ns: 0,
        };
        self.tell(Input::Record(bytes_of(&record)));
        self.now_ms += ms;
    }

    /// The streams of processes that go on.
    fn live(&mut self) {
        let kinds = [Kind::Read, Kind::Write, Kind::Flush, Kind::Fsync];
        let own = [(Kind::Write, 1), (Kind::Fdatasync, 1)];
        self.streams = own
            .into_iter()
            .map(|(kind, file)| key(ETCD, 0, kind, file))
            .chain((0..LIVE / 4).flat_map(|at| kinds.map(|kind| key(100 + at, at % 2, kind, 0))))
            .take(LIVE as usize)
            .map(|key| (key, vec![Stats::zeroed(); SHARDS]))
            .collect();
    }

    /// A second in which every stream counts something on each CPU, and etcd syncs.
    fn second(&mut self) {
        for at in 0..20 {
            self.sync(20 + at % 3);
        }
        self.now_ms += 500;
        let streams = std::mem::take(&mut self.streams);
        for (index, (key, shards)) in (0_u32..).zip(&streams) {
            let (key, shards) = (*key, shards.clone());
            self.tell(Input::Stream(StreamSample { index, key, shards }));
        }
        self.streams = streams;
        self.tell(Input::Host(HostSample::default()));
    }

    /// What the kernel side does meanwhile.
    fn happens(&mut self, second: u64) {
        for (at, (_, shards)) in (0_u64..).zip(&mut self.streams) {
            for stats in shards {
                for n in 0..10 {
                    count(stats, 4096, (100_000 + at * 997 + second * 31) << (n % 8));
                }
            }
        }
    }

    fn snapshot(&self) -> Snapshot {
        self.session.snapshot(self.now())
    }
}

fn key(pid: u32, device: u32, kind: Kind, file: u32) -> Key {
    Key::owner(Owner::Process(pid), file, How::Direct).with(device, kind as u32)
}

fn count(stats: &mut Stats, bytes: u64, ns: u64) {
    stats.count += 1;
    stats.bytes += bytes;
    for (which, ns) in [(Q2D, ns / 4), (D2C, ns - ns / 4), (Q2C, ns)] {
        let phase = &mut stats.phases[which];
        phase.sum += ns;
        phase.max = phase.max.max(ns);
        phase.not_min = phase.not_min.max(!ns);
        stats.buckets[which][bucket_of(ns)] += 1;
    }
}

/// The mean of some seconds, with somebody who keeps the last snapshot and reports, or without.
fn seconds(host: &mut Host, mut intervals: Option<&mut Intervals>) -> [Duration; 3] {
    let mut spent = [Duration::ZERO; 3];
    for second in 0..SECONDS {
        host.happens(second.into());
        let begin = Instant::now();
        host.second();
        spent[0] += begin.elapsed();
        if let Some(intervals) = &mut intervals {
            let begin = Instant::now();
            let snapshot = host.snapshot();
            spent[1] += begin.elapsed();
            let begin = Instant::now();
            drop(intervals.next(snapshot));
            spent[2] += begin.elapsed();
        }
    }
    spent.map(|all| all / SECONDS)
}

fn main() {
    assert!((LIVE as usize) < STREAMS);
    let mut host = Host::new();
    host.happens(0);
    host.second();
    let [alone, ..] = seconds(&mut host, None);
    let mut intervals = Intervals::default();
    intervals.begin(host.snapshot());
    let [watched, snapshot, report] = seconds(&mut host, Some(&mut intervals));
    drop(intervals);
    let whole = report_between(None, &host.snapshot());
    // What only the older snapshot has after a second in which everything changed.
    let before = allocated();
    let older = host.snapshot();
    let at_once = allocated() - before;
    host.happens(99);
    host.second();
    let with = allocated();
    drop(older);
    let kept = with - allocated();
    println!(
        "{} actors, {} rows of blame",
        whole.actors.len(),
        whole.blame.map_or(0, |all| all.len())
    );
    println!("snapshot                          {snapshot:>10.1?}");
    println!("  bytes at once                   {at_once:>10}");
    println!("  bytes a second later            {kept:>10}");
    println!("a second's inputs, nobody looks   {alone:>10.1?}");
    println!("  somebody keeps a snapshot       {watched:>10.1?}");
    println!("report of a second                {report:>10.1?}");
}
