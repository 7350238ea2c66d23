//! Waits in sync calls, from the file systems' own events; the call is told by the system call number that the
//! task entered the kernel with.

use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;
use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_task_pt_regs};
use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use iocontend_wire::config::ABSENT;
use iocontend_wire::count::Count;
use iocontend_wire::key::{How, Key, Kind, Owner};
use iocontend_wire::record::NO_TIME;
use iocontend_wire::tables::OpenWait;

use crate::calls::nr;
use crate::clock::now;
use crate::counts::bump;
use crate::kread::{Ptr, config, fetch, field, load};
use crate::maps::OPEN_WAITS;
use crate::task::{PF_IO_WORKER, PF_KTHREAD, current};
use crate::threads::SoFar;
use crate::waits::{Spent, finish, open};
use crate::{calls, files, processes, threads, uring};

/// Which call the current task is in. `datasync` tells `O_DSYNC` from `O_SYNC` (include/linux/fs.h,
/// `generic_write_sync`).
#[inline(always)]
fn call_of_current(datasync: u32) -> u32 {
    let task = current();
    // SAFETY: a member of the current task.
    let flags: u32 = unsafe { load(task, config!(task_flags)) };
    if flags & PF_KTHREAD != 0 {
        return Kind::OtherSync as u32;
    }
    if flags & PF_IO_WORKER != 0 {
        // Its syncs are measured by their requests (see `begin`): this one is the sync part of a write.
        return if config!(uring.by_request) == 0 {
            Kind::IoUringFsync as u32
        } else if datasync != 0 {
            Kind::OdsyncWrite as u32
        } else {
            Kind::OsyncWrite as u32
        };
    }
    if config!(regs_orig_ax) == ABSENT {
        return if datasync != 0 { Kind::Fdatasync as u32 } else { Kind::Fsync as u32 };
    }
    // SAFETY: the registers of the current task; a typed load.
    let number: u64 = unsafe {
        let regs = bpf_task_pt_regs(task as *mut _) as Ptr;
        load(regs, config!(regs_orig_ax))
    };
    match number {
        nr::FSYNC => Kind::Fsync as u32,
        nr::FDATASYNC => Kind::Fdatasync as u32,
        nr::WRITE | nr::PWRITE64 | nr::WRITEV | nr::PWRITEV | nr::PWRITEV2 => {
            if datasync != 0 {
                Kind::OdsyncWrite as u32
            } else {
                Kind::OsyncWrite as u32
            }
        }
        nr::MSYNC => Kind::Msync as u32,
        nr::IO_URING_ENTER => Kind::IoUringFsync as u32,
        _ => Kind::OtherSync as u32,
    }
}

/// A process that may become one whose files are told apart, but that userspace has not looked at yet. Its syncs
/// are rare, so each may have its file; of which class that is, is asked later.
const YOUNG_NS: u64 = 5_000_000_000;

/// Whether the current process started a moment ago.
#[inline(always)]
fn is_young() -> bool {
    // SAFETY: members of the current task; no arguments.
    unsafe {
        let leader: Ptr = load(current(), config!(task_group_leader));
        let started: u64 = load(leader, config!(task_start_boottime));
        bpf_ktime_get_boot_ns().wrapping_sub(started) < YOUNG_NS
    }
}

/// A sync of a file begins in the current thread.
#[inline(always)]
fn begin(dev: u32, ino: u64, datasync: u32) {
    let start = now();
    let thread = bpf_get_current_pid_tgid();
    let tgid = (thread >> 32) as u32;
    let told_apart = processes::is_tracked(tgid) || is_young();
    let file = if told_apart { files::file_id(dev, ino) } else { 0 };
    if uring::worker_syncs(current()) {
        return;
    }
    let owner = Key::owner(Owner::Process(tgid), file, How::Direct);
    let kind = call_of_current(datasync);
    let SoFar { delays, away, held } = threads::so_far();
    open(thread, &OpenWait { start, ino, owner: owner.0, dev, kind, delays, away, held });
}

/// It ends.
#[inline(always)]
fn end(ret: i32) {
    let thread = bpf_get_current_pid_tgid();
    // SAFETY: copied out at once.
    let Some(wait) = (unsafe { OPEN_WAITS.get(&thread) }).copied() else { return };
    let end = now();
    if OPEN_WAITS.remove(&thread).is_err() {
        bump(Count::WaitEndNotSeen);
    }
    let SoFar { delays, away, held } = threads::so_far();
    let since = |now: u64, then: u64| {
        if now == NO_TIME || then == NO_TIME { NO_TIME } else { now.wrapping_sub(then) }
    };
    let spent = Spent {
        runnable: since(delays, wait.delays),
        away: since(away, wait.away),
        held: since(held, wait.held),
    };
    finish(thread as u32, &wait, end, ret, spent);
}

#[tracepoint(category = "ext4", name = "ext4_sync_file_enter")]
pub fn ext4_sync_enter(ctx: TracePointContext) -> i32 {
    if let (Some(dev), Some(ino)) =
        (field(&ctx, config!(ext4_enter_dev)), field(&ctx, config!(ext4_enter_ino)))
    {
        begin(dev, ino, field(&ctx, config!(ext4_enter_datasync)).unwrap_or(0));
    }
    0
}

#[tracepoint(category = "ext4", name = "ext4_sync_file_exit")]
pub fn ext4_sync_exit(ctx: TracePointContext) -> i32 {
    end(field(&ctx, config!(ext4_exit_ret)).unwrap_or(0));
    0
}

/// `__O_SYNC`, the bit that `O_SYNC` has beyond `O_DSYNC` (include/uapi/asm-generic/fcntl.h).
const ONLY_O_SYNC: u32 = 0o4_000_000;
/// `RWF_SYNC` of `pwritev2` (include/uapi/linux/fs.h).
const RWF_SYNC: u64 = 4;

/// Whether the current task's synchronous write wants more than its data: `O_SYNC` or `RWF_SYNC`. A file or mount
/// that is synchronous by itself wants data only (include/linux/fs.h, `iocb_flags`; 6.1 to 6.18).
#[inline(always)]
fn wants_more_than_data() -> bool {
    if config!(file_flags) == ABSENT {
        return false;
    }
    let task = current();
    // SAFETY: the registers of the current task and its table of files; typed loads.
    let (files, fd) = unsafe {
        let regs = bpf_task_pt_regs(task as *mut _) as Ptr;
        let number: u64 = load(regs, config!(regs_orig_ax));
        let flags: u64 = load(regs, config!(regs_r9));
        if number == nr::PWRITEV2 && flags & RWF_SYNC != 0 {
            return true;
        }
        let table: Ptr = load(load::<Ptr>(task, config!(task_files)), config!(files_fdt));
        (load::<u64>(table, config!(fdtable_fd)), load::<u64>(regs, config!(regs_di)) as u32)
    };
    let flags = fetch::<u64>(files + fd as u64 * 8, 0)
        .and_then(|file| fetch::<u32>(file, config!(file_flags)));
    flags.unwrap_or(0) & ONLY_O_SYNC != 0
}

/// xfs does not say whether only data is wanted, and has no event for the end.
#[tracepoint(category = "xfs", name = "xfs_file_fsync")]
pub fn xfs_sync_enter(ctx: TracePointContext) -> i32 {
    if let (Some(dev), Some(ino)) = (field(&ctx, config!(xfs_dev)), field(&ctx, config!(xfs_ino))) {
        begin(dev, ino, u32::from(!wants_more_than_data()));
    }
    0
}

/// btrfs says nothing about the device (a btrfs has several).
#[tracepoint(category = "btrfs", name = "btrfs_sync_file")]
pub fn btrfs_sync_enter(ctx: TracePointContext) -> i32 {
    if let Some(ino) = field(&ctx, config!(btrfs_ino)) {
        begin(0, ino, field(&ctx, config!(btrfs_datasync)).unwrap_or(0));
    }
    0
}

/// Attached to the begins of the system calls that sync more than one file, only where their exits are attached, too.
#[tracepoint(category = "syscalls", name = "sys_enter_sync")]
pub fn sync_call_enter(_ctx: TracePointContext) -> i32 {
    let (start, task, thread) = (now(), current(), bpf_get_current_pid_tgid());
    let number = calls::number_of(task);
    let kind = calls::kind_of_call(number, 0);
    let mut inode = None;
    if calls::has_descriptor(kind) {
        inode = calls::inode_of(task, calls::descriptor_of(task, number));
    }
    let (dev, ino) = match inode {
        Some(inode) => (inode.dev, inode.ino),
        None => (0, 0),
    };
    let tgid = (thread >> 32) as u32;
    let file = if ino != 0 && processes::is_tracked(tgid) { files::file_id(dev, ino) } else { 0 };
    let owner = Key::owner(Owner::Process(tgid), file, How::Direct).0;
    let SoFar { delays, away, held } = threads::so_far();
    open(thread, &OpenWait { start, ino, owner, dev, kind, delays, away, held });
    0
}

/// Attached to the exits of the system calls that can sync a file, only where xfs or btrfs is in use.
#[tracepoint(category = "syscalls", name = "sys_exit_fsync")]
pub fn sync_syscall_exit(ctx: TracePointContext) -> i32 {
    let ret: i64 = field(&ctx, config!(sys_exit_ret)).unwrap_or(0);
    end(if ret < 0 { ret as i32 } else { 0 });
    0
}
