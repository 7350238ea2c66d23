//! Targets by cgroup and by unit, in cgroups of version 2 that the test makes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use iocontend_core::ids::Call;
use iocontend_core::report::Report;
use iocontend_tests::binary;
use iocontend_tests::watch::{Watch, actor, is_target, waits};
use iocontend_tests::writer::Writer;

/// Reports of half a second in which a process must be found: a look takes longer under emulation.
const INTERVALS: usize = 240;

/// A cgroup, removed when dropped.
struct Group(PathBuf);

impl Group {
    fn new(path: &str) -> Self {
        let folder = Path::new("/sys/fs/cgroup").join(path);
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    /// A writer that is in it before it does anything.
    fn writer(&self) -> Writer {
        let writer = Writer::start(super::WRITER.as_ref(), &[]).unwrap();
        self.take(writer.pid());
        writer
    }

    fn take(&self, pid: u32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process that was killed may be there a little longer; the VM ends anyway.
        drop(fs::remove_dir(&self.0));
    }
}

/// Whether it is a target; a report of an interval has no rows of those that did nothing in it.
fn is_listed(report: &Report, pid: u32) -> bool {
    let id = format!("{pid}@");
    report.targets.iter().flat_map(|target| &target.actors).any(|actor| actor.starts_with(&id))
}

fn syncs(report: &Report, pid: u32) -> u64 {
    waits(actor(report, pid).unwrap(), Call::Fsync, None)
}

// Property: a unit means what is in its cgroup and below, not a neighbour with a longer name; a process that starts in
// it and one that is moved into it become targets, with what they do afterwards; one that only shares the slice is
// no target.
#[test]
#[ignore = "needs the VM"]
fn vm_a_unit_has_those_in_it_and_those_that_come() {
    let slice = Group::new("test.slice");
    let unit = Group::new("test.slice/db.service");
    let below = Group::new("test.slice/db.service/worker");
    let other = Group::new("test.slice/db2.service");
    let (inside, deep, neighbour) = (unit.writer(), below.writer(), other.writer());
    let mut mover = Writer::start(super::WRITER.as_ref(), &[]).unwrap();

    let watch = Watch::start(&["--unit", "db", "--wait"]).unwrap();
    let script = format!("echo $$ >{}/cgroup.procs; exec sleep 600", unit.0.display());
    let mut started = Command::new("sh").args(["-c", &script]).spawn().unwrap();
    unit.take(mover.pid());
    let folder = super::folder();
    mover.order(&format!("open {}", folder.path().join("file").display())).unwrap();
    mover.order("fsync 7").unwrap();
    let report = watch.finish().unwrap();
    started.kill().unwrap();
    started.wait().unwrap();

    for (who, pid) in [
        ("inside", inside.pid()),
        ("below", deep.pid()),
        ("started", started.id()),
        ("moved", mover.pid()),
    ] {
        assert!(is_target(&report, pid), "{who}: {:?}", report.targets);
    }
    assert!(!is_target(&report, neighbour.pid()), "{:?}", report.targets);
    assert_eq!(syncs(&report, mover.pid()), 7);
    drop((inside, deep, neighbour, mover, below, unit, other, slice));
}

// Property: a process that is moved into a cgroup and does nothing becomes a target within a few looks.
#[test]
#[ignore = "needs the VM"]
fn vm_an_idle_process_that_is_moved_in_becomes_a_target() {
    let group = Group::new("moved.service");
    let first = group.writer();
    let mover = Writer::start(super::WRITER.as_ref(), &[]).unwrap();
    let args = ["watch", "--cgroup", "/moved.service", "-o", "jsonl", "--interval", "500ms"];
    let mut watch =
        Command::new(binary::path().unwrap()).args(args).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut before = None;
    let mut found = None;
    for (number, line) in lines.take(INTERVALS).enumerate() {
        let report = Report::from_json(line.unwrap().as_bytes()).unwrap();
        assert!(is_listed(&report, first.pid()), "{:?}", report.targets);
        if number == 0 {
            before = Some(is_listed(&report, mover.pid()));
            group.take(mover.pid());
        } else if is_listed(&report, mover.pid()) {
            found = Some(number);
            break;
        }
    }
    watch.kill().unwrap();
    watch.wait().unwrap();
    println!("found in the report {found:?} after it was moved");
    assert_eq!(before, Some(false));
    assert!(found.is_some(), "not within {INTERVALS} reports");
    drop((first, mover, group));
}

// Property: the same cgroup by path, with and without the mount point; an empty cgroup is said to be empty, a unit
// whose name is near is offered.
#[test]
#[ignore = "needs the VM"]
fn vm_a_path_names_a_cgroup_and_an_empty_one_is_said_to_be() {
    let busy = Group::new("busy.service");
    let empty = Group::new("empty.service");
    let writer = busy.writer();
    for path in ["/busy.service", "busy.service", "/sys/fs/cgroup/busy.service"] {
        let watch = Watch::start(&["--cgroup", path]).unwrap();
        let report = watch.finish().unwrap();
        assert_eq!(report.targets[0].actors.len(), 1, "{path}: {:?}", report.targets);
        assert!(is_target(&report, writer.pid()), "{path}");
    }
    let args = ["watch", "--cgroup", "/empty.service", "--unit", "bussy"];
    let output = Command::new(binary::path().unwrap()).args(args).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("no process is in it or below it"), "{said}");
    assert!(said.contains("--unit busy.service"), "{said}");
    drop((writer, busy, empty));
}
