//! Who filled the transactions that a journal's thread (jbd2) commits.
//!
//! Each handle that is closed books the blocks it changed to the process it ran in (fs/jbd2/transaction.c,
//! `jbd2_journal_stop`), to be charged when the transaction's blocks are written. A kernel thread that writes a file
//! back books to the file's main writer. The phases of a commit are kept for those who wait for it.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use iocontend_wire::count::Count;
use iocontend_wire::record::{COMMIT_CONTRIBUTORS, CommitRecord, tag};
use iocontend_wire::tables::Commit;

use crate::cause::Cause;
use crate::clock::{counting_since, now};
use crate::counts::bump;
use crate::kread::{Ptr, config, field, load};
use crate::maps::{COMMITS, DIRTY, EVENTS, NO_WAKEUP, WRITEBACKS};
use crate::task::{PF_KTHREAD, current};
use crate::writers::{self, Of};

/// Bytes of a block of a journal, nearly always (ext4's default); only ratios of it count.
const BLOCK: u64 = 4096;

/// The key of a transaction among the dirty files: inodes have addresses above 2^63, no device number is that large.
#[inline(always)]
fn key_of(dev: u32, tid: u32) -> u64 {
    (dev as u64 & 0x7fff_ffff) << 32 | tid as u64
}

/// A handle of a transaction is closed, in the context of whoever changed something.
#[tracepoint(category = "jbd2", name = "jbd2_handle_stats")]
pub fn handle_stats(ctx: TracePointContext) -> i32 {
    let (Some(dev), Some(tid), Some(blocks)) = (
        field::<u32>(&ctx, config!(dirty.jbd2_dev)),
        field::<u32>(&ctx, config!(dirty.handle_tid)),
        field::<i32>(&ctx, config!(dirty.handle_blocks)),
    ) else {
        return 0;
    };
    // A handle that changed nothing still made the transaction wait for it.
    let bytes = if blocks > 0 { blocks as u64 * BLOCK } else { BLOCK };
    let key = key_of(dev, tid);
    // SAFETY: map memory.
    unsafe {
        let transaction = match DIRTY.get_ptr_mut(&key) {
            Some(transaction) => transaction,
            None => match writers::begin(Of::Transaction, key, tid as u64, dev, false) {
                Some(transaction) => transaction,
                None => return 0,
            },
        };
        match contributor() {
            Some(tgid) => writers::add(transaction, tgid, bytes),
            None => writers::add_others(transaction, bytes),
        }
    }
    0
}

/// The process that the current task works for: its own, or that of the file that it writes back.
#[inline(always)]
pub fn contributor() -> Option<u32> {
    let thread = bpf_get_current_pid_tgid();
    // SAFETY: a member of the current task.
    let flags: u32 = unsafe { load(current(), config!(task_flags)) };
    if flags & PF_KTHREAD == 0 {
        return Some((thread >> 32) as u32);
    }
    // SAFETY: a plain word, copied.
    let at = unsafe { WRITEBACKS.get(&(thread as u32)) }.copied()?;
    writers::most_of(at)
}

/// The commit that the current task, a journal's thread, is in.
#[inline(always)]
fn commit() -> Option<*mut Commit> {
    COMMITS.get_ptr_mut(&(bpf_get_current_pid_tgid() as u32))
}

#[tracepoint(category = "jbd2", name = "jbd2_start_commit")]
pub fn commit_start(ctx: TracePointContext) -> i32 {
    let (Some(dev), Some(tid)) = (
        field::<u32>(&ctx, config!(dirty.jbd2_dev)),
        field::<u32>(&ctx, config!(dirty.jbd2_transaction)),
    ) else {
        return 0;
    };
    let commit =
        Commit { key: key_of(dev, tid), start: now(), locking: 0, flushing: 0, logging: 0 };
    if COMMITS.insert(&(bpf_get_current_pid_tgid() as u32), &commit, 0).is_err() {
        bump(Count::CommitLost);
    }
    0
}

#[tracepoint(category = "jbd2", name = "jbd2_commit_locking")]
pub fn commit_locking(_ctx: TracePointContext) -> i32 {
    if let Some(commit) = commit() {
        // SAFETY: map memory of this thread.
        unsafe { (*commit).locking = now() };
    }
    0
}

#[tracepoint(category = "jbd2", name = "jbd2_commit_flushing")]
pub fn commit_flushing(_ctx: TracePointContext) -> i32 {
    if let Some(commit) = commit() {
        // SAFETY: map memory of this thread.
        unsafe { (*commit).flushing = now() };
    }
    0
}

#[tracepoint(category = "jbd2", name = "jbd2_commit_logging")]
pub fn commit_logging(_ctx: TracePointContext) -> i32 {
    if let Some(commit) = commit() {
        // SAFETY: map memory of this thread.
        unsafe { (*commit).logging = now() };
    }
    0
}

#[tracepoint(category = "jbd2", name = "jbd2_end_commit")]
pub fn commit_end(_ctx: TracePointContext) -> i32 {
    let end = now();
    let thread = bpf_get_current_pid_tgid() as u32;
    let Some(commit) = commit() else { return 0 };
    // SAFETY: map memory of this thread.
    let key = unsafe { (*commit).key };
    if counting_since() != 0 {
        // SAFETY: as above.
        unsafe { tell(commit, thread, end) };
    }
    // The places may be taken by others from now on; it is no loss when they are gone already.
    let _removed = COMMITS.remove(&thread);
    let _forgotten = DIRTY.remove(&key);
    0
}

/// Sends the record of a commit.
#[inline(always)]
unsafe fn tell(commit: *const Commit, thread: u32, end: u64) {
    let Some(mut entry) = EVENTS.reserve::<CommitRecord>(0) else {
        return bump(Count::CommitLost);
    };
    let record = entry.as_mut_ptr();
    // SAFETY: the whole record is written; map memory.
    unsafe {
        (*record).head = tag::COMMIT as u32;
        let key = (*commit).key;
        (*record).dev = (key >> 32) as u32;
        (*record).tid = key as u32;
        (*record).thread = thread;
        (*record).start_ns = (*commit).start;
        (*record).locking_ns = (*commit).locking;
        (*record).flushing_ns = (*commit).flushing;
        (*record).logging_ns = (*commit).logging;
        (*record).end_ns = end;
        (*record).others = 0;
        let transaction = DIRTY.get_ptr_mut(&key);
        for index in 0..COMMIT_CONTRIBUTORS {
            (*record).contributors[index] = match transaction {
                Some(transaction) => {
                    let writer = (*transaction).writers[index];
                    writer.who & 0xffff_ffff | (writer.total / BLOCK) << 32
                }
                None => 0,
            };
        }
        if let Some(transaction) = transaction {
            (*record).others = (*transaction).others_total / BLOCK;
        }
    }
    entry.submit(NO_WAKEUP);
}

/// Who caused a bio that a journal's thread submits. `None` when the current task is none, or nothing was booked.
#[inline(always)]
pub fn cause_of(bio: Ptr) -> Option<Cause> {
    if config!(dirty.journals) == 0 {
        return None;
    }
    let commit = commit()?;
    // SAFETY: map memory of this thread.
    writers::cause_of_commit(bio, unsafe { (*commit).key })
}
