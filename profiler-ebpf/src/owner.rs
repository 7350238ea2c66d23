//! Whom a bio belongs to, asked once, in the context that submits it.
//!
//! A user process submits its own IO. A kernel thread works for somebody: a bio held back by a cgroup limit is
//! submitted by a worker (block/blk-throttle.c, `blk_throtl_dispatch_work_fn`), writeback by a flusher, a commit
//! by the journal thread. Then the waiting task of a direct IO, those who dirtied the pages, and the cgroup the bio is
//! charged to are asked, in this order. Pages that a process writes out in a sync may be somebody else's, too.

use iocontend_wire::config::ABSENT;
use iocontend_wire::key::{How, Key, Owner, Reason};
use iocontend_wire::marks;

use crate::cause::Cause;
use crate::devices::cgroup_index;
use crate::files::{self, BioKind};
use crate::kread::{Ptr, config, fetch, load};
use crate::task::{PF_KTHREAD, current};
use crate::{carried, journal, loops, processes, threads, writers, xfs_log};

impl Cause {
    /// A kernel thread submits it: for a process that a limit held back?
    #[inline(always)]
    fn by_kernel_thread(mut self, bio: Ptr) -> Self {
        self.marks |= if was_throttled(bio) { marks::HELD } else { 0 };
        self
    }

    /// This process submits it: it forces out what others caused.
    #[inline(always)]
    fn by(mut self, tgid: u32) -> Self {
        let alone = match self.owner.who() {
            Owner::Process(owner) => owner == tgid && self.share == 0,
            _ => false,
        };
        self.marks |= if alone { 0 } else { tgid << marks::FORCER_SHIFT };
        self
    }
}

/// Whether an operation writes data (include/linux/blk_types.h: writing operations are odd).
#[inline(always)]
fn writes(op: u32) -> bool {
    op & 1 != 0
}

/// Who caused a bio that the current task submits.
#[inline(always)]
pub fn of_submitter(bio: Ptr, op: u32) -> Cause {
    if config!(indirect.stacked) != 0
        && let Some(cause) = carried::cause_of(bio)
    {
        return cause;
    }
    let task = current();
    // SAFETY: members of the current task.
    let (tgid, flags): (u32, u32) =
        unsafe { (load(task, config!(task_tgid)), load(task, config!(task_flags))) };
    if xfs_log::is_log(bio)
        && let Some(cause) = xfs_log::cause_of(bio)
    {
        return if flags & PF_KTHREAD != 0 { cause.by_kernel_thread(bio) } else { cause.by(tgid) };
    }
    if flags & PF_KTHREAD != 0 {
        return of_kernel_thread(bio, op, tgid).by_kernel_thread(bio);
    }
    let mut file = 0;
    if processes::is_tracked(tgid) {
        file = files::of_bio(bio);
        threads::note_read(task, tgid, file);
    }
    let own = Key::owner(Owner::Process(tgid), file, How::Direct);
    if writes(op)
        && config!(dirty.watched) != 0
        && let BioKind::Cached = files::kind_of(bio)
    {
        return of_pages(bio, tgid, own).by(tgid);
    }
    Cause::of(own)
}

/// Whether a bio went through blk-throttle. Submitted by a kernel thread then, it was held back there.
#[inline(always)]
fn was_throttled(bio: Ptr) -> bool {
    if config!(dirty.bio_flags) == ABSENT {
        return false;
    }
    // SAFETY: a member of a bio.
    unsafe { load::<u16>(bio, config!(dirty.bio_flags)) as u32 & config!(dirty.throttled) != 0 }
}

/// A process writes out pages of a file, mostly in a sync: its own and others'. What nobody is known to have dirtied
/// counts as its own.
#[inline(always)]
fn of_pages(bio: Ptr, tgid: u32, own: Key) -> Cause {
    let Some(at) = files::host_of_page(bio) else { return Cause::of(own) };
    if writers::is_block_device(at) {
        return Cause::of(own);
    }
    let Some(mut cause) = writers::cause_of(bio, at) else { return Cause::of(own) };
    if !matches!(Key(cause.second).who(), Owner::Process(_)) {
        cause.share = 0;
    }
    match cause.owner.who() {
        Owner::Process(writer) if writer != tgid => {}
        _ => cause.owner = own,
    }
    cause
}

#[inline(always)]
fn of_kernel_thread(bio: Ptr, op: u32, tgid: u32) -> Cause {
    let mut unknown = Key::owner(Owner::Process(tgid), 0, How::Unattributed);
    match files::kind_of(bio) {
        BioKind::IomapDirect(dio) => {
            if let Some(waiter) = waiter_of(dio) {
                let file = match files::inode_of_direct(dio) {
                    Some(inode) if processes::is_tracked(waiter) => {
                        files::file_id(inode.dev, inode.ino)
                    }
                    _ => 0,
                };
                return Cause::of(Key::owner(Owner::Process(waiter), file, How::Direct));
            }
            if config!(indirect.loops) != 0
                && let Some(cause) = loops::cause_of_direct(dio)
            {
                return cause;
            }
        }
        BioKind::Cached if !writes(op) && config!(indirect.loops) != 0 => {
            if let Some(cause) = loops::cause_of_read(bio) {
                return cause;
            }
        }
        BioKind::Cached if writes(op) && config!(dirty.watched) != 0 => {
            let host = files::host_of_page(bio);
            // Not a file's page: a block of the journal, or metadata that its thread writes.
            if host.is_none_or(writers::is_block_device)
                && let Some(cause) = journal::cause_of(bio)
            {
                return cause;
            }
            if let Some(at) = host {
                match writers::cause_of(bio, at) {
                    Some(cause) => match cause.owner.who() {
                        Owner::Process(_) => return cause,
                        _ => unknown = cause.owner,
                    },
                    None if !writers::is_block_device(at) => {
                        let reason = Owner::Unattributed(Reason::DirtiedBefore as u32);
                        unknown = Key::owner(reason, 0, How::Unattributed);
                    }
                    None => {}
                }
            }
        }
        BioKind::Cached | BioKind::OtherDirect | BioKind::Unknown => {}
    }
    match charged_cgroup(bio).and_then(cgroup_index) {
        Some(index) => Cause::of(Key::owner(Owner::Cgroup(index), 0, How::OwnerCgroup)),
        None => Cause::of(unknown),
    }
}

/// The process that waits for (or started) a direct IO, unless that is a kernel thread itself.
#[inline(always)]
fn waiter_of(dio: u64) -> Option<u32> {
    if config!(iomap_dio_waiter) == ABSENT {
        return None;
    }
    let waiter: u64 = fetch(dio, config!(iomap_dio_waiter))?;
    if waiter == 0 {
        return None;
    }
    let flags: u32 = fetch(waiter, config!(task_flags))?;
    if flags & PF_KTHREAD != 0 {
        return None;
    }
    fetch(waiter, config!(task_tgid))
}

/// The cgroup a bio is charged to, unless that is the root.
#[inline(always)]
fn charged_cgroup(bio: Ptr) -> Option<u64> {
    if config!(bio_blkg) == ABSENT || config!(kn_id) == ABSENT || config!(cgroup_kn) == ABSENT {
        return None;
    }
    // SAFETY: a chain of typed loads; a missing link reads as 0.
    let id: u64 = unsafe {
        let blkg: Ptr = load(bio, config!(bio_blkg));
        let blkcg: Ptr = load(blkg, config!(blkg_blkcg));
        let cgroup: Ptr = load(blkcg, config!(blkcg_cgroup));
        let kn: Ptr = load(cgroup, config!(cgroup_kn));
        load(kn, config!(kn_id))
    };
    // The root of a hierarchy has id 1 (fs/kernfs/dir.c).
    if id > 1 { Some(id) } else { None }
}
