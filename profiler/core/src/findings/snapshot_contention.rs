//! `snapshot-contention`: a backup at work makes the victim wait (manual §8), in its log or in its database alone: a
//! backup whose syncs are fine and whose commits are slow is the manual's second case.

use super::charges::To;
use super::context::{Context, Victim};
use super::{Ruling, case};
use crate::ids::Role;
use crate::report::{Blame, Mechanism};
use crate::text::{Lang, findings as words};

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
    match repeats(context) {
        Some(sentence) => {
            summary.push(' ');
            summary.push_str(&sentence);
        }
        None => caveats.push(words::not_periodic(Lang::En)),
    }
    Ok(Some(case.finding(ID, summary, caveats)))
}

/// Whether the backup comes again, when, and the schedule entry that starts it. The report does not hold activity
/// windows yet; when it does, this is the place that names the period and the entry.
fn repeats(_context: &Context<'_>) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::super::build::{APISERVER, Scene};
    use super::ID;
    use crate::ids::FileClass;
    use crate::report::{Mechanism, Severity};

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
