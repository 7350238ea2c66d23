//! What is known of the host and its block devices.
//!
//! Owns plain data only; reading it is the edge's work.

use serde::{Deserialize, Serialize};

use crate::ids::Dev;

/// A block device (a whole disk, not a partition).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceFacts {
    /// Device number.
    pub dev: Dev,
    /// Kernel name (`nvme0n1`, `dm-0`).
    pub name: String,
    /// The name given to a device-mapper device.
    pub dm_name: Option<String>,
    /// The active scheduler.
    pub scheduler: Option<String>,
    /// All schedulers that can be chosen now.
    pub schedulers: Vec<String>,
    /// Whether the device says that it rotates (virtual disks often say so without cause).
    pub rotational: Option<bool>,
    /// Whether the device has a volatile write cache.
    pub write_cache: Option<WriteCache>,
    /// Whether it takes FUA writes.
    pub fua: Option<bool>,
    /// Depth of the scheduler's queue.
    pub nr_requests: Option<u32>,
    /// Capacity.
    pub size_bytes: Option<u64>,
    /// Target latency of writeback throttling; 0 is "off", `None` is "not there".
    pub wbt_lat_usec: Option<u64>,
    /// Partitions with their device numbers.
    pub partitions: Vec<Partition>,
    /// Devices built on this one or on a partition of it, by kernel name.
    pub holders: Vec<String>,
    /// Devices this one is built on, by kernel name (a partition has its own name).
    pub slaves: Vec<String>,
    /// Of an NVMe path, which has no number of its own in `/sys`: the disk above its paths, that everybody opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_of: Option<String>,
    /// File systems on it, on its partitions and on its holders; one entry each, not one per bind mount.
    pub filesystems: Vec<FsFacts>,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Device number.
    pub dev: Dev,
    /// Kernel name.
    pub name: String,
}

/// What a device does with writes before a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteCache {
    /// A volatile cache: fsync costs a flush.
    WriteBack,
    /// None that the device admits: fsync needs no flush.
    WriteThrough,
}

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FsFacts {
    /// The file system's device number (anonymous on btrfs).
    pub dev: Dev,
    /// Type.
    pub fstype: String,
    /// Where it is mounted.
    pub mount_point: String,
    /// Options of the mount and of the file system, joined by commas.
    pub options: String,
    /// What was mounted, as the mounter named it.
    pub source: String,
}

/// Counters of `/sys/block/X/stat`. Times in milliseconds, sectors of 512 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockStat {
    /// Reads completed.
    pub read_ios: u64,
    /// Reads merged.
    pub read_merges: u64,
    /// Sectors read.
    pub read_sectors: u64,
    /// Time of reads.
    pub read_ms: u64,
    /// Writes completed (empty flushes among them).
    pub write_ios: u64,
    /// Writes merged.
    pub write_merges: u64,
    /// Sectors written.
    pub write_sectors: u64,
    /// Time of writes.
    pub write_ms: u64,
    /// Requests in flight now.
    pub in_flight: u64,
    /// Time with at least one request in flight.
    pub io_ms: u64,
    /// Sum of the times of all requests.
    pub queue_ms: u64,
    /// Discards, since Linux 4.18.
    pub discard: Option<DiscardStat>,
    /// Flushes, since Linux 5.5.
    pub flush: Option<FlushStat>,
}

impl BlockStat {
    /// Bios and requests merged into other requests.
    pub fn merges(&self) -> u64 {
        // A capture may say anything.
        let discards = self.discard.map_or(0, |discard| discard.merges);
        self.read_merges.saturating_add(self.write_merges).saturating_add(discards)
    }
}

/// Fields 12 to 15 of a device's `stat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscardStat {
    /// Discards completed.
    pub ios: u64,
    /// Discards merged.
    pub merges: u64,
    /// Sectors discarded.
    pub sectors: u64,
    /// Time of discards.
    pub ms: u64,
}

/// Fields 16 and 17 of a device's `stat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlushStat {
    /// Flush commands completed.
    pub ios: u64,
    /// Time of flushes.
    pub ms: u64,
}

/// One line of a pressure file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PsiLine {
    /// Share of the last 10 s, in percent.
    pub avg10: f64,
    /// Share of the last 60 s, in percent.
    pub avg60: f64,
    /// Share of the last 300 s, in percent.
    pub avg300: f64,
    /// Total stall time since boot, in microseconds.
    pub total_us: u64,
}

/// Pressure of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Psi {
    /// At least one task stalled.
    pub some: PsiLine,
    /// All tasks that were not idle stalled.
    pub full: Option<PsiLine>,
}

/// Which cgroup hierarchies carry controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CgroupVersion {
    /// Only v1.
    V1,
    /// Only the unified hierarchy.
    V2,
    /// v1 controllers beside the unified hierarchy.
    Hybrid,
}

/// The host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Host name.
    pub hostname: Option<String>,
    /// Kernel release (`uname -r`).
    pub kernel_release: Option<String>,
    /// Cgroup version in use.
    pub cgroup_version: Option<CgroupVersion>,
    /// IO pressure; `None` when the kernel does not account it.
    pub psi_io: Option<Psi>,
    /// Identifies this boot.
    pub boot_id: Option<String>,
    /// CPUs that can ever be online: the length of per-CPU maps.
    pub cpus_possible: Option<u32>,
    /// Size of a page in bytes.
    pub page_size: Option<u64>,
    /// Block devices.
    pub devices: Vec<DeviceFacts>,
}
