//! An interval in a line for each victim: its state, p99, the longest wait, and who or what took most of the time.

use super::super::document::{Block, Document, Fit, Item, Section, SectionId};
use super::super::verdict::outcome;
use super::super::{coverage, facts, names};
use crate::diagnosis::causes::{By, Cause, Causes};
use crate::diagnosis::waits::Sort;
use crate::diagnosis::{Diagnosis, Victim};
use crate::findings;
use crate::report::{Lat, Report};
use crate::text::brief::{self as words, Nobody};
use crate::text::{Lang, label};

/// One interval of a watch.
pub fn interval(report: &Report, lang: Lang) -> Document {
    let diagnosis = Diagnosis::of(report);
    let at = report.window.end.get(11..19).unwrap_or(&report.window.end);
    let mut said: Vec<String> =
        diagnosis.victims.iter().map(|victim| line(&diagnosis, victim, lang)).collect();
    if said.is_empty() {
        said.push(words::no_waits(lang).to_owned());
    }
    let items = said.iter().map(|said| Item::new(words::interval(lang, at, said))).collect();
    let mut blocks = vec![Block::List { items, fit: Fit::Cut }];
    blocks.extend(coverage::lost(&report.coverage, lang));
    let sections = vec![Section::bare(SectionId::Interval, blocks)];
    Document { lang, title: facts::title(report, lang), sections }
}

fn line(diagnosis: &Diagnosis<'_>, victim: &Victim<'_>, lang: Lang) -> String {
    let report = diagnosis.report;
    let who = names::name(victim.actor);
    let by_limit = |sort: &&Sort<'_>| (sort.level, sort.p99_ns());
    let sorts = victim.waitings.iter().filter_map(|waiting| waiting.worst());
    let Some(worst) = sorts.max_by_key(by_limit) else {
        let syncs = victim.actor.waits.iter().filter(|wait| wait.call.syncs_a_file());
        let lat = Lat::merged(syncs.map(|wait| &wait.latency)).unwrap_or_default();
        return words::too_few(lang, &who, lat.count, lat.max_ns.unwrap_or(0));
    };
    let found = report.findings.as_deref().unwrap_or_default();
    let answer = findings::of_victim(diagnosis, victim, found).answer;
    let causes = Causes::of(diagnosis, &[victim]).ok();
    let first = causes.as_ref().and_then(|causes| causes.all.iter().max_by_key(|one| one.wait_ns));
    let first = first.map(|cause| (cause_name(report, cause, lang), cause.wait_ns));
    let first = first.as_ref().map(|(name, ns)| (name.as_str(), *ns));
    let state = (who.as_str(), label(lang, outcome(answer)));
    words::interval_state(lang, state, [worst.p99_ns(), worst.max_ns()], first)
}

/// What a cause is called.
fn cause_name(report: &Report, cause: &Cause<'_>, lang: Lang) -> String {
    let nobody = |what| words::nobody_named(lang, what);
    match &cause.by {
        By::Neighbour(culprit) => names::culprit_program(report, culprit),
        By::Unattributed => nobody(Nobody::Unattributed),
        By::Device => nobody(Nobody::Device),
        By::Limit => nobody(Nobody::Limit),
        By::NoCpu => nobody(Nobody::NoCpu),
        By::OwnWork => nobody(Nobody::OwnWork),
        By::Unexplained => nobody(Nobody::Unexplained),
    }
}
