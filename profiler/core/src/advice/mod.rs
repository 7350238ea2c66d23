//! What to do about contention on this host, and what to leave alone.
//!
//! Owns the catalogue ([`actions`]), the order of what is recommended, and the commands that carry it out ([`forms`]). Pure: a report and facts of the host go in, advice comes out; nothing is tried. Whom an
//! action is about, the diagnosis says: each looks at one pair of a victim and a culprit that it names ([`case::Case`]), and recommends itself, refuses itself with a reason, or is silent.
//! `profiler/docs/advice.md` is the catalogue for readers.

mod actions;
mod case;
mod cgroup_target;
mod demand;
mod expect;
pub mod forms;
mod judgement;
mod overlap;
mod sharing;

use std::collections::BTreeMap;

use crate::diagnosis::Diagnosis;
use crate::facts::{ControlFacts, DeviceFacts, WrittenFile};
use crate::findings::Judged;
use crate::report::{Advice, AdviceId, Report, Verdict};

pub(crate) use cgroup_target::{Manager, manager};

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
    let diagnosis = Diagnosis::of(report);
    let cases = case::cases(&diagnosis, facts);
    if cases.is_empty() {
        let judged = Judged::of(&diagnosis);
        let unchanged = actions::limits_unchanged::judge(&diagnosis, &judged);
        let flags = actions::etcd_flags::without_case(report);
        return flags
            .map(|one| recommend(AdviceId::EtcdFlags, one, false))
            .into_iter()
            .chain(unchanged.map(|one| recommend(AdviceId::LimitsUnchanged, one, false)))
            .collect();
    }
    let mut recommended: Vec<(AdviceId, Recommendation)> = Vec::new();
    let mut refused: Vec<(AdviceId, Refusal)> = Vec::new();
    for case in &cases {
        for (id, judge) in actions::ALL {
            match judge(case) {
                Judgement::Silent => {}
                Judgement::Recommended(one) => add(&mut recommended, id.clone(), *one),
                Judgement::Refused(one) => {
                    let new = (id.clone(), one);
                    if !refused.contains(&new) {
                        refused.push(new);
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
fn add(all: &mut Vec<(AdviceId, Recommendation)>, id: AdviceId, new: Recommendation) {
    let same = all.iter().any(|(known, one)| {
        *known == id
            && (one.action == new.action || (one.culprit.is_none() && new.culprit.is_none()))
    });
    if !same {
        all.push((id, new));
    }
}

/// `nothing_here_helps`: no setting does, and this comes first.
fn recommend(id: AdviceId, one: Recommendation, nothing_here_helps: bool) -> Advice {
    Advice {
        id,
        action: one.action,
        verdict: Verdict::Recommended,
        reason: one.reason,
        nothing_here_helps,
        culprit: one.culprit,
        expected: Some(one.expected),
        effect: one.effect,
        risks: one.risks,
        changes: one.changes,
        apply: one.apply,
        undo: one.undo,
        verify: Some(one.verify),
    }
}

fn refuse(id: AdviceId, one: Refusal) -> Advice {
    Advice {
        id,
        action: one.action,
        verdict: Verdict::Refused,
        reason: one.reason,
        nothing_here_helps: false,
        culprit: one.culprit,
        expected: None,
        effect: None,
        risks: Vec::new(),
        changes: Vec::new(),
        apply: Vec::new(),
        undo: Vec::new(),
        verify: None,
    }
}

#[cfg(test)]
mod tests;
