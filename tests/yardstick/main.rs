//! The yardstick: every number that the engine made of the captures here, it makes of them today.
//!
//! Beside `NAME.iocap` stands `NAME.golden.gz`: the report of each interval and of the whole, as the engine of the time made them.
//! They are made once, with the capture, and not anew when something differs: `tables` lists what is meant to.
//! `profiler/docs/yardstick.md` says how captures are made and what to do with a difference.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail by panicking")]

mod said;
mod tables;
mod windows;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use iocontend_core::capture::{End, Item, Reader, Step};
use iocontend_core::report::{Pattern, Report, VictimState, check_agreement, check_consistency};
use iocontend_core::selector::Selector;
use iocontend_tests::yardstick::Judge;
use iocontend_tests::yardstick::golden::{Documents, pack, replayed, unpack};

/// Captures that end before the recorder did.
const CUT_OFF: &[&str] = &["cut-off"];
/// Captures that are also asked for somebody else: the capture, and the name that is asked for.
const OTHER_TARGETS: &[(&str, &str)] = &[("demo", "demo-copier"), ("etcd", "etcdctl")];
/// Fewer intervals than this say little of windows.
const LEAST_INTERVALS: usize = 3;
/// Captures and golden documents together.
const MOST_BYTES: u64 = 10 << 20;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("yardstick")
}

/// A capture and who is asked for.
#[derive(Clone)]
struct Case {
    name: String,
    capture: PathBuf,
    selectors: Option<Vec<Selector>>,
}

impl Case {
    fn golden(&self) -> PathBuf {
        folder().join(format!("{}.golden.gz", self.name))
    }

    fn stored(&self) -> Vec<String> {
        let golden = self.golden();
        let missing =
            |error| panic!("{}: {error}; see profiler/docs/yardstick.md", golden.display());
        unpack(&fs::read(&golden).unwrap_or_else(missing)).unwrap()
    }
}

/// All captures, those of the replay tests too, with their own targets, and some with others.
fn cases() -> Vec<Case> {
    let folders = [folder(), folder().with_file_name("replay")];
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let files = files.map(|entry| entry.unwrap().path());
    let captures = files.filter(|path| path.extension().is_some_and(|ending| ending == "iocap"));
    let mut cases = Vec::new();
    for capture in captures {
        let name = capture.file_stem().unwrap().to_str().unwrap().to_owned();
        for (_, other) in OTHER_TARGETS.iter().filter(|(of, _)| *of == name) {
            let name = format!("{name}-of-{other}");
            let selectors = Some(vec![Selector::PidOf((*other).to_owned())]);
            cases.push(Case { name, capture: capture.clone(), selectors });
        }
        cases.push(Case { name, capture, selectors: None });
    }
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    cases
}

/// Does something with each of them.
fn on_all_processors(cases: Vec<Case>, each: impl Fn(Case) + Sync) {
    let todo = Mutex::new(cases);
    let next = || todo.lock().unwrap().pop();
    let work = || {
        while let Some(case) = next() {
            each(case);
        }
    };
    let threads = std::thread::available_parallelism().unwrap().get();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
}

/// What the engine makes of all of them.
static REPLAYED: LazyLock<Vec<(Case, Documents)>> = LazyLock::new(all_replayed);

/// The same, made now.
fn all_replayed() -> Vec<(Case, Documents)> {
    let done = Mutex::new(Vec::new());
    on_all_processors(cases(), |case| {
        let documents = replayed(&fs::read(&case.capture).unwrap(), case.selectors.clone());
        done.lock().unwrap().push((case, documents.unwrap()));
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
    done
}

/// Property: each interval and the whole of each capture give the numbers and names that they gave when the golden documents were
/// made, in documents whose sums agree and whose verdict, findings and advice do, but for what the tables list; and what the tables list is really so.
#[test]
fn every_number_is_what_it_was() {
    let mut judge = Judge::new(tables::TABLES);
    for (case, documents) in REPLAYED.iter() {
        let name = case.name.as_str();
        let is_cut_off = CUT_OFF.contains(&name);
        assert_eq!(documents.end != End::Clean, is_cut_off, "{name}: {:?}", documents.end);
        for line in &documents.lines {
            let report = Report::from_json(line.as_bytes()).unwrap();
            assert_eq!(check_consistency(&report), Vec::<String>::new(), "{name}");
            assert_eq!(check_agreement(&report), Vec::<String>::new(), "{name}");
        }
        if std::env::var_os("IOCONTEND_UPDATE").is_some() && !case.golden().exists() {
            fs::write(case.golden(), pack(&documents.lines).unwrap()).unwrap();
        }
        judge.compare(name, &case.stored(), &documents.lines).unwrap();
    }
    captures_have_intervals_and_are_small();
    if let Some(complaint) = judge.complaint() {
        panic!("{complaint}profiler/docs/yardstick.md says what to do with a difference.");
    }
}

/// Captures, and the program that stalls the victim, if anybody does.
const STALLED: &[(&str, Option<&str>)] = &[
    ("buffered-other-fs", Some("dd")),
    ("several-disks", Some("dd")),
    ("alone-log-only", None),
    ("innocent-cached-reader", None),
    ("innocent-cpu", None),
    ("innocent-other-disk", None),
];

/// Property: whoever stalls a victim is named, with the verdict that the disk is contended; where nobody does, nobody is.
#[test]
fn whoever_stalls_a_victim_is_named() {
    for (name, culprit) in STALLED {
        let capture = folder().join(name).with_extension("iocap");
        let documents = replayed(&fs::read(capture).unwrap(), None).unwrap();
        let report = Report::from_json(documents.lines.last().unwrap().as_bytes()).unwrap();
        let found = report.findings.iter().flatten().find(|one| one.id == Pattern::Stalls);
        let first = found.and_then(|one| report.actor(&one.culprits.first()?.actor));
        assert_eq!(first.and_then(|one| one.comm.as_deref()), *culprit, "{name}");
        let is_contended = report.verdict.unwrap().answer == VictimState::Contended;
        assert!(culprit.is_none() || is_contended, "{name}");
    }
}

/// What a path or a name has that belongs to whoever built or ran this, and to no host that is watched.
const OF_A_BUILD: &[&str] =
    &["/root/.", "/home/", ".cargo", ".rustup", "rustc", "target/debug", "target/release"];

/// Property: neither a capture nor a golden document names a file or a program of a machine on which this is built.
#[test]
fn nothing_names_the_machine_that_builds_this() {
    for case in cases() {
        let mut texts = case.stored();
        let mut reader = Reader::new(fs::File::open(&case.capture).unwrap()).unwrap();
        // Blocks are packed, so their bytes would not tell.
        while let Step::Items(items) = reader.step().unwrap() {
            texts.extend(items.iter().map(|(_, item)| match item {
                Item::Record(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                item => format!("{item:?}"),
            }));
        }
        assert!(texts.len() > LEAST_INTERVALS, "{}", case.name);
        for text in texts {
            let found = OF_A_BUILD.iter().find_map(|word| Some((word, text.find(*word)?)));
            let Some((word, at)) = found else { continue };
            let around: String = text.chars().skip(at.saturating_sub(80)).take(160).collect();
            panic!("{}: {word}: {around}", case.name);
        }
    }
}

/// Fails unless the captures say something of windows, and the tree stays small.
fn captures_have_intervals_and_are_small() {
    let bytes = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
    let bytes: u64 = bytes.sum();
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
    for case in cases() {
        let documents = case.stored().len();
        assert!(documents > LEAST_INTERVALS, "{}: {documents} documents", case.name);
    }
}
