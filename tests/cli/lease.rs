//! `apply`, `undo` and `status` on a tree of plain files that stands in for the host.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use iocontend_tests::lease::{self, Leases, Started};
use rustix::process::{Pid, Signal, kill_process};

use super::binary::{Run, command, path, run};

pub(super) struct Tree(tempfile::TempDir);

const BEFORE: &str = "max\n";

impl Tree {
    pub(super) fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        let mount = tree.path("cgroup").display().to_string();
        tree.put("proc/self/mountinfo", &format!("1 0 0:9 / {mount} rw - cgroup2 none rw\n"));
        tree.put("proc/sys/kernel/random/boot_id", "b007\n");
        tree.put("cgroup/a/memory.high", BEFORE);
        tree.advise("/a", "16M");
        tree
    }

    /// Advice to set `memory.high` of a cgroup.
    pub(super) fn advise(&self, cgroup: &str, value: &str) {
        let change = lease::cgroup(cgroup, "memory.high", value);
        self.put("advice.json", &lease::advice(vec![change], &[]).unwrap());
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn put(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The same at once: whoever reads sees the old text or the new one.
    pub(super) fn replace(&self, name: &str, text: &str) {
        self.put("new", text);
        fs::rename(self.path("new"), self.path(name)).unwrap();
    }

    pub(super) fn value(&self) -> String {
        fs::read_to_string(self.path("cgroup/a/memory.high")).unwrap().trim().to_owned()
    }

    pub(super) fn words(&self, words: &[&str]) -> Vec<String> {
        let folder = |name: &str| self.path(name).display().to_string();
        let mut all: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        if words[0] == "apply" {
            all.push(folder("advice.json"));
        }
        all.extend(["--root".into(), folder(""), "--state-dir".into(), folder("state")]);
        all
    }

    /// A run that stays, as soon as it has applied.
    pub(super) fn stay(&self) -> Started {
        let leases = self.leases();
        let root = self.path("").display().to_string();
        let mut started = leases.start(&["apply", "--yes", "--root", &root]).unwrap();
        started.wait_for("applied as lease").unwrap();
        started
    }

    pub(super) fn leases(&self) -> Leases {
        Leases::new(path(), self.0.path())
    }

    /// A lease whose run and guardian were killed.
    pub(super) fn leave_overdue(&self) {
        self.stay().kill_with_guardians(&self.path("state")).unwrap();
    }

    pub(super) fn run(&self, words: &[&str]) -> Run {
        let words = self.words(words);
        run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

#[test]
fn what_is_applied_is_listed_and_taken_back() {
    let tree = Tree::new();
    let shown = tree.run(&["apply", "--dry-run"]).ended(0);
    assert!(shown.stdout.contains("max to 16777216"), "{shown:?}");
    assert_eq!(tree.value(), "max");
    tree.run(&["apply"]).ended(2);
    tree.run(&["apply", "--yes", "--id", "io-max"]).ended(2);
    assert_eq!(tree.value(), "max");
    tree.run(&["apply", "--yes", "--leave"]).ended(0);
    assert_eq!(tree.value(), "16777216");
    assert!(tree.run(&["status"]).ended(0).stdout.contains("memory.high"));
    let status: serde_json::Value =
        serde_json::from_str(&tree.run(&["status", "--json"]).ended(0).stdout).unwrap();
    assert_eq!(status["leases"][0]["due"], "running");
    tree.run(&["undo", "other"]).ended(4);
    tree.run(&["undo"]).ended(0);
    assert_eq!(tree.value(), "max");
    tree.run(&["undo"]).ended(0);
}

#[test]
fn a_value_of_somebody_else_is_reported_and_stays() {
    let tree = Tree::new();
    tree.run(&["apply", "--yes", "--leave"]).ended(0);
    tree.put("cgroup/a/memory.high", "4096\n");
    let undo = tree.run(&["undo"]).ended(1);
    assert!(undo.stderr.contains("changed to 4096 by somebody else"), "{undo:?}");
    assert_eq!(tree.value(), "4096");
    assert!(tree.run(&["status"]).ended(0).stdout.contains("4096"));
}

// Property: a value that does not hold any more is told, by `status` and once by the run that stays; one that holds is not.
#[test]
fn a_value_that_lapsed_is_told() {
    let tree = Tree::new();
    let words = tree.words(&["apply", "--yes"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut child = command(&words).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.next().unwrap().contains("applied"));
    let json = || -> serde_json::Value {
        serde_json::from_str(&tree.run(&["status", "--json"]).ended(0).stdout).unwrap()
    };
    assert_eq!(json()["leases"][0]["not_in_force"], serde_json::json!([]));
    assert!(!tree.run(&["status"]).ended(0).stdout.contains("not in force"));
    tree.replace("cgroup/a/memory.high", "4096\n");
    let line = said.next().unwrap();
    let words = "not in force: 4096 instead of 16777216";
    assert!(line.contains(words), "{line}");
    assert!(tree.run(&["status"]).ended(0).stdout.contains(words));
    let lapse = &json()["leases"][0]["not_in_force"][0];
    assert_eq!((&lapse["wanted"], &lapse["now"]), (&"16777216".into(), &"4096".into()));
    // What cannot be read is neither.
    tree.replace("cgroup/a/memory.high", "\n");
    assert!(said.next().unwrap().contains("not known whether in force"));
    assert_eq!(json()["leases"][0]["unread"].as_array().unwrap().len(), 1);
    assert_eq!(json()["leases"][0]["not_in_force"], serde_json::json!([]));
    tree.replace("cgroup/a/memory.high", "16777216\n");
    assert!(!tree.run(&["status"]).ended(0).stdout.contains("not in force"));
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let rest: Vec<String> = said.collect();
    assert!(rest.iter().all(|line| !line.contains("not in force")), "{rest:?}");
    assert_eq!(tree.value(), "max");
}

#[test]
fn a_lease_that_is_over_is_taken_back_by_its_process() {
    let tree = Tree::new();
    tree.run(&["apply", "--yes", "--lease", "300ms"]).ended(0);
    assert_eq!(tree.value(), "max");
}

// Property: names and values from a report or from the kernel's files never reach the terminal as they are.
#[test]
fn names_from_outside_cannot_steer_the_terminal() {
    let tree = Tree::new();
    tree.put("cgroup/a\x1b[31m/memory.high", BEFORE);
    tree.advise("/a\x1b[31m", "16M");
    let shown = tree.run(&["apply", "--dry-run"]).ended(0);
    assert!(shown.stdout.contains(r"/a\u{1b}[31m"), "{shown:?}");
    tree.run(&["apply", "--yes", "--leave"]).ended(0);
    let listed = tree.run(&["status"]).ended(0);
    assert!(listed.stdout.contains(r"/a\u{1b}[31m"), "{listed:?}");
    tree.advise("/gone\x1b[31m\n", "16M");
    let missing = tree.run(&["apply", "--yes"]).ended(1);
    assert!(missing.stderr.contains(r"/gone\u{1b}[31m\n"), "{missing:?}");
    tree.put("advice.json", "{\"schema\": \"\x1b[31m\"}");
    let unreadable = tree.run(&["apply", "--dry-run"]).ended(1);
    for said in [&shown.stdout, &listed.stdout, &missing.stderr, &unreadable.stderr] {
        assert!(!said.contains('\x1b'), "{said}");
    }
}

// Property: a lease that nobody took back is told by commands that change nothing, with the command that restores, and is
// still there after them; one that runs is not told, and `undo` of another one restores it.
#[test]
fn an_overdue_lease_is_told_by_those_that_change_nothing() {
    let tree = Tree::new();
    // Those look at this host, so the lease must be of this boot.
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    tree.put("proc/sys/kernel/random/boot_id", &boot);
    let doctor = || {
        let mut command = command(&["doctor"]);
        let output = command.env("IOCONTEND_STATE_DIR", tree.path("state")).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(!doctor().contains("lease"));
    tree.run(&["apply", "--yes", "--leave", "--lease", "1h"]).ended(0);
    assert!(!doctor().contains("lease"));
    tree.run(&["undo"]).ended(0);
    tree.leave_overdue();
    let said = doctor();
    let id = said.split("iocontend undo ").nth(1).unwrap().split('`').next().unwrap();
    assert!(
        said.contains(&format!("lease {id} was left behind by a run that was killed")),
        "{said}"
    );
    assert_eq!(tree.value(), "16777216");
    tree.run(&["undo", "other"]).ended(4);
    assert_eq!(tree.value(), "max");
    assert!(!doctor().contains("lease"));
}

// Property: what --verify needs is asked for before anything is looked at or changed.
#[test]
fn what_verify_needs_is_asked_for_first() {
    let tree = Tree::new();
    tree.run(&["apply", "--yes", "--json"]).ended(2);
    tree.run(&["apply", "--yes", "--window", "30s"]).ended(2);
    tree.run(&["apply", "--yes", "--verify", "--pid", "1", "--window", "19s"]).ended(2);
    let nobody = tree.run(&["apply", "--yes", "--verify"]).ended(2);
    assert!(nobody.stderr.contains("--pid-of etcd"), "{nobody:?}");
    let short = ["apply", "--yes", "--verify", "--pid", "1", "--lease", "30s", "--window", "30s"];
    tree.run(&short).ended(2);
    assert_eq!(tree.value(), "max");
    assert!(!tree.path("state").exists());
}

/// Property: a run that waits for another one, with nothing changed yet, ends at once at a signal.
#[test]
fn a_signal_ends_a_run_that_waits_for_another() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let tree = Tree::new();
        tree.run(&["apply", "--yes", "--leave"]).ended(0);
        tree.run(&["undo"]).ended(0);
        let lock = fs::OpenOptions::new().write(true).open(tree.path("state/lock")).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let words = tree.words(&["apply", "--yes"]);
        let mut child = command(&words.iter().map(String::as_str).collect::<Vec<_>>())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It has said what it will change: what is left before it changes anything is the lock.
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("16777216"), "{line}");
        std::thread::sleep(Duration::from_millis(300));
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        let ended = iocontend_tests::process::wait_for(&mut child, Duration::from_secs(2));
        iocontend_tests::process::kill(&mut child);
        assert!(ended.is_ok(), "{signal:?}: {ended:?}");
        assert_eq!(tree.value(), "max");
    }
}
