//! Processes as they begin, become another program and end: short-lived ones are gone before anybody can look.

use aya_ebpf::helpers::generated::bpf_probe_read_user;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use iocontend_wire::config::ABSENT;
use iocontend_wire::count::Count;
use iocontend_wire::record::{ARGV_MAX, ExecRecord, ExitRecord, ForkRecord, tag};

use crate::clock::now;
use crate::counts::bump;
use crate::kread::{Ptr, config, load};
use crate::maps::{EVENTS, EXEC_BUFFER, ExecBuffer, NO_WAKEUP};

/// A task's command name, two direct loads.
#[inline(always)]
unsafe fn comm_of(task: Ptr) -> [u8; 16] {
    // SAFETY: the name is 16 bytes (TASK_COMM_LEN), read as two words of bytes.
    unsafe {
        let mut comm = [0u8; 16];
        let offset = config!(task_comm);
        aya_ebpf::helpers::generated::bpf_probe_read_kernel(
            comm.as_mut_ptr().cast(),
            16,
            task.add(offset as usize).cast(),
        );
        comm
    }
}

#[btf_tracepoint(function = "sched_process_exec")]
pub fn exec(ctx: BtfTracePointContext) -> i32 {
    let task: Ptr = ctx.arg(0);
    if let Some(buffer) = EXEC_BUFFER.get_ptr_mut(0) {
        // SAFETY: a per-CPU buffer that only this program uses.
        if !unsafe { exec_event(task, buffer) } {
            aya_log_ebpf::debug!(&ctx, "the arguments of a new program could not be read");
        }
    }
    0
}

/// `false` when the arguments could not be read.
#[inline(always)]
unsafe fn exec_event(task: Ptr, buffer: *mut ExecBuffer) -> bool {
    // SAFETY: members of the task that becomes another program; its arguments are in its own memory.
    unsafe {
        let mm: Ptr = load(task, config!(task_mm));
        let (start, end): (u64, u64) =
            (load(mm, config!(mm_arg_start)), load(mm, config!(mm_arg_end)));
        let total = end.wrapping_sub(start);
        let mut len =
            core::hint::black_box(if total > ARGV_MAX as u64 { ARGV_MAX as u64 } else { total });
        if len > ARGV_MAX as u64 {
            len = 0;
        }
        let mut readable = true;
        let argv = (&raw mut (*buffer).argv).cast();
        if len != 0 && bpf_probe_read_user(argv, len as u32, start as *const _) != 0 {
            bump(Count::ArgvUnreadable);
            len = 0;
            readable = false;
        }
        let parent: Ptr = load(task, config!(task_real_parent));
        (*buffer).record = ExecRecord {
            head: tag::EXEC as u32,
            tgid: load(task, config!(task_tgid)),
            ppid: load(parent, config!(task_tgid)),
            argv_len: len as u32,
            argv_total: total as u32,
            pad: 0,
            start_boottime: load(task, config!(task_start_boottime)),
            now_ns: now(),
            comm: comm_of(task),
        };
        let size = core::hint::black_box(size_of::<ExecRecord>() as u64 + len);
        if size > size_of::<ExecBuffer>() as u64 {
            return readable;
        }
        let sent = aya_ebpf::helpers::generated::bpf_ringbuf_output(
            (&raw const EVENTS).cast_mut().cast(),
            buffer.cast(),
            size,
            NO_WAKEUP,
        );
        if sent != 0 {
            bump(Count::RingFullProcess);
        }
        readable
    }
}

#[btf_tracepoint(function = "sched_process_fork")]
pub fn fork(ctx: BtfTracePointContext) -> i32 {
    let (parent, child): (Ptr, Ptr) = (ctx.arg(0), ctx.arg(1));
    // SAFETY: members of two tasks.
    unsafe {
        let (pid, tgid): (u32, u32) =
            (load(child, config!(task_pid)), load(child, config!(task_tgid)));
        if pid != tgid {
            return 0;
        }
        match EVENTS.reserve::<ForkRecord>(0) {
            Some(mut entry) => {
                entry.write(ForkRecord {
                    head: tag::FORK as u32,
                    parent: load(parent, config!(task_tgid)),
                    child: tgid,
                    pad: 0,
                    start_boottime: load(child, config!(task_start_boottime)),
                    now_ns: now(),
                });
                entry.submit(NO_WAKEUP);
            }
            None => bump(Count::RingFullProcess),
        }
    }
    0
}

/// Only the last thread of a process counts: `signal->live` is 0 by then (kernel/exit.c, `do_exit`).
#[btf_tracepoint(function = "sched_process_exit")]
pub fn exit(ctx: BtfTracePointContext) -> i32 {
    let task: Ptr = ctx.arg(0);
    // SAFETY: members of the task that ends.
    unsafe {
        let signal: Ptr = load(task, config!(task_signal));
        if config!(signal_live) != ABSENT && load::<u32>(signal, config!(signal_live)) != 0 {
            return 0;
        }
        let leader: Ptr = load(task, config!(task_group_leader));
        match EVENTS.reserve::<ExitRecord>(0) {
            Some(mut entry) => {
                entry.write(ExitRecord {
                    head: tag::EXIT as u32,
                    tgid: load(task, config!(task_tgid)),
                    start_boottime: load(leader, config!(task_start_boottime)),
                    now_ns: now(),
                    comm: comm_of(leader),
                });
                entry.submit(NO_WAKEUP);
            }
            None => bump(Count::RingFullProcess),
        }
    }
    0
}
