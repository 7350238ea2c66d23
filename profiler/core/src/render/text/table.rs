//! Tables that fit the width: columns are left out by rank, the first one is shortened.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::lines::{Tone, head, toned};
use crate::render::Style;
use crate::render::safe::{columns, shorten};
use crate::text::Label;

/// Space between columns.
const GAP: usize = 2;
/// The first column is not made narrower than this while another one can be left out.
const FIRST_MIN: usize = 20;

/// One column.
#[derive(Clone, Copy)]
pub(super) struct Column {
    /// Its head.
    pub(super) label: Label,
    /// True for numbers.
    pub(super) right: bool,
    /// When the width does not suffice, the column with the highest rank goes first; 0 stays.
    pub(super) rank: u8,
}

impl Column {
    /// A column of words.
    pub(super) const fn left(label: Label, rank: u8) -> Self {
        Self { label, right: false, rank }
    }

    /// A column of numbers.
    pub(super) const fn right(label: Label, rank: u8) -> Self {
        Self { label, right: true, rank }
    }
}

/// One row: its cells, printable, and whether it is set off.
pub(super) struct Row {
    /// One cell per column.
    pub(super) cells: Vec<String>,
    /// Set off from the others.
    pub(super) strong: bool,
}

/// Writes a table with heads, no wider than the style says if its columns allow.
pub(super) fn write(
    spec: &[Column],
    rows: &[Row],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let widths = natural_widths(spec, rows, style);
    let kept = fitting(spec, &widths, style.width);
    let others: usize = kept.iter().skip(1).map(|index| widths[*index] + GAP).sum();
    let first = style.width.saturating_sub(others).max(8);
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(kept.iter().map(|index| cell(head(spec[*index].label, style), spec[*index])));
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
    print(&table, rows, style, out)
}

fn cell(text: &str, column: Column) -> Cell {
    let alignment = if column.right { CellAlignment::Right } else { CellAlignment::Left };
    Cell::new(text).set_alignment(alignment)
}

fn print(table: &Table, rows: &[Row], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let text = table.trim_fmt();
    // Cells are one line each, so whatever is above the last rows is the head.
    let heads = text.lines().count().saturating_sub(rows.len());
    for (index, line) in text.lines().enumerate() {
        let strong = index >= heads && rows.get(index - heads).is_some_and(|row| row.strong);
        if strong {
            writeln!(out, "{}", toned(line, Tone::Strong, style))?;
        } else {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn natural_widths(spec: &[Column], rows: &[Row], style: &Style) -> Vec<usize> {
    let of_head = |column: &Column| head(column.label, style).lines().map(columns).max();
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
