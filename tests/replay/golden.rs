//! The reports of the captures are those that stand beside them.

use std::fs;

use iocontend_core::capture::End;
use iocontend_core::render::{Style, json, text};
use iocontend_core::report::check_consistency;

use super::{folder, names, replayed};

/// Property: a capture gives the same report today as when it was taken, in both outputs, and its sums agree.
#[test]
fn captures_give_the_reports_beside_them() {
    let mut wrong = Vec::new();
    for name in names() {
        let replay = replayed(&name, None);
        assert_eq!(replay.end, End::Clean, "{name}");
        assert!(replay.unknown.is_empty(), "{name}: {:?}", replay.unknown);
        assert_eq!(check_consistency(&replay.report), Vec::<String>::new(), "{name}");
        let mut document = Vec::new();
        json::document(&replay.report, &mut document).unwrap();
        let mut words = Vec::new();
        let style = Style { unicode: true, width: 120, ..Style::default() };
        text::summary(&replay.report, &style, &mut words).unwrap();
        for (ending, found) in [("json", document), ("txt", words)] {
            let beside = folder().join(format!("{name}.{ending}"));
            if std::env::var_os("IOCONTEND_UPDATE").is_some() {
                fs::write(&beside, &found).unwrap();
            }
            if fs::read(&beside).unwrap_or_default() != found {
                wrong.push(beside.display().to_string());
            }
        }
    }
    assert!(wrong.is_empty(), "not what the engine says now: {}", wrong.join(", "));
}
