//! What was told comes back, in order, with its times; and the engine says the same.

use iocontend_wire::count::Count;
use iocontend_wire::key::{Key, Kind};
use proptest::prelude::*;

use super::super::{End, replay};
use super::{
    Told, capture, etcd, host, io_record, key, live, read, record, small, stats, words_of,
};
use crate::cgroup::CgroupPaths;
use crate::report::{Note, Tool};
use crate::selector::Selector;
use crate::session::{Input, Span, StreamSample};

/// Every kind of input survives.
#[test]
fn what_was_told_comes_back() {
    let (items, end) = read(&capture(&small()).concat());
    assert_eq!(end, End::Clean);
    assert_eq!(items, words_of(&small()));
}

/// A replay gives the report that the live session gave.
#[test]
fn a_replay_gives_the_same_report() {
    let replayed = replay(&capture(&small()).concat()[..], None, Tool::default()).unwrap();
    assert_eq!((replayed.end, replayed.has_targets), (End::Clean, true));
    assert_eq!(replayed.report, live(small()));
    assert_eq!(replayed.report.devices[0].ios, 5);
}

/// Other targets are found as far as what was recorded goes; what it lacks for them is said.
#[test]
fn other_targets_are_found_later() {
    let mut told = small();
    let mut other = etcd();
    (other.key.pid, other.comm, other.exe) = (8, "postgres".to_owned(), None);
    other.argv = vec!["postgres".to_owned()];
    told.insert(2, (1, Told::Input(Input::Process(Box::new(other)))));
    let bytes = capture(&told).concat();
    let ask = |name: &str| {
        replay(&bytes[..], Some(vec![Selector::PidOf(name.to_owned())]), Tool::default()).unwrap()
    };
    let found = ask("postgres");
    assert!(found.has_targets);
    assert_eq!(found.report.targets[0].actors, ["8@12"]);
    let notes = &found.report.coverage.notes;
    assert!(notes.contains(&Note::NotTracked { pid: 8 }), "{notes:?}");
    assert!(!notes.contains(&Note::NotTracked { pid: 7 }), "{notes:?}");
    assert_eq!(found.report.devices, live(small()).devices);
    assert!(!ask("nobody").has_targets);
}

/// A recording is asked for a cgroup or a unit that it was not made for; what is near is said where nobody is in it.
#[test]
fn cgroups_and_units_are_found_later() {
    let mut told = small();
    let mut other = etcd();
    other.key.pid = 8;
    other.cgroup = CgroupPaths::parse("4:memory:/pods/a\n0::/system.slice/db-main.service\n");
    told.insert(2, (1, Told::Input(Input::Process(Box::new(other)))));
    let bytes = capture(&told).concat();
    let ask = |selector| replay(&bytes[..], Some(vec![selector]), Tool::default()).unwrap();
    let memory = Selector::Cgroup("/sys/fs/cgroup/memory/pods".to_owned());
    for selector in [memory, Selector::Unit("db-main".to_owned())] {
        assert_eq!(ask(selector).report.targets[0].actors, ["8@12"]);
    }
    let missing = ask(Selector::Unit("db".to_owned()));
    assert_eq!(
        (missing.has_targets, missing.absent[0].near.clone()),
        (false, vec!["--unit db-main.service".to_owned()])
    );
}

/// A stream's statistics are stored as what changed: an unchanged one takes a few bytes.
#[test]
fn unchanged_statistics_are_small() {
    let sample = |n| {
        let shards = vec![stats(9); 16];
        let input = Input::Stream(StreamSample { index: 3, key: key(7, Kind::Write), shards });
        (n, Told::Input(input))
    };
    let size = |told: &[(u64, Told)]| capture(told).concat().len();
    let (one, many) = (size(&[sample(1)]), size(&(1..=100).map(sample).collect::<Vec<_>>()));
    assert!(many - one < 99 * 16, "{one} {many}");
}

fn input() -> impl Strategy<Value = Told> {
    let key = prop_oneof![any::<u64>().prop_map(Key), Just(key(7, Kind::Write))];
    let stats = (0..1_u64 << 32, any::<[u64; 4]>()).prop_map(|(requests, words)| {
        let mut stats = stats(requests);
        (stats.bytes, stats.phases[0].sum) = (words[0], words[1]);
        (stats.phases[1].not_min, stats.phases[1].max) = (words[2], words[3]);
        stats
    });
    let shards = prop::collection::vec(stats, 0..4);
    let sample = (0..6_u32, key.clone(), shards);
    prop_oneof![
        4 => sample.prop_map(|(index, key, shards)| Told::Input(Input::Stream(StreamSample { index, key, shards }))),
        1 => (0..6_u32).prop_map(|index| Told::Input(Input::Retired(index))),
        1 => key.clone().prop_map(|key| Told::Input(Input::Seen(key))),
        1 => any::<String>().prop_map(|text| Told::Input(Input::Note(Note::Recorded(text)))),
        1 => any::<u32>().prop_map(|pid| Told::Input(Input::Note(Note::NotTracked { pid }))),
        1 => (any::<u32>(), any::<Option<String>>())
            .prop_map(|(id, path)| Told::Input(Input::File { id, path })),
        1 => any::<u64>().prop_map(|n| Told::Input(Input::Counts(vec![(Count::NoStream, n)]))),
        1 => any::<u32>().prop_map(Told::Tracked),
        1 => (0..1_000_u64).prop_map(|ms| Told::Input(Input::Host(host(ms)))),
        1 => Just(()).prop_map(|()| Told::Report(Span::Interval)),
        1 => Just(()).prop_map(|()| Told::Input(Input::Process(Box::new(etcd())))),
        2 => prop::collection::vec(any::<u8>(), 0..60).prop_map(record),
        4 => (key, any::<u64>()).prop_map(|(key, ns)| record(io_record(key, ns / 8))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_session_comes_back(steps in prop::collection::vec((0..400_u64, input()), 0..60)) {
        let mut ms = 0;
        let step = |(after, told): (u64, Told)| {
            // Half of them at the same moment as the one before.
            ms += after.saturating_sub(200);
            (ms, told)
        };
        let told: Vec<_> = steps.into_iter().map(step).collect();
        let (items, end) = read(&capture(&told).concat());
        prop_assert_eq!(end, End::Clean);
        prop_assert_eq!(items, words_of(&told));
    }
}
