//! The kernel's own trace of block requests, in a private instance: a second source for latencies.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, ensure};
use iocontend_core::report::Report;

use crate::blockstat::{Counts, disk_of};
use crate::janitor::{Left, will_leave};

const TRACEFS: &str = "/sys/kernel/tracing";
/// Per CPU. Each event takes some 100 bytes.
const BUFFER_KIB: &str = "8192";

/// A private trace of one device's requests. Removed on drop.
pub struct BlockTrace {
    folder: PathBuf,
}

/// One line of the trace.
struct Line {
    ns: u64,
    event: String,
    rwbs: String,
    sector: u64,
    sectors: u64,
}

impl BlockTrace {
    /// Begins to trace requests of the device with this name: got and completed.
    pub fn requests(disk: &str) -> Result<Self> {
        let dev = device(disk)?;
        let trace = Self::new("requests")?;
        trace.enable("block_getrq", &format!("dev == {dev}"))?;
        trace.enable("block_rq_complete", &format!("dev == {dev}"))?;
        Ok(trace)
    }

    /// Begins to trace completions that happen on top of a thread of process 1.
    ///
    /// There are kernels that run no BPF program then, and do not count that they did not. What is missed that
    /// way nobody can measure with BPF; this tells exactly how much it is.
    pub fn completions_on_init(disk: &str) -> Result<Self> {
        Self::on_init(&format!("dev == {} && ", device(disk)?))
    }

    /// The same on all disks: what a report counts as `probe_not_run` is not of one disk only.
    pub fn completions_on_init_of_all() -> Result<Self> {
        Self::on_init("")
    }

    fn on_init(condition: &str) -> Result<Self> {
        let mut threads = Vec::new();
        for thread in fs::read_dir("/proc/1/task")? {
            let name = thread?.file_name();
            threads.push(format!("common_pid == {}", name.to_string_lossy()));
        }
        let trace = Self::new("init")?;
        trace.enable("block_rq_complete", &format!("{condition}({})", threads.join(" || ")))?;
        Ok(trace)
    }

    /// The same for the disk that holds a path.
    pub fn on_init_below(path: &Path) -> Result<Self> {
        Self::completions_on_init(&disk_of(path)?)
    }

    /// Begins to trace some kinds of event on the device with this name.
    pub fn of(disk: &str, events: &[&str]) -> Result<Self> {
        let dev = device(disk)?;
        let trace = Self::new("events")?;
        for event in events {
            trace.enable(event, &format!("dev == {dev}"))?;
        }
        Ok(trace)
    }

    /// How often an event of [`Self::of`] happened.
    pub fn count(&self, event: &str) -> Result<u64> {
        let name = event.strip_prefix("block_").context("no block event")?;
        let lines = self.lines()?;
        Ok(u64::try_from(lines.iter().filter(|line| line.event == name).count())?)
    }

    fn new(purpose: &str) -> Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("instances/iocontend-test-{purpose}-{}-{number}", std::process::id());
        let folder = Path::new(TRACEFS).join(name);
        will_leave(Left::Trace(&folder))?;
        fs::create_dir(&folder).context("tracefs is needed")?;
        let trace = Self { folder };
        trace.set("trace_clock", "mono")?;
        trace.set("buffer_size_kb", BUFFER_KIB)?;
        Ok(trace)
    }

    fn enable(&self, event: &str, filter: &str) -> Result<()> {
        self.set(&format!("events/block/{event}/filter"), filter)?;
        self.set(&format!("events/block/{event}/enable"), "1")
    }

    fn set(&self, file: &str, value: &str) -> Result<()> {
        let path = self.folder.join(file);
        fs::write(&path, value).with_context(|| format!("{} = {value}", path.display()))
    }

    /// All lines so far; nothing was lost.
    fn lines(&self) -> Result<Vec<Line>> {
        self.nothing_lost()?;
        let text = fs::read_to_string(self.folder.join("trace"))?;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| parse(line).with_context(|| format!("cannot read {line:?}"))).collect()
    }

    /// Times from request to completion, ns. Every sector was asked for once.
    pub fn latencies(&self) -> Result<Vec<u64>> {
        let mut began: HashMap<u64, u64> = HashMap::new();
        let mut took = Vec::new();
        for line in self.lines()? {
            if line.event == "getrq" {
                let twice = began.insert(line.sector, line.ns).is_some();
                ensure!(!twice, "sector {} was asked for twice", line.sector);
            } else {
                let begin = began.remove(&line.sector).context("completed without a request")?;
                took.push(line.ns - begin);
            }
        }
        ensure!(began.is_empty(), "{} requests never completed", began.len());
        Ok(took)
    }

    /// Completions so far, as the kernel's block statistics count them.
    pub fn completions(&self) -> Result<Counts> {
        let mut counts = Counts::default();
        for line in self.lines()?.iter().filter(|line| line.event == "rq_complete") {
            count(&mut counts, line);
        }
        Ok(counts)
    }

    /// What a report may lack of these completions: nothing unless it says itself that a probe was not run.
    pub fn out_of_sight(&self, report: &Report) -> Result<Counts> {
        let is_said = report.coverage.lost.contains_key("probe_not_run");
        if is_said { self.completions() } else { Ok(Counts::default()) }
    }

    fn nothing_lost(&self) -> Result<()> {
        for cpu in fs::read_dir(self.folder.join("per_cpu"))? {
            let stats = fs::read_to_string(cpu?.path().join("stats"))?;
            for name in ["overrun: ", "commit overrun: ", "dropped events: "] {
                let lost = stats.lines().find_map(|line| line.strip_prefix(name));
                ensure!(lost == Some("0"), "the trace lost events: {stats}");
            }
        }
        Ok(())
    }
}

/// `FF` is the flush command itself, `F` before another letter a flush that goes with the request
/// (kernel/trace/blktrace.c, `blk_fill_rwbs`).
fn count(counts: &mut Counts, line: &Line) {
    let bytes = line.sectors * 512;
    let operation = line.rwbs.strip_prefix('F').unwrap_or(&line.rwbs);
    match operation.chars().next() {
        Some('R') => {
            counts.reads += 1;
            counts.read_bytes += bytes;
        }
        Some('W') => {
            counts.writes += 1;
            counts.write_bytes += bytes;
        }
        Some('D') => {
            counts.discards += 1;
            counts.discard_bytes += bytes;
        }
        _ => counts.flush_commands += 1,
    }
}

/// A disk's number in the kernel's own form, as trace filters want it.
fn device(disk: &str) -> Result<u64> {
    let text = fs::read_to_string(format!("/sys/block/{disk}/dev"))?;
    let (major, minor) = text.trim().split_once(':').context("no device number")?;
    Ok((major.parse::<u64>()? << 20) | minor.parse::<u64>()?)
}

impl Drop for BlockTrace {
    fn drop(&mut self) {
        drop(self.set("events/enable", "0"));
        drop(fs::remove_dir(&self.folder));
    }
}

/// Reads a line such as
/// `fio-1234 [001] ..... 4711.123456: block_rq_complete: 7,1 R () 4096 + 8 none,0,0 [0]`.
/// Microseconds are enough: cut at both ends alike, they do not move a mean over thousands.
fn parse(line: &str) -> Option<Line> {
    let (head, rest) = line.split_once(": block_")?;
    let (event, fields) = rest.split_once(": ")?;
    let (seconds, micros) = head.rsplit(' ').next()?.split_once('.')?;
    let ns = seconds.parse::<u64>().ok()? * 1_000_000_000 + micros.parse::<u64>().ok()? * 1_000;
    let (before, after) = fields.split_once(" + ")?;
    Some(Line {
        ns,
        event: event.to_owned(),
        rwbs: before.split(' ').nth(1)?.to_owned(),
        sector: before.rsplit(' ').next()?.parse().ok()?,
        sectors: after.split(' ').next()?.parse().ok()?,
    })
}
