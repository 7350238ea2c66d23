//! What `apply --verify` found, as a document (`iocontend.verify/1`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::verify::{Compared, Doubt, Interval, Outcome, Second, compare, judge};
use super::window::Subject;
use crate::ids::{Call, FileClass};

/// The value of [`Verified::schema`] that this version writes.
pub const SCHEMA: &str = "iocontend.verify/1";

/// Whether a change helped, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "iocontend verification")]
pub struct Verified {
    /// Name and version of this document's shape: `iocontend.verify/1`.
    pub schema: String,
    /// The lease.
    pub lease: String,
    /// The advice it came from.
    pub advice: String,
    /// The call whose waits were compared; absent when every call that syncs was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Call>,
    /// On files of which class; absent when of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_class: Option<FileClass>,
    /// What it comes to.
    pub outcome: Word,
    /// Why it cannot be told. Absent when it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
    /// Whether the change stays. Otherwise it is taken back.
    pub kept: bool,
    /// The window before the change.
    pub before: Side,
    /// The window with it.
    pub after: Side,
    /// Mean wait. Absent when one of the windows has no wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<Measure>,
    /// 99th percentile. Absent when one of the windows has no wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<Measure>,
}

/// An outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Waits are shorter, by more than chance and by enough to matter.
    Helped,
    /// They are not, or longer.
    NotHelped,
    /// It cannot be told.
    Undecided,
}

/// One window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// How long it was, in nanoseconds.
    pub duration_ns: u64,
    /// Calls that ended in it.
    pub calls: u64,
    /// Bytes that the culprit, or everybody else, moved on the targets' disks.
    pub others_bytes: u64,
}

/// One measure of the waits; intervals hold it in 95 of 100 repetitions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measure {
    /// Before the change, in nanoseconds.
    pub before_ns: Range<u64>,
    /// With it, in nanoseconds.
    pub after_ns: Range<u64>,
    /// After / before.
    pub ratio: Range<f64>,
    /// Before − after, in nanoseconds.
    pub gain_ns: Range<i64>,
}

/// A value and its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Range<T> {
    /// The value.
    pub value: T,
    /// Lower end.
    pub low: T,
    /// Upper end.
    pub high: T,
}

impl Verified {
    /// Compares and judges. What did not certainly help is not kept.
    pub fn new(
        lease: &str,
        advice: &str,
        subject: &Subject,
        before: &[Second],
        after: &[Second],
    ) -> Self {
        let comparison = compare(before, after);
        let (outcome, doubt) = match judge(comparison.as_ref(), before, after) {
            Outcome::Helped => (Word::Helped, None),
            Outcome::NotHelped => (Word::NotHelped, None),
            Outcome::Undecided(doubt) => (Word::Undecided, Some(doubt)),
        };
        Self {
            schema: SCHEMA.to_owned(),
            lease: lease.to_owned(),
            advice: advice.to_owned(),
            call: subject.call,
            file_class: subject.file_class,
            outcome,
            doubt,
            kept: outcome == Word::Helped,
            before: Side::of(before),
            after: Side::of(after),
            mean: comparison.map(|both| Measure::of(&both.mean)),
            p99: comparison.map(|both| Measure::of(&both.p99)),
        }
    }
}

impl Side {
    fn of(window: &[Second]) -> Self {
        Self {
            duration_ns: window.iter().map(|one| one.duration_ns).sum(),
            calls: window.iter().map(|one| one.waits.count()).sum(),
            others_bytes: window.iter().map(|one| one.others_bytes).sum(),
        }
    }
}

impl Measure {
    fn of(compared: &Compared) -> Self {
        Self {
            before_ns: Range::of(compared.before, whole),
            after_ns: Range::of(compared.after, whole),
            ratio: Range::of(compared.ratio, |value| value),
            gain_ns: Range::of(compared.gain, signed),
        }
    }
}

impl<T> Range<T> {
    fn of(interval: Interval, map: fn(f64) -> T) -> Self {
        let [value, low, high] = [interval.value, interval.low, interval.high].map(map);
        Self { value, low, high }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "nanoseconds of a wait are far below 2^53 and not negative"
)]
fn whole(ns: f64) -> u64 {
    ns.round() as u64
}

#[expect(clippy::cast_possible_truncation, reason = "a difference of waits is far below 2^53")]
fn signed(ns: f64) -> i64 {
    ns.round() as i64
}

#[cfg(test)]
mod tests {
    use crate::schema::verify_schema;

    /// The page about it.
    const PAGE: &str = include_str!("../../../docs/apply.md");

    // Property: the page names every field of the document and every word in it.
    #[test]
    fn the_page_names_every_field_and_every_word() {
        let schema = verify_schema();
        let definitions = schema["$defs"].as_object().into_iter().flatten();
        // What other documents have too is described there.
        let own = definitions.filter(|(name, _)| !matches!(name.as_str(), "Call" | "FileClass"));
        for object in own.map(|(_, one)| one).chain([&schema]) {
            for (name, _) in object["properties"].as_object().into_iter().flatten() {
                assert!(PAGE.contains(&format!("`{name}`")), "field {name}");
            }
            for variant in object["oneOf"].as_array().into_iter().flatten() {
                let word = variant["const"].as_str().unwrap();
                assert!(PAGE.contains(&format!("`{word}`")), "word {word}");
            }
        }
    }
}
