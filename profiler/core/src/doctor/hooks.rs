//! Each program at each hook: attached, planned, or why not.

use super::privileges::may_load;
use super::{HookState, Hooks, Seen, State, Trial};
use crate::plan::{Gap, GapReason, Planned};
use crate::report::HookKind;
use crate::text::{Lang, doctor as words, notes};

pub(super) fn of(seen: &Seen) -> Hooks {
    let tried = matches!(seen.trial, Trial::Tried { .. });
    let not_tried_because = match &seen.trial {
        Trial::Tried { .. } => None,
        Trial::Failed(why) => Some(why.clone()),
        Trial::NotTried => Some(words::not_tried(Lang::En, may_load(seen.asker.capabilities))),
    };
    let mut hooks = Vec::new();
    if let Some(Ok(plan)) = &seen.plan {
        hooks.extend(plan.programs.iter().map(|one| planned(seen, one)));
        hooks.extend(plan.gaps.iter().map(|gap| missing(seen, gap)));
    }
    Hooks { tried, not_tried_because, hooks }
}

fn planned(seen: &Seen, one: &Planned) -> HookState {
    let (state, reason) = match &seen.trial {
        Trial::NotTried => (State::Planned, None),
        Trial::Failed(_) => (State::Unknown, None),
        Trial::Tried { hooks, .. } => {
            let same = hooks
                .iter()
                .find(|(program, hook, _)| (*program, *hook) == (one.program, one.hook));
            match same {
                Some((_, _, None)) => (State::Attaches, None),
                Some((_, _, Some(why))) => {
                    let reason = GapReason::Refused(why.clone());
                    (State::Refused, Some(notes::reason(Lang::En, &reason)))
                }
                None => (State::Unknown, None),
            }
        }
    };
    HookState {
        program: one.program.to_owned(),
        hook: one.hook.name(),
        kind: kind(one.hook.kind()),
        state,
        reason,
        loses: notes::loses(Lang::En, one.loses),
    }
}

fn missing(seen: &Seen, gap: &Gap) -> HookState {
    let is_hidden = gap.reason == GapReason::NoTracefs && !seen.tracefs_mounts.is_empty();
    let (state, reason) = match &gap.reason {
        GapReason::NotNeeded => (State::NotNeeded, notes::reason(Lang::En, &gap.reason)),
        _ if is_hidden => (State::Unknown, words::tracefs_hidden(Lang::En)),
        GapReason::Refused(_) => (State::Refused, notes::reason(Lang::En, &gap.reason)),
        _ => (State::Missing, notes::reason(Lang::En, &gap.reason)),
    };
    HookState {
        program: gap.program.to_owned(),
        hook: gap.hook.name(),
        kind: kind(gap.hook.kind()),
        state,
        reason: Some(reason),
        loses: notes::loses(Lang::En, gap.loses),
    }
}

fn kind(name: &str) -> HookKind {
    if name == "tp_btf" { HookKind::TpBtf } else { HookKind::Tracepoint }
}
