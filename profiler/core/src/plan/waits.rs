//! What waits without an event of the file system need: the targets' threads at the scheduler, `io_uring`, and the
//! system calls that sync more than one file.

use iocontend_wire::config::{ABSENT, Threads, Uring};

use super::{
    Facts, Gap, GapReason, Hook, Loses, Plan, Planned, expect_args, needs_syscalls, offset_of,
};
use crate::btf::Btf;

/// System calls that sync more than one file; their exits go to the program of the other syncs.
const SYNC_CALL_HOOKS: [(&str, &str); 6] = [
    ("sync_syscall_exit", "sys_exit_sync"),
    ("sync_syscall_exit", "sys_exit_syncfs"),
    ("sync_syscall_exit", "sys_exit_sync_file_range"),
    ("sync_call_enter", "sys_enter_sync"),
    ("sync_call_enter", "sys_enter_syncfs"),
    ("sync_call_enter", "sys_enter_sync_file_range"),
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
        ("uring_submit", "io_uring_submit_req")
    } else {
        ("uring_submit_sqe", "io_uring_submit_sqe")
    };
    let complete = ("uring_complete", "io_uring_complete");
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
    let need = |path, whole| btf.offset("io_kiocb", path).ok_or(GapReason::NoField(whole));
    let may = |structure, path| btf.offset(structure, path).unwrap_or(ABSENT);
    Ok(Uring {
        by_request: 1,
        opcode: need("opcode", "io_kiocb.opcode")?,
        fd: need("cqe.fd", "io_kiocb.cqe.fd")?,
        res: need("cqe.res", "io_kiocb.cqe.res")?,
        flags: need("flags", "io_kiocb.flags")?,
        worker: may("task_struct", "worker_private"),
        cur_work: may("io_worker", "cur_work"),
        work: may("io_kiocb", "work"),
    })
}

/// The targets' threads as they leave the CPU and come back.
pub(super) fn thread_programs(plan: &mut Plan, facts: &Facts<'_>) {
    let (program, name) = ("switch", "sched_switch");
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
            plan.programs.push(Planned { program: "dirty_pause", hook, loses });
        }
        Err(reason) => gap(plan, "dirty_pause", hook, loses, reason),
    }
    if plan.config.threads.run_delay == ABSENT {
        let reason = GapReason::NoField("task_struct.sched_info.run_delay");
        gap(plan, program, Hook::Btf(name), Loses::RunQueue, reason);
    }
}

fn thread_offsets(btf: &Btf<'_>) -> Result<Threads, GapReason> {
    let need =
        |structure, path, whole| btf.offset(structure, path).ok_or(GapReason::NoField(whole));
    let may = |structure, path| btf.offset(structure, path).unwrap_or(ABSENT);
    let task = |path| may("task_struct", path);
    let arguments = btf.tracepoint("sched_switch").map_or(0, |arguments| arguments.len());
    need("pt_regs", "orig_ax", "pt_regs.orig_ax")?;
    let (iowait, iowait_mask) =
        btf.bit("task_struct", "in_iowait").ok_or(GapReason::NoField("task_struct.in_iowait"))?;
    Ok(Threads {
        // `state` before 5.14.
        state: need("task_struct", "__state", "task_struct.__state")
            .or_else(|missing| btf.offset("task_struct", "state").ok_or(missing))?,
        told_state: u32::from(arguments > 3),
        iowait,
        iowait_mask,
        plug: task("plug"),
        bio_list: task("bio_list"),
        run_delay: task("sched_info.run_delay"),
        ran: task("se.sum_exec_runtime"),
        turns: task("sched_info.pcount"),
        syscr: task("ioac.syscr"),
        syscw: task("ioac.syscw"),
        maj_flt: task("maj_flt"),
        min_flt: task("min_flt"),
        files: task("files"),
        fdt: may("files_struct", "fdt"),
        fd: may("fdtable", "fd"),
        max_fds: may("fdtable", "max_fds"),
        inode_mode: may("inode", "i_mode"),
        regs_di: may("pt_regs", "di"),
        regs_si: may("pt_regs", "si"),
        ..Threads::absent()
    })
}
