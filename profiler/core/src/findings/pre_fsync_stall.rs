//! `pre-fsync-stall`: write(2) on the log blocks while its syncs are fine (manual §8.1, etcd issue 17615). etcd's own
//! metric begins to count after the write, so it cannot see this.

use super::{Ruling, case};
use crate::diagnosis::charges::Culprit;
use crate::diagnosis::kinds::{Kind, share};
use crate::diagnosis::limits::{self, Level};
use crate::diagnosis::waits::{Sort, Waiting};
use crate::diagnosis::{Diagnosis, Victim};
use crate::report::{Caveat, Finding, Mechanism, Part, Pattern, Reason, Severity};

pub(super) const ID: Pattern = Pattern::PreFsyncStall;

/// Where waits outside of syncs come from.
pub(super) const HOOK: &str = "sched_switch";

pub(super) fn ask(diagnosis: &Diagnosis<'_>, victim: &Victim<'_>) -> Ruling {
    if !diagnosis.is_attached(HOOK) {
        return Err(Reason::NoThreadWaits);
    }
    for waiting in victim.judged()? {
        let (Some(writes), Some(syncs)) = (waiting.sort(Kind::Write), waiting.sort(Kind::Sync))
        else {
            continue;
        };
        if writes.level > Level::Fine && syncs.level == Level::Fine {
            return Ok(Some(finding(diagnosis, victim, waiting, (writes, syncs))));
        }
    }
    Ok(None)
}

fn finding(
    diagnosis: &Diagnosis<'_>,
    victim: &Victim<'_>,
    waiting: &Waiting<'_>,
    (writes, syncs): (&Sort<'_>, &Sort<'_>),
) -> Finding {
    let severity = if writes.level == Level::Far { Severity::Critical } else { Severity::Warning };
    let part = share(writes.lat.sum_ns, waiting.sum_ns);
    let mut caveats = Vec::new();
    if writes.share_of(&[Part::Throttle]).is_some_and(|share| share >= limits::MOST) {
        caveats.push(Caveat::DirtyPages);
    }
    let culprits = writes.charges().map(|charges| {
        let all = charges.culprits(|_, row| row.mechanism != Mechanism::Cpu);
        let matters = |one: &Culprit<'_>| share(one.ns, charges.whole_ns) >= limits::SHARE;
        let named = diagnosis.in_order(all.into_iter().filter(matters).collect());
        named.iter().map(|one| case::culprit(one, charges.whole_ns)).collect::<Vec<_>>()
    });
    let culprits = culprits.unwrap_or_default();
    if culprits.is_empty() {
        caveats.push(Caveat::WriterUnknown);
    }
    let found = case::simple(diagnosis, victim, (waiting, writes), (ID, part, severity, 0.0));
    let mut found = Finding { culprits, ..found.with_caveats(caveats) };
    if let Some(evidence) = &mut found.evidence {
        evidence.sync_count = Some(syncs.lat.count);
        evidence.sync_p99_ns = Some(syncs.p99_ns());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::build::{Scene, numbers};
    use super::ID;
    use crate::ids::{Call, FileClass};
    use crate::report::{Part, Reason, Severity, WaitKind};

    fn scene(sync_ms: u64) -> Scene {
        Scene::new().syncs(FileClass::Wal, 1_000, sync_ms)
    }

    #[test]
    fn blocked_writes_beside_fine_syncs_fire() {
        let found =
            scene(2).waits(Call::Write, FileClass::Wal, 20, 40, Part::Throttle).finding(&ID);
        assert_eq!(found.severity, Severity::Warning);
        let numbers = numbers(&found);
        assert_eq!((numbers.wait, numbers.count), (WaitKind::Write, 20));
        assert_eq!(numbers.sync_count, Some(1_000));
        let far = scene(2).waits(Call::Write, FileClass::Wal, 20, 300, Part::Lock).finding(&ID);
        assert_eq!(far.severity, Severity::Critical);
    }

    /// A few blocked writes among many are no pattern, nor are short ones, and slow syncs show in the metric.
    #[test]
    fn few_or_short_ones_and_slow_syncs_do_not() {
        let quiet = |scene: Scene, count, ms| {
            scene.waits(Call::Write, FileClass::Wal, count, ms, Part::Throttle).is_quiet(&ID);
        };
        quiet(scene(2), 5, 40);
        quiet(scene(2), 400, 2);
        quiet(scene(20), 20, 40);
        scene(2).is_quiet(&ID);
    }

    #[test]
    fn without_the_hook_or_with_few_waits_it_cannot_say() {
        scene(2).without_hook(super::HOOK).not_yet(&ID, Reason::NoThreadWaits);
        Scene::new()
            .syncs(FileClass::Wal, 4, 2)
            .not_yet(&ID, Reason::TooFewWaits { count: 4, needed: 30 });
    }
}
