//! `dirty-limit`: fewer dirty pages on the whole host (`vm.dirty_bytes`, `vm.dirty_background_bytes`).
//!
//! - *Applies when* the culprit writes through the page cache: commits and flushes wait for what has piled up, and that is bounded
//!   then (mm/page-writeback.c). Works on every cgroup version. D11: 8 MB on the same ext4, p99 from 2,048 to 256 ms.
//! - *Inert when* the culprit reads or writes past the page cache; when the limit is that low already.
//! - *Harmful when* others write much: every writer of the host waits at the limit. With a cgroup of its own `memory-high` does the same
//!   to the culprit alone.
//!
//! Of `dirty_bytes` and `dirty_ratio` one is always 0: setting one clears the other, so that a limit in percent is what has to be
//! written to take it back (`dirty_bytes_handler`, mm/page-writeback.c).

use super::common::{backlog_bytes, not_worth, recommended, refused, share};
use crate::advice::case::Case;
use crate::advice::expect::{self, Held};
use crate::advice::forms::argv;
use crate::advice::judgement::{Danger, Judgement};
use crate::change::Change;
use crate::report::{Action, Risk, Why};

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    if !case.demand.writes_buffered() {
        return Judgement::Silent;
    }
    let Some(bytes) = backlog_bytes(case) else { return Judgement::Silent };
    let action = Action::DirtyLimit { bytes };
    let now = case.facts.controls.map(|all| all.dirty).unwrap_or_default();
    if let Some(low) = now.bytes.filter(|now| (1..=bytes).contains(now)) {
        return refused(case, action, Why::LimitIsLow { bytes: low });
    }
    let effect = expect::effect(case, Held { ahead_bytes: bytes, ..Held::default() });
    if let Some(refusal) = not_worth(case, &action, effect.as_ref()) {
        return refusal;
    }
    let why = Why::Backlog { actor: case.actor(), share: share(case) };
    let mut one = recommended(case, action, why, effect, Danger::High);
    one.risks = vec![Risk::AllWriters];
    one.culprit = None;
    // First the lower one: the kernel wants it below the other.
    let settings = [
        ("vm/dirty_background_bytes", bytes / 2, now.background_bytes, now.background_ratio),
        ("vm/dirty_bytes", bytes, now.bytes, now.ratio),
    ];
    for (name, value, old_bytes, old_ratio) in settings {
        let change = Change::Sysctl { name: name.to_owned(), value: value.to_string() };
        one.apply.push(argv::apply(&change, None));
        one.changes.push(change);
        let prior = match (old_bytes, old_ratio) {
            (Some(old @ 1..), _) => Some((name.to_owned(), old)),
            (_, Some(old)) => Some((name.replace("_bytes", "_ratio"), old)),
            _ => None,
        };
        let back = |(name, old): (String, u64)| {
            argv::apply(&Change::Sysctl { name, value: old.to_string() }, None)
        };
        one.undo.extend(prior.map(back));
    }
    one.undo.reverse();
    Judgement::Recommended(Box::new(one))
}
