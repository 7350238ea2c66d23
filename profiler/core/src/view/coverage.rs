//! What the numbers stand for, in words.

use super::document::{Block, Item, Section, SectionId, Tone};
use super::{ABSENT, Options, known_time, time, verdict};
use crate::ids::Method;
use crate::redact::CommandLinesShown;
use crate::report::{Coverage, Report, SelfCheck};
use crate::text::{Label, Lang, Msg, findings, label, notes as words, text};
use crate::units;

/// What was lost, if anything was.
pub(super) fn lost(coverage: &Coverage, lang: Lang) -> Option<Block> {
    let lost = coverage.lost_total();
    let reasons = coverage.lost.iter().filter(|(_, count)| **count > 0);
    let reasons: Vec<String> =
        reasons.map(|(reason, count)| format!("{reason} {}", units::count(*count))).collect();
    let (many, seen) = (units::count(lost), units::count(coverage.events_seen));
    let said = text(lang, &Msg::Lost { lost: &many, seen: &seen, reasons: &reasons.join(", ") });
    (lost > 0).then(|| Block::Paragraph(Item { tone: Tone::Alarm, ..Item::new(said) }))
}

/// Events, attribution, a second source, what could not be answered, and the cost.
pub(super) fn section(report: &Report, options: Options) -> Option<Section> {
    let (coverage, lang) = (&report.coverage, options.lang);
    let mut said = Vec::new();
    if coverage.events_seen > 0 && coverage.lost_total() == 0 {
        said.push(text(lang, &Msg::AllKept { seen: &units::count(coverage.events_seen) }));
    }
    if coverage.io_bytes > 0 {
        said.push(attributed(coverage, lang));
    }
    said.extend(coverage.self_check.iter().map(|check| self_check(check, lang)));
    said.extend(verdict::unasked(report, options));
    said.extend(cost(report, lang));
    let blocks: Vec<Block> = lost(coverage, lang).into_iter().chain(Block::list(said)).collect();
    (!blocks.is_empty()).then(|| Section::new(SectionId::Coverage, Label::CoverageTitle, blocks))
}

fn attributed(coverage: &Coverage, lang: Lang) -> String {
    let shares: Vec<String> = Method::ALL
        .iter()
        .filter_map(|method| {
            let share = units::share(coverage.attribution.of(*method), coverage.io_bytes)?;
            Some(format!("{} {share}", method.name()))
        })
        .collect();
    let (bytes, shares) = (units::bytes(coverage.io_bytes), shares.join(", "));
    text(lang, &Msg::AttributedBytes { bytes: &bytes, shares: &shares })
}

fn self_check(check: &SelfCheck, lang: Lang) -> String {
    let (ours, theirs) = (units::count(check.ours.count), units::count(check.theirs.count));
    let (mean, their_mean) = (known_time(check.ours.mean_ns()), known_time(check.theirs.mean_ns()));
    let (counts, means) = ((ours.as_str(), theirs.as_str()), (mean.as_str(), their_mean.as_str()));
    text(lang, &Msg::SelfCheck { counts, means, actor: &check.actor })
}

fn cost(report: &Report, lang: Lang) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(programs) = &report.coverage.bpf {
        let run_ns: u64 = programs.values().map(|cost| cost.run_ns).sum();
        let ios: u64 = report.devices.iter().map(|device| device.ios).sum();
        let per_io = run_ns.checked_div(ios).map(time);
        let per_io = per_io.as_deref().unwrap_or(ABSENT);
        sentences.push(text(lang, &Msg::Cost { total: &time(run_ns), per_io }));
    }
    if let Some(bytes) = report.coverage.map_bytes {
        sentences.push(text(lang, &Msg::Maps(&units::bytes(bytes))));
    }
    sentences
}

/// Notes, and the hooks that are missing; in full also what this version does not look at.
pub(super) fn notes(report: &Report, options: Options) -> Option<Section> {
    let lang = options.lang;
    let missing = report.coverage.attached.iter().filter(|hook| !hook.attached).map(|hook| {
        let unknown = || label(lang, Label::Unknown).to_owned();
        let reason = hook.reason.as_ref();
        let reason = reason.map_or_else(unknown, |reason| words::reason(lang, reason));
        let (program, hook) = (&hook.program, &hook.hook);
        text(lang, &Msg::NotAttached { program, hook, reason: &reason })
    });
    let secrets = match report.command_lines {
        None | Some(CommandLinesShown::Hidden) => None,
        Some(CommandLinesShown::HiddenHere) => Some(text(lang, &Msg::Secrets { is_here: false })),
        Some(CommandLinesShown::Whole) => Some(text(lang, &Msg::Secrets { is_here: true })),
    };
    let noted = report.coverage.notes.iter().map(|note| words::note(lang, note));
    let not_looked_at = findings::not_looked_at(lang).into_iter().filter(|_| options.full);
    let all = secrets.into_iter().chain(missing).chain(noted);
    let list = Block::list(all.chain(not_looked_at.map(str::to_owned)))?;
    Some(Section::new(SectionId::Notes, Label::NotesTitle, vec![list]))
}
