//! Each program at each hook: attached, planned, or why not.

use super::privileges::may_load;
use super::{HookState, Hooks, NotTried, Seen, State, Trial};
use crate::plan::{Gap, GapReason, NoFormats, Planned};
use crate::report::HookKind;

pub(super) fn of(seen: &Seen) -> Hooks {
    let tried = matches!(seen.trial, Trial::Tried { .. });
    let not_tried_because = match &seen.trial {
        Trial::Tried { .. } => None,
        Trial::Failed(why) => Some(NotTried::LoadFailed { error: why.clone() }),
        Trial::FewDescriptors(limit) => Some(NotTried::FewDescriptors { limit: *limit }),
        Trial::NotTried if may_load(seen.asker.capabilities) => Some(NotTried::NothingToTry),
        Trial::NotTried => Some(NotTried::NotPermitted),
    };
    let mut hooks = Vec::new();
    if let Some(Ok(plan)) = &seen.plan {
        hooks.extend(plan.programs.iter().map(|one| planned(seen, one)));
        hooks.extend(plan.gaps.iter().map(missing));
    }
    Hooks { tried, not_tried_because, hooks }
}

fn planned(seen: &Seen, one: &Planned) -> HookState {
    let (state, reason) = match &seen.trial {
        Trial::NotTried => (State::Planned, None),
        Trial::Failed(_) | Trial::FewDescriptors(_) => (State::Unknown, None),
        Trial::Tried { hooks, .. } => {
            let same = hooks
                .iter()
                .find(|(program, hook, _)| (*program, *hook) == (one.program, one.hook));
            match same {
                Some((_, _, None)) => (State::Attaches, None),
                Some((_, _, Some(why))) => {
                    (State::Refused, Some(GapReason::Refused { error: why.clone() }))
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
        loses: Some(one.loses),
    }
}

fn missing(gap: &Gap) -> HookState {
    let state = match &gap.reason {
        GapReason::NotNeeded => State::NotNeeded,
        // With more rights they may be there.
        GapReason::NoTracefs { why: NoFormats::NotPermitted } | GapReason::SymbolsHidden => {
            State::Unknown
        }
        GapReason::Refused { .. } => State::Refused,
        _ => State::Missing,
    };
    HookState {
        program: gap.program.to_owned(),
        hook: gap.hook.name(),
        kind: kind(gap.hook.kind()),
        state,
        reason: Some(gap.reason.clone()),
        loses: Some(gap.loses),
    }
}

fn kind(name: &str) -> HookKind {
    if name == "tp_btf" { HookKind::TpBtf } else { HookKind::Tracepoint }
}
