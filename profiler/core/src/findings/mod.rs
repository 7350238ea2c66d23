//! Named patterns in a report, and the verdict: what an SRE would conclude from the same numbers.
//!
//! Everything here is a pure function of a finished report. A rule owns one pattern and lives in one file; it is asked
//! about one victim at a time and answers that the pattern is there, that it is not, or that it cannot say and why.
//! Constants with their sources are in `lines`, words in `text::findings`, and both are described for people in
//! `profiler/docs/findings.md`.

mod case;
mod charges;
mod colocated_disk;
mod context;
mod db_page_faults;
mod flush_bound;
mod journal_entanglement;
mod lines;
mod not_the_disk;
mod pre_fsync_stall;
mod slow_disk;
mod snapshot_contention;
mod snapshot_read_burst;
mod throttled;
mod trust;
mod verdict;
mod waiting;
mod who;

#[cfg(test)]
mod build;
#[cfg(test)]
mod tests;

use context::{Context, Victim};

use crate::report::{Answer, Finding, Report, Rule};
use crate::text::{Lang, findings as words};

/// Requests are held back; who knows the host can say by which limit.
pub(crate) const THROTTLED: &str = throttled::ID;

/// Why a rule cannot say.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NotYet(String);

/// A rule's answer: its pattern, that it is not there, or why it cannot say.
type Ruling = Result<Option<Finding>, NotYet>;

/// A rule.
type Ask = fn(&Context<'_>, &Victim<'_>) -> Ruling;

/// All rules, in the order in which they are listed.
const RULES: [(&str, Ask); 10] = [
    (snapshot_contention::ID, snapshot_contention::ask),
    (colocated_disk::ID, colocated_disk::ask),
    (journal_entanglement::ID, journal_entanglement::ask),
    (pre_fsync_stall::ID, pre_fsync_stall::ask),
    (snapshot_read_burst::ID, snapshot_read_burst::ask),
    (db_page_faults::ID, db_page_faults::ask),
    (slow_disk::ID, slow_disk::ask),
    (throttled::ID, throttled::ask),
    (flush_bound::ID, flush_bound::ask),
    (not_the_disk::ID, not_the_disk::ask),
];

/// Asks all rules about a report and puts findings, answers and verdict into it. The findings that matter most stand
/// first.
pub(crate) fn judge(report: &mut Report) {
    let context = Context::new(report);
    let mut findings = Vec::new();
    let rules = RULES.iter().map(|(id, ask)| rule(&context, id, *ask, &mut findings)).collect();
    findings.sort_by(|a: &Finding, b: &Finding| {
        b.severity.cmp(&a.severity).then(b.confidence.total_cmp(&a.confidence))
    });
    let verdict = verdict::of(&context, &findings);
    report.verdict = Some(verdict);
    report.rules = Some(rules);
    report.findings = Some(findings);
}

/// Asks one rule about every victim. What it cannot say of one is told when it found nothing at any other.
fn rule(context: &Context<'_>, id: &str, ask: Ask, findings: &mut Vec<Finding>) -> Rule {
    let before = findings.len();
    let mut reason = None;
    for victim in &context.victims {
        match ask(context, victim) {
            Ok(found) => findings.extend(found),
            Err(NotYet(why)) => reason = reason.or(Some(why)),
        }
    }
    if context.victims.is_empty() {
        reason = Some(words::no_waits(Lang::En));
    }
    let answer = match &reason {
        _ if findings.len() > before => Answer::Fires,
        Some(_) => Answer::NotYet,
        None => Answer::Quiet,
    };
    Rule { id: id.to_owned(), answer, reason: reason.filter(|_| answer == Answer::NotYet) }
}
