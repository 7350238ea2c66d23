//! What an actor is called in a sentence: what it is, what was started, and by whom.

use super::context::Context;
use crate::ids::Role;
use crate::render::safe::{printable, shorten};
use crate::render::{Style, units};
use crate::report::Actor;
use crate::text::Lang;
use crate::text::findings::{self as words, Somebody};

/// The longest command line in a sentence.
const COMMAND: usize = 64;

/// Text from outside, so that it can stand in a sentence.
pub(super) fn safe(text: &str) -> String {
    printable(text, &Style::default())
}

/// A time for people. In the report's own sentences there are no characters that a terminal may lack.
pub(super) fn time(ns: u64) -> String {
    units::duration(ns, &Style { unicode: false, ..Style::default() })
}

/// The actor with this id in words.
pub(super) fn of(context: &Context<'_>, id: &str) -> String {
    context.report.actor(id).map_or_else(|| safe(id), actor)
}

/// An actor in words.
pub(super) fn actor(actor: &Actor) -> String {
    let Some(pid) = actor.pid else {
        return match actor.role {
            Role::Unattributed => words::nobodys(Lang::En, &safe(&actor.id)),
            _ => safe(actor.cgroup.as_deref().unwrap_or(&actor.id)),
        };
    };
    let name = safe(actor.comm.as_deref().or(actor.exe.as_deref()).unwrap_or_default());
    // Servers are known by their names; of all others the command line says what they were doing.
    let command = match actor.role {
        Role::Backup | Role::Other => actor.argv.as_deref().and_then(command),
        _ => None,
    };
    let starter = actor.started_by.as_ref().map(|starter| (starter.how, safe(&starter.name)));
    words::somebody(
        Lang::En,
        &Somebody {
            role: actor.role,
            name: &name,
            command: command.as_deref(),
            pid,
            // Who started a server long ago explains nothing.
            started_by: starter
                .as_ref()
                .filter(|_| command.is_some())
                .map(|(how, name)| (*how, name.as_str())),
        },
    )
}

/// A command line with the program's base name, short enough for a sentence.
fn command(argv: &[String]) -> Option<String> {
    let (program, arguments) = argv.split_first()?;
    let base = program.rsplit('/').next().unwrap_or(program);
    let words: Vec<&str> =
        std::iter::once(base).chain(arguments.iter().map(String::as_str)).collect();
    // A backtick would end the quotation.
    let line = safe(&words.join(" ")).replace('`', "'");
    let ascii = Style { unicode: false, ..Style::default() };
    (!line.trim().is_empty()).then(|| shorten(&line, COMMAND, &ascii))
}
