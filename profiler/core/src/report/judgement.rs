//! What the report says in a word: the verdict of the window, and how every rule answered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LongestSync, Mostly, Newer, Pattern, Share, WaitKind};
use crate::ids::FileClass;
use crate::plan::{GapReason, SyncFs};

/// The state that victims are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VictimState {
    /// No wait for the disk is above its limit.
    Fine,
    /// The disk is slow by itself: the targets wait too long, and nobody else is the reason.
    SlowDisk,
    /// The targets wait too long because others use the disk.
    Contended,
    /// The targets wait too long because a limit holds their own IO back.
    Throttled,
    /// The targets wait too long because their threads are ready and have no CPU.
    CpuStarved,
    /// The targets' waits are not for the disk.
    NotTheDisk,
    /// What was seen does not suffice.
    CannotTell,
}

/// The answer to "is it the disk?", with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub answer: VictimState,
    /// What it comes to.
    pub conclusion: Conclusion,
    /// What it rests on, and what is missing.
    pub because: Vec<Reason>,
}

/// Where the waits of a victim on one class of files stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// The actor that waits.
    pub victim: String,
    /// On what sort of file.
    pub file_class: FileClass,
    /// In which sort of call. Absent without waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<WaitKind>,
    /// The 99th percentile.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// The limit it is held against.
    pub limit_ns: u64,
}

/// What a verdict comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Conclusion {
    /// Others cause the waits.
    OthersCause {
        /// The part of the waits that are too long.
        share: Share,
        /// The first of them: actors' ids.
        culprits: Vec<String>,
        /// The worst of these waits.
        worst: Standing,
    },
    /// Waits are fine on the whole, but not at times.
    AtTimes {
        /// The finding that says when: its place in `findings`.
        finding: usize,
    },
    /// The threads were ready and had no CPU.
    CpuStarved {
        /// The part of the waits that are too long in which they had none.
        ready: Share,
        /// Others' part of the same waits, on the disk. Absent when it was not computed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        others: Option<Share>,
        /// The worst of these waits.
        worst: Standing,
    },
    /// The threads were on a CPU.
    NoCpu {
        /// The worst of the waits.
        worst: Standing,
    },
    /// The disk itself.
    DiskItself {
        /// The disk's part of the waits that are too long.
        disk: Share,
        /// That of others.
        others: Share,
        /// The worst of these waits.
        worst: Standing,
    },
    /// Others stall the victims now and then.
    Stalls {
        /// The finding that says whom and who: its place in `findings`.
        finding: usize,
    },
    /// A limit holds their own IO back.
    LimitHolds {
        /// Its part of the waits that are too long.
        limit: Share,
        /// That of others.
        others: Share,
        /// The worst of these waits.
        worst: Standing,
    },
    /// No wait is too long.
    WaitsFine {
        /// The one that is nearest to its limit.
        worst: Standing,
    },
    /// Waits are fine on the whole, but for stalls that no culprit was found for.
    FineButStalls {
        /// The wait that is nearest to its limit.
        worst: Standing,
        /// How many stalls.
        stalls: u64,
        /// The longest sync in them.
        longest: LongestSync,
        /// What makes the largest part of their time.
        mostly: Mostly,
    },
    /// It cannot be told.
    Missing {
        /// What is missing.
        reason: Reason,
    },
    /// One of a newer version, or of a document without codes.
    #[serde(untagged)]
    Newer(Newer),
}

impl Conclusion {
    /// Whether this reason is part of it already.
    pub fn holds(&self, reason: &Reason) -> bool {
        match (self, reason) {
            (
                Self::OthersCause { worst, .. }
                | Self::CpuStarved { worst, .. }
                | Self::NoCpu { worst }
                | Self::DiskItself { worst, .. }
                | Self::LimitHolds { worst, .. }
                | Self::WaitsFine { worst }
                | Self::FineButStalls { worst, .. },
                Reason::Stands(standing),
            ) => worst == standing,
            (
                Self::FineButStalls { stalls, longest, mostly, .. },
                Reason::StallsOfNobody { count, longest: own, mostly: most },
            ) => (stalls, longest, mostly) == (count, own, most),
            (Self::Missing { reason: own }, reason) => own == reason,
            _ => false,
        }
    }
}

/// What a verdict rests on, or why something cannot be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Reason {
    /// Where waits stand.
    Stands(Standing),
    /// To whom the waits that are too long are charged.
    Shares {
        /// Others with a name.
        named: Share,
        /// Others without.
        unnamed: Share,
        /// The disk itself.
        disk: Share,
        /// The CPU, or a lack of it.
        cpu: Share,
        /// Neither who nor how is known.
        unexplained: Share,
    },
    /// No target was there.
    NoTarget,
    /// No target waited on files that a limit is known for.
    NoWaits,
    /// Too few waits.
    TooFewWaits {
        /// How many there were.
        count: u64,
        /// How many it takes.
        needed: u64,
    },
    /// Whom the waits are due to was not computed.
    NoBlame {
        /// On this sort of file; absent where none was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file_class: Option<FileClass>,
    },
    /// Too many events were lost.
    EventsLost {
        /// How many.
        lost: u64,
        /// Of how many.
        seen: u64,
    },
    /// The waits were not taken apart.
    NotTakenApart,
    /// Waits in write(2) and in page faults were not watched.
    NoThreadWaits,
    /// Syncs of a target are not timed: hooks of its file system are not in place.
    SyncsNotTimed {
        /// On these file systems.
        filesystem: SyncFs,
        /// The first hook that is missing.
        hook: String,
        /// Why it is. Absent when it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<GapReason>,
    },
    /// Logs and metrics are not read.
    LogsNotRead,
    /// Stalls that no culprit was found for.
    StallsOfNobody {
        /// How many.
        count: u64,
        /// The longest sync in them.
        longest: LongestSync,
        /// What makes the largest part of their time.
        mostly: Mostly,
    },
    /// Single seconds were not looked at.
    NoTimeline,
    /// One of a newer version, or of a document without codes.
    #[serde(untagged)]
    Newer(Newer),
}

/// How a rule answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Its pattern was found: `findings` has it.
    Fires,
    /// Its pattern is not there.
    Quiet,
    /// It cannot say, for the reason beside it.
    NotYet,
}

/// One rule that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The pattern.
    pub id: Pattern,
    /// Its answer.
    pub answer: Answer,
    /// Why it cannot say. Only beside [`Answer::NotYet`].
    pub reason: Option<Reason>,
}

/// What sort of program starts others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Starter {
    /// cron and its relatives.
    Cron,
    /// systemd: a unit, also one that a timer starts.
    Systemd,
    /// A container runtime or the kubelet.
    Container,
    /// A session over the network.
    Ssh,
    /// A session on a console.
    Login,
}

/// The nearest ancestor that starts programs for others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StartedBy {
    /// What sort it is.
    pub how: Starter,
    /// Its name; for systemd the unit, where that is known.
    pub name: String,
    /// Its process id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}
