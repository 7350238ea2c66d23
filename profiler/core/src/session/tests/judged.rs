//! What follows from a report: who started whom, and that the rules were asked.

use iocontend_wire::key::Kind;

use super::super::Span;
use super::host::{Host, actor, facts, process};
use super::kernel::{Done, direct, exec_record, exit_record, fork_record, io_record};
use crate::cgroup::CgroupPaths;
use crate::report::{Answer, Report, Starter, VictimState};

const ONE: Done = Done { bytes: 4096, q2c: Some(1_000), d2c: Some(600) };

fn started(report: &Report, id: &str) -> Option<(Starter, String, Option<u32>)> {
    let starter = actor(report, id).started_by.clone()?;
    Some((starter.how, starter.name, starter.pid))
}

fn does_io(host: &mut Host, pid: u32) {
    host.record(&io_record(direct(pid, 0, Kind::Write), ONE));
}

/// cron forks a child, that becomes a shell, that starts the backup: whatever of them is gone by the time of the report.
#[test]
fn a_job_of_cron_is_crons_also_when_the_shell_is_gone() {
    let mut host = Host::new(&[]);
    host.tell(process(facts(800, 50, "cron", &["cron", "-f"])));
    host.record(&fork_record(800, 900, 5_000));
    host.record(&exec_record(900, 5_000, "sh", &["sh", "-c", "etcdctl snapshot save /b"]));
    host.record(&fork_record(900, 901, 5_001));
    host.record(&exec_record(901, 5_001, "etcdctl", &["etcdctl", "snapshot", "save", "/b"]));
    host.record(&exit_record(900, 5_000, "sh"));
    for _ in 0..3 {
        host.consistent(Span::Interval);
    }
    // The shell's pid comes again, and again is nobody's parent.
    host.record(&fork_record(1, 900, 9_000));
    host.record(&exec_record(900, 9_000, "sshd", &["sshd"]));
    does_io(&mut host, 901);
    let report = host.consistent(Span::Whole);
    assert_eq!(started(&report, "901@5001"), Some((Starter::Cron, "cron".into(), Some(800))));
}

/// A pid that comes again is no parent: whoever has it now is younger.
#[test]
fn who_has_a_parents_pid_now_is_no_parent() {
    let mut host = Host::new(&[]);
    let mut orphan = facts(901, 5_001, "dd", &["dd"]);
    orphan.ppid = 900;
    host.tell(process(facts(900, 9_000, "cron", &["cron"])));
    host.tell(process(orphan));
    does_io(&mut host, 901);
    let report = host.consistent(Span::Whole);
    assert_eq!(started(&report, "901@5001"), None);
}

/// systemd starts services, and adopts orphans that it did not start.
#[test]
fn systemd_started_what_runs_in_a_service() {
    let mut host = Host::new(&[]);
    host.tell(process(facts(1, 1, "systemd", &["/sbin/init"])));
    for (pid, cgroup) in [
        (20, "0::/system.slice/etcd-backup.service\n"),
        (21, "0::/user.slice/user-0.slice/session-3.scope\n"),
    ] {
        let mut facts = facts(pid, 100, "etcdctl", &["etcdctl", "snapshot", "save", "/b"]);
        (facts.ppid, facts.cgroup) = (1, CgroupPaths::parse(cgroup));
        host.tell(process(facts));
        does_io(&mut host, pid);
    }
    let report = host.consistent(Span::Whole);
    let unit = (Starter::Systemd, "etcd-backup.service".into(), Some(1));
    assert_eq!(started(&report, "20@100"), Some(unit));
    assert_eq!(started(&report, "21@100"), None);
}

/// The parent may be described after the child: `/proc` gives no order.
#[test]
fn a_parent_that_is_known_later_counts() {
    let mut host = Host::new(&[]);
    let mut child = facts(30, 100, "cp", &["cp", "a", "b"]);
    child.ppid = 29;
    host.tell(process(child));
    host.tell(process(facts(29, 90, "containerd-shim", &["containerd-shim-runc-v2"])));
    does_io(&mut host, 30);
    let report = host.consistent(Span::Whole);
    let shim = (Starter::Container, "containerd-shim".into(), Some(29));
    assert_eq!(started(&report, "30@100"), Some(shim));
}

/// Parents in a circle end somewhere.
#[test]
fn a_circle_of_parents_ends() {
    let mut host = Host::new(&[]);
    for (pid, ppid) in [(40, 41), (41, 40)] {
        let mut facts = facts(pid, 100, "x", &["x"]);
        facts.ppid = ppid;
        host.tell(process(facts));
        does_io(&mut host, pid);
    }
    assert_eq!(started(&host.consistent(Span::Whole), "40@100"), None);
}

/// Reports of an interval and of the whole are judged; what was not computed is not judged away.
#[test]
fn every_report_is_judged() {
    let mut host = Host::new(&[]);
    for span in [Span::Interval, Span::Whole] {
        let report = host.consistent(span);
        assert_eq!(report.verdict.unwrap().answer, VictimState::CannotTell);
        let rules = report.rules.unwrap();
        assert!(!rules.is_empty() && rules.iter().all(|rule| rule.answer == Answer::NotYet));
        assert_eq!(report.findings, Some(Vec::new()));
    }
}
