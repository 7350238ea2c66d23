//! Named patterns in a report, and the verdict: what an SRE would conclude from the same numbers.
//!
//! Everything here is a pure function of a finished report. A rule owns one pattern and lives in one file; it is asked
//! about one victim at a time and answers that the pattern is there, that it is not, or that it cannot say and why.
//! What is measured against what, and
//! whom waits are charged to, is the [`crate::diagnosis`]. What comes out are patterns, numbers and ids; `text::findings` has the
//! words, and `profiler/docs/findings.md` describes both for people.

mod case;
mod colocated_disk;
mod confidence;
mod cpu_starved;
mod db_page_faults;
mod flush_bound;
mod journal_entanglement;
mod not_the_disk;
mod pre_fsync_stall;
mod slow_disk;
mod snapshot_contention;
mod snapshot_read_burst;
mod stalls;
mod throttled;
mod verdict;

#[cfg(test)]
mod build;
#[cfg(test)]
mod tests;

use crate::diagnosis::{Diagnosis, Victim};

use crate::report::{Answer, Finding, Judgement, Pattern, Reason, Report, Rule};

/// A rule's answer: its pattern, that it is not there, or why it cannot say.
type Ruling = Result<Option<Finding>, Reason>;

/// A rule.
type Ask = fn(&Diagnosis<'_>, &Victim<'_>) -> Ruling;

/// All rules, in the order in which they are listed.
const RULES: [(Pattern, Ask); 12] = [
    (snapshot_contention::ID, snapshot_contention::ask),
    (colocated_disk::ID, colocated_disk::ask),
    (journal_entanglement::ID, journal_entanglement::ask),
    (pre_fsync_stall::ID, pre_fsync_stall::ask),
    (snapshot_read_burst::ID, snapshot_read_burst::ask),
    (db_page_faults::ID, db_page_faults::ask),
    (slow_disk::ID, slow_disk::ask),
    (throttled::ID, throttled::ask),
    (cpu_starved::ID, cpu_starved::ask),
    (flush_bound::ID, flush_bound::ask),
    (stalls::ID, stalls::ask),
    (not_the_disk::ID, not_the_disk::ask),
];

/// What is said of a diagnosis.
pub(crate) struct Judged {
    /// The verdict.
    pub(crate) verdict: Judgement,
    /// How every rule answered.
    rules: Vec<Rule>,
    /// The findings; those that matter most stand first.
    pub(crate) findings: Vec<Finding>,
}

impl Judged {
    /// Asks all rules about a diagnosis, and what it comes to.
    pub(crate) fn of(diagnosis: &Diagnosis<'_>) -> Self {
        let mut findings = Vec::new();
        let rules =
            RULES.iter().map(|(id, ask)| rule(diagnosis, id, *ask, &mut findings)).collect();
        findings.sort_by(|a: &Finding, b: &Finding| {
            b.severity.cmp(&a.severity).then(b.confidence.total_cmp(&a.confidence))
        });
        Self { verdict: verdict::of(diagnosis, &findings), rules, findings }
    }
}

/// Puts verdict, answers and findings into a report.
pub(crate) fn judge(report: &mut Report) {
    let (Judged { verdict, rules, findings }, stalls) = {
        let diagnosis = Diagnosis::of(report);
        (Judged::of(&diagnosis), stalls::judged(&diagnosis))
    };
    if report.stalls.is_some() {
        report.stalls = Some(stalls);
    }
    report.verdict = Some(verdict);
    report.rules = Some(rules);
    report.findings = Some(findings);
}

/// The verdict about one victim of a report that was judged; `findings` are the report's.
pub(crate) fn of_victim(
    diagnosis: &Diagnosis<'_>,
    victim: &Victim<'_>,
    findings: &[Finding],
) -> Judgement {
    verdict::of_some(diagnosis, &[victim], findings)
}

/// Asks one rule about every victim. What it cannot say of one is told when it found nothing at any other.
fn rule(diagnosis: &Diagnosis<'_>, id: &Pattern, ask: Ask, findings: &mut Vec<Finding>) -> Rule {
    let before = findings.len();
    let mut reason = None;
    for victim in &diagnosis.victims {
        match ask(diagnosis, victim) {
            Ok(found) => findings.extend(found),
            Err(why) => reason = reason.or(Some(why)),
        }
    }
    if diagnosis.victims.is_empty() {
        reason = Some(Reason::NoWaits);
    }
    let answer = match &reason {
        _ if findings.len() > before => Answer::Fires,
        Some(_) => Answer::NotYet,
        None => Answer::Quiet,
    };
    Rule { id: id.clone(), answer, reason: reason.filter(|_| answer == Answer::NotYet) }
}
