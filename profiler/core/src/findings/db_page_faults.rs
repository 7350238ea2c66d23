//! `db-page-faults`: pages of etcd's mapped database were evicted and come back from the disk one by one (manual §8.1).
//! A request that touches one stands still, and no metric of etcd's counts it.

use super::pre_fsync_stall::HOOK;
use super::{Ruling, case};
use crate::diagnosis::kinds::{Kind, share};
use crate::diagnosis::limits::Level;
use crate::diagnosis::waits::Sort;
use crate::diagnosis::{Diagnosis, Victim};
use crate::ids::{FileClass, Role};
use crate::report::{Caveat, Pattern, Reason, Severity};

pub(super) const ID: Pattern = Pattern::DbPageFaults;

/// Fewer faults than this are the usual traffic of a page cache. Our own choice, as are the shares of the window that some thread
/// stood still in them: from the first on it is worth knowing, from the second on a warning.
const ENOUGH: u64 = 30;
/// See [`ENOUGH`].
const INFO: f64 = 0.01;
/// See [`ENOUGH`].
const WARNING: f64 = 0.1;

pub(super) fn ask(diagnosis: &Diagnosis<'_>, victim: &Victim<'_>) -> Ruling {
    if victim.actor.role != Role::Etcd {
        return Ok(None);
    }
    if !diagnosis.is_attached(HOOK) {
        return Err(Reason::NoThreadWaits);
    }
    let mut judged = victim.judged()?.iter();
    let Some(waiting) = judged.find(|waiting| waiting.class == FileClass::Db) else {
        return Ok(None);
    };
    let Some(faults) = waiting.sort(Kind::Fault).filter(|faults| faults.lat.count >= ENOUGH) else {
        return Ok(None);
    };
    let stood = share(faults.lat.sum_ns, diagnosis.report.window.duration_ns);
    let Some(severity) = severity(faults, stood) else { return Ok(None) };
    let found = case::simple(diagnosis, victim, (waiting, faults), (ID, stood, severity, 0.0));
    Ok(Some(found.with_caveats(vec![Caveat::MemoryTakerUnseen])))
}

fn severity(faults: &Sort<'_>, stood: f64) -> Option<Severity> {
    match faults.level {
        Level::Far => Some(Severity::Critical),
        Level::Above => Some(Severity::Warning),
        Level::Fine if stood >= WARNING => Some(Severity::Warning),
        Level::Fine => (stood >= INFO).then_some(Severity::Info),
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::{Scene, numbers};
    use super::{ENOUGH, ID, INFO, Role, WARNING};
    use crate::diagnosis::limits::{on_the_page, percent};
    use crate::ids::{Call, FileClass};
    use crate::report::{Part, Reason, Severity};

    fn faults(class: FileClass, count: u64, ms: u64) -> Scene {
        let scene = Scene::new().syncs(FileClass::Wal, 1_000, 2).syncs(FileClass::Db, 100, 5);
        scene.waits(Call::Fault, class, count, ms, Part::Device)
    }

    /// The scene lasts 30 s.
    #[test]
    fn evicted_pages_that_come_back_fire() {
        assert_eq!(faults(FileClass::Db, 100, 4).finding(&ID).severity, Severity::Info);
        assert_eq!(faults(FileClass::Db, 1_000, 4).finding(&ID).severity, Severity::Warning);
        let slow = faults(FileClass::Db, 50, 60).finding(&ID);
        assert_eq!(slow.severity, Severity::Warning);
        assert_eq!(numbers(&slow).count, 50);
        assert_eq!(faults(FileClass::Db, 50, 150).finding(&ID).severity, Severity::Critical);
    }

    #[test]
    fn few_faults_short_ones_and_others_do_not() {
        faults(FileClass::Db, 10, 60).is_quiet(&ID);
        faults(FileClass::Db, 40, 1).is_quiet(&ID);
        faults(FileClass::Other, 1_000, 60).is_quiet(&ID);
        faults(FileClass::Db, 1_000, 60).victim_role(Role::Other).is_quiet(&ID);
    }

    #[test]
    fn the_page_has_its_limits() {
        on_the_page("faults that are worth a word", &ENOUGH.to_string());
        let shares = format!("{} info, {} warning", percent(INFO), percent(WARNING));
        on_the_page("part of the window in faults", &shares);
    }

    #[test]
    fn without_the_hook_it_cannot_say() {
        faults(FileClass::Db, 1_000, 60)
            .without_hook("sched_switch")
            .not_yet(&ID, Reason::NoThreadWaits);
    }
}
