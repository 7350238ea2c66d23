//! Who made the targets wait, by how much; and how long they waited without and with each culprit.

use super::Options;
use super::document::{Block, Cell, Column, Row, Section, SectionId, Table};
use super::matrix::{self, MatrixRow};
use super::names::name_of;
use crate::diagnosis::groups::Groups;
use crate::report::{ANYBODY, AloneVsShared, Lat, Report};
use crate::text::{Label, Msg, text};
use crate::units;

/// Rows of the comparison, those with most waits beside the culprit.
const COMPARED: usize = 6;

const MATRIX: [Column; 7] = [
    Column::words(Label::DueTo, 0),
    Column::words(Label::Victim, 3),
    Column::words(Label::Call, 0),
    Column::words(Label::Device, 4),
    Column::numbers(Label::TimeWaited, 0),
    Column::numbers(Label::Share, 0),
    Column::words(Label::How, 2),
];

/// The matrix; `None` when blame was not computed.
pub(super) fn matrix(report: &Report, options: Options) -> Option<Section> {
    let matrix = matrix::of(report)?;
    let groups = &Groups::of(report);
    let mut rows: Vec<Row> =
        matrix.rows.iter().map(|row| Row::plain(cells(report, groups, row))).collect();
    let sum = |words, ns| Row::sparse(MATRIX.len(), [(0, words), (4, Cell::Time(ns))]);
    let (others, others_ns) = matrix.rest;
    if others > 0 {
        let words = text(options.lang, &Msg::SmallRows(&units::count(others as u64)));
        rows.push(sum(Cell::Words(words), others_ns));
    }
    rows.push(sum(Cell::Label(Label::Total), matrix.total_ns));
    let table = Table { columns: MATRIX.to_vec(), rows };
    Some(Section::new(SectionId::Blame, Label::BlameTitle, vec![Block::Table(table)]))
}

fn cells(report: &Report, groups: &Groups<'_>, row: &MatrixRow<'_>) -> Vec<Cell> {
    let due_to = |id: &str, is_several: bool| {
        let group = groups.group(id).filter(|_| is_several);
        group.map_or_else(|| name_of(report, id), |group| groups.name(group))
    };
    vec![
        Cell::Name(row.due_to(due_to)),
        Cell::Name(name_of(report, row.victim)),
        Cell::Words(row.waited_in()),
        Cell::known(row.device.map(|name| Cell::Name(name.to_owned()))),
        Cell::Time(row.wait_ns),
        Cell::Share(row.wait_ns, row.whole_ns),
        row.how(),
    ]
}

const BESIDE: [Column; 9] = [
    Column::words(Label::Culprit, 0),
    Column::words(Label::Victim, 3),
    Column::words(Label::Call, 2),
    Column::numbers(Label::AloneCount, 1),
    Column::numbers(Label::AloneMean, 0),
    Column::numbers(Label::AloneP99, 0),
    Column::numbers(Label::SharedCount, 1),
    Column::numbers(Label::SharedMean, 0),
    Column::numbers(Label::SharedP99, 0),
];

/// Waits without and with each culprit; `None` when they were not compared.
pub(super) fn beside(report: &Report, _: Options) -> Option<Section> {
    let row = |row: &AloneVsShared| {
        let mut cells = vec![
            Cell::Name(name_of(report, &row.culprit)),
            Cell::Name(name_of(report, &row.victim)),
            Cell::Name(row.call.name().to_owned()),
        ];
        cells.extend([&row.alone, &row.shared].into_iter().flat_map(|lat| side(lat.as_ref())));
        Row::plain(cells)
    };
    let rows: Vec<Row> = compared(report).into_iter().map(row).collect();
    let table = (!rows.is_empty()).then(|| Table { columns: BESIDE.to_vec(), rows })?;
    Some(Section::new(SectionId::Beside, Label::BesideTitle, vec![Block::Table(table)]))
}

/// The rows worth showing: those that were beside something, the most first. `anybody` only where there were several.
fn compared(report: &Report) -> Vec<&AloneVsShared> {
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
fn side(lat: Option<&Lat>) -> [Cell; 3] {
    let of = |value: fn(&Lat) -> Option<u64>| Cell::time(lat.and_then(value));
    let count = lat.map_or(0, |lat| lat.count);
    [Cell::Count(count), of(|lat| lat.mean_ns), of(|lat| lat.p99_ns)]
}
