//! The table of who did which IO, for an interval (rates) and for the summary (totals).

use std::cmp::Reverse;
use std::io::{self, Write};

use super::lines::{ABSENT, head, say};
use super::table::{self, Column, Row};
use super::who;
use crate::render::{Style, units};
use crate::report::{Actor, Io, Lat, Report};
use crate::text::{Label, Msg};

/// One row's data.
pub(super) struct IoRow<'a> {
    /// Who.
    pub(super) actor: &'a Actor,
    /// The actor is a target.
    pub(super) target: bool,
    /// What.
    pub(super) io: &'a Io,
}

/// Whether a table shows rates or totals.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Per second, for an interval.
    Rates,
    /// Of the whole window, with a line for the total.
    Totals,
}

/// All rows: targets first, then others; within each the longest device time first.
pub(super) fn rows(report: &Report) -> Vec<IoRow<'_>> {
    let row = |actor, target| move |io| IoRow { actor, target, io };
    let mut rows: Vec<_> = report
        .actors
        .iter()
        .flat_map(|actor| actor.io.iter().map(row(actor, report.is_target(&actor.id))))
        .filter(|row| row.io.count > 0 || row.io.bytes > 0)
        .collect();
    rows.sort_by_key(|row| {
        let device_ns = row.io.d2c.as_ref().map_or(0, |d2c| d2c.sum_ns);
        (Reverse(row.target), Reverse(device_ns), Reverse(row.io.bytes), &row.actor.id)
    });
    rows
}

/// Writes the rows; of those that are not targets' at most `most`, and a line for the rest.
pub(super) fn write(
    report: &Report,
    rows: &[IoRow<'_>],
    (kind, most): (Kind, usize),
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "{}", say(&Msg::NoIo, style));
    }
    let targets = rows.iter().filter(|row| row.target).count();
    let (shown, rest) = rows.split_at(rows.len().min(targets + most));
    let spec = columns(kind);
    let mut lines: Vec<Row> = shown.iter().map(|row| line(report, row, kind, style)).collect();
    if kind == Kind::Totals && rest.is_empty() {
        lines.push(total(rows, &spec, style));
    }
    table::write(&spec, &lines, style, out)?;
    if !rest.is_empty() {
        writeln!(out, "{}", say_rest(rest, style))?;
        if kind == Kind::Totals {
            writeln!(out, "{}", say_total(rows, style))?;
        }
    }
    Ok(())
}

fn columns(kind: Kind) -> Vec<Column> {
    let (much, bytes) = match kind {
        Kind::Rates => (Label::Iops, Label::Rate),
        Kind::Totals => (Label::Requests, Label::Bytes),
    };
    vec![
        Column::left(Label::Actor, 0),
        Column::left(Label::Class, 0),
        Column::left(Label::Device, 4),
        Column::left(Label::Op, 0),
        Column::left(Label::Method, 7),
        Column::right(much, 0),
        Column::right(bytes, 0),
        Column::right(Label::DeviceTime, if kind == Kind::Rates { 8 } else { 2 }),
        Column::right(Label::Q2dP99, 3),
        Column::right(Label::D2cP99, 2),
        Column::right(Label::Q2cP50, 6),
        Column::right(Label::Q2cP99, 0),
        Column::right(Label::Q2cMax, 5),
    ]
}

fn line(report: &Report, row: &IoRow<'_>, kind: Kind, style: &Style) -> Row {
    let io = row.io;
    let duration_ns = report.window.duration_ns;
    let (much, bytes) = match kind {
        Kind::Rates => {
            (units::per_second(io.count, duration_ns), units::byte_rate(io.bytes, duration_ns))
        }
        Kind::Totals => (Some(units::count(io.count)), Some(units::bytes(io.bytes))),
    };
    let time = |lat: &Option<Lat>, of: fn(&Lat) -> Option<u64>| {
        let ns = lat.as_ref().and_then(of);
        ns.map_or_else(|| ABSENT.to_owned(), |ns| units::duration(ns, style))
    };
    let cells = vec![
        who::name(row.actor, style),
        io.file_class.name().to_owned(),
        crate::render::safe::printable(&io.device, style),
        io.op.name().to_owned(),
        io.method.name().to_owned(),
        much.unwrap_or_else(|| ABSENT.to_owned()),
        bytes.unwrap_or_else(|| ABSENT.to_owned()),
        time(&io.d2c, |lat| Some(lat.sum_ns)),
        time(&io.q2d, |lat| lat.p99_ns),
        time(&io.d2c, |lat| lat.p99_ns),
        time(&io.q2c, |lat| lat.p50_ns),
        time(&io.q2c, |lat| lat.p99_ns),
        time(&io.q2c, |lat| lat.max_ns),
    ];
    Row { cells, strong: row.target }
}

fn sums(rows: &[IoRow<'_>]) -> (u64, u64) {
    let requests = rows.iter().map(|row| row.io.count).sum();
    (requests, rows.iter().map(|row| row.io.bytes).sum())
}

fn total(rows: &[IoRow<'_>], spec: &[Column], style: &Style) -> Row {
    let (requests, bytes) = sums(rows);
    let cell = |column: &Column| match column.label {
        Label::Actor => head(Label::Total, style).to_owned(),
        Label::Requests => units::count(requests),
        Label::Bytes => units::bytes(bytes),
        _ => String::new(),
    };
    Row { cells: spec.iter().map(cell).collect(), strong: true }
}

fn say_rest(rest: &[IoRow<'_>], style: &Style) -> String {
    let (requests, bytes) = sums(rest);
    let (rows, requests) = (units::count(rest.len() as u64), units::count(requests));
    let bytes = units::bytes(bytes);
    say(&Msg::AndMore { rows: &rows, requests: &requests, bytes: &bytes }, style)
}

fn say_total(rows: &[IoRow<'_>], style: &Style) -> String {
    let (requests, bytes) = sums(rows);
    let (requests, bytes) = (units::count(requests), units::bytes(bytes));
    say(&Msg::InAll { requests: &requests, bytes: &bytes }, style)
}
