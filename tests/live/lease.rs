//! `apply --verify` with probes of the real kernel, where what it changes is a plain file that stands in for a cgroup's.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use iocontend_tests::binary;
use iocontend_tests::lease::{Leases, cgroup};
use iocontend_tests::process::until;
use rustix::process::Signal;

/// Taking the probes out takes 0.6 s at least where this was written (what is printed below says it); without that it is milliseconds.
const AT_ONCE: Duration = Duration::from_millis(500);
const BEFORE: &str = "max\n";

/// What is changed is back, and that it is back is said, before the probes are taken out.
#[test]
#[ignore = "needs root and this kernel"]
fn a_signal_takes_the_change_back_at_once() -> Result<()> {
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
    let words = ["apply", "--yes", "--verify", "--window", "20s", "--pid", &pid, "--root", &root];
    let mut run = leases.start(&words)?;
    run.wait_for("with the change")?;
    assert_eq!(fs::read_to_string(&limit)?.trim(), "16777216");
    let begin = Instant::now();
    run.signal(Signal::INT)?;
    until("the value from before", AT_ONCE, || {
        Ok((fs::read_to_string(&limit)?.trim() == BEFORE.trim()).then_some(()))
    })?;
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
