//! Advice as the report stores it: what to do, why, and what to expect, by ids and numbers. Actions live in `advice`, words in
//! `text::advice`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Newer, Waits, Why};
use crate::change::Change;
use crate::ids::{Call, FileClass};

/// Whether an action is worth taking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It should help.
    Recommended,
    /// It would do nothing here, or harm.
    Refused,
}

/// What an action should do to its victim and its culprit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// The actor whose waits should become shorter.
    pub victim: String,
    /// In which call.
    pub call: Call,
    /// On files of which class. Absent when it is about the call on all files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_class: Option<FileClass>,
    /// The 99th percentile of these waits while the culprit was at work, in nanoseconds.
    pub p99_before_ns: u64,
    /// The same with the action, in nanoseconds.
    pub p99_expected_ns: u64,
    /// By how much that may be wrong, as a factor either way.
    pub error_factor: f64,
    /// How many times as long the culprit takes. Absent when the data do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub culprit_duration_factor: Option<f64>,
}

/// Declares the kinds of actions with their names.
macro_rules! kinds {
    ($($variant:ident = $name:literal, $what:literal;)*) => {
        /// A kind of action.
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(rename_all = "kebab-case")]
        pub enum AdviceId {
            $(#[doc = $what] $variant,)*
            /// One of a newer version, by its name.
            #[serde(untagged)]
            Newer(String),
        }

        impl AdviceId {
            /// The name in JSON, on the command line and in text.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Newer(name) => name,
                }
            }
        }
    };
}

kinds! {
    Ionice = "ionice", "A lower IO priority for a process.";
    IoMax = "io-max", "A ceiling for a cgroup's bytes.";
    IoWeight = "io-weight", "A small share of the disk for a cgroup.";
    IoLatency = "io-latency", "A latency goal for the victim.";
    IoPrioClass = "io-prio-class", "A priority class for all IO of a cgroup.";
    Scheduler = "scheduler", "Another IO scheduler.";
    DirtyLimit = "dirty-limit", "Fewer dirty pages on the host.";
    MemoryHigh = "memory-high", "Little memory for a cgroup, so that few of its pages are dirty.";
    Pace = "pace", "Slower at the source.";
    DirectIo = "direct-io", "Past the page cache.";
    MoveOutput = "move-output", "A backup goes to another disk or host.";
    MoveAuditLog = "move-audit-log", "The audit log goes to another disk.";
    MoveWal = "move-wal", "The WAL goes to a disk of its own.";
    SeparateDisk = "separate-disk", "The victim has a disk of its own.";
    Stagger = "stagger", "Backups do not run at the same time.";
    Follower = "follower", "The snapshot is taken from a follower.";
    EtcdFlags = "etcd-flags", "etcd keeps its database in memory.";
    LimitsUnchanged = "limits-unchanged", "Nothing is limited.";
}

/// An action, recommended or refused. Written as it is where no sentences are wanted; documents have them (`render::json`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    /// The kind of action.
    pub id: AdviceId,
    /// The action with its values.
    pub action: Action,
    /// Whether to take it.
    pub verdict: Verdict,
    /// Why.
    pub reason: Why,
    /// Whether nothing that can be set on this host helps, and this is what is left.
    pub nothing_here_helps: bool,
    /// The actor it would act on. `None` when it is about the whole host.
    pub culprit: Option<String>,
    /// What should change. `None` for a refused one.
    pub expected: Option<Expected>,
    /// The same in numbers. `None` when the data do not allow one.
    pub effect: Option<Effect>,
    /// What may go wrong; empty for a refused one.
    pub risks: Vec<Risk>,
    /// The settings it changes, for programs. Empty where it is no setting of this host, or one whose file is not there yet.
    pub changes: Vec<Change>,
    /// The commands that do it, each as a list of arguments.
    pub apply: Vec<Vec<String>>,
    /// The commands that take it back.
    pub undo: Vec<Vec<String>>,
    /// How to see whether it helped.
    pub verify: Option<Verify>,
}

/// An action with its values. Actors are named by their ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Action {
    /// The idle IO priority for a process.
    Ionice {
        /// Whom.
        actor: String,
    },
    /// A ceiling for a cgroup's bytes.
    IoMax {
        /// Whose.
        actor: String,
        /// Bytes per second that it may read. Absent when that is not limited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        read_bytes_per_s: Option<u64>,
        /// Bytes per second that it may write. Absent when that is not limited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        write_bytes_per_s: Option<u64>,
        /// On which disk.
        device: String,
    },
    /// A ceiling, where no value is proposed.
    SomeIoMax {
        /// Whose.
        actor: String,
    },
    /// A small share for a cgroup.
    IoWeight {
        /// Whose.
        actor: String,
        /// The weight.
        weight: u32,
        /// The file it is written to.
        file: String,
    },
    /// A small share, where no value is proposed.
    SomeIoWeight {
        /// Whose.
        actor: String,
    },
    /// A latency goal for the victim.
    IoLatency {
        /// The victim.
        victim: String,
        /// The goal.
        target_ns: u64,
        /// On which disk.
        device: String,
    },
    /// The idle class for all IO of a cgroup.
    IoPrioClass {
        /// Whose.
        actor: String,
    },
    /// Another scheduler.
    Scheduler {
        /// Of which disk.
        device: String,
        /// Which.
        scheduler: String,
    },
    /// Fewer dirty pages on the host.
    DirtyLimit {
        /// At most so many bytes.
        bytes: u64,
    },
    /// Less memory for a cgroup.
    MemoryHigh {
        /// Whose.
        actor: String,
        /// So many bytes.
        bytes: u64,
    },
    /// Slower at the source, by an option of its own.
    PaceByOption {
        /// Whom.
        actor: String,
        /// At how many bytes per second.
        bytes_per_s: u64,
        /// The option with its value.
        option: String,
    },
    /// Slower at the source, by pv.
    PaceByPv {
        /// Whom.
        actor: String,
        /// At how many bytes per second.
        bytes_per_s: u64,
    },
    /// A pipe through a rate limiter.
    PacePipe,
    /// Small writes past the page cache.
    DirectIo {
        /// Whose.
        actor: String,
    },
    /// The output goes elsewhere.
    MoveOutput {
        /// Whose.
        actor: String,
        /// From which disk.
        device: String,
    },
    /// The audit log goes elsewhere.
    MoveAuditLog {
        /// Whose.
        actor: String,
        /// From which disk.
        device: String,
    },
    /// The WAL goes elsewhere.
    MoveWal {
        /// Whose.
        victim: String,
        /// From which disk.
        device: String,
    },
    /// A disk of its own.
    SeparateDisk {
        /// Whose.
        victim: String,
        /// Instead of which.
        device: String,
    },
    /// Not at the same time.
    Stagger {
        /// Names of the programs.
        programs: Vec<String>,
    },
    /// The snapshot comes from a follower.
    Follower,
    /// The database is locked in memory.
    MemoryMlock {
        /// Whose.
        victim: String,
    },
    /// The limits stay as they are.
    LimitsUnchanged,
    /// One of a newer version, or of a document without codes.
    #[serde(untagged)]
    Newer(Newer),
}

/// What should change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Expected {
    /// What `effect` says.
    Effect,
    /// Waits should become shorter; by how much cannot be told, for too few were seen.
    TooFewWaits {
        /// The waits.
        waits: Waits,
        /// How many were seen.
        count: u64,
    },
    /// Waits should become shorter; by how much cannot be told, for how the disk answers was not measured.
    NotMeasured {
        /// The waits.
        waits: Waits,
    },
    /// Nothing.
    Nothing,
    /// One of a newer version, or of a document without codes.
    #[serde(untagged)]
    Newer(Newer),
}

/// What may go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Risk {
    /// Only the culprit is slower.
    CulpritSlower,
    /// Others in its cgroup too.
    CgroupSlower {
        /// The cgroup.
        cgroup: String,
    },
    /// A ceiling wastes what nobody uses.
    NotConserving,
    /// A runtime makes the cgroup anew, and forgets the value.
    ForgottenByRuntime {
        /// A kubelet's; else that of a container runtime alone.
        kubelet: bool,
    },
    /// A unit's program makes the cgroup anew (`Delegate=`), and forgets the value.
    ForgottenByUnit {
        /// The unit.
        unit: String,
    },
    /// The idle class may wait long.
    MayStarve,
    /// All writers of the host wait earlier.
    AllWriters,
    /// It stands still in reclaim.
    ReclaimStalls,
    /// Pages may be charged to others.
    PagesOfOthers,
    /// The victim's journal waits too.
    CommitWaits,
    /// The whole disk may be slower.
    DiskCost,
    /// All peers are held back.
    Peers,
    /// A restart.
    Restart,
    /// A stop and a move of data.
    MoveData,
    /// Pages pile up all the same.
    BacklogStays,
    /// Memory that nobody else has then.
    Memory,
    /// Stale data.
    Stale,
    /// Planning.
    Plan,
    /// The disk is one of a stack.
    Stacked,
    /// None.
    None,
    /// One of a newer version, or of a document without codes.
    #[serde(untagged)]
    Newer(Newer),
}

/// How to see whether it helped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Verify {
    /// Watch again, and compare.
    Compare {
        /// These waits.
        waits: Waits,
    },
    /// Ask how fresh the follower is.
    FollowerFresh,
    /// Watch over the time of a backup.
    WatchLonger,
    /// One of a newer version, or of a document without codes.
    #[serde(untagged)]
    Newer(Newer),
}
