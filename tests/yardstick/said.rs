//! The short summary of every capture: a screen, no wider than it is, that says what the document says.

use iocontend_core::render::{Style, json, safe, text};
use iocontend_core::report::{Advice, Conclusion, Report, Verdict, VictimState};
use iocontend_core::text::brief::{Nobody, nobody_named};
use iocontend_core::text::names::Names;
use iocontend_core::text::{Label, Lang, advice, label};

use serde_json::Value;

use super::REPLAYED;

/// Lines of a terminal.
const LINES: usize = 24;
/// Bytes of a brief document.
const BRIEF_BYTES: usize = 20_000;
/// Lines in which what to do stands.
const LAST: usize = 7;

fn brief(report: &Report, width: usize) -> Vec<String> {
    let mut out = Vec::new();
    text::brief(report, &Style { width, ..Style::default() }, &mut out).unwrap();
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

fn word(answer: VictimState) -> &'static str {
    let of = match answer {
        VictimState::Fine => Label::Fine,
        VictimState::SlowDisk => Label::SlowDisk,
        VictimState::Throttled => Label::Throttled,
        VictimState::Contended => Label::ContendedDisk,
        VictimState::CpuStarved => Label::CpuStarved,
        VictimState::NotTheDisk => Label::NotTheDisk,
        VictimState::CannotTell => Label::CannotTell,
    };
    label(Lang::En, of)
}

/// Names of who or what took the time, in order.
fn who(lines: &[String]) -> Vec<&str> {
    let head = label(Lang::En, Label::BriefWho);
    let rows = lines.iter().skip_while(|line| !line.starts_with(head)).skip(1);
    rows.take_while(|line| !line.is_empty()).filter_map(|line| line.split("  ").next()).collect()
}

fn is_nobody(name: &str) -> bool {
    let all =
        [Nobody::Unattributed, Nobody::Device, Nobody::NoCpu, Nobody::OwnWork, Nobody::Unexplained];
    all.into_iter().any(|one| nobody_named(Lang::En, one) == name) || name.starts_with("others (")
}

/// Words of lines, without how they are broken.
fn flat(lines: &[String]) -> String {
    lines.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Property: it is a screen, nothing is wider than the terminal and no two rows look alike.
#[test]
fn the_short_summary_fits() {
    for (case, documents) in REPLAYED.iter() {
        let report = Report::from_json(documents.lines.last().unwrap().as_bytes()).unwrap();
        for width in [60, 80] {
            for line in brief(&report, width) {
                assert!(safe::columns(&line) <= width, "{}: {line}", case.name);
            }
        }
        let lines = brief(&report, 80);
        assert!(lines.len() <= LINES, "{}: {}", case.name, lines.join("\n"));
        let mut names = who(&lines);
        names.sort_unstable();
        assert!(names.windows(2).all(|two| two[0] != two[1]), "{}: {names:?}", case.name);
    }
}

/// Property: its state is the verdict's, its first neighbour the verdict's first, and its last lines have the first action that is
/// recommended.
#[test]
fn the_short_summary_says_what_the_document_says() {
    let (mut contended, mut recommended) = (0, 0);
    for (case, documents) in REPLAYED.iter() {
        let report = Report::from_json(documents.lines.last().unwrap().as_bytes()).unwrap();
        let lines = brief(&report, 80);
        let verdict = report.verdict.as_ref().unwrap();
        assert!(lines[0].ends_with(word(verdict.answer)), "{}: {}", case.name, lines[0]);
        if let Conclusion::OthersCause { culprits, .. } = &verdict.conclusion {
            contended += 1;
            let first = who(&lines).into_iter().find(|name| !is_nobody(name)).unwrap();
            let document: Value = serde_json::from_str(documents.lines.last().unwrap()).unwrap();
            let rows = document["blame"].as_array().unwrap();
            let row = rows.iter().find(|row| row["culprit"] == culprits[0].as_str()).unwrap();
            let program = report.actor(&culprits[0]).unwrap().program().unwrap();
            let is_it = first.contains(program) || Some(first) == row["culprit_name"].as_str();
            assert!(is_it, "{}: {first}, not {program}", case.name);
        }
        let is_recommended = |one: &&Advice| one.verdict == Verdict::Recommended;
        if let Some(first) = report.advice.iter().flatten().find(is_recommended) {
            recommended += 1;
            let action = advice::action(&Names::of(&report, Lang::En), &first.action);
            let last = flat(&lines[lines.len().saturating_sub(LAST)..]);
            assert!(last.contains(&flat(&[action])), "{}: {last}", case.name);
        }
    }
    assert!(contended > 0 && recommended > 3, "{contended}, {recommended}");
}

/// Property: what `diagnosis` says is what verdict, findings and blame say: states, culprits by group, and sums.
#[test]
fn the_diagnosis_agrees_with_the_rest() {
    let mut neighbours = 0;
    for (case, documents) in REPLAYED.iter() {
        for line in &documents.lines {
            let (name, document) = (&case.name, serde_json::from_str::<Value>(line).unwrap());
            let groups = document["groups"].as_array().map(Vec::as_slice).unwrap_or_default();
            let members: usize =
                groups.iter().map(|one| one["actors"].as_array().unwrap().len()).sum();
            assert_eq!(members, document["actors"].as_array().unwrap().len(), "{name}");
            let group_of = |id: &str| {
                let has = |group: &&Value| {
                    group["actors"].as_array().unwrap().iter().any(|one| one == id)
                };
                // Of whom nothing but an id is known, there is no actor and so no group.
                groups.iter().find(has).map_or(Value::Null, |group| group["id"].clone())
            };
            for row in document["blame"].as_array().into_iter().flatten() {
                let culprit = row["culprit"].as_str().unwrap();
                if matches!(culprit, "self" | "unexplained") {
                    assert_eq!(row["culprit_name"], culprit, "{name}");
                } else {
                    assert_eq!(row["culprit_group"], group_of(culprit), "{name}");
                }
            }
            let verdict = &document["verdict"];
            let all = document["diagnosis"].as_array().unwrap();
            let is_answer = |state: &str| verdict["answer"] == state;
            let mut states = all.iter().map(|one| one["state"].as_str().unwrap());
            assert!(all.is_empty() || states.any(is_answer), "{name}: {verdict} {all:?}");
            for one in all {
                let causes = one["causes"].as_array().map(Vec::as_slice).unwrap_or_default();
                let shares: f64 = causes.iter().map(|cause| cause["share"].as_f64().unwrap()).sum();
                assert!(causes.is_empty() || (shares - 1.0).abs() < 0.02, "{name}: {shares}");
                let mut others = causes.iter().filter_map(|cause| cause["group"].as_str());
                let first = others.next();
                if let Some(culprit) = verdict["summary_code"]["culprits"][0].as_str()
                    && all.len() == 1
                {
                    neighbours += 1;
                    assert_eq!(first, group_of(culprit).as_str(), "{name}");
                }
            }
        }
    }
    assert!(neighbours > 0);
}

/// Property: a brief document has at most 20 KB, and is read like any other.
#[test]
fn a_brief_document_is_small() {
    for (case, documents) in REPLAYED.iter() {
        let report = Report::from_json(documents.lines.last().unwrap().as_bytes()).unwrap();
        let mut out = Vec::new();
        json::brief(&report, &mut out).unwrap();
        assert!(out.len() <= BRIEF_BYTES, "{}: {}", case.name, out.len());
        assert_eq!(Report::from_json(&out).unwrap().verdict, report.verdict, "{}", case.name);
    }
}

/// Property: an interval is a line for each victim, and one more where events were lost.
#[test]
fn an_interval_is_a_line_for_each_victim() {
    for (case, documents) in REPLAYED.iter() {
        for line in &documents.lines {
            let report = Report::from_json(line.as_bytes()).unwrap();
            let mut out = Vec::new();
            text::brief_interval(&report, &Style::default(), &mut out).unwrap();
            let said = String::from_utf8(out).unwrap();
            let targets: usize = report.targets.iter().map(|target| target.actors.len()).sum();
            let lost = 2 * usize::from(report.coverage.lost_total() > 0);
            assert!(said.lines().count() <= targets.max(1) + lost, "{}: {said}", case.name);
            assert!(said.lines().all(|line| safe::columns(line) <= 80), "{}: {said}", case.name);
        }
    }
}
