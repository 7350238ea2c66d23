//! Mistakes on the command line: exit code 2, nothing on stdout, the mistake named on stderr.

use clap::Parser as _;
use iocontend::cli::Cli;
use iocontend_core::text::{InTheWay, Lang, Problem, explain};

use super::binary::run;

#[test]
fn mistakes_are_named_and_end_with_2() {
    let cases: &[(&[&str], &str)] = &[
        (&["watch", "--no-such-flag"], "--no-such-flag"),
        (&["no-such-command"], "no-such-command"),
        (&["watch", "--duration", "soon"], "expected a duration such as 20s"),
        (&["watch", "--duration", "20"], "expected a duration"),
        (&["watch", "--duration", "0s"], "expected a duration"),
        (&["watch", "--duration=-5s"], "expected a duration"),
        (&["watch", "--interval", "10ms"], "at least 100ms"),
        (&["watch", "--pid", "0"], "0 is not in"),
        (&["watch", "--pid", "etcd"], "etcd"),
        (&["watch", "--pid-of", ""], "expected a name"),
        (&["watch", "--pid-of", "/usr/bin/etcd"], "without a path"),
        (&["watch", "--cgroup", ""], "expected a path such as /system.slice"),
        (&["watch", "--unit", "a/b"], "expected the name of a unit"),
        (&["watch", "--unit", "backup.timer"], "name the service that it starts"),
        (&["watch", "--json", "-o", "text"], "cannot be used with"),
        (&["watch", "-o", "yaml"], "possible values: text, json, jsonl"),
        (&["watch", "--ring-size", "5000"], "power of two"),
        (&["watch", "/usr/bin/etcd"], "without a path"),
        (&["watch", "--brief", "--full"], "cannot be used with"),
        (&["watch", "--brief", "-o", "markdown"], "--brief is for text and JSON"),
        (&["report", "x", "--brief", "-o", "markdown"], "--brief is for text and JSON"),
        (
            &["watch", "--fail-on", "bad"],
            "fine, slow-disk, contended, throttled, cpu-starved, not-the-disk, cannot-tell",
        ),
        (&["watch", "--record"], "--record"),
        (&["report"], "<FILE>"),
        (&["report", "x", "-o", "jsonl"], "possible values: text, json"),
        (&["report", "x", "--wait"], "--wait"),
        (&["advise", "x", "--duration", "5s"], "cannot be used with"),
        (
            &["advise", "x", "-o", "jsonl"],
            "possible values: text, json, shell, systemd, kubernetes",
        ),
        (&["advise", "--json", "-o", "shell"], "cannot be used with"),
        (&["advise", "--duration", "soon"], "expected a duration"),
        (&["demo", "--duration", "never"], "expected a duration"),
        (&["completions"], "<SHELL>"),
    ];
    for (args, named) in cases {
        let end = run(args).ended(2);
        assert_eq!(end.stdout, "", "{args:?}");
        assert!(end.stderr.contains(named), "{args:?}: {}", end.stderr);
    }
}

/// A hint that names a flag or a command names one that there is.
#[test]
fn hints_name_only_what_there_is() {
    let problems = [
        Problem::NotPermitted { uid: 0, missing: "CAP_BPF" },
        Problem::NotPermitted { uid: 1000, missing: "CAP_BPF" },
        Problem::NoBtf { path: "/x", error: "e" },
        Problem::TracefsNotMounted { looked: "/x" },
        Problem::TracefsNotPermitted { looked: "/x" },
        Problem::Unsupported { missing: "x", kernel: "5.4" },
        Problem::TargetNotFound { absent: &[] },
        Problem::NoEtcd,
        Problem::NeverCame { absent: &[] },
        Problem::FewDescriptors { limit: 64 },
        Problem::NoBriefForm,
        Problem::Truncated { file: "x", kept: "1", size: "2" },
        Problem::Corrupt { file: "x", what: "y", kept: "1", size: "2" },
        Problem::UnknownItems { file: "x", items: "y" },
        Problem::NotInCapture { file: "x", absent: &[] },
        Problem::NotReplaced { file: "x", found: InTheWay::Other },
        Problem::NoFile { file: "x", found: InTheWay::Fifo },
        Problem::RecordingStopped { error: "x" },
        Problem::LoadFailed { program: "x", error: "e" },
        Problem::AttachFailed { program: "x", hook: "y", error: "e" },
    ];
    for problem in problems {
        let explained = explain(Lang::En, &problem);
        let hint = explained.hint.unwrap_or_else(|| panic!("{problem:?} has no hint"));
        for flag in hint.split([' ', ',']).filter(|word| word.starts_with("--")) {
            assert!(is_flag_of_watch(flag), "{flag} in: {hint}");
        }
        if let Some((_, command)) = hint.split_once("iocontend ") {
            let command: String = command.chars().take_while(char::is_ascii_alphanumeric).collect();
            let known = Cli::try_parse_from(["iocontend", &command, "--help"]);
            let known =
                known.is_err_and(|error| error.kind() == clap::error::ErrorKind::DisplayHelp);
            assert!(known, "iocontend {command} in: {hint}");
        }
    }
}

fn is_flag_of_watch(flag: &str) -> bool {
    let takes = |value| Cli::try_parse_from(["iocontend", "watch", flag, value]).is_ok();
    takes("7") || takes("7s") || Cli::try_parse_from(["iocontend", "watch", flag]).is_ok()
}
