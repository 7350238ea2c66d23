//! `stalls`: single syncs that took the victim's heartbeat interval or longer, and others with a name make most of their time (manual
//! §8.1). Each stall is judged by itself: a window's percentile is fine beside three seconds in which everything stood still.
//!
//! A stall without a culprit is no finding, and not nothing either: the rule cannot say then, and the verdict says that there was one.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Ruling, case, confidence};
use crate::diagnosis::kinds::{Kind, kind_of, share};
use crate::diagnosis::stalls::{StallShares, Stalled};
use crate::diagnosis::{Diagnosis, Victim, limits};
use crate::ids::{FileClass, Role};
use crate::report::{
    ActivityKind, Actor, Caveat, Evidence, Finding, Lat, Pattern, Reason, Severity, Share, Stall,
};

pub(super) const ID: Pattern = Pattern::Stalls;

pub(super) fn ask(diagnosis: &Diagnosis<'_>, victim: &Victim<'_>) -> Ruling {
    if let Some(why) = &victim.not_timed {
        return Err(why.clone());
    }
    if diagnosis.report.stalls.is_none() {
        return Err(Reason::NoTimeline);
    }
    let own = |one: &&Stalled<'_>| one.stall.victim == victim.actor.id;
    let stalls: Vec<&Stalled<'_>> = diagnosis.stalls.iter().filter(own).collect();
    if stalls.is_empty() {
        return Ok(None);
    }
    if diagnosis.lost() >= limits::LOST {
        return Err(diagnosis.events_lost());
    }
    let (by_others, unexplained): (Vec<&Stalled<'_>>, Vec<&Stalled<'_>>) =
        stalls.into_iter().partition(|one| one.has_culprit());
    match worst(&by_others) {
        Some(longest) => Ok(Some(finding(diagnosis, victim, &by_others, longest))),
        None => of_nobody(&unexplained).map_or(Ok(None), Err),
    }
}

/// Stalls that no culprit was found for, as a reason.
pub(super) fn of_nobody(stalls: &[&Stalled<'_>]) -> Option<Reason> {
    let longest = worst(stalls)?.stall.worst.clone();
    let mostly = sum(stalls).mostly();
    Some(Reason::StallsOfNobody { count: stalls.len() as u64, longest, mostly })
}

/// That with the longest sync; of equal ones the first.
fn worst<'s, 'a>(stalls: &[&'s Stalled<'a>]) -> Option<&'s Stalled<'a>> {
    stalls.iter().copied().rev().max_by_key(|one| one.stall.worst.duration_ns)
}

fn sum<'a>(stalls: &[&Stalled<'a>]) -> StallShares<'a> {
    let mut all = StallShares::default();
    for one in stalls {
        all.merge(&one.shares);
    }
    all
}

fn finding(
    diagnosis: &Diagnosis<'_>,
    victim: &Victim<'_>,
    stalls: &[&Stalled<'_>],
    longest: &Stalled<'_>,
) -> Finding {
    let all = sum(stalls);
    let unknown = share(all.unknown, all.whole);
    let culprits = diagnosis.in_order(all.worth_naming());
    let is_backup = culprits.first().is_some_and(|one| one.group.role() == Some(Role::Backup));
    let activity = diagnosis.report.activity.iter().flatten().enumerate().filter(|(_, one)| {
        one.kind == ActivityKind::Backup
            && one.actors.iter().any(|id| culprits.first().is_some_and(|first| first.has(id)))
    });
    let activity = activity
        .max_by_key(|(_, one)| (one.period.is_some(), one.schedule.is_some()))
        .map(|(at, one)| (at, one.period.is_some(), one.not_yet.clone()));
    let mut caveats = Vec::new();
    if is_backup && !activity.as_ref().is_some_and(|(_, has_period, _)| *has_period) {
        let why = activity.as_ref().and_then(|(.., why)| why.clone());
        caveats.push(Caveat::NoPeriod { why });
    }
    caveats.extend(confidence::missing(diagnosis, unknown));
    let critical = longest.stall.worst.duration_ns >= limits::ELECTION_NS;
    Finding {
        id: ID,
        severity: if critical { Severity::Critical } else { Severity::Warning },
        confidence: confidence::rounded(confidence::sure(diagnosis, unknown)),
        subject: victim.actor.id.clone(),
        victim: victim.actor.id.clone(),
        device: device(stalls),
        culprits: culprits.iter().map(|one| case::culprit(one, all.whole)).collect(),
        evidence: Some(evidence(victim.actor, stalls, longest.stall, &all)),
        others_share: None,
        activity: activity.map(|(at, ..)| at),
        caveats,
    }
}

/// The device on which most of it happened; of equal ones the first by name.
fn device(stalls: &[&Stalled<'_>]) -> Option<String> {
    let mut sums = BTreeMap::<&str, u64>::new();
    for cause in stalls.iter().flat_map(|one| &one.stall.causes) {
        let Some(device) = cause.device.as_deref() else { continue };
        let sum = sums.entry(device).or_default();
        *sum = sum.saturating_add(cause.wait_ns);
    }
    let most = sums.into_iter().max_by_key(|(name, ns)| (*ns, Reverse(*name)));
    most.map(|(name, _)| name.to_owned())
}

/// The numbers: of all syncs on the class of the longest one, and of the stalls.
fn evidence(
    actor: &Actor,
    stalls: &[&Stalled<'_>],
    longest: &Stall,
    all: &StallShares<'_>,
) -> Evidence {
    let lat = syncs(actor, longest.file_class).unwrap_or_default();
    Evidence {
        stalls: Some(stalls.len() as u64),
        stalled_ns: Some(all.whole),
        stall_start: Some(longest.worst.start.clone()),
        charged_ns: Some(all.named),
        max_ns: longest.worst.duration_ns,
        share: Share::rounded(share(all.named, all.whole)),
        ..case::numbers((longest.file_class, Kind::Sync), longest.limit_ns, &lat)
    }
}

/// All syncs of a victim on files of a class.
fn syncs(actor: &Actor, class: FileClass) -> Option<Lat> {
    let rows = actor
        .waits
        .iter()
        .filter(|wait| wait.file_class == class && kind_of(wait.call) == Some(Kind::Sync));
    Lat::merged(rows.map(|wait| &wait.latency))
}

/// The report's stalls with what makes each, and whom it is charged to.
pub(super) fn judged(diagnosis: &Diagnosis<'_>) -> Vec<Stall> {
    let stalls = diagnosis.report.stalls.iter().flatten();
    stalls
        .map(|stall| {
            let known = diagnosis.stalls.iter().find(|one| std::ptr::eq(one.stall, stall));
            let Some(known) = known else { return stall.clone() };
            let culprits = known.culprits();
            let culprits = culprits.iter().map(|one| case::culprit(one, known.shares.whole));
            Stall {
                mostly: Some(known.shares.mostly()),
                culprits: culprits.collect(),
                ..stall.clone()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::build::{ETCD, Scene, actors, numbers};
    use super::ID;
    use crate::ids::{FileClass, Role};
    use crate::report::{
        Activity, Caveat, Conclusion, LongestSync, Mechanism, Mostly, Period, Reason, SELF,
        Severity, Share, UNEXPLAINED, VictimState,
    };

    /// A quiet etcd whose syncs are all well below their line.
    fn quiet() -> Scene {
        Scene::new().syncs(FileClass::Wal, 3_000, 1).blame(
            FileClass::Wal,
            SELF,
            None,
            Mechanism::Device,
            1.0,
        )
    }

    fn longest(ms: u64, at: u64) -> LongestSync {
        LongestSync {
            start: format!("1970-01-01T00:00:{at:02}.000+00:00"),
            duration_ns: ms * 1_000_000,
        }
    }

    /// The manual's main case: two snapshot saves that stall a quiet etcd for 130 ms each.
    #[test]
    fn two_saves_that_stall_a_quiet_etcd_are_contended() {
        let scene = quiet().backup();
        let backup = scene.backup_id();
        let causes = [(backup.as_str(), Mechanism::Queue, 127), (SELF, Mechanism::Device, 4)];
        let scene = scene.stall(FileClass::Wal, 5, 131, &causes).stall(
            FileClass::Wal,
            20,
            129,
            &[(backup.as_str(), Mechanism::Queue, 125), (SELF, Mechanism::Device, 4)],
        );
        let found = scene.finding(&ID);
        assert_eq!((found.severity, found.subject.as_str()), (Severity::Warning, ETCD));
        assert_eq!(actors(&found), [backup.as_str()]);
        let of = numbers(&found);
        assert_eq!((of.stalls, of.max_ns, of.limit_ns), (Some(2), 131_000_000, 100_000_000));
        assert_eq!(of.stall_start, Some(longest(131, 5).start));
        assert_eq!(of.share, Share::rounded(252.0 / 260.0));
        assert!(found.caveats.contains(&Caveat::NoPeriod { why: None }));
        let report = scene.judged();
        let verdict = report.verdict.unwrap();
        assert_eq!(verdict.answer, VictimState::Contended);
        assert_eq!(verdict.conclusion, Conclusion::Stalls { finding: 0 });
        let stalls = report.stalls.unwrap();
        assert!(stalls.iter().all(|one| one.mostly == Some(Mostly::Others)));
        assert_eq!(stalls[0].culprits[0].actor, backup);
    }

    /// Property: a stall of a second is critical: a leader may lose its place.
    #[test]
    fn a_stall_of_a_second_is_critical() {
        let scene = quiet().backup();
        let backup = scene.backup_id();
        let of =
            |ms| scene.clone().stall(FileClass::Wal, 5, ms, &[(&backup, Mechanism::Queue, ms)]);
        assert_eq!(of(999).finding(&ID).severity, Severity::Warning);
        assert_eq!(of(1_000).finding(&ID).severity, Severity::Critical);
        assert_eq!(of(1_000).verdict().answer, VictimState::Contended);
    }

    /// A stall that comes again with its backup is told with the rhythm: the place in the report's activity.
    #[test]
    fn the_backups_rhythm_is_tied_to_it() {
        let scene = quiet().backup();
        let backup = scene.backup_id();
        let period = Period { seconds: 3_600, cycles: 5, ..Period::default() };
        let activity =
            Activity { actors: vec![backup.clone()], period: Some(period), ..Activity::default() };
        let scene = scene.activity(activity).stall(
            FileClass::Wal,
            5,
            130,
            &[(backup.as_str(), Mechanism::Queue, 130)],
        );
        let found = scene.finding(&ID);
        assert_eq!((found.activity, found.caveats), (Some(0), vec![]));
    }

    /// Property: a lone stall of unknown cause is said, and nobody is blamed, whoever was there.
    #[test]
    fn a_lone_stall_of_unknown_cause_is_said_and_nobody_is_blamed() {
        let scene = quiet().backup();
        let backup = scene.backup_id();
        for causes in [
            vec![],
            vec![(UNEXPLAINED, Mechanism::Unexplained, 130)],
            vec![
                (UNEXPLAINED, Mechanism::Unexplained, 90),
                (backup.as_str(), Mechanism::Queue, 40),
            ],
        ] {
            let scene = scene.clone().stall(FileClass::Wal, 7, 130, &causes);
            let (count, longest) = (1, longest(130, 7));
            let why = Reason::StallsOfNobody { count, longest, mostly: Mostly::Unknown };
            scene.not_yet(&ID, why.clone());
            let report = scene.judged();
            let verdict = report.verdict.unwrap();
            assert_eq!(verdict.answer, VictimState::NotTheDisk);
            assert!(verdict.because.contains(&why), "{:?}", verdict.because);
            let Conclusion::FineButStalls { stalls: 1, .. } = verdict.conclusion else {
                panic!("{:?}", verdict.conclusion)
            };
            assert!(report.findings.unwrap().is_empty());
        }
    }

    /// Property: an idle fast disk has no stalls, and a report of a version that did not look cannot say.
    #[test]
    fn without_stalls_it_is_quiet() {
        quiet().with(|report| report.stalls = Some(Vec::new())).is_quiet(&ID);
        quiet().not_yet(&ID, Reason::NoTimeline);
        assert_eq!(quiet().verdict().answer, VictimState::Fine);
    }

    /// Property: a disk that is slow all the time, and stalls by itself, stays slow beside one stall that somebody made; where most of
    /// the stalls are somebody's, it is contended.
    #[test]
    fn a_slow_disk_is_contended_only_where_others_make_most_of_its_stalls() {
        let slow = |own: u64, others: u64| {
            let scene = Scene::new().syncs(FileClass::Wal, 1_000, 20).backup();
            let backup = scene.backup_id();
            let mut scene = scene.blame(FileClass::Wal, SELF, None, Mechanism::Device, 1.0);
            for at in 0..own {
                scene = scene.stall(FileClass::Wal, at, 130, &[(SELF, Mechanism::Device, 130)]);
            }
            for at in own..own + others {
                scene = scene.stall(FileClass::Wal, at, 130, &[(&backup, Mechanism::Queue, 130)]);
            }
            scene
        };
        assert_eq!(slow(5, 1).verdict().answer, VictimState::SlowDisk);
        assert_eq!(slow(5, 1).finding(&ID).severity, Severity::Warning);
        assert_eq!(slow(1, 5).verdict().answer, VictimState::Contended);
    }

    /// Property: too few waits say nothing of a percentile, and a stall is one all the same.
    #[test]
    fn few_waits_may_stall_too() {
        let scene = Scene::new().syncs(FileClass::Wal, 7, 1).backup();
        let backup = scene.backup_id();
        let scene = scene.stall(FileClass::Wal, 5, 130, &[(&backup, Mechanism::Queue, 130)]);
        assert_eq!(scene.verdict().answer, VictimState::Contended);
        let nobodys = Scene::new().syncs(FileClass::Wal, 7, 1).stall(FileClass::Wal, 5, 130, &[]);
        assert_eq!(nobodys.verdict().answer, VictimState::CannotTell);
    }

    /// Property: where too many events were lost nobody is blamed.
    #[test]
    fn with_many_losses_it_cannot_say() {
        let scene = quiet().backup().lossy();
        let backup = scene.backup_id();
        let scene = scene.stall(FileClass::Wal, 5, 130, &[(&backup, Mechanism::Queue, 130)]);
        scene.not_yet(&ID, Reason::EventsLost { lost: 2_000, seen: 10_000 });
        assert_eq!(scene.verdict().answer, VictimState::CannotTell);
    }

    /// Property: no CPU is nobody's disk.
    #[test]
    fn a_stall_without_a_cpu_is_nobodys() {
        let scene = quiet().other(77, Role::Other, &["stress"]);
        let scene = scene.stall(FileClass::Wal, 5, 130, &[("77@77", Mechanism::Cpu, 130)]);
        let report = scene.judged();
        assert!(report.findings.unwrap().is_empty());
        let stalls = report.stalls.unwrap();
        assert_eq!((stalls[0].mostly, stalls[0].culprits.len()), (Some(Mostly::Cpu), 0));
    }
}
