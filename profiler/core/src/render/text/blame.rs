//! Who made the targets wait, by how much; and how long they waited without and with each culprit.

use std::io::{self, Write};

use super::lines::{ABSENT, head, say, title};
use super::table::{self, Column, Row};
use super::who;
use crate::render::matrix::{self, MatrixRow};
use crate::render::safe::printable;
use crate::render::{Style, units};
use crate::report::{ANYBODY, AloneVsShared, Lat, Report};
use crate::text::{Label, Msg};

/// Rows of the comparison, those with most waits beside the culprit.
const COMPARED: usize = 6;

/// Writes the matrix; nothing when blame was not computed.
pub(super) fn matrix(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let Some(matrix) = matrix::of(report) else { return Ok(()) };
    title(Label::BlameTitle, style, out)?;
    let spec = [
        Column::left(Label::DueTo, 0),
        Column::left(Label::Victim, 3),
        Column::left(Label::Call, 0),
        Column::left(Label::Device, 4),
        Column::right(Label::TimeWaited, 0),
        Column::right(Label::Share, 0),
        Column::left(Label::How, 2),
    ];
    let mut rows: Vec<Row> = matrix
        .rows
        .iter()
        .map(|row| Row { cells: cells(report, row, style), strong: false })
        .collect();
    let (others, others_ns) = matrix.rest;
    if others > 0 {
        let words = say(&Msg::SmallRows(&units::count(others as u64)), style);
        rows.push(sum(words, others_ns, style));
    }
    rows.push(sum(head(Label::Total, style).to_owned(), matrix.total_ns, style));
    table::write(&spec, &rows, style, out)
}

fn cells(report: &Report, row: &MatrixRow<'_>, style: &Style) -> Vec<String> {
    let absent = || ABSENT.to_owned();
    vec![
        who::name_of(report, row.culprit, style),
        who::name_of(report, row.victim, style),
        row.waited_in(),
        row.device.map_or_else(absent, |name| printable(name, style)),
        units::duration(row.wait_ns, style),
        row.share().unwrap_or_else(absent),
        row.how(),
    ]
}

fn sum(words: String, wait_ns: u64, style: &Style) -> Row {
    let mut cells = vec![String::new(); 7];
    (cells[0], cells[4]) = (words, units::duration(wait_ns, style));
    Row { cells, strong: false }
}

/// Writes waits without and with each culprit; nothing when they were not compared.
pub(super) fn beside(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let rows = compared(report);
    if rows.is_empty() {
        return Ok(());
    }
    title(Label::BesideTitle, style, out)?;
    let spec = [
        Column::left(Label::Culprit, 0),
        Column::left(Label::Victim, 3),
        Column::left(Label::Call, 2),
        Column::right(Label::AloneCount, 1),
        Column::right(Label::AloneMean, 0),
        Column::right(Label::AloneP99, 0),
        Column::right(Label::SharedCount, 1),
        Column::right(Label::SharedMean, 0),
        Column::right(Label::SharedP99, 0),
    ];
    let rows: Vec<Row> = rows
        .into_iter()
        .map(|row| {
            let mut cells = vec![
                who::name_of(report, &row.culprit, style),
                who::name_of(report, &row.victim, style),
            ];
            cells.push(row.call.name().to_owned());
            cells.extend(
                [&row.alone, &row.shared].into_iter().flat_map(|lat| side(lat.as_ref(), style)),
            );
            Row { cells, strong: false }
        })
        .collect();
    table::write(&spec, &rows, style, out)
}

/// The rows worth showing: those that were beside something, the most first. `anybody` only where there were several.
pub(in crate::render) fn compared(report: &Report) -> Vec<&AloneVsShared> {
    let of = |row: &AloneVsShared| row.shared.as_ref().map_or(0, |lat| lat.count);
    let all: Vec<&AloneVsShared> =
        report.alone_vs_shared.iter().flatten().filter(|row| of(row) > 0).collect();
    let waits = |row: &AloneVsShared| (row.victim.clone(), row.call);
    let is_one_of_several = |row: &&&AloneVsShared| {
        let same = all.iter().filter(|one| waits(one) == waits(row));
        row.culprit != ANYBODY || same.count() > 2
    };
    let mut rows: Vec<&AloneVsShared> = all.iter().filter(is_one_of_several).copied().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(of(row)));
    rows.truncate(COMPARED);
    rows
}

/// Count, mean and 99th percentile of one side.
pub(in crate::render) fn side(lat: Option<&Lat>, style: &Style) -> [String; 3] {
    let time =
        |ns: Option<u64>| ns.map_or_else(|| ABSENT.to_owned(), |ns| units::duration(ns, style));
    let count = lat.map_or(0, |lat| lat.count);
    let of = |value: fn(&Lat) -> Option<u64>| time(lat.and_then(value));
    [units::count(count), of(|lat| lat.mean_ns), of(|lat| lat.p99_ns)]
}
