//! What each second was like for a victim, and its stalls.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Culprit, Mechanism};
use crate::etcd_heartbeat::HeartbeatSource;
use crate::ids::FileClass;

/// The culprit of time that several others have who had little each.
pub const OTHERS: &str = "others";

/// Steps of one length, one behind the other: what each was like for one victim's syncs on files of one class. Lists have one entry for
/// each step. Steps before the first and behind the last had no sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// The actor that waits.
    pub victim: String,
    /// On files of which class.
    pub file_class: FileClass,
    /// Begin of the first step on the host's clock, RFC 3339 with the zone's offset.
    pub from: String,
    /// Length of a step: a second for the last quarter of an hour, 10 s, a minute and ten for what is older.
    pub step_ns: u64,
    /// Syncs that ended in the step.
    pub count: Vec<u64>,
    /// Their time.
    pub sum_ns: Vec<u64>,
    /// Their mean, rounded down; 0 where none ended.
    pub mean_ns: Vec<u64>,
    /// The longest sync that touches the step, also when it began before or ended later; 0 where none did.
    pub max_ns: Vec<u64>,
    /// Places of steps in which records were lost. Counters are looked at now and then, so a step may be marked too much.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<u64>,
    /// Whom the time is charged to that was waited within the steps.
    #[serde(default)]
    pub causes: Vec<TimelineCause>,
}

/// Time that is charged to one culprit by one mechanism.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineCause {
    /// An actor's id, `self`, `unexplained`, or `others`: those who had little each.
    pub culprit: String,
    /// How. Absent for `others`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<Mechanism>,
    /// The place of the first step that has any of it.
    pub first: u64,
    /// Time charged, from that step on.
    pub wait_ns: Vec<u64>,
}

/// A run of syncs that took the heartbeat interval or longer, with no more than a second between them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stall {
    /// The actor that waits.
    pub victim: String,
    /// On files of which class.
    pub file_class: FileClass,
    /// Begin of its first long sync on the host's clock, RFC 3339 with the zone's offset. May be before the window.
    pub start: String,
    /// From there to the end of its last long sync.
    pub duration_ns: u64,
    /// A sync of this length is one.
    pub limit_ns: u64,
    /// Where that is known from.
    #[serde(default)]
    pub limit_source: HeartbeatSource,
    /// Syncs of that length.
    pub syncs: u64,
    /// Their time.
    pub wait_ns: u64,
    /// The longest.
    pub worst: LongestSync,
    /// Whom their time is charged to, most first.
    #[serde(default)]
    pub causes: Vec<StallCause>,
    /// What makes the largest part. Absent when it was not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mostly: Option<Mostly>,
    /// The others with a name who have a share worth naming: groups, most first. Empty also when it was not judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub culprits: Vec<Culprit>,
}

/// The longest sync of a stall.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LongestSync {
    /// Its begin, RFC 3339 with the zone's offset.
    pub start: String,
    /// Its length.
    pub duration_ns: u64,
}

/// Time of a stall that is charged to one culprit by one mechanism.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StallCause {
    /// An actor's id, `self`, `unexplained`, or `others`: those who had little each.
    pub culprit: String,
    /// How. Absent for `others`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<Mechanism>,
    /// Where. Absent where no device was involved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Time charged.
    pub wait_ns: u64,
}

/// What makes the largest part of a stall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mostly {
    /// Others with a name.
    Others,
    /// The disk itself, a limit, or the victim's own requests.
    Disk,
    /// The CPU, or a lack of it.
    Cpu,
    /// It is not known.
    Unknown,
}
