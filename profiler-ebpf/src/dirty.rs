//! Who dirtied the pages that somebody else writes back.
//!
//! Each page that becomes dirty is booked to the process that dirtied it, at the call site where the kernel books
//! `/proc/PID/io`'s write_bytes (mm/page-writeback.c, `folio_account_dirtied`). A bio with pages of a file is then
//! charged to the file's writers by what each has dirtied and was not charged for yet. So the sums are those of the
//! dirtying, whoever writes back, in whatever order.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use iocontend_wire::config::ABSENT;
use iocontend_wire::tables::{DirtyFile, WRITERS};

use crate::kread::{Ptr, address, config, load};
use crate::maps::{DIRTY, WRITEBACKS};
use crate::task::{PF_KTHREAD, current};
use crate::writers::{BLOCK_DEVICE, Of, TYPE_MASK, add, add_others, begin};
use crate::{loops, xfs_log};

/// Bytes of a page on x86-64.
const PAGE: u64 = 4096;
/// A page, or several that belong together, became dirty. Interrupts are off here.
#[btf_tracepoint(function = "writeback_dirty_folio")]
pub fn dirty_folio(ctx: BtfTracePointContext) -> i32 {
    let (folio, mapping): (Ptr, Ptr) = (ctx.arg(0), ctx.arg(1));
    // The kernel says that the tracepoint may have none (kernel/bpf/btf.c, `raw_tp_null_args`).
    if mapping.is_null() {
        return 0;
    }
    // SAFETY: members of a folio, its mapping, and the current task.
    unsafe {
        let host: Ptr = load(mapping, config!(mapping_host));
        let at = address(host);
        if at == 0 {
            return 0;
        }
        let task = current();
        let flags: u32 = load(task, config!(task_flags));
        // A journal thread dirties the metadata that it has committed for others.
        if flags & PF_KTHREAD != 0 {
            let mode: u16 = load(host, config!(dirty.inode_mode));
            if mode as u32 & TYPE_MASK == BLOCK_DEVICE {
                return 0;
            }
        }
        let tgid: u32 = load(task, config!(task_tgid));
        let sb: Ptr = load(host, config!(inode_sb));
        let (ino, dev): (u64, u32) = (load(host, config!(inode_ino)), load(sb, config!(sb_dev)));
        let bytes = bytes_of(folio);
        let first = is_first(mapping);
        let file = match DIRTY.get_ptr_mut(&at) {
            // The memory of an inode may have become another's.
            Some(file) if (*file).ino == ino && (*file).dev == dev => {
                if first {
                    forget(file);
                }
                file
            }
            _ => {
                xfs_log::remember(dev, ino, at);
                match begin(Of::File, at, ino, dev, !first) {
                    Some(file) => file,
                    None => return 0,
                }
            }
        };
        let mut who = tgid;
        if config!(indirect.loops) != 0 && flags & PF_KTHREAD != 0 {
            match loops::user_of_page(folio, dev, ino, bytes) {
                loops::NOT_KNOWN => {}
                user => who = user,
            }
        }
        if who == loops::NOBODY {
            add_others(file, bytes);
        } else {
            add(file, who, bytes);
        }
    }
    0
}

/// Bits of `xarray.xa_flags` that are no marks in a page cache (include/linux/xarray.h, 4.20 and later); those above say
/// that a page is dirty, or being written.
const NO_MARKS: u32 = 0x3f;

/// Whether no other page of the file is dirty, or being written: the page is marked after this. What is booked then will
/// never be written: the pages were cut off, or the file is gone and a new one has its inode.
#[inline(always)]
unsafe fn is_first(mapping: Ptr) -> bool {
    // SAFETY: a member of a mapping.
    unsafe { load::<u32>(mapping, config!(dirty.mapping_flags)) & !NO_MARKS == 0 }
}

/// Nothing of a file is dirty.
#[inline(always)]
unsafe fn forget(file: *mut DirtyFile) {
    // SAFETY: map memory.
    unsafe {
        (*file).older = 0;
        (*file).others = 0;
        for index in 0..WRITERS {
            (*file).writers[index].bytes = 0;
            (*file).writers[index].who = 0;
        }
    }
}

/// Bytes of a folio.
#[inline(always)]
unsafe fn bytes_of(folio: Ptr) -> u64 {
    // SAFETY: members of a folio; the second only where there are several pages.
    unsafe {
        let flags: u64 = load(folio, config!(dirty.folio_flags));
        if config!(dirty.folio_pages) == ABSENT || flags & config!(dirty.head_mask) as u64 == 0 {
            return PAGE;
        }
        load::<u32>(folio, config!(dirty.folio_pages)) as u64 * PAGE
    }
}

/// A kernel thread begins to write a file back. Until the end, what it puts into a journal is the writers'.
#[btf_tracepoint(function = "writeback_single_inode_start")]
pub fn inode_write_start(ctx: BtfTracePointContext) -> i32 {
    let inode: Ptr = ctx.arg(0);
    let thread = bpf_get_current_pid_tgid() as u32;
    // Without it such blocks are nobody's, and that shows.
    let _stored = WRITEBACKS.insert(&thread, &address(inode), 0);
    0
}

/// A file was written back. Its writers are kept until its next page becomes dirty, also when it is clean: btrfs submits its
/// pages later, by other threads, where checksums take long (fs/btrfs/bio.c, `should_async_write`).
#[btf_tracepoint(function = "writeback_single_inode")]
pub fn inode_written(_ctx: BtfTracePointContext) -> i32 {
    let thread = bpf_get_current_pid_tgid() as u32;
    // Not there: it began before the programs were attached.
    let _removed = WRITEBACKS.remove(&thread);
    0
}
