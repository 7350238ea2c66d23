//! Commands in the README and the documents are real.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use clap::error::ErrorKind;
use iocontend::cli::Cli;
use iocontend_core::doctor::{SWITCH_NS, TARGET_SWITCH_NS};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Lines of the code blocks of a document, continued ones joined.
fn code_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut inside = false;
    let mut goes_on = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            (inside, goes_on) = (!inside, false);
        } else if inside {
            let part = line.trim().trim_end_matches('\\').trim_end();
            match lines.last_mut() {
                Some(last) if goes_on => *last = format!("{last} {part}"),
                _ => lines.push(part.to_owned()),
            }
            goes_on = line.ends_with('\\');
        }
    }
    lines
}

/// The arguments of our program in a command, up to what belongs to the shell.
fn arguments(line: &str) -> Option<Vec<&str>> {
    let line = line.trim_start_matches("$ ").trim_start_matches("sudo ");
    let ours = line.strip_prefix("iocontend ").or_else(|| {
        let built = ["target/release/iocontend ", "./target/release/iocontend "];
        let built = built.into_iter().find_map(|path| line.strip_prefix(path));
        let cargo = line.starts_with("cargo run ").then(|| line.split_once(" -- ")).flatten();
        built.or(cargo.map(|(_, ours)| ours))
    })?;
    let shell = |word: &&str| !matches!(*word, "|" | ">" | "2>" | "&" | "&&" | "#");
    Some(ours.split_whitespace().take_while(shell).collect())
}

fn commands_of(path: &Path) -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(path).unwrap();
    let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
    let lines = code_lines(&text).into_iter();
    lines.filter_map(|line| Some((line.clone(), owned(arguments(&line)?)))).collect()
}

fn is_accepted(arguments: &[String]) -> bool {
    let all = std::iter::once("iocontend").chain(arguments.iter().map(String::as_str));
    match Cli::try_parse_from(all) {
        Ok(_) => true,
        Err(error) => matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion),
    }
}

#[test]
fn commands_in_the_readme_are_real() {
    let commands = commands_of(&root().join("README.md"));
    assert!(commands.len() >= 3, "{commands:?}");
    for (line, arguments) in &commands {
        assert!(is_accepted(arguments), "not accepted: {line}");
    }
    let uses = |word: &str| commands.iter().any(|(_, words)| words.iter().any(|one| one == word));
    assert!(uses("advise") && uses("watch") && uses("--pid-of"), "{commands:?}");
}

#[test]
fn commands_in_the_documents_are_real() {
    for entry in fs::read_dir(root().join("profiler/docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        for (line, arguments) in commands_of(&path) {
            assert!(is_accepted(&arguments), "{}: not accepted: {line}", path.display());
        }
    }
}

/// What a context switch costs is one figure, here and in `doctor`.
#[test]
fn the_documents_state_the_costs_that_the_doctor_states() {
    let page = root().join("profiler/docs/costs.md");
    let text = fs::read_to_string(page).unwrap().replace('\n', " ");
    let claim = format!(
        "A context switch takes {TARGET_SWITCH_NS} ns longer where the thread is a target's and {SWITCH_NS} ns where it is not"
    );
    assert!(text.contains(&claim), "{claim}");
}

/// Links to files in this repository lead somewhere.
#[test]
fn links_in_the_readme_lead_somewhere() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let file = link.split('#').next().unwrap_or_default();
        if !file.is_empty() && !file.contains("://") {
            assert!(root().join(file).exists(), "{link}");
        }
    }
}

#[test]
fn commands_are_found_in_code_blocks_only() {
    let text = "iocontend no\n```\nsudo iocontend watch \\\n  --pid 7 | head -1\ncargo run --release -- demo # x\n```\n";
    let found: Vec<String> = code_lines(text);
    let words: Vec<_> = found.iter().filter_map(|line| arguments(line)).collect();
    assert_eq!(words, [vec!["watch", "--pid", "7"], vec!["demo"]]);
}
