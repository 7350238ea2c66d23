//! What an actor is called, and who that is.

use std::io::{self, Write};

use super::lines::{ABSENT, head, joined, say, title};
use crate::ids::Role;
use crate::render::Style;
use crate::render::safe::{columns, printable, shorten};
use crate::report::{Actor, Report};
use crate::text::{Label, Msg, findings as words};

/// An actor's short name: role (where the name does not say it), name and pid; its id when it is not
/// a process.
pub(in crate::render) fn name(actor: &Actor, style: &Style) -> String {
    let Some(pid) = actor.pid else {
        return printable(&actor.id, style);
    };
    let own = actor.comm.as_deref().or(actor.exe.as_deref());
    let own = printable(own.unwrap_or(ABSENT), style);
    match actor.role {
        Role::Other | Role::Unattributed => format!("{own} {pid}"),
        role if own.contains(role.name()) => format!("{own} {pid}"),
        role => format!("{} {own} {pid}", role.name()),
    }
}

/// The name of the actor with this id; the id when the report has no such actor.
pub(in crate::render) fn name_of(report: &Report, id: &str, style: &Style) -> String {
    report.actor(id).map_or_else(|| printable(id, style), |actor| name(actor, style))
}

/// Writes who these actors are: where they run and what was started.
pub(super) fn section(actors: &[&Actor], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let named: Vec<_> = actors.iter().filter(|actor| actor.pid.is_some()).collect();
    if named.is_empty() {
        return Ok(());
    }
    title(Label::WhoTitle, style, out)?;
    for actor in named {
        let mut facts = vec![name(actor, style)];
        let place = place(actor);
        facts.extend(place.map(|place| shorten(&printable(&place, style), style.width / 2, style)));
        if let Some(starter) = &actor.started_by {
            let name = printable(&starter.name, style);
            let starter = words::starter(style.lang, starter.how, &name);
            facts.push(say(&Msg::StartedBy(&starter), style));
        }
        if actor.exited {
            facts.push(head(Label::Exited, style).to_owned());
        }
        writeln!(out, "{}", shorten(&joined(&facts, style), style.width, style))?;
        let room = style.width.saturating_sub(2);
        writeln!(out, "  {}", shorten(&command(actor, style), room, style))?;
    }
    Ok(())
}

/// Where it runs: pod, else unit, else cgroup.
pub(in crate::render) fn place(actor: &Actor) -> Option<String> {
    let pod = actor.pod.as_ref().map(|pod| {
        let parts = [&pod.namespace, &pod.name, &pod.container];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("/")
    });
    let place = pod.filter(|pod| !pod.is_empty());
    place.or_else(|| actor.unit.clone()).or_else(|| actor.cgroup.clone())
}

pub(in crate::render) fn command(actor: &Actor, style: &Style) -> String {
    let argv = actor.argv.as_ref().filter(|argv| !argv.is_empty());
    match (argv, &actor.exe, actor.role) {
        (Some(argv), _, _) => printable(&argv.join(" "), style),
        (None, Some(exe), _) => printable(exe, style),
        (None, None, Role::Kernel) => head(Label::KernelThread, style).to_owned(),
        (None, None, _) => head(Label::Unknown, style).to_owned(),
    }
}

/// A file of a wait: its class, with the path when it fits `width` columns in a short form.
pub(super) fn file(class: &str, path: Option<&str>, width: usize, style: &Style) -> String {
    let room = width.saturating_sub(columns(class) + 3);
    match path {
        Some(path) if room >= 12 => {
            format!("{class} ({})", shorten(&printable(path, style), room, style))
        }
        _ => class.to_owned(),
    }
}
