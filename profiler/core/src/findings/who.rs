//! What an actor is called in a sentence: what it is, what was started, and by whom.

use super::context::Context;
use crate::ids::Role;
use crate::render::safe::{printable, shorten};
use crate::render::{Style, units};
use crate::report::{Actor, Coverage};
use crate::text::Lang;
use crate::text::findings::{self as words, Somebody};

/// The longest command line in a sentence.
const COMMAND: usize = 64;
/// In place of options.
const LEFT_OUT: &str = "..";

/// Text from outside, so that it can stand in a sentence.
pub(super) fn safe(text: &str) -> String {
    printable(text, &Style::default())
}

/// A time for people. In the report's own sentences there are no characters that a terminal may lack.
pub(super) fn time(ns: u64) -> String {
    units::duration(ns, &Style { unicode: false, ..Style::default() })
}

/// A number for people.
pub(super) fn count(n: u64) -> String {
    units::count(n)
}

/// How many events were lost, in words.
pub(super) fn lost(coverage: &Coverage) -> String {
    words::lost(Lang::En, &count(coverage.lost_total()), &count(coverage.events_seen))
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
    let all = || std::iter::once(base).chain(arguments.iter().map(String::as_str));
    let mut words: Vec<&str> = all().collect();
    if words.iter().map(|word| word.len() + 1).sum::<usize>() > COMMAND {
        // What is done matters more than how.
        words = all().map(|word| if word.starts_with('-') { LEFT_OUT } else { word }).collect();
        words.dedup_by(|a, b| *a == LEFT_OUT && *b == LEFT_OUT);
    }
    // A backtick would end the quotation.
    let line = safe(&words.join(" ")).replace('`', "'");
    let ascii = Style { unicode: false, ..Style::default() };
    (!line.trim().is_empty()).then(|| shorten(&line, COMMAND, &ascii))
}

#[cfg(test)]
mod tests {
    use super::command;

    fn of(argv: &[&str]) -> Option<String> {
        command(&argv.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_command_line_says_what_is_done() {
        let short = of(&["/usr/bin/etcdctl", "snapshot", "save", "/b"]);
        assert_eq!(short.as_deref(), Some("etcdctl snapshot save /b"));
        let options = ["--endpoints=https://127.0.0.1:2379", "--cacert=/etc/etcd/ca.crt"];
        let long = of(&["etcdctl", options[0], options[1], "snapshot", "save", "/backup/x.db"]);
        assert_eq!(long.as_deref(), Some("etcdctl .. snapshot save /backup/x.db"));
        assert!(of(&["x", &"y".repeat(200)]).is_some_and(|line| line.len() <= super::COMMAND));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["", ""]), None);
    }
}
