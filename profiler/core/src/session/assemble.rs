//! Puts a report together from what a session's books have of its time. Owns the report's shape, no state of its own.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt as _};
use iocontend_wire::count::Count;
use iocontend_wire::key::{DEVICE_OVERFLOW, Reason};
use iocontend_wire::programs;

use super::actors::{AUTO, Known, Owned, selector_name};
use super::books::Books;
use super::streams::{Row, RowKey, What};
use super::worst::Long;
use super::{HostSample, Now, advised, blamed, seconds, self_check};
use crate::facts::{BlockStat, DeviceFacts};
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

/// What a report is of.
#[derive(Clone, Copy)]
pub(super) struct Extent<'a> {
    pub(super) from: Now,
    pub(super) to: Now,
    /// The host at the begin and at the end.
    pub(super) before: &'a HostSample,
    pub(super) after: &'a HostSample,
    /// Since counting began: what is known of that time only is told too.
    pub(super) is_whole: bool,
}

/// The report of these books, which have what belongs to its time.
pub(super) fn report(books: &Books, of: Extent<'_>) -> Report {
    let Extent { from, to: now, before, after, is_whole } = of;
    let duration_ns = now.mono_ns.saturating_sub(from.mono_ns);
    let window =
        Window::new(from.unix_ns, now.unix_ns, books.options.utc_offset_seconds, duration_ns);
    let host = Host { psi_io: psi(before, after), ..books.options.host.clone() };
    let mut report = Report::new(books.options.tool.clone(), host, window);
    let rows = books.streams.all();

    let options = &books.options;
    let shown = CommandLinesShown::of(options.command_lines, options.recorded_command_lines);
    report.command_lines = Some(shown);
    report.targets = targets(books);
    report.devices = devices(books, rows, before, after, duration_ns);
    report.actors = actors(books, rows, is_whole, now);
    let mut attribution = Attribution::default();
    for io in report.actors.iter().flat_map(|actor| &actor.io) {
        attribution.add(io.method, io.bytes);
    }
    // Merges and requeues happen to requests that are counted themselves; run-queue delays are told by no record.
    let is_event = |key: &RowKey| !matches!(key.what, What::Merge | What::Requeue | What::RunQueue);
    let events = rows.iter().filter(|(key, _)| is_event(key));
    let counted = events.fold(0, |sum: u64, (_, row)| sum.wrapping_add(row.count));
    let io_bytes = report.devices.iter().fold(0, |sum: u64, device| sum.wrapping_add(device.bytes));
    let missed = if is_whole { missed(books, &report.devices) } else { 0 };
    report.coverage = books.ledger.coverage(is_whole, counted, missed, io_bytes, attribution);
    report.blame = blamed::blame(books, rows);
    report.timeline = seconds::timeline(books, from.mono_ns, now);
    report.stalls = seconds::stalls(books, now);
    report.coverage.notes.extend(seconds::forgotten(books));
    if is_whole {
        report.coverage.self_check = self_check::self_checks(books, rows);
        report.activity = Some(books.activities.report(&books.beside(), now));
        report.coverage.notes.extend(books.activities.notes(&books.beside(), now));
        report.alone_vs_shared = blamed::alone_vs_shared(books);
        let requests = report.devices.iter().fold(0, |sum: u64, one| sum.wrapping_add(one.ios));
        let lost = books.ledger.count(Count::RingFullIo);
        report.coverage.blame = blamed::coverage(books, lost, requests);
        report.advice = advised::advice(books, &report);
    }
    for count in Count::ALL {
        let value = books.ledger.count(count);
        if value > 0 {
            report.coverage.notes.extend(Note::counter(count, value));
        }
    }
    report
}

/// Requests that the kernel counted and no probe saw. A kernel may leave a program out without saying so.
fn missed(books: &Books, devices: &[Device]) -> u64 {
    let seen = |dev: Dev| {
        let same = |device: &&Device| (device.major, device.minor) == (dev.major, dev.minor);
        devices.iter().find(same).map_or(0, |device| device.ios)
    };
    let completed = &books.ledger.kernel_completed;
    let missed = completed.iter().map(|(dev, count)| count.saturating_sub(seen(*dev)));
    missed.fold(0, u64::saturating_add)
}

fn targets(books: &Books) -> Vec<Target> {
    let selectors = books.actors.selectors();
    let indices = if selectors.is_empty() { vec![AUTO] } else { (0..selectors.len()).collect() };
    indices
        .into_iter()
        .map(|index| Target {
            selector: selector_name(selectors, index),
            actors: books.actors.selected(index).map(|known| known.facts.key.to_string()).collect(),
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
pub(super) fn device_name(books: &Books, index: u32) -> String {
    if index == DEVICE_OVERFLOW {
        return "other-devices".to_owned();
    }
    let Some(dev) = books.streams.device(index) else { return format!("device-{index}") };
    books.device(dev).map_or_else(|| dev.to_string(), |facts| facts.name.clone())
}

fn devices(
    books: &Books,
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
    let counts = |program| books.ledger.is_attached(program);
    let mut devices: Vec<Device> = by_device
        .into_iter()
        .map(|(index, rows)| {
            let mut device = device(books, index, &rows.ops, duration_ns);
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

fn device(books: &Books, index: u32, ops: &BTreeMap<Op, Row>, duration_ns: u64) -> Device {
    let mut all = Row::default();
    for row in ops.values() {
        all.merge(row);
    }
    let dev = books.streams.device(index).unwrap_or(Dev { major: 0, minor: 0 });
    let facts = books.device(dev);
    Device {
        name: device_name(books, index),
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

fn actors(books: &Books, rows: &HashMap<RowKey, Row>, is_whole: bool, now: Now) -> Vec<Actor> {
    let mut by_owner: BTreeMap<(Owned, u32), ActorRows> = BTreeMap::new();
    for (key, row) in rows {
        // What nobody owns is one pseudo-actor per device.
        let device = if matches!(key.owner, Owned::Actor(_) | Owned::Ended(_) | Owned::Cgroup(_)) {
            0
        } else {
            key.device
        };
        let class = books.class_of(key.owner, key.file);
        let place = by_owner.entry((key.owner, device)).or_default();
        match key.what {
            What::Io(op) => {
                place.io.entry((key.device, op, class, key.method)).or_default().merge(row);
            }
            What::Wait(call) => {
                let (waits, paths) = place.waits.entry((call, class)).or_default();
                waits.merge(row);
                paths.add(books.files.path(key.file));
            }
            What::RunQueue => place.run_queue.merge(row),
            What::FlushCommand | What::Merge | What::Requeue => {}
        }
    }
    if is_whole {
        for (id, _) in books.actors.reported() {
            by_owner.entry((Owned::Actor(id), 0)).or_default();
        }
    }
    let active = if is_whole { books.blame.active() } else { HashMap::new() };
    by_owner
        .into_iter()
        .filter(|((owner, _), rows)| {
            matches!(owner, Owned::Actor(_)) || !rows.io.is_empty() || !rows.waits.is_empty()
        })
        .map(|((owner, device), rows)| {
            let actor = with_rows(books, describe(books, owner, device), rows);
            Actor {
                worst: worst(books, owner, now),
                forced_by: forced_by(books, owner),
                active_ns: active.get(&owner).copied(),
                ..actor
            }
        })
        .collect()
}

fn with_rows(books: &Books, mut actor: Actor, rows: ActorRows) -> Actor {
    let complete = books.ledger.has_all_parts();
    for ((device, op, file_class, method), row) in rows.io {
        actor.io.push(Io {
            device: device_name(books, device),
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
fn forced_by(books: &Books, owner: Owned) -> Vec<ForcedBy> {
    // What nobody is known to have caused is told by device, which these sums are not.
    if matches!(owner, Owned::Unattributed(_) | Owned::Overflow) {
        return Vec::new();
    }
    let forced = books.forced.of(owner).into_iter();
    forced
        .map(|(forcer, sum)| ForcedBy {
            by: describe(books, forcer, 0).id,
            count: sum.count,
            bytes: sum.bytes,
        })
        .collect()
}

/// The longest waits of an owner in syncs.
fn worst(books: &Books, owner: Owned, now: Now) -> Option<Vec<WorstWait>> {
    let complete = books.ledger.has_all_parts();
    let one = |long: &Long| {
        let ago = i64::try_from(now.mono_ns.saturating_sub(long.start_ns)).unwrap_or(i64::MAX);
        let start = now.unix_ns.saturating_sub(ago);
        WorstWait {
            call: long.call,
            file_class: books.class_of(long.row.owner, long.row.file),
            path: books.files.path(long.row.file).map(str::to_owned),
            start: rfc3339(start, books.options.utc_offset_seconds),
            duration_ns: long.duration_ns,
            anatomy: long.parts.of(long.duration_ns, complete),
        }
    };
    let longest = books.worst.of(owner);
    (!longest.is_empty()).then(|| longest.iter().map(one).collect())
}

pub(super) fn describe(books: &Books, owner: Owned, device: u32) -> Actor {
    let nobody = |reason: &str| Actor {
        id: format!("unattributed:{reason}:{}", device_name(books, device)),
        role: Role::Unattributed,
        ..Actor::default()
    };
    match owner {
        Owned::Actor(id) => books.actors.get(id).map(process).unwrap_or_default(),
        Owned::Ended(index) => ended(books.actors.together(index)),
        Owned::Cgroup(index) => cgroup(books, index),
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

fn cgroup(books: &Books, index: u32) -> Actor {
    let Some((id, path)) = books.streams.cgroup(index).cloned() else {
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
