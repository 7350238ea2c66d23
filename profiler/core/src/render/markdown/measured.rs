//! What was measured: waits, devices, everybody's IO, and who everybody is.

use std::io::{self, Write};

use super::escape::{code, text};
use super::table::{self, left, right};
use super::{entry, say, section};
use crate::render::text::io_rows::{self, IoRow};
use crate::render::text::lines::ABSENT;
use crate::render::text::{anatomy, interval, summary, who as names};
use crate::render::{Style, units};
use crate::report::{Actor, Device, Lat, Report};
use crate::text::{Label, Msg, findings as words, label};

/// Rows of IO of others than targets.
const OTHERS: usize = 20;

fn time(ns: Option<u64>, style: &Style) -> String {
    ns.map_or_else(|| ABSENT.to_owned(), |ns| units::duration(ns, style))
}

fn path(path: Option<&str>, style: &Style) -> String {
    path.map_or_else(|| ABSENT.to_owned(), |path| code(path, style))
}

/// Writes the longest syncs of each target, taken apart.
pub(super) fn worst(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let targets = report.actors.iter().filter(|actor| report.is_target(&actor.id));
    let waits =
        targets.flat_map(|actor| actor.worst.iter().flatten().map(move |wait| (actor, wait)));
    let rows: Vec<Vec<String>> = waits
        .map(|(actor, wait)| {
            vec![
                text(&names::name(actor, style), style),
                text(&wait.start, style),
                wait.call.name().to_owned(),
                wait.file_class.name().to_owned(),
                path(wait.path.as_deref(), style),
                units::duration(wait.duration_ns, style),
                anatomy::shares(&wait.anatomy, style).join(", "),
            ]
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    section(Label::TicketWorst, style, out)?;
    let spec = [
        left(Label::Victim),
        left(Label::Began),
        left(Label::Call),
        left(Label::Class),
        left(Label::Path),
        right(Label::Took),
        left(Label::Parts),
    ];
    table::write(&spec, &rows, style, out)
}

/// Writes how long the targets waited in each call.
pub(super) fn waits(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    section(Label::TicketWaits, style, out)?;
    let quantiles = |lat: &Lat| {
        let times = [lat.mean_ns, lat.p50_ns, lat.p99_ns, lat.max_ns];
        let times = times.map(|ns| time(ns, style));
        std::iter::once(units::count(lat.count)).chain(times)
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (actor, wait) in interval::target_waits(report) {
        let mut cells = vec![
            text(&names::name(actor, style), style),
            wait.call.name().to_owned(),
            wait.file_class.name().to_owned(),
            path(wait.path.as_deref(), style),
        ];
        cells.extend(quantiles(&wait.latency));
        let parts = wait.anatomy.as_ref().map(|parts| anatomy::shares(parts, style).join(", "));
        cells.push(parts.unwrap_or_else(|| ABSENT.to_owned()));
        rows.push(cells);
    }
    for (actor, lat) in interval::run_queues(report) {
        let absent = || ABSENT.to_owned();
        let mut cells = vec![text(&names::name(actor, style), style)];
        cells.extend([label(style.lang, Label::RunQueue).to_owned(), absent(), absent()]);
        cells.extend(quantiles(lat));
        cells.push(absent());
        rows.push(cells);
    }
    if rows.is_empty() {
        return writeln!(out, "{}\n", say(&Msg::NoWaits, style));
    }
    let spec = [
        left(Label::Victim),
        left(Label::Call),
        left(Label::Class),
        left(Label::Path),
        right(Label::Count),
        right(Label::Mean),
        right(Label::P50),
        right(Label::P99),
        right(Label::Max),
        left(Label::Parts),
    ];
    table::write(&spec, &rows, style, out)
}

/// Writes the devices, and the file systems on them with their mount options.
pub(super) fn devices(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if report.devices.is_empty() {
        return Ok(());
    }
    section(Label::TicketDevices, style, out)?;
    let spec = [
        left(Label::Device),
        left(Label::Scheduler),
        left(Label::Rotational),
        right(Label::Requests),
        right(Label::Bytes),
        right(Label::Flushes),
        right(Label::Busy),
        right(Label::Depth),
        right(Label::Q2dP99),
        right(Label::D2cP99),
        right(Label::Q2cP99),
        right(Label::Q2cMax),
    ];
    let duration_ns = report.window.duration_ns;
    let rows: Vec<Vec<String>> =
        report.devices.iter().map(|device| cells(device, duration_ns, style)).collect();
    table::write(&spec, &rows, style, out)?;
    let mut any = false;
    for device in &report.devices {
        for fs in device.filesystems.iter().flatten() {
            any = true;
            let options = fs.options.as_deref().unwrap_or(ABSENT);
            let (name, point) = (text(&device.name, style), code(&fs.mount_point, style));
            let (fstype, options) = (text(&fs.fstype, style), code(options, style));
            let msg =
                Msg::Mounted { device: &name, fstype: &fstype, point: &point, options: &options };
            entry(&say(&msg, style), out)?;
        }
    }
    if any { writeln!(out) } else { Ok(()) }
}

fn cells(device: &Device, duration_ns: u64, style: &Style) -> Vec<String> {
    let known = |text: Option<String>| text.unwrap_or_else(|| ABSENT.to_owned());
    let p99 = |lat: &Option<Lat>| time(lat.as_ref().and_then(|lat| lat.p99_ns), style);
    let yes_no = |yes| label(style.lang, if yes { Label::Yes } else { Label::No }).to_owned();
    vec![
        text(&device.name, style),
        known(device.scheduler.as_deref().map(|name| text(name, style))),
        known(device.rotational.map(yes_no)),
        units::count(device.ios),
        units::bytes(device.bytes),
        known(device.flush_commands.map(units::count)),
        known(device.busy_ns.and_then(|busy| units::share(busy, duration_ns))),
        known(device.depth.map(|depth| units::decimal(depth.mean))),
        p99(&device.q2d),
        p99(&device.d2c),
        p99(&device.q2c),
        time(device.q2c.as_ref().and_then(|lat| lat.max_ns), style),
    ]
}

/// Writes everybody's IO with its latency, and the total.
pub(super) fn io(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    section(Label::TicketIo, style, out)?;
    let rows = io_rows::rows(report);
    if rows.is_empty() {
        return writeln!(out, "{}\n", say(&Msg::NoIo, style));
    }
    let spec = [
        left(Label::Actor),
        left(Label::Class),
        left(Label::Device),
        left(Label::Op),
        left(Label::Method),
        right(Label::Requests),
        right(Label::Bytes),
        right(Label::DeviceTime),
        right(Label::Q2dP99),
        right(Label::D2cP99),
        right(Label::Q2cP50),
        right(Label::Q2cP99),
        right(Label::Q2cMax),
    ];
    let targets = rows.iter().filter(|row| row.target).count();
    let (shown, rest) = rows.split_at(rows.len().min(targets + OTHERS));
    let mut lines: Vec<Vec<String>> = shown.iter().map(|row| io_cells(row, style)).collect();
    let mut sum = |words: String, rows: &[IoRow<'_>]| {
        let (requests, bytes) = io_rows::sums(rows);
        let mut cells = vec![String::new(); spec.len()];
        (cells[0], cells[5], cells[6]) = (words, units::count(requests), units::bytes(bytes));
        lines.push(cells);
    };
    if !rest.is_empty() {
        sum(say(&Msg::SmallRows(&units::count(rest.len() as u64)), style), rest);
    }
    sum(label(style.lang, Label::Total).to_owned(), &rows);
    table::write(&spec, &lines, style, out)
}

fn io_cells(row: &IoRow<'_>, style: &Style) -> Vec<String> {
    io_rows::total_cells(row, style).iter().map(|cell| text(cell, style)).collect()
}

/// Writes who the actors with IO are: where they run, who started them, and their command line.
pub(super) fn who(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let rows = io_rows::rows(report);
    let actors: Vec<&Actor> =
        summary::shown_actors(&rows).into_iter().filter(|actor| actor.pid.is_some()).collect();
    if actors.is_empty() {
        return Ok(());
    }
    section(Label::TicketWho, style, out)?;
    for actor in actors {
        let mut facts = vec![text(&names::name(actor, style), style)];
        facts.extend(names::place(actor).map(|place| code(&place, style)));
        facts.extend(actor.started_by.as_ref().map(|starter| {
            let name = text(&starter.name, style);
            say(&Msg::StartedBy(&words::starter(style.lang, starter.how, &name)), style)
        }));
        if actor.exited {
            facts.push(label(style.lang, Label::Exited).to_owned());
        }
        facts.push(code(&names::command(actor, style), style));
        entry(&facts.join(", "), out)?;
    }
    writeln!(out)
}
