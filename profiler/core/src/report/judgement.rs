//! What the report says in a word: the verdict of the window, and how every rule answered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The verdict of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The disk is slow by itself: the targets wait too long, and nobody else is the reason.
    Slow,
    /// The targets wait too long because others use the disk.
    Contended,
    /// The targets' waits for the disk are fine, or are not for the disk.
    NotTheDisk,
    /// What was seen does not suffice.
    CannotTell,
}

/// The answer to "is it the disk?", with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// The verdict.
    pub answer: Outcome,
    /// It in one sentence for people.
    pub summary: String,
    /// What it rests on, and what is missing, a sentence each.
    #[serde(default)]
    pub because: Vec<String>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// The pattern, as in `findings[].id`.
    pub id: String,
    /// Its answer.
    pub answer: Answer,
    /// Why it cannot say. Only beside `not_yet`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
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
