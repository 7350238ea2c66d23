//! What an action says of a case.

use crate::change::Change;
use crate::report::{Action, Effect, Expected, Risk, Verify, Why};

/// How much can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Danger {
    /// Only the culprit becomes slower.
    Low,
    /// Others in its place may too.
    Medium,
    /// The whole host may.
    High,
}

/// The answer.
pub(super) enum Judgement {
    /// Not applicable: nothing to be said.
    Silent,
    /// It should help.
    Recommended(Box<Recommendation>),
    /// It would do nothing, or harm.
    Refused(Refusal),
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) action: Action,
    pub(super) reason: Why,
    pub(super) culprit: Option<String>,
}

/// Why, and how.
#[derive(Clone, Debug)]
pub(super) struct Recommendation {
    pub(super) action: Action,
    pub(super) reason: Why,
    pub(super) culprit: Option<String>,
    pub(super) expected: Expected,
    pub(super) effect: Option<Effect>,
    pub(super) risks: Vec<Risk>,
    pub(super) danger: Danger,
    pub(super) changes: Vec<Change>,
    pub(super) apply: Vec<Vec<String>>,
    pub(super) undo: Vec<Vec<String>>,
    pub(super) verify: Verify,
    /// Whether it takes another disk, host or plan, and no setting of this one.
    pub(super) structural: bool,
}

impl Recommendation {
    /// What helps most comes first; of what helps about the same (within a doubling), what endangers least. What cannot be told in
    /// numbers comes after what can, and what takes another disk after what can be set.
    pub(super) fn rank(&self) -> (bool, u32, Danger, u64) {
        let left = self.effect.as_ref().map(|effect| {
            effect.p99_expected_ns.saturating_mul(1_000) / effect.p99_before_ns.max(1)
        });
        // Of a thousandth of the wait, how many doublings are left: 0 to 10.
        let doublings = left.map_or(u32::MAX, |left| left.max(1).ilog2());
        (self.structural, doublings, self.danger, left.unwrap_or(u64::MAX))
    }
}
