//! Puts a report together from the session's state. Owns the report's shape, no state of its own.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt as _};
use iocontend_wire::count::Count;
use iocontend_wire::key::{DEVICE_OVERFLOW, Reason};
use iocontend_wire::programs;

use super::actors::{AUTO, Known, Owned, selector_name};
use super::files::class_together;
use super::streams::{Row, RowKey, What};
use super::worst::Long;
use super::{HostSample, Now, Session, Span, advised, blamed, seconds, self_check};
use crate::facts::{BlockStat, DeviceFacts};
use crate::file_class::Classifier;
use crate::ids::{Call, Dev, FileClass, Method, Op, Role};
use crate::redact::CommandLinesShown;
use crate::report::{
    Actor, Attribution, Depth, Device, DeviceOp, Filesystem, ForcedBy, Host, InFlight, Io, Lat,
    Note, Pod, PsiIo, Report, Target, Wait, Window, WorstWait, rfc3339,
};

/// Rows of one actor.
#[derive(Default)]
struct ActorRows {
    io: BTreeMap<(u32, Op, FileClass, Method), Row>,
    waits: BTreeMap<(Call, FileClass), (Row, Paths)>,
    run_queue: Row,
}

/// Rows of one device.
#[derive(Default)]
struct DeviceRows {
    ops: BTreeMap<Op, Row>,
    flush_commands: u64,
    merges: u64,
    requeues: u64,
}

/// The paths behind a row: none, one, or several.
#[derive(Default)]
enum Paths {
    #[default]
    None,
    One(String),
    Several,
}

impl Paths {
    fn add(&mut self, path: Option<&str>) {
        *self = match (std::mem::take(self), path) {
            (Self::None, Some(path)) => Self::One(path.to_owned()),
            (Self::One(known), Some(path)) if known == path => Self::One(known),
            (_, None) | (Self::One(_) | Self::Several, _) => Self::Several,
        };
    }

    fn one(self) -> Option<String> {
        if let Self::One(path) = self { Some(path) } else { None }
    }
}

pub(super) fn report(session: &Session, span: Span, sample: &HostSample, now: Now) -> Report {
    let interval = span == Span::Interval;
    let (from, before) = if interval {
        (session.interval_started, &session.interval_sample)
    } else {
        (session.started, &session.first_sample)
    };
    let duration_ns = now.mono_ns.saturating_sub(from.mono_ns);
    let window =
        Window::new(from.unix_ns, now.unix_ns, session.options.utc_offset_seconds, duration_ns);
    let host = Host { psi_io: psi(before, sample), ..session.options.host.clone() };
    let mut report = Report::new(session.options.tool.clone(), host, window);
    let rows = if interval { session.streams.interval() } else { session.streams.whole() };

    let options = &session.options;
    let shown = CommandLinesShown::of(options.command_lines, options.recorded_command_lines);
    report.command_lines = Some(shown);
    report.targets = targets(session);
    report.devices = devices(session, rows, before, sample, duration_ns);
    report.actors = actors(session, rows, interval, now);
    let mut attribution = Attribution::default();
    for io in report.actors.iter().flat_map(|actor| &actor.io) {
        attribution.add(io.method, io.bytes);
    }
    // Merges and requeues happen to requests that are counted themselves; run-queue delays are told by no record.
    let is_event = |key: &RowKey| !matches!(key.what, What::Merge | What::Requeue | What::RunQueue);
    let events = rows.iter().filter(|(key, _)| is_event(key));
    let counted = events.fold(0, |sum: u64, (_, row)| sum.wrapping_add(row.count));
    let io_bytes = report.devices.iter().fold(0, |sum: u64, device| sum.wrapping_add(device.bytes));
    let missed = if interval { 0 } else { missed(session, &report.devices) };
    report.coverage = session.ledger.coverage(interval, counted, missed, io_bytes, attribution);
    report.blame = blamed::blame(session, rows, interval);
    report.timeline = seconds::timeline(session, from.mono_ns, now);
    report.stalls = seconds::stalls(session, interval, now);
    report.coverage.notes.extend(seconds::forgotten(session));
    if !interval {
        report.coverage.self_check = self_check::self_checks(session, rows);
        report.activity = Some(session.activities.report(session, now));
        report.coverage.notes.extend(session.activities.notes(session, now));
        report.alone_vs_shared = blamed::alone_vs_shared(session);
        let requests = report.devices.iter().fold(0, |sum: u64, one| sum.wrapping_add(one.ios));
        let lost = session.ledger.count(Count::RingFullIo, false);
        report.coverage.blame = blamed::coverage(session, lost, requests);
        report.advice = advised::advice(session, &report);
    }
    for count in Count::ALL {
        let value = session.ledger.count(count, interval);
        if value > 0 {
            report.coverage.notes.extend(Note::counter(count, value));
        }
    }
    report
}

/// Requests that the kernel counted and no probe saw. A kernel may leave a program out without saying so.
fn missed(session: &Session, devices: &[Device]) -> u64 {
    let seen = |dev: Dev| {
        let same = |device: &&Device| (device.major, device.minor) == (dev.major, dev.minor);
        devices.iter().find(same).map_or(0, |device| device.ios)
    };
    let completed = &session.ledger.kernel_completed;
    let missed = completed.iter().map(|(dev, count)| count.saturating_sub(seen(*dev)));
    missed.fold(0, u64::saturating_add)
}

fn targets(session: &Session) -> Vec<Target> {
    let selectors = session.actors.selectors();
    let indices = if selectors.is_empty() { vec![AUTO] } else { (0..selectors.len()).collect() };
    indices
        .into_iter()
        .map(|index| Target {
            selector: selector_name(selectors, index),
            actors: session
                .actors
                .selected(index)
                .map(|known| known.facts.key.to_string())
                .collect(),
        })
        .collect()
}

fn psi(before: &HostSample, after: &HostSample) -> Option<PsiIo> {
    let now = after.psi_io?;
    let since = |now: u64, before: Option<u64>| before.map(|before| now.saturating_sub(before));
    let old = before.psi_io;
    Some(PsiIo {
        some_avg10: Some(now.some.avg10),
        full_avg10: now.full.map(|full| full.avg10),
        some_total_us: Some(now.some.total_us),
        full_total_us: now.full.map(|full| full.total_us),
        some_delta_us: since(now.some.total_us, old.map(|old| old.some.total_us)),
        full_delta_us: now.full.and_then(|full| {
            since(full.total_us, old.and_then(|old| old.full).map(|full| full.total_us))
        }),
    })
}

/// A device's name: the kernel's, else its number.
pub(super) fn device_name(session: &Session, index: u32) -> String {
    if index == DEVICE_OVERFLOW {
        return "other-devices".to_owned();
    }
    let Some(dev) = session.streams.device(index) else { return format!("device-{index}") };
    facts_of(session, dev).map_or_else(|| dev.to_string(), |facts| facts.name.clone())
}

fn facts_of(session: &Session, dev: Dev) -> Option<&DeviceFacts> {
    session.devices.iter().find(|facts| facts.dev == dev)
}

fn devices(
    session: &Session,
    rows: &HashMap<RowKey, Row>,
    before: &HostSample,
    after: &HostSample,
    duration_ns: u64,
) -> Vec<Device> {
    let mut by_device: BTreeMap<u32, DeviceRows> = BTreeMap::new();
    for (key, row) in rows {
        if matches!(key.what, What::Wait(_) | What::RunQueue) {
            continue;
        }
        let place = by_device.entry(key.device).or_default();
        match key.what {
            What::Io(op) => place.ops.entry(op).or_default().merge(row),
            What::FlushCommand => {
                place.flush_commands = place.flush_commands.wrapping_add(row.count);
            }
            What::Merge => place.merges = place.merges.wrapping_add(row.count),
            What::Requeue => place.requeues = place.requeues.wrapping_add(row.count),
            What::Wait(_) | What::RunQueue => {}
        }
    }
    let counts = |program| session.ledger.is_attached(program);
    let mut devices: Vec<Device> = by_device
        .into_iter()
        .map(|(index, rows)| {
            let mut device = device(session, index, &rows.ops, duration_ns);
            device.flush_commands = Some(rows.flush_commands);
            device.request_merges = counts(programs::RQ_MERGE).then_some(rows.merges);
            device.requeues = counts(programs::RQ_REQUEUE).then_some(rows.requeues);
            let dev = Dev { major: device.major, minor: device.minor };
            if let (Some(old), Some(new)) = (stat_of(before, dev), stat_of(after, dev)) {
                device.merges = Some(new.merges().saturating_sub(old.merges()));
                device.busy_ns =
                    Some(new.io_ms.saturating_sub(old.io_ms).saturating_mul(1_000_000));
                device.in_flight = Some(InFlight { start: old.in_flight, end: new.in_flight });
            }
            device
        })
        .collect();
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    devices
}

fn stat_of(sample: &HostSample, dev: Dev) -> Option<BlockStat> {
    sample.block_stats.iter().find(|(found, _)| *found == dev).map(|(_, stat)| *stat)
}

fn device(session: &Session, index: u32, ops: &BTreeMap<Op, Row>, duration_ns: u64) -> Device {
    let mut all = Row::default();
    for row in ops.values() {
        all.merge(row);
    }
    let dev = session.streams.device(index).unwrap_or(Dev { major: 0, minor: 0 });
    let facts = facts_of(session, dev);
    Device {
        name: device_name(session, index),
        major: dev.major,
        minor: dev.minor,
        scheduler: facts.and_then(|facts| facts.scheduler.clone()),
        rotational: facts.and_then(|facts| facts.rotational),
        filesystems: facts.map(filesystems),
        ios: all.count,
        bytes: all.bytes,
        q2d: Lat::non_empty(&all.q2d),
        d2c: Lat::non_empty(&all.d2c),
        q2c: Lat::non_empty(&all.q2c),
        depth: depth(&all, duration_ns),
        ops: ops.iter().map(|(op, row)| device_op(*op, row)).collect(),
        ..Device::default()
    }
}

/// The mean number of requests in the device is the sum of their times there over the window (Little's law).
#[expect(clippy::cast_precision_loss, reason = "a mean for people")]
fn depth(all: &Row, duration_ns: u64) -> Option<Depth> {
    (duration_ns > 0 && !all.d2c.is_empty())
        .then(|| Depth { mean: all.d2c.sum_ns() as f64 / duration_ns as f64, max: None })
}

fn device_op(op: Op, row: &Row) -> DeviceOp {
    DeviceOp {
        op,
        count: row.count,
        bytes: row.bytes,
        q2d: Lat::non_empty(&row.q2d),
        d2c: Lat::non_empty(&row.d2c),
        q2c: Lat::non_empty(&row.q2c),
    }
}

fn filesystems(facts: &DeviceFacts) -> Vec<Filesystem> {
    let one = |fs: &crate::facts::FsFacts| Filesystem {
        mount_point: fs.mount_point.clone(),
        fstype: fs.fstype.clone(),
        options: Some(fs.options.clone()),
    };
    facts.filesystems.iter().map(one).collect()
}

fn actors(session: &Session, rows: &HashMap<RowKey, Row>, interval: bool, now: Now) -> Vec<Actor> {
    let mut by_owner: BTreeMap<(Owned, u32), ActorRows> = BTreeMap::new();
    for (key, row) in rows {
        // What nobody owns is one pseudo-actor per device.
        let device = if matches!(key.owner, Owned::Actor(_) | Owned::Ended(_) | Owned::Cgroup(_)) {
            0
        } else {
            key.device
        };
        let class = class_of(session, key.owner, key.file);
        let place = by_owner.entry((key.owner, device)).or_default();
        match key.what {
            What::Io(op) => {
                place.io.entry((key.device, op, class, key.method)).or_default().merge(row);
            }
            What::Wait(call) => {
                let (waits, paths) = place.waits.entry((call, class)).or_default();
                waits.merge(row);
                paths.add(session.files.path(key.file));
            }
            What::RunQueue => place.run_queue.merge(row),
            What::FlushCommand | What::Merge | What::Requeue => {}
        }
    }
    if !interval {
        for (id, _) in session.actors.reported() {
            by_owner.entry((Owned::Actor(id), 0)).or_default();
        }
    }
    let active = if interval { HashMap::new() } else { session.blame.active() };
    by_owner
        .into_iter()
        .filter(|((owner, _), rows)| {
            matches!(owner, Owned::Actor(_)) || !rows.io.is_empty() || !rows.waits.is_empty()
        })
        .map(|((owner, device), rows)| {
            let actor = with_rows(session, describe(session, owner, device), rows, interval);
            Actor {
                worst: worst(session, owner, interval, now),
                forced_by: forced_by(session, owner, interval),
                active_ns: active.get(&owner).copied(),
                ..actor
            }
        })
        .collect()
}

pub(super) fn class_of(session: &Session, owner: Owned, file: u32) -> FileClass {
    if let Some(class) = class_together(file) {
        return class;
    }
    let (Owned::Actor(id), Some(path)) = (owner, session.files.path(file)) else {
        return FileClass::Other;
    };
    let Some(known) = session.actors.get(id) else { return FileClass::Other };
    let is_target = !known.selected_by.is_empty();
    Classifier::new(&known.facts, known.role, is_target).classify(path)
}

fn with_rows(session: &Session, mut actor: Actor, rows: ActorRows, interval: bool) -> Actor {
    let complete = session.ledger.has_all_parts(interval);
    for ((device, op, file_class, method), row) in rows.io {
        actor.io.push(Io {
            device: device_name(session, device),
            op,
            file_class,
            method,
            count: row.count,
            bytes: row.bytes,
            q2d: Lat::non_empty(&row.q2d),
            d2c: Lat::non_empty(&row.d2c),
            q2c: Lat::non_empty(&row.q2c),
        });
    }
    for ((call, file_class), (row, paths)) in rows.waits {
        let latency = Lat::from(&row.q2c);
        let anatomy = row.parts.map(|parts| parts.of(latency.sum_ns, complete));
        actor.waits.push(Wait { call, file_class, path: paths.one(), latency, anatomy });
    }
    actor.run_queue = Lat::non_empty(&rows.run_queue.q2c);
    actor
}

/// Who wrote out what an owner had caused.
fn forced_by(session: &Session, owner: Owned, interval: bool) -> Vec<ForcedBy> {
    // What nobody is known to have caused is told by device, which these sums are not.
    if matches!(owner, Owned::Unattributed(_) | Owned::Overflow) {
        return Vec::new();
    }
    let forced = session.forced.of(owner, interval).into_iter();
    forced
        .map(|(forcer, sum)| ForcedBy {
            by: describe(session, forcer, 0).id,
            count: sum.count,
            bytes: sum.bytes,
        })
        .collect()
}

/// The longest waits of an owner in syncs.
fn worst(session: &Session, owner: Owned, interval: bool, now: Now) -> Option<Vec<WorstWait>> {
    let complete = session.ledger.has_all_parts(interval);
    let one = |long: &Long| {
        let ago = i64::try_from(now.mono_ns.saturating_sub(long.start_ns)).unwrap_or(i64::MAX);
        let start = now.unix_ns.saturating_sub(ago);
        WorstWait {
            call: long.call,
            file_class: class_of(session, long.row.owner, long.row.file),
            path: session.files.path(long.row.file).map(str::to_owned),
            start: rfc3339(start, session.options.utc_offset_seconds),
            duration_ns: long.duration_ns,
            anatomy: long.parts.of(long.duration_ns, complete),
        }
    };
    let longest = session.worst.of(owner, interval);
    (!longest.is_empty()).then(|| longest.iter().map(one).collect())
}

pub(super) fn describe(session: &Session, owner: Owned, device: u32) -> Actor {
    let nobody = |reason: &str| Actor {
        id: format!("unattributed:{reason}:{}", device_name(session, device)),
        role: Role::Unattributed,
        ..Actor::default()
    };
    match owner {
        Owned::Actor(id) => session.actors.get(id).map(process).unwrap_or_default(),
        Owned::Ended(index) => ended(session.actors.together(index)),
        Owned::Cgroup(index) => cgroup(session, index),
        Owned::Unattributed(reason) => nobody(reason_name(reason)),
        Owned::Overflow => nobody(Count::StreamTableFull.name()),
    }
}

/// Why nobody is named; the numbers are those of [`Reason`].
fn reason_name(reason: u32) -> &'static str {
    const IN_FLIGHT: u32 = Reason::InFlightAtAttach as u32;
    const BEFORE: u32 = Reason::DirtiedBefore as u32;
    const MANY: u32 = Reason::ManyWriters as u32;
    const JOURNAL: u32 = Reason::JournalOthers as u32;
    match reason {
        IN_FLIGHT => Count::InFlightAtAttach.name(),
        BEFORE => "dirtied_before",
        MANY => "many_writers",
        JOURNAL => "journal_others",
        _ => Count::StartNotSeen.name(),
    }
}

/// Processes of one name that ended long ago.
fn ended(name: &str) -> Actor {
    let comm = Some(name.to_owned());
    Actor { id: format!("ended:{name}"), comm, exited: true, ..Actor::default() }
}

fn cgroup(session: &Session, index: u32) -> Actor {
    let Some((id, path)) = session.streams.cgroup(index).cloned() else {
        return Actor { id: format!("cgroup:index-{index}"), ..Actor::default() };
    };
    let unit = path.as_deref().and_then(crate::cgroup::unit).map(str::to_owned);
    Actor { id: format!("cgroup:{id}"), cgroup: path, unit, ..Actor::default() }
}

fn process(known: &Known) -> Actor {
    let facts = &known.facts;
    let started = facts.key.start_ticks != 0;
    let pod = facts.pod().map(|pod| Pod { container: pod.container_id, ..Pod::default() });
    Actor {
        id: facts.key.to_string(),
        pid: Some(facts.key.pid),
        start_ns: started.then(|| facts.key.start_ns()),
        comm: (!facts.comm.is_empty()).then(|| facts.comm.clone()),
        exe: facts.exe.clone(),
        argv: (!facts.argv.is_empty()).then(|| facts.argv.clone()),
        role: known.role,
        cgroup: facts.cgroup.best().map(str::to_owned),
        unit: facts.unit().map(str::to_owned),
        pod,
        exited: known.exited,
        ..Actor::default()
    }
}
