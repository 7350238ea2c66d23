//! `apply --verify` beside a load: a limit that helps is kept, one that does nothing is not, and a signal takes it back.

#![expect(clippy::print_stdout, reason = "the figures are what whoever runs it wants")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use iocontend_core::change::Change;
use iocontend_core::ids::Dev;
use iocontend_core::lease::verified::{Verified, Word};
use iocontend_tests::binary;
use iocontend_tests::lease::Leases;
use iocontend_tests::schema::violations;
use iocontend_tests::writer::Writer;
use rustix::process::Signal;

/// Each look.
const WINDOW: &str = "40s";
/// Syncs per second that are asked for.
const RATE: u32 = 20;

/// Gives a writer orders at a rate until dropped.
struct Load {
    pid: u32,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    /// Opens a file, gives the first order once, and goes on with the other one, at most so many times a second.
    fn new(file: &Path, flags: &str, [first, order]: [&'static str; 2], rate: u32) -> Self {
        let mut writer = Writer::start(super::WRITER.as_ref(), &[]).unwrap();
        writer.order(&format!("open {} {flags}", file.display())).unwrap();
        writer.order(first).unwrap();
        let pid = writer.pid();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut due = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                writer.order(order).unwrap();
                due += Duration::from_secs(1) / rate;
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        });
        Self { pid, stop, thread: Some(thread) }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// A victim that syncs, beside a culprit in a cgroup that reads past the page cache as fast as it can.
struct Scene {
    group: PathBuf,
    leases: Leases,
    victim: Load,
    culprit: Option<Load>,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn new(name: &str) -> Self {
        let folder = super::folder();
        let group = PathBuf::from("/sys/fs/cgroup").join(name);
        fs::create_dir(&group).unwrap();
        let leases = Leases::new(binary::path().unwrap(), folder.path());
        let victim = Load::new(&folder.path().join("victim"), "", ["fdatasync 1"; 2], RATE);
        let orders = ["direct 262144 16", "direct-read 262144 16"];
        let culprit = Load::new(&folder.path().join("culprit"), "direct", orders, 1_000);
        fs::write(group.join("cgroup.procs"), culprit.pid.to_string()).unwrap();
        Self { group, leases, victim, culprit: Some(culprit), _folder: folder }
    }

    /// Advises a limit for reads of the culprit.
    fn advise(&self, rbps: u64) {
        let number = fs::read_to_string(format!("/sys/block/{}/dev", super::disk())).unwrap();
        let (major, minor) = number.trim().split_once(':').unwrap();
        let change = Change::CgroupDevice {
            cgroup: format!("/{}", self.group.file_name().unwrap().display()),
            file: "io.max".to_owned(),
            device: Dev { major: major.parse().unwrap(), minor: minor.parse().unwrap() },
            value: format!("rbps={rbps}"),
        };
        self.leases.advise(vec![change], &[&format!("--pid {}", self.victim.pid)]).unwrap();
    }

    fn limit(&self) -> String {
        fs::read_to_string(self.group.join("io.max")).unwrap()
    }

    fn verify(&self, code: i32) -> Verified {
        let words = ["apply", "--yes", "--leave", "--verify", "--window", WINDOW, "--json"];
        let run = self.leases.run(&words).unwrap();
        println!("{}{}", run.said, run.out);
        let run = run.ended(code).unwrap();
        let value = serde_json::from_str(&run.out).unwrap();
        let schema = iocontend_core::schema::verify_schema();
        assert_eq!(violations(&schema, &value), Vec::<String>::new());
        serde_json::from_value(value).unwrap()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // Its limit would make its end take long.
        drop(self.leases.run(&["undo"]));
        self.culprit = None;
        drop(fs::remove_dir(&self.group));
    }
}

// Property: a limit on who fills the disk's queue is kept, and one above what the culprit does is taken back.
#[test]
#[ignore = "needs the VM"]
fn vm_lease_verify_keeps_what_helps_and_nothing_else() {
    let scene = Scene::new("lease-verify");
    scene.advise(1 << 40);
    let idle = scene.verify(1);
    assert_ne!(idle.outcome, Word::Helped, "{idle:?}");
    assert!(!idle.kept);
    assert_eq!(scene.limit(), "");
    scene.advise(1_000_000);
    let helps = scene.verify(0);
    assert_eq!((helps.outcome, helps.kept), (Word::Helped, true), "{helps:?}");
    assert!(scene.limit().contains("rbps=1000000"), "{}", scene.limit());
    let status = scene.leases.run(&["status"]).unwrap().ended(0).unwrap();
    assert!(status.out.contains("running"), "{status:?}");
    scene.leases.run(&["undo"]).unwrap().ended(0).unwrap();
    assert_eq!(scene.limit(), "");
}

// Property: a signal before the change leaves everything as it was, and one while it is looked at takes it back.
#[test]
#[ignore = "needs the VM"]
fn vm_lease_verify_is_taken_back_by_a_signal() {
    let scene = Scene::new("lease-signal");
    scene.advise(4_000_000);
    let words = ["apply", "--yes", "--leave", "--verify", "--window", "20s"];
    let mut before = scene.leases.start(&["apply", "--yes", "--verify"]).unwrap();
    before.wait_for("before the change").unwrap();
    before.signal(Signal::INT).unwrap();
    before.finish().unwrap().ended(1).unwrap().said("before anything was changed").unwrap();
    assert_eq!(scene.limit(), "");
    let mut with = scene.leases.start(&words).unwrap();
    with.wait_for("with the change").unwrap();
    assert!(scene.limit().contains("rbps=4000000"), "{}", scene.limit());
    with.signal(Signal::TERM).unwrap();
    with.finish().unwrap().ended(1).unwrap().said("is taken back").unwrap();
    assert_eq!(scene.limit(), "");
    assert_eq!(scene.leases.ids().unwrap(), Vec::<String>::new());
}
