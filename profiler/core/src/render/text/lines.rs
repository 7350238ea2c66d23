//! Single lines and wrapped paragraphs, and the few colours there are.

use comfy_table::{ContentArrangement, Table, presets};

use crate::render::Style;
use crate::render::safe::{printable, shorten};
use crate::render::values::words;
use crate::view::{Room, Span, Text, Tone};

/// A path in brackets with less room than this says nothing.
const ASIDE_MIN: usize = 12;

/// The text in a tone, where the style has colours.
pub(super) fn toned(text: &str, tone: Tone, style: &Style) -> String {
    let code = match tone {
        Tone::Strong => "1",
        Tone::Alarm => "31",
        Tone::Plain => return text.to_owned(),
    };
    if style.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// A text, safe to print.
pub(super) fn spans(text: &Text, style: &Style) -> String {
    let fitted =
        |text: &str, room: Room| shorten(&printable(text, style), room.columns(style.width), style);
    let one = |span: &Span| match span {
        Span::Words(text) => words(text, style),
        Span::Code { text, room: None } => printable(text, style),
        Span::Code { text, room: Some(room) } => fitted(text, *room),
        Span::Aside { room, .. } if room.columns(style.width) < ASIDE_MIN => String::new(),
        Span::Aside { text, room } => format!(" ({})", fitted(text, *room)),
    };
    text.0.iter().map(one).collect()
}

/// Rows of cells, the last cell of each wrapped to what is left of the style's width.
pub(super) fn wrapped(rows: Vec<Vec<String>>, style: &Style) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    table.set_width(u16::try_from(style.width).unwrap_or(u16::MAX)).add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index + 1 < columns { 2 } else { 0 }));
    }
    table.trim_fmt()
}
