//! What is not attached: which program, why, and what is not known without it.

use iocontend_wire::programs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Hook;

/// File systems whose syncs have hooks of their own.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SyncFs {
    /// ext2 to ext4.
    Ext4,
    /// xfs.
    Xfs,
    /// btrfs.
    Btrfs,
    /// xfs and btrfs, whose syncs end in the system call's exit.
    XfsBtrfs,
}

impl SyncFs {
    /// On which file systems the begin or the end of fsync(2) and fdatasync(2) comes from this program at this hook; `None` for what
    /// sees neither.
    pub fn timed_by(program: &str, hook: &str) -> Option<Self> {
        match program {
            programs::EXT4_SYNC_ENTER | programs::EXT4_SYNC_EXIT => Some(Self::Ext4),
            programs::XFS_SYNC_ENTER => Some(Self::Xfs),
            programs::BTRFS_SYNC_ENTER => Some(Self::Btrfs),
            programs::SYNC_SYSCALL_EXIT => {
                let is_plain = ["syscalls:sys_exit_fsync", "syscalls:sys_exit_fdatasync"];
                is_plain.contains(&hook).then_some(Self::XfsBtrfs)
            }
            _ => None,
        }
    }

    /// Whether a file system of this type, as the kernel names it, is one of these.
    pub fn has(self, fstype: &str) -> bool {
        match self {
            Self::Ext4 => matches!(fstype, "ext2" | "ext3" | "ext4"),
            Self::Xfs => fstype == "xfs",
            Self::Btrfs => fstype == "btrfs",
            Self::XfsBtrfs => matches!(fstype, "xfs" | "btrfs"),
        }
    }
}

/// What is lost when a program is not attached.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Loses {
    /// Everything: without it there is no measurement.
    Everything,
    /// Merged requests keep a slot until their memory is used again.
    Merges,
    /// Time between a requeue and the next issue counts as device time.
    Requeues,
    /// Arguments of short-lived processes.
    ShortLived,
    /// Exits are noticed late.
    Exits,
    /// Sync waits on one kind of file system.
    SyncWaits {
        /// Which.
        filesystem: SyncFs,
    },
    /// Waits of the targets' threads in calls without an event of their own.
    ThreadWaits,
    /// Run-queue delay.
    RunQueue,
    /// Which part of a write waited because of dirty pages.
    DirtyPauses,
    /// Waits in `sync` and its like.
    CallWaits,
    /// From when to when a sync through `io_uring` really took.
    UringSyncs,
    /// Whose pages a kernel thread writes back.
    Writers,
    /// Whose changes a journal's thread writes, and the phases of its commits.
    Journal,
    /// For whom threads of device-mapper submit.
    BehindMapper,
    /// For whom a loop device's worker uses its file.
    BehindLoops,
}

impl Loses {
    /// Each of them, with one of the file systems.
    pub const ALL: [Self; 15] = [
        Self::Everything,
        Self::Merges,
        Self::Requeues,
        Self::ShortLived,
        Self::Exits,
        Self::SyncWaits { filesystem: SyncFs::XfsBtrfs },
        Self::ThreadWaits,
        Self::RunQueue,
        Self::DirtyPauses,
        Self::CallWaits,
        Self::UringSyncs,
        Self::Writers,
        Self::Journal,
        Self::BehindMapper,
        Self::BehindLoops,
    ];
}

/// A program that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Name of the program in the object.
    pub program: &'static str,
    /// Where it would have gone.
    pub hook: Hook,
    /// Why not.
    pub reason: GapReason,
    /// What that costs.
    pub loses: Loses,
}

/// Why a program is left out, or another hook is not in place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum GapReason {
    /// The kernel has no such tracepoint (or its module is not loaded).
    NoTracepoint,
    /// tracefs could not be read, so classic tracepoints cannot be described.
    NoTracefs {
        /// Why not.
        why: NoFormats,
    },
    /// Addresses of the kernel's functions are hidden from whoever asks.
    SymbolsHidden,
    /// The kernel has no such function.
    NoSymbol {
        /// The function.
        symbol: String,
    },
    /// A needed field is missing.
    NoField {
        /// The field.
        field: String,
    },
    /// Members or symbols that lead to a request's owner are missing.
    NoMembers,
    /// Not needed on this host.
    NotNeeded,
    /// The kernel refused.
    Refused {
        /// Its words.
        error: String,
    },
    /// A reason of a newer version.
    #[serde(untagged)]
    Newer {
        /// Its name.
        code: String,
    },
    /// A reason as a capture or document of an earlier version has it: words that somebody else made.
    #[serde(untagged)]
    Recorded(String),
}

impl GapReason {
    /// Of a field.
    pub fn no_field(field: &str) -> Self {
        Self::NoField { field: field.to_owned() }
    }
}

/// Why formats of tracepoints cannot be read.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NoFormats {
    /// tracefs is not mounted where it is looked for.
    NotMounted,
    /// It is there, and whoever asks may not read it.
    NotPermitted,
}
