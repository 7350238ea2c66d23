//! What comes first, what is said once, and what is left when nothing helps.

use super::*;
use crate::change::Change;

fn recommended(world: &World) -> Vec<String> {
    let all = world.advice().into_iter().filter(|one| one.verdict == Verdict::Recommended);
    all.map(|one| one.id.name().to_owned()).collect()
}

/// Property: for a reader the ceiling comes first; for a writer through the page cache what is small and at the source comes before what
/// holds the whole host, and that before what leaves a backlog of a second; what takes another disk comes last.
#[test]
fn what_helps_most_with_least_risk_comes_first() {
    assert_eq!(recommended(&World::reader())[0], "io-max");
    assert_eq!(recommended(&World::direct_writer())[0], "io-max");
    let writer = recommended(&World::buffered_writer());
    let place = |id: &str| writer.iter().position(|one| one == id).unwrap();
    assert!(place("direct-io") < place("dirty-limit"), "{writer:?}");
    assert!(place("dirty-limit") < place("memory-high"), "{writer:?}");
    assert!(place("memory-high") < place("move-wal"), "{writer:?}");
    assert_eq!(writer.last().unwrap(), "separate-disk");
    assert_eq!(recommended(&World::snapshot())[0], "dirty-limit");
}

/// Property: where no setting helps it is said so, and the structural cure is named first.
#[test]
fn where_nothing_helps_the_structural_cure_is_named() {
    let mut world = World::reader();
    world.cgroup = "/";
    let all = world.advice();
    assert_eq!((all[0].id.name(), all[0].verdict), ("move-wal", Verdict::Recommended));
    assert!(all[0].nothing_here_helps);
    assert!(!all[1].nothing_here_helps, "said once");
    assert!(all.iter().any(|one| one.id.name() == "separate-disk"));
    let helped = World::reader().advice();
    assert!(!helped.iter().any(|one| one.nothing_here_helps));
}

/// Property: without somebody to blame and with waits that are fine the limits stay as they are, whoever else is on the disk; where
/// waits are long, or most of them is not explained, that is not said; without waits nothing is said.
#[test]
fn without_contention_the_limits_stay() {
    let world = World { shared: (1_600, 200_000), alone: (400, 200_000), ..World::reader() };
    let mut report = world.report();
    let whole: u64 = report.blame.iter().flatten().map(|row| row.wait_ns).sum();
    let charge = |report: &mut Report, culprit_ns: u64| {
        let rows = report.blame.as_mut().unwrap();
        (rows[0].wait_ns, rows[1].wait_ns) = (culprit_ns, whole - culprit_ns);
    };
    charge(&mut report, whole / 100);
    let all = world.advice_on(&report);
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].id.name(), all[0].verdict), ("limits-unchanged", Verdict::Recommended));
    assert!(all[0].apply.is_empty() && all[0].changes.is_empty());
    let mut unexplained = report.clone();
    let own = &mut unexplained.blame.as_mut().unwrap()[1];
    (own.culprit, own.mechanism) = (UNEXPLAINED.into(), Mechanism::Unexplained);
    assert!(world.advice_on(&unexplained).is_empty());
    let mut slow = World::reader().report();
    let rows = slow.blame.as_mut().unwrap();
    rows[1].wait_ns += std::mem::take(&mut rows[0].wait_ns);
    assert!(world.advice_on(&slow).is_empty());
    report.actors[0].waits.clear();
    assert!(world.advice_on(&report).is_empty());
}

/// Property: runs of one program in one place are one culprit, so that a snapshot every few seconds is seen; kernel threads and what belongs to
/// nobody are none.
#[test]
fn runs_of_a_program_are_one_culprit() {
    let world = World::snapshot();
    let mut report = world.report();
    let (victim, run) = (report.actors[0].clone(), report.actors[1].clone());
    let row = report.blame.as_ref().unwrap()[0].clone();
    report.actors = vec![victim];
    report.blame = Some(Vec::new());
    for n in 0..40 {
        let id = format!("{}@{n}", 1_000 + n);
        report.actors.push(Actor { id: id.clone(), ..run.clone() });
        let (share, wait_ns) = (row.share / 40.0, row.wait_ns / 40);
        report.blame.as_mut().unwrap().push(Blame { culprit: id, share, wait_ns, ..row.clone() });
    }
    let all = world.advice_on(&report);
    assert!(all.iter().any(|one| one.id.name() == "move-output"), "{all:#?}");
    for actor in &mut report.actors[1..] {
        actor.role = Role::Kernel;
    }
    assert!(world.advice_on(&report).is_empty());
}

/// Property: of runs of a program the one that is there is acted on, never one that has ended; where all have, no process is.
#[test]
fn what_has_ended_is_not_acted_on() {
    let mut world = World::reader();
    (world.scheduler, world.mechanism) = ("bfq", Mechanism::Queue);
    let mut report = world.report();
    report.actors[1].exited = true;
    let (id, pid) = ("21@201".to_owned(), Some(21));
    report.actors.push(Actor { id: id.clone(), pid, exited: false, ..report.actors[1].clone() });
    let rows = report.blame.as_mut().unwrap();
    let tenth = rows[0].wait_ns / 10;
    rows[0].wait_ns -= tenth;
    rows.push(Blame { culprit: id, wait_ns: tenth, ..rows[0].clone() });
    let acted_on = |report: &Report| -> Vec<u32> {
        let all = world.advice_on(report);
        let changes = all.iter().flat_map(|one| &one.changes);
        let pid = |change: &Change| match change {
            Change::IoPriority { process, .. } => Some(process.pid),
            _ => None,
        };
        changes.filter_map(pid).collect()
    };
    assert_eq!(acted_on(&report), [21]);
    report.actors[2].exited = true;
    assert_eq!(acted_on(&report), [0_u32; 0]);
}

/// Property: an audit log that makes etcd wait is moved; an API server that writes something else is not told so.
#[test]
fn an_audit_log_is_named() {
    let mut world = World::buffered_writer();
    world.culprit.role = Role::Apiserver;
    assert_eq!(world.says("move-audit-log"), None);
    world.culprit.io[0].file_class = FileClass::AuditLog;
    world.recommends("move-audit-log");
}

/// Property: an etcd whose database is read back from the disk is told to keep it in memory, unless it does; backups beside each other are
/// told apart in time.
#[test]
fn what_the_victim_can_do_itself() {
    let world = World::reader();
    let mut report = world.report();
    assert!(!world.advice_on(&report).iter().any(|one| one.id.name() == "etcd-flags"));
    let fault = |count, ns| Wait {
        call: Call::Fault,
        file_class: FileClass::Other,
        path: None,
        latency: lat(count, ns),
        anatomy: None,
    };
    report.actors[0].waits.push(fault(2_000, 10_000_000));
    assert!(world.advice_on(&report).iter().any(|one| one.id.name() == "etcd-flags"));
    report.actors[0].argv.as_mut().unwrap().push("--experimental-memory-mlock".into());
    assert!(!world.advice_on(&report).iter().any(|one| one.id.name() == "etcd-flags"));

    let world = World::snapshot();
    let mut report = world.report();
    assert!(!world.advice_on(&report).iter().any(|one| one.id.name() == "stagger"));
    let mut second = report.actors[1].clone();
    (second.id, second.comm) = ("30@1".into(), Some("restic".into()));
    report.actors.push(second);
    let row = report.blame.as_ref().unwrap()[0].clone();
    report.blame.as_mut().unwrap().push(Blame { culprit: "30@1".into(), share: 0.1, ..row });
    assert!(world.advice_on(&report).iter().any(|one| one.id.name() == "stagger"));
}
