//! What actors are called in tables and lines.

use super::ABSENT;
use crate::ids::Role;
use crate::report::{Actor, Report};

/// An actor's short name: role (where the name does not say it), name and pid; its id when it is not
/// a process.
pub(super) fn name(actor: &Actor) -> String {
    let Some(pid) = actor.pid else {
        return actor.id.clone();
    };
    let own = actor.comm.as_deref().or(actor.exe.as_deref()).unwrap_or(ABSENT);
    match actor.role {
        Role::Other | Role::Unattributed => format!("{own} {pid}"),
        role if own.contains(role.name()) => format!("{own} {pid}"),
        role => format!("{} {own} {pid}", role.name()),
    }
}

/// The name of the actor with this id; the id when the report has no such actor.
pub(super) fn name_of(report: &Report, id: &str) -> String {
    report.actor(id).map_or_else(|| id.to_owned(), name)
}
