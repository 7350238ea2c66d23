//! `not-the-disk`: waits are fine while requests are slow: a token, a watcher, the transport, another member (manual
//! §1–4). That requests are slow stands in logs and metrics, which this version does not read: until then the rule says
//! "no" where the disk is too slow, and otherwise that it cannot say.

use super::Ruling;
use crate::diagnosis::limits::Level;
use crate::diagnosis::{Diagnosis, Victim};
use crate::report::{Pattern, Reason};

pub(super) const ID: Pattern = Pattern::NotTheDisk;

pub(super) fn ask(_context: &Diagnosis<'_>, victim: &Victim<'_>) -> Ruling {
    if victim.judged()?.iter().any(|waiting| waiting.level() > Level::Fine) {
        return Ok(None);
    }
    Err(Reason::LogsNotRead)
}

#[cfg(test)]
mod tests {
    use super::super::build::Scene;
    use super::{ID, Reason};
    use crate::ids::FileClass;

    #[test]
    fn fine_waits_need_the_logs_and_long_ones_are_the_disks() {
        Scene::new().syncs(FileClass::Wal, 1_000, 2).not_yet(&ID, Reason::LogsNotRead);
        Scene::new().syncs(FileClass::Wal, 1_000, 20).is_quiet(&ID);
        Scene::new()
            .syncs(FileClass::Wal, 3, 2)
            .not_yet(&ID, Reason::TooFewWaits { count: 3, needed: 30 });
    }
}
