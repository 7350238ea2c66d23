//! What can be set on a host and how it is set now, as far as advice looks at it: cgroups, priorities, limits of dirty pages.
//!
//! Owns plain data only; reading it is the edge's work. Whether a file is there is asked of the kernel, not concluded from
//! its version: distributions build with different options.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ProcessKey;
use crate::ids::Dev;

/// Everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlFacts {
    /// Where the unified hierarchy is mounted; `None` when it is not.
    #[serde(default)]
    pub cgroup2_mount: Option<String>,
    /// Controllers of its root: without `io` here, IO is accounted by version 1 or not at all.
    #[serde(default)]
    pub cgroup2_controllers: Vec<String>,
    /// Disks.
    #[serde(default)]
    pub disks: Vec<DiskControls>,
    /// Cgroups of those who wait and of those who use the disks most.
    #[serde(default)]
    pub cgroups: Vec<CgroupControls>,
    /// The same processes, as far as they are alive.
    #[serde(default)]
    pub processes: Vec<ProcessControls>,
    /// Limits of dirty pages.
    #[serde(default)]
    pub dirty: DirtyLimits,
}

impl ControlFacts {
    /// What is known of a cgroup.
    pub fn cgroup(&self, path: &str) -> Option<&CgroupControls> {
        self.cgroups.iter().find(|one| one.path == path)
    }

    /// What is known of a disk.
    pub fn disk(&self, dev: Dev) -> Option<&DiskControls> {
        self.disks.iter().find(|one| one.dev == dev)
    }

    /// Whether version 2 has this controller.
    pub fn has_controller(&self, name: &str) -> bool {
        self.cgroup2_controllers.iter().any(|one| one == name)
    }
}

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskControls {
    /// Its number.
    pub dev: Dev,
    /// Whether iocost is switched on for it (`enable=1` in the root cgroup's `io.cost.qos`); `None` when there is no such
    /// file.
    #[serde(default)]
    pub iocost: Option<bool>,
    /// Files of its scheduler (`queue/iosched`) and their values.
    #[serde(default)]
    pub scheduler_files: BTreeMap<String, String>,
}

/// A cgroup of version 2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupControls {
    /// Path below the mount point.
    pub path: String,
    /// Whether it is still there.
    #[serde(default)]
    pub exists: bool,
    /// `cgroup.controllers`: what its parents let it have.
    #[serde(default)]
    pub controllers: Vec<String>,
    /// The highest of its parents whose `cgroup.subtree_control` lacks `io`; `None` when none does.
    #[serde(default)]
    pub io_ends_at: Option<String>,
    /// Files that limit IO or memory, and their values. What is not here is not there.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Memory that is no file's (`anon` of `memory.stat`).
    #[serde(default)]
    pub anon_bytes: Option<u64>,
    /// Processes in it, not below it.
    #[serde(default)]
    pub processes: Option<u64>,
}

impl CgroupControls {
    /// Files that are looked for.
    pub const FILES: [&'static str; 6] =
        ["io.max", "io.weight", "io.latency", "io.prio.class", "io.bfq.weight", "memory.high"];

    /// The value of a file that is there.
    pub fn value(&self, file: &str) -> Option<&str> {
        self.files.get(file).map(String::as_str)
    }
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessControls {
    /// Which.
    pub key: ProcessKey,
    /// IO priorities of its threads, each once. Class 0 is "not set".
    #[serde(default)]
    pub io_priorities: Vec<IoPriority>,
    /// Its files that are open for writing.
    #[serde(default)]
    pub written: Vec<WrittenFile>,
}

/// An IO priority (include/uapi/linux/ioprio.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IoPriority {
    /// 0 not set, 1 real time, 2 best effort, 3 idle.
    pub class: u8,
    /// 0 (highest) to 7.
    pub level: u8,
}

/// A file system that a process writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WrittenFile {
    /// The file system's number.
    pub fs: Dev,
    /// Whether the file was opened with `O_DIRECT`; `None` when its flags could not be read.
    pub direct: Option<bool>,
}

/// `vm.dirty_*`. Of each pair one is 0: the other one counts (Documentation/admin-guide/sysctl/vm.rst).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirtyLimits {
    /// `vm.dirty_bytes`.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// `vm.dirty_background_bytes`.
    #[serde(default)]
    pub background_bytes: Option<u64>,
    /// `vm.dirty_ratio`, percent.
    #[serde(default)]
    pub ratio: Option<u64>,
    /// `vm.dirty_background_ratio`, percent.
    #[serde(default)]
    pub background_ratio: Option<u64>,
}
