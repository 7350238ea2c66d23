//! A capture answers for other targets than it was recorded with.

use iocontend_core::ids::{Call, FileClass, Role};
use iocontend_core::selector::Selector;

use super::replayed;

fn pid_of(name: &str) -> Vec<Selector> {
    vec![Selector::PidOf(name.to_owned())]
}

/// Property: who is asked for changes the targets, and nothing that was counted.
#[test]
fn another_target_changes_no_numbers() {
    let own = replayed("etcd", None).report;
    let other = replayed("etcd", Some(pid_of("etcdctl")));
    assert!(other.has_targets);
    assert_ne!(own.targets, other.report.targets);
    assert_eq!(own.devices, other.report.devices);
    let sums = |report: &iocontend_core::report::Report| {
        let rows = report.actors.iter().flat_map(|actor| &actor.io);
        rows.fold((0, 0), |(count, bytes), row| (count + row.count, bytes + row.bytes))
    };
    assert_eq!(sums(&own), sums(&other.report));
    assert_eq!(own.coverage.events_seen, other.report.coverage.events_seen);
    assert!(!replayed("etcd", Some(pid_of("no-such-name"))).has_targets);
}

/// Property: what was recorded without a target knows etcd all the same: its WAL waits are those of the WAL.
#[test]
fn a_recording_without_a_target_knows_etcd() {
    for selectors in [None, Some(pid_of("demo-victim"))] {
        let report = replayed("demo", selectors).report;
        let victim = report.actors.iter().find(|actor| actor.role == Role::Etcd).unwrap();
        assert!(report.is_target(&victim.id), "{:?}", report.targets);
        let wal = |wait: &&iocontend_core::report::Wait| {
            (wait.call, wait.file_class) == (Call::Fdatasync, FileClass::Wal)
        };
        assert!(victim.waits.iter().any(|wait| wal(&wait)), "{:?}", victim.waits);
        assert!(report.actors.iter().any(|actor| actor.role == Role::Backup));
    }
}
