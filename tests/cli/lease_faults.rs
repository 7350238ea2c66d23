//! A hundred faults, drawn at random: processes killed at any moment, cgroups that vanish, values that others write, files that
//! cannot be written, a record that cannot be stored. On plain files that stand in for cgroups.
//!
//! The seed is printed, and `IOCONTEND_SEED` repeats it; moments of kills also depend on the machine.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fastrand::Rng;
use iocontend_tests::lease::{Leases, Run, cgroup, end_guardians};

use super::binary::{NOBODY, path};

/// Settings of one lease: enough that most of a run is spent on them.
pub(super) const SETTINGS: usize = 40;
pub(super) const PRIOR: &str = "max";
pub(super) const WANTED: &str = "16777216";
const FOREIGN: &str = "4096";
/// All of them together.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    KilledInApply,
    KilledInUndo,
    Vanished,
    ChangedByAnother,
    NotWritable,
    NoRoomForTheRecord,
}

/// How often each is injected: a hundred in all.
const FAULTS: [(Fault, usize); 6] = [
    (Fault::KilledInApply, 36),
    (Fault::KilledInUndo, 30),
    (Fault::Vanished, 9),
    (Fault::ChangedByAnother, 9),
    (Fault::NotWritable, 8),
    (Fault::NoRoomForTheRecord, 8),
];

/// A tree that stands in for the host, whose programs have no rights: files can be made unwritable for them.
pub(super) struct Tree {
    folder: tempfile::TempDir,
    pub(super) leases: Leases,
    is_root: bool,
}

impl Drop for Tree {
    fn drop(&mut self) {
        drop(end_guardians(&self.leases.state));
    }
}

impl Tree {
    pub(super) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        // Where syncing is cheap, a hundred faults take seconds.
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.unwrap();
        let program = folder.path().join("iocontend");
        fs::copy(path(), &program).unwrap();
        let leases = Leases::new(&program, folder.path());
        let tree = Self { folder, leases, is_root: rustix::process::geteuid().is_root() };
        let mount = tree.path("cgroup").display().to_string();
        tree.put("proc/self/mountinfo", &format!("1 0 0:9 / {mount} rw - cgroup2 none rw\n"));
        tree.put("proc/sys/kernel/random/boot_id", "b007\n");
        let changes = (0..SETTINGS).map(|n| cgroup(&group(n), "memory.high", "16M")).collect();
        tree.leases.advise(changes, &[]).unwrap();
        tree
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn put(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn file(&self, number: usize) -> PathBuf {
        self.path(&format!("cgroup{}/memory.high", group(number)))
    }

    /// Every value is the prior one, no lease is there, and everything belongs to whom the programs run as.
    pub(super) fn reset(&self) {
        end_guardians(&self.leases.state).unwrap();
        drop(fs::remove_dir_all(self.path("state")));
        for number in 0..SETTINGS {
            fs::create_dir_all(self.file(number).parent().unwrap()).unwrap();
            fs::write(self.file(number), PRIOR).unwrap();
            fs::set_permissions(self.file(number), Permissions::from_mode(0o644)).unwrap();
            self.hand_over(&self.file(number));
        }
        self.hand_over(self.folder.path());
    }

    fn hand_over(&self, path: &Path) {
        if self.is_root {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }

    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.leases.command(words);
        command.arg("--root").arg(self.folder.path());
        if self.is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    pub(super) fn run(&self, words: &[&str]) -> Run {
        Run::of(self.command(words).output().unwrap()).unwrap()
    }

    /// Starts it and kills it at some moment of its usual time.
    fn killed(&self, words: &[&str], usual: Duration, rng: &mut Rng) {
        let begin = Instant::now();
        let mut command = self.command(words);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // A process that has not begun to work is no fault.
        let moment = usual.mul_f64(0.2 + 0.8 * rng.f64());
        // The moment is the fault; nothing is waited for.
        std::thread::sleep(moment.saturating_sub(begin.elapsed()));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Values by number; none where the cgroup is gone.
    pub(super) fn values(&self) -> BTreeMap<usize, String> {
        let value = |n| Some((n, fs::read_to_string(self.file(n)).ok()?.trim().to_owned()));
        (0..SETTINGS).filter_map(value).collect()
    }

    /// How many settings have the wanted value.
    pub(super) fn applied(&self) -> usize {
        self.values().values().filter(|value| *value == WANTED).count()
    }

    /// Every value is the prior one, or what is told about it names the value; and where nothing is told, no lease is left.
    pub(super) fn is_restored_or_reported(&self, told: &str, fault: &str) {
        for (number, value) in self.values() {
            if value == PRIOR {
                continue;
            }
            let name = format!("cgroup {}:", group(number));
            let line = told.lines().find(|line| line.contains(&name));
            // A plain file that was cut off and not written yet, which no file of the kernel is, has no known form.
            let words = if value.is_empty() { "not in a form" } else { &value };
            assert!(
                line.is_some_and(|line| line.contains(words)),
                "{fault}: {} is {value:?}: {told}",
                group(number)
            );
        }
        let is_reported = told.contains("not wholly taken back");
        assert_eq!(self.leases.ids().unwrap().is_empty(), !is_reported, "{fault}: {told}");
    }
}

/// The cgroup of a setting; the name of none begins with another's.
fn group(number: usize) -> String {
    format!("/unit-{number:02}")
}

pub(super) fn seed() -> u64 {
    let given = std::env::var("IOCONTEND_SEED").ok().map(|text| text.parse().unwrap());
    given.unwrap_or_else(|| fastrand::u64(..))
}

/// How long a whole run takes, the shortest of some.
pub(super) fn usual(tree: &Tree, words: &[&str], prepare: impl Fn(&Tree)) -> Duration {
    let one = |_| {
        tree.reset();
        prepare(tree);
        let begin = Instant::now();
        assert_eq!(tree.run(words).code, Some(0));
        begin.elapsed()
    };
    (0..3).map(one).min().unwrap()
}

pub(super) fn apply_all(tree: &Tree) {
    let run = tree.run(&["apply", "--yes", "--leave"]);
    assert_eq!((run.code, tree.applied()), (Some(0), SETTINGS), "{run:?}");
}

/// A few settings.
fn some(rng: &mut Rng) -> Vec<usize> {
    let count = rng.usize(1..6);
    rng.choose_multiple(0..SETTINGS, count)
}

/// Lets a fault happen. Gives whether it met a lease half done.
fn inject(tree: &Tree, fault: Fault, (apply, undo): (Duration, Duration), rng: &mut Rng) -> bool {
    let is_half_done = || (1..SETTINGS).contains(&tree.applied());
    match fault {
        Fault::KilledInApply if rng.bool() => {
            tree.killed(&["apply", "--yes"], apply, rng);
            is_half_done()
        }
        Fault::KilledInApply => {
            tree.killed(&["apply", "--yes", "--leave"], apply, rng);
            is_half_done()
        }
        Fault::KilledInUndo => {
            apply_all(tree);
            tree.killed(&["undo"], undo, rng);
            is_half_done()
        }
        Fault::Vanished => {
            apply_all(tree);
            for number in some(rng) {
                fs::remove_dir_all(tree.file(number).parent().unwrap()).unwrap();
            }
            true
        }
        Fault::ChangedByAnother => {
            apply_all(tree);
            for number in some(rng) {
                fs::write(tree.file(number), FOREIGN).unwrap();
            }
            true
        }
        Fault::NotWritable => {
            let is_before = rng.bool();
            if !is_before {
                apply_all(tree);
            }
            for number in some(rng) {
                fs::set_permissions(tree.file(number), Permissions::from_mode(0o444)).unwrap();
            }
            if is_before {
                let run = tree.run(&["apply", "--yes", "--leave"]);
                assert_eq!((run.code, tree.applied()), (Some(3), 0), "{run:?}");
            }
            true
        }
        Fault::NoRoomForTheRecord => {
            let mut limited = Command::new("sh");
            let script = "ulimit -f 1; exec \"$@\"";
            let command = tree.command(&["apply", "--yes", "--leave"]);
            limited.args(["-c", script, "sh"]).arg(command.get_program()).args(command.get_args());
            if tree.is_root {
                limited.uid(NOBODY).gid(NOBODY);
            }
            let run = Run::of(limited.output().unwrap()).unwrap();
            assert_eq!((run.code, tree.applied()), (Some(1), 0), "{run:?}");
            true
        }
    }
}

// Property: whatever happens to apply and undo, after the next run every value is the prior one or is reported.
#[test]
fn after_a_hundred_faults_values_are_the_prior_ones_or_reported() {
    let seed = seed();
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let tree = Tree::new();
    // The program has been built by now.
    let begin = Instant::now();
    let apply = usual(&tree, &["apply", "--yes", "--leave"], |_| {});
    let undo = usual(&tree, &["undo"], apply_all);
    println!("apply takes {apply:?}, undo {undo:?}");
    let mut faults: Vec<Fault> =
        FAULTS.iter().flat_map(|(fault, times)| std::iter::repeat_n(*fault, *times)).collect();
    rng.shuffle(&mut faults);
    assert_eq!(faults.len(), 100);
    let mut met: BTreeMap<Fault, [usize; 2]> = BTreeMap::new();
    for (number, fault) in faults.into_iter().enumerate() {
        tree.reset();
        let in_the_middle = inject(&tree, fault, (apply, undo), &mut rng);
        met.entry(fault).or_default()[usize::from(in_the_middle)] += 1;
        let told = tree.run(&["undo"]);
        tree.is_restored_or_reported(&told.said, &format!("seed {seed}, fault {number} {fault:?}"));
        assert!(begin.elapsed() < LIMIT, "{number} faults took {:?}", begin.elapsed());
    }
    println!("[whole or nothing, half done]: {met:?} in {:?}", begin.elapsed());
    let half_done = met[&Fault::KilledInApply][1] + met[&Fault::KilledInUndo][1];
    assert!(half_done > 0, "no kill met a lease half done: {met:?}");
}
