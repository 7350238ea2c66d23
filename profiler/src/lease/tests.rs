//! Leases on a tree of plain files: crashes at every step, full disks, other people's values.

use std::cell::Cell;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use iocontend_core::ids::Dev;
use iocontend_core::lease::{SCHEMA, Values};

use super::settings::HostSettings;
use super::*;

struct Host {
    dir: tempfile::TempDir,
    root: HostRoot,
}

const BOOT: &str = "b007";

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let below = |name: &str| dir.path().join(name);
        let root = HostRoot { proc: below("proc"), sys: below("sys"), cgroup: below("cgroup") };
        let host = Self { dir, root };
        let mount = host.root.cgroup.display().to_string();
        host.put("proc/self/mountinfo", &format!("1 0 0:9 / {mount} rw - cgroup2 none rw\n"));
        host.put("proc/sys/kernel/random/boot_id", BOOT);
        host.put("proc/sys/vm/dirty_expire_centisecs", "3000\n");
        host.put("cgroup/a/io.max", "8:0 rbps=7 wbps=max riops=max wiops=max\n");
        host.put("cgroup/a/memory.high", "max\n");
        host.put("sys/devices/x/vda/queue/scheduler", "[none] mq-deadline\n");
        host.put("sys/devices/x/vda/queue/nr_requests", "256\n");
        host.put("sys/devices/x/vda/queue/iosched/fifo_batch", "16\n");
        host.put("sys/devices/x/vda/queue/iosched/words", "a b\n");
        std::fs::create_dir_all(host.path("sys/block")).unwrap();
        std::os::unix::fs::symlink("../devices/x/vda", host.path("sys/block/vda")).unwrap();
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn store(&self) -> Store {
        let store = Store::new(&self.path("state"));
        store.prepare().unwrap();
        store
    }

    fn settings(&self) -> HostSettings {
        HostSettings::new(self.root.clone())
    }

    /// What all settings hold, in their one form.
    fn values(&self) -> Vec<Reading> {
        changes().iter().map(|change| self.settings().read(change).unwrap()).collect()
    }
}

fn changes() -> Vec<Change> {
    let device = Dev { major: 8, minor: 0 };
    let cgroup = "/a".to_owned();
    let text = str::to_owned;
    vec![
        Change::CgroupDevice {
            cgroup: cgroup.clone(),
            file: text("io.max"),
            device,
            // All keys, for plain files do not keep those that a line does not name.
            value: text("rbps=9 wbps=5 riops=3 wiops=2"),
        },
        Change::Cgroup { cgroup, file: text("memory.high"), value: text("16M") },
        Change::Queue { device: text("vda"), file: text("scheduler"), value: text("mq-deadline") },
        Change::Sysctl { name: text("vm/dirty_expire_centisecs"), value: text("500") },
    ]
}

fn lease(items: Vec<Item>, left: bool) -> Lease {
    Lease {
        schema: SCHEMA.to_owned(),
        id: "one".to_owned(),
        tool_version: "0".to_owned(),
        advice: None,
        created: String::new(),
        expires: String::new(),
        boot_id: BOOT.to_owned(),
        expires_boottime_ns: u64::MAX,
        left,
        items,
    }
}

/// Settings that end the run at the given number of reads and writes, before or after the write.
struct Crashing<'a> {
    inner: &'a HostSettings,
    left: Cell<u32>,
    after_write: bool,
}

impl Crashing<'_> {
    fn step(&self) -> Result<(), SettingError> {
        match self.left.get().checked_sub(1) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(io::Error::other("crash").into()),
        }
    }
}

impl Settings for Crashing<'_> {
    fn read(&self, change: &Change) -> Result<Reading, SettingError> {
        self.step()?;
        self.inner.read(change)
    }

    fn write(&self, change: &Change, parts: &Values) -> Result<(), SettingError> {
        if self.after_write {
            self.inner.write(change, parts)?;
            self.step()
        } else {
            self.step()?;
            self.inner.write(change, parts)
        }
    }
}

fn clock() -> Clock {
    Clock { boot_id: BOOT.to_owned(), boottime_ns: 1 }
}

// Property: wherever apply ends, before or after a write, the next run restores every value and leaves no lease.
#[test]
fn a_crash_at_any_step_of_apply_is_taken_back() {
    for steps in 0..20 {
        for after_write in [false, true] {
            let host = Host::new();
            let (store, settings, before) = (host.store(), host.settings(), host.values());
            let mut one = lease(plan(&changes(), &settings).unwrap(), false);
            let crashing = Crashing { inner: &settings, left: Cell::new(steps), after_write };
            let lock = store.lock().unwrap();
            drop(apply(&mut one, &crashing, &store, &lock));
            drop(lock);
            let lock = store.lock().unwrap();
            let undone = recover(&settings, &store, &clock(), &lock).unwrap();
            assert_eq!(undone.len(), 1, "{steps}");
            assert!(undone[0].complete, "{steps} {:?}", undone[0].lease);
            assert_eq!(host.values(), before, "{steps}");
            assert!(store.all().unwrap().is_empty(), "{steps}");
        }
    }
}

// Property: wherever undo ends, before or after a write, the next run goes on with it, also of a lease that was left and is not
// over.
#[test]
fn a_crash_at_any_step_of_undo_is_taken_up() {
    for (steps, after_write) in (0..16).flat_map(|steps| [(steps, false), (steps, true)]) {
        let host = Host::new();
        let (store, settings, before) = (host.store(), host.settings(), host.values());
        let mut one = lease(plan(&changes(), &settings).unwrap(), true);
        let lock = store.lock().unwrap();
        apply(&mut one, &settings, &store, &lock).unwrap();
        assert_ne!(host.values(), before);
        assert!(recover(&settings, &store, &clock(), &lock).unwrap().is_empty());
        let crashing = Crashing { inner: &settings, left: Cell::new(steps), after_write };
        undo(one.clone(), None, &crashing, &store, &lock);
        // What it stored at its end a killed process would not have stored; what it stored first it would.
        one.left = false;
        store.write(&one).unwrap();
        let undone = recover(&settings, &store, &clock(), &lock).unwrap().remove(0);
        assert!(undone.complete, "{steps} {:?}", undone.lease);
        assert_eq!(undone.why, Some(Due::Interrupted));
        assert_eq!(host.values(), before, "{steps}");
    }
}

/// Ends the run at the first write, without anything that comes after it.
struct Dying<'a>(&'a HostSettings);

impl Settings for Dying<'_> {
    fn read(&self, change: &Change) -> Result<Reading, SettingError> {
        self.0.read(change)
    }

    fn write(&self, _: &Change, _: &Values) -> Result<(), SettingError> {
        std::panic::resume_unwind(Box::new("killed"))
    }
}

// Property: undo of a lease that was left stores before its first write that it is no longer meant to stay.
#[test]
fn an_undo_that_was_killed_is_due() {
    let host = Host::new();
    let (store, settings) = (host.store(), host.settings());
    let mut one = lease(plan(&changes(), &settings).unwrap(), true);
    let lock = store.lock().unwrap();
    apply(&mut one, &settings, &store, &lock).unwrap();
    assert!(overdue(&store, &clock()).unwrap().is_empty());
    let killed = std::panic::AssertUnwindSafe(|| undo(one, None, &Dying(&settings), &store, &lock));
    assert!(std::panic::catch_unwind(killed).is_err());
    assert_eq!(overdue(&store, &clock()).unwrap()[0].1, Due::Interrupted);
}

#[test]
fn what_somebody_else_changed_stays_and_is_reported_and_the_rest_is_restored() {
    let host = Host::new();
    let (store, settings, before) = (host.store(), host.settings(), host.values());
    let mut one = lease(plan(&changes(), &settings).unwrap(), false);
    let lock = store.lock().unwrap();
    apply(&mut one, &settings, &store, &lock).unwrap();
    host.put("cgroup/a/memory.high", "1073741824\n");
    let undone = recover(&settings, &store, &clock(), &lock).unwrap().remove(0);
    assert!(!undone.complete);
    let cell = &undone.lease.items[1].cells[0];
    assert_eq!((cell.state, cell.found.as_deref()), (State::Differs, Some("1073741824")));
    let mut now = host.values();
    assert_eq!(now[1], settings.read(&changes()[1]).unwrap());
    now[1] = before[1].clone();
    assert_eq!(now, before);
    // It is told until somebody puts the value back, or forgets it.
    assert!(store.has("one"));
    host.put("cgroup/a/memory.high", "max\n");
    assert!(undo(store.read("one").unwrap(), None, &settings, &store, &lock).complete);
    assert!(!store.has("one"));
}

#[test]
fn what_vanished_is_undone() {
    let host = Host::new();
    let (store, settings) = (host.store(), host.settings());
    let mut one = lease(plan(&changes(), &settings).unwrap(), false);
    let lock = store.lock().unwrap();
    apply(&mut one, &settings, &store, &lock).unwrap();
    std::fs::remove_dir_all(host.path("cgroup/a")).unwrap();
    assert!(undo(one, None, &settings, &store, &lock).complete);
}

#[test]
fn without_a_stored_lease_nothing_is_written() {
    let host = Host::new();
    let (store, settings, before) = (host.store(), host.settings(), host.values());
    let mut one = lease(plan(&changes(), &settings).unwrap(), false);
    let lock = store.lock().unwrap();
    std::fs::remove_dir_all(host.path("state")).unwrap();
    assert!(matches!(apply(&mut one, &settings, &store, &lock), Err(ApplyError::Store(_))));
    assert_eq!(host.values(), before);
}

#[test]
fn a_setting_that_fails_is_taken_back_with_those_before_it() {
    let host = Host::new();
    let (store, settings, before) = (host.store(), host.settings(), host.values());
    let mut one = lease(plan(&changes(), &settings).unwrap(), false);
    std::fs::remove_file(host.path("sys/devices/x/vda/queue/scheduler")).unwrap();
    let lock = store.lock().unwrap();
    assert!(matches!(apply(&mut one, &settings, &store, &lock), Err(ApplyError::Gone(_))));
    assert!(undo(one, None, &settings, &store, &lock).complete);
    host.put("sys/devices/x/vda/queue/scheduler", "[none] mq-deadline\n");
    assert_eq!(host.values(), before);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let host = Host::new();
    host.put("outside/memory.high", "max\n");
    std::os::unix::fs::symlink(host.path("outside"), host.path("cgroup/link")).unwrap();
    let settings = host.settings();
    for cgroup in ["/../outside", "/a/../../outside", "a", "", "/", "/link", "//a", "/a/./b"] {
        let change = Change::Cgroup {
            cgroup: cgroup.to_owned(),
            file: "memory.high".to_owned(),
            value: "1M".to_owned(),
        };
        assert!(settings.read(&change).is_err(), "{cgroup}");
        let parts = Values::from([(String::new(), "1".to_owned())]);
        assert!(settings.write(&change, &parts).is_err(), "{cgroup}");
    }
    for device in ["", "..", "vda/../../x", "a/b", ".x"] {
        let change = Change::Queue {
            device: device.to_owned(),
            file: "nr_requests".to_owned(),
            value: "1".to_owned(),
        };
        assert!(settings.read(&change).is_err(), "{device}");
    }
    assert_eq!(std::fs::read_to_string(host.path("outside/memory.high")).unwrap(), "max\n");
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() {
    let host = Host::new();
    let store = host.store();
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(host.path("state"), open).unwrap();
    assert!(store.lock().is_err());
    assert!(store.prepare().is_err());
}

#[test]
fn a_running_process_is_known_and_its_end_too() {
    let host = Host::new();
    let store = host.store();
    store.write(&lease(Vec::new(), false)).unwrap();
    let hold = store.hold("one").unwrap();
    assert!(store.all().unwrap()[0].held);
    drop(hold);
    assert!(!store.all().unwrap()[0].held);
}

#[test]
fn leases_of_an_earlier_boot_are_forgotten_without_a_write() {
    let host = Host::new();
    let (store, settings) = (host.store(), host.settings());
    let mut one = lease(plan(&changes(), &settings).unwrap(), true);
    let lock = store.lock().unwrap();
    apply(&mut one, &settings, &store, &lock).unwrap();
    let (now, later) = (host.values(), Clock { boot_id: "next".to_owned(), boottime_ns: 1 });
    let undone = recover(&settings, &store, &later, &lock).unwrap();
    assert_eq!(undone[0].why, Some(Due::Restarted));
    assert_eq!(host.values(), now);
    assert!(!store.has("one"));
}

#[test]
fn what_a_crash_left_is_swept_and_a_broken_lease_is_told() {
    let host = Host::new();
    let store = host.store();
    host.put("state/.new-x", "half");
    host.put("state/two.held", "");
    host.put("state/three.json", "{");
    drop(store.lock().unwrap());
    let left: Vec<bool> = [".new-x", "two.held", "three.json"]
        .iter()
        .map(|name| Path::new(&host.path("state")).join(name).exists())
        .collect();
    assert_eq!(left, [false, false, true]);
    assert!(store.all().unwrap()[0].lease.is_err());
}
