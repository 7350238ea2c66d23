//! The first half: the verdict, what was looked at, what was found, and whom the waits are due to.

use std::io::{self, Write};

use super::escape::{code, text};
use super::table::{self, left, right};
use super::{entry, say, section};
use crate::render::matrix::{self, MatrixRow};
use crate::render::text::lines::ABSENT;
use crate::render::text::{blame, findings as text_findings, summary, who};
use crate::render::{Style, units};
use crate::report::{Finding, Report};
use crate::text::{Label, Msg, label};

/// Writes the title and the verdict with its reasons.
pub(super) fn heading(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let host = report.host.hostname.as_deref().map(|name| text(name, style));
    let host = host.as_deref().unwrap_or(label(style.lang, Label::Unknown));
    let Some(verdict) = &report.verdict else {
        return writeln!(out, "# {}\n", say(&Msg::TicketTitle { host, answer: "" }, style));
    };
    let answer = label(style.lang, text_findings::outcome(verdict.answer));
    writeln!(out, "# {}\n", say(&Msg::TicketTitle { host, answer }, style))?;
    writeln!(out, "**{answer}**: {}\n", text(&verdict.summary, style))?;
    let new = verdict.because.iter().filter(|one| !verdict.summary.contains(one.as_str()));
    let mut any = false;
    for reason in new {
        any = true;
        entry(&text(reason, style), out)?;
    }
    if any { writeln!(out) } else { Ok(()) }
}

/// Writes window, host, pressure, targets and program.
pub(super) fn facts(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for row in summary::heading(report, style) {
        let [head, words] = row.as_slice() else { continue };
        entry(&format!("{head}: {}", text(words, style)), out)?;
    }
    let version = text(&report.tool.version, style);
    entry(&say(&Msg::WrittenBy(&version), style), out)?;
    writeln!(out)
}

/// Writes the findings, each with its numbers and with what speaks against it.
pub(super) fn findings(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let Some(findings) = &report.findings else { return Ok(()) };
    section(Label::TicketFindings, style, out)?;
    if findings.is_empty() {
        writeln!(out, "{}", say(&Msg::NothingFound, style))?;
    }
    findings.iter().try_for_each(|found| finding(found, style, out))?;
    writeln!(out)
}

fn finding(found: &Finding, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let severity = label(style.lang, text_findings::severity(found.severity));
    let (id, sure) = (code(&found.id, style), text_findings::confidence(found));
    let small = say(&Msg::Confidence { id: &id, sure: &sure }, style);
    entry(&format!("**{severity}**: {} {small}", text(&found.summary, style)), out)?;
    for caveat in &found.caveats {
        writeln!(out, "  - {}", text(caveat, style))?;
    }
    let number = |(name, value): (&String, &serde_json::Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        code(&format!("{name} {value}"), style)
    };
    let evidence: Vec<String> = found.evidence.iter().map(number).collect();
    if evidence.is_empty() {
        return Ok(());
    }
    writeln!(out, "  - {}", say(&Msg::Evidence(&evidence.join(", ")), style))
}

/// Writes whom the waits are due to.
pub(super) fn matrix(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let Some(matrix) = matrix::of(report) else { return Ok(()) };
    section(Label::TicketBlame, style, out)?;
    let spec = [
        left(Label::DueTo),
        left(Label::Victim),
        left(Label::Call),
        left(Label::Device),
        right(Label::TimeWaited),
        right(Label::Share),
        left(Label::How),
    ];
    let mut rows: Vec<Vec<String>> =
        matrix.rows.iter().map(|row| cells(report, row, style)).collect();
    let (others, others_ns) = matrix.rest;
    let mut sum = |words: String, ns: u64| {
        let mut cells = vec![String::new(); spec.len()];
        (cells[0], cells[4]) = (words, units::duration(ns, style));
        rows.push(cells);
    };
    if others > 0 {
        sum(say(&Msg::SmallRows(&units::count(others as u64)), style), others_ns);
    }
    sum(label(style.lang, Label::Total).to_owned(), matrix.total_ns);
    table::write(&spec, &rows, style, out)
}

fn cells(report: &Report, row: &MatrixRow<'_>, style: &Style) -> Vec<String> {
    let absent = || ABSENT.to_owned();
    vec![
        text(&who::name_of(report, row.culprit, style), style),
        text(&who::name_of(report, row.victim, style), style),
        row.waited_in(),
        row.device.map_or_else(absent, |name| text(name, style)),
        units::duration(row.wait_ns, style),
        row.share().unwrap_or_else(absent),
        row.how(),
    ]
}

/// Writes waits without and with each culprit.
pub(super) fn beside(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let compared = blame::compared(report);
    if compared.is_empty() {
        return Ok(());
    }
    section(Label::TicketBeside, style, out)?;
    let spec = [
        left(Label::Culprit),
        left(Label::Victim),
        left(Label::Call),
        right(Label::AloneCount),
        right(Label::AloneMean),
        right(Label::AloneP99),
        right(Label::SharedCount),
        right(Label::SharedMean),
        right(Label::SharedP99),
    ];
    let row = |row: &crate::report::AloneVsShared| {
        let mut cells = [&row.culprit, &row.victim]
            .map(|id| text(&who::name_of(report, id, style), style))
            .to_vec();
        cells.push(row.call.name().to_owned());
        let sides = [&row.alone, &row.shared].map(|lat| blame::side(lat.as_ref(), style));
        cells.extend(sides.into_iter().flatten());
        cells
    };
    let rows: Vec<Vec<String>> = compared.into_iter().map(row).collect();
    table::write(&spec, &rows, style, out)
}
