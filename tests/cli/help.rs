//! What it says about itself.

use super::binary::run;

/// Commands that a user sees, and those that only the demo starts.
const COMMANDS: [&str; 11] = [
    "watch",
    "report",
    "advise",
    "demo",
    "doctor",
    "apply",
    "undo",
    "status",
    "schema",
    "completions",
    "man",
];
const HIDDEN: [&str; 2] = ["demo-victim", "demo-copier"];

/// Help names every command, goes to stdout, and ends well.
#[test]
fn help_names_every_command() {
    let help = run(&["--help"]).ended(0);
    for command in COMMANDS {
        assert!(help.stdout.contains(command), "{command}: {}", help.stdout);
    }
    for command in HIDDEN {
        assert!(!help.stdout.contains(command), "{command}: {}", help.stdout);
    }
    assert_eq!(help.stderr, "");
    for command in COMMANDS {
        let help = run(&[command, "--help"]).ended(0);
        assert!(help.stdout.contains("Usage: iocontend"), "{command}: {}", help.stdout);
    }
}

/// The help of `watch` shows examples and what the exit codes mean.
#[test]
fn help_of_watch_has_examples_and_exit_codes() {
    let help = run(&["watch", "--help"]).ended(0).stdout;
    for part in [
        "--pid-of",
        "--pid ",
        "--cgroup",
        "--unit",
        "--wait",
        "--duration",
        "--json",
        "Examples:",
        "Exit codes:",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

/// The version is the workspace's.
#[test]
fn version_is_the_packages() {
    let expected = format!("iocontend {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(&["--version"]).ended(0).stdout, expected);
}

/// Help says what happens without arguments.
#[test]
fn help_says_what_no_arguments_do() {
    let help = run(&["--help"]).ended(0).stdout;
    assert!(help.contains("look at the etcd of this host for 30 s"), "{help}");
}

/// Completions exist for the three shells and know commands and flags.
#[test]
fn completions_know_commands_and_flags() {
    for (shell, mark) in [("bash", "complete "), ("zsh", "#compdef"), ("fish", "complete -c")] {
        let script = run(&["completions", shell]).ended(0).stdout;
        for part in [mark, "watch", "demo", "pid-of", "duration"] {
            assert!(script.contains(part), "{shell}: {part}");
        }
    }
    run(&["completions", "tcl"]).ended(2);
}

/// The manual page is one.
#[test]
fn the_manual_page_is_roff() {
    let page = run(&["man"]).ended(0).stdout;
    assert!(page.contains(".TH iocontend"), "{page}");
    for part in [".SH NAME", ".SH SYNOPSIS", "watch", "demo"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}
