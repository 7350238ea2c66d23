//! What actors are called in tables and lines.

use super::ABSENT;
use crate::diagnosis::charges::Culprit;
use crate::diagnosis::groups::Groups;
use crate::ids::Role;
use crate::report::{Actor, Report};

/// An actor's short name: role (where the name does not say it), name and pid; its id when it is not
/// a process.
pub(super) fn name(actor: &Actor) -> String {
    let Some(pid) = actor.pid else {
        return actor.id.clone();
    };
    let own = actor.program().unwrap_or(ABSENT);
    match actor.role {
        Role::Other | Role::Unattributed => format!("{own} {pid}"),
        role if own.contains(role.name()) => format!("{own} {pid}"),
        role => format!("{} {own} {pid}", role.name()),
    }
}

/// What a culprit's program is called: for lines with little room.
pub(super) fn culprit_program(report: &Report, culprit: &Culprit<'_>) -> String {
    let actor = report.actor(culprit.id);
    actor.and_then(|actor| actor.program()).unwrap_or(culprit.id).to_owned()
}

/// A culprit's name: with its number where it is one process, else that of all that is one with it.
pub(super) fn culprit<'a>(
    report: &'a Report,
    groups: &Groups<'a>,
    culprit: &Culprit<'a>,
) -> String {
    match report.actor(culprit.id) {
        _ if groups.members(culprit.group).len() > 1 => groups.name(culprit.group),
        Some(actor) => name(actor),
        None => culprit.id.to_owned(),
    }
}

/// The name of the actor with this id; the id when the report has no such actor.
pub(super) fn name_of(report: &Report, id: &str) -> String {
    report.actor(id).map_or_else(|| id.to_owned(), name)
}
