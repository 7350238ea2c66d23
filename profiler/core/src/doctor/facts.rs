//! What the edge found out: observations for the judgement, nothing judged.

use crate::facts::HostFacts;
use crate::ids::{Dev, FileClass, Role};
use crate::plan::{Hook, NoFormats, Plan, PlanError};

/// Everything that was looked at.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The host and its disks.
    pub host: HostFacts,
    /// Architecture, as `uname -m` prints it.
    pub machine: Option<String>,
    /// Who asks.
    pub asker: Asker,
    /// The kernel's type information: where, and its size or why it cannot be read.
    pub btf: BtfSeen,
    /// Where tracefs is mounted, by our own mounts.
    pub tracefs_mounts: Vec<String>,
    /// Where process 1 has it, by other mounts than ours.
    pub tracefs_on_host: Vec<String>,
    /// Where formats of tracepoints could be read, or why not; `None` where nobody looked.
    pub tracefs_read: Option<Result<String, NoFormats>>,
    /// What `watch` would attach, or why nothing can be measured; `None` without type information.
    pub plan: Option<Result<Plan, PlanError>>,
    /// What happened when it was tried.
    pub trial: Trial,
    /// Bytes of maps that the plan asks for.
    pub planned_map_bytes: Option<u64>,
    /// Cgroup hierarchies.
    pub cgroups: CgroupsSeen,
    /// More about disks, by kernel name.
    pub disks: Vec<DiskSeen>,
    /// More about file systems, by device number.
    pub filesystems: Vec<FsSeen>,
    /// What processes with a role keep where.
    pub data: Vec<DataSeen>,
}

/// Who asks, and what that is allowed.
#[derive(Clone, Debug, Default)]
pub struct Asker {
    /// Effective user id.
    pub uid: u32,
    /// Effective capabilities, a bit each; `None` when they cannot be read.
    pub capabilities: Option<u64>,
    /// Whether it is in the host's first pid namespace.
    pub host_pids: Option<bool>,
    /// The kernel's lockdown: `none`, `integrity` or `confidentiality`.
    pub lockdown: Option<String>,
}

/// The kernel's type information.
#[derive(Clone, Debug, Default)]
pub struct BtfSeen {
    /// Where it was looked for.
    pub path: String,
    /// Its size.
    pub bytes: Option<u64>,
    /// Why it cannot be used.
    pub error: Option<String>,
}

/// An attempt to load and attach everything.
#[derive(Clone, Debug, Default)]
pub enum Trial {
    /// Not tried: not permitted, or nothing to try.
    #[default]
    NotTried,
    /// The object as a whole could not be loaded; the kernel's words.
    Failed(String),
    /// There are too few descriptors; the limit.
    FewDescriptors(u64),
    /// Each hook on its own.
    Tried {
        /// Program, hook, and the kernel's words where it refused.
        hooks: Vec<(&'static str, Hook, Option<String>)>,
        /// Memory of all maps as the kernel counts it.
        map_bytes: u64,
    },
}

/// Cgroup hierarchies.
#[derive(Clone, Debug, Default)]
pub struct CgroupsSeen {
    /// Where the unified hierarchy is mounted.
    pub v2_mount: Option<String>,
    /// Controllers of its root.
    pub v2_controllers: Vec<String>,
    /// Controllers on version 1.
    pub v1_controllers: Vec<String>,
}

/// What a disk's folder says beyond its facts.
#[derive(Clone, Debug, Default)]
pub struct DiskSeen {
    /// Kernel name.
    pub name: String,
    /// Whether the kernel counts its IO.
    pub iostats: Option<bool>,
    /// The file below a loop device.
    pub loop_file: Option<String>,
    /// The device number of the file system on which that file lies.
    pub loop_fs: Option<Dev>,
}

/// What a file system says beyond its mount.
#[derive(Clone, Debug, Default)]
pub struct FsSeen {
    /// Its device number.
    pub dev: Option<Dev>,
    /// All options as `/proc/fs/ext4/X/options` has them, one by one.
    pub all_options: Vec<String>,
    /// ext4's journal thread: its name, or empty when the kernel says that there is none.
    pub journal_thread: Option<String>,
    /// Whether there is a folder in `/proc/fs/jbd2` for a journal inside this file system.
    pub internal_journal: bool,
    /// The block device's kernel name.
    pub device: Option<String>,
}

/// A place where a process with a role keeps data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSeen {
    /// Process id.
    pub pid: u32,
    /// Its name.
    pub comm: String,
    /// Its unit.
    pub unit: Option<String>,
    /// Its role.
    pub role: Role,
    /// What the files there are to it.
    pub file_class: FileClass,
    /// The path, in its own mount namespace.
    pub path: String,
    /// The device number of the file system.
    pub fs: Option<Dev>,
}
