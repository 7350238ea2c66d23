//! Owns what the kernel says of a process that watches: its programs' run time, its own CPU and memory.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::run;

const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// BPF run-time statistics, on while this lives, then as they were.
pub(super) struct BpfStats {
    before: String,
}

impl BpfStats {
    pub(super) fn on() -> Result<Self> {
        let before = fs::read_to_string(SWITCH).context("the kernel has no BPF statistics")?;
        fs::write(SWITCH, "1").context("cannot switch BPF statistics on")?;
        Ok(Self { before })
    }
}

impl Drop for BpfStats {
    fn drop(&mut self) {
        if let Err(error) = fs::write(SWITCH, &self.before) {
            eprintln!("{SWITCH} could not be set back to {}: {error}", self.before.trim());
        }
    }
}

/// Runs and run time (ns) of each program that a process holds, by program id.
pub(super) fn programs(pid: u32) -> BTreeMap<u64, (u64, u64)> {
    let entries = fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let text = fs::read_to_string(entry.path()).ok()?;
            let value = |name: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(name))?;
                line.trim_start_matches(':').trim().parse::<u64>().ok()
            };
            Some((value("prog_id")?, (value("run_cnt")?, value("run_time_ns")?)))
        })
        .collect()
}

/// Names of programs, by id.
pub(super) fn names(ids: impl Iterator<Item = u64>) -> BTreeMap<u64, String> {
    ids.filter_map(|id| {
        let mut bpftool = Command::new("/usr/sbin/bpftool");
        let text = run::output(bpftool.args(["-j", "prog", "show", "id", &id.to_string()])).ok()?;
        let json: serde_json::Value = serde_json::from_str(&text).ok()?;
        Some((id, json["name"].as_str()?.to_owned()))
    })
    .collect()
}

/// Reads that a disk has completed so far (Documentation/block/stat.rst, first field).
pub(super) fn reads(device: &Path) -> Option<u64> {
    let name = device.file_name()?.to_str()?;
    let text = fs::read_to_string(format!("/sys/block/{name}/stat")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// Run time between two looks, ns, of the programs that are wanted.
pub(super) fn run_ns(
    before: &BTreeMap<u64, (u64, u64)>,
    after: &BTreeMap<u64, (u64, u64)>,
    wanted: impl Fn(u64) -> bool,
) -> u64 {
    after
        .iter()
        .filter(|(id, _)| wanted(**id))
        .map(|(id, (_, ns))| ns.saturating_sub(before.get(id).map_or(0, |(_, old)| *old)))
        .sum()
}

/// What a process uses.
#[derive(Clone, Copy)]
pub(super) struct Usage {
    /// Share of one core.
    pub(super) cpu: f64,
    /// Largest resident memory so far, MiB.
    pub(super) rss_mib: f64,
}

/// CPU time in clock ticks and largest resident memory in KiB.
pub(super) fn usage(pid: u32) -> Option<(u64, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    // Fields 14 and 15 of the whole line (proc(5)); two stand before the bracket.
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some((ticks, peak.split_whitespace().next()?.parse().ok()?))
}

impl Usage {
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub(super) fn between(
        before: Option<(u64, u64)>,
        after: Option<(u64, u64)>,
        elapsed: Duration,
    ) -> Option<Self> {
        let ((before, _), (after, kib)) = (before?, after?);
        // USER_HZ is 100 on all architectures that matter here.
        let seconds = after.saturating_sub(before) as f64 / 100.0;
        Some(Self { cpu: seconds / elapsed.as_secs_f64(), rss_mib: kib as f64 / 1024.0 })
    }
}
