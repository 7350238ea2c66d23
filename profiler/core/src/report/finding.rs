//! Findings as the report stores them: the pattern, whom it is about, and numbers. Rules live in `findings`, words in `text`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Newer, NotYet, Share};
use crate::ids::FileClass;

/// How much a finding matters.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Above a line that users care about.
    Warning,
    /// Service suffers.
    Critical,
}

/// Declares the patterns with their names.
macro_rules! patterns {
    ($($variant:ident = $name:literal, $what:literal;)*) => {
        /// A pattern that rules look for.
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(rename_all = "kebab-case")]
        pub enum Pattern {
            $(#[doc = $what] $variant,)*
            /// One of a newer version, by its name.
            #[serde(untagged)]
            Newer(String),
        }

        impl Pattern {
            /// All that this version knows.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in JSON and text.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Newer(name) => name,
                }
            }
        }
    };
}

patterns! {
    SnapshotContention = "snapshot-contention", "A backup at work makes the victim wait.";
    ColocatedDisk = "colocated-disk", "Others that are no backups share the disk.";
    JournalEntanglement = "journal-entanglement", "Syncs wait for commits that others filled.";
    PreFsyncStall = "pre-fsync-stall", "write(2) on the log blocks while its syncs are fine.";
    SnapshotReadBurst = "snapshot-read-burst", "etcd's own reads of its database queue ahead of its log.";
    DbPageFaults = "db-page-faults", "Pages of the database were evicted and fault back in.";
    SlowDisk = "slow-disk", "Waits are long at low depth, and nobody is to blame.";
    Throttled = "throttled", "A limit of the kernel's holds the victim.";
    CpuStarved = "cpu-starved", "The victim's threads are ready and have no CPU.";
    FlushBound = "flush-bound", "Flushing the device's cache is most of every sync.";
    Stalls = "stalls", "Others make single syncs take the heartbeat interval or longer.";
    NotTheDisk = "not-the-disk", "Waits are fine while requests are slow.";
}

/// A sort of call.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum WaitKind {
    /// fsync and its relatives.
    Sync,
    /// write(2), as long as it was blocked.
    Write,
    /// A page fault that waited.
    Fault,
}

impl WaitKind {
    /// The name in JSON and text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Write => "write",
            Self::Fault => "fault",
        }
    }
}

/// The numbers a finding rests on; the fields in the order of their names. What does not belong to a pattern is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Waits while the first culprit had nothing in the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone_count: Option<u64>,
    /// Their mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone_mean_ns: Option<u64>,
    /// Their 99th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone_p99_ns: Option<u64>,
    /// Part of the window in which the device had requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_share: Option<Share>,
    /// Time that is charged to those it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged_ns: Option<u64>,
    /// Number of waits.
    pub count: u64,
    /// 99th percentile of the device's requests, from issue to completion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d2c_p99_ns: Option<u64>,
    /// What the victim read of its database from the disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db_read_bytes: Option<u64>,
    /// Requests in the device while there were any, to a hundredth.
    // Kept as it is, for a sentence rounds it otherwise: 1.749 is 1.7, and 1.75 is 1.8.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "super::code::to_a_hundredth"
    )]
    pub depth_while_busy: Option<f64>,
    /// On what sort of file the victim waited.
    pub file_class: FileClass,
    /// Cache-flush commands that reached the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flush_commands: Option<u64>,
    /// The limit that the 99th percentile is held against.
    pub limit_ns: u64,
    /// The longest wait.
    pub max_ns: u64,
    /// The mean wait.
    pub mean_ns: u64,
    /// The 99th percentile.
    pub p99_ns: u64,
    /// The file, or the folder of all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The part of the waits' time that the pattern makes, to a thousandth.
    pub share: Share,
    /// Waits while the first culprit had requests in the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_count: Option<u64>,
    /// Their mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_mean_ns: Option<u64>,
    /// Their 99th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_p99_ns: Option<u64>,
    /// Time of all waits.
    pub sum_ns: u64,
    /// Number of stalls that others cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalls: Option<u64>,
    /// Time of their long syncs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalled_ns: Option<u64>,
    /// Begin of the longest of these syncs, RFC 3339 with the zone's offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall_start: Option<String>,
    /// Number of syncs beside them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_count: Option<u64>,
    /// Their 99th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_p99_ns: Option<u64>,
    /// Time in which a limit held the waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle_ns: Option<u64>,
    /// The sort of call.
    pub wait: WaitKind,
}

/// Somebody who causes a finding or a stall: a process, or the runs of one program in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Culprit {
    /// The actor; of several runs the one that is charged with most.
    pub actor: String,
    /// How many runs it stands for.
    pub runs: u64,
    /// The part of the victim's wait that is charged to it, to a thousandth.
    pub share: Share,
}

/// A named pattern that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The pattern.
    pub id: Pattern,
    /// How much it matters.
    pub severity: Severity,
    /// How sure it is, 0 to 1.
    pub confidence: f64,
    /// The actor or device it is about.
    pub subject: String,
    /// The actor that waits.
    pub victim: String,
    /// The device on which most of it happened; `None` where that is not known.
    pub device: Option<String>,
    /// The actors that cause it.
    pub culprits: Vec<Culprit>,
    /// The numbers it rests on; `None` where a document of another version has others.
    pub evidence: Option<Evidence>,
    /// The part of the victim's wait that others cause, where the finding is about somebody or something else.
    pub others_share: Option<Share>,
    /// When its culprits are at work: the place in the report's `activity`.
    pub activity: Option<usize>,
    /// What speaks against it or was not looked at.
    pub caveats: Vec<Caveat>,
}

/// What speaks against a finding, or was not looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Caveat {
    /// A percentile of few waits.
    FewWaits {
        /// How many.
        count: u64,
    },
    /// Events were lost.
    EventsLost {
        /// How many.
        lost: u64,
        /// Of how many.
        seen: u64,
    },
    /// Bytes that belong to nobody.
    Unattributed {
        /// How many.
        bytes: u64,
        /// Of how many.
        io_bytes: u64,
    },
    /// A part of the waits is not explained.
    Unexplained {
        /// Which part.
        share: Share,
    },
    /// Measured side by side, waits are no longer beside the first culprit.
    NotLonger,
    /// Waits with and without the first culprit could not be compared.
    NotCompared,
    /// Commits are shared by blocks.
    SharedByBlocks,
    /// Whether it comes again is not known.
    NoPeriod {
        /// Why; absent where it was not looked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<NotYet>,
    },
    /// Who asked for the data is not seen.
    AskerUnseen,
    /// Most of it are pauses for dirty pages.
    DirtyPages,
    /// Who filled the page cache is not known.
    WriterUnknown,
    /// Who took the memory is not seen.
    MemoryTakerUnseen,
    /// Which of the kernel's limits it is is not seen.
    LimitUnseen,
    /// Nothing is seen below the device.
    BelowDeviceUnseen,
    /// Who had the CPU is not seen.
    WhoRanUnseen,
    /// A cgroup's limit that is set.
    LimitSet {
        /// The file.
        file: String,
        /// The cgroup.
        cgroup: String,
        /// The disk.
        device: String,
        /// What is set, as it stands there.
        value: String,
    },
    /// iocost is on.
    IocostOn {
        /// For this disk.
        device: String,
    },
    /// No cgroup's limit is set: what is left are the disk's.
    LimitOfDisk {
        /// The disk.
        device: String,
        /// The goal of writeback throttling, microseconds; 0 is off, absent is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wbt_us: Option<u64>,
        /// Requests of its queue; absent is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nr_requests: Option<u32>,
    },
    /// One of a newer version.
    #[serde(untagged)]
    Newer(Newer),
}
