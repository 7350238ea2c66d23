//! `snapshot-contention`: a backup at work makes the victim wait (manual §8), in its log or in its database alone: a
//! backup whose syncs are fine and whose commits are slow is the manual's second case.

use super::Ruling;
use super::case::{self, Case};
use super::charges::To;
use super::context::{Context, Victim};
use crate::ids::Role;
use crate::report::{Activity, ActivityKind, Blame, Mechanism, Scheduled};
use crate::text::{Lang, findings as words, periods};

pub(super) const ID: &str = "snapshot-contention";

pub(super) fn ask(context: &Context<'_>, victim: &Victim<'_>) -> Ruling {
    let by_backup = |to: To<'_>, row: &Blame| {
        let To::Other(id) = to else { return false };
        row.mechanism != Mechanism::Cpu && context.role(id) == Some(Role::Backup)
    };
    let Some(case) = case::strongest(context, victim, victim.judged()?, by_backup)? else {
        return Ok(None);
    };
    let (victim, backup) =
        (super::who::actor(victim.actor), case.first_in_words().unwrap_or_default());
    let mut summary = words::by_backup(Lang::En, &backup, &victim, &case.device(), &case.figures());
    let means = case.beside.and_then(|row| {
        let mean =
            |lat: &Option<crate::report::Lat>| Some(super::who::time(lat.as_ref()?.mean_ns?));
        Some((mean(&row.alone)?, mean(&row.shared)?))
    });
    if let Some((alone, shared)) = means {
        summary.push(' ');
        summary.push_str(&words::beside(Lang::En, &alone, &shared));
    }
    let mut caveats = Vec::new();
    let activity = activity(context, &case);
    if let Some(period) = activity.and_then(|activity| activity.period.as_ref()) {
        summary.push(' ');
        summary.push_str(&words::comes_again(Lang::En, &periods::claim(Lang::En, period)));
    } else {
        let why = activity.and_then(|activity| activity.not_yet.clone());
        caveats.push(why.unwrap_or_else(|| words::not_periodic(Lang::En)));
    }
    if let Some(entry) = activity.and_then(|activity| activity.schedule.as_ref()) {
        summary.push(' ');
        summary.push_str(&periods::entry(Lang::En, false, &harmless(entry)));
    }
    Ok(Some(case.finding(ID, summary, caveats)))
}

/// When the backups that it is about were at work; of several the one with a period, or a schedule.
fn activity<'a>(context: &Context<'a>, case: &Case<'_, '_>) -> Option<&'a Activity> {
    let all = context.report.activity.iter().flatten();
    let of_case = |one: &&Activity| {
        one.kind == ActivityKind::Backup && one.actors.iter().any(|id| case.is_about(id))
    };
    all.filter(of_case).max_by_key(|one| (one.period.is_some(), one.schedule.is_some()))
}

/// An entry without control characters.
fn harmless(entry: &Scheduled) -> Scheduled {
    Scheduled {
        source: super::who::safe(&entry.source),
        entry: super::who::safe(&entry.entry),
        command: super::who::safe(&entry.command),
        ..entry.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::{APISERVER, Scene};
    use super::ID;
    use crate::ids::FileClass;
    use crate::report::{Activity, Mechanism, Period, Scheduled, Severity};

    fn by_backup(scene: Scene, class: FileClass, share: f64) -> Scene {
        let scene = scene.backup();
        let backup = scene.backup_id();
        let class_of_culprit = Some(FileClass::BackupOutput);
        scene.blame(class, &backup, class_of_culprit, Mechanism::Queue, share).rest(class)
    }

    #[test]
    fn a_backup_is_named_with_its_command_and_who_started_it() {
        let scene = by_backup(Scene::new().syncs(FileClass::Wal, 1_000, 12), FileClass::Wal, 0.6);
        let found = scene.finding(ID);
        assert_eq!(found.severity, Severity::Warning);
        let words =
            "the backup `etcdctl snapshot save /backup/hourly.db` (pid 5120) started by cron";
        assert!(found.summary.contains(words), "{}", found.summary);
        assert_eq!(found.culprits, [scene.backup_id()]);
    }

    /// A backup that comes again is named with its rhythm and the entry that starts it; without enough cycles it is not.
    #[test]
    fn the_rhythm_and_the_schedule_are_named() {
        let scene = by_backup(Scene::new().syncs(FileClass::Wal, 1_000, 12), FileClass::Wal, 0.6);
        let activity = Activity {
            actors: vec![scene.backup_id()],
            not_yet: Some("No period yet.".to_owned()),
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
        let found = scene.clone().activity(activity.clone()).finding(ID);
        assert!(found.caveats.contains(&"No period yet.".to_owned()), "{:?}", found.caveats);
        let text = "every hour at :05".to_owned();
        let period = Period { text, cycles: 5, missed: 1, confidence: 0.75, ..Period::default() };
        let again = Activity { period: Some(period), not_yet: None, ..activity };
        let found = scene.activity(again).finding(ID);
        assert!(found.summary.contains("every hour at :05 (5 of 6 cycles"), "{}", found.summary);
        assert!(found.summary.contains("/etc/crontab:12 says so"), "{}", found.summary);
        assert!(!found.summary.contains('\u{1b}'), "{}", found.summary);
    }

    /// The manual's second case: the log's syncs are fine, commits of the database are not.
    #[test]
    fn slow_commits_beside_normal_syncs_fire() {
        let scene = Scene::new().syncs(FileClass::Wal, 1_000, 2).syncs(FileClass::Db, 200, 30);
        let scene = scene.blame(FileClass::Wal, "self", None, Mechanism::Device, 1.0);
        let found = by_backup(scene, FileClass::Db, 0.5).finding(ID);
        assert_eq!(found.severity, Severity::Warning);
        assert_eq!(found.evidence["file_class"], "db");
    }

    /// In a long window a short backup shows only in what was measured beside it.
    #[test]
    fn waits_beside_a_short_backup_count() {
        let long =
            |share| by_backup(Scene::new().syncs(FileClass::Wal, 10_000, 3), FileClass::Wal, share);
        assert_eq!(long(0.4).finding(ID).severity, Severity::Info);
        long(0.15).is_quiet(ID);
        let scene = long(0.15);
        let backup = scene.backup_id();
        let found = scene.beside(&backup, (9_900, 2), (100, 60)).finding(ID);
        assert_eq!(found.severity, Severity::Warning);
        assert!(found.summary.contains("else"), "{}", found.summary);
        assert_eq!(found.evidence["shared_count"], 100);
        // It was at work, and something else made them long.
        long(0.01).beside(&backup, (9_900, 2), (100, 60)).is_quiet(ID);
    }

    #[test]
    fn what_others_do_is_another_rules() {
        let scene = Scene::new().syncs(FileClass::Wal, 1_000, 12).backup().apiserver();
        scene
            .blame(FileClass::Wal, APISERVER, None, Mechanism::Queue, 0.6)
            .rest(FileClass::Wal)
            .is_quiet(ID);
    }

    /// Blame says one thing, the measured difference another: that is told.
    #[test]
    fn what_speaks_against_it_is_told() {
        let scene = by_backup(Scene::new().syncs(FileClass::Wal, 1_000, 12), FileClass::Wal, 0.6);
        let backup = scene.backup_id();
        let found = scene.beside(&backup, (500, 12), (500, 11)).finding(ID);
        assert!(
            found.caveats.iter().any(|one| one.contains("no longer beside")),
            "{:?}",
            found.caveats
        );
    }

    #[test]
    fn without_blame_it_cannot_say() {
        Scene::new().syncs(FileClass::Wal, 1_000, 12).backup().not_yet(ID, "not computed");
        Scene::new().tiny_syncs(FileClass::Wal, 1_000).backup().is_quiet(ID);
    }
}
