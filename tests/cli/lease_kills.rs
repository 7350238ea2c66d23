//! `apply`, `apply --leave` and the guardians of a lease killed at random moments: every value is restored by whoever is left, in the
//! lease's time, or is told by the next run. On plain files that stand in for cgroups.
//!
//! `IOCONTEND_KILLS` says how many (300 by hand), `IOCONTEND_SEED` repeats what is drawn; moments also depend on the machine.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use iocontend_tests::lease::{guardians, send};
use iocontend_tests::process::{until, wait_for};
use rustix::process::Signal;

use super::lease_faults::{PRIOR, SETTINGS, Tree, seed, usual};

/// Kills in a usual run.
const KILLS: usize = 40;
/// At a time: most of a kill is waiting for the end of its lease.
const AT_ONCE: usize = 4;
const LEASE: Duration = Duration::from_secs(2);
/// For a run to start on a busy machine: not what is tested.
const STARTS: Duration = Duration::from_secs(60);
/// How late a lease may end.
const LATE: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    /// While it applies or stays.
    Apply,
    /// While it applies or leaves.
    Leaving,
    /// One of two that keep a lease that was left.
    Guardian,
    /// The guardian of a run that stays; and the run a moment later.
    GuardianThenApply,
    /// Both guardians of a lease at once: nobody is left who could end it.
    BothGuardians,
}

const VICTIMS: [Victim; 5] = [
    Victim::Apply,
    Victim::Leaving,
    Victim::Guardian,
    Victim::GuardianThenApply,
    Victim::BothGuardians,
];

/// How a kill came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Nothing had been changed yet.
    Untouched,
    /// All values were the prior ones, before or at the lease's end.
    RestoredByItself,
    /// `undo` told of it, and restored.
    RestoredByTheNextRun,
}

fn start(tree: &Tree, words: &[&str]) -> Child {
    let mut command = tree.command(words);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn is_restored(tree: &Tree) -> bool {
    tree.values().values().all(|value| value == PRIOR)
}

/// Waits until a lease is wholly applied.
fn applied(tree: &Tree) {
    let all = || Ok((tree.applied() == SETTINGS).then_some(()));
    until("all settings", STARTS, all).unwrap();
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn kill_all(pids: &[u32]) {
    for pid in pids {
        send(*pid, Signal::KILL).unwrap();
    }
}

/// One kill. Gives how it came out, and how late the lease ended when its time ended it.
fn one(tree: &Tree, victim: Victim, usual: Duration, rng: &mut Rng) -> (Outcome, Option<Duration>) {
    tree.reset();
    let state = &tree.leases.state;
    let begin = Instant::now();
    let pause = |length: Duration| thread::sleep(length);
    // When it is over at the latest, and whether its time alone ends it.
    let mut end = begin;
    let mut by_time = false;
    match victim {
        Victim::Apply => {
            let mut run = start(tree, &["apply", "--yes", "--lease", "2s"]);
            pause(usual.mul_f64(0.2 + 1.8 * rng.f64()));
            kill(&mut run);
            end = Instant::now();
        }
        Victim::Leaving => {
            let mut run = start(tree, &["apply", "--yes", "--leave", "--lease", "2s"]);
            pause(usual.mul_f64(0.2 + 1.2 * rng.f64()));
            kill(&mut run);
            end = Instant::now() + LEASE;
        }
        Victim::Guardian | Victim::BothGuardians => {
            let mut run = start(tree, &["apply", "--yes", "--leave", "--lease", "2s"]);
            assert!(wait_for(&mut run, STARTS).unwrap().success());
            end = Instant::now() + LEASE;
            pause(Duration::from_secs(1).mul_f64(rng.f64()));
            let all = guardians(state).unwrap();
            if victim == Victim::Guardian {
                by_time = true;
                let at = rng.usize(..all.len().max(1));
                kill_all(all.get(at..=at).unwrap_or_default());
            } else {
                kill_all(&all);
            }
        }
        Victim::GuardianThenApply => {
            let mut run = start(tree, &["apply", "--yes", "--lease", "2s"]);
            applied(tree);
            pause(Duration::from_millis(500).mul_f64(rng.f64()));
            let all = guardians(state).unwrap();
            kill_all(&all);
            pause(Duration::from_millis(60).mul_f64(rng.f64()));
            kill(&mut run);
            end = end.max(Instant::now());
        }
    }
    let was_touched = !is_restored(tree) || !tree.leases.ids().unwrap().is_empty();
    let deadline = end + LATE;
    while !is_restored(tree) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    let over = Instant::now();
    let what = format!("{victim:?}");
    if is_restored(tree) {
        if by_time {
            assert!(over >= begin + LEASE, "{what}: ended early, after {:?}", over - begin);
        }
        let late = by_time.then(|| over.saturating_duration_since(end));
        let outcome = if was_touched { Outcome::RestoredByItself } else { Outcome::Untouched };
        return (outcome, late);
    }
    // A file that was cut off and not written is none of the kernel's: plain files alone have that moment.
    let is_cut_off = tree.values().values().any(String::is_empty);
    let status = tree.run(&["status"]);
    assert!(status.out.contains("iocontend undo"), "{what}: not told: {status:?}");
    let may_be_alone = matches!(victim, Victim::BothGuardians | Victim::GuardianThenApply);
    assert!(may_be_alone || is_cut_off, "{what}: not restored by itself: {status:?}");
    let undo = tree.run(&["undo"]);
    tree.is_restored_or_reported(&undo.said, &what);
    (Outcome::RestoredByTheNextRun, None)
}

// Property: whoever is killed when, every value is restored in the lease's time or told.
#[test]
fn whoever_is_killed_every_value_is_restored_or_told() {
    let kills = std::env::var("IOCONTEND_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let seed = seed();
    println!("seed {seed}");
    let begin = Instant::now();
    let results = Mutex::new(BTreeMap::<(Victim, Outcome), usize>::new());
    let lates = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for worker in 0..AT_ONCE {
            let (results, lates) = (&results, &lates);
            scope.spawn(move || {
                let mut rng = Rng::with_seed(seed.wrapping_add(worker as u64));
                let tree = Tree::new();
                let usual = usual(&tree, &["apply", "--yes", "--leave"], |_| {});
                for number in (worker..kills).step_by(AT_ONCE) {
                    let victim = VICTIMS[number / AT_ONCE % VICTIMS.len()];
                    let (outcome, late) = one(&tree, victim, usual, &mut rng);
                    *results.lock().unwrap().entry((victim, outcome)).or_default() += 1;
                    lates.lock().unwrap().extend(late);
                }
            });
        }
    });
    let results = results.into_inner().unwrap();
    let lates = lates.into_inner().unwrap();
    println!("{results:?} in {:?}", begin.elapsed());
    println!("of {} that ended by time the latest came {:?} late", lates.len(), lates.iter().max());
    assert_eq!(results.values().sum::<usize>(), kills);
    let by_itself = |(key, count): (&(Victim, Outcome), &usize)| {
        if key.1 == Outcome::RestoredByItself { *count } else { 0 }
    };
    assert!(results.iter().map(by_itself).sum::<usize>() > kills / 2, "{results:?}");
}
