//! The state in a line, how long the waits are, and why.

use std::cmp::Reverse;

use super::super::document::{Block, Field, Section, SectionId};
use super::super::verdict::outcome;
use super::super::{names, time};
use super::Case;
use crate::diagnosis::Victim;
use crate::diagnosis::causes::Causes;
use crate::diagnosis::waits::{Sort, Waiting};
use crate::report::{ANYBODY, Lat, Window};
use crate::text::names::Names;
use crate::text::{Label, brief as words, label, periods};

/// Sorts of waits that are shown.
const SHOWN: usize = 2;

pub(super) fn section(case: &Case<'_, '_>) -> Option<Section> {
    let verdict = case.report.verdict.as_ref()?;
    let device = case.causes.and_then(Causes::device);
    let answer = label(case.lang, outcome(verdict.answer));
    let head = words::state(case.lang, &victims(case), device, answer);
    let mut rows = vec![Field::new(Label::BriefWindow, window(case))];
    for (at, said) in waits(case).into_iter().enumerate() {
        rows.push(if at == 0 { Field::new(Label::BriefWaits, said) } else { Field::more(said) });
    }
    let names = Names::of(case.report, case.lang);
    rows.push(Field::new(Label::BriefWhy, words::why(&names, &verdict.conclusion)));
    rows.extend(beside(case).map(Field::more));
    rows.extend(stalls(case).map(|said| Field::new(Label::BriefStalls, said)));
    rows.extend(repeats(case).map(|said| Field::new(Label::BriefRepeats, said)));
    let blocks = vec![Block::Head(head.into()), Block::fields(rows)];
    Some(Section::bare(SectionId::Verdict, blocks))
}

/// Those who waited; where nobody did, the targets.
fn victims(case: &Case<'_, '_>) -> String {
    let waited: Vec<String> = case.victims.iter().map(|one| names::name(one.actor)).collect();
    let targets = case.report.targets.iter().flat_map(|target| &target.actors);
    let all: Vec<String> = if waited.is_empty() {
        targets.map(|id| names::name_of(case.report, id)).collect()
    } else {
        waited
    };
    match all.split_first() {
        None => words::nobody(case.lang).to_owned(),
        Some((first, others)) => words::names(case.lang, first, others.len()),
    }
}

/// When, how long, and where.
fn window(case: &Case<'_, '_>) -> String {
    let Window { start, end, duration_ns } = &case.report.window;
    // A date, a time to the second, a zone.
    let part = |text: &'_ str, range| text.get(range).map(str::to_owned);
    let said = || {
        let (date, from) = (part(start, 0..10)?, part(start, 11..19)?);
        let to = part(end, 11..19)?;
        Some(format!("{date} {from} to {to}, {}", time(*duration_ns)))
    };
    let said = said().unwrap_or_else(|| format!("{start} to {end}"));
    match &case.report.host.hostname {
        Some(host) => format!("{said}, {host}"),
        None => said,
    }
}

/// The waits that are furthest above their limits, or nearest to them.
fn waits(case: &Case<'_, '_>) -> Vec<String> {
    let mut all: Vec<(&Victim<'_>, &Waiting<'_>, &Sort<'_>)> = case
        .victims
        .iter()
        .flat_map(|victim| victim.waitings.iter().map(move |waiting| (*victim, waiting)))
        .filter_map(|(victim, waiting)| Some((victim, waiting, waiting.worst()?)))
        .collect();
    let by_limit = |waiting: &Waiting<'_>, sort: &Sort<'_>| {
        u128::from(sort.p99_ns()) * 1_000 / u128::from(waiting.limit_ns.max(1))
    };
    all.sort_by_key(|(_, waiting, sort)| Reverse((sort.level, by_limit(waiting, sort))));
    let is_one = case.victims.len() < 2;
    let line = |(victim, waiting, sort): &(&Victim<'_>, &Waiting<'_>, &Sort<'_>)| {
        let who = if is_one { String::new() } else { names::name(victim.actor) };
        let of = (waiting.class, Some(sort.kind));
        words::stands(case.lang, &who, of, [sort.p99_ns(), waiting.limit_ns, sort.max_ns()])
    };
    let mut said: Vec<String> = all.iter().take(SHOWN).map(line).collect();
    if all.len() > SHOWN {
        let more = words::more_waits(case.lang, all.len() - SHOWN);
        if let Some(last) = said.last_mut() {
            last.push_str(", ");
            last.push_str(&more);
        }
    }
    said
}

/// The worst victim's syncs beside the first neighbour, and without; of several runs, beside anybody and without.
fn beside(case: &Case<'_, '_>) -> Option<String> {
    let first = case.causes?.first_neighbour()?;
    let [victim] = case.victims else { return None };
    let of = |lat: &Option<Lat>| {
        let lat = lat.as_ref()?;
        Some([lat.mean_ns?, lat.p99_ns?])
    };
    let rows = case.report.alone_vs_shared.iter().flatten();
    let whom = if first.runs() == 1 { first.id } else { ANYBODY };
    let mut ours = rows.filter(|row| {
        row.victim == victim.actor.id && row.culprit == whom && row.call.syncs_a_file()
    });
    let row = ours.next()?;
    let (with, without) = (of(&row.shared)?, of(&row.alone)?);
    let name = match whom {
        ANYBODY => words::anybody(case.lang).to_owned(),
        _ => names::culprit_program(case.report, first),
    };
    Some(words::beside(case.lang, &name, with, without))
}

/// How often a sync took the heartbeat interval or longer, the longest, and by whom or what.
fn stalls(case: &Case<'_, '_>) -> Option<String> {
    let all = &case.diagnosis.stalls;
    // Of equal ones the first.
    let longest = all.iter().rev().max_by_key(|one| one.stall.worst.duration_ns)?;
    let (stall, culprits) = (longest.stall, longest.culprits());
    let by = match culprits.first() {
        Some(first) => names::culprit(case.report, case.groups, first),
        None => {
            label(case.lang, super::super::stalls::what(Some(longest.shares.mostly()))).to_owned()
        }
    };
    let limit_ns = all.iter().map(|one| one.stall.limit_ns).min()?;
    let times = [limit_ns, stall.worst.duration_ns];
    Some(words::stalls(case.lang, all.len() as u64, times, &stall.worst.start, &by))
}

/// The rhythm of the first neighbour, where one is claimed.
fn repeats(case: &Case<'_, '_>) -> Option<String> {
    let first = case.causes?.first_neighbour()?;
    let mut all = case.report.activity.iter().flatten();
    let one = all.find(|one| one.actors.iter().any(|id| first.has(id)))?;
    let rhythm = periods::rhythm_of(case.lang, one.period.as_ref()?);
    Some(match &one.schedule {
        Some(entry) => format!("{rhythm} ({})", entry.source),
        None => rhythm,
    })
}
