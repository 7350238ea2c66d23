//! Tables that fit the width: columns are left out by rank, the first one is shortened.

use std::io;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::Writer;
use crate::render::safe::{columns, shorten};
use crate::render::values::value;
use crate::text::{Lang, label};
use crate::view::{Column, Kind, Tone};

/// Space between columns.
const GAP: usize = 2;
/// The first column is not made narrower than this while another one can be left out.
const FIRST_MIN: usize = 20;

/// One row as it is written.
pub(super) struct Row {
    /// One cell per column.
    pub(super) cells: Vec<String>,
    /// Set off from the others.
    pub(super) strong: bool,
}

impl Writer<'_> {
    /// A row with its values written.
    pub(super) fn row(&self, row: &crate::view::Row) -> Row {
        let cells = row.cells.iter().map(|cell| value(cell, self.lang, self.style)).collect();
        Row { cells, strong: row.strong }
    }

    /// Writes a table with heads, no wider than the style says if its columns allow.
    pub(super) fn table(&mut self, spec: &[Column], rows: &[Row]) -> io::Result<()> {
        let (lang, style) = (self.lang, self.style);
        let widths = natural_widths(spec, rows, lang);
        let kept = fitting(spec, &widths, style.width);
        let others: usize = kept.iter().skip(1).map(|index| widths[*index] + GAP).sum();
        let first = style.width.saturating_sub(others).max(8);
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        let heads = kept.iter().map(|index| (label(lang, spec[*index].label), spec[*index]));
        table.set_header(heads.map(|(head, column)| cell(head, column)));
        for row in rows {
            table.add_row(kept.iter().map(|index| {
                let text = row.cells.get(*index).map_or("", String::as_str);
                let text = if *index == 0 { shorten(text, first, style) } else { text.to_owned() };
                cell(&text, spec[*index])
            }));
        }
        for (position, column) in table.column_iter_mut().enumerate() {
            let gap = if position + 1 < kept.len() { GAP } else { 0 };
            column.set_padding((0, u16::try_from(gap).unwrap_or(0)));
        }
        self.print(&table, rows)
    }

    fn print(&mut self, table: &Table, rows: &[Row]) -> io::Result<()> {
        let text = table.trim_fmt();
        // Cells are one line each, so whatever is above the last rows is the head.
        let heads = text.lines().count().saturating_sub(rows.len());
        for (index, line) in text.lines().enumerate() {
            let strong = index >= heads && rows.get(index - heads).is_some_and(|row| row.strong);
            self.line(line, if strong { Tone::Strong } else { Tone::Plain })?;
        }
        Ok(())
    }
}

fn cell(text: &str, column: Column) -> Cell {
    Cell::new(text).set_alignment(match column.kind {
        Kind::Numbers => CellAlignment::Right,
        Kind::Words => CellAlignment::Left,
    })
}

fn natural_widths(spec: &[Column], rows: &[Row], lang: Lang) -> Vec<usize> {
    let of_head = |column: &Column| label(lang, column.label).lines().map(columns).max();
    let of_cells = |index| rows.iter().filter_map(move |row| row.cells.get(index));
    spec.iter()
        .enumerate()
        .map(|(index, column)| {
            let cells = of_cells(index).map(|cell| columns(cell)).max();
            cells.max(of_head(column)).unwrap_or(0)
        })
        .collect()
}

/// Indices of the columns that fit.
fn fitting(spec: &[Column], widths: &[usize], width: usize) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..spec.len()).collect();
    loop {
        let first = widths.first().map_or(0, |first| (*first).min(FIRST_MIN));
        let others: usize = kept.iter().skip(1).map(|index| widths[*index] + GAP).sum();
        let last = kept.iter().enumerate().max_by_key(|(_, index)| spec[**index].rank);
        match last {
            Some((position, index)) if first + others > width && spec[*index].rank > 0 => {
                kept.remove(position);
            }
            _ => return kept,
        }
    }
}
