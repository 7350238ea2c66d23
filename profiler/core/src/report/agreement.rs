//! Whether verdict, findings and advice of a report say the same: they are views of one diagnosis.

use std::collections::BTreeMap;

use super::{
    AdviceId, Conclusion, Evidence, Reason, Report, Severity, Share, Standing, Verdict,
    VictimState, WaitKind,
};
use crate::ids::FileClass;

/// What does not agree, in words for tests; empty when all does.
///
/// Advice acts on nobody whom no finding of a warning or more names. Culprits stand in one order. "Leave the limits" stands beside no such
/// finding, no other verdict than that it is not the disk, and no waits that are mostly unexplained. One 99th percentile has
/// one value.
pub fn check_agreement(report: &Report) -> Vec<String> {
    let mut wrong = Vec::new();
    advice_acts_on_the_named(report, &mut wrong);
    limits_stay_where_nothing_is_wrong(report, &mut wrong);
    one_order(report, &mut wrong);
    one_figure(report, &mut wrong);
    wrong
}

fn advice_acts_on_the_named(report: &Report, wrong: &mut Vec<String>) {
    let findings = report.findings.iter().flatten();
    let warnings = findings.filter(|found| found.severity >= Severity::Warning);
    let named: Vec<&str> =
        warnings.flat_map(|found| &found.culprits).map(|one| one.actor.as_str()).collect();
    for one in report.advice.iter().flatten() {
        if let Some(culprit) = one.culprit.as_deref().filter(|id| !named.contains(id)) {
            wrong.push(format!("{} is about {culprit}, whom no finding names", one.id.name()));
        }
    }
}

fn limits_stay_where_nothing_is_wrong(report: &Report, wrong: &mut Vec<String>) {
    let stay = |one: &&super::Advice| {
        one.id == AdviceId::LimitsUnchanged && one.verdict == Verdict::Recommended
    };
    if !report.advice.iter().flatten().any(|one| stay(&one)) {
        return;
    }
    for found in report.findings.iter().flatten() {
        if found.severity >= Severity::Warning {
            wrong.push(format!("the limits stay beside {}", found.id.name()));
        }
    }
    let Some(verdict) = &report.verdict else { return };
    if !matches!(verdict.answer, VictimState::Fine | VictimState::NotTheDisk) {
        wrong.push(format!("the limits stay, and it is {:?}", verdict.answer));
    }
    for reason in &verdict.because {
        if let Reason::Shares { unnamed, unexplained, .. } = reason
            && unnamed.millionths().saturating_add(unexplained.millionths()) >= Share::WHOLE / 2
        {
            wrong.push("the limits stay, and most is not explained".to_owned());
        }
    }
}

/// Those who stand in an order somewhere.
fn lists(report: &Report) -> Vec<Vec<&str>> {
    let mut lists: Vec<Vec<&str>> = Vec::new();
    if let Some(Conclusion::OthersCause { culprits, .. }) =
        report.verdict.as_ref().map(|verdict| &verdict.conclusion)
    {
        lists.push(culprits.iter().map(String::as_str).collect());
    }
    let findings = report.findings.iter().flatten();
    lists.extend(
        findings.map(|found| found.culprits.iter().map(|one| one.actor.as_str()).collect()),
    );
    // What is refused stands by culprit; what is recommended by what it does.
    let refused = report.advice.iter().flatten().filter(|one| one.verdict == Verdict::Refused);
    let mut about: Vec<&str> = refused.filter_map(|one| one.culprit.as_deref()).collect();
    about.dedup();
    lists.push(about);
    lists
}

fn one_order(report: &Report, wrong: &mut Vec<String>) {
    let lists = lists(report);
    let pairs = |list: &[&str]| -> Vec<(String, String)> {
        let after = |at: usize| list[at + 1..].iter().map(move |next| (at, *next));
        let all = (0..list.len()).flat_map(after);
        all.map(|(at, next)| (list[at].to_owned(), next.to_owned())).collect()
    };
    let all: Vec<_> = lists.iter().flat_map(|list| pairs(list)).collect();
    for (first, second) in &all {
        if all.iter().any(|(other, last)| other == second && last == first) {
            wrong.push(format!("{first} stands before {second} and behind it"));
        }
    }
}

/// Whose waits, on files of which class, in which sort of call.
type Of<'a> = (&'a str, FileClass, WaitKind);

fn one_figure(report: &Report, wrong: &mut Vec<String>) {
    let mut known: BTreeMap<Of<'_>, u64> = BTreeMap::new();
    for (of, p99_ns) in figures(report) {
        let first = *known.entry(of).or_insert(p99_ns);
        if first != p99_ns {
            wrong.push(format!("p99 of {of:?} is {first} and {p99_ns}"));
        }
    }
    for ((victim, class, kind), p99_ns) in &known {
        let waits = report.actor(victim).map(|actor| actor.waits.as_slice()).unwrap_or_default();
        let is_of = |wait: &&super::Wait| {
            wait.file_class == *class && wait.call.syncs_a_file() && *kind == WaitKind::Sync
        };
        let rows: Vec<_> = waits.iter().filter(is_of).collect();
        // Several calls of a sort are one figure in the verdict, and a row each among the waits.
        if let [row] = rows.as_slice()
            && row.latency.p99_ns != Some(*p99_ns)
        {
            wrong.push(format!(
                "p99 of {victim} is {p99_ns} and {:?} among the waits",
                row.latency.p99_ns
            ));
        }
    }
}

/// Every 99th percentile of a victim's waits over the whole window.
fn figures(report: &Report) -> Vec<(Of<'_>, u64)> {
    let mut all: Vec<(Of<'_>, u64)> = Vec::new();
    if let Some(verdict) = &report.verdict {
        let reasons = verdict.because.iter().filter_map(|reason| match reason {
            Reason::Stands(standing) => Some(standing),
            _ => None,
        });
        let worst = match &verdict.conclusion {
            Conclusion::OthersCause { worst, .. }
            | Conclusion::CpuStarved { worst, .. }
            | Conclusion::NoCpu { worst }
            | Conclusion::DiskItself { worst, .. }
            | Conclusion::LimitHolds { worst, .. }
            | Conclusion::WaitsFine { worst }
            | Conclusion::FineButStalls { worst, .. } => Some(worst),
            _ => None,
        };
        all.extend(reasons.chain(worst).filter_map(|one: &Standing| {
            Some(((one.victim.as_str(), one.file_class, one.wait?), one.p99_ns))
        }));
    }
    for found in report.findings.iter().flatten() {
        let Some(Evidence { file_class, wait, p99_ns, sync_p99_ns, .. }) = &found.evidence else {
            continue;
        };
        all.push(((&found.victim, *file_class, *wait), *p99_ns));
        all.extend(
            sync_p99_ns.map(|ns| ((found.victim.as_str(), *file_class, WaitKind::Sync), ns)),
        );
    }
    for one in report.advice.iter().flatten() {
        if let Some(effect) = &one.effect
            && let Some(class) = effect.file_class.filter(|_| effect.call.syncs_a_file())
        {
            all.push(((&effect.victim, class, WaitKind::Sync), effect.p99_before_ns));
        }
    }
    all
}
