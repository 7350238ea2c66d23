//! Whom the user meant: by name, by pid, by role; and who is not meant any more.

use super::super::{Input, Output, Span};
use super::host::{Host, actor, facts, found, process};
use super::kernel::{exec_record, exit_record, fork_record};
use crate::cgroup::CgroupPaths;
use crate::facts::ProcessFacts;
use crate::ids::Role;
use crate::selector::{Selector, Why};

fn named(name: &str) -> Host {
    Host::new(&[Selector::PidOf(name.to_owned())])
}

/// Ids of the first target's actors.
fn targets(host: &mut Host) -> Vec<String> {
    host.report(Span::Whole).targets[0].actors.clone()
}

/// comm, the base name of exe, or the base name of argv[0].
#[test]
fn a_name_is_found_in_comm_exe_and_arguments() {
    let by_comm = facts(1, 1, "mydb", &[]);
    let mut by_exe = facts(2, 1, "x", &["x"]);
    by_exe.exe = Some("/opt/mydb".to_owned());
    let by_argument = facts(3, 1, "x", &["/usr/bin/mydb", "--x"]);
    let other = facts(4, 1, "vim", &["vim", "mydb"]);
    let mut host = named("mydb");
    for (facts, is_target) in [(by_comm, true), (by_exe, true), (by_argument, true), (other, false)]
    {
        let pid = facts.key.pid;
        let outputs = host.tell(process(facts));
        let expected: &[&str] = if is_target { &["--pid-of mydb"] } else { &[] };
        assert_eq!(found(&outputs), expected, "process {pid}");
        assert_eq!(outputs.contains(&Output::Track(pid)), is_target);
    }
    assert_eq!(targets(&mut host), ["1@1", "2@1", "3@1"]);
}

/// New ones as they start, told by exec alone.
#[test]
fn a_target_that_starts_later_is_found_at_exec() {
    let mut host = named("mydb");
    assert!(!host.session.has_targets());
    host.record(&fork_record(1, 10, 5));
    let outputs = host.record(&exec_record(10, 5, "mydb", &["mydb"]));
    assert_eq!(found(&outputs), ["--pid-of mydb"]);
    assert!(outputs.contains(&Output::LookUp { pid: 10, with_files: true }));
    assert_eq!(host.session.tracked_pids(), [10]);
}

/// A child looked at between fork and exec has its parent's name; what it becomes is not meant.
#[test]
fn a_child_that_becomes_another_program_is_no_target() {
    let mut host = named("mydb");
    host.tell(process(facts(10, 5, "mydb", &["mydb"])));
    host.record(&fork_record(10, 11, 6));
    let outputs = host.tell(process(facts(11, 6, "mydb", &["mydb"])));
    assert_eq!(found(&outputs), ["--pid-of mydb"]);
    host.record(&exec_record(11, 6, "gzip", &["gzip"]));
    assert_eq!(targets(&mut host), ["10@5"]);
    let outputs = host.record(&exit_record(11, 6, "gzip"));
    let exited = |output: &Output| matches!(output, Output::TargetExited { .. });
    assert!(!outputs.iter().any(exited), "{outputs:?}");
}

/// The end of a target is said, its files need not be told apart any more, and it stays in the report.
#[test]
fn a_target_that_ends_stays_in_the_report() {
    let mut host = named("mydb");
    host.tell(process(facts(10, 5, "mydb", &["mydb"])));
    let outputs = host.record(&exit_record(10, 5, "mydb"));
    let selector = "--pid-of mydb".to_owned();
    let expected = [
        Output::TargetExited { pid: 10, selector },
        Output::Untrack(10),
        Output::UnwatchThreads(10),
        Output::Retire(10),
    ];
    assert_eq!(outputs, expected);
    assert_eq!(host.record(&exit_record(10, 5, "mydb")), []);
    assert_eq!(targets(&mut host), ["10@5"]);
    assert!(actor(&host.report(Span::Whole), "10@5").exited);
    assert!(host.session.tracked_pids().is_empty());
}

/// The threads of targets are watched, of nobody else, and only as long as they are targets.
#[test]
fn threads_are_watched_while_their_process_is_a_target() {
    let mut host = named("mydb");
    let watched = |outputs: &[Output], pid| outputs.contains(&Output::WatchThreads(pid));
    let again = || process(facts(10, 5, "mydb", &["mydb"]));
    assert!(watched(&host.tell(again()), 10));
    assert!(!watched(&host.tell(again()), 10), "once");
    let backup = facts(12, 5, "etcdctl", &["etcdctl", "snapshot", "save", "/b.db"]);
    assert!(!watched(&host.tell(process(backup)), 12));
    // A child before it becomes what it is.
    host.record(&fork_record(10, 11, 6));
    assert!(watched(&host.tell(process(facts(11, 6, "mydb", &["mydb"]))), 11));
    let outputs = host.record(&exec_record(11, 6, "gzip", &["gzip"]));
    assert!(outputs.contains(&Output::UnwatchThreads(11)), "{outputs:?}");
}

/// Without a selector it is whatever plays the role of etcd, also below another name.
#[test]
fn without_a_selector_etcd_is_found_by_its_role() {
    let mut host = Host::new(&[]);
    let mut etcd = facts(10, 5, "etcd", &["/usr/bin/etcd", "--data-dir=/data", "--name=a"]);
    etcd.exe = Some("/usr/bin/etcd".to_owned());
    assert_eq!(found(&host.tell(process(etcd))), ["auto"]);
    assert_eq!(found(&host.tell(process(facts(11, 5, "sh", &["sh"])))), [""; 0]);
    let client = facts(12, 5, "etcdctl", &["etcdctl", "snapshot", "save", "/b.db"]);
    let outputs = host.tell(process(client));
    assert_eq!(found(&outputs), [""; 0]);
    assert!(outputs.contains(&Output::Track(12)), "a backup's files are told apart");
    let report = host.report(Span::Whole);
    assert_eq!((report.targets[0].selector.as_str(), report.targets[0].actors.len()), ("auto", 1));
    assert_eq!(actor(&report, "10@5").role, Role::Etcd);
    assert_eq!(host.session.roles(), [(10, Role::Etcd), (12, Role::Backup)]);
}

/// A pid is meant whatever it becomes.
#[test]
fn a_pid_stays_a_target_across_exec() {
    let mut host = Host::new(&[Selector::Pid(10)]);
    host.tell(process(facts(10, 5, "sh", &["sh"])));
    host.record(&exec_record(10, 5, "mydb", &["mydb"]));
    assert_eq!(targets(&mut host), ["10@5"]);
}

/// A process in cgroups as `/proc/PID/cgroup` shows them.
fn in_cgroup(pid: u32, text: &str) -> ProcessFacts {
    let mut facts = facts(pid, 1, "x", &["x"]);
    facts.cgroup = CgroupPaths::parse(text);
    facts
}

/// A cgroup holds what is in it and below it; each selector has its own targets, and they combine.
#[test]
fn a_cgroup_and_a_unit_have_the_processes_that_are_in_them() {
    let selectors = [
        Selector::Cgroup("/sys/fs/cgroup/memory/pods".to_owned()),
        Selector::Unit("etcd".to_owned()),
        Selector::Pid(3),
    ];
    let mut host = Host::new(&selectors);
    for (pid, text) in [
        (1, "4:memory:/pods/a\n0::/\n"),
        (2, "4:memory:/podsx\n0::/system.slice/etcd.service\n"),
        (3, "4:memory:/pods\n0::/system.slice/sshd.service\n"),
    ] {
        host.tell(process(in_cgroup(pid, text)));
    }
    let report = host.report(Span::Whole);
    let found: Vec<(&str, &[String])> =
        report.targets.iter().map(|t| (t.selector.as_str(), &t.actors[..])).collect();
    let ids = |pids: &[u32]| pids.iter().map(|pid| format!("{pid}@1")).collect::<Vec<_>>();
    assert_eq!(
        found,
        [
            ("--cgroup /sys/fs/cgroup/memory/pods", &ids(&[1, 3])[..]),
            ("--unit etcd", &ids(&[2])[..]),
            ("--pid 3", &ids(&[3])[..]),
        ]
    );
}

/// A service's first process is forked in the cgroup of who starts it, moved, and only then becomes the service: the
/// inherited cgroup counts for nothing until `/proc` was asked.
#[test]
fn a_process_is_asked_for_its_cgroup_at_exec_and_not_judged_by_its_parents() {
    let mut host =
        Host::new(&[Selector::Unit("init.scope".to_owned()), Selector::Unit("db".to_owned())]);
    let outputs = host.tell(process(in_cgroup(1, "0::/init.scope\n")));
    assert_eq!(found(&outputs), ["--unit init.scope"]);
    host.record(&fork_record(1, 10, 1));
    let outputs = host.record(&exec_record(10, 1, "x", &["x"]));
    assert_eq!(outputs, [Output::LookUp { pid: 10, with_files: false }]);
    let outputs = host.tell(process(in_cgroup(10, "0::/system.slice/db.service\n")));
    assert_eq!(found(&outputs), ["--unit db"]);
    // One that is gone when it is asked for had its parent's cgroup, as far as anybody knows.
    host.record(&fork_record(10, 11, 1));
    host.record(&exec_record(11, 1, "y", &["y"]));
    assert_eq!(found(&host.tell(Input::NoProcess(11))), ["--unit db"]);
    assert_eq!(host.tell(Input::NoProcess(11)), []);
}

/// A process moved into a cgroup is wanted until it is a target, and stays one when it is moved out.
#[test]
fn who_moves_in_is_wanted_once_and_who_moves_out_stays() {
    let mut host = Host::new(&[Selector::Cgroup("/a".to_owned())]);
    let (inside, outside) = (in_cgroup(5, "0::/a/b\n"), in_cgroup(5, "0::/c\n"));
    host.tell(process(outside.clone()));
    assert!(!host.session.moved_in(5, &outside.cgroup));
    assert!(host.session.moved_in(5, &inside.cgroup) && host.session.moved_in(6, &inside.cgroup));
    assert_eq!(found(&host.tell(process(inside.clone()))), ["--cgroup /a"]);
    assert!(!host.session.moved_in(5, &inside.cgroup));
    host.tell(process(outside));
    assert_eq!(targets(&mut host), ["5@1"]);
    assert!(host.session.has_cgroup_selectors());
}

/// Who was found by nobody is told with the names that are near, from what is known of living processes.
#[test]
fn what_was_not_found_is_told_with_near_names() {
    let mut host =
        Host::new(&[Selector::Unit("etcd".to_owned()), Selector::Cgroup("/x".to_owned())]);
    host.tell(process(in_cgroup(5, "0::/system.slice/etcd-main.service\n")));
    let absent = host.session.absent(|_| Some(true));
    assert_eq!(absent[0].near, ["--unit etcd-main.service"]);
    assert_eq!(absent[1].why, Why::EmptyCgroup);
    host.record(&exit_record(5, 1, "x"));
    assert!(host.session.absent(|_| None)[0].near.is_empty());
}
