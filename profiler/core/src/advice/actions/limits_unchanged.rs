//! `limits-unchanged`: nothing is limited.
//!
//! - *Applies when* nobody on the host makes the targets wait enough to matter: being on the same disk is no contention.
//! - *Harmful when* the window was too short to hold the backup: only what was seen is judged.

use crate::advice::judgement::{Danger, Recommendation};
use crate::ids::Call;
use crate::render::{Style, units};
use crate::report::Report;
use crate::text::Lang;
use crate::text::advice::{self as words, Action, Risk, Why};

/// Syncs below which nothing is said.
const ENOUGH: u64 = 20;

/// For a report without a culprit; `None` when there is too little to say even that.
pub(in crate::advice) fn judge(report: &Report) -> Option<Recommendation> {
    report.blame.as_ref()?;
    let targets = report.actors.iter().filter(|actor| report.is_target(&actor.id));
    let syncs: Vec<_> = targets
        .flat_map(|actor| &actor.waits)
        .filter(|wait| matches!(wait.call, Call::Fsync | Call::Fdatasync | Call::OdsyncWrite))
        .collect();
    let count = syncs.iter().fold(0, |sum: u64, wait| sum.saturating_add(wait.latency.count));
    let longest = syncs.iter().filter_map(|wait| wait.latency.p99_ns).max()?;
    if count < ENOUGH {
        return None;
    }
    let p99 = units::duration(longest, &Style::default());
    Some(Recommendation {
        action: words::action(Lang::En, &Action::LimitsUnchanged),
        reason: words::why(Lang::En, &Why::NobodyToBlame { p99: &p99 }),
        culprit: None,
        expected: words::expected_nothing(Lang::En),
        effect: None,
        risk: words::risk(Lang::En, &Risk::None),
        danger: Danger::Low,
        changes: Vec::new(),
        apply: Vec::new(),
        undo: Vec::new(),
        verify: words::watch_longer(Lang::En),
        structural: false,
    })
}
