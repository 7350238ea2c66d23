//! When backups were at work, when targets waited far longer than usual, and in which rhythm.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Newer;
use crate::ids::Role;
use crate::period;

/// What an activity is.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ActivityKind {
    /// A backup was at work.
    #[default]
    Backup,
    /// A target's waits were far longer than usual.
    Peaks,
    /// A backup that the host's schedules name, and that was not seen at work.
    Scheduled,
}

/// Why no period is claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum NotYet {
    /// It did not happen often enough.
    TooFew {
        /// How often it began.
        starts: u32,
        /// The period that what was seen would fit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        closest: Option<Closest>,
    },
    /// A period fits, but may be chance.
    NotSignificant {
        /// The period.
        seconds: u64,
        /// Cycles with a run.
        cycles: u32,
        /// Cycles that were watched and had none.
        missed: u32,
    },
    /// It happened often enough, and no period fits.
    Irregular {
        /// How often it began.
        starts: u32,
    },
    /// It was not seen at work: only the schedules name it.
    NotSeen,
    /// One of a newer version, or of a document without codes.
    #[serde(untagged)]
    Newer(Newer),
}

/// A period that would fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Closest {
    /// The period.
    pub seconds: u64,
    /// How many cycles of it were seen.
    pub cycles: u32,
}

impl From<period::NotYet> for NotYet {
    fn from(found: period::NotYet) -> Self {
        match found {
            period::NotYet::TooFew { starts, closest } => Self::TooFew {
                starts,
                closest: closest.map(|(seconds, cycles)| Closest { seconds, cycles }),
            },
            period::NotYet::NotSignificant { period_s, seen, missed } => {
                Self::NotSignificant { seconds: period_s, cycles: seen, missed }
            }
            period::NotYet::Irregular { starts } => Self::Irregular { starts },
        }
    }
}

/// Windows of one activity, by program across restarts: a backup is a new process each time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Activity {
    /// What it is.
    pub kind: ActivityKind,
    /// The program and the words of its command that do not change, such as `etcdctl snapshot save`.
    pub name: String,
    /// What part it plays on this host.
    pub role: Role,
    /// Ids of the processes, in the order of their numbers.
    pub actors: Vec<String>,
    /// When, in order.
    pub windows: Vec<ActivityWindow>,
    /// Older windows that were not kept. Absent when there are none.
    pub forgotten: Option<u64>,
    /// The rhythm in which it begins. Absent when none is claimed; then `not_yet` says why.
    pub period: Option<Period>,
    /// Further rhythms of what does not belong to the first one.
    pub further_periods: Vec<Period>,
    /// Why no period is claimed.
    pub not_yet: Option<NotYet>,
    /// The entry of the host's schedules that it belongs to. Absent when none was found or looked for.
    pub schedule: Option<Scheduled>,
    /// Of a backup: windows in which (or up to five seconds after) waits of a target were far longer than usual. Absent
    /// where nothing is known of any target's waits.
    pub windows_with_peaks: Option<u64>,
}

/// One window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActivityWindow {
    /// Its begin on the host's clock, RFC 3339 with the zone's offset.
    pub start: String,
    /// Its end, likewise.
    pub end: String,
    /// Bytes of IO in it. Absent for peaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Waits far above the usual. Absent for backups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<u64>,
    /// The longest of them, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst_ns: Option<u64>,
}

/// A rhythm that was seen often enough.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Period {
    /// From one begin to the next, in seconds.
    pub seconds: u64,
    /// When in the period, in seconds of local time after midnight (of a week: after Monday's midnight), below
    /// `seconds`. Absent when it is not at a fixed time of the clock.
    pub phase_seconds: Option<u64>,
    /// How far begins were off at most, in seconds.
    pub spread_seconds: f64,
    /// Cycles in which it began.
    pub cycles: u32,
    /// Cycles that were watched and in which it did not.
    pub missed: u32,
    /// Begins that do not belong to it.
    pub others: u32,
    /// How probable it is that it begins in the next cycle too, 0 to 1: (cycles + 1) / (cycles + missed + 2).
    pub confidence: f64,
    /// A bound on the probability that begins at random times look this regular, 0 to 1.
    pub significance: f64,
}

/// An entry of the host's schedules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scheduled {
    /// The file, with its line where it has several entries.
    pub source: String,
    /// When, as it stands there.
    pub entry: String,
    /// What runs, as it stands there.
    pub command: String,
    /// Whether what was seen began when the entry was due. Absent when that cannot be told yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times_agree: Option<bool>,
    /// Whether the command, the shell that started it, or the systemd unit is the entry's.
    pub command_agrees: bool,
    /// When it is due next after the window, RFC 3339. Absent where that is no time of the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
