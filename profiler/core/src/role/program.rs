//! Which program a process runs, behind interpreters, multi-call binaries and rewritten titles.
//!
//! Owns the step from exe and argv to "program and its arguments"; owns no roles.

use std::borrow::Cow;

use crate::argv::{base_name, is_word};
use crate::facts::ProcessFacts;

/// Programs whose first plain argument is the program that matters.
const INTERPRETERS: [&str; 10] =
    ["sh", "bash", "dash", "ash", "ksh", "zsh", "ruby", "perl", "node", "python"];

/// One binary, many programs: `argv[0]` (or the word after it) tells which.
const MULTI_CALL: [&str; 5] = ["busybox", "toybox", "coreutils", "hyperkube", "kubelite"];

/// A program and its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Program<'a> {
    /// Base name.
    pub(crate) name: &'a str,
    /// Whether exe vouches for the name (directly, or as interpreter or multi-call binary).
    pub(crate) from_exe: bool,
    /// Whether an interpreter runs it, so that the name is a script's.
    pub(crate) script: bool,
    /// Arguments after the program.
    pub(crate) args: Vec<Cow<'a, str>>,
}

impl<'a> Program<'a> {
    pub(crate) fn of(process: &'a ProcessFacts) -> Self {
        let argv = words(&process.argv);
        let argv0 = argv.first().map_or("", |a| base_of(a));
        let exe = process.exe.as_deref().map(exe_name);
        let name = exe.unwrap_or(argv0);
        let rest = argv.get(1..).unwrap_or_default();
        if is_interpreter(name) {
            if let Some((script, args)) = script(rest) {
                return Self { name: script, from_exe: exe.is_some(), script: true, args };
            }
        } else if MULTI_CALL.contains(&name) {
            return Self::multi_call(name, exe.is_some(), argv0, rest);
        }
        Self { name, from_exe: exe.is_some(), script: false, args: rest.to_vec() }
    }

    /// `busybox gzip …`, or a link `gzip` to busybox.
    fn multi_call(binary: &'a str, from_exe: bool, argv0: &'a str, rest: &[Cow<'a, str>]) -> Self {
        let by_word = argv0 == binary || argv0.is_empty();
        match rest.split_first() {
            Some((first, args)) if by_word && is_word(first) => {
                Self { name: base_of(first), from_exe, script: false, args: args.to_vec() }
            }
            _ => {
                let name = if by_word { binary } else { argv0 };
                Self { name, from_exe, script: false, args: rest.to_vec() }
            }
        }
    }

    /// The first plain argument. Values of flags before it are taken for it, so use it for programs
    /// whose subcommand comes first.
    pub(crate) fn subcommand(&self) -> Option<&str> {
        self.args.iter().map(AsRef::as_ref).find(|a| is_word(a))
    }
}

/// The arguments as words: a program that rewrote its title left one string with blanks.
fn words(argv: &[String]) -> Vec<Cow<'_, str>> {
    match argv {
        [title] if title.contains(' ') => title.split_whitespace().map(Cow::Borrowed).collect(),
        _ => argv.iter().map(|a| Cow::Borrowed(a.as_str())).collect(),
    }
}

fn base_of<'a>(word: &Cow<'a, str>) -> &'a str {
    match word {
        Cow::Borrowed(word) => base_name(word),
        // `words` only borrows.
        Cow::Owned(_) => "",
    }
}

/// runc copies itself into an anonymous file before it enters a container.
fn exe_name(exe: &str) -> &str {
    if exe.starts_with("/memfd:runc_cloned:") { "runc" } else { base_name(exe) }
}

fn is_interpreter(name: &str) -> bool {
    // python3, python3.11, ruby3.1, perl5.36
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    INTERPRETERS.contains(&stem)
}

/// The script an interpreter runs: its first plain argument, unless the text itself is an argument.
fn script<'a>(args: &[Cow<'a, str>]) -> Option<(&'a str, Vec<Cow<'a, str>>)> {
    let inline = |a: &Cow<'_, str>| {
        a.starts_with('-') && !a.starts_with("--") && (a.ends_with('c') || a.ends_with('e'))
    };
    let at = args.iter().position(|a| is_word(a))?;
    if args[..at].iter().any(inline) {
        return None;
    }
    Some((base_of(&args[at]), args[at + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ProcessKey;

    fn name_of(exe: Option<&str>, argv: &[&str]) -> (String, Vec<String>) {
        let mut facts = ProcessFacts::named(ProcessKey { pid: 1, start_ticks: 1 }, "x");
        facts.exe = exe.map(str::to_owned);
        facts.argv = argv.iter().map(|&a| a.to_owned()).collect();
        let program = Program::of(&facts);
        (program.name.to_owned(), program.args.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_program_is_found_behind_what_runs_it() {
        for (exe, argv, name, args) in [
            (Some("/usr/bin/etcd"), &["etcd", "--name", "a"][..], "etcd", &["--name", "a"][..]),
            (None, &["/usr/bin/etcd"], "etcd", &[]),
            (Some("/x/bin/k3s"), &["/usr/local/bin/k3s server"], "k3s", &["server"]),
            (
                Some("/usr/bin/python3.11"),
                &["python3", "-u", "/usr/bin/borgmatic", "-v"],
                "borgmatic",
                &["-v"],
            ),
            (Some("/bin/bash"), &["bash", "/opt/etcd-backup.sh", "/b"], "etcd-backup.sh", &["/b"]),
            (Some("/bin/bash"), &["bash", "-ec", "echo x"], "bash", &["-ec", "echo x"]),
            (Some("/bin/busybox"), &["gzip", "x"], "gzip", &["x"]),
            (Some("/bin/busybox"), &["/bin/busybox", "gzip", "x"], "gzip", &["x"]),
            (Some("/hyperkube"), &["/hyperkube", "kubelet", "--v=2"], "kubelet", &["--v=2"]),
            (
                Some("/snap/kubelite"),
                &["/snap/kubelite", "--apiserver-args-file=x"],
                "kubelite",
                &["--apiserver-args-file=x"],
            ),
            (
                Some("/memfd:runc_cloned:/proc/self/exe (deleted)"),
                &["runc", "init"],
                "runc",
                &["init"],
            ),
            (None, &[], "", &[]),
        ] {
            let (found, found_args) = name_of(exe, argv);
            assert_eq!(
                (found.as_str(), found_args.as_slice()),
                (name, &args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>()[..]),
                "{argv:?}"
            );
        }
    }
}
