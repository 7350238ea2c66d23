//! Who is who: pids that come again, processes that end, what exec said.

use iocontend_wire::key::Kind;

use super::super::{Input, Output, Span};
use super::host::{Host, actor, bytes, facts, process};
use super::kernel::{
    Done, direct, exec_record, exit_record, fork_record, io_record, stats_of, stream, writer_record,
};
use crate::ids::Role;

const ONE: Done = Done { bytes: 4096, q2c: Some(1_000), d2c: Some(600) };

/// A pid that comes again is another actor with its own bytes.
#[test]
fn a_reused_pid_is_another_actor() {
    let mut host = Host::new(&[]);
    let key = direct(10, 0, Kind::Write);
    host.tell(process(facts(10, 5, "first", &["first"])));
    host.record(&io_record(key, ONE));
    let outputs = host.record(&exit_record(10, 5, "first"));
    assert!(outputs.contains(&Output::Retire(10)), "{outputs:?}");
    host.tell(stream(0, key, &stats_of(&[ONE; 3])));
    host.tell(Input::Retired(0));
    host.record(&fork_record(1, 10, 900));
    host.record(&exec_record(10, 900, "second", &["second", "--x"]));
    host.tell(stream(0, key, &stats_of(&[ONE; 2])));

    let report = host.consistent(Span::Whole);
    let (first, second) = (actor(&report, "10@5"), actor(&report, "10@900"));
    assert_eq!(
        (bytes(first), first.exited, first.comm.as_deref()),
        (3 * 4096, true, Some("first"))
    );
    assert_eq!(
        (bytes(second), second.exited, second.comm.as_deref()),
        (2 * 4096, false, Some("second"))
    );
}

/// Who dirtied pages and ended keeps its name until they are written, however many reports that takes; its files are
/// looked at when it first does IO itself.
#[test]
fn who_dirtied_pages_is_known_when_they_are_written() {
    let mut host = Host::new(&[]);
    host.record(&exec_record(10, 5, "tar", &["tar", "-cf", "/b"]));
    let asked = host.record(&writer_record(10));
    assert!(asked.contains(&Output::LookUp { pid: 10, with_files: false }), "{asked:?}");
    host.tell(process(facts(10, 5, "tar", &["tar", "-cf", "/b"])));
    assert_eq!(host.record(&writer_record(10)), []);
    let asked = host.record(&io_record(direct(10, 0, Kind::Read), ONE));
    assert!(asked.contains(&Output::LookUp { pid: 10, with_files: true }), "{asked:?}");

    host.record(&exec_record(11, 6, "dd", &["dd"]));
    host.record(&writer_record(11));
    host.record(&exit_record(11, 6, "dd"));
    for _ in 0..3 {
        host.consistent(Span::Interval);
    }
    let key = direct(11, 0, Kind::Write);
    let outputs = host.tell(Input::Seen(key));
    assert!(outputs.contains(&Output::Retire(11)), "its place is not given back: {outputs:?}");
    host.tell(stream(0, key, &stats_of(&[ONE; 2])));
    let report = host.consistent(Span::Whole);
    assert_eq!(bytes(actor(&report, "11@6")), 2 * 4096);
}

/// A stream stays its first owner's until it is given back, also when the pid comes again before that.
#[test]
fn a_stream_is_its_first_owners_until_it_is_given_back() {
    let mut host = Host::new(&[]);
    let key = direct(10, 0, Kind::Write);
    host.tell(process(facts(10, 5, "first", &["first"])));
    host.tell(stream(0, key, &stats_of(&[ONE; 3])));
    host.record(&exit_record(10, 5, "first"));
    host.record(&fork_record(1, 10, 900));
    host.tell(stream(0, key, &stats_of(&[ONE; 4])));
    host.tell(Input::Retired(0));
    host.tell(stream(1, key, &stats_of(&[ONE; 2])));
    let report = host.consistent(Span::Whole);
    assert_eq!(bytes(actor(&report, "10@5")), 4 * 4096);
    assert_eq!(bytes(actor(&report, "10@900")), 2 * 4096);
}

/// The end of an old process that is only heard of now takes nothing from the new one with its pid.
#[test]
fn a_late_end_does_not_take_the_place_of_the_living() {
    let mut host = Host::new(&[]);
    host.tell(process(facts(10, 900, "new", &["new"])));
    host.record(&exit_record(10, 5, "old"));
    host.tell(stream(0, direct(10, 0, Kind::Write), &stats_of(&[ONE])));
    let report = host.consistent(Span::Whole);
    let new = actor(&report, "10@900");
    assert_eq!((bytes(new), new.exited), (4096, false));
}

/// IO of a process nobody has described asks for it, and the answer names what was already counted.
#[test]
fn an_unknown_process_is_asked_for_and_named_later() {
    let mut host = Host::new(&[]);
    let key = direct(10, 0, Kind::Write);
    let outputs = host.record(&io_record(key, ONE));
    assert_eq!(outputs, [Output::LookUp { pid: 10, with_files: true }]);
    host.tell(stream(0, key, &stats_of(&[ONE])));
    assert!(host.record(&io_record(key, ONE)).is_empty(), "asked once");
    host.tell(process(facts(10, 5, "late", &["late"])));
    let report = host.consistent(Span::Whole);
    assert_eq!(bytes(actor(&report, "10@5")), 4096);
    assert_eq!(report.actors.len(), 1);
}

/// What exec said stays when `/proc` of a dying process says nothing, and when the process is gone.
#[test]
fn arguments_survive_proc_saying_nothing() {
    let argv = ["etcdctl", "snapshot", "save", "/backup/x.db"];
    for gone in [false, true] {
        let mut host = Host::new(&[]);
        host.record(&exec_record(10, 5, "etcdctl", &argv));
        host.record(&io_record(direct(10, 0, Kind::Write), ONE));
        host.tell(if gone { Input::NoProcess(10) } else { process(facts(10, 5, "etcdctl", &[])) });
        host.record(&exit_record(10, 5, "etcdctl"));
        let report = host.report(Span::Whole);
        let client = actor(&report, "10@5");
        assert_eq!(client.argv.as_deref(), Some(&argv.map(str::to_owned)[..]));
        assert_eq!((client.role, client.exited), (Role::Backup, true));
    }
}

/// The same for what an earlier look at `/proc` had shown.
#[test]
fn what_proc_showed_once_survives_the_process_dying() {
    let mut host = Host::new(&[]);
    let mut alive = facts(10, 5, "etcd", &["etcd"]).in_cgroup("/system.slice/etcd.service");
    alive.exe = Some("/usr/bin/etcd".to_owned());
    alive.cwd = Some("/var/lib/etcd".to_owned());
    host.tell(process(alive));
    host.tell(process(facts(10, 5, "etcd", &[])));
    let report = host.report(Span::Whole);
    let etcd = actor(&report, "10@5");
    assert_eq!((etcd.exe.as_deref(), etcd.role), (Some("/usr/bin/etcd"), Role::Etcd));
    assert_eq!(etcd.unit.as_deref(), Some("etcd.service"));
}

/// A child is its parent's image until it becomes another program.
#[test]
fn a_child_has_its_parents_name_until_exec() {
    let mut host = Host::new(&[]);
    host.tell(process(facts(10, 5, "sh", &["sh", "-c", "x"])));
    host.record(&fork_record(10, 11, 6));
    host.record(&fork_record(10, 12, 7));
    host.record(&exec_record(12, 7, "tar", &["tar", "c"]));
    for (index, pid) in [(0, 11), (1, 12)] {
        host.tell(stream(index, direct(pid, 0, Kind::Read), &stats_of(&[ONE])));
    }
    let report = host.consistent(Span::Whole);
    assert_eq!(actor(&report, "11@6").comm.as_deref(), Some("sh"));
    assert_eq!(actor(&report, "12@7").comm.as_deref(), Some("tar"));
}

/// Processes that come and go and do nothing leave nothing behind, also without reports.
#[test]
fn idle_processes_are_forgotten() {
    let mut host = Host::new(&[]);
    for pid in 0..20_000 {
        host.record(&fork_record(1, pid + 2, 5));
        host.record(&exit_record(pid + 2, 5, "x"));
    }
    let kept = host.session.actors.len();
    assert!(kept < 10_000, "{kept} of 20,000 are still known");
    let report = host.report(Span::Whole);
    assert_eq!(report.actors, []);
    assert_eq!(report.coverage.events_kept, 40_000);
}

/// A watch that sees processes without end keeps a bounded number of them, and every byte.
#[test]
fn processes_that_ended_long_ago_are_put_together_and_keep_their_bytes() {
    const PROCESSES: u32 = 2_500;
    let mut host = Host::new(&[]);
    for n in 0..PROCESSES {
        let pid = 1_000 + n;
        host.tell(process(facts(pid, u64::from(n) + 1, "head", &["head"])));
        host.tell(stream(7, direct(pid, 0, Kind::Read), &stats_of(&[Done::io(4_096, 900, 600)])));
        host.record(&exit_record(pid, u64::from(n) + 1, "head"));
        host.tell(Input::Retired(7));
    }
    // A report lists them all once more, then they are put together.
    host.consistent(Span::Whole);
    let report = host.consistent(Span::Whole);
    let together = actor(&report, "ended:head");
    assert_eq!(together.io.iter().map(|io| io.count).sum::<u64>(), 1_500);
    assert_eq!(report.actors.len(), 1_001);
    assert_eq!(report.coverage.io_bytes, u64::from(PROCESSES) * 4_096);
}
