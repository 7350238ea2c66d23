//! Who made whom wait, and of what a wait is made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Lat;
use crate::ids::{Call, FileClass};

/// The culprit of the time that a victim's own IO explains.
pub const SELF: &str = "self";
/// The culprit of the time that nobody on this host explains.
pub const UNEXPLAINED: &str = "unexplained";

/// In [`AloneVsShared`], whoever else had requests in the device.
pub const ANYBODY: &str = "anybody";

/// One part of a wait. Parts are disjoint and sum to the wait.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Held back by a limit: blk-throttle, iocost, wbt, tags, dirty pages.
    Throttle,
    /// A flush of the device's cache was running.
    Flush,
    /// An own request was in the device.
    Device,
    /// An own request was queued.
    Queue,
    /// The journal was busy with an earlier commit.
    JournalEarlier,
    /// The wait's own data was written, and the commit it needed had not begun: the file system finished that writing,
    /// and the journal's thread had to wake up.
    JournalBegin,
    /// The commit waited for open handles.
    JournalLocked,
    /// The commit wrote the data of files it must not overtake.
    JournalData,
    /// The commit wrote its log.
    JournalLog,
    /// Ready to run, but without a CPU.
    Runnable,
    /// On a CPU.
    Cpu,
    /// A lock, or another wait that is not for storage.
    Lock,
    /// None of these.
    Unexplained,
}

/// How a culprit made a victim wait.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    /// Its requests were served before the victim's.
    Queue,
    /// Its requests made the device slower.
    Device,
    /// Its data or metadata were in the journal commit the victim needed.
    Journal,
    /// Its bytes were in the device's cache when the victim's flush ran.
    Flush,
    /// It used up a limit that the victim shares.
    Throttle,
    /// It kept the CPU.
    Cpu,
    /// None of these.
    Unexplained,
}

/// A part of a victim's wait charged to a culprit. A victim's rows of a class and call, with `self` and `unexplained`,
/// sum to its measured wait in that call on files of that class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Blame {
    /// The actor that waited.
    pub victim: String,
    /// The class of the file it waited for.
    pub victim_class: FileClass,
    /// The call it waited in.
    pub victim_call: Call,
    /// An actor's id, `self` or `unexplained`.
    pub culprit: String,
    /// The class of the culprit's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub culprit_class: Option<FileClass>,
    /// The device on which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// How it happened.
    pub mechanism: Mechanism,
    /// The time charged, in nanoseconds.
    pub wait_ns: u64,
    /// The time as a share of the victim's wait in this call on files of this class, 0 to 1.
    pub share: f64,
}

/// A victim's latency while one culprit had nothing in flight, and while it had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AloneVsShared {
    /// The actor that waited.
    pub victim: String,
    /// The call it waited in.
    pub call: Call,
    /// The other actor, or `anybody`: whoever else had requests there.
    pub culprit: String,
    /// Waits while the culprit had nothing in flight. Absent when there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<Lat>,
    /// Waits while it had. Absent when there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Lat>,
    /// Of those in `alone`, waits that began half a second or more after the culprit's last request: these say what
    /// the wait is without it, where those in `alone` are the short ones that it missed. Absent when there were fewer than 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Lat>,
    /// The 99th percentile of those `apart` in most of the time, in nanoseconds: a disk that stood still once does not count. The median of the
    /// longest of each 69 in a row, since half of such rows have none above the 99th percentile. Absent of fewer than 5 rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_p99_ns: Option<u64>,
}
