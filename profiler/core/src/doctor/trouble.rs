//! What can be wrong or worth knowing on a host, by id and numbers; `text::doctor` says it and what to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{FileClass, Role};
use crate::plan::{GapReason, Loses, PlanError};
use crate::report::Newer;

/// Something that is wrong or worth knowing on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Trouble {
    /// Programs may not be loaded.
    NotPermitted {
        /// Effective user id.
        uid: u32,
        /// Capabilities that are missing.
        missing: Vec<String>,
    },
    /// Processes of others can be read in part only.
    MissingCapability {
        /// Capabilities that are missing.
        missing: Vec<String>,
    },
    /// The kernel is locked down so far that programs may not read its memory.
    Lockdown,
    /// A pid namespace of our own.
    ForeignPidNamespace,
    /// No type information.
    NoBtf {
        /// Where it was looked for.
        path: String,
        /// Why it cannot be used.
        error: String,
    },
    /// The kernel lacks something that nothing can replace.
    UnsupportedKernel {
        /// Its release.
        kernel: String,
        /// What it lacks.
        lack: Lack,
    },
    /// The object could not be loaded.
    LoadFailed {
        /// The kernel's words.
        error: String,
    },
    /// Too few descriptors may be open.
    FewDescriptors {
        /// The limit.
        limit: u64,
    },
    /// tracefs is not mounted where it is looked for.
    NoTracefs {
        /// Where it is; empty: nowhere.
        elsewhere: Vec<String>,
        /// Whether that is by the host's mounts, and not by those of whoever asks.
        on_host: bool,
    },
    /// tracefs is mounted and cannot be read.
    TracefsUnreadable {
        /// Where it is mounted; empty where that is not known.
        mounted_at: Vec<String>,
    },
    /// Addresses of the kernel's functions are not shown.
    SymbolsHidden,
    /// Hooks are missing.
    HookMissing {
        /// Which.
        hooks: Vec<String>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<GapReason>,
        /// What is lost.
        loses: Loses,
    },
    /// Hooks on system calls are used.
    SyscallHooks,
    /// Nothing looks like etcd.
    NoEtcd,
    /// The disk of a folder could not be told.
    DiskUnknown {
        /// Whose.
        comm: String,
        /// Its process id.
        pid: u32,
        /// The folder.
        path: String,
    },
    /// Others keep data on etcd's disk.
    SharedDisk {
        /// The disk.
        device: String,
        /// The first few of them.
        others: Vec<Keeper>,
        /// How many more there are.
        more: u64,
        /// Whether some of it is in a file system that etcd uses too.
        same_filesystem: bool,
        /// Whether that has a journal.
        same_journal: bool,
    },
    /// The kernel does not count the IO of disks.
    IostatsOff {
        /// Which.
        devices: Vec<String>,
    },
    /// No pressure accounting.
    NoPsi,
    /// IO is accounted by version 1.
    CgroupV1,
    /// IO is accounted by no hierarchy.
    NoIoController,
    /// One of a newer version, or of a document without codes.
    #[serde(untagged)]
    Newer(Newer),
}

impl Trouble {
    /// The name that stays the same.
    pub fn id(&self) -> &str {
        match self {
            Self::NotPermitted { .. } => "not-permitted",
            Self::MissingCapability { .. } => "missing-capability",
            Self::Lockdown => "lockdown",
            Self::ForeignPidNamespace => "foreign-pid-namespace",
            Self::NoBtf { .. } => "no-btf",
            Self::UnsupportedKernel { .. } => "unsupported-kernel",
            Self::LoadFailed { .. } => "load-failed",
            Self::FewDescriptors { .. } => "few-descriptors",
            Self::NoTracefs { .. } => "no-tracefs",
            Self::TracefsUnreadable { .. } => "tracefs-unreadable",
            Self::SymbolsHidden => "symbols-hidden",
            Self::HookMissing { .. } => "hook-missing",
            Self::SyscallHooks => "syscall-hooks",
            Self::NoEtcd => "no-etcd",
            Self::DiskUnknown { .. } => "disk-unknown",
            Self::SharedDisk { .. } => "shared-disk",
            Self::IostatsOff { .. } => "iostats-off",
            Self::NoPsi => "no-psi",
            Self::CgroupV1 => "cgroup-v1",
            Self::NoIoController => "no-io-controller",
            Self::Newer(newer) => &newer.code,
        }
    }

    /// Whether root would not have it.
    pub const fn is_for_lack_of_rights(&self) -> bool {
        matches!(
            self,
            Self::NotPermitted { .. }
                | Self::MissingCapability { .. }
                | Self::TracefsUnreadable { .. }
                | Self::SymbolsHidden
        )
    }
}

/// What a kernel lacks that nothing can replace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Lack {
    /// A tracepoint.
    NoTracepoint {
        /// Its name.
        tracepoint: String,
    },
    /// A tracepoint with the arguments that are known.
    OtherArguments {
        /// Its name.
        tracepoint: String,
        /// What it has.
        found: String,
        /// What is needed.
        expected: String,
    },
    /// A member of its types.
    NoMember {
        /// The member.
        member: String,
    },
}

impl From<&PlanError> for Lack {
    fn from(error: &PlanError) -> Self {
        match error {
            PlanError::NoTracepoint(name) => Self::NoTracepoint { tracepoint: (*name).to_owned() },
            PlanError::Prototype { name, found, expected } => Self::OtherArguments {
                tracepoint: (*name).to_owned(),
                found: found.clone(),
                expected: (*expected).to_owned(),
            },
            PlanError::NoMember(member) => Self::NoMember { member: (*member).to_owned() },
        }
    }
}

/// Somebody who keeps data on etcd's disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Keeper {
    /// Its role.
    pub role: Role,
    /// Its name.
    pub comm: String,
    /// Its process id.
    pub pid: u32,
    /// What the files are to it.
    pub file_class: FileClass,
    /// The path, in its own mount namespace.
    pub path: String,
}

/// Why hooks were not tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum NotTried {
    /// There is nothing to try.
    NothingToTry,
    /// It needs rights.
    NotPermitted,
    /// Too few descriptors may be open.
    FewDescriptors {
        /// The limit.
        limit: u64,
    },
    /// The object could not be loaded.
    LoadFailed {
        /// The kernel's words.
        error: String,
    },
    /// One of a newer version, or of a document without codes.
    #[serde(untagged)]
    Newer(Newer),
}

/// What a kernel does otherwise than others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Quirk {
    /// There is no `block_io_start` (new in 6.5).
    NoIoStart,
    /// Requests carry no owner cgroup.
    NoOwnerCgroup,
    /// One of a newer version, or of a document without codes.
    #[serde(untagged)]
    Newer(Newer),
}

/// A way in which IO is given to whoever caused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// To the submitter.
    Direct,
    /// `io_uring` and AIO.
    IoUringAio,
    /// Requests below device-mapper devices.
    DeviceMapper,
    /// To those who dirtied the pages.
    Writeback,
    /// Blocks of ext4's journal.
    JournalExt4,
    /// The log of xfs.
    LogXfs,
    /// Direct IO that a limit holds back.
    LimitedDirect,
    /// To the cgroup.
    OwnerCgroup,
    /// What dm-crypt's threads submit.
    DmCrypt,
    /// What a loop device's worker does.
    Loop,
    /// One of a newer version, by its name.
    #[serde(untagged)]
    Newer(String),
}

impl Way {
    /// The name in JSON and text.
    pub fn name(&self) -> &str {
        match self {
            Self::Direct => "direct",
            Self::IoUringAio => "io_uring_aio",
            Self::DeviceMapper => "device_mapper",
            Self::Writeback => "writeback",
            Self::JournalExt4 => "journal_ext4",
            Self::LogXfs => "log_xfs",
            Self::LimitedDirect => "limited_direct",
            Self::OwnerCgroup => "owner_cgroup",
            Self::DmCrypt => "dm_crypt",
            Self::Loop => "loop",
            Self::Newer(name) => name,
        }
    }
}

/// A group of hooks that somebody pays for who has no IO.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookGroup {
    /// At system calls.
    Syscalls,
    /// At the scheduler.
    Sched,
    /// One of a newer version, by its name.
    #[serde(untagged)]
    Newer(String),
}

impl HookGroup {
    /// The name in JSON and text.
    pub fn name(&self) -> &str {
        match self {
            Self::Syscalls => "syscalls",
            Self::Sched => "sched",
            Self::Newer(name) => name,
        }
    }
}
