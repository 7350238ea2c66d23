//! Pipe tables, as GitHub's and GitLab's Markdown have them.

use std::io::{self, Write};

use crate::render::Style;
use crate::text::{Label, label};

/// A column: its head, and whether it holds numbers.
#[derive(Clone, Copy)]
pub(super) struct Column(pub(super) Label, pub(super) bool);

/// A column of words.
pub(super) const fn left(of: Label) -> Column {
    Column(of, false)
}

/// A column of numbers.
pub(super) const fn right(of: Label) -> Column {
    Column(of, true)
}

/// Writes a table of cells that are escaped already, and an empty line.
pub(super) fn write(
    spec: &[Column],
    rows: &[Vec<String>],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let heads: Vec<String> =
        spec.iter().map(|Column(of, _)| label(style.lang, *of).replace('\n', " ")).collect();
    line(&heads, out)?;
    let rules = spec.iter().map(|Column(_, right)| if *right { "---:" } else { "---" }.to_owned());
    line(&rules.collect::<Vec<_>>(), out)?;
    rows.iter().try_for_each(|row| line(row, out))?;
    writeln!(out)
}

fn line(cells: &[String], out: &mut dyn Write) -> io::Result<()> {
    // Bars are in code only; text has them as entities.
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    writeln!(out, "| {} |", cells.join(" | "))
}
