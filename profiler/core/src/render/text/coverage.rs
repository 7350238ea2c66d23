//! What the numbers stand for, in words.

use std::io::{self, Write};

use super::findings;
use super::lines::{ABSENT, Tone, head, paragraph, say, title, toned};
use crate::ids::Method;
use crate::render::safe::printable;
use crate::render::{Style, units};
use crate::report::{Coverage, Report, SelfCheck, Told};
use crate::text::{Label, Msg};

/// Writes the line about lost events, if any were lost.
pub(super) fn loss(coverage: &Coverage, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if coverage.lost_total() == 0 {
        return Ok(());
    }
    writeln!(out, "{}", toned(&lost(coverage, style), Tone::Alarm, style))
}

/// Events that were seen, and how many of them were lost.
pub(in crate::render) fn kept(coverage: &Coverage, style: &Style) -> String {
    if coverage.lost_total() > 0 {
        return lost(coverage, style);
    }
    say(&Msg::AllKept { seen: &units::count(coverage.events_seen) }, style)
}

fn lost(coverage: &Coverage, style: &Style) -> String {
    let lost = coverage.lost_total();
    let reasons: Vec<String> = coverage
        .lost
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(reason, count)| format!("{} {}", printable(reason, style), units::count(*count)))
        .collect();
    let (lost, seen) = (units::count(lost), units::count(coverage.events_seen));
    let reasons = reasons.join(", ");
    say(&Msg::Lost { lost: &lost, seen: &seen, reasons: &reasons }, style)
}

/// Writes the paragraph about coverage: events, attribution, cost.
pub(super) fn section(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    title(Label::CoverageTitle, style, out)?;
    let coverage = &report.coverage;
    if coverage.events_seen > 0 && coverage.lost_total() == 0 {
        paragraph(&kept(coverage, style), style, out)?;
    }
    loss(coverage, style, out)?;
    if coverage.io_bytes > 0 {
        paragraph(&attributed(coverage, style), style, out)?;
    }
    for check in &coverage.self_check {
        paragraph(&self_check(check, style), style, out)?;
    }
    for sentence in findings::unasked(report, style) {
        paragraph(&sentence, style, out)?;
    }
    for sentence in cost(report, style) {
        paragraph(&sentence, style, out)?;
    }
    Ok(())
}

pub(in crate::render) fn attributed(coverage: &Coverage, style: &Style) -> String {
    let shares: Vec<String> = Method::ALL
        .iter()
        .filter_map(|method| {
            let share = units::share(coverage.attribution.of(*method), coverage.io_bytes)?;
            Some(format!("{} {share}", method.name()))
        })
        .collect();
    let (bytes, shares) = (units::bytes(coverage.io_bytes), shares.join(", "));
    say(&Msg::AttributedBytes { bytes: &bytes, shares: &shares }, style)
}

pub(in crate::render) fn self_check(check: &SelfCheck, style: &Style) -> String {
    let mean = |told: &Told| {
        told.mean_ns().map_or_else(|| ABSENT.to_owned(), |ns| units::duration(ns, style))
    };
    let (ours, theirs) = (units::count(check.ours.count), units::count(check.theirs.count));
    let (mean, their_mean) = (mean(&check.ours), mean(&check.theirs));
    let actor = printable(&check.actor, style);
    let (counts, means) = ((ours.as_str(), theirs.as_str()), (mean.as_str(), their_mean.as_str()));
    say(&Msg::SelfCheck { counts, means, actor: &actor }, style)
}

fn cost(report: &Report, style: &Style) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(programs) = &report.coverage.bpf {
        let run_ns: u64 = programs.values().map(|cost| cost.run_ns).sum();
        let ios: u64 = report.devices.iter().map(|device| device.ios).sum();
        let per_io = run_ns.checked_div(ios).map(|ns| units::duration(ns, style));
        let per_io = per_io.as_deref().unwrap_or(ABSENT);
        let total = units::duration(run_ns, style);
        sentences.push(say(&Msg::Cost { total: &total, per_io }, style));
    }
    if let Some(bytes) = report.coverage.map_bytes {
        sentences.push(say(&Msg::Maps(&units::bytes(bytes)), style));
    }
    sentences
}

/// Writes the notes, and the hooks that are missing, one paragraph each.
pub(super) fn notes(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let all = all_notes(report, style);
    if all.is_empty() {
        return Ok(());
    }
    title(Label::NotesTitle, style, out)?;
    all.iter().try_for_each(|note| paragraph(note, style, out))
}

/// Notes, and the hooks that are missing.
pub(in crate::render) fn all_notes(report: &Report, style: &Style) -> Vec<String> {
    let missing = report.coverage.attached.iter().filter(|hook| !hook.attached).map(|hook| {
        let unknown = head(Label::Unknown, style);
        let reason = printable(hook.reason.as_deref().unwrap_or(unknown), style);
        let (program, hook) = (printable(&hook.program, style), printable(&hook.hook, style));
        say(&Msg::NotAttached { program: &program, hook: &hook, reason: &reason }, style)
    });
    let notes = report.coverage.notes.iter().map(|note| printable(note, style));
    missing.chain(notes).collect()
}
