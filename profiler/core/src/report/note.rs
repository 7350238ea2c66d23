//! Notes: what a report's numbers do not hold, by id and numbers. Captures hold the same.

use iocontend_wire::count::Count;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Newer;
use crate::capture::Damage;
use crate::event::DecodeError;
use crate::plan::{Gap, GapReason, Loses};
use crate::schedule::{Problem, Trouble};

/// A note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Note {
    /// A counter of the kernel side that is not zero.
    Counter {
        /// Its name.
        counter: String,
        /// Its value.
        value: u64,
    },
    /// A hook that is not in place.
    NotAttached {
        /// The hook.
        hook: String,
        /// Why.
        why: GapReason,
        /// What is lost without it.
        loses: Loses,
    },
    /// System calls are slowed a little.
    SyscallHooks,
    /// Program files, open files and folders of other users' processes cannot be read: CAP_SYS_PTRACE is missing.
    ProcessesHidden,
    /// `O_SYNC` writes on xfs are counted as `O_DSYNC` ones.
    OsyncOnXfs,
    /// Where waits in `sync` and its like come from.
    SyncCalls {
        /// Those of everybody, not only of targets.
        everybody: bool,
    },
    /// Losses are not known.
    NoLossCounters {
        /// The kernel's words.
        error: String,
    },
    /// The kernel does not say how often it left a program out.
    NoRecursionMisses,
    /// Files of a process are not told apart: the table is full.
    NoRoomForFiles {
        /// The process.
        pid: u32,
    },
    /// Threads of a target are not watched: the table is full.
    NoRoomForThreads {
        /// The target.
        pid: u32,
    },
    /// Old seconds or stalls were given up: there was no more memory for them.
    SecondsForgotten {
        /// Victims' files whose seconds were.
        series: u64,
        /// Stalls that were.
        stalls: u64,
    },
    /// Not all loop devices are known to the probes.
    NoRoomForLoops,
    /// A target that was none while this was recorded.
    NotTracked {
        /// The process.
        pid: u32,
    },
    /// The capture was cut off.
    CaptureTruncated {
        /// When statistics were last stored, seconds after the begin.
        seconds: u64,
    },
    /// The capture is damaged.
    CaptureCorrupt {
        /// In which way.
        damage: Damage,
        /// When statistics were last stored, seconds after the begin.
        seconds: u64,
    },
    /// Items of the capture that this version does not know.
    UnknownItems {
        /// Their kind.
        kind: String,
        /// How many.
        count: u64,
    },
    /// Recording ended before the watch.
    RecordingStopped {
        /// What came back.
        error: String,
    },
    /// A record that is shorter than its kind says.
    RecordTooShort {
        /// The kind's number.
        record: u8,
        /// Bytes found.
        bytes: u64,
    },
    /// A kind of record that this version does not know.
    UnknownRecord {
        /// The kind's number.
        record: u8,
    },
    /// A record with a stream key that cannot be one.
    ImpossibleKey {
        /// The key.
        key: u64,
    },
    /// Entries of the host's schedules that are missing.
    SchedulesMissing {
        /// The first few.
        entries: Vec<MissingEntry>,
        /// All of them.
        count: u64,
    },
    /// Captures that are left out of the history.
    HistoryLeftOut {
        /// How many.
        captures: u64,
    },
    /// One of a newer version.
    #[serde(untagged)]
    Newer(Newer),
    /// A note as a capture of an earlier version has it: a sentence that somebody else made.
    #[serde(untagged)]
    Recorded(String),
}

impl Note {
    /// The note of a counter that is not zero; `None` for counters that are shown elsewhere or cost nothing.
    pub fn counter(count: Count, value: u64) -> Option<Self> {
        let is_noted = matches!(
            count,
            Count::InFlightAtAttach
                | Count::StartNotSeen
                | Count::SlotOverwritten
                | Count::StreamTableFull
                | Count::DeviceTableFull
                | Count::FileTableFull
                | Count::CgroupTableFull
                | Count::ArgvUnreadable
                | Count::ThreadTableFull
                | Count::CommitLost
                | Count::DirtyFileLost
                | Count::ExtremeContended
        );
        is_noted.then(|| Self::Counter { counter: count.name().to_owned(), value })
    }

    /// The note of a hook that is not in place; `None` where nobody needs it.
    pub fn not_attached(gap: &Gap) -> Option<Self> {
        (gap.reason != GapReason::NotNeeded).then(|| Self::NotAttached {
            hook: gap.hook.name(),
            why: gap.reason.clone(),
            loses: gap.loses,
        })
    }
}

impl From<DecodeError> for Note {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Short { kind, len } => {
                Self::RecordTooShort { record: kind, bytes: len as u64 }
            }
            DecodeError::Kind(record) => Self::UnknownRecord { record },
            DecodeError::Key(key) => Self::ImpossibleKey { key },
        }
    }
}

/// An entry of the host's schedules that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissingEntry {
    /// The file, with the line.
    pub source: String,
    /// Why.
    pub why: Trouble,
}

impl From<&Problem> for MissingEntry {
    fn from(problem: &Problem) -> Self {
        Self { source: problem.source.clone(), why: problem.what }
    }
}
