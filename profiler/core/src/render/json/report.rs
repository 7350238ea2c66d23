//! The document `iocontend.report/2` (described for readers in `profiler/docs/report.md`): a report with its sentences.
//!
//! Beside each sentence stands the same as a code with its values; only codes are read back. Owns the names of fields and
//! their order; what is not judged is borrowed from the report as it is.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::advice::AdviceDocument;
use super::diagnosis::{BlameDocument, DiagnosisDocument, GroupDocument, StallDocument};
use super::judged::{ActivityDocument, FindingDocument, JudgementDocument, RuleDocument, missing};
use crate::diagnosis::groups::Groups;
use crate::plan::GapReason;
use crate::redact::CommandLinesShown;
use crate::report::{
    Actor, AloneVsShared, Attached, Attribution, BlameCoverage, BpfCost, Coverage, Device,
    HookKind, Host, Note, Report, SCHEMA, SelfCheck, Target, Timeline, Tool, Window,
};
use crate::text::names::Names;
use crate::text::{Lang, notes};

/// The whole document.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(title = "iocontend report", rename = "Report")]
pub struct ReportDocument<'a> {
    /// Name and version of this document's shape: `iocontend.report/2`.
    schema: Cow<'a, str>,
    /// The program that wrote it.
    tool: Cow<'a, Tool>,
    /// The host it describes.
    #[serde(default)]
    host: Cow<'a, Host>,
    /// The time it covers.
    window: Cow<'a, Window>,
    /// What was asked for, and the actors that matched.
    #[serde(default)]
    targets: Cow<'a, [Target]>,
    /// Whether secrets are hidden in command lines, here and in the recording. Absent in reports of versions that hid none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command_lines: Option<CommandLinesShown>,
    /// What share of events and bytes the numbers stand for.
    #[serde(default)]
    coverage: CoverageDocument<'a>,
    /// Every block device that completed a request in the window, or was asked for.
    #[serde(default)]
    devices: Cow<'a, [Device]>,
    /// Everybody who caused IO or waited for it; all of them, not only the busiest.
    #[serde(default)]
    actors: Cow<'a, [Actor]>,
    /// Actors that are one to a person; each actor is in one.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "not_read")]
    groups: Vec<GroupDocument>,
    /// Who made whom wait. Absent when it was not computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blame: Option<Vec<BlameDocument>>,
    /// Victims' waits with and without a culprit at work. Absent when it was not computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alone_vs_shared: Option<Cow<'a, [AloneVsShared]>>,
    /// What each second was like for each victim. Absent when it was not computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeline: Option<Cow<'a, [Timeline]>>,
    /// Runs of syncs that took the heartbeat interval or longer, the first first. Absent when it was not computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stalls: Option<Vec<StallDocument>>,
    /// Whether it is the disk. Absent when it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verdict: Option<JudgementDocument>,
    /// The same of each victim, in numbers. Absent when it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "not_read")]
    diagnosis: Option<Vec<DiagnosisDocument>>,
    /// Every pattern that was looked for, and the answer. Absent when none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rules: Option<Vec<RuleDocument>>,
    /// Named patterns that were found. Absent when none was looked for; empty when none fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    findings: Option<Vec<FindingDocument>>,
    /// When backups were at work and targets waited far longer than usual, in which rhythm, and what the host's schedules
    /// say. Only for the whole time; absent when it was not computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    activity: Option<Vec<ActivityDocument>>,
    /// What to do about it. Absent when it was not computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    advice: Option<Vec<AdviceDocument>>,
}

impl<'a> ReportDocument<'a> {
    /// Of a report, in a language.
    pub(super) fn of(report: &'a Report, lang: Lang) -> Self {
        let names = &Names::of(report, lang);
        let groups = &Groups::of(report);
        Self {
            schema: Cow::Borrowed(SCHEMA),
            tool: Cow::Borrowed(&report.tool),
            host: Cow::Borrowed(&report.host),
            window: Cow::Borrowed(&report.window),
            targets: Cow::Borrowed(&report.targets),
            command_lines: report.command_lines,
            coverage: CoverageDocument::of(&report.coverage, lang),
            devices: Cow::Borrowed(&report.devices),
            actors: Cow::Borrowed(&report.actors),
            groups: GroupDocument::all(groups),
            blame: report.blame.as_deref().map(|rows| BlameDocument::all(rows, groups)),
            alone_vs_shared: report.alone_vs_shared.as_deref().map(Cow::Borrowed),
            timeline: report.timeline.as_deref().map(Cow::Borrowed),
            stalls: each(report.stalls.as_deref(), |one| StallDocument::of(one, groups)),
            verdict: report.verdict.as_ref().map(|one| JudgementDocument::of(one, names)),
            diagnosis: DiagnosisDocument::all(report),
            rules: each(report.rules.as_deref(), |one| RuleDocument::of(one, names)),
            findings: each(report.findings.as_deref(), |one| FindingDocument::of(one, names)),
            activity: each(report.activity.as_deref(), |one| ActivityDocument::of(one, lang)),
            advice: each(report.advice.as_deref(), |one| AdviceDocument::of(one, names)),
        }
    }

    /// The answer alone: without devices, actors, single seconds and charges, and what was looked for in vain, and of advice only what is
    /// recommended. Of the groups those that the diagnosis names, without their members.
    pub(super) fn into_brief(mut self) -> Self {
        (self.devices, self.actors) = (Cow::default(), Cow::default());
        (self.blame, self.alone_vs_shared, self.timeline) = (None, None, None);
        (self.rules, self.activity) = (None, None);
        self.coverage.attached.clear();
        self.coverage.bpf = None;
        for one in self.diagnosis.iter_mut().flatten() {
            one.keep_most(BRIEF_CAUSES);
        }
        let named: Vec<&str> =
            self.diagnosis.iter().flatten().flat_map(DiagnosisDocument::groups).collect();
        self.groups.retain(|group| named.contains(&group.id()));
        for group in &mut self.groups {
            group.leave_out_members();
        }
        if let Some(advice) = &mut self.advice {
            advice.retain(AdviceDocument::is_recommended);
            advice.truncate(BRIEF_ADVICE);
        }
        if let Some(stalls) = &mut self.stalls {
            StallDocument::keep_longest(stalls, BRIEF_STALLS);
        }
        if let Some(findings) = &mut self.findings {
            findings.truncate(BRIEF_FINDINGS);
        }
        self
    }

    /// The report again: by codes and numbers, not by sentences.
    pub(super) fn into_report(self) -> Report {
        Report {
            tool: self.tool.into_owned(),
            host: self.host.into_owned(),
            window: self.window.into_owned(),
            targets: self.targets.into_owned(),
            command_lines: self.command_lines,
            coverage: self.coverage.into_coverage(),
            devices: self.devices.into_owned(),
            actors: self.actors.into_owned(),
            blame: all(self.blame, BlameDocument::into_row),
            alone_vs_shared: self.alone_vs_shared.map(Cow::into_owned),
            timeline: self.timeline.map(Cow::into_owned),
            stalls: all(self.stalls, StallDocument::into_stall),
            verdict: self.verdict.map(JudgementDocument::into_judgement),
            rules: all(self.rules, RuleDocument::into_rule),
            findings: all(self.findings, FindingDocument::into_finding),
            activity: all(self.activity, ActivityDocument::into_activity),
            advice: all(self.advice, AdviceDocument::into_advice),
        }
    }
}

/// Causes of each victim that a brief document has.
const BRIEF_CAUSES: usize = 6;
/// Actions that it has.
const BRIEF_ADVICE: usize = 3;
/// Stalls that it has: those with the longest syncs.
const BRIEF_STALLS: usize = 3;
/// Findings that it has.
const BRIEF_FINDINGS: usize = 3;

/// What follows from the rest of a document, and may be a newer version's.
fn not_read<'de, T: Default, D: serde::Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer)?;
    Ok(T::default())
}

fn each<T, D>(all: Option<&[T]>, of: impl Fn(&T) -> D) -> Option<Vec<D>> {
    all.map(|all| all.iter().map(of).collect())
}

fn all<D, T>(all: Option<Vec<D>>, into: impl Fn(D) -> T) -> Option<Vec<T>> {
    all.map(|all| all.into_iter().map(into).collect())
}

/// What share of events and bytes the numbers stand for. `events_seen` = `events_kept` + all of `lost`;
/// the bytes of `attribution` sum to `io_bytes`.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Coverage")]
struct CoverageDocument<'a> {
    /// Events the kernel side met in the window.
    events_seen: u64,
    /// Events that are in the numbers.
    events_kept: u64,
    /// Events that are not, by reason.
    #[serde(default)]
    lost: Cow<'a, BTreeMap<String, u64>>,
    /// Bytes of all completed requests, over all devices.
    io_bytes: u64,
    /// The same bytes by the way they were given to an actor.
    #[serde(default)]
    attribution: Attribution,
    /// Runs and run time of each BPF program in the window. Absent when the kernel did not count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bpf: Option<Cow<'a, BTreeMap<String, BpfCost>>>,
    /// Memory of all BPF maps in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    map_bytes: Option<u64>,
    /// Our waits beside the target's own metric of them, for each etcd that could be asked. Only in reports of the
    /// whole window; absent when none answered.
    #[serde(default, skip_serializing_if = "<[SelfCheck]>::is_empty")]
    self_check: Cow<'a, [SelfCheck]>,
    /// What share of the waits and requests the matrix in `blame` stands for. Only in reports of the whole window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blame: Option<BlameCoverage>,
    /// Every hook that was wanted, and whether it is in place.
    #[serde(default)]
    attached: Vec<AttachedDocument>,
    /// What else a reader must know to trust the numbers.
    #[serde(default)]
    notes: Vec<String>,
    /// The same as codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    note_codes: Vec<Note>,
}

impl<'a> CoverageDocument<'a> {
    fn of(coverage: &'a Coverage, lang: Lang) -> Self {
        Self {
            events_seen: coverage.events_seen,
            events_kept: coverage.events_kept,
            lost: Cow::Borrowed(&coverage.lost),
            io_bytes: coverage.io_bytes,
            attribution: coverage.attribution,
            bpf: coverage.bpf.as_ref().map(Cow::Borrowed),
            map_bytes: coverage.map_bytes,
            self_check: Cow::Borrowed(&coverage.self_check),
            blame: coverage.blame,
            attached: coverage.attached.iter().map(|one| AttachedDocument::of(one, lang)).collect(),
            notes: coverage.notes.iter().map(|note| notes::note(lang, note)).collect(),
            note_codes: coverage.notes.clone(),
        }
    }

    fn into_coverage(self) -> Coverage {
        Coverage {
            events_seen: self.events_seen,
            events_kept: self.events_kept,
            lost: self.lost.into_owned(),
            io_bytes: self.io_bytes,
            attribution: self.attribution,
            bpf: self.bpf.map(Cow::into_owned),
            map_bytes: self.map_bytes,
            self_check: self.self_check.into_owned(),
            blame: self.blame,
            attached: self.attached.into_iter().map(AttachedDocument::into_attached).collect(),
            notes: self.note_codes,
        }
    }
}

/// One hook in the kernel.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Attached")]
struct AttachedDocument {
    /// The BPF program.
    program: String,
    /// Where it hangs, such as `block_rq_issue`.
    hook: String,
    /// What sort of hook it is.
    kind: HookKind,
    /// True when it is in place.
    attached: bool,
    /// Why it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The same as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason_code: Option<GapReason>,
}

impl AttachedDocument {
    fn of(one: &Attached, lang: Lang) -> Self {
        Self {
            program: one.program.clone(),
            hook: one.hook.clone(),
            kind: one.kind,
            attached: one.attached,
            reason: one.reason.as_ref().map(|reason| notes::reason(lang, reason)),
            reason_code: one.reason.clone(),
        }
    }

    fn into_attached(self) -> Attached {
        let unknown = self.reason.map(|_| GapReason::Newer { code: missing().code });
        Attached {
            program: self.program,
            hook: self.hook,
            kind: self.kind,
            attached: self.attached,
            reason: self.reason_code.or(unknown),
        }
    }
}
