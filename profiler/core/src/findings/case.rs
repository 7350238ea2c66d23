//! A case against somebody: a part of a victim's wait that is charged to them, and how much it matters.

use std::collections::BTreeMap;

use serde_json::Value;

use super::charges::{Charges, To};
use super::context::{Context, Victim, is_longer};
use super::lines::{self, Level};
use super::waiting::{Sort, Waiting, share};
use super::{NotYet, trust, who};
use crate::report::{AloneVsShared, Blame, Finding, Severity};
use crate::text::Lang;
use crate::text::findings::{self as words, Figures};

/// The case.
pub(super) struct Case<'a, 'c> {
    context: &'c Context<'a>,
    pub(super) victim: &'c Victim<'a>,
    waiting: &'c Waiting<'a>,
    sort: &'c Sort,
    /// The time charged, and its share of the whole wait.
    ns: u64,
    whole_ns: u64,
    share: f64,
    severity: Severity,
    unknown: f64,
    /// The others among those it is about, by time.
    culprits: Vec<(&'a str, u64)>,
    /// Devices on which it happened.
    devices: Vec<&'a str>,
    /// The victim's waits with and without the first of them.
    pub(super) beside: Option<&'a AloneVsShared>,
}

/// The strongest case that the rows of blame make which `keep` wants, over all the victim's waits; `None` when there is
/// none worth a word.
pub(super) fn strongest<'a, 'c>(
    context: &'c Context<'a>,
    victim: &'c Victim<'a>,
    waitings: &'c [Waiting<'a>],
    keep: impl Fn(To<'_>, &Blame) -> bool + Copy,
) -> Result<Option<Case<'a, 'c>>, NotYet> {
    let mut best: Option<Case<'a, 'c>> = None;
    for waiting in waitings.iter().filter(|waiting| !waiting.is_clearly_fine()) {
        let Some(sort) = waiting.worst() else { continue };
        let charges = context.charges(victim, waiting.class, sort)?;
        let Some(case) = case(context, victim, (waiting, sort), &charges, keep) else { continue };
        let is_stronger =
            |known: &Case<'_, '_>| (case.severity, case.ns) > (known.severity, known.ns);
        if best.as_ref().is_none_or(is_stronger) {
            best = Some(case);
        }
    }
    Ok(best)
}

fn case<'a, 'c>(
    context: &'c Context<'a>,
    victim: &'c Victim<'a>,
    (waiting, sort): (&'c Waiting<'a>, &'c Sort),
    charges: &Charges<'a>,
    keep: impl Fn(To<'_>, &Blame) -> bool + Copy,
) -> Option<Case<'a, 'c>> {
    let ns = charges.ns(keep);
    let share = share(ns, charges.whole_ns);
    let culprits = charges.culprits(|id, row| keep(To::Other(id), row));
    let first = culprits.first().map(|(id, _)| *id);
    let beside = first.and_then(|id| context.beside(&victim.actor.id, id));
    let on_the_whole = lines::severity(sort.level, share, ns / sort.lat.count.max(1));
    let severity = on_the_whole.max(severity_beside(victim, beside, ns))?;
    let (unknown, devices) = (charges.unknown(), charges.devices(keep));
    let whole_ns = charges.whole_ns;
    Some(Case {
        context,
        victim,
        waiting,
        sort,
        ns,
        whole_ns,
        share,
        severity,
        unknown,
        culprits,
        devices,
        beside,
    })
}

/// How much it matters while the culprit is at work: in a long window a short backup shows neither in a percentile of the
/// whole nor in its sum. These are waits of all classes together, so the widest line counts.
fn severity_beside(
    victim: &Victim<'_>,
    beside: Option<&AloneVsShared>,
    ns: u64,
) -> Option<Severity> {
    let shared = beside?.shared.as_ref().filter(|lat| lat.count >= lines::ENOUGH)?;
    // A single long wait already counts in the whole.
    let level = lines::level(victim.widest_line_ns(), shared.p99_ns?, 0);
    (level > Level::Fine).then(|| lines::severity(level, share(ns, shared.sum_ns), 0)).flatten()
}

impl<'a> Case<'a, '_> {
    /// The disk on which most of it happened, for a sentence.
    pub(super) fn device(&self) -> String {
        self.devices.first().map_or_else(|| words::its_disk(Lang::En), |name| who::safe(name))
    }

    /// Ids of those it is about.
    pub(super) fn culprits(&self) -> impl Iterator<Item = &'a str> {
        self.named().map(|(id, _)| id)
    }

    /// The same in words, each with its share of the wait.
    pub(super) fn culprits_in_words(&self) -> String {
        let whole = self.whole_ns;
        let one = |(id, ns): (&str, u64)| {
            words::with_share(
                Lang::En,
                &who::of(self.context, id),
                &trust::percent(share(ns, whole)),
            )
        };
        let named: Vec<String> = self.named().map(one).collect();
        words::list(Lang::En, &named)
    }

    /// The first of them in words.
    pub(super) fn first_in_words(&self) -> Option<String> {
        self.named().next().map(|(id, _)| who::of(self.context, id))
    }

    /// Whether it is about this actor, among others.
    pub(super) fn is_about(&self, id: &str) -> bool {
        self.named().any(|(named, _)| named == id)
    }

    /// Those with a share worth naming; the first always.
    fn named(&self) -> impl Iterator<Item = (&'a str, u64)> {
        let whole = self.whole_ns;
        let all = self.culprits.iter().copied().enumerate();
        all.filter(move |(index, (_, ns))| *index == 0 || share(*ns, whole) >= lines::NAMED)
            .map(|(_, one)| one)
    }

    /// The numbers of a sentence.
    pub(super) fn figures(&self) -> String {
        figures(self.waiting, self.sort, self.share)
    }

    /// The finding with what every case has: numbers, caveats, confidence. `caveats` are its own.
    pub(super) fn finding(&self, id: &str, summary: String, caveats: Vec<String>) -> Finding {
        let mut evidence = evidence(self.waiting, self.sort, self.share);
        put(&mut evidence, "charged_ns", self.ns);
        if let Some(row) = self.beside {
            sides(&mut evidence, row);
        }
        let mut all = caveats;
        match self.beside.and_then(is_longer) {
            Some(false) => all.push(words::not_longer(Lang::En)),
            None if !self.culprits.is_empty() => all.push(words::not_compared(Lang::En)),
            Some(true) | None => {}
        }
        all.extend(trust::caveats(self.context, self.waiting, self.unknown));
        Finding {
            id: id.to_owned(),
            severity: self.severity,
            confidence: trust::confidence(self.context, self.waiting, self.unknown),
            subject: self.victim.actor.id.clone(),
            culprits: self.culprits().map(str::to_owned).collect(),
            summary,
            evidence,
            caveats: all,
        }
    }
}

/// The numbers of a sentence about a share of waits.
pub(super) fn figures(waiting: &Waiting<'_>, sort: &Sort, share: f64) -> String {
    words::figures(
        Lang::En,
        &Figures {
            share: &trust::percent(share),
            class: waiting.class.name(),
            kind: sort.kind.name(),
            p99: &who::time(sort.p99_ns()),
            line: &who::time(waiting.line_ns),
        },
    )
}

/// What every finding about waits has: the file, and numbers.
pub(super) fn evidence(waiting: &Waiting<'_>, sort: &Sort, share: f64) -> BTreeMap<String, Value> {
    let mut evidence = BTreeMap::new();
    evidence.insert("file_class".to_owned(), waiting.class.name().into());
    evidence.insert("wait".to_owned(), sort.kind.name().into());
    evidence.insert("share".to_owned(), ((share * 1_000.0).round() / 1_000.0).into());
    if let Some(path) = waiting.path {
        evidence.insert("path".to_owned(), path.into());
    }
    for (name, number) in [
        ("count", sort.lat.count),
        ("sum_ns", sort.lat.sum_ns),
        ("mean_ns", sort.mean_ns()),
        ("p99_ns", sort.p99_ns()),
        ("max_ns", sort.max_ns()),
        ("line_ns", waiting.line_ns),
    ] {
        put(&mut evidence, name, number);
    }
    evidence
}

/// Puts a number under its name.
pub(super) fn put(evidence: &mut BTreeMap<String, Value>, name: &str, number: u64) {
    evidence.insert(name.to_owned(), number.into());
}

fn sides(evidence: &mut BTreeMap<String, Value>, row: &AloneVsShared) {
    for (side, lat) in [("alone", &row.alone), ("shared", &row.shared)] {
        let Some(lat) = lat else { continue };
        put(evidence, &format!("{side}_count"), lat.count);
        for (name, ns) in [("mean_ns", lat.mean_ns), ("p99_ns", lat.p99_ns)] {
            if let Some(ns) = ns {
                put(evidence, &format!("{side}_{name}"), ns);
            }
        }
    }
}
