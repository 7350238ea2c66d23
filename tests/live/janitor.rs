//! What tests leave when they are killed.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use iocontend_tests::process::{run, until, wait_for};

const JANITOR: &str = env!("CARGO_BIN_EXE_janitor");
/// Far above what it takes.
const LIMIT: Duration = Duration::from_secs(60);

fn is_mounted(path: &Path) -> Result<bool> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    Ok(mounts.lines().any(|line| line.split(' ').nth(1) == path.to_str()))
}

// Property: when nobody can talk to it any more, the janitor removes the mounts, loop devices, traces and processes that it was told of and
// that are still there, those in use too; it says what it removed, and nothing of what was gone.
#[test]
#[ignore = "needs root and this kernel"]
fn a_janitor_removes_what_is_left_and_says_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let [memory, mount, gone] = ["memory", "mount", "gone"].map(|name| folder.path().join(name));
    for path in [&memory, &mount, &gone] {
        fs::create_dir(path)?;
    }
    let file = memory.join("disk");
    let text = |path: &Path| path.display().to_string();
    let mut janitor = Command::new(JANITOR).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut orders = janitor.stdin.take().context("no stdin")?;
    let mut ended = Command::new("true").spawn()?;
    for line in [
        format!("mount {}", text(&memory)),
        format!("loop {}", text(&file)),
        format!("mount {}", text(&mount)),
        format!("mount {}", text(&gone)),
        format!("loop {}", text(&gone.join("no"))),
        format!("process {}", ended.id()),
    ] {
        writeln!(orders, "{line}")?;
    }
    let trace = Path::new("/sys/kernel/tracing/instances/iocontend-test-janitor");
    writeln!(orders, "trace {}", text(trace))?;
    fs::create_dir(trace)?;
    run("mount", &["-t", "tmpfs", "iocontend-test", &text(&memory)])?;
    fs::File::create(&file)?.set_len(64 << 20)?;
    let device = run("losetup", &["--find", "--show", &text(&file)])?;
    run("mkfs.ext4", &["-q", device.trim()])?;
    run("mount", &[device.trim(), &text(&mount)])?;
    let mut left = Command::new("sleep").arg("600").spawn()?;
    writeln!(orders, "process {}", left.id())?;
    // Nobody told of this one, and its working folder is there.
    let mut user = Command::new("sleep").arg("600").current_dir(&mount).spawn()?;
    ended.wait()?;

    drop(orders);
    let output = janitor.wait_with_output();
    // For it the kernel had to keep both file systems, out of sight.
    user.kill()?;
    user.wait()?;
    let output = output?;
    let said = String::from_utf8(output.stderr)?;
    println!("{said}");
    assert!(output.status.success(), "{said}");
    assert_eq!(wait_for(&mut left, LIMIT)?.signal(), Some(9));
    assert!(!is_mounted(&mount)? && !is_mounted(&memory)?, "{said}");
    let backing = format!("/sys/block/{}/loop", device.trim().trim_start_matches("/dev/"));
    until("the loop device's end", LIMIT, || Ok((!Path::new(&backing).exists()).then_some(())))?;
    assert_eq!(said.lines().filter(|line| line.contains("removed: ")).count(), 5, "{said}");
    assert_eq!(said.lines().count(), 5, "{said}");
    assert!(!trace.exists(), "{said}");
    assert!(!said.contains(&text(&gone)), "{said}");
    Ok(())
}
