//! Records and folders of leases: who may have written them, what they hold, what is refused before there is one.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use iocontend_core::change::Change;
use iocontend_tests::lease::{self, send};
use iocontend_tests::process::wait_for;
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use rustix::process::Signal;

use super::binary::command;
use super::lease::Tree;

/// A record as the first version with leases wrote it.
fn record(id: &str, boot: &str, prior: &str, wanted: &str) -> String {
    format!(
        r#"{{
  "schema": "iocontend.lease/1", "id": "{id}", "tool_version": "0.1.0", "advice": "test",
  "created": "2026-11-25T10:00:00Z", "expires": "2026-11-25T11:00:00Z", "boot_id": "{boot}",
  "expires_boottime_ns": 1, "left": true,
  "items": [{{
    "change": {{"kind": "cgroup", "cgroup": "/a", "file": "memory.high", "value": "16M"}},
    "cells": [{{"part": "", "prior": "{prior}", "wanted": "{wanted}", "state": "applied"}}]
  }}]
}}"#
    )
}

fn folder(tree: &Tree, name: &str, mode: u32) {
    fs::create_dir_all(tree.path(name)).unwrap();
    fs::set_permissions(tree.path(name), Permissions::from_mode(mode)).unwrap();
}

// Property: a lease of the previous version is listed and taken back.
#[test]
fn a_lease_of_the_previous_version_is_taken_back() {
    let tree = Tree::new();
    folder(&tree, "state", 0o700);
    tree.put("state/1-1.json", &record("1-1", "b007", "max", "16777216"));
    tree.put("cgroup/a/memory.high", "16777216\n");
    let shown = tree.run(&["status"]).ended(0);
    assert!(shown.stdout.contains("expired, and nobody took it back"), "{shown:?}");
    tree.run(&["undo"]).ended(0);
    assert_eq!(tree.value(), "max");
}

// Property: a lease of an earlier boot is told as such, and forgotten without a write, also by its name.
#[test]
fn a_lease_of_an_earlier_boot_is_forgotten() {
    let tree = Tree::new();
    folder(&tree, "state", 0o700);
    tree.put("state/1-1.json", &record("1-1", "earlier", "max", "16777216"));
    tree.put("cgroup/a/memory.high", "16777216\n");
    let shown = tree.run(&["status"]).ended(0);
    assert!(shown.stdout.contains("of an earlier boot"), "{shown:?}");
    let undo = tree.run(&["undo", "1-1"]).ended(0);
    assert!(undo.stderr.contains("is of an earlier boot and is forgotten"), "{undo:?}");
    assert_eq!(tree.value(), "16777216");
    assert!(tree.leases().ids().unwrap().is_empty());
}

// Property: what lies in a folder that others may write to is never carried out, however often that folder and ours change places
// while the program looks.
#[test]
fn a_folder_that_is_swapped_is_not_carried_out() {
    let tree = Tree::new();
    folder(&tree, "state", 0o700);
    folder(&tree, "theirs", 0o777);
    tree.put("theirs/9-9.json", &record("9-9", "b007", "4096", "max"));
    let (state, theirs) = (tree.path("state"), tree.path("theirs"));
    let is_over = AtomicBool::new(false);
    let swaps = thread::scope(|scope| {
        let swapping = scope.spawn(|| {
            let mut swaps = 0_u64;
            while !is_over.load(Ordering::Relaxed) {
                renameat_with(CWD, &state, CWD, &theirs, RenameFlags::EXCHANGE).unwrap();
                swaps += 1;
            }
            swaps
        });
        for round in 0..200 {
            let run = tree.run(&["undo"]);
            if tree.value() != "max" {
                is_over.store(true, Ordering::Relaxed);
                panic!("round {round}: carried out: {run:?}");
            }
        }
        is_over.store(true, Ordering::Relaxed);
        swapping.join().unwrap()
    });
    println!("{swaps} swaps in 200 runs");
    assert!(swaps > 200);
}

// Property: a run that waits for another one says so, and for whom, and a signal ends the wait; nothing is changed.
#[test]
fn a_held_lock_is_told_and_the_wait_can_be_ended() {
    let tree = Tree::new();
    folder(&tree, "state", 0o700);
    tree.put("state/1-1.json", &record("1-1", "b007", "max", "16777216"));
    tree.put("cgroup/a/memory.high", "16777216\n");
    let lock = File::create(tree.path("state/lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let words = tree.words(&["undo"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut run = command(&words).stderr(Stdio::piped()).spawn().unwrap();
    let err = run.stderr.take().unwrap();
    let (sender, lines) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let lines = std::io::BufRead::lines(std::io::BufReader::new(err)).map_while(Result::ok);
        lines.for_each(|line| drop(sender.send(line)));
    });
    let line = lines.recv_timeout(Duration::from_secs(20)).expect("a word about the wait");
    let own = format!("(process {})", std::process::id());
    assert!(line.contains("waiting for") && line.contains(&own), "{line}");
    send(run.id(), Signal::INT).unwrap();
    let status = wait_for(&mut run, Duration::from_secs(5)).unwrap();
    assert_eq!((status.code(), tree.value().as_str()), (Some(1), "16777216"));
    drop(lock);
    tree.run(&["undo"]).ended(0);
    assert_eq!(tree.value(), "max");
}

// Property: what would stop the one that is limited for good, or raise it, is refused with the floor and why; nothing is changed.
#[test]
fn values_below_their_floors_are_refused() {
    let tree = Tree::new();
    tree.put("cgroup/a/io.prio.class", "no-change\n");
    tree.put("cgroup/a/io.max", "");
    let io_max = |value: &str| Change::CgroupDevice {
        cgroup: "/a".to_owned(),
        file: "io.max".to_owned(),
        device: iocontend_core::ids::Dev { major: 8, minor: 0 },
        value: value.to_owned(),
    };
    for (change, words) in [
        (lease::cgroup("/a", "memory.high", "0"), "below the floor of 16777216"),
        (lease::cgroup("/a", "io.prio.class", "promote-to-rt"), "real-time"),
        (io_max("wbps=1"), "below the floor of 100000"),
        (io_max("riops=1"), "below the floor of 12"),
    ] {
        tree.put("advice.json", &lease::advice(vec![change], &[]).unwrap());
        for dry in [&["apply", "--dry-run"][..], &["apply", "--yes", "--leave"]] {
            let refused = tree.run(dry).ended(1);
            assert!(refused.stderr.contains(words), "{words}: {refused:?}");
        }
    }
    assert_eq!(tree.value(), "max");
    assert!(!tree.path("state").exists());
}
