//! What to do about contention on this host, and what to leave alone.
//!
//! Owns the catalogue ([`actions`]), the order of what is recommended, and the forms in which it is carried out
//! ([`forms`]). Pure: a report and facts of the host go in, advice comes out; nothing is tried. Each action looks at one
//! pair of a victim and a culprit ([`case::Case`]) and recommends itself, refuses itself with a reason, or is silent.
//! `profiler/docs/advice.md` is the catalogue for readers.

mod actions;
mod case;
mod demand;
mod expect;
pub mod forms;
mod judgement;
mod meeting;
mod place;
mod sharing;

use std::collections::BTreeMap;

use crate::facts::{ControlFacts, DeviceFacts, WrittenFile};
use crate::report::{Advice, Report, Verdict};
use crate::text::{Lang, advice as words};

use judgement::{Judgement, Recommendation, Refusal};

/// What is known of the host beside the report.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// Its disks.
    pub devices: &'a [DeviceFacts],
    /// What can be set; `None` in captures of versions that did not look.
    pub controls: Option<&'a ControlFacts>,
    /// File systems that actors write to, by actor id.
    pub written: BTreeMap<String, Vec<WrittenFile>>,
}

/// Advice on a report: recommended first, what helps most with least risk at the top, then what is refused. Empty where there is
/// not enough to judge.
pub fn advise(report: &Report, facts: &Facts<'_>) -> Vec<Advice> {
    let cases = case::cases(report, facts);
    if cases.is_empty() {
        let unchanged = actions::limits_unchanged::judge(report);
        let flags = actions::etcd_flags::without_case(report);
        let unchanged = unchanged.map(|one| recommend("limits-unchanged", one, false));
        return flags
            .map(|one| recommend("etcd-flags", one, false))
            .into_iter()
            .chain(unchanged)
            .collect();
    }
    let mut recommended: Vec<(&'static str, Recommendation)> = Vec::new();
    let mut refused: Vec<(&'static str, Refusal)> = Vec::new();
    for case in &cases {
        for (id, judge) in actions::ALL {
            match judge(case) {
                Judgement::Silent => {}
                Judgement::Recommended(one) => add(&mut recommended, id, *one),
                Judgement::Refused(one) => {
                    if !refused.contains(&(id, one.clone())) {
                        refused.push((id, one));
                    }
                }
            }
        }
    }
    recommended.sort_by_key(|(_, one)| one.rank());
    let is_helpless = recommended.first().is_some_and(|(_, one)| one.structural);
    let recommended = recommended
        .into_iter()
        .enumerate()
        .map(|(place, (id, one))| recommend(id, one, is_helpless && place == 0));
    recommended.chain(refused.into_iter().map(|(id, one)| refuse(id, one))).collect()
}

/// What is the same for several culprits is said once.
fn add(all: &mut Vec<(&'static str, Recommendation)>, id: &'static str, new: Recommendation) {
    let same = all.iter().any(|(known, one)| {
        *known == id
            && (one.action == new.action || (one.culprit.is_none() && new.culprit.is_none()))
    });
    if !same {
        all.push((id, new));
    }
}

/// `is_helpless`: nothing that can be set helps, and this comes first.
fn recommend(id: &str, one: Recommendation, is_helpless: bool) -> Advice {
    let reason =
        if is_helpless { words::nothing_here_helps(Lang::En, &one.reason) } else { one.reason };
    Advice {
        id: id.to_owned(),
        action: one.action,
        verdict: Verdict::Recommended,
        reason,
        culprit: one.culprit,
        expected: Some(one.expected),
        effect: one.effect,
        risk: Some(one.risk),
        changes: one.changes,
        apply: one.apply,
        undo: one.undo,
        verify: Some(one.verify),
    }
}

fn refuse(id: &str, one: Refusal) -> Advice {
    Advice {
        id: id.to_owned(),
        action: one.action,
        verdict: Verdict::Refused,
        reason: one.reason,
        culprit: one.culprit,
        expected: None,
        effect: None,
        risk: None,
        changes: Vec::new(),
        apply: Vec::new(),
        undo: Vec::new(),
        verify: None,
    }
}

#[cfg(test)]
mod tests;
