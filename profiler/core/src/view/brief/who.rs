//! Who or what took the time, a row each, all shares of one base.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::super::document::{Cell, Column, Row, Section, SectionId, Table};
use super::super::matrix::mechanism_name;
use super::super::{Block, names};
use super::Case;
use crate::diagnosis::causes::{By, Cause, Causes};
use crate::diagnosis::charges::Culprit;
use crate::text::Label;
use crate::text::brief::{self as words, Nobody};

/// Rows, the small ones together in the last.
const SHOWN: usize = 5;
/// Mechanisms that a row names.
const NAMED: usize = 2;

const WHO: [Column; 5] = [
    Column::words(Label::BriefWho, 0),
    Column::numbers(Label::BriefWait, 0),
    Column::numbers(Label::Share, 0),
    Column::words(Label::How, 2),
    Column::words(Label::BriefSeen, 3),
];

pub(super) fn section(case: &Case<'_, '_>) -> Option<Section> {
    let causes = case.causes?;
    let shown = if causes.all.len() > SHOWN { SHOWN - 1 } else { SHOWN };
    let mut known = HashSet::new();
    let mut rows: Vec<Row> = Vec::new();
    for cause in causes.all.iter().take(shown) {
        let name = unlike(case, cause, &mut known);
        rows.push(Row::plain(cells(case, causes, cause, name)));
    }
    let others = causes.all.get(shown..).unwrap_or_default();
    if !others.is_empty() {
        let ns = others.iter().map(|one| one.wait_ns).fold(0, u64::saturating_add);
        let name = words::nobody_named(case.lang, Nobody::Others(others.len()));
        let cells = [(0, Cell::Words(name)), (1, Cell::Time(ns)), (2, share(ns, causes))];
        rows.push(Row::sparse(WHO.len(), cells));
    }
    let table = (!rows.is_empty()).then(|| Table { columns: WHO.to_vec(), rows })?;
    Some(Section::bare(SectionId::Blame, vec![Block::Table(table)]))
}

fn cells<'a>(case: &Case<'a, '_>, causes: &Causes<'a>, cause: &Cause<'a>, name: Cell) -> Vec<Cell> {
    let seen = match &cause.by {
        By::Neighbour(culprit) => Cell::Words(seen(case, culprit)),
        _ => Cell::Empty,
    };
    vec![name, Cell::Time(cause.wait_ns), share(cause.wait_ns, causes), how(cause), seen]
}

fn share(ns: u64, causes: &Causes<'_>) -> Cell {
    Cell::Words(words::share_of(ns, causes.whole_ns))
}

/// The name in a row; of two that look alike the second has its number.
fn unlike<'a>(case: &Case<'a, '_>, cause: &Cause<'a>, known: &mut HashSet<String>) -> Cell {
    let nobody = |what| words::nobody_named(case.lang, what);
    let name = match &cause.by {
        By::Neighbour(culprit) => {
            let name = names::culprit(case.report, case.groups, culprit);
            let is_new = known.insert(name.clone());
            return Cell::Name(if is_new { name } else { format!("{name} ({})", culprit.id) });
        }
        By::Unattributed => nobody(Nobody::Unattributed),
        By::Device => nobody(Nobody::Device),
        By::Limit => nobody(Nobody::Limit),
        By::NoCpu => nobody(Nobody::NoCpu),
        By::OwnWork => nobody(Nobody::OwnWork),
        By::Unexplained => nobody(Nobody::Unexplained),
    };
    Cell::Words(name)
}

/// The largest mechanisms.
fn how(cause: &Cause<'_>) -> Cell {
    if matches!(cause.by, By::NoCpu | By::OwnWork) {
        return Cell::Empty;
    }
    let mut all: Vec<_> = cause.mechanisms.iter().filter(|(_, ns)| **ns > 0).collect();
    all.sort_by_key(|(_, ns)| Reverse(**ns));
    let names: Vec<&str> = all.iter().take(NAMED).map(|(one, _)| mechanism_name(**one)).collect();
    if names.is_empty() { Cell::Empty } else { Cell::Words(names.join(", ")) }
}

/// Its runs or processes, and their bytes on all devices.
fn seen<'a>(case: &Case<'a, '_>, culprit: &Culprit<'a>) -> String {
    let members = case.groups.members(culprit.group);
    let io = members.iter().flat_map(|actor| &actor.io);
    let bytes = io.map(|io| io.bytes).fold(0, u64::saturating_add);
    words::seen(case.lang, members.len(), case.groups.has_runs(culprit.group), bytes)
}
