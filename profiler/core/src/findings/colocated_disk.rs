//! `colocated-disk`: the victim shares its disk or journal with others that are no backups: an API server's audit log,
//! containers' logs, images, anybody (manual §5).
//!
//! Backups have a rule of their own, `snapshot-contention`, so that one cause is one finding.

use super::charges::To;
use super::context::{Context, Victim};
use super::{Ruling, case};
use crate::ids::Role;
use crate::report::{Blame, Mechanism};
use crate::text::{Lang, findings as words};

pub(super) const ID: &str = "colocated-disk";

pub(super) fn ask(context: &Context<'_>, victim: &Victim<'_>) -> Ruling {
    let shares_disk = |to: To<'_>, row: &Blame| {
        let To::Other(id) = to else { return false };
        let role = context.role(id);
        row.mechanism != Mechanism::Cpu
            && !matches!(role, Some(Role::Backup | Role::Unattributed) | None)
    };
    let Some(case) = case::strongest(context, victim, victim.judged()?, shares_disk)? else {
        return Ok(None);
    };
    let victim = super::who::actor(victim.actor);
    let culprits = case.culprits_in_words();
    let summary = words::colocated(Lang::En, &victim, &case.device(), &case.figures(), &culprits);
    Ok(Some(case.finding(ID, summary, Vec::new())))
}

#[cfg(test)]
mod tests {
    use super::super::build::{APISERVER, ETCD, Scene};
    use super::{ID, Role};
    use crate::ids::FileClass;
    use crate::report::{Mechanism, Severity};

    fn scene() -> Scene {
        Scene::new().syncs(FileClass::Wal, 1_000, 8)
    }

    #[test]
    fn an_audit_log_on_etcds_disk_fires() {
        let found = scene()
            .apiserver()
            .blame(FileClass::Wal, APISERVER, Some(FileClass::AuditLog), Mechanism::Queue, 0.4)
            .rest(FileClass::Wal)
            .finding(ID);
        assert_eq!((found.severity, found.subject.as_str()), (Severity::Warning, ETCD));
        assert_eq!(found.culprits, [APISERVER]);
        assert!(found.summary.contains("kube-apiserver"), "{}", found.summary);
        assert_eq!(found.evidence["share"], 0.4);
    }

    /// Property: neither a long wait without a share nor a share of short waits is a warning.
    #[test]
    fn share_and_floor_are_both_needed() {
        let charged = |scene: Scene, share| {
            let scene = scene.apiserver();
            scene
                .blame(FileClass::Wal, APISERVER, None, Mechanism::Queue, share)
                .rest(FileClass::Wal)
        };
        charged(scene(), 0.1).is_quiet(ID);
        let fine = Scene::new().syncs(FileClass::Wal, 1_000, 3);
        assert_eq!(charged(fine, 0.9).finding(ID).severity, Severity::Info);
        let quick = Scene::new().tiny_syncs(FileClass::Wal, 1_000);
        charged(quick, 0.9).is_quiet(ID);
        let stalled = Scene::new().syncs(FileClass::Wal, 1_000, 200);
        assert_eq!(charged(stalled, 0.6).finding(ID).severity, Severity::Critical);
    }

    #[test]
    fn a_backup_is_another_rules() {
        let scene = scene().backup();
        let backup = scene.backup_id();
        scene
            .blame(FileClass::Wal, &backup, None, Mechanism::Queue, 0.6)
            .rest(FileClass::Wal)
            .is_quiet(ID);
    }

    #[test]
    fn without_blame_it_cannot_say() {
        scene().not_yet(ID, "not computed");
        scene()
            .lossy()
            .blame(FileClass::Wal, "self", None, Mechanism::Device, 1.0)
            .not_yet(ID, "lost");
        Scene::new().syncs(FileClass::Wal, 7, 20).not_yet(ID, "only 7 waits");
    }

    /// Time on the CPU is no matter of the disk.
    #[test]
    fn a_busy_cpu_is_no_shared_disk() {
        let scene = scene().other(77, Role::Other, &["stress"]);
        scene
            .blame(FileClass::Wal, "77@77", None, Mechanism::Cpu, 0.6)
            .rest(FileClass::Wal)
            .is_quiet(ID);
    }
}
