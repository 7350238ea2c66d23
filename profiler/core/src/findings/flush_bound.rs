//! `flush-bound`: flushing the device's cache is most of every sync, and it is nobody else's data that is flushed
//! (manual §2). A device with power-loss protection answers flushes at once.

use super::case::{self, put};
use super::charges::{Charges, To};
use super::context::{Context, Victim};
use super::lines::{self, Level};
use super::waiting::{Kind, Sort, Waiting};
use super::{NotYet, Ruling, trust, who};
use crate::report::{Finding, Mechanism, Part, Severity};
use crate::text::{Lang, findings as words};

pub(super) const ID: &str = "flush-bound";

pub(super) fn ask(context: &Context<'_>, victim: &Victim<'_>) -> Ruling {
    for waiting in victim.judged()? {
        let Some(syncs) = waiting.sort(Kind::Sync).filter(|syncs| syncs.level > Level::Fine) else {
            continue;
        };
        let Some(share) = syncs.share_of(&[Part::Flush]) else {
            return Err(NotYet(words::not_apart(Lang::En)));
        };
        if share < lines::MOST {
            continue;
        }
        let charges = context.charges(victim, waiting.class, syncs)?;
        let by_others = charges
            .share(|to, row| matches!(to, To::Other(_)) && row.mechanism == Mechanism::Flush);
        if by_others < lines::SHARE {
            let severity =
                if syncs.level == Level::Far { Severity::Critical } else { Severity::Warning };
            return Ok(Some(finding(
                context,
                victim,
                (waiting, syncs, &charges),
                (share, severity),
            )));
        }
    }
    Ok(None)
}

fn finding(
    context: &Context<'_>,
    victim: &Victim<'_>,
    (waiting, syncs, charges): (&Waiting<'_>, &Sort, &Charges<'_>),
    (share, severity): (f64, Severity),
) -> Finding {
    let device = charges.devices(|_, row| row.mechanism == Mechanism::Flush).first().copied();
    let name = device.map_or_else(|| words::its_disk(Lang::En), who::safe);
    let victim_in_words = who::actor(victim.actor);
    let summary =
        words::flushes(Lang::En, &name, &victim_in_words, &case::figures(waiting, syncs, share));
    let mut evidence = case::evidence(waiting, syncs, share);
    let found = context.report.devices.iter().find(|one| Some(one.name.as_str()) == device);
    if let Some(count) = found.and_then(|one| one.flush_commands) {
        put(&mut evidence, "flush_commands", count);
    }
    let mut caveats = vec![words::below_the_device(Lang::En)];
    caveats.extend(trust::caveats(context, waiting, charges.unknown()));
    Finding {
        id: ID.to_owned(),
        severity,
        confidence: trust::confidence(context, waiting, charges.unknown()),
        subject: device.map_or_else(|| victim.actor.id.clone(), str::to_owned),
        culprits: Vec::new(),
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

    fn flushed(ms: u64, culprit: &str) -> Scene {
        let scene = Scene::new().waits(Call::Fdatasync, FileClass::Wal, 500, ms, Part::Flush);
        scene.apiserver().blame(FileClass::Wal, culprit, None, Mechanism::Flush, 1.0)
    }

    #[test]
    fn own_flushes_that_dominate_fire() {
        let found = flushed(54, "self").finding(ID);
        assert_eq!((found.severity, found.subject.as_str()), (Severity::Warning, "vda"));
        assert_eq!(flushed(200, "unexplained").finding(ID).severity, Severity::Critical);
    }

    #[test]
    fn others_data_short_flushes_and_other_parts_do_not() {
        flushed(54, APISERVER).is_quiet(ID);
        flushed(4, "self").is_quiet(ID);
        Scene::new().waits(Call::Fdatasync, FileClass::Wal, 500, 54, Part::Device).is_quiet(ID);
    }

    /// Whose data a flush writes is not in the wait's parts.
    #[test]
    fn without_blame_it_cannot_say() {
        let scene = || Scene::new().waits(Call::Fdatasync, FileClass::Wal, 500, 54, Part::Flush);
        scene().not_yet(ID, "not computed");
        scene().not_apart().not_yet(ID, "not taken apart");
    }
}
