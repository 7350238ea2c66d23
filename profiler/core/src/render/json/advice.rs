//! Advice in the document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::judged::missing;
use crate::change::Change;
use crate::report::{Action, Advice, AdviceId, Effect, Expected, Risk, Verdict, Verify, Why};
use crate::text::advice as words;
use crate::text::names::Names;

/// An action, recommended or refused.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Advice")]
pub(super) struct AdviceDocument {
    /// The kind of action, such as `io-max`.
    id: AdviceId,
    /// The action in one sentence.
    action: String,
    /// The same as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action_code: Option<Action>,
    /// Whether to take it.
    verdict: Verdict,
    /// Why.
    reason: String,
    /// The same as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason_code: Option<Why>,
    /// True when nothing that can be set on this host helps, and this is what is left. Absent when not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    nothing_here_helps: bool,
    /// The actor it would act on. Absent when it is about the whole host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    culprit: Option<String>,
    /// What should change, and by how much. Absent for a refused one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    /// The same as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected_code: Option<Expected>,
    /// The same in numbers. Absent when the data do not allow one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effect: Option<Effect>,
    /// What may go wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    risk: Option<String>,
    /// The same as codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    risk_codes: Vec<Risk>,
    /// The settings it changes, for programs. Empty where it is no setting of this host, or one whose file is not there yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Change>,
    /// The commands that do it, each as a list of arguments.
    #[serde(default)]
    apply: Vec<Vec<String>>,
    /// The commands that take it back.
    #[serde(default)]
    undo: Vec<Vec<String>>,
    /// How to see whether it helped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verify: Option<String>,
    /// The same as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verify_code: Option<Verify>,
}

impl AdviceDocument {
    /// Whether it is to be taken.
    pub(super) fn is_recommended(&self) -> bool {
        self.verdict == Verdict::Recommended
    }

    pub(super) fn of(one: &Advice, names: &Names<'_>) -> Self {
        Self {
            id: one.id.clone(),
            action: words::action(names, &one.action),
            action_code: Some(one.action.clone()),
            verdict: one.verdict,
            reason: words::reason(names, one),
            reason_code: Some(one.reason.clone()),
            nothing_here_helps: one.nothing_here_helps,
            culprit: one.culprit.clone(),
            expected: words::expected(names, one),
            expected_code: one.expected.clone(),
            effect: one.effect.clone(),
            risk: words::risks(names.lang, &one.risks),
            risk_codes: one.risks.clone(),
            changes: one.changes.clone(),
            apply: one.apply.clone(),
            undo: one.undo.clone(),
            verify: one.verify.as_ref().map(|verify| words::verify(names, verify)),
            verify_code: one.verify.clone(),
        }
    }

    pub(super) fn into_advice(self) -> Advice {
        let expected = self.expected.map(|_| Expected::Newer(missing()));
        let verify = self.verify.map(|_| Verify::Newer(missing()));
        Advice {
            id: self.id,
            action: self.action_code.unwrap_or_else(|| Action::Newer(missing())),
            verdict: self.verdict,
            reason: self.reason_code.unwrap_or_else(|| Why::Newer(missing())),
            nothing_here_helps: self.nothing_here_helps,
            culprit: self.culprit,
            expected: self.expected_code.or(expected),
            effect: self.effect,
            risks: self.risk_codes,
            changes: self.changes,
            apply: self.apply,
            undo: self.undo,
            verify: self.verify_code.or(verify),
        }
    }
}
