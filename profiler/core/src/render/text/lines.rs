//! Single lines and wrapped paragraphs, and the few colours there are.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};

use crate::render::Style;
use crate::text::{Label, Msg, label, text};

/// What a value that is not known looks like in a table.
pub(in crate::render) const ABSENT: &str = "-";

/// How a piece of text is set off.
#[derive(Clone, Copy)]
pub(super) enum Tone {
    /// Titles and targets.
    Strong,
    /// What a reader must not miss.
    Alarm,
}

/// The text in a tone, where the style has colours.
pub(super) fn toned(text: &str, tone: Tone, style: &Style) -> String {
    if !style.color {
        return text.to_owned();
    }
    let code = match tone {
        Tone::Strong => "1",
        Tone::Alarm => "31",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// The text of a message in the style's language.
pub(super) fn say(msg: &Msg<'_>, style: &Style) -> String {
    text(style.lang, msg)
}

/// A label in the style's language.
pub(super) fn head(of: Label, style: &Style) -> &'static str {
    label(style.lang, of)
}

/// What stands between facts on one line.
pub(super) fn joined(facts: &[String], style: &Style) -> String {
    facts.join(if style.unicode { " · " } else { ", " })
}

/// Writes an empty line and a title.
pub(super) fn title(of: Label, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{}", toned(head(of, style), Tone::Strong, style))
}

/// Writes a paragraph, wrapped to the style's width.
pub(super) fn paragraph(text: &str, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    wrapped(&[vec![text.to_owned()]], style, out)
}

/// Writes rows of cells, the last cell of each wrapped to what is left of the style's width.
pub(super) fn wrapped(rows: &[Vec<String>], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(style.width).unwrap_or(u16::MAX)).add_rows(rows);
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index + 1 < columns { 2 } else { 0 }));
    }
    writeln!(out, "{}", table.trim_fmt())
}
