//! Secrets in command lines: what `report` and `advise` write of a recording that holds them, with and without `--show-args`.

use std::fs;
use std::path::Path;

use iocontend_core::capture::{Block, Writer, file_header};
use iocontend_core::facts::{ProcessFacts, ProcessKey};
use iocontend_core::redact::CommandLines;
use iocontend_core::selector::Selector;
use iocontend_core::session::{HostSample, Input, Now, Options, Span};

use super::binary::run;

const SECRET: &str = "hunter2-of-a-test";

/// A recording whose only process has a password in its command line, as a version wrote it that hid nothing.
fn recording() -> tempfile::NamedTempFile {
    let at = |seconds: u64| Now {
        mono_ns: seconds * 1_000_000_000,
        unix_ns: 1_772_366_400_000_000_000 + i64::try_from(seconds).unwrap() * 1_000_000_000,
    };
    let options = Options {
        selectors: vec![Selector::Pid(7)],
        command_lines: CommandLines::Whole,
        ..Options::default()
    };
    let mut facts = ProcessFacts::named(ProcessKey { pid: 7, start_ticks: 9 }, "mysqldump");
    facts.argv = vec!["mysqldump".to_owned(), format!("-p{SECRET}"), "db".to_owned()];
    let mut writer = Writer::new(&options, at(0)).unwrap();
    writer.input(&Input::Process(Box::new(facts)), at(0)).unwrap();
    writer.input(&Input::Started(HostSample::default()), at(0)).unwrap();
    writer.report(Span::Whole, &HostSample::default(), at(9)).unwrap();
    writer.end(at(9)).unwrap();
    let blocks = writer.take(at(20)).unwrap();
    let bytes: Vec<u8> =
        file_header().into_iter().chain(blocks.iter().flat_map(Block::to_bytes)).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    file
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Property: no form of a report or of advice has the password, on stdout or stderr; with `--show-args`, before or after
/// the command, those that show command lines have it.
#[test]
fn a_recording_with_a_password_is_reported_without_it() {
    let file = recording();
    let file = name(file.path());
    for output in ["text", "json", "markdown"] {
        let args = ["report", file, "-o", output];
        let hidden = run(&args).ended(0);
        assert!(!hidden.stdout.contains(SECRET), "{}", hidden.stdout);
        assert!(!hidden.stderr.contains(SECRET), "{}", hidden.stderr);
        for more in [[&["--show-args"], &args[..]].concat(), [&args[..], &["--show-args"]].concat()]
        {
            let whole = run(&more).ended(0);
            // The screen shows no command lines.
            if output == "text" {
                let full = run(&[&more[..], &["--full"]].concat()).ended(0);
                assert!(full.stdout.contains("(--show-args)"), "{}", full.stdout);
            } else if output == "json" {
                assert!(whole.stdout.contains(SECRET), "{}", whole.stdout);
                assert!(whole.stdout.contains("\"command_lines\": \"whole\""), "{}", whole.stdout);
            } else {
                assert!(whole.stdout.contains("(--show-args)"), "{}", whole.stdout);
            }
        }
    }
    let document = run(&["report", file, "--json"]).ended(0).stdout;
    assert!(document.contains("\"-p***\"") && document.contains("\"hidden_here\""), "{document}");
    for output in ["text", "json", "shell", "systemd", "kubernetes"] {
        let advice = run(&["advise", file, "-o", output]).ended(0);
        assert!(!(advice.stdout + &advice.stderr).contains(SECRET), "{output}");
    }
    let missing = run(&["report", file, "--pid-of", "mysqldum"]).ended(4);
    assert!(!(missing.stdout + &missing.stderr).contains(SECRET));
}
