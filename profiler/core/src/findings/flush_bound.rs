//! `flush-bound`: flushing the device's cache is most of every sync, and it is nobody else's data that is flushed
//! (manual §2). A device with power-loss protection answers flushes at once.

use super::Ruling;
use super::case;
use crate::diagnosis::charges::{Charges, To};
use crate::diagnosis::kinds::Kind;
use crate::diagnosis::limits::{self, Level};
use crate::diagnosis::waits::{Sort, Waiting};
use crate::diagnosis::{Diagnosis, Victim};
use crate::report::{Caveat, Finding, Mechanism, Part, Pattern, Reason, Severity};

pub(super) const ID: Pattern = Pattern::FlushBound;

pub(super) fn ask(diagnosis: &Diagnosis<'_>, victim: &Victim<'_>) -> Ruling {
    for waiting in victim.judged()? {
        let Some(syncs) = waiting.sort(Kind::Sync).filter(|syncs| syncs.level > Level::Fine) else {
            continue;
        };
        let Some(share) = syncs.share_of(&[Part::Flush]) else {
            return Err(Reason::NotTakenApart);
        };
        if share < limits::MOST {
            continue;
        }
        let charges = syncs.charges()?;
        let by_others = charges
            .share(|to, row| matches!(to, To::Other(_)) && row.mechanism == Mechanism::Flush);
        if by_others < limits::SHARE {
            let severity =
                if syncs.level == Level::Far { Severity::Critical } else { Severity::Warning };
            return Ok(Some(finding(
                diagnosis,
                victim,
                (waiting, syncs, charges),
                (share, severity),
            )));
        }
    }
    Ok(None)
}

fn finding(
    diagnosis: &Diagnosis<'_>,
    victim: &Victim<'_>,
    (waiting, syncs, charges): (&Waiting<'_>, &Sort<'_>, &Charges<'_>),
    (share, severity): (f64, Severity),
) -> Finding {
    let device = charges.device(|_, row| row.mechanism == Mechanism::Flush);
    let numbers = (ID, share, severity, charges.unknown());
    let mut found = case::simple(diagnosis, victim, (waiting, syncs), numbers)
        .on_device(device)
        .with_caveats(vec![Caveat::BelowDeviceUnseen]);
    let disk = diagnosis.report.devices.iter().find(|one| Some(one.name.as_str()) == device);
    let count = disk.and_then(|one| one.flush_commands);
    if let Some(evidence) = &mut found.evidence {
        evidence.flush_commands = count;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::build::{APISERVER, Scene};
    use super::ID;
    use crate::ids::{Call, FileClass};
    use crate::report::{Mechanism, Part, Reason, Severity};

    fn flushed(ms: u64, culprit: &str) -> Scene {
        let scene = Scene::new().waits(Call::Fdatasync, FileClass::Wal, 500, ms, Part::Flush);
        scene.apiserver().blame(FileClass::Wal, culprit, None, Mechanism::Flush, 1.0)
    }

    #[test]
    fn own_flushes_that_dominate_fire() {
        let found = flushed(54, "self").finding(&ID);
        assert_eq!((found.severity, found.subject.as_str()), (Severity::Warning, "vda"));
        assert_eq!(flushed(200, "unexplained").finding(&ID).severity, Severity::Critical);
    }

    #[test]
    fn others_data_short_flushes_and_other_parts_do_not() {
        flushed(54, APISERVER).is_quiet(&ID);
        flushed(4, "self").is_quiet(&ID);
        Scene::new().waits(Call::Fdatasync, FileClass::Wal, 500, 54, Part::Device).is_quiet(&ID);
    }

    /// Whose data a flush writes is not in the wait's parts.
    #[test]
    fn without_blame_it_cannot_say() {
        let scene = || Scene::new().waits(Call::Fdatasync, FileClass::Wal, 500, 54, Part::Flush);
        scene().not_yet(&ID, Reason::NoBlame { file_class: None });
        scene().not_apart().not_yet(&ID, Reason::NotTakenApart);
    }
}
