//! `iocontend report`: what is read, what is said about it, and the exit code.

use std::fs;
use std::path::{Path, PathBuf};

use iocontend_core::report::{Note, Report};

use super::binary::run;

/// A capture of the tests.
fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("replay/etcd.iocap")
}

/// A damaged copy.
fn damaged(damage: impl FnOnce(&mut Vec<u8>)) -> tempfile::NamedTempFile {
    let mut bytes = fs::read(fixture()).unwrap();
    damage(&mut bytes);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    file
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A whole capture: a report, nothing on stderr.
#[test]
fn a_capture_is_reported_as_text_and_json() {
    let file = fixture();
    let text = run(&["report", name(&file)]).ended(0);
    assert!(text.stdout.contains("WHO CAUSED THE WAIT"), "{}", text.stdout);
    assert!(text.stdout.lines().count() <= 24, "{}", text.stdout);
    let full = run(&["report", name(&file), "--full"]).ended(0);
    assert!(full.stdout.contains("WAITS OF THE TARGETS"), "{}", full.stdout);
    for args in [&["--json"][..], &["-o", "json"], &["--pid-of", "etcd", "--json"]] {
        let args = [&["report", name(&file)], args].concat();
        let document = run(&args).ended(0);
        assert_eq!(document.stderr, "", "{args:?}");
        let report = Report::from_json(document.stdout.as_bytes()).unwrap();
        assert!(!report.targets[0].actors.is_empty(), "{args:?}");
    }
}

/// The same as a ticket, also with the verdict of the text.
#[test]
fn a_capture_is_reported_as_markdown() {
    let file = fixture();
    let ticket = run(&["report", name(&file), "-o", "markdown"]).ended(0);
    assert_eq!(ticket.stderr, "");
    let document = run(&["report", name(&file), "--json"]).ended(0);
    let verdict: serde_json::Value = serde_json::from_str(&document.stdout).unwrap();
    let summary = verdict["verdict"]["summary"].as_str().unwrap();
    let text = run(&["report", name(&file), "--full"]).ended(0);
    assert!(text.stdout.starts_with("verdict"), "{}", text.stdout);
    assert!(ticket.stdout.starts_with("# iocontend on "), "{}", ticket.stdout);
    let folded = ["<summary>Waits of the targets", "<summary>IO by actor"];
    for part in folded.into_iter().chain(["## Causes", "## Coverage", "## Notes"]) {
        assert!(ticket.stdout.contains(part), "{part}: {}", ticket.stdout);
    }
    // Both have its first words; what follows may be wrapped or escaped.
    let first: String = summary.split(['_', '`', ':']).next().unwrap().to_owned();
    assert!(ticket.stdout.contains(&first), "{first}: {}", ticket.stdout);
}

/// Property: a state that was asked for is an exit code of its own, another one is none; the report is said either way.
#[test]
fn a_state_is_an_exit_code_to_alert_on() {
    let file = fixture();
    let slow = run(&["report", name(&file), "--fail-on", "contended,slow-disk"]).ended(5);
    assert!(slow.stdout.contains("slow disk"), "{}", slow.stdout);
    assert_eq!(slow.stderr, "");
    run(&["report", name(&file), "--fail-on", "contended"]).ended(0);
}

/// Property: the brief document is the answer of the whole one, in 20 KB.
#[test]
fn a_brief_document_is_the_answer() {
    let file = fixture();
    let of = |args: &[&str]| {
        let end = run(&[&["report", name(&file), "--json"], args].concat()).ended(0);
        (end.stdout.len(), serde_json::from_str::<serde_json::Value>(&end.stdout).unwrap())
    };
    let ((_, whole), (bytes, brief)) = (of(&[]), of(&["--brief"]));
    assert!(bytes <= 20_000, "{bytes}");
    for field in ["schema", "window", "verdict", "diagnosis"] {
        assert!(brief[field].is_object() || brief[field] == whole[field], "{field}");
    }
    assert_eq!(brief["verdict"], whole["verdict"]);
    assert_eq!(brief["diagnosis"][0]["state"], "slow_disk");
}

/// What other captures showed of backups stands in the report; the capture itself may be among them, and one that is no
/// capture is refused.
#[test]
fn other_captures_add_their_backups() {
    let (file, demo) = (fixture(), fixture().with_file_name("demo.iocap"));
    let args = ["report", name(&file), "--json", "--history", name(&file), name(&demo)];
    let end = run(&args).ended(0);
    let report = Report::from_json(end.stdout.as_bytes()).unwrap();
    let names: Vec<String> = report.activity.unwrap().into_iter().map(|one| one.name).collect();
    for expected in ["etcdctl snapshot save", "iocontend demo-copier"] {
        assert!(names.iter().any(|name| name == expected), "{expected} among {names:?}");
    }
    let nothing = tempfile::NamedTempFile::new().unwrap();
    let end = run(&["report", name(&file), "--history", name(nothing.path())]).ended(1);
    assert!(end.stderr.contains(name(nothing.path())), "{}", end.stderr);
}

/// A capture that was cut off or damaged is read as far as it is whole: exit code 0, the word on stderr and among
/// the report's notes.
#[test]
fn damage_is_said_and_the_rest_is_read() {
    type IsNoted = fn(&Note) -> bool;
    let cut = damaged(|bytes| bytes.truncate(bytes.len() - 10));
    let flipped = damaged(|bytes| *bytes.last_mut().unwrap() ^= 1);
    let cases: [(_, _, IsNoted); 2] = [
        (cut, "truncated", |note| matches!(note, Note::CaptureTruncated { .. })),
        (flipped, "corrupt", |note| matches!(note, Note::CaptureCorrupt { .. })),
    ];
    for (file, word, is_noted) in cases {
        let end = run(&["report", name(file.path()), "--json"]).ended(0);
        assert!(end.stderr.contains(word), "{}", end.stderr);
        let report = Report::from_json(end.stdout.as_bytes()).unwrap();
        assert!(report.coverage.notes.iter().any(is_noted), "{:?}", report.coverage.notes);
        assert!(!report.devices.is_empty());
    }
}

/// What cannot be read at all is a failure that says why.
#[test]
fn what_is_no_capture_fails() {
    let nothing = damaged(|bytes| bytes.truncate(30));
    let other = damaged(|bytes| bytes[..4].copy_from_slice(b"text"));
    let missing = PathBuf::from("/no/such/file");
    let cases = [
        (nothing.path(), "truncated before its first whole block"),
        (other.path(), "no capture"),
        (&missing, "No such file"),
        (Path::new("/"), "it is a folder"),
    ];
    for (path, why) in cases {
        let end = run(&["report", name(path)]).ended(1);
        assert_eq!(end.stdout, "");
        assert!(end.stderr.contains(why) && end.stderr.contains("cannot read"), "{}", end.stderr);
    }
}

/// A target that the capture does not know.
#[test]
fn an_unknown_target_is_not_found() {
    let end = run(&["report", name(&fixture()), "--pid-of", "no-such-name", "--json"]).ended(4);
    assert_eq!(end.stdout, "");
    assert!(end.stderr.contains("target not found in"), "{}", end.stderr);
    let near = run(&["report", name(&fixture()), "--pid-of", "etcdd"]).ended(4);
    assert!(near.stderr.contains("did you mean etcd (319)"), "{}", near.stderr);
}
