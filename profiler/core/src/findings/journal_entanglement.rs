//! `journal-entanglement`: syncs wait for commits of the file system's journal that somebody else filled, also while
//! the device has little to do (manual §5). Another file system is the cure, also on the same disk.

use super::charges::To;
use super::context::{Context, Victim};
use super::{Ruling, case};
use crate::ids::Role;
use crate::report::{Blame, Mechanism};
use crate::text::{Lang, findings as words};

pub(super) const ID: &str = "journal-entanglement";

pub(super) fn ask(context: &Context<'_>, victim: &Victim<'_>) -> Ruling {
    let in_journal = |to: To<'_>, row: &Blame| {
        let To::Other(id) = to else { return false };
        let is_named = !matches!(context.role(id), Some(Role::Unattributed) | None);
        is_named && row.mechanism == Mechanism::Journal
    };
    let Some(case) = case::strongest(context, victim, victim.judged()?, in_journal)? else {
        return Ok(None);
    };
    let victim = super::who::actor(victim.actor);
    let culprits = case.culprits_in_words();
    let summary = words::in_journal(Lang::En, &victim, &case.device(), &case.figures(), &culprits);
    Ok(Some(case.finding(ID, summary, vec![words::by_blocks(Lang::En)])))
}

#[cfg(test)]
mod tests {
    use super::super::build::{APISERVER, Scene};
    use super::ID;
    use crate::ids::FileClass;
    use crate::report::{Mechanism, Severity};

    fn charged(mechanism: Mechanism, culprit: &str, share: f64) -> Scene {
        let scene = Scene::new().syncs(FileClass::Wal, 1_000, 12).apiserver();
        scene.blame(FileClass::Wal, culprit, None, mechanism, share).rest(FileClass::Wal)
    }

    #[test]
    fn commits_that_others_filled_fire() {
        let found = charged(Mechanism::Journal, APISERVER, 0.4).finding(ID);
        assert_eq!(found.severity, Severity::Warning);
        assert!(found.summary.contains("journal"), "{}", found.summary);
        assert!(found.caveats.iter().any(|one| one.contains("blocks")), "{:?}", found.caveats);
    }

    #[test]
    fn own_commits_and_other_mechanisms_do_not() {
        charged(Mechanism::Journal, "self", 0.9).is_quiet(ID);
        charged(Mechanism::Journal, APISERVER, 0.15).is_quiet(ID);
        charged(Mechanism::Queue, APISERVER, 0.9).is_quiet(ID);
    }

    #[test]
    fn without_blame_it_cannot_say() {
        Scene::new().syncs(FileClass::Wal, 1_000, 12).not_yet(ID, "not computed");
    }
}
