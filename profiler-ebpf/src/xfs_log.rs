//! Who fills the checkpoints that xfs writes to its log, and how long each is under way.
//!
//! Each transaction books the bytes by which it made the next checkpoint longer, to the process it ran in: what its
//! ticket has lost when it is given back or renewed (fs/xfs/xfs_log_cil.c, `xlog_cil_insert_items`). When a kernel thread
//! begins to write a checkpoint into the log's buffers, what is booked moves on, to be charged as the buffers are written,
//! by whatever task. A buffer that has to be on the medium itself (FUA) holds the end of a checkpoint; with it those
//! who waited go on.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use iocontend_wire::count::Count;
use iocontend_wire::record::{COMMIT_CONTRIBUTORS, CommitRecord, tag};
use iocontend_wire::tables::{DirtyFile, FileKey, WRITERS, XfsLog};

use crate::cause::Cause;
use crate::clock::{counting_since, now};
use crate::counts::bump;
use crate::journal;
use crate::kread::{Ptr, config, field, load};
use crate::maps::{
    DIRTY, EVENTS, NO_WAKEUP, XFS_INODES, XFS_LOGS, XFS_SUBMITTERS, XFS_WORKERS, XFS_WRITES,
};
use crate::task::{PF_KTHREAD, current};
use crate::writers::{self, Of};

/// In [`XFS_WORKERS`]: the thread writes a checkpoint into the log's buffers. No process id, no address.
pub const CHECKPOINT: u64 = u64::MAX;
/// Addresses of the kernel are above, process ids below.
const ADDRESSES: u64 = 1 << 63;
/// `XLOG_ICL_NEED_FUA` (fs/xfs/xfs_log_priv.h, 5.14 and later).
const NEED_FUA: u32 = 1 << 1;
/// Bytes of a buffer of the log, of a record's header with the operation's that goes on behind it, and what a reservation
/// has beyond what may be changed and a header per buffer, all as by default (fs/xfs/xfs_log.c, `xlog_calc_unit_res`).
const BUFFER: u32 = 32 << 10;
const HEADER: u32 = 512 + 12;
const NEVER_CHANGED: u32 = 3 * 512;
/// Bytes of the pieces in which xfs logs buffers (fs/xfs/libxfs/xfs_log_format.h, `XFS_BLF_CHUNK`): what a record has
/// instead of a journal's blocks.
const CHUNK: u64 = 128;

/// The keys of what is booked among the dirty files: for the next checkpoint, and for those that are being written.
/// Inodes have addresses above 2^63, and a journal of jbd2 has another device.
#[inline(always)]
fn next_of(dev: u32) -> u64 {
    (dev as u64 & 0x7fff_ffff) << 32
}

#[inline(always)]
fn written_of(dev: u32) -> u64 {
    next_of(dev) | 1
}

/// What is booked under a key, begun when it is not there.
#[inline(always)]
fn booked(dev: u32, key: u64) -> Option<*mut DirtyFile> {
    match DIRTY.get_ptr_mut(&key) {
        Some(booked) => Some(booked),
        None => fresh(dev, key),
    }
}

/// Nothing booked.
#[inline(always)]
fn fresh(dev: u32, key: u64) -> Option<*mut DirtyFile> {
    // SAFETY: no program that uses this buffer interrupts another.
    unsafe { writers::begin(Of::Transaction, key, 0, dev, false) }
}

#[inline(always)]
fn thread() -> u32 {
    bpf_get_current_pid_tgid() as u32
}

#[inline(always)]
fn is_kernel_thread() -> bool {
    // SAFETY: a member of the current task.
    unsafe { load::<u32>(current(), config!(task_flags)) & PF_KTHREAD != 0 }
}

/// What a thread is known to do, 0 for nothing. No option: half of one would be undefined, which the verifier refuses to
/// see copied.
#[inline(always)]
fn work_of(thread: u32) -> u64 {
    match XFS_WORKERS.get_ptr(&thread) {
        // SAFETY: map memory.
        Some(work) => unsafe { core::ptr::read_volatile(work) },
        None => 0,
    }
}

/// The process that the current task works for.
#[inline(always)]
fn contributor() -> Option<u32> {
    if let Some(tgid) = journal::contributor() {
        return Some(tgid);
    }
    match work_of(thread()) {
        0 | CHECKPOINT => None,
        at if at > ADDRESSES => writers::most_of(at),
        tgid => Some(tgid as u32),
    }
}

/// The device of a ticket, its reservation, and what it has lost of that: nothing when the transaction changed nothing or
/// was cancelled.
#[inline(always)]
fn lost(ctx: &TracePointContext) -> (u32, u32, u32) {
    let (Some(dev), Some(left), Some(unit)) = (
        field::<u32>(ctx, config!(xfs_log.dev)),
        field::<i32>(ctx, config!(xfs_log.ticket_left)),
        field::<i32>(ctx, config!(xfs_log.ticket_unit)),
    ) else {
        return (0, 0, 0);
    };
    if left >= unit { (dev, unit as u32, 0) } else { (dev, unit as u32, (unit - left) as u32) }
}

/// What a transaction changed, of what its ticket has lost. The rest it gave to the checkpoint, for headers that it may
/// need once it is written: the first one for the checkpoint itself, and each, until there are enough, as many as it
/// could need alone (`xlog_cil_insert_items`). In logs with other buffers than usual some of it counts as changed.
#[inline(always)]
fn changed(log: *mut XfsLog, unit: u32, lost: u32) -> u32 {
    let headers = (unit + BUFFER - 1).saturating_sub(NEVER_CHANGED) / BUFFER * HEADER;
    // SAFETY: map memory.
    unsafe {
        if (*log).empty != 0 {
            (*log).empty = 0;
            let given = (*log).unit + headers.saturating_sub(HEADER);
            return lost.saturating_sub(given);
        }
        if (*log).provided != 0 {
            return lost;
        }
        if lost < headers {
            (*log).provided = 1;
            return lost;
        }
    }
    lost - headers
}

/// The log of a device, begun when it is not there.
#[inline(always)]
fn log_of(dev: u32) -> Option<*mut XfsLog> {
    if let Some(log) = XFS_LOGS.get_ptr_mut(&dev) {
        return Some(log);
    }
    // What is in the next checkpoint already is not known.
    let log = XfsLog {
        start: 0,
        logging: 0,
        written: 0,
        count: 0,
        unit: 0,
        empty: 0,
        provided: 0,
        pad: 0,
    };
    let _stored = XFS_LOGS.insert(&dev, &log, 0);
    XFS_LOGS.get_ptr_mut(&dev)
}

/// Books what a transaction changed.
#[inline(always)]
fn book(dev: u32, unit: u32, lost: u32) {
    if lost == 0 {
        return;
    }
    let Some(log) = log_of(dev) else { return };
    // One that changed only what is changed already makes the checkpoint no longer, but is part of it.
    let bytes = match changed(log, unit, lost) {
        0 => 1,
        bytes => bytes as u64,
    };
    let Some(next) = booked(dev, next_of(dev)) else { return };
    // SAFETY: map memory.
    unsafe {
        match contributor() {
            Some(tgid) => writers::add(next, tgid, bytes),
            None => writers::add_others(next, bytes),
        }
    }
}

/// A transaction goes on with a new part: what it changed until now is in the next checkpoint.
#[tracepoint(category = "xfs", name = "xfs_log_ticket_regrant")]
pub fn xfs_regrant(ctx: TracePointContext) -> i32 {
    let (dev, unit, lost) = lost(&ctx);
    book(dev, unit, lost);
    0
}

/// A transaction is over; a checkpoint has a ticket of its own.
#[tracepoint(category = "xfs", name = "xfs_log_ticket_ungrant")]
pub fn xfs_ungrant(ctx: TracePointContext) -> i32 {
    let thread = thread();
    let (dev, unit, lost) = lost(&ctx);
    if is_kernel_thread() && work_of(thread) == CHECKPOINT {
        let _removed = XFS_WORKERS.remove(&thread);
        if let Some(log) = XFS_LOGS.get_ptr_mut(&dev) {
            // SAFETY: map memory.
            unsafe { (*log).unit = unit };
        }
        return 0;
    }
    book(dev, unit, lost);
    0
}

/// A kernel thread looks for room in the log's buffers. The first time it does, a checkpoint begins to be written.
#[tracepoint(category = "xfs", name = "xlog_iclog_get_space")]
pub fn xfs_log_space(ctx: TracePointContext) -> i32 {
    let start = now();
    let Some(dev) = field::<u32>(&ctx, config!(xfs_log.dev)) else { return 0 };
    let thread = thread();
    if work_of(thread) == CHECKPOINT {
        return 0;
    }
    if XFS_WORKERS.insert(&thread, &CHECKPOINT, 0).is_err() {
        return 0;
    }
    let mut written = false;
    // Without it the checkpoint's record has no begin.
    if let Some(log) = log_of(dev) {
        // SAFETY: map memory.
        unsafe {
            written = (*log).written != 0;
            (*log).written = 0;
            (*log).start = start;
            (*log).empty = 1;
            (*log).provided = 0;
        }
    }
    move_on(dev as u64 | (written as u64) << 32);
    0
}

/// What was booked for the next checkpoint of a device (lower half) is being written from now on; what was, is done, if
/// so (upper half).
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn move_on(what: u64) -> u64 {
    let dev = what as u32;
    let key = written_of(dev);
    let to = if what >> 32 != 0 { fresh(dev, key) } else { booked(dev, key) };
    let (Some(to), Some(from)) = (to, DIRTY.get_ptr_mut(&next_of(dev))) else { return 0 };
    // SAFETY: map memory.
    unsafe {
        for index in 0..WRITERS {
            let who = core::ptr::read_volatile(&raw const (*from).writers[index].who);
            let bytes = core::ptr::read_volatile(&raw const (*from).writers[index].bytes);
            if who != 0 {
                writers::add(to, who as u32, bytes);
            }
        }
        writers::add_others(to, (*from).others);
    }
    let _fresh = fresh(dev, next_of(dev));
    0
}

/// A buffer is given to the disk, right after this, by this task.
#[tracepoint(category = "xfs", name = "xlog_iclog_write")]
pub fn xfs_log_write(ctx: TracePointContext) -> i32 {
    let logging = now();
    let (Some(dev), Some(flags), Some(lsn)) = (
        field::<u32>(&ctx, config!(xfs_log.dev)),
        field::<u32>(&ctx, config!(xfs_log.iclog_flags)),
        field::<u64>(&ctx, config!(xfs_log.iclog_lsn)),
    ) else {
        return 0;
    };
    // Without it the write is its submitter's.
    let _stored = XFS_SUBMITTERS.insert(&thread(), &dev, 0);
    // Not there: no checkpoint began since watching began.
    let Some(log) = XFS_LOGS.get_ptr_mut(&dev) else { return 0 };
    // SAFETY: map memory.
    unsafe {
        if (*log).logging == 0 {
            (*log).logging = logging;
        }
        if flags & NEED_FUA == 0 {
            return 0;
        }
        (*log).written = 1;
        (*log).count = (*log).count.wrapping_add(1);
        let logging = (*log).logging;
        let start = if (*log).start == 0 { logging } else { (*log).start };
        // A buffer with several ends is written once, and so begins what comes after.
        (*log).logging = 0;
        under_way(dev, lsn, (*log).count, start, logging);
    }
    0
}

/// Keeps what is to be told when a checkpoint's end is on the disk.
#[inline(always)]
fn under_way(dev: u32, lsn: u64, tid: u32, start_ns: u64, logging_ns: u64) {
    let mut record = CommitRecord {
        head: tag::COMMIT as u32,
        dev,
        tid,
        thread: thread(),
        // A checkpoint may begin while the end of the one before is not given to the disk.
        start_ns: if start_ns < logging_ns { start_ns } else { logging_ns },
        locking_ns: 0,
        flushing_ns: 0,
        logging_ns,
        end_ns: 0,
        contributors: [0; COMMIT_CONTRIBUTORS],
        others: 0,
    };
    if let Some(written) = DIRTY.get_ptr_mut(&written_of(dev)) {
        // SAFETY: map memory.
        unsafe {
            for index in 0..COMMIT_CONTRIBUTORS {
                let writer = &raw const (*written).writers[index];
                let who = core::ptr::read_volatile(&raw const (*writer).who);
                let total = core::ptr::read_volatile(&raw const (*writer).total);
                record.contributors[index] =
                    who & 0xffff_ffff | (total.wrapping_add(CHUNK - 1) / CHUNK) << 32;
            }
            record.others = (*written).others_total / CHUNK;
        }
    }
    let key = FileKey { ino: lsn, dev, pad: 0 };
    if XFS_WRITES.insert(&key, &record, 0).is_err() {
        bump(Count::CommitLost);
    }
}

/// A buffer is on the disk and free again; those who wait for it are woken right after this.
#[tracepoint(category = "xfs", name = "xlog_iclog_clean")]
pub fn xfs_log_clean(ctx: TracePointContext) -> i32 {
    let end = now();
    let (Some(dev), Some(ino)) =
        (field::<u32>(&ctx, config!(xfs_log.dev)), field::<u64>(&ctx, config!(xfs_log.iclog_lsn)))
    else {
        return 0;
    };
    let key = FileKey { ino, dev, pad: 0 };
    let Some(write) = XFS_WRITES.get_ptr_mut(&key) else { return 0 };
    if counting_since() != 0 {
        match EVENTS.reserve::<CommitRecord>(0) {
            Some(mut entry) => {
                // SAFETY: map memory; the whole record is written.
                unsafe {
                    (*write).end_ns = end;
                    core::ptr::copy_nonoverlapping(write, entry.as_mut_ptr(), 1);
                }
                entry.submit(NO_WAKEUP);
            }
            None => bump(Count::CommitLost),
        }
    }
    let _removed = XFS_WRITES.remove(&key);
    0
}

/// The current kernel thread goes on with an inode: what it changes is for those who use it.
#[inline(always)]
fn works_on(ctx: &TracePointContext) {
    if !is_kernel_thread() {
        return;
    }
    let (Some(dev), Some(ino)) =
        (field::<u32>(ctx, config!(xfs_log.dev)), field::<u64>(ctx, config!(xfs_log.ino)))
    else {
        return;
    };
    // SAFETY: a plain word, copied.
    let whose = unsafe { XFS_INODES.get(&FileKey { ino, dev, pad: 0 }) }.copied();
    let thread = thread();
    match whose {
        // Without it what it changes is nobody's.
        Some(whose) => drop(XFS_WORKERS.insert(&thread, &whose, 0)),
        None => drop(XFS_WORKERS.remove(&thread)),
    }
}

/// Data was written to blocks that were only reserved, or beyond the end of a file: that is entered into the inode.
#[tracepoint(category = "xfs", name = "xfs_unwritten_convert")]
pub fn xfs_data_written(ctx: TracePointContext) -> i32 {
    works_on(&ctx);
    0
}

/// The last user of an inode that has no name any more, or has blocks too many, leaves it to a kernel thread.
#[tracepoint(category = "xfs", name = "xfs_inode_set_need_inactive")]
pub fn xfs_inode_left(ctx: TracePointContext) -> i32 {
    if is_kernel_thread() {
        return 0;
    }
    if let (Some(dev), Some(ino)) =
        (field::<u32>(&ctx, config!(xfs_log.dev)), field::<u64>(&ctx, config!(xfs_log.ino)))
    {
        let tgid = bpf_get_current_pid_tgid() >> 32;
        // Without it what the thread changes is nobody's.
        let _stored = XFS_INODES.insert(&FileKey { ino, dev, pad: 0 }, &tgid, 0);
    }
    0
}

/// That thread begins with it.
#[tracepoint(category = "xfs", name = "xfs_inode_inactivating")]
pub fn xfs_inode_removed(ctx: TracePointContext) -> i32 {
    works_on(&ctx);
    0
}

/// An inode has dirty pages now, and did not before.
#[inline(always)]
pub fn remember(dev: u32, ino: u64, at: u64) {
    if config!(xfs_log.end_io) != 0 {
        // Without it what a kernel thread changes of it is nobody's.
        let _stored = XFS_INODES.insert(&FileKey { ino, dev, pad: 0 }, &at, 0);
    }
}

/// Whether a bio is a write to the log of an xfs.
#[inline(always)]
pub fn is_log(bio: Ptr) -> bool {
    if config!(xfs_log.end_io) == 0 {
        return false;
    }
    // SAFETY: a member of a bio.
    unsafe { load::<u64>(bio, config!(bio_end_io)) == config!(xfs_log.end_io) }
}

/// Who caused a write to a log. `None` when nothing is known of it.
#[inline(always)]
pub fn cause_of(bio: Ptr) -> Option<Cause> {
    // SAFETY: a plain word, copied.
    let dev = unsafe { XFS_SUBMITTERS.get(&thread()) }.copied()?;
    writers::cause_of_commit(bio, written_of(dev))
}
