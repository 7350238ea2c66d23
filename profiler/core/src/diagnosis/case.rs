//! A case against somebody: a part of a victim's wait that is charged to them, and how much it matters.

use super::charges::{Culprit, To};
use super::groups::Group;
use super::kinds::share;
use super::limits::{self, Level};
use super::model::{Diagnosis, Victim};
use super::waits::{Sort, Waiting};
use crate::ids::Role;
use crate::report::{AloneVsShared, Blame, Lat, Mechanism, Reason, Severity};

/// The case.
pub(crate) struct Case<'a, 'c> {
    pub(crate) diagnosis: &'c Diagnosis<'a>,
    pub(crate) victim: &'c Victim<'a>,
    pub(crate) waiting: &'c Waiting<'a>,
    pub(crate) sort: &'c Sort<'a>,
    /// The time charged, and its share of the whole wait.
    pub(crate) ns: u64,
    pub(crate) whole_ns: u64,
    pub(crate) share: f64,
    pub(crate) severity: Severity,
    pub(crate) unknown: f64,
    /// The others among those it is about with a share worth naming, in the diagnosis's order; the one with most always.
    pub(crate) culprits: Vec<Culprit<'a>>,
    /// The device on which most of it happened.
    pub(crate) device: Option<&'a str>,
    /// The victim's waits with and without the first of them, where that is one alone.
    pub(crate) beside: Option<&'a AloneVsShared>,
}

/// Whether a row charges a backup for the disk. Backups and others are told apart, so that one cause is one case.
pub(crate) fn by_backup(to: To<'_>, row: &Blame) -> bool {
    matches!(to, To::Other(group) if group.role() == Some(Role::Backup))
        && row.mechanism != Mechanism::Cpu
}

/// The same of anybody else with a name.
pub(crate) fn by_others(to: To<'_>, row: &Blame) -> bool {
    matches!(to, To::Other(group) if group.is_named() && group.role() != Some(Role::Backup))
        && row.mechanism != Mechanism::Cpu
}

/// Whom a victim is contended by: the strongest case against backups, and that against others. Whoever stalls it is one in any case,
/// though his part of the whole window is small.
pub(crate) fn contention<'a, 'c>(
    diagnosis: &'c Diagnosis<'a>,
    victim: &'c Victim<'a>,
) -> Vec<Case<'a, 'c>> {
    let stallers = diagnosis.stallers(victim);
    let of = |keep: fn(To<'_>, &Blame) -> bool| {
        strongest_beside(diagnosis, victim, keep, &stallers).ok().flatten()
    };
    [of(by_backup), of(by_others)].into_iter().flatten().collect()
}

/// The strongest case that the rows of blame make which `keep` wants, over all the victim's waits; `None` when there is
/// none worth a word.
pub(crate) fn strongest<'a, 'c>(
    diagnosis: &'c Diagnosis<'a>,
    victim: &'c Victim<'a>,
    keep: impl Fn(To<'_>, &Blame) -> bool + Copy,
) -> Result<Option<Case<'a, 'c>>, Reason> {
    strongest_beside(diagnosis, victim, keep, &[])
}

/// The same, where being one of the `stallers` is worth a word, too.
fn strongest_beside<'a, 'c>(
    diagnosis: &'c Diagnosis<'a>,
    victim: &'c Victim<'a>,
    keep: impl Fn(To<'_>, &Blame) -> bool + Copy,
    stallers: &[Group<'a>],
) -> Result<Option<Case<'a, 'c>>, Reason> {
    let mut best: Option<Case<'a, 'c>> = None;
    for waiting in victim.judged()?.iter().filter(|waiting| !waiting.is_clearly_fine()) {
        let Some(sort) = waiting.worst() else { continue };
        let Some(case) = case(diagnosis, victim, (waiting, sort), keep, stallers)? else {
            continue;
        };
        let is_stronger =
            |known: &Case<'_, '_>| (case.severity, case.ns) > (known.severity, known.ns);
        if best.as_ref().is_none_or(is_stronger) {
            best = Some(case);
        }
    }
    Ok(best)
}

fn case<'a, 'c>(
    diagnosis: &'c Diagnosis<'a>,
    victim: &'c Victim<'a>,
    (waiting, sort): (&'c Waiting<'a>, &'c Sort<'a>),
    keep: impl Fn(To<'_>, &Blame) -> bool + Copy,
    stallers: &[Group<'a>],
) -> Result<Option<Case<'a, 'c>>, Reason> {
    let charges = sort.charges()?;
    let (ns, whole_ns) = (charges.ns(keep), charges.whole_ns);
    let share = share(ns, whole_ns);
    let mut culprits = charges.culprits(|group, row| keep(To::Other(group), row));
    let on_the_whole = limits::severity(sort.level, share, ns / sort.lat.count.max(1));
    let at_work = culprits.first().and_then(|most| shared(diagnosis, victim, most));
    let mut severity = on_the_whole.max(severity_beside(victim, at_work.as_ref(), ns));
    let is_staller = |one: &Culprit<'_>| stallers.contains(&one.group);
    if severity <= Some(Severity::Info) && culprits.iter().any(is_staller) {
        // Of the whole window it is about nobody else.
        culprits.retain(is_staller);
        severity = Some(Severity::Warning);
    }
    let Some(severity) = severity else { return Ok(None) };
    let culprits = diagnosis.in_order(named(culprits, whole_ns));
    let first = culprits.first();
    let beside = first.and_then(|first| diagnosis.beside(&victim.actor.id, first));
    let (unknown, device) = (charges.unknown(), charges.device(keep));
    Ok(Some(Case {
        diagnosis,
        victim,
        waiting,
        sort,
        ns,
        whole_ns,
        share,
        severity,
        unknown,
        culprits,
        device,
        beside,
    }))
}

/// Those with a share worth naming; the first, who has most, always.
fn named(culprits: Vec<Culprit<'_>>, whole_ns: u64) -> Vec<Culprit<'_>> {
    let all = culprits.into_iter().enumerate();
    all.filter(|(at, one)| *at == 0 || share(one.ns, whole_ns) >= limits::NAMED)
        .map(|(_, one)| one)
        .collect()
}

/// The victim's syncs while any of these was at work. One beside two of them counts twice, in its number and in its time.
fn shared(diagnosis: &Diagnosis<'_>, victim: &Victim<'_>, culprit: &Culprit<'_>) -> Option<Lat> {
    let members = culprit.members();
    let rows = members.iter().filter_map(|id| diagnosis.beside_id(&victim.actor.id, id));
    Lat::merged(rows.filter_map(|row| row.shared.as_ref()))
}

/// How much it matters while the culprit with most is at work: in a long window a short backup shows neither in a percentile of the
/// whole nor in its sum. These are waits of all classes together, so the widest line counts.
fn severity_beside(victim: &Victim<'_>, shared: Option<&Lat>, ns: u64) -> Option<Severity> {
    let shared = shared.filter(|lat| lat.count >= limits::ENOUGH)?;
    // A single long wait already counts in the whole.
    let level = limits::level(victim.widest_limit_ns(), shared.p99_ns?, 0);
    (level > Level::Fine).then(|| limits::severity(level, share(ns, shared.sum_ns), 0)).flatten()
}

impl Case<'_, '_> {
    /// Whether it is about this actor, among others.
    pub(crate) fn is_about(&self, id: &str) -> bool {
        self.culprits.iter().any(|one| one.has(id))
    }
}
