//! `pre-fsync-stall`: write(2) on the log blocks while its syncs are fine (manual §8.1, etcd issue 17615). etcd's own
//! metric begins to count after the write, so it cannot see this.

use super::case::put;
use super::context::{Context, Victim};
use super::lines::{self, Level};
use super::waiting::{Kind, Sort, Waiting, share};
use super::{NotYet, Ruling, case, trust, who};
use crate::report::{Finding, Mechanism, Part, Severity};
use crate::text::{Lang, findings as words};

pub(super) const ID: &str = "pre-fsync-stall";

/// Where waits outside of syncs come from.
pub(super) const HOOK: &str = "sched_switch";

pub(super) fn ask(context: &Context<'_>, victim: &Victim<'_>) -> Ruling {
    if !context.is_attached(HOOK) {
        return Err(NotYet(words::no_thread_waits(Lang::En)));
    }
    for waiting in victim.judged()? {
        let (Some(writes), Some(syncs)) = (waiting.sort(Kind::Write), waiting.sort(Kind::Sync))
        else {
            continue;
        };
        if writes.level > Level::Fine && syncs.level == Level::Fine {
            return Ok(Some(finding(context, victim, waiting, (writes, syncs))));
        }
    }
    Ok(None)
}

fn finding(
    context: &Context<'_>,
    victim: &Victim<'_>,
    waiting: &Waiting<'_>,
    (writes, syncs): (&Sort, &Sort),
) -> Finding {
    let severity = if writes.level == Level::Far { Severity::Critical } else { Severity::Warning };
    let summary = words::before_sync(
        Lang::En,
        &who::actor(victim.actor),
        waiting.class.name(),
        (&who::count(writes.lat.count), &who::time(writes.p99_ns()), &who::time(writes.max_ns())),
        (&who::count(syncs.lat.count), &who::time(syncs.p99_ns())),
    );
    let mut evidence = case::evidence(waiting, writes, share(writes.lat.sum_ns, waiting.sum_ns));
    put(&mut evidence, "sync_count", syncs.lat.count);
    put(&mut evidence, "sync_p99_ns", syncs.p99_ns());
    let mut caveats = Vec::new();
    if writes.share_of(&[Part::Throttle]).is_some_and(|share| share >= lines::MOST) {
        caveats.push(words::dirty_pages(Lang::En));
    }
    let culprits = context.charges(victim, waiting.class, writes).map(|charges| {
        let all = charges.culprits(|_, row| row.mechanism != Mechanism::Cpu);
        let share = |ns| share(ns, charges.whole_ns);
        let named = all.into_iter().filter(|(_, ns)| share(*ns) >= lines::SHARE);
        named.map(|(id, _)| id.to_owned()).collect::<Vec<_>>()
    });
    let culprits = culprits.unwrap_or_default();
    if culprits.is_empty() {
        caveats.push(words::nobody_named(Lang::En));
    }
    caveats.extend(trust::caveats(context, waiting, 0.0));
    Finding {
        id: ID.to_owned(),
        severity,
        confidence: trust::confidence(context, waiting, 0.0),
        subject: victim.actor.id.clone(),
        culprits,
        summary,
        evidence,
        caveats,
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::Scene;
    use super::ID;
    use crate::ids::{Call, FileClass};
    use crate::report::{Part, Severity};

    fn scene(sync_ms: u64) -> Scene {
        Scene::new().syncs(FileClass::Wal, 1_000, sync_ms)
    }

    #[test]
    fn blocked_writes_beside_fine_syncs_fire() {
        let found = scene(2).waits(Call::Write, FileClass::Wal, 20, 40, Part::Throttle).finding(ID);
        assert_eq!(found.severity, Severity::Warning);
        assert_eq!(
            (&found.evidence["count"], &found.evidence["sync_count"]),
            (&20.into(), &1_000.into())
        );
        assert!(found.summary.contains("write(2)"), "{}", found.summary);
        let far = scene(2).waits(Call::Write, FileClass::Wal, 20, 300, Part::Lock).finding(ID);
        assert_eq!(far.severity, Severity::Critical);
    }

    /// A few blocked writes among many are no pattern, nor are short ones, and slow syncs show in the metric.
    #[test]
    fn few_or_short_ones_and_slow_syncs_do_not() {
        let quiet = |scene: Scene, count, ms| {
            scene.waits(Call::Write, FileClass::Wal, count, ms, Part::Throttle).is_quiet(ID);
        };
        quiet(scene(2), 5, 40);
        quiet(scene(2), 400, 2);
        quiet(scene(20), 20, 40);
        scene(2).is_quiet(ID);
    }

    #[test]
    fn without_the_hook_or_with_few_waits_it_cannot_say() {
        scene(2).without_hook(super::HOOK).not_yet(ID, "not watched");
        Scene::new().syncs(FileClass::Wal, 4, 2).not_yet(ID, "only 4 waits");
    }
}
