//! What a round showed: one line of JSON each, in `results.jsonl`. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::plan::RoundPlan;
use crate::load::Outcome;

/// Name and version of a line's shape.
pub const SCHEMA: &str = "iocontend.lab/1";

/// One round. Absent is not 0; units are in the names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// [`SCHEMA`].
    pub schema: String,
    /// Where it ran.
    pub machine: Machine,
    /// Name of the scenario.
    pub scenario: String,
    /// Of the order of the rounds.
    pub seed: u64,
    /// Which one it was.
    #[serde(flatten)]
    pub plan: RoundPlan,
    /// What counted, seconds.
    pub window_s: f64,
    /// Puts a second that were due.
    pub rate: u32,
    /// What became of the puts due in the window.
    pub load: Outcome,
    /// etcd's own count of syncs of its log in the window.
    pub wal_fsync: Waits,
    /// etcd's own count of commits of its database in the window.
    pub backend_commit: Waits,
    /// Size of etcd's database at the end, as etcd says.
    pub db_bytes: u64,
    /// How long a fixed computation took just before, with nothing else running in the VM, milliseconds: how busy the
    /// host was with other things. The VM's own CPU times do not show it, they grow with it.
    pub calibration_ms: f64,
    /// Who used the processors in the window.
    pub cpu: Cpu,
    /// What the disk did in the window.
    pub disk: Disk,
    /// Everybody beside etcd, by name.
    pub actors: BTreeMap<String, ActorSeen>,
    /// What iocontend says of the same time.
    pub iocontend: Iocontend,
}

/// Where it ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// `uname -r` in the VM.
    pub kernel: String,
    /// The disk's limits.
    pub disk: String,
    /// Scheduler of the disk.
    pub sched: String,
    /// File system.
    pub fs: String,
    /// etcd's version.
    pub etcd: String,
}

/// How often something was waited for and how long in sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waits {
    /// How often.
    pub count: u64,
    /// In sum, seconds.
    pub sum_s: f64,
}

impl Waits {
    /// Mean of one, milliseconds; none when there was none.
    #[expect(clippy::cast_precision_loss, reason = "a mean for people")]
    pub fn mean_ms(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_s * 1e3 / self.count as f64)
    }
}

/// Shares of one processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cpu {
    /// etcd.
    pub etcd: f64,
    /// The load generator.
    pub load: f64,
    /// iocontend.
    pub iocontend: f64,
    /// Everything on all processors; the VM has this many:
    pub busy: f64,
    /// Number of processors.
    pub processors: u32,
}

/// What etcd's disk did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Disk {
    /// Reads completed.
    pub reads: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Writes completed, flushes among them.
    pub writes: u64,
    /// Bytes written.
    pub write_bytes: u64,
}

/// What an actor did in the whole round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorSeen {
    /// How often it came to its end and began anew.
    pub passes: u64,
    /// Bytes read from all disks on its cgroup's account.
    pub read_bytes: u64,
    /// Bytes written likewise; writeback counts for whose cgroup owns the file.
    pub write_bytes: u64,
}

/// What iocontend says, from the start of the load to the end of the window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Iocontend {
    /// fdatasync of the log.
    pub wal_fdatasync: Waits,
    /// What etcd says of the same time.
    pub wal_fsync_of_etcd: Waits,
    /// Events that were lost.
    pub lost: u64,
    /// Whom it charges with etcd's syncs of its log: shares, 0 to 1, by name. Empty in results from before blame.
    #[serde(default)]
    pub blame: BTreeMap<String, f64>,
    /// What it finds, warnings and worse: names of rules. Absent in results from before findings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<String>>,
    /// Its report, beside the results.
    pub report: String,
    /// Its capture, beside the results; absent when none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<String>,
}

/// A scenario that ended early.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Why it ended early.
    pub failed: String,
}

/// Reads the lines of a file; those of failures apart.
pub fn parse(text: &str) -> anyhow::Result<(Vec<Round>, Vec<Failure>)> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Line {
        Failure(Failure),
        Round(Box<Round>),
    }
    let (mut rounds, mut failures) = (Vec::new(), Vec::new());
    for line in text.lines() {
        match serde_json::from_str(line)? {
            Line::Failure(failure) => failures.push(failure),
            Line::Round(round) => rounds.push(*round),
        }
    }
    Ok((rounds, failures))
}
