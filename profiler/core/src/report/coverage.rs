//! What share of events and bytes a report's numbers stand for, and what watching cost.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Note;
use crate::ids::Method;
use crate::plan::GapReason;

/// What share of events and bytes the numbers stand for. `events_seen` = `events_kept` + all of `lost`;
/// the bytes of `attribution` sum to `io_bytes`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Events the kernel side met in the window.
    pub events_seen: u64,
    /// Events that are in the numbers.
    pub events_kept: u64,
    /// Events that are not, by reason.
    pub lost: BTreeMap<String, u64>,
    /// Bytes of all completed requests, over all devices.
    pub io_bytes: u64,
    /// The same bytes by the way they were given to an actor.
    pub attribution: Attribution,
    /// Runs and run time of each BPF program in the window. Absent when the kernel did not count them.
    pub bpf: Option<BTreeMap<String, BpfCost>>,
    /// Memory of all BPF maps in bytes.
    pub map_bytes: Option<u64>,
    /// Our waits beside the target's own metric of them, for each etcd that could be asked. Only in reports of the
    /// whole window; absent when none answered.
    pub self_check: Vec<SelfCheck>,
    /// What share of the waits and requests the matrix in `blame` stands for. Only in reports of the whole window.
    pub blame: Option<BlameCoverage>,
    /// Every hook that was wanted, and whether it is in place.
    pub attached: Vec<Attached>,
    /// What else a reader must know to trust the numbers.
    pub notes: Vec<Note>,
}

impl Coverage {
    /// Events lost for any reason.
    pub fn lost_total(&self) -> u64 {
        self.lost.values().copied().fold(0, u64::saturating_add)
    }
}

/// What the matrix stands for. A culprit's lost requests are missing in its weight: of everything that is charged to somebody, up
/// to `requests_lost` / `requests` may belong to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlameCoverage {
    /// Waits that were shared out one by one.
    pub waits: u64,
    /// Time of these from before the oldest request that was still known of their disk, in nanoseconds: shared out
    /// like the rest of the wait.
    pub forgotten_ns: u64,
    /// Requests that hold up nobody here because their times are not known (in flight at the begin).
    pub requests_without_times: u64,
    /// Requests whose records were lost.
    pub requests_lost: u64,
    /// All requests.
    pub requests: u64,
}

/// The same calls by two who measured them. The metric was read a moment after counting began and a moment before it
/// ended, so `ours` may be a few calls more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelfCheck {
    /// The etcd's id, as in `actors[].id`.
    pub actor: String,
    /// Its metric.
    pub metric: String,
    /// The kernel's view.
    pub ours: Observed,
    /// The metric's difference.
    pub theirs: Observed,
}

/// Number and time of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Observed {
    /// How many.
    pub count: u64,
    /// How long all of them took, in nanoseconds.
    pub sum_ns: u64,
}

impl Observed {
    /// Nanoseconds per call; `None` without calls.
    pub fn mean_ns(&self) -> Option<u64> {
        self.sum_ns.checked_div(self.count)
    }
}

/// Bytes by the way they were given to an actor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attribution {
    /// Submitted by the actor itself.
    #[serde(default)]
    pub direct: u64,
    /// Written back by a kernel thread from a file the actor dirtied.
    #[serde(default)]
    pub writeback: u64,
    /// Shared among the contributors of a journal transaction.
    #[serde(default)]
    pub journal: u64,
    /// Only the owning cgroup is known.
    #[serde(default)]
    pub owner_cgroup: u64,
    /// Nobody could be named.
    #[serde(default)]
    pub unattributed: u64,
}

impl Attribution {
    /// The bytes of one method.
    pub const fn of(&self, method: Method) -> u64 {
        match method {
            Method::Direct => self.direct,
            Method::Writeback => self.writeback,
            Method::Journal => self.journal,
            Method::OwnerCgroup => self.owner_cgroup,
            Method::Unattributed => self.unattributed,
        }
    }

    /// Adds bytes to one method.
    pub const fn add(&mut self, method: Method, bytes: u64) {
        let sum = match method {
            Method::Direct => &mut self.direct,
            Method::Writeback => &mut self.writeback,
            Method::Journal => &mut self.journal,
            Method::OwnerCgroup => &mut self.owner_cgroup,
            Method::Unattributed => &mut self.unattributed,
        };
        *sum = sum.wrapping_add(bytes);
    }

    /// The bytes of all methods.
    pub fn total(&self) -> u64 {
        Method::ALL.iter().fold(0, |sum: u64, method| sum.wrapping_add(self.of(*method)))
    }
}

/// What one BPF program cost in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BpfCost {
    /// How often it ran.
    pub run_cnt: u64,
    /// How long all runs took, in nanoseconds.
    pub run_ns: u64,
}

/// One hook in the kernel; captures hold it as it is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// The BPF program.
    pub program: String,
    /// Where it hangs, such as `block_rq_issue`.
    pub hook: String,
    /// What sort of hook it is.
    pub kind: HookKind,
    /// True when it is in place.
    pub attached: bool,
    /// Why it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<GapReason>,
}

/// A sort of kernel hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookKind {
    /// A raw tracepoint with BTF arguments.
    TpBtf,
    /// A raw tracepoint without.
    RawTp,
    /// A classic tracepoint.
    Tracepoint,
}

impl HookKind {
    /// The name in JSON and text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TpBtf => "tp_btf",
            Self::RawTp => "raw_tp",
            Self::Tracepoint => "tracepoint",
        }
    }
}
