//! Who did which IO, for an interval (rates) and for the summary (totals).

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::document::{Block, Cell, Column, Row, Section, SectionId, Table};
use super::{Options, names};
use crate::report::{Actor, ForcedBy, Io, Lat, Report};
use crate::text::forced::forced;
use crate::text::{Label, Lang, Msg, text};
use crate::units;

/// Rows of others than targets in a summary.
const OTHERS: usize = 20;
/// The same in an interval.
const OTHERS_NOW: usize = 8;
/// Pairs of whom syncs wrote for.
const FORCED: usize = 3;
/// Fewer bytes than this, written for others, are in the report only.
const WORTH_A_LINE: u64 = 1 << 20;

/// One row's data: an actor's IO of one operation, device and file class, by whatever method.
pub(super) struct IoRow<'a> {
    /// Who.
    actor: &'a Actor,
    /// The actor is a target.
    target: bool,
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
enum Measure {
    /// Per second, for an interval of so many nanoseconds.
    Rates(u64),
    /// Of the whole window, with the total.
    Totals,
}

/// All rows: targets first, then others; within each the longest device time first.
pub(super) fn rows(report: &Report) -> Vec<IoRow<'_>> {
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

/// Each actor of the rows that a summary shows, once, in their order.
pub(super) fn shown_actors<'a>(rows: &[IoRow<'a>]) -> Vec<&'a Actor> {
    let mut actors: Vec<&Actor> = Vec::new();
    for row in split(rows, OTHERS).0 {
        if !actors.iter().any(|actor| actor.id == row.actor.id) {
            actors.push(row.actor);
        }
    }
    actors
}

/// Targets' rows with at most `most` others, and the rest.
fn split<'r, 'a>(rows: &'r [IoRow<'a>], most: usize) -> (&'r [IoRow<'a>], &'r [IoRow<'a>]) {
    let targets = rows.iter().filter(|row| row.target).count();
    rows.split_at(rows.len().min(targets + most))
}

/// The IO of a whole window, and whose syncs wrote out what others had caused.
#[expect(clippy::unnecessary_wraps, reason = "one of the makers, others of which may have nothing")]
pub(super) fn section(report: &Report, options: Options) -> Option<Section> {
    let mut blocks = table(&rows(report), (Measure::Totals, OTHERS), options.lang);
    blocks.extend(forced_by(report, options.lang));
    let section = Section::new(SectionId::Io, Label::IoTitle, blocks);
    Some(Section { remark: Some(Label::IoOrder), ..section })
}

/// The rates of an interval.
pub(super) fn rates(report: &Report, lang: Lang) -> Vec<Block> {
    let measure = Measure::Rates(report.window.duration_ns);
    table(&rows(report), (measure, OTHERS_NOW), lang)
}

/// The rows; of those that are not targets' at most `most`, and a line for the rest.
fn table(rows: &[IoRow<'_>], (measure, most): (Measure, usize), lang: Lang) -> Vec<Block> {
    if rows.is_empty() {
        return vec![Block::said(text(lang, &Msg::NoIo))];
    }
    let (shown, rest) = split(rows, most);
    let columns = columns(measure);
    let mut lines: Vec<Row> = shown.iter().map(|row| line(row, measure)).collect();
    let (requests, bytes) = sums(rows);
    if measure == Measure::Totals && rest.is_empty() {
        let [total, requests, bytes] =
            [Cell::Label(Label::Total), Cell::Count(requests), Cell::Bytes(bytes)];
        let total = Row::sparse(columns.len(), [(0, total), (5, requests), (6, bytes)]);
        lines.push(Row { strong: true, ..total });
    }
    let mut blocks = vec![Block::Table(Table { columns, rows: lines })];
    if !rest.is_empty() {
        blocks.push(Block::said(say_rest(rest, lang)));
        if measure == Measure::Totals {
            let (requests, bytes) = (units::count(requests), units::bytes(bytes));
            let total = text(lang, &Msg::InAll { requests: &requests, bytes: &bytes });
            blocks.push(Block::said(total));
        }
    }
    blocks
}

fn columns(measure: Measure) -> Vec<Column> {
    let (much, bytes, device_time) = match measure {
        Measure::Rates(_) => (Label::Iops, Label::Rate, 8),
        Measure::Totals => (Label::Requests, Label::Bytes, 2),
    };
    vec![
        Column::words(Label::Actor, 0),
        Column::words(Label::Class, 0),
        Column::words(Label::Device, 4),
        Column::words(Label::Op, 0),
        Column::words(Label::Method, 7),
        Column::numbers(much, 0),
        Column::numbers(bytes, 0),
        Column::numbers(Label::DeviceTime, device_time),
        Column::numbers(Label::Q2dP99, 3),
        Column::numbers(Label::D2cP99, 2),
        Column::numbers(Label::Q2cP50, 6),
        Column::numbers(Label::Q2cP99, 0),
        Column::numbers(Label::Q2cMax, 5),
    ]
}

fn line(row: &IoRow<'_>, measure: Measure) -> Row {
    Row { cells: cells(row, measure), strong: row.target }
}

fn cells(row: &IoRow<'_>, measure: Measure) -> Vec<Cell> {
    let Some(first) = row.parts.first() else { return Vec::new() };
    let d2c = row.lat(|io| io.d2c.as_ref());
    let q2c = row.lat(|io| io.q2c.as_ref());
    let methods: Vec<&str> = row.parts.iter().map(|part| part.method.name()).collect();
    let (much, bytes) = match measure {
        Measure::Rates(ns) => {
            (Cell::PerSecond(row.count(), ns), Cell::BytesPerSecond(row.bytes(), ns))
        }
        Measure::Totals => (Cell::Count(row.count()), Cell::Bytes(row.bytes())),
    };
    vec![
        Cell::Name(names::name(row.actor)),
        Cell::Name(first.file_class.name().to_owned()),
        Cell::Name(first.device.clone()),
        Cell::Name(first.op.name().to_owned()),
        Cell::Name(methods.join("+")),
        much,
        bytes,
        Cell::time(d2c.as_ref().map(|lat| lat.sum_ns)),
        Cell::time(row.lat(|io| io.q2d.as_ref()).and_then(|lat| lat.p99_ns)),
        Cell::time(d2c.and_then(|lat| lat.p99_ns)),
        Cell::time(q2c.as_ref().and_then(|lat| lat.p50_ns)),
        Cell::time(q2c.as_ref().and_then(|lat| lat.p99_ns)),
        Cell::time(q2c.and_then(|lat| lat.max_ns)),
    ]
}

fn sums(rows: &[IoRow<'_>]) -> (u64, u64) {
    (rows.iter().map(IoRow::count).sum(), rows.iter().map(IoRow::bytes).sum())
}

fn say_rest(rest: &[IoRow<'_>], lang: Lang) -> String {
    let (requests, bytes) = sums(rest);
    let (rows, requests) = (units::count(rest.len() as u64), units::count(requests));
    let bytes = units::bytes(bytes);
    text(lang, &Msg::AndMore { rows: &rows, requests: &requests, bytes: &bytes })
}

/// Whose syncs wrote out what others had caused: the largest pairs.
fn forced_by(report: &Report, lang: Lang) -> Option<Block> {
    let of = |actor| move |forced| (actor, forced);
    let all = report.actors.iter().flat_map(|actor| actor.forced_by.iter().map(of(actor)));
    let mut pairs: Vec<(&Actor, &ForcedBy)> =
        all.filter(|(_, forced)| forced.bytes >= WORTH_A_LINE).collect();
    pairs.sort_by_key(|(_, forced)| Reverse(forced.bytes));
    Block::list(pairs.into_iter().take(FORCED).map(|(actor, one)| {
        let (by, of) = (names::name_of(report, &one.by), names::name(actor));
        forced(lang, &by, &of, (&units::count(one.count), &units::bytes(one.bytes)))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// Property: the largest pairs are told, small ones are not.
    #[test]
    fn whose_sync_wrote_what() {
        let mut report = sample::report();
        let by = report.actors[0].id.clone();
        let forced = |bytes| ForcedBy { by: by.clone(), count: 310, bytes };
        report.actors[1].forced_by = vec![forced(12_900_000)];
        report.actors[2].forced_by = vec![forced(WORTH_A_LINE - 1)];
        let said = crate::view::tests::in_text(section(&report, Options::default()), 100);
        assert_eq!(said.matches("mostly in syncs").count(), 1, "{said}");
        assert!(said.contains("mostly in syncs: 310 requests, 12.3 MiB"), "{said}");
    }
}
