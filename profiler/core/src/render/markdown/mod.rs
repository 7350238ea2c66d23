//! The report as Markdown, ready to paste into a ticket: what was asked, the verdict, who, by how much, every number
//! that somebody will ask for next, and what could not be seen.
//!
//! Owns the order and the markup. Numbers come from `render::units`, words from `crate::text`, and rows from where the
//! text renderer takes them, so that both show the same.

mod escape;
mod measured;
mod seen;
mod table;
#[cfg(test)]
mod tests;
mod verdict;

use std::io::{self, Write};

use super::Style;
use crate::report::Report;
use crate::text::{Label, Msg, label, text};

/// Writes the document.
pub fn document(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    // A document is no terminal.
    let style = &Style { color: false, width: usize::MAX, ..*style };
    verdict::heading(report, style, out)?;
    verdict::facts(report, style, out)?;
    verdict::findings(report, style, out)?;
    verdict::matrix(report, style, out)?;
    verdict::beside(report, style, out)?;
    measured::worst(report, style, out)?;
    measured::waits(report, style, out)?;
    measured::devices(report, style, out)?;
    measured::io(report, style, out)?;
    measured::who(report, style, out)?;
    seen::second_source(report, style, out)?;
    seen::not_seen(report, style, out)
}

/// Writes a section's head.
fn section(of: Label, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {}\n", label(style.lang, of))
}

/// Writes one entry of a list.
fn entry(text: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "- {text}")
}

/// The text of a message.
fn say(msg: &Msg<'_>, style: &Style) -> String {
    text(style.lang, msg)
}
