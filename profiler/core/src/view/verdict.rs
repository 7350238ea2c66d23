//! What a reader wants in ten seconds: the verdict in one line, then what was found.

use super::Options;
use super::document::{Block, Field, SLOT, Section, SectionId, Span, Text};
use crate::report::{Answer, Finding, Reason, Report, Severity, VictimState};
use crate::text::names::Names;
use crate::text::{Label, Msg, findings as words, label, text};
use crate::units;

/// The verdict; where nothing was found, or in full, with its reasons.
pub(super) fn verdict(report: &Report, options: Options) -> Option<Section> {
    let verdict = report.verdict.as_ref()?;
    let names = Names::of(report, options.lang);
    let summary = words::conclusion(&names, &verdict.conclusion);
    let answer = label(options.lang, outcome(verdict.answer));
    let line = text(options.lang, &Msg::Verdict { answer, summary: &summary });
    let mut rows = vec![Field::new(Label::Verdict, line)];
    // Where nothing was found, the reasons are all there is.
    if options.full || report.findings.as_ref().is_none_or(Vec::is_empty) {
        let new = verdict.because.iter().filter(|one| !verdict.conclusion.holds(one));
        rows.extend(new.map(|reason| Field::more(words::reason(&names, reason))));
    }
    Some(Section::bare(SectionId::Verdict, vec![Block::fields(rows)]))
}

/// The findings, each with what speaks against it; in full with its numbers, and also when there are none.
pub(super) fn findings(report: &Report, options: Options) -> Option<Section> {
    let findings = report.findings.as_ref()?;
    let names = Names::of(report, options.lang);
    let block = match findings.as_slice() {
        [] if options.full => Block::said(text(options.lang, &Msg::NothingFound)),
        [] => return None,
        some => Block::fields(some.iter().map(|found| finding(&names, found, options)).collect()),
    };
    Some(Section::new(SectionId::Findings, Label::FindingsTitle, vec![block]))
}

fn finding(names: &Names<'_>, found: &Finding, options: Options) -> Field {
    let lang = options.lang;
    let sure = text(lang, &Msg::Confidence { id: SLOT, sure: &confidence(found) });
    let mut notes = vec![Text::with(&sure, [Span::code(found.id.name())])];
    notes.extend(found.caveats.iter().map(|one| words::caveat(lang, one).into()));
    if options.full {
        notes.extend(evidence(found, options));
    }
    Field { notes, ..Field::new(severity(found.severity), words::summary(names, found)) }
}

/// The numbers of a finding by the names that the document has for them.
fn evidence(found: &Finding, options: Options) -> Option<Text> {
    let all = serde_json::to_value(&found.evidence).ok()?;
    let numbers = all.as_object().filter(|all| !all.is_empty())?;
    let number = |(name, value): (&String, &serde_json::Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Span::code(format!("{name} {value}"))
    };
    let slots = vec![SLOT; numbers.len()].join(", ");
    Some(Text::with(&text(options.lang, &Msg::Evidence(&slots)), numbers.iter().map(number)))
}

/// How sure a finding is, for people.
fn confidence(found: &Finding) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let hundredths = (found.confidence.clamp(0.0, 1.0) * 100.0).round() as u64;
    format!("{} %", units::count(hundredths))
}

/// The word for a severity.
pub(super) const fn severity(of: Severity) -> Label {
    match of {
        Severity::Critical => Label::Critical,
        Severity::Warning => Label::WarningWord,
        Severity::Info => Label::Info,
    }
}

/// The word for a verdict.
pub(super) const fn outcome(of: VictimState) -> Label {
    match of {
        VictimState::Fine => Label::Fine,
        VictimState::SlowDisk => Label::SlowDisk,
        VictimState::Throttled => Label::Throttled,
        VictimState::Contended => Label::ContendedDisk,
        VictimState::CpuStarved => Label::CpuStarved,
        VictimState::NotTheDisk => Label::NotTheDisk,
        VictimState::CannotTell => Label::CannotTell,
    }
}

/// A sentence for each reason why rules could not say, with all of them that it holds for.
pub(super) fn unasked(report: &Report, options: Options) -> Vec<String> {
    let names = Names::of(report, options.lang);
    let rules = || report.rules.iter().flatten().filter(|rule| rule.answer == Answer::NotYet);
    let mut reasons: Vec<Option<&Reason>> = Vec::new();
    for rule in rules() {
        if !reasons.contains(&rule.reason.as_ref()) {
            reasons.push(rule.reason.as_ref());
        }
    }
    let sentence = |reason: Option<&Reason>| {
        let same = rules().filter(|rule| rule.reason.as_ref() == reason);
        let ids: Vec<&str> = same.map(|rule| rule.id.name()).collect();
        let reason = reason.map(|reason| words::reason(&names, reason)).unwrap_or_default();
        text(options.lang, &Msg::Unasked { rules: &ids.join(", "), reason: &reason })
    };
    reasons.into_iter().map(sentence).collect()
}
