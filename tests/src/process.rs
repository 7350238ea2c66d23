//! Runs and waits for other programs: with deadlines, and with what they said when they fail.

use std::fs;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Between two looks at a condition.
pub const LOOK: Duration = Duration::from_millis(10);

/// No program that is run to its end, and none that was killed, takes longer.
const END_LIMIT: Duration = Duration::from_secs(300);

/// Runs a program to its end; gives its stdout, or fails with its stderr, or with where it is stuck.
pub fn run(program: &str, args: &[&str]) -> Result<String> {
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {program}"))?;
    let pid = child.id();
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(child.wait_with_output()));
    let output = end
        .recv_timeout(END_LIMIT)
        .with_context(|| format!("{program} {}: not over: {}", args.join(" "), stands(pid)))??;
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
    let pid = child.id();
    let ended = until("the end of a process", limit, || Ok(child.try_wait()?));
    ended.with_context(|| stands(pid))
}

/// Kills a process of ours and waits for its end: one that waits in the kernel does not end, and is complained of.
pub fn kill(child: &mut Child) {
    // It may be over already.
    drop(child.kill());
    complain(wait_for(child, END_LIMIT));
}

/// Where the threads of a process stand in the kernel, as far as one may know.
fn stands(pid: u32) -> String {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of_thread = |thread: fs::DirEntry| {
        let text = |name| fs::read_to_string(thread.path().join(name)).unwrap_or_default();
        format!("\n{}: {}\n{}", thread.path().display(), text("wchan"), text("stack"))
    };
    format!("process {pid}{}", threads.map(of_thread).collect::<String>())
}

/// In a drop nothing can be returned, and a second panic would hide the first.
#[expect(clippy::print_stderr, reason = "the only way to say it from a drop")]
pub(crate) fn complain<T>(result: Result<T>) {
    if let Err(error) = result {
        eprintln!("cannot clean up: {error:#}");
    }
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
