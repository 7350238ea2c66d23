//! A document as Markdown, ready to paste into a ticket.
//!
//! Owns the markup. What is shown, in which order and words, is `crate::view`'s.

mod escape;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use self::escape::{at_begin, code, text};
use super::Style;
use super::values::{bars, slices, value, words};
use crate::report::Report;
use crate::text::{Lang, Msg, label, text as say};
use crate::view::{
    self, BARS, Block, Cell, Column, Document, Field, Item, Kind, Options, Section, Span, Text,
    Tone,
};

/// The widest bar of a distribution.
const BAR: usize = 20;

/// Writes a report's whole window, with every number that somebody will ask for next.
pub fn document(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    write(&view::ticket(report, Options { lang: style.lang, full: true }), style, out)
}

/// Writes a document.
pub fn write(document: &Document, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    // A document is no terminal.
    let style = &Style { color: false, width: usize::MAX, ..*style };
    let mut writer = Writer { lang: document.lang, style, out };
    writeln!(writer.out, "# {}", writer.words(&document.title))?;
    document.sections.iter().try_for_each(|section| writer.section(section))
}

/// Writes blocks, each with an empty line before it.
struct Writer<'a> {
    lang: Lang,
    style: &'a Style,
    out: &'a mut dyn Write,
}

impl Writer<'_> {
    fn words(&self, of: &str) -> String {
        text(&words(of, self.style), self.style)
    }

    fn spans(&self, text: &Text) -> String {
        let one = |span: &Span| match span {
            Span::Words(of) => self.words(of),
            Span::Code { text, .. } => code(text, self.style),
            Span::Aside { text, .. } => format!(" ({})", code(text, self.style)),
        };
        text.0.iter().map(one).collect()
    }

    fn section(&mut self, section: &Section) -> io::Result<()> {
        let Some(heading) = section.heading else {
            return section.blocks.iter().try_for_each(|block| self.block(block));
        };
        let remark = section.remark.map(|of| format!(" ({})", label(self.lang, of)));
        let heading = format!("{}{}", label(self.lang, heading), remark.unwrap_or_default());
        if section.folded {
            // Words of our own, so nothing in them is markup.
            writeln!(self.out, "\n<details>\n<summary>{heading}</summary>")?;
        } else {
            writeln!(self.out, "\n## {heading}")?;
        }
        section.blocks.iter().try_for_each(|block| self.block(block))?;
        if section.folded { writeln!(self.out, "\n</details>") } else { Ok(()) }
    }

    fn block(&mut self, block: &Block) -> io::Result<()> {
        if let Block::Group(blocks) = block {
            return blocks.iter().try_for_each(|block| self.block(block));
        }
        writeln!(self.out)?;
        match block {
            Block::Paragraph(item) => {
                let text = self.item(item);
                writeln!(self.out, "{}", at_begin(&text))
            }
            Block::Head(text) => {
                let text = self.spans(text);
                writeln!(self.out, "**{}**", text.trim())
            }
            Block::List { items, .. } => items.iter().try_for_each(|item| self.entry(item)),
            Block::Fields { rows, .. } => rows.iter().try_for_each(|field| self.field(field)),
            Block::Table(table) => {
                let row = |row: &view::Row| row.cells.iter().map(|cell| self.cell(cell)).collect();
                let rows: Vec<Vec<String>> = table.rows.iter().map(row).collect();
                self.table(&table.columns, &rows)
            }
            Block::Slices(all) => {
                let said = say(self.lang, &Msg::MadeOf(&slices(all)));
                let said = self.words(&said);
                writeln!(self.out, "{said}")
            }
            Block::Bars(buckets) => {
                let rows: Vec<Vec<String>> =
                    bars(buckets, BAR, self.style).into_iter().map(Vec::from).collect();
                self.table(&BARS, &rows)
            }
            Block::Group(_) => Ok(()),
        }
    }

    fn item(&self, item: &Item) -> String {
        let text = self.spans(&item.text);
        match item.tone {
            Tone::Plain => text,
            Tone::Strong | Tone::Alarm => format!("**{}**", text.trim()),
        }
    }

    fn entry(&mut self, item: &Item) -> io::Result<()> {
        writeln!(self.out, "- {}", at_begin(&self.item(item)))?;
        let Some(below) = &item.below else { return Ok(()) };
        writeln!(self.out, "  - {}", at_begin(&self.spans(below)))
    }

    fn field(&mut self, field: &Field) -> io::Result<()> {
        let text = self.spans(&field.text);
        match field.head {
            Some(head) => writeln!(self.out, "- **{}**: {text}", label(self.lang, head))?,
            None => writeln!(self.out, "- {}", at_begin(&text))?,
        }
        field
            .notes
            .iter()
            .try_for_each(|note| writeln!(self.out, "  - {}", at_begin(&self.spans(note))))
    }

    fn cell(&self, cell: &Cell) -> String {
        text(&value(cell, self.lang, self.style), self.style)
    }

    /// Writes a pipe table, as GitHub's and GitLab's Markdown have them, of cells that are escaped already.
    fn table(&mut self, columns: &[Column], rows: &[Vec<String>]) -> io::Result<()> {
        let heads = columns.iter().map(|column| label(self.lang, column.label).replace('\n', " "));
        let rules = columns.iter().map(|column| match column.kind {
            Kind::Numbers => "---:".to_owned(),
            Kind::Words => "---".to_owned(),
        });
        let heads = [heads.collect::<Vec<_>>(), rules.collect()];
        heads.iter().chain(rows).try_for_each(|row| {
            // Bars are in code only; text has them as entities.
            let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
            writeln!(self.out, "| {} |", cells.join(" | "))
        })
    }
}
