//! Owns the end of a VM that takes too long: its processes, and no others.
use std::process::Child;

use anyhow::{Context as _, Result};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

/// Kills what was started and everything it started, and nothing else. The VM stays in the
/// terminal's process group, so that Ctrl-C ends it as well.
pub(super) fn kill_tree(child: &mut Child) -> Result<()> {
    let mut tree = vec![child.id()];
    let mut next = 0;
    while let Some(&parent) = tree.get(next) {
        tree.extend(children(parent));
        next += 1;
    }
    // Parents first: none of them can start another one.
    for pid in tree.into_iter().filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
        match kill_process(pid, Signal::KILL) {
            // One that has just ended by itself is fine.
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => eprintln!("cannot kill process {}: {error}", pid.as_raw_nonzero()),
        }
    }
    child.wait().map(drop).context("waiting for the killed VM")
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
    fn the_whole_tree_is_killed() {
        let mut child = Command::new("sh").args(["-c", "sleep 1000 & wait"]).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let grandchild = loop {
            if let Some(&pid) = children(child.id()).first() {
                break pid;
            }
            assert!(Instant::now() < deadline, "the shell started nothing");
            std::thread::sleep(Duration::from_millis(10));
        };
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
