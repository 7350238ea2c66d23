//! Any bytes as a capture: nothing panics, the sums of the report hold, and it can be printed.
//!
//! Bytes that do not begin as a capture stand for the content of its second block: checksums would keep them out
//! otherwise, and without the first block nothing is read.
#![no_main]

use std::sync::OnceLock;

use iocontend_core::capture::{Writer, block, file_header, replay};
use iocontend_core::render::{Style, json, text};
use iocontend_core::report::{Report, Tool, check_consistency};
use iocontend_core::selector::Selector;
use iocontend_core::session::{Now, Options};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(&file_header()) {
        run(bytes);
    } else {
        run(&[beginning(), &block(1, 1, bytes)].concat());
    }
});

/// A capture's header and first block.
fn beginning() -> &'static [u8] {
    static BEGINNING: OnceLock<Vec<u8>> = OnceLock::new();
    BEGINNING.get_or_init(|| {
        let mut writer = Writer::new(&Options::default(), Now::default()).expect("an opening");
        let later = Now { mono_ns: u64::MAX, unix_ns: 0 };
        let blocks = writer.take(later).expect("a block");
        [file_header().to_vec(), blocks[0].to_bytes()].concat()
    })
}

fn run(capture: &[u8]) {
    for selectors in [None, Some(vec![Selector::PidOf("dd".to_owned())])] {
        let Ok(replayed) = replay(capture, selectors, Tool::default()) else { continue };
        assert_eq!(check_consistency(&replayed.report), Vec::<String>::new());
        assert!(replayed.kept_bytes <= capture.len() as u64);
        print(&replayed.report);
    }
}

fn print(report: &Report) {
    let mut document = Vec::new();
    let mut words = Vec::new();
    json::document(report, &mut document).expect("a report is a document");
    text::summary(report, &Style::default(), &mut words).expect("memory can be written");
    text::brief(report, &Style::default(), &mut words).expect("memory can be written");
    json::brief(report, &mut words).expect("memory can be written");
    let again = Report::from_json(&document).expect("a document can be read again");
    assert_eq!(again.actors.len(), report.actors.len());
}
