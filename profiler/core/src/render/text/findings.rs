//! What a reader wants in ten seconds: the verdict in one line, then what was found.

use std::io::{self, Write};

use super::lines::{head, say, title, wrapped};
use crate::render::safe::printable;
use crate::render::{Style, units};
use crate::report::{Answer, Finding, Outcome, Report, Rule, Severity};
use crate::text::{Label, Msg};

/// Writes the verdict and the findings; nothing when there is no verdict.
pub(super) fn section(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let findings = report.findings.as_deref().unwrap_or_default();
    if let Some(verdict) = &report.verdict {
        let summary = printable(&verdict.summary, style);
        let answer = head(outcome(verdict.answer), style);
        let line = say(&Msg::Verdict { answer, summary: &summary }, style);
        let mut rows = vec![vec![head(Label::Verdict, style).to_owned(), line]];
        // Where nothing was found, the reasons are all there is.
        let reasons = verdict.because.iter().filter(|_| findings.is_empty());
        let new = reasons.filter(|reason| !verdict.summary.contains(reason.as_str()));
        rows.extend(new.map(|reason| vec![String::new(), printable(reason, style)]));
        wrapped(&rows, style, out)?;
    }
    if findings.is_empty() {
        return Ok(());
    }
    title(Label::FindingsTitle, style, out)?;
    let rows: Vec<Vec<String>> = findings.iter().flat_map(|found| rows(found, style)).collect();
    wrapped(&rows, style, out)
}

fn rows(found: &Finding, style: &Style) -> Vec<Vec<String>> {
    let summary = printable(&found.summary, style);
    let mut rows = vec![vec![head(severity(found.severity), style).to_owned(), summary]];
    let (id, sure) = (printable(&found.id, style), confidence(found));
    let mut small = vec![say(&Msg::Confidence { id: &id, sure: &sure }, style)];
    small.extend(found.caveats.iter().map(|caveat| printable(caveat, style)));
    rows.push(vec![String::new(), small.join(" ")]);
    rows
}

/// How sure a finding is, for people.
pub(in crate::render) fn confidence(found: &Finding) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let hundredths = (found.confidence.clamp(0.0, 1.0) * 100.0).round() as u64;
    format!("{} %", units::count(hundredths))
}

/// The word for a severity.
pub(in crate::render) const fn severity(of: Severity) -> Label {
    match of {
        Severity::Critical => Label::Critical,
        Severity::Warning => Label::WarningWord,
        Severity::Info => Label::Info,
    }
}

/// The word for a verdict.
pub(in crate::render) const fn outcome(of: Outcome) -> Label {
    match of {
        Outcome::Slow => Label::SlowDisk,
        Outcome::Contended => Label::ContendedDisk,
        Outcome::NotTheDisk => Label::NotTheDisk,
        Outcome::CannotTell => Label::CannotTell,
    }
}

/// A sentence for each reason why rules could not say, with all of them that it holds for.
pub(in crate::render) fn unasked(report: &Report, style: &Style) -> Vec<String> {
    let rules: Vec<&Rule> = report.rules.iter().flatten().collect();
    let mut reasons: Vec<&str> = Vec::new();
    for rule in rules.iter().filter(|rule| rule.answer == Answer::NotYet) {
        let reason = rule.reason.as_deref().unwrap_or_default();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let sentence = |reason: &str| {
        let same = rules.iter().filter(|rule| {
            rule.answer == Answer::NotYet && rule.reason.as_deref().unwrap_or_default() == reason
        });
        let ids: Vec<String> = same.map(|rule| printable(&rule.id, style)).collect();
        let reason = printable(reason, style);
        say(&Msg::Unasked { rules: &ids.join(", "), reason: &reason }, style)
    };
    reasons.into_iter().map(sentence).collect()
}
