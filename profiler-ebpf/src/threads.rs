//! The threads of the targets as they leave the CPU and come back: waits in `write`, `read`, page faults and other
//! calls that have no event of their own, and the time they were ready to run and had no CPU.
//!
//! One hook, `sched_switch`. Everything about an absence is settled when the thread leaves the CPU the next time:
//! by then the kernel has added up how much of it was run-queue delay (`sched_info.run_delay`, kernel/sched/stats.h),
//! so no wakeup has to be watched, and what else its call slept is part of the same wait. A thread is on one CPU at
//! a time, so its place in the table has one writer.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::macros::{btf_tracepoint, tracepoint};
use aya_ebpf::programs::{BtfTracePointContext, TracePointContext};
use iocontend_wire::config::ABSENT;
use iocontend_wire::count::Count;
use iocontend_wire::key::{FILES, How, Key, Kind, Owner};
use iocontend_wire::record::{NO_TIME, WaitRecord, tag};
use iocontend_wire::tables::{THREAD_BITS, THREAD_WAYS, Thread};

use crate::calls::{self, EXCEPTION, NO_WAIT};
use crate::clock::{counting_since, now};
use crate::counts::bump;
use crate::kread::{Ptr, config, field, load};
use crate::maps::{EVENTS, FILE_ENTRIES, NO_WAKEUP, OPEN_WAITS, THREADS};
use crate::processes::{are_targets, is_target};
use crate::task::{PF_IO_WORKER, PF_KTHREAD, current};
use crate::{atomic, devices, files, streams};

/// Task states (include/linux/sched.h, all versions since 4.14).
const TASK_UNINTERRUPTIBLE: u32 = 0x2;
const TASK_DEAD: u32 = 0x80;
/// An idle kernel thread's sleep, which is no wait.
const TASK_NOLOAD: u32 = 0x400;

/// [`Thread::waiting`]: something held it back while it handed over requests.
const HELD: u32 = 2;

/// How long a page fault may wait for what the same thread asked for in an earlier one.
const READ_AHEAD_NS: u64 = 1_000_000_000;

#[inline(always)]
fn set_of(tag: u64) -> u32 {
    (tag as u32).wrapping_mul(0x9e37_79b1) >> (32 - THREAD_BITS)
}

/// The place of a thread, if it has one.
#[inline(always)]
fn find(tag: u64) -> Option<*mut Thread> {
    let set = THREADS.get_ptr_mut(set_of(tag))?;
    for way in 0..THREAD_WAYS {
        // SAFETY: map memory.
        unsafe {
            let thread = &raw mut (*set).ways[way];
            if (*thread).tag == tag {
                return Some(thread);
            }
        }
    }
    None
}

/// A place for a thread that has none: a free one, else that of the thread that left the CPU longest ago.
#[inline(always)]
fn take(tag: u64) -> Option<*mut Thread> {
    let set = THREADS.get_ptr_mut(set_of(tag))?;
    // SAFETY: map memory; a way is ours once its tag is.
    unsafe {
        let mut chosen = &raw mut (*set).ways[0];
        for way in 1..THREAD_WAYS {
            let thread = &raw mut (*set).ways[way];
            let free = (*thread).tag == 0 && (*chosen).tag != 0;
            let quieter = (*chosen).tag != 0 && (*thread).left < (*chosen).left;
            if free || quieter {
                chosen = thread;
            }
        }
        let old = core::ptr::read_volatile(&raw const (*chosen).tag);
        if atomic::swap(&raw mut (*chosen).tag, old, tag).is_err() {
            return None;
        }
        if old != 0 {
            bump(Count::ThreadTableFull);
        }
        (*chosen).left = 0;
        (*chosen).back = 0;
        (*chosen).delays = 0;
        (*chosen).ran = 0;
        (*chosen).call = 0;
        (*chosen).waiting = 0;
        (*chosen).read_at = 0;
        (*chosen).stream = u32::MAX;
        (*chosen).away = 0;
        (*chosen).throttled = 0;
        (*chosen).pause = 0;
        (*chosen).held = 0;
        Some(chosen)
    }
}

#[inline(always)]
fn tag_of(tid: u32, tgid: u32) -> u64 {
    (tgid as u64) << 32 | tid as u64
}

/// Run-queue delay of a task so far; 0 where the kernel does not add it up.
#[inline(always)]
fn delays_of(task: Ptr) -> u64 {
    if config!(threads.run_delay) == ABSENT {
        return 0;
    }
    // SAFETY: a member of a task.
    unsafe { load(task, config!(threads.run_delay)) }
}

/// Time on a CPU of a task that leaves one so far, ns: the scheduler has added this turn before its tracepoint
/// (kernel/sched/fair.c, `put_prev_entity` and `dequeue_entity`; interrupts left out where the kernel counts those).
#[inline(always)]
fn ran(task: Ptr) -> u64 {
    // SAFETY: a member of a task.
    unsafe { load(task, config!(threads.ran)) }
}

/// Whether a task that leaves a CPU had never had one before: then all its delay is of this turn, and whether it was seen
/// coming does not matter.
#[inline(always)]
fn is_first_turn(task: Ptr) -> bool {
    // SAFETY: a member of a task.
    config!(threads.turns) != ABSENT && unsafe { load::<u64>(task, config!(threads.turns)) } == 1
}

/// Runs while the thread that leaves is still the current one.
#[btf_tracepoint(function = "sched_switch")]
pub fn switch(ctx: BtfTracePointContext) -> i32 {
    let (prev, next): (Ptr, Ptr) = (ctx.arg(1), ctx.arg(2));
    // SAFETY: members of two tasks.
    let (prev_tgid, next_tgid): (u32, u32) =
        unsafe { (load(prev, config!(task_tgid)), load(next, config!(task_tgid))) };
    let (leaves, comes) = are_targets(prev_tgid, next_tgid);
    if !leaves && !comes {
        return 0;
    }
    let now = now();
    if leaves {
        // Preempted, it is ready to run whatever its state says.
        let preempted = ctx.arg::<u64>(0) & 0xff != 0;
        let state = if preempted {
            0
        } else if config!(threads.told_state) != 0 {
            ctx.arg(3)
        } else {
            // SAFETY: a member of a task.
            unsafe { load(prev, config!(threads.state)) }
        };
        leave(prev, prev_tgid, state, now);
    }
    if comes {
        come(next, next_tgid, now);
    }
    0
}

/// A thread of a target gets a CPU.
#[inline(always)]
fn come(task: Ptr, tgid: u32, now: u64) {
    // SAFETY: a member of a task.
    let tag = tag_of(unsafe { load(task, config!(task_pid)) }, tgid);
    let thread = match find(tag) {
        Some(thread) => thread,
        None => match take(tag) {
            // SAFETY: the place is ours.
            Some(thread) => unsafe {
                (*thread).delays = delays_of(task);
                thread
            },
            None => return,
        },
    };
    // SAFETY: map memory.
    unsafe {
        (*thread).back = now;
        if (*thread).left != 0 {
            (*thread).away += now - (*thread).left;
        }
    }
}

/// What the current thread has spent so far, ns; [`NO_TIME`] for what is not known. Only differences mean something.
pub struct SoFar {
    /// Ready to run, without a CPU.
    pub delays: u64,
    /// Without a CPU since it is watched.
    pub away: u64,
    /// Held back while it handed over requests, likewise.
    pub held: u64,
}

#[inline(always)]
pub fn so_far() -> SoFar {
    let delays = if config!(threads.run_delay) == ABSENT { NO_TIME } else { delays_of(current()) };
    let tag = bpf_get_current_pid_tgid();
    if config!(threads.state) == ABSENT || !is_target((tag >> 32) as u32) {
        return SoFar { delays, away: NO_TIME, held: NO_TIME };
    }
    match find(tag) {
        // SAFETY: map memory.
        Some(thread) => unsafe {
            let mut held = (*thread).held;
            // Its last absence is settled when it leaves the next time.
            if (*thread).waiting == HELD && (*thread).back != 0 {
                held += slept(thread, delays_of(current()));
            }
            SoFar { delays, away: (*thread).away, held }
        },
        None => SoFar { delays, away: NO_TIME, held: NO_TIME },
    }
}

/// How much of its last absence a thread was not ready to run.
#[inline(always)]
unsafe fn slept(thread: *mut Thread, delays: u64) -> u64 {
    // SAFETY: map memory.
    let (away, delay) =
        unsafe { ((*thread).back - (*thread).left, delays.wrapping_sub((*thread).delays)) };
    // The two clocks differ by less than a tick; an absence is never negative.
    away.saturating_sub(delay)
}

/// A thread that hands over requests (it has a plug, include/linux/blkdev.h) sleeps for IO there when it is held back:
/// by wbt, iocost or iolatency (block/blk-rq-qos.c, `rq_qos_wait`), or because the device's tags are all in use
/// (block/blk-mq-tag.c). ext4 has a plug while it hands over the data of a sync, and none while it waits for it. xfs has
/// none; there the bio itself tells, which is in the task's list of bios meanwhile (block/blk-core.c,
/// `__submit_bio_noacct_mq`).
#[inline(always)]
fn is_held(task: Ptr) -> bool {
    // SAFETY: members of the current task.
    unsafe {
        if load::<u32>(task, config!(threads.iowait)) & config!(threads.iowait_mask) == 0 {
            return false;
        }
        let has = |member: u32| member != ABSENT && load::<u64>(task, member) != 0;
        has(config!(threads.plug)) || has(config!(threads.bio_list))
    }
}

/// The kernel makes a writer pause because too many pages are dirty; it is about to sleep.
#[tracepoint(category = "writeback", name = "balance_dirty_pages")]
pub fn dirty_pause(ctx: TracePointContext) -> i32 {
    let tag = bpf_get_current_pid_tgid();
    if !is_target((tag >> 32) as u32) {
        return 0;
    }
    if let (Some(thread), Some(ms)) = (find(tag), field::<i64>(&ctx, config!(threads.pause)))
        && ms > 0
    {
        // SAFETY: map memory of this thread.
        unsafe { (*thread).pause = ms as u64 * 1_000_000 };
    }
    0
}

/// A thread of a target leaves its CPU.
#[inline(always)]
fn leave(task: Ptr, tgid: u32, state: u32, now: u64) {
    let tag = bpf_get_current_pid_tgid();
    let delays = delays_of(task);
    let thread = match find(tag) {
        Some(thread) => {
            // SAFETY: map memory.
            unsafe {
                return_unseen(task, thread, now);
                settle(thread, tgid, delays);
            }
            thread
        }
        None => match take(tag) {
            Some(thread) => {
                if is_first_turn(task) {
                    // SAFETY: map memory.
                    unsafe { book_delay(thread, tgid, delays) };
                }
                thread
            }
            None => return,
        },
    };
    // SAFETY: map memory, written by this CPU alone.
    unsafe {
        (*thread).delays = delays;
        if config!(threads.ran) != ABSENT {
            (*thread).ran = ran(task);
        }
        (*thread).left = now;
        (*thread).back = 0;
        (*thread).waiting = 0;
        let sleeps = state & TASK_UNINTERRUPTIBLE != 0 && state & TASK_NOLOAD == 0;
        if sleeps || (*thread).call != 0 {
            in_call(task, thread, tgid, sleeps, now);
        }
        if sleeps && (*thread).waiting == 0 && is_held(task) {
            (*thread).waiting = HELD;
        }
        if state & TASK_DEAD != 0 {
            close(thread);
            core::ptr::write_volatile(&raw mut (*thread).tag, 0);
        }
    }
}

/// A thread leaves that was never seen coming: there is a kernel that runs no program at a switch away from a thread of
/// process 1. It came back as long ago as it has run since it left.
#[inline(always)]
unsafe fn return_unseen(task: Ptr, thread: *mut Thread, now: u64) {
    // SAFETY: map memory; a member of the current task.
    unsafe {
        if (*thread).back != 0 || config!(threads.ran) == ABSENT {
            return;
        }
        let on_cpu = ran(task).wrapping_sub((*thread).ran);
        let most = now - (*thread).left;
        let away = most.saturating_sub(on_cpu);
        (*thread).back = (*thread).left + away;
        (*thread).away += away;
    }
}

/// Books the last absence: run-queue delay to the process, the rest of a wait to the wait.
#[inline(always)]
unsafe fn settle(thread: *mut Thread, tgid: u32, delays: u64) {
    // SAFETY: map memory.
    unsafe {
        if (*thread).back == 0 {
            return;
        }
        book_delay(thread, tgid, delays.wrapping_sub((*thread).delays));
        let slept = slept(thread, delays);
        if (*thread).waiting == HELD {
            (*thread).held += slept;
        } else if (*thread).waiting != 0 {
            (*thread).blocked += slept;
            (*thread).end = (*thread).left + slept;
        }
    }
}

/// Books run-queue delay to the process.
#[inline(always)]
unsafe fn book_delay(thread: *mut Thread, tgid: u32, delay: u64) {
    if config!(threads.run_delay) == ABSENT || counting_since() == 0 {
        return;
    }
    let key = Key::owner(Owner::Process(tgid), 0, How::Direct);
    let key = key.with(0, Kind::RunQueue as u32);
    // SAFETY: map memory.
    unsafe { (*thread).stream = streams::account_near((*thread).stream, key, delay) };
}

/// The thread is in a call that may belong to an open wait, or begins one.
#[inline(always)]
unsafe fn in_call(task: Ptr, thread: *mut Thread, tgid: u32, sleeps: bool, now: u64) {
    let number = calls::number_of(task);
    // SAFETY: map memory; members of the current task.
    unsafe {
        let call = call_of(task, number, now);
        if (*thread).call != 0 && (*thread).call != call {
            close(thread);
        }
        if !sleeps {
            return;
        }
        if (*thread).call == 0 && !open(task, thread, tgid, number, call, now) {
            return;
        }
        (*thread).waiting = !is_in_sync() as u32;
        (*thread).throttled += (*thread).pause;
        (*thread).pause = 0;
    }
}

/// What tells one call from the next: its number, and the count of such calls that this thread has finished. Calls
/// that the kernel does not count are told apart by the time: each of their sleeps is a wait of its own.
#[inline(always)]
unsafe fn call_of(task: Ptr, number: u64, now: u64) -> u64 {
    let kind = calls::kind_of_call(number, 1);
    let (reads, writes) = (config!(threads.syscr), config!(threads.syscw));
    let (major, minor) = (config!(threads.maj_flt), config!(threads.min_flt));
    let counted = if kind == Kind::Fault as u32 && major != ABSENT && minor != ABSENT {
        // SAFETY: members of a task.
        unsafe { load::<u64>(task, major).wrapping_add(load(task, minor)) }
    } else if (kind == Kind::ReadCall as u32 || kind == Kind::WriteCall as u32)
        && number != calls::nr::SENDFILE
        && reads != ABSENT
        && writes != ABSENT
    {
        // SAFETY: members of a task.
        unsafe { load::<u64>(task, reads).wrapping_add(load(task, writes)) }
    } else {
        now
    };
    // Never 0, which is "no call".
    (counted << 12 | (number & 0x7ff) << 1) | 1
}

/// Whether a sync of a file is being measured by the file system's events.
#[inline(always)]
fn is_in_sync() -> bool {
    // SAFETY: only asked whether it is there.
    unsafe { OPEN_WAITS.get(&bpf_get_current_pid_tgid()) }.is_some()
}

/// Opens a wait, unless it is not one for storage or it is measured elsewhere.
#[inline(always)]
unsafe fn open(
    task: Ptr,
    thread: *mut Thread,
    tgid: u32,
    number: u64,
    call: u64,
    now: u64,
) -> bool {
    // SAFETY: map memory; members of the current task.
    unsafe {
        let flags: u32 = load(task, config!(task_flags));
        // These make no system calls.
        if flags & (PF_IO_WORKER | PF_KTHREAD) != 0 {
            return false;
        }
        let iowait: u32 = load(task, config!(threads.iowait));
        let kind = calls::kind_of_call(number, iowait & config!(threads.iowait_mask));
        if kind == NO_WAIT || is_in_sync() {
            return false;
        }
        let (mut file, mut dev, mut ino) = (0, 0, 0);
        if kind == Kind::Fault as u32 {
            // What it asked the disk for in this fault, or a moment ago: its read-ahead may still be under way.
            if now - (*thread).read_at < READ_AHEAD_NS {
                file = (*thread).read_file;
                (dev, ino) = entry_of(file);
            }
        } else if calls::has_descriptor(kind) {
            let Some(inode) = calls::inode_of(task, calls::descriptor_of(task, number)) else {
                return false;
            };
            (dev, ino) = (inode.dev, inode.ino);
            file = files::file_id(dev, ino);
        }
        let device = if dev == 0 { 0 } else { devices::device_index(dev) };
        (*thread).key = Key::owner(Owner::Process(tgid), file, How::Direct).with(device, kind).0;
        (*thread).call = call;
        (*thread).start = now;
        (*thread).end = now;
        (*thread).blocked = 0;
        (*thread).throttled = 0;
        (*thread).ino = ino;
        (*thread).dev = dev;
    }
    true
}

/// Device and inode of a file id.
#[inline(always)]
fn entry_of(file: u32) -> (u32, u64) {
    let Some(entries) = FILE_ENTRIES.get_ptr_mut(0) else { return (0, 0) };
    let at = (file & (FILES - 1)) as usize;
    if at == 0 {
        return (0, 0);
    }
    // SAFETY: masked to the length.
    unsafe { ((*entries).entries[at].dev, (*entries).entries[at].ino) }
}

/// Counts the open wait, if there is one, and sends its record.
#[inline(always)]
unsafe fn close(thread: *mut Thread) {
    // SAFETY: map memory.
    unsafe {
        if (*thread).call == 0 {
            return;
        }
        (*thread).call = 0;
        if counting_since() == 0 {
            return;
        }
        streams::account(Key((*thread).key), 0, (*thread).blocked, NO_TIME);
        match EVENTS.reserve::<WaitRecord>(0) {
            Some(mut entry) => {
                entry.write(WaitRecord {
                    head: tag::WAIT as u32,
                    tid: (*thread).tag as u32,
                    key: (*thread).key,
                    start_ns: (*thread).start,
                    end_ns: (*thread).end,
                    ino: (*thread).ino,
                    dev: (*thread).dev,
                    ret: 0,
                    counted_ns: (*thread).blocked,
                    // What is counted was neither ready to run nor on a CPU.
                    runnable_ns: 0,
                    away_ns: (*thread).end.wrapping_sub((*thread).start),
                    throttled_ns: (*thread).throttled,
                });
                entry.submit(NO_WAKEUP);
            }
            None => bump(Count::RingFullWait),
        }
    }
}

/// The current task asks a disk for data of a file. In a page fault of a target's thread this tells whose pages it
/// will wait for.
#[inline(always)]
pub fn note_read(task: Ptr, tgid: u32, file: u32) {
    if file == 0 || !is_target(tgid) || calls::number_of(task) != EXCEPTION {
        return;
    }
    let Some(thread) = find(bpf_get_current_pid_tgid()) else { return };
    // SAFETY: map memory, written by this thread's CPU alone.
    unsafe {
        (*thread).read_at = now();
        (*thread).read_file = file;
    }
}
