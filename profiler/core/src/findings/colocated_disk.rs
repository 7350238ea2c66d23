//! `colocated-disk`: the victim shares its disk or journal with others that are no backups: an API server's audit log,
//! containers' logs, images, anybody (manual §5).
//!
//! Backups have a rule of their own, `snapshot-contention`, so that one cause is one finding.

use super::{Ruling, case};
use crate::diagnosis::case::{by_others, strongest};
use crate::diagnosis::{Diagnosis, Victim};
use crate::report::Pattern;

pub(super) const ID: Pattern = Pattern::ColocatedDisk;

pub(super) fn ask(diagnosis: &Diagnosis<'_>, victim: &Victim<'_>) -> Ruling {
    let case = strongest(diagnosis, victim, by_others)?;
    Ok(case.map(|case| case::of(&case, ID, Vec::new())))
}

#[cfg(test)]
mod tests {
    use super::super::build::{APISERVER, ETCD, Scene, actors, numbers};
    use super::ID;
    use crate::ids::{FileClass, Role};
    use crate::report::{Mechanism, Reason, Severity, Share};

    fn scene() -> Scene {
        Scene::new().syncs(FileClass::Wal, 1_000, 8)
    }

    #[test]
    fn an_audit_log_on_etcds_disk_fires() {
        let found = scene()
            .apiserver()
            .blame(FileClass::Wal, APISERVER, Some(FileClass::AuditLog), Mechanism::Queue, 0.4)
            .rest(FileClass::Wal)
            .finding(&ID);
        assert_eq!((found.severity, found.subject.as_str()), (Severity::Warning, ETCD));
        assert_eq!(actors(&found), [APISERVER]);
        assert_eq!(numbers(&found).share, Share::rounded(0.4));
        assert_eq!(found.culprits[0].share, Share::rounded(0.4));
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
        charged(scene(), 0.1).is_quiet(&ID);
        let fine = Scene::new().syncs(FileClass::Wal, 1_000, 3);
        assert_eq!(charged(fine, 0.9).finding(&ID).severity, Severity::Info);
        let quick = Scene::new().tiny_syncs(FileClass::Wal, 1_000);
        charged(quick, 0.9).is_quiet(&ID);
        let stalled = Scene::new().syncs(FileClass::Wal, 1_000, 200);
        assert_eq!(charged(stalled, 0.6).finding(&ID).severity, Severity::Critical);
    }

    #[test]
    fn a_backup_is_another_rules() {
        let scene = scene().backup();
        let backup = scene.backup_id();
        scene
            .blame(FileClass::Wal, &backup, None, Mechanism::Queue, 0.6)
            .rest(FileClass::Wal)
            .is_quiet(&ID);
    }

    #[test]
    fn without_blame_it_cannot_say() {
        scene().not_yet(&ID, Reason::NoBlame { file_class: None });
        scene()
            .lossy()
            .blame(FileClass::Wal, "self", None, Mechanism::Device, 1.0)
            .not_yet(&ID, Reason::EventsLost { lost: 2_000, seen: 10_000 });
        Scene::new()
            .syncs(FileClass::Wal, 7, 20)
            .not_yet(&ID, Reason::TooFewWaits { count: 7, needed: 30 });
    }

    /// Time on the CPU is no matter of the disk.
    #[test]
    fn a_busy_cpu_is_no_shared_disk() {
        let scene = scene().other(77, Role::Other, &["stress"]);
        scene
            .blame(FileClass::Wal, "77@77", None, Mechanism::Cpu, 0.6)
            .rest(FileClass::Wal)
            .is_quiet(&ID);
    }
}
