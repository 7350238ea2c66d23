//! `db-page-faults`: pages of etcd's mapped database were evicted and come back from the disk one by one (manual §8.1).
//! A request that touches one stands still, and no metric of etcd's counts it.

use super::context::{Context, Victim};
use super::lines::Level;
use super::pre_fsync_stall::HOOK;
use super::waiting::{Kind, Sort, share};
use super::{NotYet, Ruling, case, trust, who};
use crate::ids::{FileClass, Role};
use crate::report::{Finding, Severity};
use crate::text::{Lang, findings as words};

pub(super) const ID: &str = "db-page-faults";

/// Fewer faults than this are the usual traffic of a page cache. Our own choice, as are the shares of the window that
/// some thread stood still: from the first on it is worth knowing, from the second on a warning.
const FAULTS: u64 = 30;
const INFO: f64 = 0.01;
const WARNING: f64 = 0.1;

pub(super) fn ask(context: &Context<'_>, victim: &Victim<'_>) -> Ruling {
    if victim.actor.role != Role::Etcd {
        return Ok(None);
    }
    if !context.is_attached(HOOK) {
        return Err(NotYet(words::no_thread_waits(Lang::En)));
    }
    let mut judged = victim.judged()?.iter();
    let Some(waiting) = judged.find(|waiting| waiting.class == FileClass::Db) else {
        return Ok(None);
    };
    let Some(faults) = waiting.sort(Kind::Fault).filter(|faults| faults.lat.count >= FAULTS) else {
        return Ok(None);
    };
    let stood = share(faults.lat.sum_ns, context.report.window.duration_ns);
    let Some(severity) = severity(faults, stood) else { return Ok(None) };
    let (count, sum) = (faults.lat.count, who::time(faults.lat.sum_ns));
    let name = who::actor(victim.actor);
    let summary =
        words::page_faults(Lang::En, &name, &who::count(count), &sum, &who::time(faults.max_ns()));
    let evidence = case::evidence(waiting, faults, stood);
    let mut caveats = vec![words::who_evicted(Lang::En)];
    caveats.extend(trust::caveats(context, waiting, 0.0));
    Ok(Some(Finding {
        id: ID.to_owned(),
        severity,
        confidence: trust::confidence(context, waiting, 0.0),
        subject: victim.actor.id.clone(),
        culprits: Vec::new(),
        summary,
        evidence,
        caveats,
    }))
}

fn severity(faults: &Sort, stood: f64) -> Option<Severity> {
    match faults.level {
        Level::Far => Some(Severity::Critical),
        Level::Above => Some(Severity::Warning),
        Level::Fine if stood >= WARNING => Some(Severity::Warning),
        Level::Fine => (stood >= INFO).then_some(Severity::Info),
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::Scene;
    use super::{ID, Role};
    use crate::ids::{Call, FileClass};
    use crate::report::{Part, Severity};

    fn faults(class: FileClass, count: u64, ms: u64) -> Scene {
        let scene = Scene::new().syncs(FileClass::Wal, 1_000, 2).syncs(FileClass::Db, 100, 5);
        scene.waits(Call::Fault, class, count, ms, Part::Device)
    }

    /// The scene lasts 30 s.
    #[test]
    fn evicted_pages_that_come_back_fire() {
        assert_eq!(faults(FileClass::Db, 100, 4).finding(ID).severity, Severity::Info);
        assert_eq!(faults(FileClass::Db, 1_000, 4).finding(ID).severity, Severity::Warning);
        let slow = faults(FileClass::Db, 50, 60).finding(ID);
        assert_eq!(slow.severity, Severity::Warning);
        assert!(slow.summary.contains("50 page faults"), "{}", slow.summary);
        assert_eq!(faults(FileClass::Db, 50, 150).finding(ID).severity, Severity::Critical);
    }

    #[test]
    fn few_faults_short_ones_and_others_do_not() {
        faults(FileClass::Db, 10, 60).is_quiet(ID);
        faults(FileClass::Db, 40, 1).is_quiet(ID);
        faults(FileClass::Other, 1_000, 60).is_quiet(ID);
        faults(FileClass::Db, 1_000, 60).victim_role(Role::Other).is_quiet(ID);
    }

    #[test]
    fn without_the_hook_it_cannot_say() {
        faults(FileClass::Db, 1_000, 60).without_hook("sched_switch").not_yet(ID, "not watched");
    }
}
