//! Verdict, rules, findings and activity in the document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::Role;
use crate::report::{
    Activity, ActivityKind, ActivityWindow, Answer, Caveat, Conclusion, Culprit, Evidence, Finding,
    Judgement, Newer, NotYet, Pattern, Period, Reason, Rule, Scheduled, Severity, Share,
    VictimState,
};
use crate::text::names::Names;
use crate::text::{Lang, findings, periods};

/// What a document without codes says: sentences are not read.
pub(super) fn missing() -> Newer {
    Newer { code: "without_code".to_owned() }
}

/// The answer to "is it the disk?", with its reasons.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Judgement")]
pub(super) struct JudgementDocument {
    /// The verdict.
    answer: VictimState,
    /// It in one sentence for people.
    summary: String,
    /// The same as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary_code: Option<Conclusion>,
    /// What it rests on, and what is missing, a sentence each.
    #[serde(default)]
    because: Vec<String>,
    /// The same as codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    because_codes: Vec<Reason>,
}

impl JudgementDocument {
    pub(super) fn of(one: &Judgement, names: &Names<'_>) -> Self {
        Self {
            answer: one.answer,
            summary: findings::conclusion(names, &one.conclusion),
            summary_code: Some(one.conclusion.clone()),
            because: one.because.iter().map(|reason| findings::reason(names, reason)).collect(),
            because_codes: one.because.clone(),
        }
    }

    pub(super) fn into_judgement(self) -> Judgement {
        Judgement {
            answer: self.answer,
            conclusion: self.summary_code.unwrap_or_else(|| Conclusion::Newer(missing())),
            because: self.because_codes,
        }
    }
}

/// One rule that was asked.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Rule")]
pub(super) struct RuleDocument {
    /// The pattern, as in `findings[].id`.
    id: Pattern,
    /// Its answer.
    answer: Answer,
    /// Why it cannot say. Only beside `not_yet`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The same as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason_code: Option<Reason>,
}

impl RuleDocument {
    pub(super) fn of(one: &Rule, names: &Names<'_>) -> Self {
        Self {
            id: one.id.clone(),
            answer: one.answer,
            reason: one.reason.as_ref().map(|reason| findings::reason(names, reason)),
            reason_code: one.reason.clone(),
        }
    }

    pub(super) fn into_rule(self) -> Rule {
        let unknown = self.reason.map(|_| Reason::Newer(missing()));
        Rule { id: self.id, answer: self.answer, reason: self.reason_code.or(unknown) }
    }
}

/// A named pattern that was found.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Finding")]
pub(super) struct FindingDocument {
    /// The pattern, such as `snapshot-contention`.
    id: Pattern,
    /// How much it matters.
    severity: Severity,
    /// How sure it is, 0 to 1.
    confidence: f64,
    /// The actor or device it is about.
    subject: String,
    /// The actor that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    victim: Option<String>,
    /// The device on which most of it happened. Absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// Ids of the actors that cause it.
    #[serde(default)]
    culprits: Vec<String>,
    /// The part of the victim's wait that is charged to each of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    culprit_shares: Vec<Share>,
    /// How many runs of its program each of them stands for. Absent where each is one process.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    culprit_runs: Vec<u64>,
    /// The part of the victim's wait that others cause, where the finding is about somebody or something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    others_share: Option<Share>,
    /// When the culprits are at work: the place in `activity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    activity: Option<usize>,
    /// One sentence for people.
    summary: String,
    /// The numbers it rests on, by name with unit. What does not belong to the pattern is absent.
    #[serde(default)]
    evidence: EvidenceDocument,
    /// What speaks against it or was not looked at.
    #[serde(default)]
    caveats: Vec<String>,
    /// The same as codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    caveat_codes: Vec<Caveat>,
}

/// Numbers of a finding; those of another version are kept as they are, but not understood.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "EvidenceOrOther")]
#[serde(untagged)]
enum EvidenceDocument {
    /// This version's.
    Known(Box<Evidence>),
    /// Those of another version.
    Other(BTreeMap<String, serde_json::Value>),
}

impl Default for EvidenceDocument {
    fn default() -> Self {
        Self::Other(BTreeMap::new())
    }
}

impl FindingDocument {
    pub(super) fn of(one: &Finding, names: &Names<'_>) -> Self {
        Self {
            id: one.id.clone(),
            severity: one.severity,
            confidence: one.confidence,
            subject: one.subject.clone(),
            victim: Some(one.victim.clone()),
            device: one.device.clone(),
            culprits: one.culprits.iter().map(|culprit| culprit.actor.clone()).collect(),
            culprit_shares: one.culprits.iter().map(|culprit| culprit.share).collect(),
            culprit_runs: runs(&one.culprits),
            others_share: one.others_share,
            activity: one.activity,
            summary: findings::summary(names, one),
            evidence: one.evidence.clone().map_or_else(EvidenceDocument::default, |evidence| {
                EvidenceDocument::Known(Box::new(evidence))
            }),
            caveats: one.caveats.iter().map(|one| findings::caveat(names.lang, one)).collect(),
            caveat_codes: one.caveats.clone(),
        }
    }

    pub(super) fn into_finding(self) -> Finding {
        let mut shares = self.culprit_shares.into_iter();
        let mut runs = self.culprit_runs.into_iter();
        let culprit = |actor| Culprit {
            actor,
            runs: runs.next().unwrap_or(1),
            share: shares.next().unwrap_or_default(),
        };
        Finding {
            id: self.id,
            severity: self.severity,
            confidence: self.confidence,
            victim: self.victim.unwrap_or_else(|| self.subject.clone()),
            subject: self.subject,
            device: self.device,
            culprits: self.culprits.into_iter().map(culprit).collect(),
            evidence: match self.evidence {
                EvidenceDocument::Known(evidence) => Some(*evidence),
                EvidenceDocument::Other(_) => None,
            },
            others_share: self.others_share,
            activity: self.activity,
            caveats: self.caveat_codes,
        }
    }
}

/// How many runs each stands for; empty where each is one process.
fn runs(culprits: &[Culprit]) -> Vec<u64> {
    let runs = culprits.iter().map(|one| one.runs);
    if culprits.iter().any(|one| one.runs > 1) { runs.collect() } else { Vec::new() }
}

/// Windows of one activity, by program across restarts: a backup is a new process each time.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Activity")]
pub(super) struct ActivityDocument {
    /// What it is.
    kind: ActivityKind,
    /// The program and the words of its command that do not change, such as `etcdctl snapshot save`.
    name: String,
    /// What part it plays on this host.
    role: Role,
    /// Ids of the processes, in the order of their numbers.
    #[serde(default)]
    actors: Vec<String>,
    /// When, in order.
    #[serde(default)]
    windows: Vec<ActivityWindow>,
    /// Older windows that were not kept. Absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forgotten: Option<u64>,
    /// The rhythm in which it begins. Absent when none is claimed; then `not_yet` says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<PeriodDocument>,
    /// Further rhythms of what does not belong to the first one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    further_periods: Vec<PeriodDocument>,
    /// Why no period is claimed, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_yet: Option<String>,
    /// The same as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_yet_code: Option<NotYet>,
    /// The entry of the host's schedules that it belongs to. Absent when none was found or looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schedule: Option<Scheduled>,
    /// Of a backup: windows in which (or up to five seconds after) waits of a target were far longer than usual. Absent
    /// where nothing is known of any target's waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    windows_with_peaks: Option<u64>,
}

impl ActivityDocument {
    pub(super) fn of(one: &Activity, lang: Lang) -> Self {
        let period = |period: &Period| PeriodDocument::of(period, lang);
        Self {
            kind: one.kind,
            name: one.name.clone(),
            role: one.role,
            actors: one.actors.clone(),
            windows: one.windows.clone(),
            forgotten: one.forgotten,
            period: one.period.as_ref().map(period),
            further_periods: one.further_periods.iter().map(period).collect(),
            not_yet: one.not_yet.as_ref().map(|why| periods::not_yet(lang, why)),
            not_yet_code: one.not_yet.clone(),
            schedule: one.schedule.clone(),
            windows_with_peaks: one.windows_with_peaks,
        }
    }

    pub(super) fn into_activity(self) -> Activity {
        let unknown = self.not_yet.map(|_| NotYet::Newer(missing()));
        let further = self.further_periods.into_iter();
        Activity {
            kind: self.kind,
            name: self.name,
            role: self.role,
            actors: self.actors,
            windows: self.windows,
            forgotten: self.forgotten,
            period: self.period.map(PeriodDocument::into_period),
            further_periods: further.map(PeriodDocument::into_period).collect(),
            not_yet: self.not_yet_code.or(unknown),
            schedule: self.schedule,
            windows_with_peaks: self.windows_with_peaks,
        }
    }
}

/// A rhythm that was seen often enough.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Period")]
struct PeriodDocument {
    /// From one begin to the next, in seconds.
    seconds: u64,
    /// When in the period, in seconds of local time after midnight (of a week: after Monday's midnight), below
    /// `seconds`. Absent when it is not at a fixed time of the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phase_seconds: Option<u64>,
    /// The same for people, such as `every hour at :05`.
    text: String,
    /// How far begins were off at most, in seconds.
    spread_seconds: f64,
    /// Cycles in which it began.
    cycles: u32,
    /// Cycles that were watched and in which it did not.
    missed: u32,
    /// Begins that do not belong to it.
    others: u32,
    /// How probable it is that it begins in the next cycle too, 0 to 1: (cycles + 1) / (cycles + missed + 2).
    confidence: f64,
    /// A bound on the probability that begins at random times look this regular, 0 to 1.
    significance: f64,
}

impl PeriodDocument {
    fn of(one: &Period, lang: Lang) -> Self {
        Self {
            seconds: one.seconds,
            phase_seconds: one.phase_seconds,
            text: periods::rhythm_of(lang, one),
            spread_seconds: one.spread_seconds,
            cycles: one.cycles,
            missed: one.missed,
            others: one.others,
            confidence: one.confidence,
            significance: one.significance,
        }
    }

    fn into_period(self) -> Period {
        Period {
            seconds: self.seconds,
            phase_seconds: self.phase_seconds,
            spread_seconds: self.spread_seconds,
            cycles: self.cycles,
            missed: self.missed,
            others: self.others,
            confidence: self.confidence,
            significance: self.significance,
        }
    }
}
