//! How long the targets waited, what their waits were made of, and the longest single ones.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::document::{Block, Room, SLOT, Section, SectionId, Slice, Span, Text};
use super::{Options, known_time, names, time};
use crate::report::{Actor, Lat, Part, Report, Wait, WorstWait};
use crate::text::{Label, Lang, Msg, label, text};
use crate::units;

/// Parts below this share of the whole are shown together.
const PERCENT_SHOWN: u128 = 1;

/// The longest syncs of each target, each taken apart.
pub(super) fn worst(report: &Report, options: Options) -> Option<Section> {
    let waits = targets(report)
        .flat_map(|actor| actor.worst.iter().flatten().map(move |wait| (actor, wait)));
    let mut blocks = Vec::new();
    for (actor, wait) in waits {
        blocks.push(Block::Head(one(actor, wait, options)));
        blocks.extend(made_of(&wait.anatomy, options.lang));
    }
    let any = !blocks.is_empty();
    any.then(|| Section::new(SectionId::Worst, Label::WorstTitle, blocks))
}

fn one(actor: &Actor, wait: &WorstWait, options: Options) -> Text {
    let class = wait.file_class.name();
    let at = if options.full { &wait.start } else { time_of_day(&wait.start) };
    let file = format!("{class}{SLOT}");
    let (call, took) = (wait.call.name(), time(wait.duration_ns));
    let msg = Msg::OneWait { actor: &names::name(actor), call, file: &file, at, took: &took };
    Text::with(&text(options.lang, &msg), [aside(wait.path.as_deref(), class, 3)])
}

/// The path of a file behind its class.
fn aside(path: Option<&str>, class: &str, of_width: usize) -> Span {
    match path {
        Some(path) => {
            // Class, space and brackets stand beside it.
            let room = Room { of_width, less: class.len() + 3 };
            Span::Aside { text: path.to_owned(), room }
        }
        None => Span::Words(String::new()),
    }
}

/// The time in an RFC 3339 point in time, without its day and zone; all of it when it is something else.
fn time_of_day(start: &str) -> &str {
    const TIME: std::ops::Range<usize> = 11..23;
    start.get(TIME).filter(|_| start.get(10..11) == Some("T")).unwrap_or(start)
}

fn targets(report: &Report) -> impl Iterator<Item = &Actor> {
    report.actors.iter().filter(|actor| report.is_target(&actor.id))
}

/// The targets' waits, in the order of the report.
pub(super) fn of_targets(report: &Report) -> Vec<(&Actor, &Wait)> {
    targets(report).flat_map(|actor| actor.waits.iter().map(move |wait| (actor, wait))).collect()
}

/// The targets' run-queue delays, in the order of the report.
pub(super) fn run_queues(report: &Report) -> impl Iterator<Item = (&Actor, &Lat)> {
    targets(report).filter_map(|actor| Some((actor, actor.run_queue.as_ref()?)))
}

/// How long the targets waited in each call, and for a CPU.
pub(super) fn section(report: &Report, options: Options) -> Option<Section> {
    if report.targets.is_empty() {
        return None;
    }
    let lang = options.lang;
    let waits = of_targets(report);
    let mut blocks = Vec::new();
    if waits.is_empty() {
        blocks.push(Block::said(text(lang, &Msg::NoWaits)));
    }
    blocks.extend(waits.into_iter().map(|(actor, wait)| one_call(actor, wait, lang)));
    blocks.extend(run_queues(report).map(|(actor, lat)| {
        let (actor, count) = (names::name(actor), units::count(lat.count));
        let line = text(lang, &Msg::RunQueue { actor: &actor, count: &count });
        Block::Group(vec![Block::Head(line.into()), quantiles(lat, lang)])
    }));
    Some(Section::new(SectionId::Waits, Label::WaitsTitle, blocks))
}

fn one_call(actor: &Actor, wait: &Wait, lang: Lang) -> Block {
    let (class, count) = (wait.file_class.name(), units::count(wait.latency.count));
    let file = format!("{class}{SLOT}");
    let actor = names::name(actor);
    let msg = Msg::Waits { actor: &actor, call: wait.call.name(), file: &file, count: &count };
    let head = Text::with(&text(lang, &msg), [aside(wait.path.as_deref(), class, 2)]);
    let mut blocks = vec![Block::Head(head), quantiles(&wait.latency, lang)];
    blocks.extend(wait.anatomy.as_ref().and_then(|parts| made_of(parts, lang)));
    let any = wait.latency.buckets.iter().any(|(_, count)| *count > 0);
    blocks.extend(any.then(|| Block::Bars(wait.latency.buckets.clone())));
    Block::Group(blocks)
}

fn quantiles(lat: &Lat, lang: Lang) -> Block {
    let [mean, p50, p99, max] = [lat.mean_ns, lat.p50_ns, lat.p99_ns, lat.max_ns].map(known_time);
    let msg = Msg::Quantiles { mean: &mean, p50: &p50, p99: &p99, max: &max };
    Block::said(text(lang, &msg))
}

/// The parts of a time, the largest first and small ones together; `None` when there are none.
fn made_of(parts: &BTreeMap<Part, u64>, lang: Lang) -> Option<Block> {
    let whole = parts.values().fold(0, |sum: u64, ns| sum.saturating_add(*ns));
    let slice = |of, part| Slice { name: label(lang, of), part, whole };
    let is_shown = |ns: u64| u128::from(ns) * 100 >= u128::from(whole) * PERCENT_SHOWN;
    let shown = parts.iter().filter(|(_, ns)| **ns > 0 && is_shown(**ns));
    let mut slices: Vec<Slice> = shown.map(|(part, ns)| slice(label_of(*part), *ns)).collect();
    slices.sort_by_key(|slice| Reverse(slice.part));
    let rest = parts.values().filter(|ns| !is_shown(**ns)).sum();
    if rest > 0 {
        slices.push(slice(Label::Rest, rest));
    }
    (!slices.is_empty()).then_some(Block::Slices(slices))
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
