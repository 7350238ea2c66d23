//! The kernel's own trace of block requests, in a private instance: a second source for latencies.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

const TRACEFS: &str = "/sys/kernel/tracing";
/// Per CPU. Each event takes some 100 bytes.
const BUFFER_KIB: &str = "8192";

/// A trace of one device's requests: got and completed. Removed on drop.
pub struct BlockTrace {
    folder: PathBuf,
}

/// One line of the trace.
struct Line {
    ns: u64,
    event: String,
    sector: u64,
}

impl BlockTrace {
    /// Begins to trace the device at a path in /dev.
    pub fn start(node: &Path) -> Result<Self> {
        let folder =
            Path::new(TRACEFS).join(format!("instances/iocontend-test-{}", std::process::id()));
        fs::create_dir(&folder).context("tracefs is needed")?;
        let trace = Self { folder };
        trace.set("trace_clock", "mono")?;
        trace.set("buffer_size_kb", BUFFER_KIB)?;
        let number = fs::metadata(node)?.rdev();
        // The kernel's own form of a device number.
        let dev = (u64::from(libc::major(number)) << 20) | u64::from(libc::minor(number));
        for event in ["block_getrq", "block_rq_complete"] {
            trace.set(&format!("events/block/{event}/filter"), &format!("dev == {dev}"))?;
            trace.set(&format!("events/block/{event}/enable"), "1")?;
        }
        Ok(trace)
    }

    fn set(&self, file: &str, value: &str) -> Result<()> {
        let path = self.folder.join(file);
        fs::write(&path, value).with_context(|| format!("{} = {value}", path.display()))
    }

    /// Times from request to completion, ns. Every sector was asked for once, and nothing was lost.
    pub fn latencies(&self) -> Result<Vec<u64>> {
        self.set("tracing_on", "0")?;
        self.nothing_lost()?;
        let text = fs::read_to_string(self.folder.join("trace"))?;
        let mut began: HashMap<u64, u64> = HashMap::new();
        let mut took = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let line = parse(line).with_context(|| format!("cannot read {line:?}"))?;
            if line.event == "block_getrq" {
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

impl Drop for BlockTrace {
    fn drop(&mut self) {
        drop(self.set("events/enable", "0"));
        drop(fs::remove_dir(&self.folder));
    }
}

/// `fio-1234 [001] ..... 4711.123456: block_getrq: 7,1 R 4096 + 8 [fio]`; with the clock `mono` the time has
/// microseconds only, so the raw form with nanoseconds is not needed: a mean over thousands is exact enough.
fn parse(line: &str) -> Option<Line> {
    let (head, rest) = line.split_once(": block_")?;
    let (event, fields) = rest.split_once(": ")?;
    let (seconds, micros) = head.rsplit(' ').next()?.split_once('.')?;
    let ns = seconds.parse::<u64>().ok()? * 1_000_000_000 + micros.parse::<u64>().ok()? * 1_000;
    let (before, _) = fields.split_once(" + ")?;
    let sector = before.rsplit(' ').next()?.parse().ok()?;
    Some(Line { ns, event: format!("block_{event}"), sector })
}
