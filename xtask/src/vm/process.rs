//! Owns the end of a VM that takes too long: its processes, and no others.
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use anyhow::{Context as _, Result};
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
    let line = |(path, thread): (PathBuf, Thread)| {
        let since = before.get(&path).map_or(thread.ticks, |then| {
            [0, 1].map(|kind| thread.ticks[kind].saturating_sub(then.ticks[kind]))
        });
        let wchan = std::fs::read_to_string(path.join("wchan")).unwrap_or_default();
        let [user, system] = since;
        format!("{} {} {} user {user} system {system}\n", thread.name, thread.state, wchan.trim())
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

struct Thread {
    name: String,
    state: String,
    ticks: [u64; 2],
}

fn threads(pid: u32) -> Vec<(PathBuf, Thread)> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of_entry = |entry: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        Some((entry.path(), thread_in(&stat)?))
    };
    entries.filter_map(of_entry).collect()
}

/// The second, third, 14th and 15th field of /proc/PID/task/TID/stat.
fn thread_in(stat: &str) -> Option<Thread> {
    let (front, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    Some(Thread {
        name: front.split_once('(')?.1.to_owned(),
        state: (*fields.first()?).to_owned(),
        ticks: [fields.get(11)?.parse().ok()?, fields.get(12)?.parse().ok()?],
    })
}

fn children(parent: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            std::fs::read_to_string(format!("/proc/{pid}/stat"))
                .is_ok_and(|stat| parent_in(&stat) == Some(parent))
        })
        .collect()
}

/// The fourth field of /proc/PID/stat; the second is a name in brackets with anything in it.
fn parent_in(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_hide_the_parent() {
        assert_eq!(parent_in("12 (a) (b c) S 34 12 12"), Some(34));
        assert_eq!(parent_in("nonsense"), None);
    }

    #[test]
    fn a_thread_is_read_behind_its_name() {
        let stat = "12 (a) (b c) S 34 12 12 0 -1 4194560 90 0 0 0 17 4 0 0 20 0 1 0 400";
        let thread = thread_in(stat).unwrap();
        assert_eq!((thread.name.as_str(), thread.state.as_str()), ("a) (b c", "S"));
        assert_eq!(thread.ticks, [17, 4]);
        assert!(thread_in("12 (a) S 34").is_none());
    }

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
