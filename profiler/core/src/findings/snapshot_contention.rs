//! `snapshot-contention`: a backup at work makes the victim wait (manual §8), in its log or in its database alone: a
//! backup whose syncs are fine and whose commits are slow is the manual's second case.

use super::Ruling;
use super::case;
use crate::diagnosis::case::{Case, by_backup, strongest};
use crate::diagnosis::{Diagnosis, Victim};
use crate::report::{ActivityKind, Caveat, Finding, Pattern};

pub(super) const ID: Pattern = Pattern::SnapshotContention;

pub(super) fn ask(diagnosis: &Diagnosis<'_>, victim: &Victim<'_>) -> Ruling {
    let Some(case) = strongest(diagnosis, victim, by_backup)? else {
        return Ok(None);
    };
    let activity = activity(diagnosis, &case);
    let of_activity = activity.and_then(|at| diagnosis.report.activity.as_ref()?.get(at));
    let mut caveats = Vec::new();
    if of_activity.is_none_or(|activity| activity.period.is_none()) {
        let why = of_activity.and_then(|activity| activity.not_yet.clone());
        caveats.push(Caveat::NoPeriod { why });
    }
    Ok(Some(Finding { activity, ..case::of(&case, ID, caveats) }))
}

/// When the backups that it is about were at work, by its place in the report; of several the one with a period, or a
/// schedule.
fn activity(diagnosis: &Diagnosis<'_>, case: &Case<'_, '_>) -> Option<usize> {
    let all = diagnosis.report.activity.iter().flatten().enumerate().filter(|(_, one)| {
        one.kind == ActivityKind::Backup && one.actors.iter().any(|id| case.is_about(id))
    });
    all.max_by_key(|(_, one)| (one.period.is_some(), one.schedule.is_some())).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::super::build::{APISERVER, Scene, actors, numbers};
    use super::ID;
    use crate::ids::FileClass;
    use crate::report::{Activity, Caveat, Mechanism, NotYet, Period, Reason, Scheduled, Severity};
    use crate::text::Lang;
    use crate::text::findings::summary;
    use crate::text::names::Names;

    fn by_backup(scene: Scene, class: FileClass, share: f64) -> Scene {
        let scene = scene.backup();
        let backup = scene.backup_id();
        let class_of_culprit = Some(FileClass::BackupOutput);
        scene.blame(class, &backup, class_of_culprit, Mechanism::Queue, share).rest(class)
    }

    #[test]
    fn a_backup_is_named_with_its_command_and_who_started_it() {
        let scene = by_backup(Scene::new().syncs(FileClass::Wal, 1_000, 12), FileClass::Wal, 0.6);
        let found = scene.finding(&ID);
        assert_eq!(found.severity, Severity::Warning);
        let words =
            "the backup `etcdctl snapshot save /backup/hourly.db` (pid 5120) started by cron";
        let report = scene.judged();
        assert_eq!(Names::of(&report, Lang::En).long(&scene.backup_id()), words);
        assert_eq!(actors(&found), [scene.backup_id()]);
    }

    /// A backup that comes again is named with its rhythm and the entry that starts it; without enough cycles it is not.
    #[test]
    fn the_rhythm_and_the_schedule_are_named() {
        let scene = by_backup(Scene::new().syncs(FileClass::Wal, 1_000, 12), FileClass::Wal, 0.6);
        let activity = Activity {
            actors: vec![scene.backup_id()],
            not_yet: Some(NotYet::Irregular { starts: 9 }),
            schedule: Some(Scheduled {
                source: "/etc/crontab:12".to_owned(),
                entry: "5 * * * *".to_owned(),
                command: "etcdctl\u{1b} snapshot save".to_owned(),
                times_agree: Some(true),
                command_agrees: true,
                next: None,
            }),
            ..Activity::default()
        };
        let found = scene.clone().activity(activity.clone()).finding(&ID);
        let why = Some(NotYet::Irregular { starts: 9 });
        assert!(found.caveats.contains(&Caveat::NoPeriod { why }), "{:?}", found.caveats);
        assert_eq!(found.activity, Some(0));
        let period = Period { seconds: 3_600, cycles: 5, missed: 1, ..Period::default() };
        let again = Activity { period: Some(period), not_yet: None, ..activity };
        let report = scene.activity(again).judged();
        let found = &report.findings.as_ref().unwrap()[0];
        assert!(!found.caveats.iter().any(|one| matches!(one, Caveat::NoPeriod { .. })));
        let summary = summary(&Names::of(&report, Lang::En), found);
        assert!(summary.contains("(5 of 6 cycles") && summary.contains("/etc/crontab:12"));
        assert!(!summary.contains('\u{1b}'), "{summary}");
    }

    /// The manual's second case: the log's syncs are fine, commits of the database are not.
    #[test]
    fn slow_commits_beside_normal_syncs_fire() {
        let scene = Scene::new().syncs(FileClass::Wal, 1_000, 2).syncs(FileClass::Db, 200, 30);
        let scene = scene.blame(FileClass::Wal, "self", None, Mechanism::Device, 1.0);
        let found = by_backup(scene, FileClass::Db, 0.5).finding(&ID);
        assert_eq!(found.severity, Severity::Warning);
        assert_eq!(numbers(&found).file_class, FileClass::Db);
    }

    /// In a long window a short backup shows only in what was measured beside it.
    #[test]
    fn waits_beside_a_short_backup_count() {
        let long =
            |share| by_backup(Scene::new().syncs(FileClass::Wal, 10_000, 3), FileClass::Wal, share);
        assert_eq!(long(0.4).finding(&ID).severity, Severity::Info);
        long(0.15).is_quiet(&ID);
        let scene = long(0.15);
        let backup = scene.backup_id();
        let found = scene.beside(&backup, (9_900, 2), (100, 60)).finding(&ID);
        assert_eq!(found.severity, Severity::Warning);
        let numbers = numbers(&found);
        assert!(numbers.alone_mean_ns < numbers.shared_mean_ns, "{numbers:?}");
        assert_eq!(numbers.shared_count, Some(100));
        // It was at work, and something else made them long.
        long(0.01).beside(&backup, (9_900, 2), (100, 60)).is_quiet(&ID);
    }

    #[test]
    fn what_others_do_is_another_rules() {
        let scene = Scene::new().syncs(FileClass::Wal, 1_000, 12).backup().apiserver();
        scene
            .blame(FileClass::Wal, APISERVER, None, Mechanism::Queue, 0.6)
            .rest(FileClass::Wal)
            .is_quiet(&ID);
    }

    /// Blame says one thing, the measured difference another: that is told.
    #[test]
    fn what_speaks_against_it_is_told() {
        let scene = by_backup(Scene::new().syncs(FileClass::Wal, 1_000, 12), FileClass::Wal, 0.6);
        let backup = scene.backup_id();
        let found = scene.beside(&backup, (500, 12), (500, 11)).finding(&ID);
        assert!(found.caveats.contains(&Caveat::NotLonger), "{:?}", found.caveats);
    }

    #[test]
    fn without_blame_it_cannot_say() {
        Scene::new()
            .syncs(FileClass::Wal, 1_000, 12)
            .backup()
            .not_yet(&ID, Reason::NoBlame { file_class: None });
        Scene::new().tiny_syncs(FileClass::Wal, 1_000).backup().is_quiet(&ID);
    }
}
