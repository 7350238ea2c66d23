//! The table of who did which IO, for an interval (rates) and for the summary (totals).

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

use super::lines::{ABSENT, head, say};
use super::table::{self, Column, Row};
use super::who;
use crate::render::safe::printable;
use crate::render::{Style, units};
use crate::report::{Actor, Io, Lat, Report};
use crate::text::{Label, Msg};

/// One row's data: an actor's IO of one operation, device and file class, by whatever method.
pub(in crate::render) struct IoRow<'a> {
    /// Who.
    pub(super) actor: &'a Actor,
    /// The actor is a target.
    pub(in crate::render) target: bool,
    /// What, in the parts that the report tells apart by method; at least one.
    parts: Vec<&'a Io>,
}

impl<'a> IoRow<'a> {
    fn count(&self) -> u64 {
        self.parts.iter().map(|part| part.count).sum()
    }

    fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    fn device_ns(&self) -> u64 {
        self.parts.iter().filter_map(|part| part.d2c.as_ref()).map(|d2c| d2c.sum_ns).sum()
    }

    fn lat(&self, of: fn(&Io) -> Option<&Lat>) -> Option<Cow<'a, Lat>> {
        match self.parts.as_slice() {
            [one] => of(one).map(Cow::Borrowed),
            many => Lat::merged(many.iter().filter_map(|part| of(part))).map(Cow::Owned),
        }
    }
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
pub(in crate::render) fn rows(report: &Report) -> Vec<IoRow<'_>> {
    let mut rows: Vec<IoRow<'_>> = report.actors.iter().flat_map(|one| of(report, one)).collect();
    rows.sort_by_cached_key(|row| {
        let busiest = (Reverse(row.target), Reverse(row.device_ns()), Reverse(row.bytes()));
        (busiest, row.actor.id.as_str())
    });
    rows
}

fn of<'a>(report: &'a Report, actor: &'a Actor) -> impl Iterator<Item = IoRow<'a>> {
    let target = report.is_target(&actor.id);
    let mut groups: BTreeMap<_, Vec<&Io>> = BTreeMap::new();
    for part in actor.io.iter().filter(|part| part.count > 0 || part.bytes > 0) {
        groups.entry((&part.device, part.file_class, part.op)).or_default().push(part);
    }
    groups.into_values().map(move |parts| IoRow { actor, target, parts })
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
    let cells = match kind {
        Kind::Rates => {
            let duration_ns = report.window.duration_ns;
            let much = units::per_second(row.count(), duration_ns);
            cells(row, (much, units::byte_rate(row.bytes(), duration_ns)), style)
        }
        Kind::Totals => total_cells(row, style),
    };
    Row { cells, strong: row.target }
}

/// The cells of a row of totals, in the order of the columns.
pub(in crate::render) fn total_cells(row: &IoRow<'_>, style: &Style) -> Vec<String> {
    cells(row, (Some(units::count(row.count())), Some(units::bytes(row.bytes()))), style)
}

fn cells(
    row: &IoRow<'_>,
    (much, bytes): (Option<String>, Option<String>),
    style: &Style,
) -> Vec<String> {
    let Some(first) = row.parts.first() else { return Vec::new() };
    let time =
        |ns: Option<u64>| ns.map_or_else(|| ABSENT.to_owned(), |ns| units::duration(ns, style));
    let d2c = row.lat(|io| io.d2c.as_ref());
    let q2c = row.lat(|io| io.q2c.as_ref());
    let methods: Vec<&str> = row.parts.iter().map(|part| part.method.name()).collect();
    vec![
        who::name(row.actor, style),
        first.file_class.name().to_owned(),
        printable(&first.device, style),
        first.op.name().to_owned(),
        methods.join("+"),
        much.unwrap_or_else(|| ABSENT.to_owned()),
        bytes.unwrap_or_else(|| ABSENT.to_owned()),
        time(d2c.as_ref().map(|lat| lat.sum_ns)),
        time(row.lat(|io| io.q2d.as_ref()).and_then(|lat| lat.p99_ns)),
        time(d2c.and_then(|lat| lat.p99_ns)),
        time(q2c.as_ref().and_then(|lat| lat.p50_ns)),
        time(q2c.as_ref().and_then(|lat| lat.p99_ns)),
        time(q2c.and_then(|lat| lat.max_ns)),
    ]
}

pub(in crate::render) fn sums(rows: &[IoRow<'_>]) -> (u64, u64) {
    let requests = rows.iter().map(IoRow::count).sum();
    (requests, rows.iter().map(IoRow::bytes).sum())
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
