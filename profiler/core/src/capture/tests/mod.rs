//! Captures are written and read here, without a file.

mod damage;
mod round;
mod secrets;
mod strange;

use bytemuck::{Zeroable as _, bytes_of};
use iocontend_wire::count::Count;
use iocontend_wire::key::{How, Key, Kind, Owner};
use iocontend_wire::record::{IoRecord, tag};
use iocontend_wire::tables::{Q2C, Stats};

use super::{Item, Reader, Step, Writer, file_header};
use crate::facts::{
    BlockStat, CgroupControls, ControlFacts, DirtyLimits, FilesSeen, IoPriority, OpenFile,
    ProcessControls, ProcessFacts, ProcessKey, Psi, WalFsyncs, WrittenFile,
};
use crate::ids::Dev;
use crate::report::{Attached, BpfCost, HookKind, Note, Report};
use crate::schedule::{Crontab, Schedules, When, crontab};
use crate::session::{
    HostSample, Input, Now, Options, Session, Span, StreamSample, report_between,
};

pub(super) const DISK: Dev = Dev { major: 8, minor: 0 };

/// What is written: inputs, and the marks between them.
#[derive(Debug)]
pub(super) enum Told {
    Input(Input<'static>),
    Tracked(u32),
    Report(Span),
}

/// A moment so many milliseconds after the start.
pub(super) fn at(ms: u64) -> Now {
    Now {
        mono_ns: 1_000_000_000_000 + ms * 1_000_000,
        unix_ns: 1_772_366_400_000_000_000 + i64::try_from(ms).unwrap() * 1_000_000,
    }
}

pub(super) fn host(ms: u64) -> HostSample {
    let stat = BlockStat { write_ios: ms, io_ms: ms / 2, ..BlockStat::default() };
    HostSample { psi_io: Some(Psi::default()), block_stats: vec![(DISK, stat)] }
}

/// Statistics of so many requests of 4 KiB and 1 ms.
pub(super) fn stats(requests: u64) -> Stats {
    let mut stats = Stats::zeroed();
    stats.count = requests;
    stats.bytes = requests * 4096;
    stats.phases[Q2C].sum = requests * 1_000_000;
    stats.phases[Q2C].max = 1_000_000;
    stats.phases[Q2C].not_min = !1_000_000;
    stats.buckets[Q2C][iocontend_wire::bucket::bucket_of(1_000_000)] =
        u32::try_from(requests).unwrap();
    stats
}

pub(super) fn key(pid: u32, kind: Kind) -> Key {
    Key::owner(Owner::Process(pid), 1, How::Direct).with(0, kind as u32)
}

pub(super) fn io_record(key: Key, complete_ns: u64) -> Vec<u8> {
    let record = IoRecord {
        head: tag::IO.into(),
        bytes: 4096,
        key: key.0,
        sector: complete_ns * 8,
        complete_ns,
        q2c_ns: 1_000_000,
        d2c_ns: 900_000,
    };
    bytes_of(&record).to_vec()
}

pub(super) fn etcd() -> ProcessFacts {
    let mut facts = ProcessFacts::named(ProcessKey { pid: 7, start_ticks: 12 }, "etcd");
    facts.exe = Some("/usr/bin/etcd".to_owned());
    facts.argv = vec!["etcd".to_owned(), "--data-dir=/d".to_owned()];
    facts.open_files = vec![OpenFile {
        fd: 3,
        path: "/d/member/wal/0000000000000000-0000000000000000.wal".to_owned(),
        dev: DISK,
        ino: 5,
        writable: true,
        flags: Some(1),
    }];
    facts.files_seen = FilesSeen::All;
    facts
}

/// Of every kind of entry's times, and a problem.
fn schedules() -> Schedules {
    let table = "5 * * * * root etcdctl snapshot save /b\nx\n";
    let (mut entries, problems) =
        crontab("/etc/crontab", table, Crontab::System, &|_| None, &|_| None, &|| true);
    entries[0].when.push(When::Every(3_600));
    let mut schedules =
        Schedules { zone: Some("CET-1CEST,M3.5.0,M10.5.0/3".to_owned()), ..Schedules::default() };
    schedules.add(entries, problems);
    schedules
}

/// A record lives as long as the test.
pub(super) fn record(bytes: Vec<u8>) -> Told {
    Told::Input(Input::Record(bytes.leak()))
}

/// Some of everything that can be set.
fn controls() -> ControlFacts {
    let cgroup = CgroupControls {
        path: "/a".to_owned(),
        exists: true,
        files: [("io.max".to_owned(), String::new())].into(),
        anon_bytes: Some(1),
        ..CgroupControls::default()
    };
    let priority = IoPriority { class: 3, level: 7 };
    let process = ProcessControls {
        key: ProcessKey { pid: 7, start_ticks: 12 },
        io_priorities: vec![priority],
        written: vec![WrittenFile { fs: DISK, direct: None }],
    };
    ControlFacts {
        cgroup2_controllers: vec!["io".to_owned()],
        cgroups: vec![cgroup],
        processes: vec![process],
        dirty: DirtyLimits { ratio: Some(20), ..DirtyLimits::default() },
        ..ControlFacts::default()
    }
}

/// A small session with every kind of input, over some seconds.
pub(super) fn small() -> Vec<(u64, Told)> {
    let input = Told::Input;
    let write = key(7, Kind::Write);
    let sample = |requests| {
        let shards = vec![stats(requests), stats(1)];
        input(Input::Stream(StreamSample { index: 3, key: write, shards }))
    };
    let attached = Attached {
        program: "rq_issue".to_owned(),
        hook: "block_rq_issue".to_owned(),
        kind: HookKind::TpBtf,
        attached: true,
        reason: None,
    };
    let path = Some("/d/member/wal/0000000000000000-0000000000000000.wal".to_owned());
    vec![
        (0, input(Input::Attached(vec![attached]))),
        (0, input(Input::MapBytes(4096))),
        (1, input(Input::Process(Box::new(etcd())))),
        (1, Told::Tracked(7)),
        (2, input(Input::NoProcess(99))),
        (
            2,
            input(Input::EtcdMetrics {
                pid: 7,
                said: WalFsyncs { asked_ns: 2, count: 3, sum_ns: 4 },
            }),
        ),
        (3, input(Input::Started(host(3)))),
        (10, input(Input::Devices(Vec::new()))),
        (10, input(Input::Tables { devices: vec![Some(DISK), None], cgroups: vec![None] })),
        (20, input(Input::Seen(write))),
        (20, input(Input::File { id: 1, path })),
        (30, record(io_record(write, 1))),
        (30, record(io_record(write, 2))),
        (40, record(vec![tag::EXIT, 1, 2])),
        (50, sample(1)),
        (1200, Told::Report(Span::Interval)),
        (1300, record(io_record(write, 3))),
        (1300, sample(2)),
        (2400, Told::Report(Span::Interval)),
        (2450, input(Input::Host(host(2450)))),
        (2500, input(Input::Retired(3))),
        (2500, input(Input::FileFreed(1))),
        (2500, input(Input::Note(Note::NoRoomForThreads { pid: 9 }))),
        (2500, input(Input::Schedules(Box::new(schedules())))),
        (2500, input(Input::Controls(Box::new(controls())))),
        (2600, sample(1)),
        (2600, input(Input::Counts(vec![(Count::Merged, 5)]))),
        (2600, input(Input::RecursionMisses(0))),
        (2600, input(Input::KernelCompleted(vec![(DISK, 5)]))),
        (2600, input(Input::Cost(vec![("exit".to_owned(), BpfCost { run_cnt: 1, run_ns: 2 })]))),
        (2650, input(Input::Over(host(2650)))),
        (2700, Told::Report(Span::Whole)),
    ]
}

/// The capture of what was told, as bytes of its header and its blocks.
pub(super) fn capture(told: &[(u64, Told)]) -> Vec<Vec<u8>> {
    let mut writer = Writer::new(&Options::default(), at(0)).unwrap();
    let mut parts = vec![file_header().to_vec()];
    let mut last = at(0);
    for (ms, told) in told {
        last = at(*ms);
        match told {
            Told::Input(input) => writer.input(input, last).unwrap(),
            Told::Tracked(pid) => writer.tracked(*pid, true, last).unwrap(),
            Told::Report(span) => writer.report(*span, &host(*ms), last).unwrap(),
        }
        parts.extend(writer.take(last).unwrap().iter().map(super::Block::to_bytes));
    }
    writer.end(last).unwrap();
    parts.extend(writer.take(last).unwrap().iter().map(super::Block::to_bytes));
    parts
}

/// The report of a session that was told the same without a capture in between.
pub(super) fn live(told: Vec<(u64, Told)>) -> Report {
    let mut session = Session::new(Options::default(), at(0));
    let mut whole = None;
    for (ms, told) in told {
        match told {
            Told::Input(input) => drop(session.apply(input, at(ms))),
            Told::Tracked(_) => {}
            Told::Report(Span::Interval) => drop(session.apply(Input::Host(host(ms)), at(ms))),
            Told::Report(Span::Whole) => {
                session.apply(Input::Over(host(ms)), at(ms));
                whole = Some(report_between(None, &session.snapshot(at(ms))));
            }
        }
    }
    whole.unwrap()
}

/// Everything in a capture in words, and how it ended.
pub(super) fn read(bytes: &[u8]) -> (Vec<String>, super::End) {
    let mut reader = Reader::new(bytes).unwrap();
    let mut items = Vec::new();
    loop {
        match reader.step().unwrap() {
            Step::Items(more) => items.extend(more.iter().flat_map(words)),
            Step::End(end) => return (items, end),
        }
    }
}

/// An item in the words of what was told; IO records one by one.
fn words((now, item): &(Now, Item)) -> Vec<String> {
    let one = |what: String| format!("{} {what}", now.mono_ns);
    match item {
        Item::Session(_) | Item::End { .. } | Item::Untracked(_) | Item::Unknown => Vec::new(),
        Item::Input(input) => vec![one(format!("{input:?}"))],
        Item::Record(bytes) => vec![one(format!("{:?}", Input::Record(bytes)))],
        Item::Io(bytes) => {
            bytes.chunks(48).map(|record| one(format!("{:?}", Input::Record(record)))).collect()
        }
        Item::Tracked(pid) => vec![one(format!("tracked {pid}"))],
        Item::Report { span, sample } => vec![one(format!("{span:?} {sample:?}"))],
    }
}

/// The same words for what was told.
pub(super) fn words_of(told: &[(u64, Told)]) -> Vec<String> {
    let one = |(ms, told): &(u64, Told)| {
        let what = match told {
            Told::Input(input) => format!("{input:?}"),
            Told::Tracked(pid) => format!("tracked {pid}"),
            Told::Report(span) => format!("{span:?} {:?}", host(*ms)),
        };
        format!("{} {what}", at(*ms).mono_ns)
    };
    told.iter().map(one).collect()
}
