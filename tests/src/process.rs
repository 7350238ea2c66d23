//! Runs and waits for other programs: with deadlines, and with what they said when they fail.

use std::fs;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Between two looks at a condition.
pub const LOOK: Duration = Duration::from_millis(10);

/// Runs a program to its end; gives its stdout, or fails with its stderr.
pub fn run(program: &str, args: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{program} {}: {}: {said}", args.join(" "), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Looks again and again until there is something.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() >= end {
            bail!("not within {limit:?}: {what}");
        }
        thread::sleep(LOOK);
    }
}

/// Waits for a process of ours to end.
pub fn wait_for(child: &mut Child, limit: Duration) -> Result<ExitStatus> {
    until("the end of a process", limit, || Ok(child.try_wait()?))
}

/// CPU time of a process so far, user and system.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc/PID/stat")?;
    let ticks = |index: usize| -> Result<u64> {
        // Fields are counted from 1 in proc(5); the third is the first behind the name.
        Ok(fields.split_whitespace().nth(index - 3).context("too few fields")?.parse()?)
    };
    // USER_HZ is 100.
    Ok(Duration::from_millis(10 * (ticks(14)? + ticks(15)?)))
}

/// The most memory a process ever had resident, bytes.
pub fn peak_memory(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib << 10)
}
