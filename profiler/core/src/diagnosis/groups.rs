//! Who is one to a person, and in which order culprits stand.
//!
//! A program that is started again and again (a snapshot every minute) is one culprit: its runs in one place are a group. Owns the only
//! rule of what belongs together, and the only order (note 0031).

use std::collections::BTreeMap;

use crate::ids::Role;
use crate::report::{Actor, Report};

/// What makes actors one. The order is that of names: it decides between groups that are charged alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group<'a> {
    /// Runs of one program that play one part in one cgroup, or in pods: a job's next pod has another cgroup.
    Program {
        /// Its name.
        comm: &'a str,
        /// Its part.
        role: Role,
        /// Where it runs.
        place: &'a str,
    },
    /// Somebody without a name, by id; without a part where nothing at all is known.
    Alone(&'a str, Option<Role>),
}

/// In place of a cgroup's path, for all pods.
const POD: &str = "pod";

impl<'a> Group<'a> {
    /// That of an actor.
    pub(crate) fn of(actor: &'a Actor) -> Self {
        let place = actor.cgroup.as_deref().unwrap_or_default();
        let place = if crate::cgroup::pod(place).is_some() { POD } else { place };
        match actor.comm.as_deref() {
            Some(comm) => Self::Program { comm, role: actor.role, place },
            None => Self::Alone(&actor.id, Some(actor.role)),
        }
    }

    /// Those of all of a report's actors, by id.
    pub(crate) fn of_all(report: &'a Report) -> BTreeMap<&'a str, Self> {
        report.actors.iter().map(|actor| (actor.id.as_str(), Self::of(actor))).collect()
    }

    /// Its part; `None` of whom nothing is known.
    pub(crate) const fn role(self) -> Option<Role> {
        match self {
            Self::Program { role, .. } => Some(role),
            Self::Alone(_, role) => role,
        }
    }

    /// Whether it is somebody: who could be named for the IO.
    pub(crate) fn is_named(self) -> bool {
        !matches!(self.role(), Some(Role::Unattributed) | None)
    }

    /// Whether it can be dealt with: the kernel's own threads cannot.
    pub(crate) fn is_within_reach(self) -> bool {
        self.is_named() && self.role() != Some(Role::Kernel)
    }
}
