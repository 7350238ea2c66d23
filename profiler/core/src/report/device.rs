//! A block device in the report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Lat;
use crate::ids::Op;

/// One block device and all it did in the window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// Its kernel name, such as `nvme0n1`.
    pub name: String,
    /// Major device number.
    pub major: u32,
    /// Minor device number.
    pub minor: u32,
    /// The IO scheduler in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,
    /// True when the kernel takes it for a rotating disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotational: Option<bool>,
    /// File systems on it or its partitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filesystems: Option<Vec<Filesystem>>,
    /// Requests completed, all operations; equals the sum over `ops`.
    pub ios: u64,
    /// Bytes completed, all operations; equals the sum over `ops`.
    pub bytes: u64,
    /// Cache-flush commands that reached the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flush_commands: Option<u64>,
    /// Time in which at least one request was in the device, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_ns: Option<u64>,
    /// Bios and requests that went into another request, as the kernel's own statistics count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merges: Option<u64>,
    /// Requests that were absorbed by another request before issue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_merges: Option<u64>,
    /// Requests that the driver gave back and that were issued again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requeues: Option<u64>,
    /// Requests under way at the window's edges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<InFlight>,
    /// Queue time of its requests (from queueing to issue).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q2d: Option<Lat>,
    /// Device time of its requests (from issue to completion).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d2c: Option<Lat>,
    /// Total time of its requests (from queueing to completion).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q2c: Option<Lat>,
    /// How many requests were in the device at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Depth>,
    /// The same numbers for each operation that occurred.
    #[serde(default)]
    pub ops: Vec<DeviceOp>,
}

/// One operation's share of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceOp {
    /// The operation.
    pub op: Op,
    /// Requests completed.
    pub count: u64,
    /// Bytes completed.
    pub bytes: u64,
    /// Queue time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q2d: Option<Lat>,
    /// Device time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d2c: Option<Lat>,
    /// Total time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q2c: Option<Lat>,
}

/// A mounted file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Filesystem {
    /// Where it is mounted.
    pub mount_point: String,
    /// Its type, such as `ext4`.
    pub fstype: String,
    /// Its mount options, comma-separated as the kernel prints them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<String>,
}

/// Requests under way at the window's edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InFlight {
    /// At its start.
    pub start: u64,
    /// At its end.
    pub end: u64,
}

/// How many requests were in a device at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Depth {
    /// The mean over the whole window, idle time included.
    pub mean: f64,
    /// The maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
}
