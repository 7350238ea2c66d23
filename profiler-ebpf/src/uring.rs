//! Syncs through io_uring, from submission to completion: what a worker thread does for them in between is part of
//! that, and not counted again.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use iocontend_wire::config::ABSENT;
use iocontend_wire::count::Count;
use iocontend_wire::key::{How, Key, Kind, Owner};
use iocontend_wire::record::NO_TIME;
use iocontend_wire::tables::{OpenWait, UringSync};

use crate::clock::now;
use crate::counts::bump;
use crate::files;
use crate::kread::{Ptr, address, config, fetch, load};
use crate::maps::URING_SYNCS;
use crate::task::{PF_IO_WORKER, current};
use crate::waits::{self, Spent};
use crate::{calls, processes};

/// IORING_OP_FSYNC and IORING_OP_SYNC_FILE_RANGE (include/uapi/linux/io_uring.h).
const OP_FSYNC: u8 = 3;
const OP_SYNC_FILE_RANGE: u8 = 8;

/// Whether an operation is measured here.
#[inline(always)]
fn is_sync(opcode: u8) -> bool {
    opcode == OP_FSYNC || opcode == OP_SYNC_FILE_RANGE
}

#[inline(always)]
fn submitted(req: Ptr) {
    // SAFETY: a member of a request.
    let opcode: u8 = unsafe { load(req, config!(uring.opcode)) };
    if !is_sync(opcode) {
        return;
    }
    let thread = bpf_get_current_pid_tgid();
    let tgid = (thread >> 32) as u32;
    let kind =
        if opcode == OP_FSYNC { Kind::IoUringFsync as u32 } else { Kind::SyncFileRange as u32 };
    // A registered file has no descriptor: an index that means nothing here, or another file.
    // SAFETY: members of a request.
    let (descriptor, flags): (u32, u32) =
        unsafe { (load(req, config!(uring.fd)), load(req, config!(uring.flags))) };
    let inode = if flags & FIXED_FILE != 0 { None } else { calls::inode_of(current(), descriptor) };
    let (dev, ino) = match inode {
        Some(inode) => (inode.dev, inode.ino),
        None => (0, 0),
    };
    let file = if ino != 0 && processes::is_tracked(tgid) { files::file_id(dev, ino) } else { 0 };
    let owner = Key::owner(Owner::Process(tgid), file, How::Direct).0;
    let (delays, away, held) = (NO_TIME, NO_TIME, NO_TIME);
    let wait = OpenWait { start: now(), ino, owner, dev, kind, delays, away, held };
    // The same request again: its memory was used for another, and the end of that one was not told
    // (IOSQE_CQE_SKIP_SUCCESS).
    let sync = UringSync { wait, tid: thread as u32, pad: 0 };
    if URING_SYNCS.insert(&address(req), &sync, 0).is_err() {
        bump(Count::WaitTableFull);
    }
}

/// IOSQE_FIXED_FILE, as the kernel keeps it among the request's flags.
const FIXED_FILE: u32 = 1;

/// Kernels since 6.4.
#[btf_tracepoint(function = "io_uring_submit_req")]
pub fn uring_submit(ctx: BtfTracePointContext) -> i32 {
    submitted(ctx.arg(0));
    0
}

/// Kernels before 6.4.
#[btf_tracepoint(function = "io_uring_submit_sqe")]
pub fn uring_submit_sqe(ctx: BtfTracePointContext) -> i32 {
    submitted(ctx.arg(0));
    0
}

#[btf_tracepoint(function = "io_uring_complete")]
pub fn uring_complete(ctx: BtfTracePointContext) -> i32 {
    let req: u64 = ctx.arg(1);
    // SAFETY: copied out at once.
    let Some(UringSync { wait, tid, .. }) = (unsafe { URING_SYNCS.get(&req) }).copied() else {
        return 0;
    };
    let end = now();
    if URING_SYNCS.remove(&req).is_err() {
        bump(Count::WaitEndNotSeen);
    }
    // Unless its memory is by now another request's.
    if !fetch(req, config!(uring.opcode)).is_some_and(is_sync) {
        bump(Count::WaitEndNotSeen);
        return 0;
    }
    let ret = fetch(req, config!(uring.res)).unwrap_or(0);
    // The thread that submitted it was elsewhere meanwhile.
    waits::finish(tid, &wait, end, ret, Spent { runnable: NO_TIME, away: NO_TIME, held: NO_TIME });
    0
}

/// Whether the worker thread that runs now works on a sync that is measured by its request.
#[inline(always)]
pub fn worker_syncs(worker: Ptr) -> bool {
    let offsets = [config!(uring.worker), config!(uring.cur_work), config!(uring.work)];
    if config!(uring.by_request) == 0 || offsets.contains(&ABSENT) {
        return false;
    }
    // SAFETY: members of the current task.
    if unsafe { load::<u32>(worker, config!(task_flags)) } & PF_IO_WORKER == 0 {
        return false;
    }
    // SAFETY: a member of the current task.
    let private: u64 = unsafe { load(worker, config!(uring.worker)) };
    let opcode = fetch::<u64>(private, config!(uring.cur_work))
        .and_then(|work| fetch::<u8>(work - config!(uring.work) as u64, config!(uring.opcode)));
    opcode.is_some_and(is_sync)
}
