//! What a program is called, however often it starts: its name and the words of its command that do not change.
//!
//! A backup is a new process each time, its files have the date in their names. So values of flags, paths and whatever
//! has a digit are left out: `etcdctl --endpoints=… snapshot save /backup/20260301.db` is `etcdctl snapshot save`.

use crate::argv::{base_name, is_word, shell_commands};
use crate::facts::{ProcessFacts, ProcessKey};
use crate::redact;
use crate::role::{Program, is_shell, is_wrapper, shell_text, text_runs_backup};

/// Most words after the program's name.
const WORDS: usize = 3;
/// Longest name, characters.
const LONGEST: usize = 80;
/// Most commands of a shell text that are looked at.
const COMMANDS: usize = 64;

/// The name of a process's program and command. A password is no part of it, whether it is shown or not.
pub fn name_of(process: &ProcessFacts) -> String {
    let mut hidden = ProcessFacts { open_files: Vec::new(), ..process.clone() };
    hidden.argv = redact::arguments(&hidden.argv, false);
    name_of_hidden(&hidden)
}

fn name_of_hidden(process: &ProcessFacts) -> String {
    let program = Program::of(process);
    let args: Vec<&str> = program.args.iter().map(AsRef::as_ref).collect();
    if is_shell(program.name)
        && let Some(text) = shell_text(&args)
    {
        let names = names_in(text);
        // The one that matters, where one of them does.
        let backup = names.iter().find(|name| text_runs_backup(name));
        if let Some(first) = backup.or(names.first()) {
            return cut(&format!("{} -c {first}", program.name));
        }
    }
    let name = if program.name.is_empty() { process.comm.as_str() } else { program.name };
    let words = args.iter().filter(|word| is_command_word(word)).take(WORDS);
    cut(&std::iter::once(&name).chain(words).copied().collect::<Vec<_>>().join(" "))
}

fn cut(name: &str) -> String {
    name.chars().take(LONGEST).collect()
}

/// The names of all commands in a shell text, also behind wrappers (`nice`, `flock`, `docker exec`), but not the
/// wrappers' own.
pub(crate) fn names_in(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for command in shell_commands(text).into_iter().take(COMMANDS) {
        let words: Vec<String> =
            command.into_iter().skip_while(|word| is_assignment(word)).collect();
        add_names(&words, &mut names);
    }
    names.dedup();
    names
}

fn add_names(words: &[String], names: &mut Vec<String>) {
    let Some((program, rest)) = words.split_first() else { return };
    let program = base_name(program);
    if is_wrapper(program) {
        // Where the wrapped command begins is not known: at each word that may be a program.
        for at in 0..rest.len() {
            let candidate = base_name(&rest[at]);
            if is_word(&rest[at]) && !candidate.is_empty() && !is_wrapper(candidate) {
                add_plain(&rest[at..], names);
            }
        }
        return;
    }
    add_plain(words, names);
}

fn add_plain(words: &[String], names: &mut Vec<String>) {
    let program = words.first().map_or("", |word| base_name(word));
    let args: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    if is_shell(program) {
        if let Some(text) = shell_text(&args)
            // A text within a text within a text is nobody's crontab.
            && names.len() < COMMANDS
        {
            let inner = shell_commands(text).into_iter().take(COMMANDS);
            names.extend(inner.filter(|words| is_plain(words)).map(|words| named(&words)));
            return;
        }
        if args.iter().all(|arg| !is_word(arg)) {
            return;
        }
    }
    let is_name = program.starts_with(|c: char| c.is_ascii_alphanumeric());
    if is_name && names.len() < COMMANDS {
        names.push(named(words));
    }
}

/// Whether a command of a text within a text is looked at.
fn is_plain(words: &[String]) -> bool {
    let program = words.first().map_or("", |word| base_name(word));
    program.starts_with(|c: char| c.is_ascii_alphanumeric()) && !is_shell(program)
}

fn named(argv: &[String]) -> String {
    let mut facts = ProcessFacts::named(ProcessKey { pid: 0, start_ticks: 0 }, "");
    facts.argv = argv.to_vec();
    name_of_plain(&facts)
}

/// As [`name_of`], of a command that is no shell text.
fn name_of_plain(process: &ProcessFacts) -> String {
    let program = Program::of(process);
    let words = program.args.iter().map(AsRef::as_ref).filter(|word| is_command_word(word));
    let all: Vec<&str> = std::iter::once(program.name).chain(words.take(WORDS)).collect();
    cut(&all.join(" "))
}

/// A word of a command, not a value: letters and dashes only.
fn is_command_word(word: &str) -> bool {
    is_word(word)
        && !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'_')
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(argv: &[&str]) -> String {
        let mut facts = ProcessFacts::named(ProcessKey { pid: 1, start_ticks: 1 }, "x");
        facts.argv = argv.iter().map(|&word| word.to_owned()).collect();
        name_of(&facts)
    }

    /// Property: what changes from run to run is not in the name, what the command does is.
    #[test]
    fn a_name_survives_the_date() {
        let save = |day: &str| {
            let file = format!("/backup/etcd-{day}.db");
            name(&["/usr/bin/etcdctl", "--endpoints", "127.0.0.1:2379", "snapshot", "save", &file])
        };
        assert_eq!(
            (save("20260301"), save("20260302")),
            (save("20260302"), "etcdctl snapshot save".into())
        );
        assert_eq!(name(&["/bin/bash", "/opt/etcd-backup.sh", "2026-03-01"]), "etcd-backup.sh");
        assert_eq!(name(&["restic", "-r", "/srv/repo", "backup", "/var"]), "restic backup");
        let text = "cd / && nice -n 19 etcdctl snapshot save /b/$(date +%s).db";
        assert_eq!(name(&["/bin/sh", "-c", text]), "sh -c etcdctl snapshot save");
        assert_eq!(name(&[]), "x");
    }

    /// Property: commands of a crontab's text have the names that their processes will have.
    #[test]
    fn a_text_names_its_processes() {
        let names = names_in(
            "A=1 ionice -c2 -n7 nice -n 19 /usr/bin/etcdctl snapshot save /b/x.db >/dev/null 2>&1",
        );
        assert!(names.contains(&"etcdctl snapshot save".to_owned()), "{names:?}");
        assert_eq!(names_in("/opt/etcd-backup.sh --all | logger"), ["etcd-backup.sh", "logger"]);
        assert_eq!(names_in("/bin/bash /opt/etcd-backup.sh"), ["etcd-backup.sh"]);
        assert!(
            names_in("bash -c 'etcdctl snapshot save /b'")
                .contains(&"etcdctl snapshot save".to_owned())
        );
        assert!(names_in("").is_empty());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z \\-'\"|;&=/$(){}0-9]{0,200}") {
            for name in names_in(&text) {
                prop_assert!(name.chars().count() <= LONGEST);
            }
        }
    }
}
