//! The built-in demo: a victim that writes like etcd's WAL and a copier that works like a snapshot
//! save, in a directory of the user's choice, so that one command shows a real result without etcd.
//!
//! Owns the workloads, the plan (what is written, where, how long), the checks before the first byte
//! and the cleanup. Does not own the profiler or the command line: the caller watches the two child
//! processes and prints what `DemoPlan::describe` and the results say.
//!
//! Victim and copier are processes of their own, because attribution is per process.

mod cleanup;
mod copier;
mod error;
mod latency;
mod plan;
mod process;
mod schedule;
mod source;
mod space;
mod stop;
mod victim;
mod wal;

pub use cleanup::{DemoDir, Leftover};
pub use copier::{CopierArgs, CopierResult, run_copier};
pub use error::DemoError;
pub use latency::LatencySummary;
pub use plan::{DemoOpts, DemoPlan};
pub use process::{DemoChild, spawn_copier, spawn_victim};
pub use schedule::Schedule;
pub use space::{Backing, Host, human_bytes};
pub use stop::Stop;
pub use victim::{PhaseLatency, VictimArgs, VictimResult, VictimSplit, run_victim};
pub use wal::{RECORD_BYTES, SEGMENT_BYTES};

use std::io::Write;
use std::time::Duration;

/// Hidden subcommand that runs the victim.
pub const VICTIM_COMMAND: &str = "demo-victim";
/// Hidden subcommand that runs the copier.
pub const COPIER_COMMAND: &str = "demo-copier";

/// Writes a result as the one JSON line a workload process leaves on its stdout.
pub fn write_json_line(out: &mut impl Write, result: &impl serde::Serialize) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, result)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

/// Nanoseconds of a duration; 584 years is the most that fits, which no demo reaches.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
