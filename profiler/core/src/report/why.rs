//! Why an action is recommended, or refused.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Newer, Share};
use crate::ids::{Call, FileClass};

/// Waits that an action is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waits {
    /// The actor that waits.
    pub victim: String,
    /// In which call.
    pub call: Call,
    /// On files of which class. Absent when it is about the call on all files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_class: Option<FileClass>,
}

/// Why an action is recommended, or refused. Actors are named by their ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Why {
    /// The scheduler ignores IO priorities.
    NoPriorities {
        /// The scheduler.
        scheduler: String,
        /// The disk.
        device: String,
    },
    /// mq-deadline without aging.
    OldDeadline {
        /// The disk.
        device: String,
    },
    /// Others write its pages.
    WrittenByOthers {
        /// Whose.
        actor: String,
    },
    /// It is only the client.
    ClientOnly {
        /// Who.
        actor: String,
    },
    /// The wait arises behind the scheduler.
    BehindScheduler {
        /// The disk.
        device: String,
    },
    /// The wait arises in the scheduler's queue.
    InQueue {
        /// Which part of it.
        share: Share,
        /// The disk.
        device: String,
    },
    /// All threads have the idle priority already.
    AlreadyIdle {
        /// Whose.
        actor: String,
    },
    /// The scheduler is not known.
    SchedulerUnknown {
        /// The disk.
        device: String,
    },
    /// Its pages are in the journal that the victim waits for.
    JournalShared {
        /// Whose.
        actor: String,
        /// The file system's type. Absent when it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fstype: Option<String>,
        /// Where it is mounted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mount_point: Option<String>,
    },
    /// Its writeback is not charged to its cgroup.
    WritebackElsewhere {
        /// Whose.
        actor: String,
    },
    /// Cgroup version 1 charges writeback to the root.
    V1Writeback {
        /// Whose.
        actor: String,
    },
    /// Cgroup version 1 has no such file.
    V1Io,
    /// No hierarchy of version 2 has the controller.
    NoController {
        /// Which.
        controller: String,
    },
    /// It is in the root cgroup.
    RootCgroup {
        /// Who.
        actor: String,
    },
    /// It is in the cgroup of what starts it and others: cron, a runtime, sshd.
    InLauncher {
        /// Who.
        actor: String,
        /// The unit.
        unit: String,
    },
    /// It is in the victim's cgroup.
    WithVictim {
        /// Who.
        actor: String,
        /// The victim.
        victim: String,
    },
    /// Its cgroup is gone.
    CgroupGone {
        /// Whose.
        actor: String,
    },
    /// A parent does not pass the controller on.
    NotPassedOn {
        /// The parent.
        parent: String,
    },
    /// The kernel has no such file.
    NoFile {
        /// Which.
        file: String,
    },
    /// Its cgroup is not known.
    CgroupUnknown {
        /// Whose.
        actor: String,
    },
    /// The name of its cgroup leads elsewhere, or holds characters that are not printed as they are: no command is made of it.
    CgroupNotPlain {
        /// Whose.
        actor: String,
    },
    /// It does less than the ceiling already.
    BelowCeiling {
        /// Who.
        actor: String,
        /// What it does.
        bytes_per_s: u64,
    },
    /// It would help too little.
    NotWorth {
        /// The waits.
        waits: Waits,
        /// Their 99th percentile now.
        before_ns: u64,
        /// The same with the action.
        after_ns: u64,
    },
    /// Its bytes take the victim's place in the device.
    TakesDevice {
        /// Whose.
        actor: String,
        /// The part of the wait that it causes.
        share: Share,
        /// What it asks for.
        bytes_per_s: u64,
        /// What the disk did while busy.
        capability_bytes_per_s: u64,
    },
    /// Weights need iocost or BFQ.
    NoWeights {
        /// The disk.
        device: String,
        /// Its scheduler.
        scheduler: String,
    },
    /// iocost is on.
    IocostOn {
        /// For this disk.
        device: String,
    },
    /// Peers are held back for the victim.
    HoldsPeers,
    /// It follows pages into writeback.
    CoversWriteback {
        /// Whose.
        actor: String,
    },
    /// A small backlog keeps bursts short.
    Backlog {
        /// Whose.
        actor: String,
        /// The part of the wait that it causes.
        share: Share,
    },
    /// The limit is that low already.
    LimitIsLow {
        /// The limit.
        bytes: u64,
    },
    /// Others share its cgroup.
    CgroupShared {
        /// Whose.
        actor: String,
    },
    /// The client writes a file and renames it: nothing can be piped.
    PipeRenames,
    /// It can slow itself down.
    HasOption {
        /// Who.
        actor: String,
        /// The part of the wait that it causes.
        share: Share,
    },
    /// It can write past the page cache.
    CanWriteDirect {
        /// Who.
        actor: String,
        /// The part of the wait that it causes.
        share: Share,
    },
    /// It writes a backup to the victim's disk.
    OutputBeside {
        /// Who.
        actor: String,
        /// The part of the wait that it causes.
        share: Share,
    },
    /// The audit log causes a part of the wait.
    AuditBeside {
        /// Which part.
        share: Share,
    },
    /// It is on the same disk.
    SharesDisk {
        /// Who.
        actor: String,
        /// The part of the wait that it causes.
        share: Share,
    },
    /// Several backups made it wait.
    Overlap {
        /// How many.
        backups: u64,
    },
    /// A follower's wait delays less.
    FollowerHasTime {
        /// The part of the wait that the backup causes.
        share: Share,
    },
    /// The cluster has one member.
    SingleMember,
    /// The database is read from the disk.
    DbFaults {
        /// The part of its waits.
        share: Share,
    },
    /// Nobody makes the targets wait enough to matter.
    NobodyToBlame {
        /// The longest 99th percentile of their syncs.
        p99_ns: u64,
    },
    /// One of a newer version, or of a document without codes.
    #[serde(untagged)]
    Newer(Newer),
}
