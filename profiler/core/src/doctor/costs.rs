//! What optional hooks cost. A new group of hooks is one more entry of [`GROUPS`].

use super::{Cost, Seen};
use crate::plan::Hook;
use crate::text::{Lang, doctor as words};

/// A group of hooks that somebody pays for who has no IO.
struct Group {
    name: &'static str,
    is_in: fn(Hook) -> bool,
    /// As measured; `None` while it was not.
    ns: Option<u64>,
    per: &'static str,
}

/// Hooks on system calls make the kernel take its slow path for every call of every process (measured on 6.18, two
/// CPUs: a loop of getppid). The hook at the scheduler runs at every switch (the README says how it is measured).
const GROUPS: [Group; 2] = [
    Group {
        name: "syscalls",
        is_in: |hook| matches!(hook, Hook::Classic("syscalls", _)),
        ns: Some(40),
        per: "system_call",
    },
    Group {
        name: "sched",
        is_in: |hook| matches!(hook, Hook::Btf("sched_switch")),
        ns: Some(152),
        per: "context_switch",
    },
];

/// Groups that the plan knows of.
pub(super) fn of(seen: &Seen) -> Vec<Cost> {
    let Some(Ok(plan)) = &seen.plan else { return Vec::new() };
    let cost = |group: &Group| {
        let used = plan.programs.iter().any(|planned| (group.is_in)(planned.hook));
        let known = used || plan.gaps.iter().any(|gap| (group.is_in)(gap.hook));
        known.then(|| Cost {
            hooks: group.name.to_owned(),
            used,
            cost: words::cost(Lang::En, group.name, used),
            ns: group.ns,
            per: group.per.to_owned(),
        })
    };
    GROUPS.iter().filter_map(cost).collect()
}
