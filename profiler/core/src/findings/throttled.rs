//! `throttled`: a limit of the kernel's holds the victim: `io.max`, iocost, `io.latency`, writeback throttling, or a
//! lack of tags (manual §5). More disk does not help.

use super::case::{self, put};
use super::context::{Context, Victim};
use super::lines::{self, Level};
use super::waiting::{Kind, Sort, Waiting};
use super::{NotYet, Ruling, trust, who};
use crate::report::{Finding, Mechanism, Part, Severity};
use crate::text::{Lang, findings as words};

pub(super) const ID: &str = "throttled";

pub(super) fn ask(context: &Context<'_>, victim: &Victim<'_>) -> Ruling {
    let mut worst: Option<Finding> = None;
    for waiting in victim.judged()?.iter().filter(|waiting| !waiting.is_clearly_fine()) {
        // What holds write(2) are dirty pages; `pre-fsync-stall` tells of them.
        let Some(syncs) = waiting.sort(Kind::Sync) else { continue };
        let Some(share) = syncs.share_of(&[Part::Throttle]) else {
            if syncs.level > Level::Fine {
                return Err(NotYet(words::not_apart(Lang::En)));
            }
            continue;
        };
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a time of about this length"
        )]
        let each_ns = (syncs.mean_ns() as f64 * share) as u64;
        let Some(severity) = lines::severity(syncs.level, share, each_ns) else { continue };
        if worst.as_ref().is_none_or(|known| severity > known.severity) {
            worst = Some(finding(context, victim, (waiting, syncs), (share, severity)));
        }
    }
    Ok(worst)
}

fn finding(
    context: &Context<'_>,
    victim: &Victim<'_>,
    (waiting, syncs): (&Waiting<'_>, &Sort),
    (share, severity): (f64, Severity),
) -> Finding {
    let summary = words::throttled(
        Lang::En,
        &who::actor(victim.actor),
        &case::figures(waiting, syncs, share),
    );
    let mut evidence = case::evidence(waiting, syncs, share);
    let held = syncs.parts.as_ref().and_then(|parts| parts.get(&Part::Throttle)).copied();
    put(&mut evidence, "throttle_ns", held.unwrap_or(0));
    let used_up = context.charges(victim, waiting.class, syncs).map(|charges| {
        let culprits = charges.culprits(|_, row| row.mechanism == Mechanism::Throttle);
        culprits.into_iter().map(|(id, _)| id.to_owned()).collect::<Vec<_>>()
    });
    let mut caveats = vec![words::which_limit(Lang::En)];
    caveats.extend(trust::caveats(context, waiting, 0.0));
    Finding {
        id: ID.to_owned(),
        severity,
        confidence: trust::confidence(context, waiting, 0.0),
        subject: victim.actor.id.clone(),
        culprits: used_up.unwrap_or_default(),
        summary,
        evidence,
        caveats,
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::{APISERVER, Scene};
    use super::ID;
    use crate::ids::{Call, FileClass};
    use crate::report::{Mechanism, Part, Severity};

    fn held(ms: u64, part: Part) -> Scene {
        Scene::new().waits(Call::Fdatasync, FileClass::Wal, 500, ms, part)
    }

    #[test]
    fn held_back_requests_fire_without_blame() {
        let found = held(40, Part::Throttle).finding(ID);
        assert_eq!((found.severity, found.culprits.len()), (Severity::Warning, 0));
        assert_eq!(held(300, Part::Throttle).finding(ID).severity, Severity::Critical);
        let scene = held(40, Part::Throttle).apiserver();
        let found =
            scene.blame(FileClass::Wal, APISERVER, None, Mechanism::Throttle, 1.0).finding(ID);
        assert_eq!(found.culprits, [APISERVER]);
    }

    #[test]
    fn other_parts_and_dirty_pages_do_not() {
        held(40, Part::Device).is_quiet(ID);
        let writes = held(2, Part::Device);
        writes.waits(Call::Write, FileClass::Wal, 50, 40, Part::Throttle).is_quiet(ID);
    }

    #[test]
    fn what_was_not_taken_apart_says_nothing() {
        held(40, Part::Throttle).not_apart().not_yet(ID, "not taken apart");
        held(2, Part::Throttle).not_apart().is_quiet(ID);
    }
}
