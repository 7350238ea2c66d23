//! What actors are called in sentences, and how numbers look there.
//!
//! Owns the two forms of a name: a short one (`etcdctl 5120`), and one that says what it is, what was started and by whom.

use super::Lang;
use crate::ids::Role;
use crate::report::{Actor, Report, Share, Starter};
use crate::safe::{printable, shorten};
use crate::style::Style;
use crate::units;

/// The longest command line in a sentence.
const COMMAND: usize = 64;
/// In place of options.
const LEFT_OUT: &str = "..";

/// Names of a report's actors, in one language.
pub struct Names<'a> {
    /// The report.
    pub report: &'a Report,
    /// The language.
    pub lang: Lang,
}

impl<'a> Names<'a> {
    /// Those of a report.
    pub const fn of(report: &'a Report, lang: Lang) -> Self {
        Self { report, lang }
    }

    /// Name and number; the id of what has none. As it came from outside: the writer makes it safe.
    pub fn short(&self, id: &str) -> String {
        match self.report.actor(id).map(|actor| (&actor.comm, actor.pid)) {
            Some((Some(comm), Some(pid))) => format!("{comm} {pid}"),
            Some((Some(comm), None)) => comm.clone(),
            _ => id.to_owned(),
        }
    }

    /// What it is, what was started, and by whom. Safe to print.
    pub fn long(&self, id: &str) -> String {
        self.report.actor(id).map_or_else(|| safe(id), |actor| described(self.lang, actor))
    }

    /// Several of them.
    pub fn list(&self, ids: &[String]) -> String {
        ids.iter().map(|id| self.long(id)).collect::<Vec<_>>().join(", ")
    }
}

/// Text from outside, so that it can stand in a sentence.
pub(super) fn safe(text: &str) -> String {
    printable(text, &Style::default())
}

/// A time in a finding: without characters that a terminal may lack.
pub(super) fn time(ns: u64) -> String {
    units::duration(ns, &Style { unicode: false, ..Style::default() })
}

/// The time of day in an RFC 3339 point in time, to the second; all of it when it is something else.
pub(crate) fn time_of_day(at: &str) -> String {
    const TIME: std::ops::Range<usize> = 11..19;
    safe(at.get(TIME).filter(|_| at.get(10..11) == Some("T")).unwrap_or(at))
}

/// A share.
pub(super) fn percent(share: Share) -> String {
    units::share(share.millionths(), Share::WHOLE).unwrap_or_default()
}

/// An actor in words.
fn described(lang: Lang, actor: &Actor) -> String {
    let Lang::En = lang;
    let Some(pid) = actor.pid else {
        return match actor.role {
            Role::Unattributed => {
                format!("IO that nobody could be named for ({})", safe(&actor.id))
            }
            _ => safe(actor.cgroup.as_deref().unwrap_or(&actor.id)),
        };
    };
    let name = safe(actor.comm.as_deref().or(actor.exe.as_deref()).unwrap_or_default());
    // Servers are known by their names; of all others the command line says what they were doing.
    let command = match actor.role {
        Role::Backup | Role::Other => actor.argv.as_deref().and_then(command),
        _ => None,
    };
    let mut text = match (actor.role, &command) {
        (Role::Backup, Some(command)) => format!("the backup `{command}` (pid {pid})"),
        (Role::Backup, None) => format!("the backup {name} (pid {pid})"),
        (Role::Kernel, _) => format!("kernel thread {name} (pid {pid})"),
        (_, Some(command)) => format!("`{command}` (pid {pid})"),
        (_, None) => format!("{name} (pid {pid})"),
    };
    // Who started a server long ago explains nothing.
    if let Some(by) = actor.started_by.as_ref().filter(|_| command.is_some()) {
        text.push_str(" started by ");
        text.push_str(&starter(lang, by.how, &safe(&by.name)));
    }
    text
}

/// Who started a process.
pub fn starter(lang: Lang, how: Starter, name: &str) -> String {
    let Lang::En = lang;
    match how {
        Starter::Cron => name.to_owned(),
        Starter::Systemd => format!("systemd ({name})"),
        Starter::Container => format!("a container runtime ({name})"),
        Starter::Ssh => format!("a session over the network ({name})"),
        Starter::Login => format!("a session on a console ({name})"),
    }
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
