//! Leases on the kernel's own files: what is applied is seen there and taken back, whatever happens in between.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use iocontend_core::change::Change;
use iocontend_core::ids::Dev;
use iocontend_tests::binary;
use iocontend_tests::lease::{Leases, Run, cgroup, guardians};
use iocontend_tests::process::{run, until};

/// A cgroup with a process in it, removed when dropped.
struct Group {
    path: PathBuf,
    process: Child,
}

impl Group {
    fn new(name: &str) -> Self {
        let path = PathBuf::from("/sys/fs/cgroup").join(name);
        fs::create_dir(&path).unwrap();
        let process = Command::new("sleep").arg("3600").spawn().unwrap();
        fs::write(path.join("cgroup.procs"), process.id().to_string()).unwrap();
        Self { path, process }
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path.join(file)).unwrap()
    }

    fn write(&self, file: &str, value: &str) {
        fs::write(self.path.join(file), value).unwrap();
    }

    fn remove(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        until("a cgroup without processes", Duration::from_secs(20), || {
            Ok(fs::remove_dir(&self.path).is_ok().then_some(()))
        })
        .unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.path.exists() {
            self.remove();
        }
    }
}

/// Runs with a folder of their own.
pub(super) struct Host {
    folder: tempfile::TempDir,
    pub(super) leases: Leases,
}

impl Host {
    pub(super) fn new(changes: Vec<Change>) -> Self {
        assert!(std::env::var_os("IOCONTEND_VM").is_some(), "settings are changed in the VM only");
        let folder = tempfile::tempdir().unwrap();
        let leases = Leases::new(binary::path().unwrap(), folder.path());
        leases.advise(changes, &[]).unwrap();
        Self { folder, leases }
    }

    pub(super) fn run(&self, words: &[&str]) -> Run {
        self.leases.run(words).unwrap()
    }

    pub(super) fn apply(&self) {
        self.leases.apply().unwrap();
    }

    pub(super) fn is_without_leases(&self) {
        assert_eq!(self.leases.ids().unwrap(), Vec::<String>::new());
    }
}

pub(super) fn device() -> Dev {
    let text = fs::read_to_string(format!("/sys/block/{}/dev", super::disk())).unwrap();
    let (major, minor) = text.trim().split_once(':').unwrap();
    Dev { major: major.parse().unwrap(), minor: minor.parse().unwrap() }
}

pub(super) fn io_max(name: &str, value: &str) -> Change {
    Change::CgroupDevice {
        cgroup: format!("/{name}"),
        file: "io.max".to_owned(),
        device: device(),
        value: value.to_owned(),
    }
}

fn sysctl(name: &str, value: u64) -> Change {
    Change::Sysctl { name: format!("vm/{name}"), value: value.to_string() }
}

fn dirty() -> Vec<String> {
    ["dirty_bytes", "dirty_ratio", "dirty_background_bytes", "dirty_background_ratio"]
        .iter()
        .map(|name| fs::read_to_string(Path::new("/proc/sys/vm").join(name)).unwrap())
        .collect()
}

// Property: limits stand in the kernel's files after apply, beside a key and a device that were set before, and afterwards the files
// are as they were.
#[test]
#[ignore = "needs the VM"]
fn vm_lease_limits_are_set_and_taken_back() {
    let group = Group::new("lease-limits");
    let dev = device();
    group.write("io.max", &format!("{dev} rbps=7000000"));
    let before = (group.read("io.max"), group.read("memory.high"));
    let host = Host::new(vec![
        io_max("lease-limits", "wbps=1000000"),
        cgroup("/lease-limits", "memory.high", "67108864"),
    ]);
    let shown = host.run(&["apply", "--dry-run"]).ended(0).unwrap();
    assert!(shown.out.contains("wbps: max to 1000000"), "{shown:?}");
    assert_eq!((group.read("io.max"), group.read("memory.high")), before);
    host.apply();
    assert_eq!(
        group.read("io.max"),
        format!("{dev} rbps=7000000 wbps=1000000 riops=max wiops=max\n")
    );
    assert_eq!(group.read("memory.high"), "67108864\n");
    // A second lease on the same setting could not be taken back in any order.
    host.run(&["apply", "--yes", "--leave"]).ended(0).unwrap().said("nothing to do").unwrap();
    host.leases.advise(vec![io_max("lease-limits", "wbps=2000000")], &[]).unwrap();
    host.run(&["apply", "--yes", "--leave"]).ended(1).unwrap().said("belongs to lease").unwrap();
    host.run(&["undo"]).ended(0).unwrap();
    assert_eq!((group.read("io.max"), group.read("memory.high")), before);
    host.is_without_leases();
}

// Property: a run that was killed is taken back by its guardian at once; where that was killed too, commands that change nothing say so,
// and the next undo restores.
#[test]
#[ignore = "needs the VM"]
fn vm_lease_of_a_killed_run_is_told_and_taken_back() {
    let group = Group::new("lease-killed");
    let before = group.read("io.max");
    let host = Host::new(vec![io_max("lease-killed", "wiops=50")]);
    let apply = || {
        let mut started = host.leases.start(&["apply", "--yes"]).unwrap();
        started.wait_for("applied as lease").unwrap();
        started
    };
    let started = apply();
    let during = host.run(&["status"]).ended(0).unwrap();
    assert!(during.out.contains("running"), "{during:?}");
    started.kill().unwrap();
    until("the value from before", Duration::from_secs(20), || {
        Ok((group.read("io.max") == before).then_some(()))
    })
    .unwrap();
    apply().kill_with_guardians(&host.leases.state).unwrap();
    assert!(group.read("io.max").contains("wiops=50"));
    let mut watch = Command::new(binary::path().unwrap());
    watch.env("IOCONTEND_STATE_DIR", &host.leases.state);
    let pid = group.process.id().to_string();
    watch.args(["watch", "--json", "--duration", "1s", "--pid", &pid]);
    let watched = Run::of(watch.output().unwrap()).unwrap();
    watched.ended(0).unwrap().said("left behind by a run that was killed").unwrap();
    let status = host.run(&["status"]).ended(0).unwrap();
    assert!(status.out.contains("its process ended without taking it back"), "{status:?}");
    assert!(group.read("io.max").contains("wiops=50"));
    host.run(&["undo"]).ended(0).unwrap().said("is taken back").unwrap();
    assert_eq!(group.read("io.max"), before);
    host.is_without_leases();
}

// Property: what vanished with its cgroup is told and not missed; the other settings are restored.
#[test]
#[ignore = "needs the VM"]
fn vm_lease_of_a_vanished_cgroup_is_told() {
    let (mut gone, stays) = (Group::new("lease-gone"), Group::new("lease-stays"));
    let host = Host::new(vec![
        cgroup("/lease-gone", "memory.high", "67108864"),
        io_max("lease-stays", "rbps=1000000"),
        io_max("lease-gone", "rbps=1000000"),
    ]);
    host.apply();
    gone.remove();
    let undo = host.run(&["undo"]).ended(0).unwrap();
    undo.said("memory.high of cgroup /lease-gone is gone").unwrap();
    assert_eq!(stays.read("io.max"), "");
    host.is_without_leases();
    let apply = host.run(&["apply", "--yes"]).ended(1).unwrap();
    apply.said("cgroup /lease-gone was not changed: not there").unwrap();
    assert_eq!(stays.read("io.max"), "");
    host.is_without_leases();
}

// Property: a value that somebody else wrote meanwhile stays and is told, until it is forgotten; the other one is restored.
#[test]
#[ignore = "needs the VM"]
fn vm_lease_leaves_the_values_of_others() {
    let group = Group::new("lease-others");
    let host = Host::new(vec![
        io_max("lease-others", "wbps=1000000"),
        cgroup("/lease-others", "memory.high", "67108864"),
    ]);
    host.apply();
    group.write("io.max", &format!("{} wbps=3000000", device()));
    let undo = host.run(&["undo"]).ended(1).unwrap();
    let undo = undo.said("wbps: max to 1000000; changed to 3000000 by somebody else").unwrap();
    assert!(group.read("io.max").contains("wbps=3000000"), "{undo:?}");
    assert_eq!(group.read("memory.high"), "max\n");
    let status = host.run(&["status"]).ended(0).unwrap();
    assert!(status.out.contains("not wholly taken back"), "{status:?}");
    let id = host.leases.ids().unwrap().remove(0);
    host.run(&["undo", &id, "--forget"]).ended(0).unwrap();
    assert!(group.read("io.max").contains("wbps=3000000"));
    host.is_without_leases();
}

// Property: a limit of dirty bytes is taken back through the share of memory that counted before it, and through the bytes where
// those did.
#[test]
#[ignore = "needs the VM"]
fn vm_lease_dirty_bytes_are_set_and_taken_back() {
    let by_share = dirty();
    let host =
        Host::new(vec![sysctl("dirty_background_bytes", 8 << 20), sysctl("dirty_bytes", 16 << 20)]);
    host.apply();
    assert_eq!(dirty(), ["16777216\n", "0\n", "8388608\n", "0\n"]);
    host.run(&["undo"]).ended(0).unwrap();
    assert_eq!(dirty(), by_share);
    fs::write("/proc/sys/vm/dirty_bytes", "268435456").unwrap();
    let by_bytes = dirty();
    host.apply();
    assert_eq!(dirty()[0], "16777216\n");
    host.run(&["undo"]).ended(0).unwrap();
    assert_eq!(dirty(), by_bytes);
    fs::write("/proc/sys/vm/dirty_ratio", by_share[1].trim()).unwrap();
    assert_eq!(dirty(), by_share);
    host.is_without_leases();
}

// Property: a scheduler and a queue's setting are set, and with the old scheduler the number of requests that it resets is back.
#[test]
#[ignore = "needs the VM"]
fn vm_lease_of_a_scheduler_restores_what_it_resets() {
    let file = |name: &str| PathBuf::from(format!("/sys/block/{}/queue/{name}", super::disk()));
    let read = |name: &str| fs::read_to_string(file(name)).unwrap();
    let queue = |name: &str, value: &str| Change::Queue {
        device: super::disk(),
        file: name.to_owned(),
        value: value.to_owned(),
    };
    fs::write(file("nr_requests"), "48").unwrap();
    let before = ["scheduler", "nr_requests", "read_ahead_kb", "wbt_lat_usec"].map(read);
    let other = if before[0].contains("[mq-deadline]") { "none" } else { "mq-deadline" };
    let host = Host::new(vec![queue("scheduler", other), queue("read_ahead_kb", "64")]);
    host.apply();
    assert!(read("scheduler").contains(&format!("[{other}]")), "{}", read("scheduler"));
    assert_eq!(read("read_ahead_kb"), "64\n");
    host.run(&["undo"]).ended(0).unwrap();
    assert_eq!(["scheduler", "nr_requests", "read_ahead_kb", "wbt_lat_usec"].map(read), before);
    host.is_without_leases();
}

// Property: what was set of a scheduler itself, and goes with it, is back with it.
#[test]
#[ignore = "needs the VM"]
fn vm_lease_of_a_scheduler_restores_its_own_settings() {
    let file = |name: &str| PathBuf::from(format!("/sys/block/{}/queue/{name}", super::disk()));
    let read = |name: &str| fs::read_to_string(file(name)).unwrap();
    let first = read("scheduler");
    let first = first.split(['[', ']']).nth(1).unwrap();
    fs::write(file("scheduler"), "mq-deadline").unwrap();
    let default = read("iosched/fifo_batch");
    fs::write(file("iosched/fifo_batch"), "7").unwrap();
    let to_none = Change::Queue {
        device: super::disk(),
        file: "scheduler".to_owned(),
        value: "none".to_owned(),
    };
    let host = Host::new(vec![to_none]);
    host.apply();
    assert!(read("scheduler").contains("[none]") && !file("iosched/fifo_batch").exists());
    // The kernel itself gives the default back.
    fs::write(file("scheduler"), "mq-deadline").unwrap();
    assert_eq!(read("iosched/fifo_batch"), default);
    fs::write(file("scheduler"), "none").unwrap();
    host.run(&["undo"]).ended(0).unwrap();
    assert!(read("scheduler").contains("[mq-deadline]"));
    assert_eq!(read("iosched/fifo_batch"), "7\n");
    fs::write(file("scheduler"), first).unwrap();
    host.is_without_leases();
}

// Property: where cgroups cannot be written, apply says so, nothing is changed and no lease is left.
#[test]
#[ignore = "needs the VM"]
fn vm_lease_on_read_only_cgroups_changes_nothing() {
    let group = Group::new("lease-read-only");
    let before = dirty();
    let host =
        Host::new(vec![sysctl("dirty_bytes", 16 << 20), io_max("lease-read-only", "wbps=1000000")]);
    let apply = host.leases.command(&["apply", "--yes"]);
    let script = "mount --bind /sys/fs/cgroup /sys/fs/cgroup && mount -o remount,bind,ro /sys/fs/cgroup && exec \"$@\"";
    let mut alone = Command::new("unshare");
    alone.args(["--mount", "sh", "-c", script, "sh"]);
    alone.arg(apply.get_program()).args(apply.get_args());
    let run = Run::of(alone.output().unwrap()).unwrap().ended(1).unwrap();
    run.said("Read-only file system").unwrap().said("is taken back").unwrap();
    assert_eq!((dirty(), group.read("io.max")), (before, String::new()));
    host.is_without_leases();
}

// Property: where the record cannot be stored, apply says so and changes nothing; where that happens later, what was applied is
// taken back all the same.
#[test]
#[ignore = "needs the VM"]
fn vm_lease_on_a_full_disk_changes_nothing() {
    let group = Group::new("lease-full");
    let host = Host::new(vec![io_max("lease-full", "wbps=1000000")]);
    let state = host.folder.path().join("state");
    fs::create_dir(&state).unwrap();
    let text = state.display().to_string();
    run("mount", &["-t", "tmpfs", "-o", "size=64k,mode=700", "none", &text]).unwrap();
    let fill = || {
        let error = fs::write(state.join("filler"), vec![0; 1 << 20]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    };
    fill();
    let apply = host.run(&["apply", "--yes", "--leave"]).ended(1).unwrap();
    apply.said("No space left on device").unwrap();
    assert_eq!(group.read("io.max"), "");
    host.is_without_leases();
    fs::remove_file(state.join("filler")).unwrap();
    host.apply();
    fill();
    host.run(&["undo"]).ended(0).unwrap();
    assert_eq!(group.read("io.max"), "");
    host.is_without_leases();
    // Its guardians look once a second, and hold the folder until then.
    let gone = || Ok(guardians(&state)?.is_empty().then_some(()));
    until("no guardian", Duration::from_secs(20), gone).unwrap();
    run("umount", &[&text]).unwrap();
}
