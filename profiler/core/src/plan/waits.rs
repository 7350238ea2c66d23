//! What waits without an event of the file system need: the targets' threads at the scheduler, `io_uring`, and the
//! system calls that sync more than one file.

use iocontend_wire::config::{ABSENT, Threads, Uring};
use iocontend_wire::programs;

use super::{
    Facts, Gap, GapReason, Hook, Loses, Plan, Planned, expect_args, look_up, need, needs_syscalls,
    offset_of,
};
use crate::btf::Btf;

/// System calls that sync more than one file; their exits go to the program of the other syncs.
const SYNC_CALL_HOOKS: [(&str, &str); 6] = [
    (programs::SYNC_SYSCALL_EXIT, "sys_exit_sync"),
    (programs::SYNC_SYSCALL_EXIT, "sys_exit_syncfs"),
    (programs::SYNC_SYSCALL_EXIT, "sys_exit_sync_file_range"),
    (programs::SYNC_CALL_ENTER, "sys_enter_sync"),
    (programs::SYNC_CALL_ENTER, "sys_enter_syncfs"),
    (programs::SYNC_CALL_ENTER, "sys_enter_sync_file_range"),
];

fn gap(plan: &mut Plan, program: &'static str, hook: Hook, loses: Loses, reason: GapReason) {
    plan.gaps.push(Gap { program, hook, reason, loses });
}

/// `sync` and its like, of everybody: only where system calls are watched anyway, or on demand.
pub(super) fn call_programs(plan: &mut Plan, facts: &Facts<'_>) {
    let needed = facts.sync_calls || needs_syscalls(facts);
    let field = offset_of(facts, ("syscalls", "sys_exit_fsync"), "ret", 8);
    for (program, name) in SYNC_CALL_HOOKS {
        let (hook, loses) = (Hook::Classic("syscalls", name), Loses::CallWaits);
        match &field {
            _ if !needed => gap(plan, program, hook, loses, GapReason::NotNeeded),
            Ok(at) => {
                plan.config.sys_exit_ret = *at;
                plan.programs.push(Planned { program, hook, loses });
            }
            Err(reason) => gap(plan, program, hook, loses, reason.clone()),
        }
    }
}

/// Syncs through `io_uring`, from submission to completion.
pub(super) fn uring_programs(plan: &mut Plan, facts: &Facts<'_>) {
    let btf = facts.btf;
    let loses = Loses::UringSyncs;
    let uring = uring_offsets(btf);
    let submit = if btf.tracepoint("io_uring_submit_req").is_some() {
        (programs::URING_SUBMIT, "io_uring_submit_req")
    } else {
        (programs::URING_SUBMIT_SQE, "io_uring_submit_sqe")
    };
    let complete = (programs::URING_COMPLETE, "io_uring_complete");
    let fits = expect_args(btf, complete.1, "_, _").is_ok()
        && expect_args(btf, submit.1, "io_kiocb").is_ok();
    for (program, name) in [complete, submit] {
        let hook = Hook::Btf(name);
        match &uring {
            Ok(_) if fits => plan.programs.push(Planned { program, hook, loses }),
            Ok(_) => gap(plan, program, hook, loses, GapReason::NoTracepoint),
            Err(reason) => gap(plan, program, hook, loses, reason.clone()),
        }
    }
    if let (Ok(uring), true) = (uring, fits) {
        plan.config.uring = uring;
    }
}

fn uring_offsets(btf: &Btf<'_>) -> Result<Uring, GapReason> {
    let mut uring = Uring { by_request: 1, ..Uring::absent() };
    look_up(btf, Uring::OFFSETS, &mut uring).map_err(GapReason::no_field)?;
    Ok(uring)
}

/// The targets' threads as they leave the CPU and come back.
pub(super) fn thread_programs(plan: &mut Plan, facts: &Facts<'_>) {
    let (program, name) = (programs::SWITCH, "sched_switch");
    let (hook, loses) = (Hook::Btf(name), Loses::ThreadWaits);
    // The offsets are for `sync_call_enter`, too.
    let threads = thread_offsets(facts.btf);
    if let Ok(threads) = threads {
        plan.config.threads = threads;
    }
    if !facts.thread_waits {
        return gap(plan, program, hook, loses, GapReason::NotNeeded);
    }
    if let Err(reason) = threads {
        return gap(plan, program, hook, loses, reason);
    }
    // Another order of the arguments (Linux 5.18 for a while) would be another tracepoint.
    if expect_args(facts.btf, name, "_, task_struct, task_struct").is_err() {
        return gap(plan, program, hook, loses, GapReason::NoTracepoint);
    }
    plan.programs.push(Planned { program, hook, loses });
    let pause = ("writeback", "balance_dirty_pages");
    let (hook, loses) = (Hook::Classic(pause.0, pause.1), Loses::DirtyPauses);
    match offset_of(facts, pause, "pause", 8) {
        Ok(at) => {
            plan.config.threads.pause = at;
            plan.programs.push(Planned { program: programs::DIRTY_PAUSE, hook, loses });
        }
        Err(reason) => gap(plan, programs::DIRTY_PAUSE, hook, loses, reason),
    }
    if plan.config.threads.run_delay == ABSENT {
        let reason = GapReason::no_field("task_struct.sched_info.run_delay");
        gap(plan, program, Hook::Btf(name), Loses::RunQueue, reason);
    }
}

fn thread_offsets(btf: &Btf<'_>) -> Result<Threads, GapReason> {
    let arguments = btf.tracepoint("sched_switch").map_or(0, |arguments| arguments.len());
    need(btf, &["pt_regs.orig_ax"])?;
    let (iowait, iowait_mask) = btf
        .bit("task_struct", "in_iowait")
        .ok_or_else(|| GapReason::no_field("task_struct.in_iowait"))?;
    let told_state = u32::from(arguments > 3);
    let mut threads = Threads { told_state, iowait, iowait_mask, ..Threads::absent() };
    look_up(btf, Threads::OFFSETS, &mut threads).map_err(GapReason::no_field)?;
    Ok(threads)
}
