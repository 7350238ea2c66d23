//! `throttled`: a limit of the kernel's holds the victim: `io.max`, iocost, `io.latency`, writeback throttling, or a
//! lack of tags (manual §5). More disk does not help.

use super::Ruling;
use super::case;
use crate::diagnosis::kinds::Kind;
use crate::diagnosis::limits::{self, Level};
use crate::diagnosis::waits::{Sort, Waiting};
use crate::diagnosis::{Diagnosis, Victim};
use crate::report::{Caveat, Finding, Mechanism, Part, Pattern, Reason, Severity};

pub(super) const ID: Pattern = Pattern::Throttled;

pub(super) fn ask(diagnosis: &Diagnosis<'_>, victim: &Victim<'_>) -> Ruling {
    let mut worst: Option<Finding> = None;
    for waiting in victim.judged()?.iter().filter(|waiting| !waiting.is_clearly_fine()) {
        // What holds write(2) are dirty pages; `pre-fsync-stall` tells of them.
        let Some(syncs) = waiting.sort(Kind::Sync) else { continue };
        let Some(share) = syncs.share_of(&[Part::Throttle]) else {
            if syncs.level > Level::Fine {
                return Err(Reason::NotTakenApart);
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
        let Some(severity) = limits::severity(syncs.level, share, each_ns) else { continue };
        if worst.as_ref().is_none_or(|known| severity > known.severity) {
            worst = Some(finding(diagnosis, victim, (waiting, syncs), (share, severity)));
        }
    }
    Ok(worst)
}

fn finding(
    diagnosis: &Diagnosis<'_>,
    victim: &Victim<'_>,
    (waiting, syncs): (&Waiting<'_>, &Sort<'_>),
    (part, severity): (f64, Severity),
) -> Finding {
    let used_up = syncs.charges().map(|charges| {
        let culprits = charges.culprits(|_, row| row.mechanism == Mechanism::Throttle);
        let culprits = diagnosis.in_order(culprits);
        culprits.iter().map(|one| case::culprit(one, charges.whole_ns)).collect::<Vec<_>>()
    });
    let found = case::simple(diagnosis, victim, (waiting, syncs), (ID, part, severity, 0.0));
    let mut found = Finding {
        culprits: used_up.unwrap_or_default(),
        ..found.with_caveats(vec![Caveat::LimitUnseen])
    };
    let held = syncs.parts.as_ref().and_then(|parts| parts.get(&Part::Throttle)).copied();
    if let Some(evidence) = &mut found.evidence {
        evidence.throttle_ns = Some(held.unwrap_or(0));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::build::{APISERVER, Scene, actors};
    use super::ID;
    use crate::ids::{Call, FileClass};
    use crate::report::{Mechanism, Part, Reason, Severity};

    fn held(ms: u64, part: Part) -> Scene {
        Scene::new().waits(Call::Fdatasync, FileClass::Wal, 500, ms, part)
    }

    #[test]
    fn held_back_requests_fire_without_blame() {
        let found = held(40, Part::Throttle).finding(&ID);
        assert_eq!((found.severity, found.culprits.len()), (Severity::Warning, 0));
        assert_eq!(held(300, Part::Throttle).finding(&ID).severity, Severity::Critical);
        let scene = held(40, Part::Throttle).apiserver();
        let found =
            scene.blame(FileClass::Wal, APISERVER, None, Mechanism::Throttle, 1.0).finding(&ID);
        assert_eq!(actors(&found), [APISERVER]);
    }

    #[test]
    fn other_parts_and_dirty_pages_do_not() {
        held(40, Part::Device).is_quiet(&ID);
        let writes = held(2, Part::Device);
        writes.waits(Call::Write, FileClass::Wal, 50, 40, Part::Throttle).is_quiet(&ID);
    }

    #[test]
    fn what_was_not_taken_apart_says_nothing() {
        held(40, Part::Throttle).not_apart().not_yet(&ID, Reason::NotTakenApart);
        held(2, Part::Throttle).not_apart().is_quiet(&ID);
    }
}
