//! The engine without root: captures of real sessions, and what must come out of them.
//!
//! Each `NAME.iocap` here stands beside `NAME.json` and `NAME.txt`, the report of its whole time. After a change that
//! is meant to change reports, `IOCONTEND_UPDATE=1 cargo test -p iocontend-tests --test replay` writes them anew; read
//! the difference before it is committed. `profiler/docs/capture.md` says how a capture becomes fit to stand here.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail by panicking")]

mod golden;
mod targets;

use std::fs;
use std::path::PathBuf;

use iocontend_core::capture::{Replay, replay};
use iocontend_core::report::Tool;
use iocontend_core::selector::Selector;

/// The folder of captures.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("replay")
}

/// Names of all captures.
fn names() -> Vec<String> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let captures = files.filter(|path| path.extension().is_some_and(|found| found == "iocap"));
    let mut names: Vec<String> =
        captures.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    assert!(!names.is_empty(), "no captures in {}", folder().display());
    names
}

/// A capture's bytes.
fn capture(name: &str) -> Vec<u8> {
    fs::read(folder().join(format!("{name}.iocap"))).unwrap()
}

/// A capture, replayed.
fn replayed(name: &str, selectors: Option<Vec<Selector>>) -> Replay {
    let tool = Tool { version: "test".to_owned(), bpf_object_sha256: None };
    replay(&capture(name)[..], selectors, tool).unwrap()
}
