//! `journal-entanglement`: syncs wait for commits of the file system's journal that somebody else filled, also while
//! the device has little to do (manual §5). Another file system is the cure, also on the same disk.

use super::{Ruling, case};
use crate::diagnosis::case::strongest;
use crate::diagnosis::charges::To;
use crate::diagnosis::{Diagnosis, Victim};
use crate::report::{Blame, Caveat, Mechanism, Pattern};

pub(super) const ID: Pattern = Pattern::JournalEntanglement;

pub(super) fn ask(diagnosis: &Diagnosis<'_>, victim: &Victim<'_>) -> Ruling {
    let in_journal = |to: To<'_>, row: &Blame| {
        matches!(to, To::Other(group) if group.is_named()) && row.mechanism == Mechanism::Journal
    };
    let case = strongest(diagnosis, victim, in_journal)?;
    Ok(case.map(|case| case::of(&case, ID, vec![Caveat::SharedByBlocks])))
}

#[cfg(test)]
mod tests {
    use super::super::build::{APISERVER, Scene};
    use super::ID;
    use crate::ids::FileClass;
    use crate::report::{Caveat, Mechanism, Reason, Severity};

    fn charged(mechanism: Mechanism, culprit: &str, share: f64) -> Scene {
        let scene = Scene::new().syncs(FileClass::Wal, 1_000, 12).apiserver();
        scene.blame(FileClass::Wal, culprit, None, mechanism, share).rest(FileClass::Wal)
    }

    #[test]
    fn commits_that_others_filled_fire() {
        let found = charged(Mechanism::Journal, APISERVER, 0.4).finding(&ID);
        assert_eq!(found.severity, Severity::Warning);
        assert!(found.caveats.contains(&Caveat::SharedByBlocks), "{:?}", found.caveats);
    }

    #[test]
    fn own_commits_and_other_mechanisms_do_not() {
        charged(Mechanism::Journal, "self", 0.9).is_quiet(&ID);
        charged(Mechanism::Journal, APISERVER, 0.15).is_quiet(&ID);
        charged(Mechanism::Queue, APISERVER, 0.9).is_quiet(&ID);
    }

    #[test]
    fn without_blame_it_cannot_say() {
        Scene::new()
            .syncs(FileClass::Wal, 1_000, 12)
            .not_yet(&ID, Reason::NoBlame { file_class: None });
    }
}
