//! Keeps `profiler/docs/report.md` true: its example is generated here, and it names every field.

use super::{BpfCost, Depth, InFlight, Report, Window, check_consistency, sample};
use crate::ids::{FileClass, Method, Op};
use crate::schema::report_schema;

/// The page as it is.
const PAGE: &str = include_str!("../../../docs/report.md");
/// The page of codes.
const CODES: &str = include_str!("../../../docs/codes.md");

/// One second of the sample host in few numbers.
fn small() -> Report {
    let mut report = sample::report();
    let start_ns = 1_772_366_400_000_000_000;
    report.window = Window::new(start_ns, start_ns + 1_000_000_000, 3_600, 1_000_000_000);
    report.actors = [0, 1, 4].map(|index| report.actors[index].clone()).into();
    let psi = report.host.psi_io.as_mut().unwrap();
    (psi.some_delta_us, psi.full_delta_us) = (Some(412_345), Some(389_000));
    let wal = (Op::Write, FileClass::Wal, Method::Direct);
    let backup = (Op::Write, FileClass::BackupOutput, Method::Writeback);
    let nobody = (Op::Write, FileClass::Other, Method::Unattributed);
    report.actors[0].io = vec![sample::io(wal, 2, 8_192, (900_000, 1_800_000))];
    report.actors[0].waits.truncate(1);
    let latency = sample::lat(2, 4_100_000);
    report.actors[0].waits[0].anatomy = Some(sample::anatomy(latency.sum_ns));
    report.actors[0].waits[0].latency = latency;
    let longest = report.actors[0].worst.as_mut().unwrap();
    longest.truncate(1);
    longest[0].duration_ns = 5_700_000;
    longest[0].anatomy = sample::anatomy(5_700_000);
    longest[0].start = "2026-03-01T13:00:00.417+01:00".into();
    report.actors[1].io = vec![sample::io(backup, 2, 524_288, (18_000_000, 7_400_000))];
    report.actors[2].io = vec![sample::io(nobody, 1, 8_192, (0, 2_500_000))];
    (report.actors[2].io[0].q2d, report.actors[2].io[0].q2c) = (None, None);
    report.devices = vec![sample::device(&report.actors)];
    let device = &mut report.devices[0];
    (device.busy_ns, device.flush_commands, device.merges) = (Some(21_400_000), Some(2), Some(3));
    device.request_merges = Some(1);
    device.depth = Some(Depth { mean: 0.026, max: None });
    device.in_flight = Some(InFlight { start: 1, end: 0 });
    report.coverage = sample::coverage(&report);
    report.coverage.events_seen = 7;
    report.coverage.events_kept = 7;
    report.coverage.lost.clear();
    let cost = BpfCost { run_cnt: 5, run_ns: 1_430 };
    report.coverage.bpf = Some([("on_block_rq_complete".to_owned(), cost)].into());
    report
}

/// The indented document with each histogram on one line.
fn example() -> String {
    let mut pretty = Vec::new();
    crate::render::json::document(&small(), &mut pretty).unwrap();
    let pretty = String::from_utf8(pretty).unwrap();
    let mut text = String::new();
    let mut rest = pretty.trim_end();
    while let Some(at) = rest.find("\"buckets\": [") {
        let (before, from) = rest.split_at(at);
        let end = buckets_end(from);
        text.push_str(before);
        let compact: String = from[..end].split_whitespace().collect();
        text.push_str(&compact.replace(':', ": ").replace(',', ", "));
        rest = &from[end..];
    }
    text + rest
}

/// Just behind the bracket that closes the first one.
fn buckets_end(text: &str) -> usize {
    let mut depth = 0_i32;
    let closing = text.char_indices().find(|(_, c)| {
        depth += match c {
            '[' => 1,
            ']' => -1,
            _ => 0,
        };
        *c == ']' && depth == 0
    });
    closing.map_or(text.len(), |(at, _)| at + 1)
}

#[test]
fn the_example_is_a_consistent_report() {
    assert_eq!(check_consistency(&small()), Vec::<String>::new());
    assert_eq!(serde_json::from_str::<Report>(&example()).unwrap(), small());
}

#[test]
fn the_page_shows_the_example() {
    let example = format!("```json\n{}\n```", example());
    assert!(PAGE.contains(&example), "put this into profiler/docs/report.md:\n{example}");
}

/// Variants of a schema.
fn variants(object: &serde_json::Value) -> impl Iterator<Item = &serde_json::Value> {
    ["oneOf", "anyOf"].into_iter().flat_map(|of| object[of].as_array().into_iter().flatten())
}

#[test]
fn the_pages_name_every_field_and_every_word() {
    let schema = report_schema();
    let definitions = schema["$defs"].as_object().unwrap();
    let is_named = |word: &str| {
        let quoted = format!("`{word}`");
        PAGE.contains(&quoted) || CODES.contains(&quoted)
    };
    let objects = definitions.values().chain([&schema]);
    // A kind of object among others has its fields in one of the variants.
    for object in objects.clone().chain(objects.flat_map(variants)) {
        for (name, field) in object["properties"].as_object().into_iter().flatten() {
            assert!(is_named(name), "field {name}: {field}");
            // A variant with fields has its word in the field that tells it apart.
            let word = field["const"].as_str();
            assert!(word.is_none_or(is_named), "word {word:?}");
        }
        let word = object["const"].as_str();
        assert!(word.is_none_or(is_named), "word {word:?}");
    }
}
