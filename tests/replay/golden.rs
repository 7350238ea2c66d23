//! The reports of the captures are those that stand beside them.

use std::fs;

use iocontend_core::capture::End;
use iocontend_core::render::{Style, json, text};
use iocontend_core::report::check_consistency;

use super::{folder, names, replayed};

/// Property: what the README shows is what the demo's capture says today.
#[test]
fn the_readme_shows_what_is_said() {
    let root = folder().join("../..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let said = fs::read_to_string(folder().join("demo.brief.txt")).unwrap();
    assert!(readme.contains(&format!("```\n{said}```\n")), "put this into README.md:\n{said}");
}

/// Property: a capture gives the same report today as when it was taken, in all outputs, and its sums agree.
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
        let (mut short, screen) = (Vec::new(), Style { width: 80, ..style });
        text::brief(&replay.report, &screen, &mut short).unwrap();
        for (ending, found) in [("json", document), ("txt", words), ("brief.txt", short)] {
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
