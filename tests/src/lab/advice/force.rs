//! Puts settings in place with the commands that advice gives, reads them back, and takes them back. In the VM only.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use iocontend_core::advice::forms::argv;
use iocontend_core::change::Change;
use iocontend_core::facts::ProcessKey;

use super::case::ETCD;
use super::result::InForce;

const CGROUPS: &str = "/sys/fs/cgroup";

/// Settings in force; taken back when dropped.
#[derive(Default)]
pub struct Forced {
    all: Vec<(InForce, Vec<Vec<String>>)>,
}

impl Forced {
    /// Puts one in place; it stays known even when it fails to show.
    pub fn put(&mut self, change: &Change) -> Result<()> {
        if let Change::IoPriority { process, class, level } = change {
            return self.priority(process.pid, *class, *level);
        }
        let file = file_of(change);
        let before = fs::read_to_string(&file).with_context(|| file.clone())?;
        let back = back(change, &before)?;
        let command = argv::apply(change, None);
        let done = run(&command);
        let after = fs::read_to_string(&file).unwrap_or_default();
        let is_there = shows(change, &after);
        let seen = InForce { command, file, before, after, is_back: false };
        let words = format!("{}: `{}` after the change", seen.file, seen.after.trim());
        self.all.push((seen, back));
        done?;
        ensure!(is_there, "{words}");
        Ok(())
    }

    /// A priority of all threads of a process, which takes it along when it ends.
    fn priority(&mut self, pid: u32, class: u8, level: u8) -> Result<()> {
        let command = argv::priority(pid, class, level);
        let look = || crate::process::run("ionice", &["-p", &pid.to_string()]);
        let before = look()?;
        run(&command)?;
        let after = look()?;
        let name = ["none", "realtime", "best-effort", "idle"][usize::from(class.min(3))];
        ensure!(after.starts_with(name), "ionice of {pid}: {}", after.trim());
        let file = format!("ionice -p {pid}");
        self.all.push((InForce { command, file, before, after, is_back: true }, Vec::new()));
        Ok(())
    }

    /// Takes everything back, last one first, and says what was in force; fails when a value is not as before.
    pub fn take_back(&mut self) -> Result<Vec<InForce>> {
        let mut seen = Vec::new();
        let mut outcome = Ok(());
        for (mut one, back) in std::mem::take(&mut self.all).into_iter().rev() {
            let done = back.iter().try_for_each(|command| run(command));
            // A file of an actor's cgroup is gone with it, which is as good.
            let now = fs::read_to_string(&one.file).ok();
            // A scheduler whose module was loaded for it stays in the list.
            let is_same = now.as_ref().is_none_or(|now| selected(now) == selected(&one.before));
            one.is_back |= done.is_ok() && is_same;
            if !one.is_back && outcome.is_ok() {
                let now = now.unwrap_or_default();
                let words = format!("{}: `{}`, not `{}`", one.file, now.trim(), one.before.trim());
                outcome = done.and_then(|()| anyhow::bail!("not taken back: {words}"));
            }
            seen.push(one);
        }
        seen.reverse();
        outcome.map(|()| seen)
    }
}

impl Drop for Forced {
    fn drop(&mut self) {
        // Only after an error elsewhere, which is the one that is reported.
        drop(self.take_back());
    }
}

/// Priorities act on whoever is in an actor's cgroup now.
pub fn processes(actor: &str) -> Result<Vec<ProcessKey>> {
    let path = format!("{CGROUPS}/lab-{actor}/cgroup.procs");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let key = |line: &str| Some(ProcessKey { pid: line.parse().ok()?, start_ticks: 0 });
    Ok(text.lines().filter_map(key).collect())
}

/// Lets all cgroups below the root have limits.
pub fn enable_controllers() -> Result<()> {
    let path = Path::new(CGROUPS).join("cgroup.subtree_control");
    let now = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    for name in ["io", "memory"] {
        if !now.split_whitespace().any(|one| one == name) {
            fs::write(&path, format!("+{name}")).with_context(|| format!("+{name}"))?;
        }
    }
    Ok(())
}

fn file_of(change: &Change) -> String {
    match change {
        Change::CgroupDevice { cgroup, file, .. } | Change::Cgroup { cgroup, file, .. } => {
            format!("{CGROUPS}{cgroup}/{file}")
        }
        Change::Queue { device, file, .. } => format!("/sys/block/{device}/queue/{file}"),
        Change::Sysctl { name, .. } => format!("/proc/sys/{name}"),
        Change::IoPriority { .. } => String::new(),
    }
}

/// Whether the file's text says that the change is in force.
fn shows(change: &Change, text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default().trim();
    match change {
        Change::CgroupDevice { device, value, .. } => {
            let is_line = |line: &&str| line.split(' ').next() == Some(&device.to_string());
            let line = text.lines().find(is_line).unwrap_or_default();
            let has = |pair: &str| line.split_whitespace().any(|one| one == pair);
            !line.is_empty() && value.split_whitespace().all(has)
        }
        // Memory is counted in pages.
        Change::Cgroup { value, .. } => match (first.parse::<u64>(), value.parse::<u64>()) {
            (Ok(now), Ok(wanted)) => now.abs_diff(wanted) < 4096,
            _ => first == value,
        },
        Change::Queue { value, .. } => {
            first == value || first.split(' ').any(|one| one == format!("[{value}]"))
        }
        Change::Sysctl { value, .. } => first == value,
        Change::IoPriority { .. } => true,
    }
}

/// The commands that take a change back; none for the files of an actor's cgroup, which go with it.
fn back(change: &Change, before: &str) -> Result<Vec<Vec<String>>> {
    Ok(match change {
        Change::CgroupDevice { cgroup, .. } | Change::Cgroup { cgroup, .. } => {
            let stays = cgroup == &format!("/lab-{ETCD}");
            stays.then(|| argv::undo(change, Some(before), None)).into_iter().collect()
        }
        Change::Queue { .. } => vec![argv::undo(change, Some(selected(before)), None)],
        Change::Sysctl { name, .. } => {
            // Of a limit in bytes and one in percent one is always 0, and 0 cannot be written.
            let (name, value) = match (before.trim(), name.strip_suffix("_bytes")) {
                ("0", Some(stem)) => {
                    let ratio = format!("{stem}_ratio");
                    let value = fs::read_to_string(format!("/proc/sys/{ratio}"))?;
                    (ratio, value.trim().to_owned())
                }
                (value, _) => (name.clone(), value.to_owned()),
            };
            vec![argv::apply(&Change::Sysctl { name, value }, None)]
        }
        Change::IoPriority { .. } => Vec::new(),
    })
}

/// Of `none [bfq]` the one in brackets.
fn selected(text: &str) -> &str {
    let inside = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    inside.map_or(text.trim(), |(name, _)| name)
}

fn run(command: &[String]) -> Result<()> {
    let (program, args) = command.split_first().context("an empty command")?;
    let output = Command::new(program).args(args).output();
    let output = output.with_context(|| format!("cannot run {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {}", command.join(" "), said.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use iocontend_core::ids::Dev;

    use super::*;

    // Property: a setting counts as in force exactly when the kernel's file says so, in each file's own way.
    #[test]
    fn the_kernels_file_decides() {
        let line = Change::CgroupDevice {
            cgroup: "/x".to_owned(),
            file: "io.max".to_owned(),
            device: Dev { major: 259, minor: 0 },
            value: "rbps=4194304".to_owned(),
        };
        assert!(shows(&line, "259:0 rbps=4194304 wbps=max riops=max wiops=max\n"));
        assert!(!shows(&line, "259:1 rbps=4194304 wbps=max\n"));
        assert!(!shows(&line, "259:0 rbps=max\n") && !shows(&line, ""));
        let of = |value: &str| Change::Cgroup {
            cgroup: "/x".to_owned(),
            file: "f".to_owned(),
            value: value.to_owned(),
        };
        assert!(shows(&of("16777217"), "16777216\n") && !shows(&of("16777216"), "max\n"));
        assert!(shows(&of("default 10"), "default 10\n8:0 5\n"));
        let queue = Change::Queue {
            device: "d".to_owned(),
            file: "scheduler".to_owned(),
            value: "bfq".to_owned(),
        };
        assert!(shows(&queue, "none [bfq]\n") && !shows(&queue, "[none] bfq\n"));
        assert_eq!(selected("[none] mq\n"), selected("[none] mq bfq\n"));
        assert_eq!((selected("none [bfq] x\n"), selected("2\n")), ("bfq", "2"));
    }
}
