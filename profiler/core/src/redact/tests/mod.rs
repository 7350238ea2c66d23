//! Command lines with secrets of many shapes, and innocent ones: what is hidden, what stays, what a person still reads.

mod innocent;
mod secrets;

use proptest::prelude::*;

use super::{CommandLines, CommandLinesShown, MARK, arguments, shell_text};
use crate::event::{Event, decode, hidden_exec};
use crate::role::role_of;
use crate::test_facts::process;

pub(crate) use innocent::INNOCENT;
pub(crate) use secrets::{SECRETS, Secret};

fn owned(argv: &[&str]) -> Vec<String> {
    argv.iter().map(|&argument| argument.to_owned()).collect()
}

/// Property: no secret of the table is left, and the command is still one.
#[test]
fn secrets_are_hidden_and_the_command_stays() {
    assert!(SECRETS.len() >= 40);
    let mut wrong = Vec::new();
    for Secret { argv, secrets, left } in SECRETS {
        let hidden = arguments(&owned(argv), false).join(" ");
        let leaks = secrets.iter().any(|secret| hidden.contains(secret));
        if leaks || hidden != *left {
            wrong.push(format!("{argv:?}\n     is {hidden}\n not {left}"));
        }
        assert!(secrets.iter().all(|secret| argv.join(" ").contains(secret)), "{argv:?}");
        assert!(hidden.contains(MARK));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), SECRETS.len(), wrong.join("\n"));
}

/// Property: the same in a shell's words, as a crontab has them, and as one word of a `sh -c`.
#[test]
fn secrets_are_hidden_in_shell_texts() {
    let mut wrong = Vec::new();
    for Secret { argv, secrets, .. } in SECRETS {
        let line = shlex::try_join(argv.iter().copied()).unwrap();
        let nested = owned(&["/bin/bash", "-c", &format!("set -e; cd /tmp && {line} | gzip")]);
        let deeper =
            owned(&["ssh", "host", &shlex::try_join(nested.iter().map(String::as_str)).unwrap()]);
        let texts = [
            shell_text(&line, false),
            arguments(&nested, false).join(" "),
            arguments(&deeper, false).join(" "),
        ];
        for text in texts {
            if secrets.iter().any(|secret| text.contains(secret)) {
                wrong.push(text);
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Property: what holds no secret stays to the byte, also within a shell text.
#[test]
fn innocent_lines_stay() {
    assert!(INNOCENT.len() >= 40);
    let mut wrong = Vec::new();
    for argv in INNOCENT {
        let hidden = arguments(&owned(argv), false);
        if hidden != *argv {
            wrong.push(format!("{argv:?}\n    {hidden:?}"));
        }
        let line = shlex::try_join(argv.iter().copied()).unwrap();
        let text = shell_text(&line, false);
        if text != line {
            wrong.push(format!("{line}\n    {text}"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Property: twice is as once, so a capture that was recorded without secrets is read as it is.
#[test]
fn hiding_again_changes_nothing() {
    for Secret { argv, .. } in SECRETS {
        let once = arguments(&owned(argv), false);
        assert_eq!(arguments(&once, false), once, "{argv:?}");
    }
}

/// Property: who plays which role does not depend on secrets.
#[test]
fn roles_stay() {
    let lines = SECRETS.iter().map(|secret| secret.argv).chain(INNOCENT.iter().copied());
    for argv in lines {
        let whole = process(None, argv);
        let mut hidden = whole.clone();
        hidden.hide_secrets();
        assert_eq!(role_of(&hidden).role, role_of(&whole).role, "{argv:?}");
        assert_eq!(crate::activity::name_of(&hidden), crate::activity::name_of(&whole), "{argv:?}");
    }
}

/// Property: an argument that was cut off in the middle of a secret shows no part of it.
#[test]
fn half_a_secret_is_one() {
    for (last, left) in [
        ("https://root:hunt", "https://root:***"),
        ("--datastore-endpoint=postgres://kine:hun", "--datastore-endpoint=postgres://kine:***"),
        ("ghp_a1B2c3", "***"),
        ("--token=K10abc", "--token=***"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "-----BEGIN PRIVATE KEY-----***"),
        ("sh -c 'mysql -phunt", "sh -c 'mysql -p***'"),
    ] {
        assert_eq!(arguments(&owned(&["x", last]), true)[1], left);
    }
    // A port is none where nothing is cut.
    assert_eq!(arguments(&owned(&["x", "https://host:2379"]), false)[1], "https://host:2379");
}

/// The record of an exec of which so many bytes of arguments are missing.
pub(crate) fn record(argv: &[&str], missing: u32) -> Vec<u8> {
    use bytemuck::Zeroable as _;
    use iocontend_wire::record::{ExecRecord, tag};
    let mut arguments = argv.join("\0").into_bytes();
    if missing == 0 {
        arguments.push(0);
    }
    let length = u32::try_from(arguments.len()).unwrap();
    let mut head = ExecRecord::zeroed();
    (head.head, head.tgid, head.ppid) = (u32::from(tag::EXEC), 7, 1);
    (head.argv_len, head.argv_total) = (length, length + missing);
    head.start_boottime = 90_000_000;
    head.comm[0] = b'x';
    [bytemuck::bytes_of(&head), &arguments].concat()
}

/// Property: the record of an exec loses its secrets and nothing else, whatever its lengths say.
#[test]
fn records_of_execs_lose_their_secrets() {
    let bytes = record(&["mysqldump", "-phunter2", "db"], 0);
    let hidden = hidden_exec(&bytes).unwrap();
    assert!(!String::from_utf8_lossy(&hidden).contains("hunter2"));
    let Ok(Event::Exec(exec)) = decode(&hidden) else { panic!("{hidden:?}") };
    assert_eq!((exec.argv, exec.argv_cut), (owned(&["mysqldump", "-p***", "db"]), false));
    let cut = record(&["x", "https://u:hunter2"], 100);
    let Ok(Event::Exec(exec)) = decode(&hidden_exec(&cut).unwrap()) else { panic!() };
    assert_eq!((exec.argv, exec.argv_cut), (owned(&["x", "https://u:***"]), true));
    // Nothing to hide, nothing copied; half a record loses what nobody reads.
    assert_eq!(hidden_exec(&record(&["ls", "-l"], 0)), None);
    for length in 0..bytes.len() {
        let known = hidden_exec(&bytes[..length]).unwrap_or_else(|| bytes[..length].to_vec());
        assert!(!String::from_utf8_lossy(&known).contains("hunter2"), "{length}");
    }
}

/// Property: a report says whose command lines are whole: nobody's, the recording's, its own.
#[test]
fn a_report_says_what_it_holds() {
    use CommandLines::{Hidden, Whole};
    for (told, recorded, shown) in [
        (Hidden, None, CommandLinesShown::Hidden),
        (Whole, None, CommandLinesShown::Whole),
        (Hidden, Some(Hidden), CommandLinesShown::Hidden),
        (Hidden, Some(Whole), CommandLinesShown::HiddenHere),
        (Whole, Some(Whole), CommandLinesShown::Whole),
        (Whole, Some(Hidden), CommandLinesShown::Hidden),
    ] {
        assert_eq!(CommandLinesShown::of(told, recorded), shown);
    }
}

proptest! {
    /// Property: no bytes panic, no argument is lost.
    #[test]
    fn no_bytes_panic(words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..12), cut: bool) {
        let argv: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        prop_assert_eq!(arguments(&argv, cut).len(), argv.len());
        shell_text(&argv.join(" "), cut);
    }

    /// Property: the same for what looks like command lines.
    #[test]
    fn no_command_line_panics(
        words in prop::collection::vec(
            "(--?)?(password|token|key|sh|-c|curl|mysql|-u|-p|set|echo|Authorization:|Bearer|http://|é|@|:|=|\"|'|\\\\|\\$|\\(|\\||;|/| |&|\\{|eyJ|-----BEGIN |-----|a1){1,6}",
            0..12,
        ),
        cut: bool,
    ) {
        let once = arguments(&words, cut);
        prop_assert_eq!(once.len(), words.len());
        shell_text(&words.join(" "), cut);
    }

    /// Property: a password behind a flag that says so is never there, whatever it is.
    #[test]
    fn no_password_is_left(password in "[!-~]{6,30}", name in "(db-)?(password|passwd|root_password|rootPassword)") {
        let flag = super::values::is_flag(&password);
        let is_known = ["simple", "***"].contains(&password.as_str()) || password.contains("***");
        prop_assume!(!flag && !is_known && !"nothing secret --db-root_rootPasswordpasswd=".contains(&password));
        for argv in [vec![format!("--{name}={password}")], vec![format!("--{name}"), password.clone()], vec![format!("-{name}={password}")]] {
            let argv: Vec<String> = std::iter::once("nothing".to_owned()).chain(argv).collect();
            let line = arguments(&argv, false).join(" ");
            prop_assert!(!line.contains(&password), "{}", line);
        }
    }
}
