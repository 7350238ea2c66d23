//! Devices: a line each in an interval, a table in the summary.

use std::io::{self, Write};

use super::lines::{ABSENT, joined, say};
use super::table::{self, Column, Row};
use crate::render::safe::printable;
use crate::render::{Style, units};
use crate::report::{Device, Report};
use crate::text::{Label, Msg};

/// Writes one device's line of an interval: rates, busy share, depth, flushes.
pub(super) fn line(
    device: &Device,
    duration_ns: u64,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let absent = || ABSENT.to_owned();
    let name = printable(&device.name, style);
    let iops = units::per_second(device.ios, duration_ns).unwrap_or_else(absent);
    let rate = units::byte_rate(device.bytes, duration_ns).unwrap_or_else(absent);
    let mut facts = vec![say(&Msg::DeviceLine { name: &name, iops: &iops, rate: &rate }, style)];
    if let Some(busy) = device.busy_ns.and_then(|busy| units::share(busy, duration_ns)) {
        facts.push(say(&Msg::Busy(&busy), style));
    }
    if let Some(depth) = device.depth {
        facts.push(say(&Msg::Depth(&units::decimal(depth.mean)), style));
    }
    let flushes = device.flush_commands.and_then(|count| units::per_second(count, duration_ns));
    if let Some(flushes) = flushes {
        facts.push(say(&Msg::FlushRate(&flushes), style));
    }
    writeln!(out, "{}", joined(&facts, style))
}

/// Writes the table of all devices.
pub(super) fn section(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let spec = [
        Column::left(Label::Device, 0),
        Column::left(Label::Scheduler, 2),
        Column::left(Label::Filesystems, 3),
        Column::right(Label::Requests, 0),
        Column::right(Label::Bytes, 0),
        Column::right(Label::Flushes, 4),
        Column::right(Label::Busy, 0),
        Column::right(Label::Depth, 5),
        Column::right(Label::Q2dP99, 1),
        Column::right(Label::D2cP99, 1),
        Column::right(Label::Q2cP99, 1),
        Column::right(Label::Q2cMax, 6),
    ];
    let rows: Vec<Row> = report
        .devices
        .iter()
        .map(|device| Row { cells: cells(device, report.window.duration_ns, style), strong: false })
        .collect();
    table::write(&spec, &rows, style, out)
}

fn cells(device: &Device, duration_ns: u64, style: &Style) -> Vec<String> {
    let known = |text: Option<String>| text.unwrap_or_else(|| ABSENT.to_owned());
    let time = |ns: Option<u64>| known(ns.map(|ns| units::duration(ns, style)));
    let p99 = |lat: &Option<crate::report::Lat>| time(lat.as_ref().and_then(|lat| lat.p99_ns));
    vec![
        printable(&device.name, style),
        known(device.scheduler.as_deref().map(|name| printable(name, style))),
        known(filesystems(device, style)),
        units::count(device.ios),
        units::bytes(device.bytes),
        known(device.flush_commands.map(units::count)),
        known(device.busy_ns.and_then(|busy| units::share(busy, duration_ns))),
        known(device.depth.map(|depth| units::decimal(depth.mean))),
        p99(&device.q2d),
        p99(&device.d2c),
        p99(&device.q2c),
        time(device.q2c.as_ref().and_then(|lat| lat.max_ns)),
    ]
}

/// The first file systems by name, with a count of the rest.
fn filesystems(device: &Device, style: &Style) -> Option<String> {
    let all = device.filesystems.as_ref().filter(|all| !all.is_empty())?;
    let first = all.first().map(|one| format!("{} {}", one.fstype, one.mount_point))?;
    let first = crate::render::safe::shorten(&printable(&first, style), 24, style);
    Some(if all.len() > 1 { format!("{first} +{}", all.len() - 1) } else { first })
}
