//! What optional hooks cost. A new group of hooks is one more entry of [`GROUPS`].

use super::{Cost, HookGroup, Seen};
use crate::plan::Hook;

/// A group of hooks that somebody pays for who has no IO.
struct Group {
    name: HookGroup,
    is_in: fn(Hook) -> bool,
    /// As measured; `None` while it was not.
    ns: Option<u64>,
    per: &'static str,
}

/// What a system call takes longer while one of them is hooked, ns.
pub const SYSCALL_NS: u64 = 40;
/// What a context switch takes longer while threads are watched, ns: the median of the live test
/// `context_switches_cost_little` (6.18, two CPUs). The README has the same figures, which a test checks.
pub const SWITCH_NS: u64 = 133;
/// The same where the thread is a target's, ns.
pub const TARGET_SWITCH_NS: u64 = 303;

/// Hooks on system calls make the kernel take its slow path for every call of every process (measured on 6.18, two
/// CPUs: a loop of getppid). The hook at the scheduler runs at every switch (the README says how it is measured).
const GROUPS: [Group; 2] = [
    Group {
        name: HookGroup::Syscalls,
        is_in: |hook| matches!(hook, Hook::Classic("syscalls", _)),
        ns: Some(SYSCALL_NS),
        per: "system_call",
    },
    Group {
        name: HookGroup::Sched,
        is_in: |hook| matches!(hook, Hook::Btf("sched_switch")),
        ns: Some(SWITCH_NS),
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
            hooks: group.name.clone(),
            used,
            ns: group.ns,
            per: group.per.to_owned(),
        })
    };
    GROUPS.iter().filter_map(cost).collect()
}
