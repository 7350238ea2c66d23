//! The verdict of a window: fine, slow disk, contended, throttled, short of CPU, not the disk, or cannot tell.
//!
//! Waits above their lines make it a matter of the disk. Whose, is a matter of blame: others' share, or nobody's. Where
//! blame was not computed the answer is that it cannot be told, never that it was nobody.

use crate::diagnosis::limits::{self, Level};
use crate::diagnosis::shares::{By, Shares};
use crate::diagnosis::stalls::{StallShares, Stalled};
use crate::diagnosis::waits::{Sort, Waiting};
use crate::diagnosis::{Diagnosis, Victim};
use crate::report::{
    Conclusion, Finding, Judgement, Part, Pattern, Reason, Severity, Share, Standing, VictimState,
};

/// Findings that a verdict is about others, whatever the shares say over all waits: a short backup in a long window.
const OF_OTHERS: [Pattern; 3] =
    [super::snapshot_contention::ID, super::colocated_disk::ID, super::journal_entanglement::ID];

/// The verdict. `findings` are those of the same report, the worst first.
///
/// Stalls that others make are contention whatever the window's percentiles are: where they are fine, or say nothing, one is enough;
/// else most of the stalls' time has to be others'.
pub(super) fn of(diagnosis: &Diagnosis<'_>, findings: &[Finding]) -> Judgement {
    let victims: Vec<&Victim<'_>> = diagnosis.victims.iter().collect();
    of_some(diagnosis, &victims, findings)
}

/// The same of some of its victims.
pub(super) fn of_some(
    diagnosis: &Diagnosis<'_>,
    victims: &[&Victim<'_>],
    findings: &[Finding],
) -> Judgement {
    let whole = of_the_window(diagnosis, victims, findings);
    let is_theirs = |found: &Finding| found.id == super::stalls::ID && is_about(victims, found);
    let Some(finding) = findings.iter().position(is_theirs) else {
        return whole;
    };
    let is_open = match whole.answer {
        VictimState::Contended => false,
        VictimState::SlowDisk | VictimState::Throttled | VictimState::CpuStarved => {
            are_stalls_by_others(diagnosis, victims)
        }
        VictimState::Fine | VictimState::NotTheDisk | VictimState::CannotTell => true,
    };
    if !is_open {
        return whole;
    }
    judgement(VictimState::Contended, Conclusion::Stalls { finding }, whole.because)
}

/// Whether a finding is about one of these victims.
fn is_about(victims: &[&Victim<'_>], found: &Finding) -> bool {
    victims.iter().any(|one| one.actor.id == found.victim)
}

/// Their stalls.
fn stalls_of<'d, 'a>(
    diagnosis: &'d Diagnosis<'a>,
    victims: &[&Victim<'_>],
) -> impl Iterator<Item = &'d Stalled<'a>> {
    diagnosis
        .stalls
        .iter()
        .filter(move |one| victims.iter().any(|victim| victim.actor.id == one.stall.victim))
}

/// Whether the largest part of all their stalls' time is others'.
fn are_stalls_by_others(diagnosis: &Diagnosis<'_>, victims: &[&Victim<'_>]) -> bool {
    let mut all = StallShares::default();
    stalls_of(diagnosis, victims).for_each(|one| all.merge(&one.shares));
    all.largest() == By::Named
}

/// The verdict by the waits of the whole window.
fn of_the_window(
    diagnosis: &Diagnosis<'_>,
    victims: &[&Victim<'_>],
    findings: &[Finding],
) -> Judgement {
    let judged: Vec<(&Victim<'_>, &Waiting<'_>)> = victims
        .iter()
        .flat_map(|victim| victim.waitings.iter().map(move |waiting| (*victim, waiting)))
        .collect();
    if judged.is_empty() {
        let stalls = stalls_of_nobody(diagnosis, victims);
        let nothing = nothing_to_judge(diagnosis, victims);
        return cannot_tell([nothing].into_iter().chain(stalls).collect());
    }
    let not_timed = not_timed(victims);
    let mut because: Vec<Reason> = judged.iter().map(|one| Reason::Stands(stands(one))).collect();
    because.extend(not_timed.clone());
    if diagnosis.lost() >= limits::LOST {
        return cannot_tell([vec![diagnosis.events_lost()], because].concat());
    }
    let is_of_others = |found: &Finding| {
        OF_OTHERS.contains(&found.id) && found.severity > Severity::Info && is_about(victims, found)
    };
    let others = findings.iter().position(is_of_others);
    let above: Vec<(&Victim<'_>, &Waiting<'_>)> =
        judged.iter().copied().filter(|(_, waiting)| waiting.level() > Level::Fine).collect();
    let Some(worst) = above.iter().max_by_key(|(_, waiting)| (waiting.level(), waiting.sum_ns))
    else {
        return match others {
            Some(finding) => {
                judgement(VictimState::Contended, Conclusion::AtTimes { finding }, because)
            }
            None => match not_timed {
                Some(why) => missing(why, because),
                None => fine((diagnosis, victims), &judged, because),
            },
        };
    };
    if above.iter().all(|(_, waiting)| on_the_cpu(waiting) >= limits::MOST) {
        return on_or_without_a_cpu(worst, because);
    }
    let others = others.and_then(|at| findings.get(at));
    blamed(diagnosis, &above, worst, others, because)
}

/// Waits are above their lines: whose are they?
fn blamed(
    diagnosis: &Diagnosis<'_>,
    above: &[(&Victim<'_>, &Waiting<'_>)],
    worst: &(&Victim<'_>, &Waiting<'_>),
    others: Option<&Finding>,
    because: Vec<Reason>,
) -> Judgement {
    let mut all = Shares::default();
    for sort in above.iter().filter_map(|(_, waiting)| waiting.worst()) {
        match sort.charges() {
            Ok(charges) => all.add(charges),
            Err(why) => return cannot_tell([vec![why], because].concat()),
        }
    }
    let because = [vec![all.reason()], because].concat();
    let is_cured = others.is_some_and(|found| is_cured(found, worst.1));
    let worst = stands(worst);
    match all.largest() {
        By::Named => contended(diagnosis, &all, worst, because),
        By::Disk if all.of(all.named) >= limits::SHARE && is_cured => {
            contended(diagnosis, &all, worst, because)
        }
        By::Disk if all.limit >= all.disk / 2 => {
            let (limit, others) = (all.part(all.limit), all.part(all.named));
            let conclusion = Conclusion::LimitHolds { limit, others, worst };
            judgement(VictimState::Throttled, conclusion, because)
        }
        By::Disk => {
            let (disk, others) = (all.part(all.disk), all.part(all.named));
            judgement(
                VictimState::SlowDisk,
                Conclusion::DiskItself { disk, others, worst },
                because,
            )
        }
        By::Cpu if all.ready >= all.cpu / 2 => {
            let (ready, others) = (all.part(all.ready), Some(all.part(all.named)));
            let conclusion = Conclusion::CpuStarved { ready, others, worst };
            judgement(VictimState::CpuStarved, conclusion, because)
        }
        By::Cpu => judgement(VictimState::NotTheDisk, Conclusion::NoCpu { worst }, because),
        By::Nobody => cannot_tell(because),
    }
}

/// Whether waits without the culprit are below the line: with less than half of the blame it is still what to change.
fn is_cured(found: &Finding, waiting: &Waiting<'_>) -> bool {
    let Some(evidence) = &found.evidence else { return false };
    evidence.alone_count >= Some(limits::MANY)
        && evidence.alone_p99_ns.is_some_and(|ns| ns < waiting.limit_ns)
}

fn contended<'a>(
    diagnosis: &Diagnosis<'a>,
    all: &Shares<'a>,
    worst: Standing,
    because: Vec<Reason>,
) -> Judgement {
    let (share, culprits) = (all.part(all.named), diagnosis.first_culprits(all));
    let conclusion = Conclusion::OthersCause { share, culprits, worst };
    judgement(VictimState::Contended, conclusion, because)
}

/// Most of the time is the CPU's, whoever else is blamed for the rest: a lack of it, or the thread's own work.
fn on_or_without_a_cpu(
    (victim, waiting): &(&Victim<'_>, &Waiting<'_>),
    because: Vec<Reason>,
) -> Judgement {
    let part = |part| waiting.worst().and_then(|sort| sort.share_of(&[part])).unwrap_or(0.0);
    let worst = stands(&(*victim, *waiting));
    if part(Part::Runnable) < part(Part::Cpu) {
        return judgement(VictimState::NotTheDisk, Conclusion::NoCpu { worst }, because);
    }
    let ready = Share::rounded(part(Part::Runnable));
    let conclusion = Conclusion::CpuStarved { ready, others: None, worst };
    judgement(VictimState::CpuStarved, conclusion, because)
}

/// Share of syncs' time that the thread ran or was ready to.
fn on_the_cpu(waiting: &Waiting<'_>) -> f64 {
    let worst = waiting.worst();
    worst.and_then(|sort| sort.share_of(&[Part::Runnable, Part::Cpu])).unwrap_or(0.0)
}

/// Stalls that nobody was found for, if there were any.
fn stalls_of_nobody(diagnosis: &Diagnosis<'_>, victims: &[&Victim<'_>]) -> Option<Reason> {
    let nobodys: Vec<&Stalled<'_>> =
        stalls_of(diagnosis, victims).filter(|one| !one.has_culprit()).collect();
    super::stalls::of_nobody(&nobodys)
}

/// No wait is too long, but for stalls that nobody was found for.
fn fine(
    (diagnosis, victims): (&Diagnosis<'_>, &[&Victim<'_>]),
    judged: &[(&Victim<'_>, &Waiting<'_>)],
    mut because: Vec<Reason>,
) -> Judgement {
    let worst = judged.iter().max_by(|(_, a), (_, b)| by_line(a).total_cmp(&by_line(b)));
    let Some(worst) = worst else { return cannot_tell(vec![Reason::NoWaits]) };
    let worst = stands(worst);
    because.push(Reason::LogsNotRead);
    if let Some(why) = stalls_of_nobody(diagnosis, victims) {
        because.insert(0, why.clone());
        if let Reason::StallsOfNobody { count: stalls, longest, mostly } = why {
            let conclusion = Conclusion::FineButStalls { worst, stalls, longest, mostly };
            return judgement(VictimState::NotTheDisk, conclusion, because);
        }
    }
    judgement(VictimState::Fine, Conclusion::WaitsFine { worst }, because)
}

/// A 99th percentile as a multiple of its line.
#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn by_line(waiting: &Waiting<'_>) -> f64 {
    let p99 = waiting.worst().map_or(0, Sort::p99_ns);
    p99 as f64 / waiting.limit_ns.max(1) as f64
}

/// Where the waits of a victim on one class stand.
fn stands((victim, waiting): &(&Victim<'_>, &Waiting<'_>)) -> Standing {
    let worst = waiting.worst();
    Standing {
        victim: victim.actor.id.clone(),
        file_class: waiting.class,
        wait: worst.map(|sort| sort.kind),
        p99_ns: worst.map_or(0, Sort::p99_ns),
        max_ns: worst.map_or(0, Sort::max_ns),
        limit_ns: waiting.limit_ns,
    }
}

/// Why there is nothing to judge by. What was not seen is told before what was too little.
fn nothing_to_judge(diagnosis: &Diagnosis<'_>, victims: &[&Victim<'_>]) -> Reason {
    let targets = diagnosis.report.targets.iter().any(|target| !target.actors.is_empty());
    let none = if targets { Reason::NoWaits } else { Reason::NoTarget };
    let all = victims.iter().filter_map(|victim| victim.judged().err());
    let too_few = all.max_by_key(|why| match why {
        Reason::TooFewWaits { count, .. } => *count,
        _ => 0,
    });
    not_timed(victims).or(too_few).unwrap_or(none)
}

/// That syncs of a target were not timed.
fn not_timed(victims: &[&Victim<'_>]) -> Option<Reason> {
    victims.iter().find_map(|victim| victim.not_timed.clone())
}

/// It cannot be told, for this reason, which stands among the others.
fn missing(reason: Reason, because: Vec<Reason>) -> Judgement {
    judgement(VictimState::CannotTell, Conclusion::Missing { reason }, because)
}

/// The first reason is what is missing.
fn cannot_tell(because: Vec<Reason>) -> Judgement {
    let reason = because.first().cloned().unwrap_or(Reason::NoWaits);
    judgement(VictimState::CannotTell, Conclusion::Missing { reason }, because)
}

fn judgement(answer: VictimState, conclusion: Conclusion, because: Vec<Reason>) -> Judgement {
    Judgement { answer, conclusion, because }
}
