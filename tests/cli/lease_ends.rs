//! A lease ends by itself, whoever is killed and whatever becomes of its folder; and what is told meanwhile.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use iocontend_tests::lease::{end_guardians, guardians, send};
use iocontend_tests::process::until;
use rustix::process::Signal;

use super::lease::Tree;
use super::lease_faults::{self as many, PRIOR, SETTINGS, apply_all};

/// How late the end of a lease may be.
const LATE: Duration = Duration::from_secs(2);
const WANTED: &str = "16777216";

/// Waits until the value is the prior one.
fn restored(tree: &Tree, limit: Duration) {
    until("the prior value", limit, || Ok((tree.value() == "max").then_some(()))).unwrap();
}

/// Guardians, when there are this many.
fn so_many(state: &Path, count: usize) -> Vec<u32> {
    let look = || Ok(Some(guardians(state)?).filter(|found| found.len() == count));
    until(&format!("{count} guardians"), Duration::from_secs(10), look).unwrap()
}

fn none_stays(tree: &Tree) {
    so_many(&tree.path("state"), 0);
    assert!(tree.leases().ids().unwrap().is_empty());
}

// Property: a lease that was left ends in its time, not earlier and at most two seconds later, and its guardians with it.
#[test]
fn a_lease_that_was_left_ends_by_itself() {
    let tree = Tree::new();
    let begin = Instant::now();
    tree.run(&["apply", "--yes", "--leave", "--lease", "1s"]).ended(0);
    let left = Instant::now();
    restored(&tree, Duration::from_secs(1) + LATE);
    let (since_begin, since_left) = (begin.elapsed(), left.elapsed());
    println!("restored {since_begin:?} after the start, {since_left:?} after the end of apply");
    assert!(since_begin >= Duration::from_secs(1), "{since_begin:?}");
    none_stays(&tree);
}

// Property: what a run that is killed had applied is taken back at once.
#[test]
fn a_killed_run_is_taken_back_at_once() {
    let tree = Tree::new();
    let run = tree.stay();
    assert_eq!((tree.value().as_str(), so_many(&tree.path("state"), 1).len()), (WANTED, 1));
    run.kill().unwrap();
    restored(&tree, LATE);
    none_stays(&tree);
}

// Property: a guardian that is killed is replaced: by the run that stays, which says so, and by the other one of a pair.
#[test]
fn a_killed_guardian_is_replaced() {
    let tree = Tree::new();
    let state = tree.path("state");
    let mut run = tree.stay();
    let first = so_many(&state, 1);
    send(first[0], Signal::KILL).unwrap();
    run.wait_for("was killed; there is another one").unwrap();
    assert_ne!(so_many(&state, 1), first);
    run.kill().unwrap();
    restored(&tree, LATE);
    none_stays(&tree);

    tree.run(&["apply", "--yes", "--leave", "--lease", "1h"]).ended(0);
    for round in 0..4 {
        let pair = so_many(&state, 2);
        send(pair[round % 2], Signal::KILL).unwrap();
        let is_new = || Ok(Some(guardians(&state)?).filter(|now| now.len() == 2 && *now != pair));
        until("two again", Duration::from_secs(10), is_new).unwrap();
    }
    assert_eq!(tree.value(), WANTED);
    tree.run(&["undo"]).ended(0);
    none_stays(&tree);
}

// Property: a guardian ignores a terminal that is closed, takes the lease back when it is asked to end, and holds no file or pipe of who
// started it.
#[test]
fn a_guardian_stands_alone() {
    let tree = Tree::new();
    let state = tree.path("state");
    // `run` reads to the end of its pipes: a guardian that had them would keep it here for an hour.
    tree.run(&["apply", "--yes", "--leave", "--lease", "1h"]).ended(0);
    let pair = so_many(&state, 2);
    for pid in &pair {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let session = stat.rsplit(") ").next().unwrap().split(' ').nth(3).unwrap();
        assert_eq!(session, pid.to_string(), "{stat}");
        assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), Path::new("/"));
        send(*pid, Signal::HUP).unwrap();
        send(*pid, Signal::INT).unwrap();
    }
    assert_eq!((so_many(&state, 2), tree.value().as_str()), (pair.clone(), WANTED));
    send(pair[0], Signal::TERM).unwrap();
    restored(&tree, LATE);
    none_stays(&tree);
}

// Property: `status` says what is in force, until when and by whom it ends, and changes nothing, also of a lease that nobody keeps any
// more; `undo` restores that.
#[test]
fn status_changes_nothing() {
    let tree = Tree::new();
    let run = tree.stay();
    let shown = tree.run(&["status"]).ended(0);
    assert!(shown.stdout.contains("reverts by itself at"), "{shown:?}");
    run.kill_with_guardians(&tree.path("state")).unwrap();
    let files = || {
        let names = fs::read_dir(tree.path("state")).unwrap().map(|entry| entry.unwrap().path());
        let mut all: Vec<_> = names.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        all.sort();
        all
    };
    let before = files();
    let id = tree.leases().ids().unwrap().remove(0);
    let shown = tree.run(&["status"]).ended(0);
    let words = format!("its process ended without taking it back; `sudo iocontend undo {id}`");
    assert!(shown.stdout.contains(&words), "{shown:?}");
    assert!(shown.stdout.contains("max to 16777216") && !shown.stdout.contains("not in force"));
    assert_eq!((files(), tree.value().as_str()), (before, WANTED));
    let json: serde_json::Value =
        serde_json::from_str(&tree.run(&["status", "--json"]).ended(0).stdout).unwrap();
    let lease = &json["leases"][0];
    assert_eq!((&lease["due"], &lease["kept_by"]), (&"interrupted".into(), &().into()));
    tree.run(&["undo"]).ended(0);
    assert_eq!(tree.value(), "max");
}

// Property: a folder that can only be read, or is gone, keeps nobody from restoring; that the record stays is told.
#[test]
fn a_folder_that_cannot_be_written_is_no_obstacle() {
    let tree = many::Tree::new();
    let state = tree.leases.state.clone();
    let is_restored = || tree.values().values().all(|value| value == PRIOR);
    let read_only = |mode: u32| fs::set_permissions(&state, Permissions::from_mode(mode)).unwrap();
    tree.reset();
    apply_all(&tree);
    read_only(0o500);
    let undo = tree.run(&["undo"]).ended(0).unwrap();
    undo.said("could not be removed").unwrap();
    assert!(is_restored());
    read_only(0o700);

    for vanishes in [false, true] {
        tree.reset();
        let begin = Instant::now();
        tree.run(&["apply", "--yes", "--leave", "--lease", "2s"]).ended(0).unwrap();
        assert_eq!(tree.applied(), SETTINGS);
        let left = begin.elapsed();
        if vanishes {
            fs::remove_dir_all(&state).unwrap();
        } else {
            read_only(0o500);
        }
        let limit = left + Duration::from_secs(2) + LATE;
        until("the prior values", limit, || Ok(is_restored().then_some(()))).unwrap();
        let gone = || Ok(guardians(&state)?.is_empty().then_some(()));
        until("the end of the guardians", Duration::from_secs(10), gone).unwrap();
        if !vanishes {
            read_only(0o700);
        }
    }
}

// Property: a record that is lost or garbled while a run stays is told, and the run fails after it has restored what it knew; without a run
// its guardians restore.
#[test]
fn a_lost_record_is_restored_from_memory() {
    type Lose = (&'static str, fn(&Path));
    let lose: [Lose; 5] = [
        ("removed", |record| fs::remove_file(record).unwrap()),
        ("cut off", |record| fs::File::create(record).map(drop).unwrap()),
        ("garbled", |record| fs::write(record, "{\"schema\": 1").unwrap()),
        ("another's", |record| {
            let text = fs::read_to_string(record).unwrap();
            fs::write(record, text.replace("\"id\": \"", "\"id\": \"0")).unwrap();
        }),
        ("in a folder that was moved away", |record| {
            let folder = record.parent().unwrap();
            fs::rename(folder, folder.with_file_name(record.file_stem().unwrap())).unwrap();
        }),
    ];
    for (how, lose) in lose {
        let tree = Tree::new();
        let record = || {
            let id = tree.leases().ids().unwrap().remove(0);
            tree.path(&format!("state/{id}.json"))
        };
        let run = tree.stay();
        lose(&record());
        let run = run.finish().unwrap().ended(1).unwrap();
        assert!(run.said.contains("is lost"), "{how}: {run:?}");
        assert_eq!(tree.value(), "max", "{how}");
        none_stays(&tree);

        tree.run(&["apply", "--yes", "--leave", "--lease", "1h"]).ended(0);
        lose(&record());
        restored(&tree, LATE);
        none_stays(&tree);
    }
}

// Property: a signal that comes to a run that leaves ends in a lease that is taken back, or in one that is kept: never in neither.
#[test]
fn a_signal_never_leaves_a_setting_without_somebody() {
    let tree = Tree::new();
    let begin = Instant::now();
    tree.run(&["apply", "--yes", "--leave", "--lease", "1h"]).ended(0);
    let usual = begin.elapsed();
    tree.run(&["undo"]).ended(0);
    for step in 0..12_u32 {
        let mut run = tree.leases().command(&["apply", "--yes", "--leave", "--lease", "1h"]);
        let mut run = run.arg("--root").arg(tree.path("")).spawn().unwrap();
        // The moment is the fault; nothing is waited for.
        std::thread::sleep(usual * (step + 3) / 12);
        send(run.id(), [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT][step as usize % 4])
            .unwrap();
        run.wait().unwrap();
        // A plain file stands for the kernel's, which takes a value whole or not at all: this one may be cut off in between.
        if tree.value().is_empty() {
            tree.replace("cgroup/a/memory.high", "max\n");
        }
        let is_kept = || Ok((guardians(&tree.path("state"))?.len() == 2).then_some(()));
        let is_settled = || if tree.value() == "max" { Ok(Some(())) } else { is_kept() };
        until("restored or kept", LATE, is_settled).unwrap();
        tree.run(&["undo"]).ended(0);
        assert_eq!(tree.value(), "max");
    }
    end_guardians(&tree.path("state")).unwrap();
}
