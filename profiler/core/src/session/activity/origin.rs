//! Where a process comes from: its own name and those of its ancestors, their shell texts, its unit.

use std::collections::BTreeSet;

use super::super::actors::{Actors, Known};
use crate::activity::name_of;
use crate::role::{Program, is_shell, shell_text};

/// Ancestors that are looked at: cron, its shell, the script, a wrapper or two.
const DEPTH: usize = 6;
/// Of each kind that are kept.
const MOST: usize = 16;
/// Longest text that is kept, characters.
const LONGEST: usize = 400;

/// Names, texts and units.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    pub(super) names: BTreeSet<String>,
    pub(super) texts: BTreeSet<String>,
    pub(super) units: BTreeSet<String>,
}

impl Origin {
    /// Of a process and its ancestors, as far as they are known now: a shell is gone soon after its child.
    pub(super) fn of(actors: &Actors, known: &Known) -> Self {
        let mut origin = Self::default();
        origin.add(known);
        let mut at = known;
        for _ in 0..DEPTH {
            // Process 1 starts everything, so it says nothing.
            let Some((_, parent)) = actors.by_pid(at.facts.ppid).filter(|(_, parent)| {
                parent.facts.key.pid > 1 && parent.facts.key.pid != at.facts.key.pid
            }) else {
                break;
            };
            origin.add(parent);
            at = parent;
        }
        // A unit is that of the process itself: its ancestors may be cron. Timers are the host's, and so is the unit.
        origin.units = known.facts.cgroup.system_unit().map(str::to_owned).into_iter().collect();
        origin
    }

    /// What is known of one process.
    pub(super) fn add(&mut self, known: &Known) {
        insert(&mut self.names, name_of(&known.facts));
        let program = Program::of(&known.facts);
        let args: Vec<&str> = program.args.iter().map(AsRef::as_ref).collect();
        if is_shell(program.name)
            && let Some(text) = shell_text(&args)
        {
            insert(&mut self.texts, text.chars().take(LONGEST).collect());
        }
        self.units.extend(
            known.facts.cgroup.system_unit().map(str::to_owned).filter(|_| self.units.len() < MOST),
        );
    }

    pub(super) fn take_in(&mut self, other: &Self) {
        for (own, others) in [
            (&mut self.names, &other.names),
            (&mut self.texts, &other.texts),
            (&mut self.units, &other.units),
        ] {
            for one in others {
                insert(own, one.clone());
            }
        }
    }
}

fn insert(set: &mut BTreeSet<String>, one: String) {
    if set.len() < MOST {
        set.insert(one);
    }
}
