//! `apply --verify` with probes of the real kernel, where what it changes is a plain file that stands in for a cgroup's; and what the
//! kernel makes of values, on a loop device of its own.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use iocontend_core::change::Change;
use iocontend_tests::binary;
use iocontend_tests::lease::{Leases, cgroup};
use iocontend_tests::loopdev::{LoopDevice, Tmpfs};
use iocontend_tests::process::until;
use rustix::process::Signal;

/// Taking the probes out takes 0.6 s at least where this was written (what is printed below says it); without that it is milliseconds.
const AT_ONCE: Duration = Duration::from_millis(500);
const BEFORE: &str = "max\n";

/// A root with one file that stands in for a cgroup's limit, and advice to change it.
struct Stand {
    leases: Leases,
    root: String,
    /// The target: the test itself.
    pid: String,
    limit: std::path::PathBuf,
    _folder: tempfile::TempDir,
}

impl Stand {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().join("root");
        let limit = root.join("cgroup/a/memory.high");
        let mounts = format!("1 0 0:9 / {} rw - cgroup2 none rw\n", root.join("cgroup").display());
        let files = [
            (root.join("proc/self/mountinfo"), mounts.as_str()),
            (root.join("proc/sys/kernel/random/boot_id"), "b007\n"),
            (limit.clone(), BEFORE),
        ];
        for (path, text) in files {
            fs::create_dir_all(path.parent().context("a file of the root")?)?;
            fs::write(path, text)?;
        }
        let leases = Leases::new(binary::path()?, folder.path());
        leases.advise(vec![cgroup("/a", "memory.high", "16777216")], &[])?;
        let (root, pid) = (root.display().to_string(), std::process::id().to_string());
        Ok(Self { leases, root, pid, limit, _folder: folder })
    }

    /// The words of a run that verifies, with windows of this length.
    fn verify<'a>(&'a self, window: &'a str) -> Vec<&'a str> {
        let words = ["apply", "--yes", "--verify", "--window", window];
        words.into_iter().chain(["--pid", &self.pid, "--root", &self.root]).collect()
    }

    fn value(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.limit)?.trim().to_owned())
    }
}

/// What is changed is back, and that it is back is said, before the probes are taken out.
#[test]
#[ignore = "needs root and this kernel"]
fn a_signal_takes_the_change_back_at_once() -> Result<()> {
    let host = Stand::new()?;
    let mut run = host.leases.start(&host.verify("20s"))?;
    run.wait_for("with the change")?;
    assert_eq!(host.value()?, "16777216");
    let begin = Instant::now();
    run.signal(Signal::INT)?;
    until("the value from before", AT_ONCE, || Ok((host.value()? == BEFORE.trim()).then_some(())))?;
    let back_after = begin.elapsed();
    run.wait_for("is taken back")?;
    let said_after = begin.elapsed();
    run.finish()?.ended(1)?;
    println!(
        "back after {back_after:?}, said after {said_after:?}, over after {:?}",
        begin.elapsed()
    );
    assert!(said_after < AT_ONCE, "{said_after:?}");
    Ok(())
}

/// What the kernel rounds is ours: it is said, and taken back, also by the guardian of a run that was killed.
#[test]
#[ignore = "needs root and this kernel"]
fn what_the_kernel_rounds_is_taken_back() -> Result<()> {
    let memory = Tmpfs::new(64 << 20)?;
    let disk = LoopDevice::new(&memory.path().join("disk"), 32 << 20)?;
    let queue = std::path::Path::new("/sys/block").join(disk.name()).join("queue");
    let read = || -> Result<Vec<String>> {
        let names = ["read_ahead_kb", "nr_requests"];
        let texts = names.iter().map(|name| fs::read_to_string(queue.join(name)));
        Ok(texts.map(|text| text.map(|text| text.trim().to_owned())).collect::<Result<_, _>>()?)
    };
    let change = |file: &str, value: &str| Change::Queue {
        device: disk.name().to_owned(),
        file: file.to_owned(),
        value: value.to_owned(),
    };
    // 128 by default, which is what the kernel makes of 130.
    fs::write(queue.join("read_ahead_kb"), "64")?;
    let before = read()?;
    let folder = tempfile::tempdir()?;
    let leases = Leases::new(binary::path()?, folder.path());
    leases.advise(vec![change("read_ahead_kb", "130"), change("nr_requests", "1")], &[])?;
    leases.apply()?;
    assert_eq!(read()?, ["128", "4"]);
    leases.run(&["undo"])?.ended(0)?;
    assert_eq!(read()?, before);

    let mut run = leases.start(&["apply", "--yes"])?;
    run.wait_for("applied as lease")?;
    assert_eq!(read()?, ["128", "4"]);
    run.kill()?;
    until("the values from before", Duration::from_secs(5), || {
        Ok((read()? == before).then_some(()))
    })?;
    Ok(())
}

/// Runs at a time: each looks for 20 s before its change.
const SIDE_BY_SIDE: usize = 4;

/// One run that is killed. Gives whether its change was there, and how long it then took to be back.
fn killed(kill: usize) -> Result<(bool, Duration)> {
    let host = Stand::new()?;
    let mut run = host.leases.start(&host.verify("20s"))?;
    // Every second one surely with the change; the others anywhere from the start on.
    if kill.is_multiple_of(2) {
        run.wait_for("with the change")?;
        std::thread::sleep(Duration::from_millis(fastrand::u64(..5_000)));
    } else {
        std::thread::sleep(Duration::from_millis(fastrand::u64(..45_000)));
    }
    let was_changed = host.value()? != BEFORE.trim();
    let begin = Instant::now();
    run.kill()?;
    until("the value from before", Duration::from_secs(2), || {
        Ok((host.value()? == BEFORE.trim()).then_some(()))
    })?;
    Ok((was_changed, begin.elapsed()))
}

/// Whenever a run is killed that verifies, before, with or after its change, what it had changed is back within two seconds.
/// `IOCONTEND_KILLS` says how many runs (60 by hand).
#[test]
#[ignore = "needs root and this kernel"]
fn a_run_that_is_killed_while_it_verifies_is_taken_back() -> Result<()> {
    let kills = std::env::var("IOCONTEND_KILLS").map_or(Ok(4), |text| text.parse::<usize>())?;
    let results = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..SIDE_BY_SIDE.min(kills))
            .map(|first| {
                scope.spawn(move || {
                    (first..kills).step_by(SIDE_BY_SIDE).map(killed).collect::<Vec<_>>()
                })
            })
            .collect();
        let results = workers.into_iter().map(|worker| worker.join().unwrap_or_default());
        results.flatten().collect::<Result<Vec<_>>>()
    })?;
    let with_change = results.iter().filter(|(was_changed, _)| *was_changed).count();
    let longest = results.iter().map(|(_, back_after)| *back_after).max();
    println!("{kills} kills, {with_change} with the change, the longest back after {longest:?}");
    assert_eq!(results.len(), kills);
    assert!(with_change >= kills / 2, "{with_change} of {kills} with the change");
    Ok(())
}
