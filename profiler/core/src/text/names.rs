//! What actors are called in sentences, and how numbers look there.
//!
//! Owns the two forms of a name: a short one (`etcdctl 5120`), and one that says what it is, what was started and by whom.

use std::cell::OnceCell;

use super::Lang;
use crate::diagnosis::groups::{Group, Groups};
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
    /// Who is one with whom, once that is asked for.
    groups: OnceCell<Groups<'a>>,
}

impl<'a> Names<'a> {
    /// Those of a report.
    pub const fn of(report: &'a Report, lang: Lang) -> Self {
        Self { report, lang, groups: OnceCell::new() }
    }

    /// Name and number, of several that are one their name and how many; the id of what has none. As it came from outside: the
    /// writer makes it safe.
    pub fn short(&self, id: &str) -> String {
        if let Some(several) = self.several(id) {
            return match several.kind {
                Kind::Whole => several.name,
                Kind::Runs(count) => {
                    format!("{} ({})", several.name, self.counted(several.has_runs, count))
                }
            };
        }
        match self.report.actor(id).map(|actor| (actor.program(), actor.pid)) {
            Some((Some(program), Some(pid))) => format!("{program} {pid}"),
            Some((Some(program), None)) => program.to_owned(),
            _ => id.to_owned(),
        }
    }

    /// What it is, what was started, and by whom. Safe to print.
    pub fn long(&self, id: &str) -> String {
        let Some(actor) = self.report.actor(id) else { return safe(id) };
        let several = self.several(id);
        let number = match (&several, actor.pid) {
            (Some(Several { kind: Kind::Whole, name, .. }), _) => return safe(name),
            (Some(Several { kind: Kind::Runs(count), has_runs, .. }), Some(_)) => {
                self.counted(*has_runs, *count)
            }
            (_, pid) => format!("pid {}", pid.unwrap_or_default()),
        };
        described(self.lang, actor, &number)
    }

    /// How many runs or processes.
    fn counted(&self, are_runs: bool, count: usize) -> String {
        let Lang::En = self.lang;
        format!("{count} {}", if are_runs { "runs" } else { "processes" })
    }

    /// What this one is with others; nothing of one that is alone, and of a target, which is itself.
    fn several(&self, id: &str) -> Option<Several> {
        if self.report.is_target(id) {
            return None;
        }
        let groups = self.groups.get_or_init(|| Groups::of(self.report));
        let group = groups.group(id)?;
        let count = groups.members(group).len();
        let kind = match group {
            Group::Program { .. } => Kind::Runs(count),
            Group::Unit { .. } | Group::Container { .. } => Kind::Whole,
            Group::Alone(..) => return None,
        };
        let has_runs = groups.has_runs(group);
        (count > 1).then(|| Several { name: groups.name(group), kind, has_runs })
    }

    /// Several of them.
    pub fn list(&self, ids: &[String]) -> String {
        ids.iter().map(|id| self.long(id)).collect::<Vec<_>>().join(", ")
    }
}

/// Several that are one.
struct Several {
    name: String,
    kind: Kind,
    has_runs: bool,
}

/// What makes them one.
enum Kind {
    /// A unit or a container, which has a name of its own.
    Whole,
    /// So many processes of a program.
    Runs(usize),
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

/// An actor in words, with its number.
fn described(lang: Lang, actor: &Actor, number: &str) -> String {
    let Lang::En = lang;
    if actor.pid.is_none() {
        return match actor.role {
            Role::Unattributed => {
                format!("IO that nobody could be named for ({})", safe(&actor.id))
            }
            _ => safe(actor.cgroup.as_deref().unwrap_or(&actor.id)),
        };
    }
    let name = safe(actor.program().unwrap_or_default());
    // Servers are known by their names; of all others the command line says what they were doing.
    let command = match actor.role {
        Role::Backup | Role::Other => actor.argv.as_deref().and_then(command),
        _ => None,
    };
    let mut text = match (actor.role, &command) {
        (Role::Backup, Some(command)) => format!("the backup `{command}` ({number})"),
        (Role::Backup, None) => format!("the backup {name} ({number})"),
        (Role::Kernel, _) => format!("kernel thread {name} ({number})"),
        (_, Some(command)) => format!("`{command}` ({number})"),
        (_, None) => format!("{name} ({number})"),
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
