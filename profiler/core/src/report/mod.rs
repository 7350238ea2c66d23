//! The report: what every command produces and every renderer reads.
//!
//! Owns its types and the checks that its sums agree. Computes nothing, formats nothing. It holds ids, numbers and names
//! from outside, no sentences: `text` makes them when a writer asks.
//!
//! Rules of the document: a value that is not known is absent, never 0; units are in the names
//! (`_ns`, `_us`, `_bytes`; plain counts have none; `bytes` is bytes); unknown fields are allowed when
//! reading.

mod activity;
mod actor;
mod advice;
mod agreement;
mod blame;
mod check;
mod code;
mod coverage;
mod device;
mod finding;
mod host;
#[cfg(test)]
pub(crate) mod judged_sample;
mod judgement;
mod lat;
mod note;
#[cfg(test)]
pub(crate) mod sample;
mod time;
mod timeline;
mod why;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use activity::{Activity, ActivityKind, ActivityWindow, Closest, NotYet, Period, Scheduled};
pub use actor::{Actor, ForcedBy, Io, Pod, Wait, WorstWait};
pub use advice::{Action, Advice, AdviceId, Effect, Expected, Risk, Verdict, Verify};
pub use agreement::check_agreement;
pub use blame::{ANYBODY, AloneVsShared, Blame, Mechanism, Part, SELF, UNEXPLAINED};
pub use check::check_consistency;
pub use code::{Newer, Share};
pub use coverage::{
    Attached, Attribution, BlameCoverage, BpfCost, Coverage, HookKind, Observed, SelfCheck,
};
pub use device::{Depth, Device, DeviceOp, Filesystem, InFlight};
pub use finding::{Caveat, Culprit, Evidence, Finding, Pattern, Severity, WaitKind};
pub use host::{CgroupVersion, Host, PsiIo};
pub use judgement::{
    Answer, Conclusion, Judgement, Reason, Rule, Standing, StartedBy, Starter, VictimState,
};
pub use lat::Lat;
pub use note::{MissingEntry, Note};
pub use time::rfc3339;
pub use timeline::{LongestSync, Mostly, OTHERS, Stall, StallCause, Timeline, TimelineCause};
pub use why::{Waits, Why};

use crate::redact::CommandLinesShown;

/// The schema that this version's document names.
pub const SCHEMA: &str = "iocontend.report/2";

/// The whole report. Writers make documents of it; `render::json` has the shape of the one for programs.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The program that wrote it.
    pub tool: Tool,
    /// The host it describes.
    pub host: Host,
    /// The time it covers.
    pub window: Window,
    /// What was asked for, and the actors that matched.
    pub targets: Vec<Target>,
    /// Whether secrets are hidden in command lines, here and in the recording. Absent in reports of versions that hid none.
    pub command_lines: Option<CommandLinesShown>,
    /// What share of events and bytes the numbers stand for.
    pub coverage: Coverage,
    /// Every block device that completed a request in the window, or was asked for.
    pub devices: Vec<Device>,
    /// Everybody who caused IO or waited for it; all of them, not only the busiest.
    pub actors: Vec<Actor>,
    /// Who made whom wait. Absent when it was not computed.
    pub blame: Option<Vec<Blame>>,
    /// Victims' waits with and without a culprit at work. Absent when it was not computed.
    pub alone_vs_shared: Option<Vec<AloneVsShared>>,
    /// What each second was like for each victim. Absent when it was not computed.
    pub timeline: Option<Vec<Timeline>>,
    /// Runs of syncs that took the heartbeat interval or longer, the first first. Absent when it was not computed.
    pub stalls: Option<Vec<Stall>>,
    /// Whether it is the disk. Absent when it was not asked.
    pub verdict: Option<Judgement>,
    /// Every pattern that was looked for, and the answer. Absent when none was.
    pub rules: Option<Vec<Rule>>,
    /// Named patterns that were found. Absent when none was looked for; empty when none fired.
    pub findings: Option<Vec<Finding>>,
    /// When backups were at work and targets waited far longer than usual, in which rhythm, and what the host's schedules
    /// say. Only for the whole time; absent when it was not computed.
    pub activity: Option<Vec<Activity>>,
    /// What to do about it. Absent when it was not computed.
    pub advice: Option<Vec<Advice>>,
}

impl Report {
    /// A report of a window with nothing in it yet.
    pub fn new(tool: Tool, host: Host, window: Window) -> Self {
        Self {
            tool,
            host,
            window,
            targets: Vec::new(),
            command_lines: None,
            coverage: Coverage::default(),
            devices: Vec::new(),
            actors: Vec::new(),
            blame: None,
            alone_vs_shared: None,
            timeline: None,
            stalls: None,
            verdict: None,
            rules: None,
            findings: None,
            activity: None,
            advice: None,
        }
    }

    /// The actor with this id.
    pub fn actor(&self, id: &str) -> Option<&Actor> {
        self.actors.iter().find(|actor| actor.id == id)
    }

    /// True when its command lines are as the processes have them.
    pub fn has_whole_command_lines(&self) -> bool {
        self.command_lines == Some(CommandLinesShown::Whole)
    }

    /// True when the actor matched one of the targets.
    pub fn is_target(&self, id: &str) -> bool {
        self.targets.iter().any(|target| target.actors.iter().any(|actor| actor == id))
    }
}

/// The program that wrote a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Its version, as in `iocontend --version`.
    pub version: String,
    /// SHA-256 of the loaded BPF object, hexadecimal. Absent when none was loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bpf_object_sha256: Option<String>,
}

/// The time a report covers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// Its start on the host's clock, RFC 3339 with the zone's offset (see [`rfc3339`]).
    pub start: String,
    /// Its end, likewise.
    pub end: String,
    /// Its length in nanoseconds by the monotonic clock; it may differ from `end` − `start`.
    pub duration_ns: u64,
}

impl Window {
    /// A window from its start and end (nanoseconds since 1970 UTC), the offset of the host's zone from
    /// UTC in seconds, and its length in nanoseconds by the monotonic clock.
    pub fn new(
        start_unix_ns: i64,
        end_unix_ns: i64,
        utc_offset_seconds: i32,
        duration_ns: u64,
    ) -> Self {
        Self {
            start: rfc3339(start_unix_ns, utc_offset_seconds),
            end: rfc3339(end_unix_ns, utc_offset_seconds),
            duration_ns,
        }
    }
}

/// One TARGET of the command line and what it matched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// The selector as given, such as `--pid-of etcd`; `auto` when none was given.
    pub selector: String,
    /// Ids of the actors that matched, now or earlier in the window.
    #[serde(default)]
    pub actors: Vec<String>,
}

#[cfg(test)]
mod doc_tests;
#[cfg(test)]
mod tests;
