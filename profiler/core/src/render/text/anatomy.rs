//! What waits were made of: one line per row of waits, and the longest single ones.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

use super::lines::{Tone, head, paragraph, say, title, toned};
use super::who;
use crate::render::safe::{printable, shorten};
use crate::render::{Style, units};
use crate::report::{Actor, Part, Report, WorstWait};
use crate::text::{Label, Msg};

/// Parts below this share of the whole are shown together.
const PERCENT_SHOWN: u128 = 1;

/// Writes the parts of a time, the largest first; nothing when there are none.
pub(super) fn made_of(
    parts: &BTreeMap<Part, u64>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let shares = shares(parts, style);
    if shares.is_empty() {
        return Ok(());
    }
    paragraph(&say(&Msg::MadeOf(&shares.join(", ")), style), style, out)
}

/// The parts of a time with their shares, the largest first.
pub(in crate::render) fn shares(parts: &BTreeMap<Part, u64>, style: &Style) -> Vec<String> {
    let whole = parts.values().fold(0, |sum: u64, ns| sum.saturating_add(*ns));
    let is_shown = |ns: u64| u128::from(ns) * 100 >= u128::from(whole) * PERCENT_SHOWN;
    let mut shown: Vec<(&'static str, u64)> = parts
        .iter()
        .filter(|(_, ns)| **ns > 0 && is_shown(**ns))
        .map(|(part, ns)| (head(label_of(*part), style), *ns))
        .collect();
    shown.sort_by_key(|(_, ns)| Reverse(*ns));
    let rest = parts.values().filter(|ns| !is_shown(**ns)).sum();
    if rest > 0 {
        shown.push((head(Label::Rest, style), rest));
    }
    let shares = shown.into_iter().filter_map(|(name, ns)| {
        let share = units::share(ns, whole)?;
        Some(format!("{name} {share}"))
    });
    shares.collect()
}

/// Writes the longest syncs of each target, each taken apart.
pub(super) fn worst(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let targets = report.actors.iter().filter(|actor| report.is_target(&actor.id));
    let mut waits = targets
        .flat_map(|actor| actor.worst.iter().flatten().map(move |wait| (actor, wait)))
        .peekable();
    if waits.peek().is_none() {
        return Ok(());
    }
    title(Label::WorstTitle, style, out)?;
    for (actor, wait) in waits {
        let line = shorten(&one(actor, wait, style), style.width, style);
        writeln!(out, "{}", toned(&line, Tone::Strong, style))?;
        made_of(&wait.anatomy, style, out)?;
    }
    Ok(())
}

fn one(actor: &Actor, wait: &WorstWait, style: &Style) -> String {
    let (actor, took) = (who::name(actor, style), units::duration(wait.duration_ns, style));
    let file = who::file(wait.file_class.name(), wait.path.as_deref(), style.width / 3, style);
    let at = printable(time_of_day(&wait.start), style);
    let call = wait.call.name();
    say(&Msg::OneWait { actor: &actor, call, file: &file, at: &at, took: &took }, style)
}

/// The time in an RFC 3339 point in time, without its day and zone; all of it when it is something else.
fn time_of_day(start: &str) -> &str {
    const TIME: std::ops::Range<usize> = 11..23;
    start.get(TIME).filter(|_| start.get(10..11) == Some("T")).unwrap_or(start)
}

fn label_of(part: Part) -> Label {
    match part {
        Part::Throttle => Label::Throttle,
        Part::Flush => Label::Flush,
        Part::Device => Label::InDevice,
        Part::Queue => Label::Queue,
        Part::JournalEarlier => Label::JournalEarlier,
        Part::JournalBegin => Label::JournalBegin,
        Part::JournalLocked => Label::JournalLocked,
        Part::JournalData => Label::JournalData,
        Part::JournalLog => Label::JournalLog,
        Part::Runnable => Label::Runnable,
        Part::Cpu => Label::Cpu,
        Part::Lock => Label::Lock,
        Part::Unexplained => Label::Unexplained,
    }
}
