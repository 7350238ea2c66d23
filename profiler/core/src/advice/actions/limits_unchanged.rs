//! `limits-unchanged`: nothing is limited.
//!
//! - *Applies when* the verdict is that it is not the disk, nothing found is a warning or more, nothing stalled, and most of the waits is
//!   explained: being on the same disk is no contention.
//! - *Harmful when* the window was too short to hold the backup: only what was seen is judged.

use crate::advice::judgement::{Danger, Recommendation};
use crate::diagnosis::Diagnosis;
use crate::diagnosis::kinds::Kind;
use crate::findings::Judged;
use crate::report::{Action, Expected, Risk, Severity, Verify, VictimState, Why};

/// For a report without a culprit; `None` when there is too little to say even that, or something is wrong all the same.
pub(in crate::advice) fn judge(
    diagnosis: &Diagnosis<'_>,
    judged: &Judged,
) -> Option<Recommendation> {
    let is_fine = matches!(judged.verdict.answer, VictimState::Fine | VictimState::NotTheDisk)
        && judged.findings.iter().all(|found| found.severity < Severity::Warning)
        && diagnosis.stalls.is_empty()
        && diagnosis.is_explained();
    let waitings = diagnosis.victims.iter().flat_map(|victim| &victim.waitings);
    let syncs = waitings.filter_map(|waiting| waiting.sort(Kind::Sync));
    let longest = syncs.filter_map(|syncs| syncs.lat.p99_ns).max()?;
    is_fine.then_some(())?;
    Some(Recommendation {
        action: Action::LimitsUnchanged,
        reason: Why::NobodyToBlame { p99_ns: longest },
        culprit: None,
        expected: Expected::Nothing,
        effect: None,
        risks: vec![Risk::None],
        danger: Danger::Low,
        changes: Vec::new(),
        apply: Vec::new(),
        undo: Vec::new(),
        verify: Verify::WatchLonger,
        structural: false,
    })
}
