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
use iocontend_wire::count::Count;
use iocontend_wire::key::{How, Key, Owner, Reason};
use iocontend_wire::record::{WriterRecord, tag};
use iocontend_wire::tables::{DirtyFile, WRITERS, Writer};

use crate::block::{NO_WAKEUP, now};
use crate::counts::bump;
use crate::kread::{Ptr, address, config, fetch, load};
use crate::maps::{DIRTY, EVENTS, NEW_DIRTY, TOLD, WRITEBACKS};
use crate::owner::{Cause, PF_KTHREAD, current};
use crate::{atomic, files, loops, processes, xfs_log};

/// Bytes of a page on x86-64.
const PAGE: u64 = 4096;
/// S_IFMT and S_IFBLK (include/uapi/linux/stat.h).
const TYPE_MASK: u32 = 0xf000;
const BLOCK_DEVICE: u32 = 0x6000;

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

/// Which buffer a new entry is put together in.
#[derive(Clone, Copy)]
pub enum Of {
    File = 0,
    Transaction = 1,
}

/// A file or transaction that was not known, or another file at this address.
#[inline(always)]
pub unsafe fn begin(of: Of, at: u64, ino: u64, dev: u32, older: bool) -> Option<*mut DirtyFile> {
    let new = NEW_DIRTY.get_ptr_mut(of as u32)?;
    // SAFETY: a per-CPU buffer of one program, which does not interrupt itself.
    unsafe {
        (*new).ino = ino;
        (*new).dev = dev;
        (*new).older = older as u32;
        (*new).others = 0;
        (*new).others_total = 0;
        (*new).last = 0;
        for index in 0..WRITERS {
            (*new).writers[index].who = 0;
            (*new).writers[index].bytes = 0;
            (*new).writers[index].total = 0;
        }
        if DIRTY.insert(&at, &*new, 0).is_err() {
            bump(Count::DirtyFileLost);
            return None;
        }
    }
    DIRTY.get_ptr_mut(&at)
}

/// Books bytes to a process.
#[inline(always)]
pub unsafe fn add(file: *mut DirtyFile, tgid: u32, bytes: u64) {
    // SAFETY: map memory.
    unsafe {
        if (*file).last != tgid as u64 {
            core::ptr::write_volatile(&raw mut (*file).last, tgid as u64);
        }
        for index in 0..WRITERS {
            let writer = &raw mut (*file).writers[index];
            if core::ptr::read_volatile(&raw const (*writer).who) == tgid as u64 {
                book(writer, bytes);
                return;
            }
        }
        tell(tgid);
        for index in 0..WRITERS {
            let writer = &raw mut (*file).writers[index];
            if atomic::swap(&raw mut (*writer).who, 0, tgid as u64).is_ok() {
                book(writer, bytes);
                return;
            }
        }
        add_others(file, bytes);
    }
}

#[inline(always)]
unsafe fn book(writer: *mut Writer, bytes: u64) {
    // SAFETY: map memory.
    unsafe {
        atomic::add(&raw mut (*writer).bytes, bytes);
        atomic::add(&raw mut (*writer).total, bytes);
    }
}

/// Books bytes to nobody in particular.
#[inline(always)]
pub unsafe fn add_others(file: *mut DirtyFile, bytes: u64) {
    // SAFETY: map memory.
    unsafe {
        atomic::add(&raw mut (*file).others, bytes);
        atomic::add(&raw mut (*file).others_total, bytes);
    }
}

/// Tells userspace once that this process has to be kept in mind.
#[inline(always)]
fn tell(tgid: u32) {
    // SAFETY: only asked whether it is there.
    if unsafe { TOLD.get(&tgid) }.is_some() {
        return;
    }
    match EVENTS.reserve::<WriterRecord>(0) {
        Some(mut entry) => {
            entry.write(WriterRecord { head: tag::WRITER as u32, tgid, now_ns: now() });
            entry.submit(NO_WAKEUP);
            // Should it not be stored, it is told again.
            let _stored = TOLD.insert(&tgid, &1, 0);
        }
        None => bump(Count::RingFullProcess),
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

/// In the answer of [`writers`]: whose the second part is, where it is no process.
const SECOND_BEFORE: u64 = 1 << 60;
const SECOND_MANY: u64 = 1 << 61;
/// In the same place: nobody but such is known.
const NOBODY: u64 = 1 << 62;
/// Where the second process and its share stand in the answer.
const SECOND_SHIFT: u32 = 22;
const SHARE_SHIFT: u32 = 44;
const ID_MASK: u64 = (1 << SECOND_SHIFT) - 1;

/// Takes some bytes from what is booked.
#[inline(always)]
unsafe fn take(word: *mut u64, bytes: u64) {
    // SAFETY: map memory.
    unsafe {
        let booked = core::ptr::read_volatile(word);
        let taken = if bytes < booked { bytes } else { booked };
        atomic::add(word, taken.wrapping_neg());
    }
}

/// Charges some bytes to the writers of a file: the two with most booked, by what is booked for them; packed as the
/// constants above say. 0 when the file is not known.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn writers(at: u64, bytes: u64) -> u64 {
    let Some(file) = DIRTY.get_ptr_mut(&at) else { return 0 };
    // SAFETY: map memory; indices are below the length.
    unsafe {
        let (mut first, mut most, mut first_at) = (0u64, 0u64, 0usize);
        let (mut second, mut next, mut second_at) = (0u64, 0u64, 0usize);
        for index in 0..WRITERS {
            let who = core::ptr::read_volatile(&raw const (*file).writers[index].who);
            let booked = core::ptr::read_volatile(&raw const (*file).writers[index].bytes);
            if who == 0 || booked == 0 {
                continue;
            }
            if booked > most {
                (second, next, second_at) = (first, most, first_at);
                (first, most, first_at) = (who, booked, index);
            } else if booked > next {
                (second, next, second_at) = (who, booked, index);
            }
        }
        let others = core::ptr::read_volatile(&raw const (*file).others);
        if first == 0 {
            return nothing_booked(file, others, bytes);
        }
        let mut flags = 0;
        if (*file).older != 0 && most + next < bytes {
            (second, next, flags) = (0, bytes - most, SECOND_BEFORE);
        } else if others > next {
            (second, next, flags) = (0, others, SECOND_MANY);
        }
        let share = (next << 16).checked_div(most.wrapping_add(next)).unwrap_or(0);
        let share = if share > 0xffff { 0xffff } else { share };
        let theirs = (bytes * share) >> 16;
        take(&raw mut (*file).writers[first_at & (WRITERS - 1)].bytes, bytes - theirs);
        if flags == 0 {
            take(&raw mut (*file).writers[second_at & (WRITERS - 1)].bytes, theirs);
        } else if flags == SECOND_MANY {
            take(&raw mut (*file).others, theirs);
        }
        first | second << SECOND_SHIFT | share << SHARE_SHIFT | flags
    }
}

/// The answer when no process has anything booked.
#[inline(always)]
unsafe fn nothing_booked(file: *mut DirtyFile, others: u64, bytes: u64) -> u64 {
    // SAFETY: map memory.
    unsafe {
        if others != 0 {
            take(&raw mut (*file).others, bytes);
            return NOBODY | SECOND_MANY;
        }
        if (*file).older != 0 {
            return NOBODY | SECOND_BEFORE;
        }
        // All was charged, and more is written: pages that were dirtied again while they were written.
        let last = core::ptr::read_volatile(&raw const (*file).last);
        if last != 0 { last & ID_MASK } else { 0 }
    }
}

/// Whether an inode is that of a block device: its pages are metadata of the file system on it.
#[inline(always)]
pub fn is_block_device(at: u64) -> bool {
    if config!(dirty.inode_mode) == ABSENT {
        return false;
    }
    let mode: u16 = fetch(at, config!(dirty.inode_mode)).unwrap_or(0);
    mode as u32 & TYPE_MASK == BLOCK_DEVICE
}

/// The process that dirtied most of the file that a kernel thread writes back.
#[inline(always)]
pub fn most_of(at: u64) -> Option<u32> {
    let file = DIRTY.get_ptr_mut(&at)?;
    let (mut who, mut most) = (0u64, 0u64);
    for index in 0..WRITERS {
        // SAFETY: map memory.
        unsafe {
            let writer = &raw const (*file).writers[index];
            if core::ptr::read_volatile(&raw const (*writer).bytes) >= most
                && core::ptr::read_volatile(&raw const (*writer).who) != 0
            {
                who = core::ptr::read_volatile(&raw const (*writer).who);
                most = core::ptr::read_volatile(&raw const (*writer).bytes);
            }
        }
    }
    if who == 0 {
        // SAFETY: map memory.
        who = unsafe { core::ptr::read_volatile(&raw const (*file).last) };
    }
    if who == 0 { None } else { Some(who as u32) }
}

/// Who caused a bio of a journal, by the contributors of the transaction.
#[inline(always)]
pub fn cause_of_commit(bio: Ptr, key: u64) -> Option<Cause> {
    // SAFETY: a member of a bio.
    let bytes: u32 = unsafe { load(bio, config!(dirty.bio_size)) };
    let found = writers(key, bytes as u64);
    if found == 0 {
        return None;
    }
    let others = Owner::Unattributed(Reason::JournalOthers as u32);
    let others = Key::owner(others, 0, How::Unattributed);
    if found & NOBODY != 0 {
        return Some(Cause::of(others));
    }
    let by = |tgid: u64| Key::owner(Owner::Process(tgid as u32), 0, How::Journal);
    let second =
        if found & SECOND_MANY != 0 { others } else { by((found >> SECOND_SHIFT) & ID_MASK) };
    let share = ((found >> SHARE_SHIFT) & 0xffff) as u16;
    Some(Cause { owner: by(found & ID_MASK), second: second.0, share, marks: 0 })
}

/// Who caused a bio with pages of the inode at this address. `None` when its writers are not known.
#[inline(always)]
pub fn cause_of(bio: Ptr, at: u64) -> Option<Cause> {
    // SAFETY: a member of a bio.
    let bytes: u32 = unsafe { load(bio, config!(dirty.bio_size)) };
    let found = writers(at, bytes as u64);
    if found == 0 {
        return None;
    }
    let nobody =
        |reason: Reason| Key::owner(Owner::Unattributed(reason as u32), 0, How::Unattributed);
    let reason =
        if found & SECOND_BEFORE != 0 { Reason::DirtiedBefore } else { Reason::ManyWriters };
    if found & NOBODY != 0 {
        return Some(Cause::of(nobody(reason)));
    }
    let first = (found & ID_MASK) as u32;
    let share = ((found >> SHARE_SHIFT) & 0xffff) as u16;
    let second = if found & (SECOND_BEFORE | SECOND_MANY) != 0 {
        nobody(reason)
    } else {
        written_by(((found >> SECOND_SHIFT) & ID_MASK) as u32, at)
    };
    Some(Cause { owner: written_by(first, at), second: second.0, share, marks: 0 })
}

/// The key of a process whose pages are written.
#[inline(always)]
fn written_by(tgid: u32, at: u64) -> Key {
    let mut file = 0;
    if processes::is_tracked(tgid)
        && let Some(inode) = files::inode_at(at)
    {
        file = files::file_id(inode.dev, inode.ino);
    }
    Key::owner(Owner::Process(tgid), file, How::Writeback)
}
