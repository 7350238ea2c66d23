//! Whom the user meant: by name, by pid, by role; and who is not meant any more.

use super::super::{Output, Span};
use super::host::{Host, actor, facts, found, process};
use super::kernel::{exec_record, exit_record, fork_record};
use crate::ids::Role;
use crate::selector::Selector;

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
