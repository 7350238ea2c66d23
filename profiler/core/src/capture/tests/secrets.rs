//! What is recorded and reported of command lines with secrets: the way of every command line, from what the host says to
//! each form of paper.

use iocontend_wire::key::Kind;

use super::super::{Writer, contents, file_header, replay_after};
use super::{at, host, key, stats};
use crate::facts::{ProcessFacts, ProcessKey};
use crate::ids::Dev;
use crate::redact::tests::{INNOCENT, SECRETS, record};
use crate::redact::{CommandLines, CommandLinesShown};
use crate::render::forms;
use crate::render::{Style, json, markdown, text};
use crate::report::{Report, Tool};
use crate::schedule::{Crontab, Schedules, crontab};
use crate::selector::Selector;
use crate::session::{Input, Options, Session, Span, StreamSample, entering, report_between};

/// What the host says of one command line: a process, its exec, a crontab with it.
fn told(argv: &[&str]) -> Vec<Input<'static>> {
    let mut facts = ProcessFacts::named(ProcessKey { pid: 7, start_ticks: 9 }, "x");
    facts.argv = argv.iter().map(|&argument| argument.to_owned()).collect();
    let line = shlex::try_join(argv.iter().copied()).unwrap().replace('%', "\\%");
    let table = format!("5 * * * * {line}; etcdctl snapshot save /b\n");
    let (entries, problems) = crontab("/t", &table, Crontab::User, &|_| None, &|_| None, &|| true);
    let mut schedules = Schedules::default();
    schedules.add(entries, problems);
    let write = key(7, Kind::Write);
    vec![
        Input::Tables { devices: vec![Some(Dev { major: 8, minor: 0 }); 2], cgroups: vec![None] },
        Input::Record(record(argv, 0).leak()),
        Input::Process(Box::new(facts)),
        Input::Schedules(Box::new(schedules)),
        Input::Started(host(0)),
        Input::Seen(write),
        Input::Stream(StreamSample { index: 3, key: write, shards: vec![stats(5)] }),
    ]
}

/// A capture of it, and the report that was made meanwhile.
fn recorded(argv: &[&str], command_lines: CommandLines) -> (Vec<u8>, Report) {
    let selectors = vec![Selector::Pid(7)];
    let options = Options { selectors, command_lines, ..Options::default() };
    let mut writer = Writer::new(&options, at(0)).unwrap();
    let mut session = Session::new(options, at(0));
    writer.tracked(7, true, at(0)).unwrap();
    for input in told(argv) {
        entering(input, command_lines, |input| {
            writer.input(&input, at(1)).unwrap();
            session.apply(input, at(1));
        });
    }
    writer.report(Span::Whole, &host(900), at(900)).unwrap();
    session.apply(Input::Over(host(900)), at(900));
    let report = report_between(None, &session.snapshot(at(900)));
    writer.end(at(1000)).unwrap();
    let mut file = file_header().to_vec();
    file.extend(writer.take(at(1000)).unwrap().iter().flat_map(super::super::Block::to_bytes));
    (file, report)
}

/// A report in every form.
fn papers(report: &Report) -> String {
    let style = Style { width: 5000, ..Style::default() };
    let mut out = Vec::new();
    json::document(report, &mut out).unwrap();
    json::line(report, &mut out).unwrap();
    text::summary(report, &style, &mut out).unwrap();
    text::interval(report, &style, &mut out).unwrap();
    text::advice(report, true, &style, &mut out).unwrap();
    text::brief(report, &style, &mut out).unwrap();
    text::brief_interval(report, &style, &mut out).unwrap();
    markdown::document(report, &style, &mut out).unwrap();
    let forms = [forms::shell(report), forms::systemd(report), forms::kubernetes(report)];
    String::from_utf8(out).unwrap() + &forms.concat()
}

fn replayed(file: &[u8], command_lines: CommandLines) -> Report {
    let replay = replay_after(file, None, Tool::default(), Vec::new(), command_lines).unwrap();
    assert!(replay.has_targets);
    replay.report
}

fn in_blocks(file: &[u8]) -> String {
    contents(file).iter().map(|raw| String::from_utf8_lossy(raw).into_owned()).collect()
}

/// Property: no secret is in the capture, compressed or not, nor in any form of its report or of the watch's own.
#[test]
fn no_secret_is_recorded_or_reported() {
    for secret in SECRETS {
        let (file, live) = recorded(secret.argv, CommandLines::Hidden);
        assert_eq!(live.command_lines, Some(CommandLinesShown::Hidden));
        let report = replayed(&file, CommandLines::Hidden);
        assert_eq!(report, live);
        let argv = report.actors.iter().find_map(|actor| actor.argv.clone()).unwrap();
        assert_eq!(argv.join(" "), secret.left);
        let places = [
            ("blocks", in_blocks(&file)),
            ("file", String::from_utf8_lossy(&file).into_owned()),
            ("papers", papers(&report)),
        ];
        for (place, text) in places {
            for one in secret.secrets {
                // In JSON a line end is written otherwise; no secret of the table has one.
                assert!(
                    !text.contains(one),
                    "{one} of {:?} is in the {place}: {text}",
                    secret.argv
                );
            }
        }
        // It cannot be had back.
        let whole = replayed(&file, CommandLines::Whole);
        assert_eq!(whole.command_lines, Some(CommandLinesShown::Hidden));
        assert!(!papers(&whole).contains(secret.secrets[0]));
    }
}

/// Property: asked for, they are in the capture, which says so, and in the report of it, which says so; without asking they are
/// hidden as the capture is read, and the report says that the capture has them.
#[test]
fn whole_command_lines_are_kept_when_asked_for() {
    for secret in SECRETS {
        let (file, live) = recorded(secret.argv, CommandLines::Whole);
        assert_eq!(live.command_lines, Some(CommandLinesShown::Whole));
        assert!(in_blocks(&file).contains(secret.secrets[0]), "{:?}", secret.argv);
        let whole = replayed(&file, CommandLines::Whole);
        assert_eq!(whole, live);
        let argv = whole.actors.iter().find_map(|actor| actor.argv.clone()).unwrap();
        assert_eq!(argv, secret.argv);
        assert!(papers(&whole).contains("(--show-args)"));
        let hidden = replayed(&file, CommandLines::Hidden);
        assert_eq!(hidden.command_lines, Some(CommandLinesShown::HiddenHere));
        let papers = papers(&hidden);
        assert!(papers.contains("The recording holds whole command lines"));
        assert!(secret.secrets.iter().all(|one| !papers.contains(one)), "{:?}", secret.argv);
    }
}

/// Property: a capture of a version that hid nothing does not say it; what it holds is hidden as it is read.
#[test]
fn an_older_capture_is_hidden_as_it_is_read() {
    for secret in SECRETS.iter().step_by(7) {
        let (file, _) = recorded(secret.argv, CommandLines::Whole);
        let older = without_field(&file);
        let hidden = replayed(&older, CommandLines::Hidden);
        assert_eq!(hidden.command_lines, Some(CommandLinesShown::HiddenHere));
        assert!(secret.secrets.iter().all(|one| !papers(&hidden).contains(one)));
        let whole = replayed(&older, CommandLines::Whole);
        assert!(serde_json::to_string(&whole).unwrap().contains(secret.secrets[0]));
    }
}

/// The same capture as an older version wrote it: its first item has no such field.
fn without_field(file: &[u8]) -> Vec<u8> {
    let mut blocks = contents(file);
    let first = &blocks[0];
    let mut decoder = minicbor::Decoder::new(first);
    decoder.skip().unwrap();
    let (opening, rest) = first.split_at(decoder.position());
    let mut item: (String, u64, i64, serde_json::Value) =
        minicbor_serde::from_slice(opening).unwrap();
    let options = item.3["options"].as_object_mut().unwrap();
    assert!(options.remove("command_lines").is_some());
    let mut older = minicbor_serde::to_vec(&item).unwrap();
    older.extend(rest);
    blocks[0] = older;
    let last = blocks.len() - 1;
    let kind = |at| if at == last { super::super::frame::END } else { super::super::frame::ITEMS };
    let sealed = (0..)
        .zip(&blocks)
        .map(|(number, raw)| super::super::block(number, kind(number as usize), raw));
    file_header().into_iter().chain(sealed.flatten()).collect()
}

/// Property: innocent command lines are recorded as they are.
#[test]
fn innocent_command_lines_are_recorded_as_they_are() {
    for argv in INNOCENT {
        let (_, report) = recorded(argv, CommandLines::Hidden);
        let found = report.actors.iter().find_map(|actor| actor.argv.clone()).unwrap();
        assert_eq!(found, *argv);
    }
}

/// Property: an argument is at most 200 bytes on paper and 4 KiB in a capture, with what is missing, unless asked for whole.
#[test]
fn long_arguments_are_cut() {
    let long = "x".repeat(60_000);
    let argv = ["app", &long, "last"];
    let (file, report) = recorded(&argv, CommandLines::Hidden);
    let kept = report.actors.iter().find_map(|actor| actor.argv.clone()).unwrap();
    assert!(kept[1].len() <= 4096 && kept[1].ends_with(" bytes]") && kept[2] == "last");
    assert!(!in_blocks(&file).contains(&"x".repeat(4097)));
    let style = Style::default();
    let mut out = Vec::new();
    markdown::document(&report, &style, &mut out).unwrap();
    let paper = String::from_utf8(out).unwrap();
    assert!(!paper.contains(&"x".repeat(200)), "{paper}");
    assert!(paper.contains(" bytes] last"), "{paper}");
    let (_, report) = recorded(&argv, CommandLines::Whole);
    let mut out = Vec::new();
    markdown::document(&report, &style, &mut out).unwrap();
    assert!(String::from_utf8(out).unwrap().contains(&long));
}
