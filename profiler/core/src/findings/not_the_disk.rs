//! `not-the-disk`: waits are fine while requests are slow: a token, a watcher, the transport, another member (manual
//! §1–4). That requests are slow stands in logs and metrics, which this version does not read: until then the rule says
//! "no" where the disk is too slow, and otherwise that it cannot say.

use super::context::{Context, Victim};
use super::lines::Level;
use super::{NotYet, Ruling};
use crate::text::{Lang, findings as words};

pub(super) const ID: &str = "not-the-disk";

pub(super) fn ask(_context: &Context<'_>, victim: &Victim<'_>) -> Ruling {
    if victim.judged()?.iter().any(|waiting| waiting.level() > Level::Fine) {
        return Ok(None);
    }
    Err(NotYet(words::logs_not_read(Lang::En)))
}

#[cfg(test)]
mod tests {
    use super::super::build::Scene;
    use super::ID;
    use crate::ids::FileClass;

    #[test]
    fn fine_waits_need_the_logs_and_long_ones_are_the_disks() {
        Scene::new().syncs(FileClass::Wal, 1_000, 2).not_yet(ID, "logs and metrics");
        Scene::new().syncs(FileClass::Wal, 1_000, 20).is_quiet(ID);
        Scene::new().syncs(FileClass::Wal, 3, 2).not_yet(ID, "only 3 waits");
    }
}
