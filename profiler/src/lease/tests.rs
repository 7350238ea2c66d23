//! Leases on a tree of plain files: crashes at every step, full disks, other people's values.

use std::cell::Cell;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use iocontend_core::ids::Dev;
use iocontend_core::lease::{Identity, SCHEMA, Values};

use super::settings::HostSettings;
use super::*;

struct Host {
    dir: tempfile::TempDir,
    root: HostRoot,
}

const BOOT: &str = "b007";
/// Whatever has the name.
const ANY: &Identity = &Identity { cgroup_inode: None, diskseq: None };

fn locked(store: &Store) -> Lock {
    store.try_lock().unwrap().expect("nobody has the lock")
}

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
        Store::create(&self.path("state")).unwrap()
    }

    fn settings(&self) -> HostSettings {
        HostSettings::new(self.root.clone())
    }

    /// What all settings hold, in their one form.
    fn values(&self) -> Vec<Reading> {
        changes().iter().map(|change| self.settings().read(change, ANY).unwrap()).collect()
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
            value: text("rbps=900000 wbps=500000 riops=300 wiops=200"),
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
    fn identify(&self, change: &Change) -> Result<Identity, SettingError> {
        self.inner.identify(change)
    }

    fn memory_in_use(&self, change: &Change) -> Option<u64> {
        self.inner.memory_in_use(change)
    }

    fn read(&self, change: &Change, identity: &Identity) -> Result<Reading, SettingError> {
        self.step()?;
        self.inner.read(change, identity)
    }

    fn write(
        &self,
        change: &Change,
        identity: &Identity,
        parts: &Values,
    ) -> Result<(), SettingError> {
        if self.after_write {
            self.inner.write(change, identity, parts)?;
            self.step()
        } else {
            self.step()?;
            self.inner.write(change, identity, parts)
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
            let lock = locked(&store);
            drop(apply(&mut one, &crashing, &store, &lock));
            drop(lock);
            let lock = locked(&store);
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
        let lock = locked(&store);
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
    fn identify(&self, change: &Change) -> Result<Identity, SettingError> {
        self.0.identify(change)
    }

    fn memory_in_use(&self, change: &Change) -> Option<u64> {
        self.0.memory_in_use(change)
    }

    fn read(&self, change: &Change, identity: &Identity) -> Result<Reading, SettingError> {
        self.0.read(change, identity)
    }

    fn write(&self, _: &Change, _: &Identity, _: &Values) -> Result<(), SettingError> {
        std::panic::resume_unwind(Box::new("killed"))
    }
}

// Property: undo of a lease that was left stores before its first write that it is no longer meant to stay.
#[test]
fn an_undo_that_was_killed_is_due() {
    let host = Host::new();
    let (store, settings) = (host.store(), host.settings());
    let mut one = lease(plan(&changes(), &settings).unwrap(), true);
    let lock = locked(&store);
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
    let lock = locked(&store);
    apply(&mut one, &settings, &store, &lock).unwrap();
    host.put("cgroup/a/memory.high", "1073741824\n");
    let undone = recover(&settings, &store, &clock(), &lock).unwrap().remove(0);
    assert!(!undone.complete);
    let cell = &undone.lease.items[1].cells[0];
    assert_eq!((cell.state, cell.found.as_deref()), (State::Differs, Some("1073741824")));
    let mut now = host.values();
    assert_eq!(now[1], settings.read(&changes()[1], ANY).unwrap());
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
    let lock = locked(&store);
    apply(&mut one, &settings, &store, &lock).unwrap();
    std::fs::remove_dir_all(host.path("cgroup/a")).unwrap();
    assert!(undo(one, None, &settings, &store, &lock).complete);
}

#[test]
fn without_a_stored_lease_nothing_is_written() {
    let host = Host::new();
    let (store, settings, before) = (host.store(), host.settings(), host.values());
    let mut one = lease(plan(&changes(), &settings).unwrap(), false);
    let lock = locked(&store);
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
    let lock = locked(&store);
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
        assert!(settings.read(&change, ANY).is_err(), "{cgroup}");
        let parts = Values::from([(String::new(), "1".to_owned())]);
        assert!(settings.write(&change, ANY, &parts).is_err(), "{cgroup}");
    }
    for device in ["", "..", "vda/../../x", "a/b", ".x"] {
        let change = Change::Queue {
            device: device.to_owned(),
            file: "nr_requests".to_owned(),
            value: "1".to_owned(),
        };
        assert!(settings.read(&change, ANY).is_err(), "{device}");
    }
    assert_eq!(std::fs::read_to_string(host.path("outside/memory.high")).unwrap(), "max\n");
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() {
    let host = Host::new();
    let store = host.store();
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(host.path("state"), open).unwrap();
    assert!(Store::open(&host.path("state")).is_err());
    assert!(Store::create(&host.path("state")).is_err());
    // One that is a link may lead anywhere.
    std::os::unix::fs::symlink(host.path("sys"), host.path("link")).unwrap();
    assert!(Store::open(&host.path("link")).is_err());
    drop(store);
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
    let lock = locked(&store);
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
    drop(locked(&store));
    let left: Vec<bool> = [".new-x", "two.held", "three.json"]
        .iter()
        .map(|name| Path::new(&host.path("state")).join(name).exists())
        .collect();
    assert_eq!(left, [false, false, true]);
    assert!(store.all().unwrap()[0].lease.is_err());
}

/// What a kernel does that takes tens only.
struct Rounding<'a>(&'a HostSettings);

impl Settings for Rounding<'_> {
    fn identify(&self, change: &Change) -> Result<Identity, SettingError> {
        self.0.identify(change)
    }

    fn memory_in_use(&self, change: &Change) -> Option<u64> {
        self.0.memory_in_use(change)
    }

    fn read(&self, change: &Change, identity: &Identity) -> Result<Reading, SettingError> {
        self.0.read(change, identity)
    }

    fn write(
        &self,
        change: &Change,
        identity: &Identity,
        parts: &Values,
    ) -> Result<(), SettingError> {
        let round = |(part, value): (&String, &String)| {
            let number = value.parse::<u64>().map(|number| (number / 10 * 10).to_string());
            (part.clone(), number.unwrap_or_else(|_word| value.clone()))
        };
        self.0.write(change, identity, &parts.iter().map(round).collect())
    }
}

// Property: what the kernel makes of a value is ours: stored, no failure, and undone over; a value that nothing came of is none.
#[test]
fn what_the_kernel_rounds_is_ours() {
    let host = Host::new();
    host.put("sys/devices/x/vda/queue/max_sectors_kb", "1280\n");
    let (store, settings) = (host.store(), host.settings());
    let change = |value: &str| Change::Queue {
        device: "vda".to_owned(),
        file: "max_sectors_kb".to_owned(),
        value: value.to_owned(),
    };
    let rounding = Rounding(&settings);
    let lock = locked(&store);
    let mut one = lease(plan(&[change("137")], &settings).unwrap(), true);
    apply(&mut one, &rounding, &store, &lock).unwrap();
    let cell = store.read("one").unwrap().items[0].cells[0].clone();
    assert_eq!((cell.wanted.as_deref(), cell.became.as_deref()), (Some("137"), Some("130")));
    assert!(look(&one, &settings).lapses.is_empty());
    assert!(undo(store.read("one").unwrap(), None, &rounding, &store, &lock).complete);
    let file = host.path("sys/devices/x/vda/queue/max_sectors_kb");
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), "1280");
    let mut none = lease(plan(&[change("1283")], &settings).unwrap(), true);
    assert!(matches!(apply(&mut none, &rounding, &store, &lock), Err(ApplyError::NoEffect(_))));
    assert!(undo(none, None, &rounding, &store, &lock).complete);
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), "1280");
}

// Property: nothing is written to another cgroup or disk that has the name by now; where it holds our value the lease stays listed.
#[test]
fn another_cgroup_or_disk_of_the_name_is_not_written() {
    let host = Host::new();
    host.put("sys/devices/x/vda/diskseq", "7\n");
    let (store, settings) = (host.store(), host.settings());
    let lock = locked(&store);
    let mut one = lease(plan(&changes(), &settings).unwrap(), true);
    assert_eq!(one.items[2].identity.diskseq, Some(7));
    assert!(one.items[0].identity.cgroup_inode.is_some());
    apply(&mut one, &settings, &store, &lock).unwrap();
    // The old one stays, so that its inode is not given to the new one.
    std::fs::rename(host.path("cgroup/a"), host.path("cgroup/old")).unwrap();
    host.put("cgroup/a/memory.high", "16777216\n");
    host.put("cgroup/a/io.max", "");
    host.put("sys/devices/x/vda/diskseq", "8\n");
    host.put("sys/devices/x/vda/queue/scheduler", "none [mq-deadline]\n");
    let undone = undo(one, None, &settings, &store, &lock);
    assert_eq!(undone.replaced, [2, 1, 0].map(|at| changes()[at].clone()));
    let text = |name: &str| std::fs::read_to_string(host.path(name)).unwrap();
    assert_eq!(text("cgroup/a/memory.high"), "16777216\n");
    assert_eq!(text("sys/devices/x/vda/queue/scheduler"), "none [mq-deadline]\n");
    assert_eq!(text("proc/sys/vm/dirty_expire_centisecs").trim(), "3000");
    assert!(!undone.complete && store.has("one"));
    let state = |at: usize| undone.lease.items[at].cells[0].state;
    assert_eq!([0, 1, 2].map(state), [State::Undone, State::Replaced, State::Replaced]);
}

// Property: a ceiling below what is in use is refused where the kernel says what is; page cache is not in use.
#[test]
fn a_ceiling_below_what_is_in_use_is_refused() {
    let host = Host::new();
    let ceiling = [changes()[1].clone()];
    host.put("cgroup/a/memory.stat", "anon 15000000\nfile 90000000\n");
    assert!(plan(&ceiling, &host.settings()).is_ok());
    host.put("cgroup/a/memory.stat", "anon 16000000\nfile 90000000\n");
    let refused = plan(&ceiling, &host.settings());
    assert!(matches!(refused, Err(ApplyError::Refused { .. })));
    std::fs::remove_file(host.path("cgroup/a/memory.stat")).unwrap();
    host.put("cgroup/a/memory.current", "16777216\n");
    assert!(plan(&ceiling, &host.settings()).is_err());
}

// Property: a lease that ended is told apart from one whose record is lost, as long as somebody may ask.
#[test]
fn an_ended_lease_is_no_lost_one() {
    use store::Known;
    let host = Host::new();
    let store = host.store();
    let mut one = lease(Vec::new(), true);
    one.expires_boottime_ns = 1;
    store.write(&one).unwrap();
    assert!(matches!(store.known("one"), Known::Recorded(_)));
    host.put("state/one.json", "{");
    assert!(matches!(store.known("one"), Known::Lost(_)));
    std::fs::remove_file(host.path("state/one.json")).unwrap();
    assert!(matches!(store.known("one"), Known::Lost(_)));
    store.end(&one).unwrap();
    assert!(matches!(store.known("one"), Known::Ended) && store.has_ended("one"));
    assert_eq!(store.new_id("one"), "one-2");
    store.sweep_ended(&clock());
    assert!(store.has_ended("one"));
    store.sweep_ended(&Clock { boottime_ns: 100_000_000_000, ..clock() });
    assert!(matches!(store.known("one"), Known::Lost(_)));
}

// Property: from memory nothing is taken back that another lease has by now.
#[test]
fn what_another_lease_has_is_not_taken_back_from_memory() {
    let host = Host::new();
    let (store, settings) = (host.store(), host.settings());
    let lock = locked(&store);
    let mut one = lease(plan(&changes(), &settings).unwrap(), true);
    apply(&mut one, &settings, &store, &lock).unwrap();
    std::fs::remove_file(host.path("state/one.json")).unwrap();
    let other = Lease { id: "two".to_owned(), items: vec![one.items[1].clone()], ..one.clone() };
    store.write(&other).unwrap();
    let undone = undo_from_memory(one, &settings, &store, &lock);
    assert!(undone.complete && store.has("two") && store.has_ended("one"));
    let now = host.values();
    assert_eq!(now[1], Reading::Values([(String::new(), "16777216".to_owned())].into()));
    let limits = Reading::Values([(String::new(), "3000".to_owned())].into());
    assert_eq!(now[3], limits);
}

// Property: a folder that can only be read can be locked and looked into; who has the lock is told.
#[test]
fn a_lock_needs_no_right_to_write_and_says_who_has_it() {
    let host = Host::new();
    let store = host.store();
    let held = locked(&store);
    assert!(store.try_lock().unwrap().is_none());
    assert_eq!(store.lock_holder(), Some(std::process::id()));
    drop(held);
    std::fs::remove_dir_all(host.path("state")).unwrap();
    assert!(store.try_lock().unwrap().is_some());
}
