//! A document as text for a terminal: no wider than it is, without anything that could steer it.
//!
//! Owns layout: what is wrapped, cut and left out. What is shown, in which order and words, is `crate::view`'s.

mod lines;
mod table;

use std::io::{self, Write};

use self::lines::{spans, toned, wrapped};
use super::Style;
use super::safe::shorten;
use super::values::{bars, slices};
use crate::doctor::Doctor;
use crate::lease::verified::Verified;
use crate::report::Report;
use crate::text::{Lang, Msg, label, text};
use crate::view::{self, Block, Document, Field, Fit, Item, Options, Section, Tone};

/// The widest bar of a distribution.
const BAR: usize = 40;
/// Columns that the numbers beside the bar take.
const NUMBERS: usize = 34;
/// Before what belongs to something above it.
const INSET: &str = "   ";

/// Writes a document: sections with an empty line between them.
pub fn document(document: &Document, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer { lang: document.lang, style, out };
    for (index, section) in document.sections.iter().enumerate() {
        if index > 0 {
            writer.line("", Tone::Plain)?;
        }
        writer.section(section)?;
    }
    Ok(())
}

/// Writes the short summary of a report's window: a screen.
pub fn brief(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    document(&view::brief(report, style.lang), style, out)
}

/// Writes the report of one interval, a line for each victim.
pub fn brief_interval(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    document(&view::brief_interval(report, style.lang), style, out)
}

/// Writes all sections of a report's window.
pub fn summary(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    document(&view::summary(report, options(style)), style, out)
}

/// Writes the report of one interval as a compact block, followed by an empty line.
pub fn interval(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    document(&view::interval(report, options(style)), style, out)?;
    writeln!(out)
}

/// Writes all that is recommended for a report; `why_not` also what is refused, each with the reason.
pub fn advice(
    report: &Report,
    why_not: bool,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    document(&view::advice(report, why_not, style.lang), style, out)
}

/// Writes what can be measured on a host.
pub fn doctor(doctor: &Doctor, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    document(&view::doctor(doctor, style.lang), style, out)
}

/// Writes whether a change helped.
pub fn verified(verified: &Verified, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    document(&view::verified(verified, style.lang), style, out)
}

const fn options(style: &Style) -> Options {
    Options { lang: style.lang, full: false }
}

/// Writes blocks in one style to one place.
struct Writer<'a> {
    lang: Lang,
    style: &'a Style,
    out: &'a mut dyn Write,
}

impl Writer<'_> {
    fn line(&mut self, text: &str, tone: Tone) -> io::Result<()> {
        writeln!(self.out, "{}", toned(text, tone, self.style))
    }

    fn section(&mut self, section: &Section) -> io::Result<()> {
        if let Some(heading) = section.heading.filter(|_| !section.obvious) {
            let heading = label(self.lang, heading).to_uppercase();
            let remark = section.remark.map(|of| format!(" ({})", label(self.lang, of)));
            let title = format!("{heading}{}", remark.unwrap_or_default());
            self.line(&title, Tone::Strong)?;
        }
        self.blocks(&section.blocks)
    }

    fn blocks(&mut self, blocks: &[Block]) -> io::Result<()> {
        for (index, block) in blocks.iter().enumerate() {
            if index > 0 && matches!(block, Block::Group(_)) {
                self.line("", Tone::Plain)?;
            }
            self.block(block)?;
        }
        Ok(())
    }

    fn block(&mut self, block: &Block) -> io::Result<()> {
        match block {
            Block::Paragraph(item) => self.item(item, Fit::Wrap),
            Block::Head(text) => {
                let line = shorten(&spans(text, self.style), self.style.width, self.style);
                self.line(&line, Tone::Strong)
            }
            Block::List { items, fit } => items.iter().try_for_each(|item| self.item(item, *fit)),
            Block::Fields { rows, inset } => self.fields(rows, *inset),
            Block::Table(table) => {
                let rows: Vec<_> = table.rows.iter().map(|row| self.row(row)).collect();
                self.table(&table.columns, &rows)
            }
            Block::Slices(all) => {
                let said = text(self.lang, &Msg::MadeOf(&slices(all)));
                self.paragraph(said, Tone::Plain)
            }
            Block::Bars(buckets) => self.bars(buckets),
            Block::Group(blocks) => self.blocks(blocks),
        }
    }

    fn item(&mut self, item: &Item, fit: Fit) -> io::Result<()> {
        let text = spans(&item.text, self.style);
        match fit {
            Fit::Wrap => self.paragraph(text, item.tone)?,
            Fit::Cut => self.line(&shorten(&text, self.style.width, self.style), item.tone)?,
        }
        let Some(below) = &item.below else { return Ok(()) };
        let room = self.style.width.saturating_sub(2);
        let below = shorten(&spans(below, self.style), room, self.style);
        self.line(&format!("  {below}"), Tone::Plain)
    }

    fn paragraph(&mut self, text: String, tone: Tone) -> io::Result<()> {
        wrapped(vec![vec![text]], self.style).lines().try_for_each(|line| self.line(line, tone))
    }

    /// Notes go on in one paragraph below the text that they are about.
    fn fields(&mut self, fields: &[Field], inset: bool) -> io::Result<()> {
        let mut rows = Vec::new();
        for field in fields {
            let head = field.head.map_or("", |head| label(self.lang, head));
            let head = if inset { format!("{INSET}{head}") } else { head.to_owned() };
            rows.push(vec![head, spans(&field.text, self.style)]);
            let notes: Vec<String> =
                field.notes.iter().map(|note| spans(note, self.style)).collect();
            if !notes.is_empty() {
                rows.push(vec![String::new(), notes.join(" ")]);
            }
        }
        writeln!(self.out, "{}", wrapped(rows, self.style))
    }

    fn bars(&mut self, buckets: &[(u64, u64)]) -> io::Result<()> {
        let width = self.style.width.saturating_sub(NUMBERS).clamp(1, BAR);
        let row = |[up_to, bar, count, so_far]: [String; 4]| table::Row {
            cells: vec![format!("  {up_to}"), bar, count, so_far],
            strong: false,
        };
        let rows: Vec<table::Row> = bars(buckets, width, self.style).into_iter().map(row).collect();
        if rows.is_empty() { Ok(()) } else { self.table(&view::BARS, &rows) }
    }
}

#[cfg(test)]
mod tests;
