//! What the text must be whatever the report holds; how it looks is in `interval` and `summary`.

mod interval;
mod summary;

use std::io;

use crate::render::safe::columns;
use crate::render::{Style, json, units};
use crate::report::{
    Actor, Caveat, Conclusion, Newer, Note, Reason, Report, judged_sample, sample,
};

type Renderer = fn(&Report, &Style, &mut dyn io::Write) -> io::Result<()>;

const BOTH: [Renderer; 2] = [super::interval, super::summary];
const ALL: [Renderer; 4] = [super::interval, super::summary, super::brief, super::brief_interval];

fn rendered(renderer: Renderer, report: &Report, style: Style) -> String {
    let mut out = Vec::new();
    renderer(report, &style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn width(width: usize) -> Style {
    Style { width, ..Style::default() }
}

/// The sample with `more` other actors, each with a copy of the apiserver's IO.
fn crowded(more: u32) -> Report {
    let mut report = sample::report();
    for pid in 0..more {
        let id = format!("{pid}@1");
        let actor = Actor { id, pid: Some(pid), ..report.actors[2].clone() };
        report.devices[0].ios += actor.io[0].count;
        report.devices[0].bytes += actor.io[0].bytes;
        report.actors.push(actor);
    }
    report
}

#[test]
fn lines_fit_the_terminal() {
    for renderer in ALL {
        for report in [sample::report(), judged_sample::judged()] {
            for columns_there in 72..=200 {
                for line in rendered(renderer, &report, width(columns_there)).lines() {
                    assert!(columns(line) <= columns_there, "{columns_there}: {line}");
                }
            }
        }
    }
}

#[test]
fn an_ascii_style_is_ascii_and_only_colour_brings_escapes() {
    for renderer in ALL {
        let ascii = Style { unicode: false, ..width(100) };
        let plain = rendered(renderer, &judged_sample::judged(), ascii);
        assert!(plain.is_ascii() && !plain.contains('\x1b'));
        let colored = rendered(renderer, &judged_sample::judged(), Style { color: true, ..ascii });
        let stripped = ["\x1b[1m", "\x1b[31m", "\x1b[0m"]
            .iter()
            .fold(colored.clone(), |text, code| text.replace(code, ""));
        assert_ne!(colored, plain);
        assert_eq!(stripped, plain);
    }
}

#[test]
fn a_hostile_name_cannot_steer_the_terminal() {
    let mut report = judged_sample::judged();
    let evil = "x\x1b]0;y\x07\n\u{202e}z";
    report.actors[0].comm = Some(evil.into());
    report.actors[0].argv = Some(vec![evil.into()]);
    report.actors[1].unit = Some(evil.into());
    report.actors[0].waits[0].path = Some(evil.into());
    let longest = &mut report.actors[0].worst.as_mut().unwrap()[0];
    (longest.path, longest.start) = (Some(evil.into()), evil.into());
    report.devices[0].name = evil.into();
    report.host.hostname = Some(evil.into());
    report.targets[0].selector = evil.into();
    report.coverage.notes = vec![Note::Recorded(evil.into())];
    let newer = || Newer { code: evil.into() };
    let verdict = report.verdict.as_mut().unwrap();
    verdict.conclusion = Conclusion::Newer(newer());
    verdict.because = vec![Reason::Newer(newer())];
    let found = &mut report.findings.as_mut().unwrap()[0];
    (found.device, found.victim) = (Some(evil.into()), evil.into());
    found.culprits[0].actor = evil.into();
    found.caveats = vec![Caveat::IocostOn { device: evil.into() }, Caveat::Newer(newer())];
    report.rules.as_mut().unwrap()[0].reason = Some(Reason::Newer(newer()));
    report.blame.as_mut().unwrap()[0].culprit = evil.into();
    report.blame.as_mut().unwrap()[1].device = Some(evil.into());
    report.alone_vs_shared.as_mut().unwrap()[0].culprit = evil.into();
    report.actors[1].started_by.as_mut().unwrap().name = evil.into();
    report.coverage.lost = [(evil.to_owned(), 12)].into();
    for renderer in ALL {
        let text = rendered(renderer, &report, width(80));
        assert!(!text.contains(['\x1b', '\x07', '\u{202e}']), "{text}");
    }
}

/// The names of shares and what they say, of one line `breakdown: …` in its wrapped parts.
fn shares(lines: &str) -> Vec<(String, String)> {
    let (_, parts) = lines.split_once("breakdown: ").unwrap();
    let parts = parts.split_whitespace().collect::<Vec<_>>().join(" ");
    let one = |part: &str| {
        let at = part.find(|c: char| c.is_ascii_digit() || "<>".contains(c)).unwrap();
        (part[..at].trim().to_owned(), part[at..].to_owned())
    };
    parts.split(", ").map(one).collect()
}

#[test]
fn what_a_wait_was_made_of_is_what_json_has() {
    let mut report = sample::report();
    report.actors[0].waits.truncate(1);
    let text = rendered(super::summary, &report, width(80));
    let mut document = Vec::new();
    json::document(&report, &mut document).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
    let etcd = &document["actors"][0];
    let (longest, waits) = text.split_once("WAITS OF THE TARGETS").unwrap();
    let row = waits.split("UP TO").next().unwrap();
    let (_, longest) = longest.split_once("LONGEST SYNCS OF THE TARGETS").unwrap();
    let longest = longest.split("window ").next().unwrap();
    let single: Vec<&str> = longest.split("etcd 4711, at ").skip(1).collect();
    assert_eq!(single.len(), 3);
    let shown = std::iter::once(row).chain(single);
    let waits = std::iter::once(&etcd["waits"][0]).chain(etcd["worst"].as_array().unwrap());
    for (shown, wait) in shown.zip(waits) {
        let parts = wait["anatomy"].as_object().unwrap();
        let whole = parts.values().map(|ns| ns.as_u64().unwrap()).sum();
        let time = wait["duration_ns"].as_u64().or(wait["latency"]["sum_ns"].as_u64());
        assert_eq!(time, Some(whole));
        let mut rest = whole;
        for (name, share) in shares(shown) {
            let ns = if name == "rest" {
                rest
            } else {
                parts[&name.replace(' ', "_")].as_u64().unwrap()
            };
            assert_eq!(units::share(ns, whole), Some(share), "{name}");
            rest -= ns;
        }
        assert_eq!(rest, 0);
    }
}

#[test]
fn only_targets_longest_syncs_are_shown() {
    let mut report = sample::report();
    report.actors[1].worst = report.actors[0].worst.take();
    assert!(!rendered(super::summary, &report, width(80)).contains("LONGEST"));
}

#[test]
fn a_targets_run_queue_is_shown_and_nobody_elses() {
    let mut report = sample::report();
    report.actors[1].run_queue = Some(sample::lat(77, 5_000));
    for renderer in BOTH {
        let text = rendered(renderer, &report, width(80));
        assert!(!text.contains("run queue") && !text.contains("waiting for CPU"), "{text}");
    }
    report.actors[0].run_queue = Some(sample::lat(4_321, 5_000));
    for renderer in BOTH {
        let text = rendered(renderer, &report, width(80));
        let line = |line: &&str| line.contains("etcd 4711") && line.contains("4,321");
        let shown = text.lines().find(line).unwrap_or_else(|| panic!("{text}"));
        assert!(shown.contains("run queue") || shown.contains("waiting for CPU"), "{shown}");
    }
}

#[test]
fn an_empty_report_is_said_to_be_empty() {
    let full = sample::report();
    let empty = Report::new(full.tool, crate::report::Host::default(), full.window);
    for renderer in BOTH {
        assert!(rendered(renderer, &empty, width(80)).contains("No block IO"));
    }
}

/// Requests and bytes of all actors, from the JSON document.
fn json_totals(report: &Report) -> (u64, u64) {
    let mut document = Vec::new();
    json::document(report, &mut document).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
    let actors = document["actors"].as_array().unwrap();
    let rows = || actors.iter().flat_map(|actor| actor["io"].as_array().unwrap());
    let sum = |field: &str| rows().map(|row| row[field].as_u64().unwrap()).sum();
    (sum("count"), sum("bytes"))
}

#[test]
fn text_and_json_show_the_same_totals() {
    for report in [sample::report(), crowded(100)] {
        let (requests, bytes) = json_totals(&report);
        assert_eq!((requests, bytes), (report.devices[0].ios, report.devices[0].bytes));
        let summary = rendered(super::summary, &report, width(120));
        let total = summary.lines().find(|line| line.starts_with("total")).unwrap();
        assert!(total.contains(&units::count(requests)) && total.contains(&units::bytes(bytes)));
        let interval = rendered(super::interval, &report, width(120));
        let duration_ns = report.window.duration_ns;
        let rates =
            [units::per_second(requests, duration_ns), units::byte_rate(bytes, duration_ns)];
        let device = interval.lines().find(|line| line.starts_with("vda: ")).unwrap();
        assert!(rates.iter().flatten().all(|rate| device.contains(rate.as_str())), "{device}");
    }
}

#[test]
fn rows_and_the_rest_sum_to_the_total() {
    let report = crowded(100);
    let summary = rendered(super::summary, &report, width(120));
    let number = |text: &str| text.replace(',', "").parse::<u64>().ok();
    let table = summary.split("IO BY ACTOR").nth(1).unwrap().split("WHO THEY ARE").next().unwrap();
    // REQUESTS is the cell before the bytes, and the only bare number beside the pid.
    let of_row = |line: &str| {
        let cells: Vec<&str> =
            line.split("  ").map(str::trim).filter(|one| !one.is_empty()).collect();
        cells.get(4).and_then(|cell| number(cell))
    };
    let shown: u64 = table.lines().filter(|line| line.contains(" vda ")).filter_map(of_row).sum();
    let rest = table.lines().find(|line| line.starts_with("and ")).unwrap();
    let rest = rest.split(": ").nth(1).unwrap().split(' ').next().unwrap();
    assert_eq!(shown + number(rest).unwrap(), json_totals(&report).0);
}
