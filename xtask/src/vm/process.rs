//! Owns the end of a VM that takes too long: its processes, and no others.
use std::collections::BTreeMap;
use std::process::Child;
use std::time::Duration;

use anyhow::{Context as _, Result};
use procfs::process::{Process, Stat};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

/// Kills what was started and everything it started, and nothing else. The VM stays in the
/// terminal's process group, so that Ctrl-C ends it as well.
pub(super) fn kill_tree(child: &mut Child) -> Result<()> {
    // Parents first: none of them can start another one.
    for pid in
        tree(child.id()).into_iter().filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
    {
        match kill_process(pid, Signal::KILL) {
            // One that has just ended by itself is fine.
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => eprintln!("cannot kill process {}: {error}", pid.as_raw_nonzero()),
        }
    }
    child.wait().map(drop).context("waiting for the killed VM")
}

/// What the threads of a process and of everything it started are doing, a line for each: state (proc(5)), where it waits in the
/// kernel, and ticks of CPU time, user and system, in a second. Of an emulator: whether it waits for the host, for itself, or runs.
pub(super) fn doings(pid: u32) -> String {
    let threads = || tree(pid).into_iter().flat_map(threads).collect::<BTreeMap<_, _>>();
    let before = threads();
    std::thread::sleep(Duration::from_secs(1));
    let line = |(tid, now): (i32, Stat)| {
        let then = before.get(&tid).map_or((0, 0), |then| (then.utime, then.stime));
        let user = now.utime.saturating_sub(then.0);
        let system = now.stime.saturating_sub(then.1);
        // Every thread has a number of its own in /proc, too.
        let wchan = Process::new(tid).and_then(|thread| thread.wchan());
        let wchan = wchan.unwrap_or_else(|_unknown| "?".to_owned());
        format!("{} {} {wchan} user {user} system {system}\n", now.comm, now.state)
    };
    threads().into_iter().map(line).collect()
}

/// A process and everything it started, parents first.
fn tree(pid: u32) -> Vec<u32> {
    let mut tree = vec![pid];
    let mut next = 0;
    while let Some(&parent) = tree.get(next) {
        tree.extend(children(parent));
        next += 1;
    }
    tree
}

fn threads(pid: u32) -> Vec<(i32, Stat)> {
    let tasks = process(pid).and_then(|process| process.tasks().ok());
    tasks
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|task| Some((task.tid, task.stat().ok()?)))
        .collect()
}

fn process(pid: u32) -> Option<Process> {
    Process::new(i32::try_from(pid).ok()?).ok()
}

fn children(parent: u32) -> Vec<u32> {
    let stats = procfs::process::all_processes().into_iter().flatten().flatten();
    stats
        .filter_map(|process| process.stat().ok())
        .filter(|stat| u32::try_from(stat.ppid) == Ok(parent))
        .filter_map(|stat| u32::try_from(stat.pid).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;

    fn shell(script: &str) -> Child {
        Command::new("sh").args(["-c", script]).spawn().unwrap()
    }

    /// What a shell started, when it has begun to sleep.
    fn sleeper_of(shell: &Child) -> u32 {
        let deadline = Instant::now() + Duration::from_secs(10);
        let is_sleep = |pid: &u32| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n")
        };
        loop {
            if let Some(sleeper) = children(shell.id()).into_iter().find(is_sleep) {
                return sleeper;
            }
            assert!(Instant::now() < deadline, "the shell started nothing");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    // Property: who runs has ticks, who waits has none, in what a process started too.
    #[test]
    fn who_runs_is_told_from_who_waits() {
        let mut child = shell("sleep 1000 & while :; do :; done");
        sleeper_of(&child);
        let said = doings(child.id());
        kill_tree(&mut child).unwrap();
        let line = |name: &str| said.lines().find(|line| line.starts_with(name));
        assert!(line("sh ").is_some_and(|line| !line.contains("user 0 ")), "{said}");
        let waits = |line: &str| line.contains(" S ") && line.ends_with("user 0 system 0");
        assert!(line("sleep ").is_some_and(waits), "{said}");
    }

    #[test]
    fn the_whole_tree_is_killed() {
        let mut child = shell("sleep 1000 & wait");
        let grandchild = sleeper_of(&child);
        let deadline = Instant::now() + Duration::from_secs(10);
        kill_tree(&mut child).unwrap();
        let gone = |pid: u32| {
            std::fs::read_to_string(format!("/proc/{pid}/stat"))
                .map_or(true, |stat| stat.contains(") Z "))
        };
        while !gone(grandchild) {
            assert!(Instant::now() < deadline, "the grandchild lives");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
