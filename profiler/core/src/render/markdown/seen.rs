//! How far the numbers can be trusted: a second source, and what could not be seen.

use std::io::{self, Write};

use super::escape::text;
use super::{entry, section};
use crate::render::Style;
use crate::render::text::{coverage, findings as text_findings};
use crate::report::Report;
use crate::text::{Label, findings as words};

/// Writes what else counted the same calls.
pub(super) fn second_source(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let checks = &report.coverage.self_check;
    if checks.is_empty() {
        return Ok(());
    }
    section(Label::TicketCheck, style, out)?;
    for check in checks {
        entry(&text(&coverage::self_check(check, style), style), out)?;
    }
    writeln!(out)
}

/// Writes what was lost, what belongs to nobody, what could not be answered, and what this version does not look at.
pub(super) fn not_seen(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    section(Label::TicketNotSeen, style, out)?;
    let coverage = &report.coverage;
    let mut said = vec![coverage::kept(coverage, style)];
    if coverage.io_bytes > 0 {
        said.push(coverage::attributed(coverage, style));
    }
    said.extend(coverage::all_notes(report, style));
    said.extend(text_findings::unasked(report, style));
    said.extend(words::not_looked_at(style.lang).map(str::to_owned));
    said.iter().try_for_each(|sentence| entry(&text(sentence, style), out))
}
