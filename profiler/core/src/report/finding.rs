//! Findings and advice as the report stores them. Rules and actions live elsewhere.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::ids::{Call, FileClass};

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

/// A named pattern that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The pattern, such as `snapshot-contention`.
    pub id: String,
    /// How much it matters.
    pub severity: Severity,
    /// How sure it is, 0 to 1.
    pub confidence: f64,
    /// The actor or device it is about.
    pub subject: String,
    /// Ids of the actors that cause it.
    #[serde(default)]
    pub culprits: Vec<String>,
    /// One sentence for people.
    pub summary: String,
    /// The numbers it rests on, by name with unit.
    #[serde(default)]
    pub evidence: BTreeMap<String, serde_json::Value>,
    /// What speaks against it or was not looked at.
    #[serde(default)]
    pub caveats: Vec<String>,
}

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

/// An action, recommended or refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Advice {
    /// The kind of action, such as `io-max`.
    pub id: String,
    /// The action in one sentence.
    pub action: String,
    /// Whether to take it.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// The actor it would act on. Absent when it is about the whole host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub culprit: Option<String>,
    /// What should change, and by how much. Absent for a refused one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The same in numbers. Absent when the data do not allow one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// What may go wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    /// The settings it changes, for programs. Empty where it is no setting of this host, or one whose file is not there yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The commands that do it, each as a list of arguments.
    #[serde(default)]
    pub apply: Vec<Vec<String>>,
    /// The commands that take it back.
    #[serde(default)]
    pub undo: Vec<Vec<String>>,
    /// How to see whether it helped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<String>,
}
