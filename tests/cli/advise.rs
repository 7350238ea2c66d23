//! `iocontend advise`: from a recording, in every form.

use std::path::{Path, PathBuf};
use std::process::Command;

use iocontend_core::report::{Report, Verdict};

use super::binary::run;

/// A capture of the tests: a writer like etcd's log beside a copier.
fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("replay/demo.iocap")
}

fn advise(args: &[&str]) -> String {
    let file = fixture();
    let end = run(&[&["advise", file.to_str().unwrap()], args].concat()).ended(0);
    assert_eq!(end.stderr, "", "{args:?}");
    end.stdout
}

/// The document is the report, with what is recommended before what is refused; the text says the same.
#[test]
fn a_capture_gives_advice_as_text_and_json() {
    for args in [&["--json"][..], &["-o", "json"]] {
        let report = Report::from_json(advise(args).as_bytes()).unwrap();
        let verdicts: Vec<Verdict> =
            report.advice.as_ref().unwrap().iter().map(|one| one.verdict).collect();
        let first = verdicts.iter().position(|one| *one == Verdict::Refused).unwrap();
        assert!(first > 0 && verdicts[first..].iter().all(|one| *one == Verdict::Refused));
        let text = advise(&["--why-not"]);
        assert!(text.starts_with("ADVICE\n1. "), "{text}");
        assert_eq!(text.matches("refused  ").count(), verdicts.len() - first, "{text}");
        let short = advise(&[]);
        assert!(short.starts_with("ADVICE\n1. ") && !short.contains("refused  "), "{short}");
        assert!(
            short.contains(&format!("Not useful here ({})", verdicts.len() - first)),
            "{short}"
        );
    }
}

/// Each other form is one that its reader takes: the script is valid for a shell, whatever it holds.
#[test]
fn every_form_is_printed() {
    let script = advise(&["-o", "shell"]);
    let checked = Command::new("sh").args(["-n", "-c", &script]).status().unwrap();
    assert!(script.starts_with("#!/bin/sh\n") && checked.success(), "{script}");
    for form in ["systemd", "kubernetes"] {
        let text = advise(&["-o", form]);
        assert!(text.starts_with("# iocontend "), "{text}");
    }
    assert!(advise(&["-o", "kubernetes"]).contains("no limit for IO of its own"));
}

/// A recording without that target, and no recording.
#[test]
fn what_is_not_there_is_said() {
    let file = fixture();
    let file = file.to_str().unwrap();
    let end = run(&["advise", file, "--pid-of", "no-such-name"]).ended(4);
    assert!(end.stderr.contains("target not found in"), "{}", end.stderr);
    let end = run(&["advise", "/no/such/file"]).ended(1);
    assert!(end.stderr.contains("cannot read"), "{}", end.stderr);
}
