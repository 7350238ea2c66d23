//! What each process has dirtied and is not charged for yet: of files, and of transactions of journals.
//!
//! A bio is charged to those who dirtied what it writes by what is booked for them. [`crate::dirty`], [`crate::journal`]
//! and [`crate::xfs_log`] book.

use iocontend_wire::config::ABSENT;
use iocontend_wire::count::Count;
use iocontend_wire::key::{How, Key, Owner, Reason};
use iocontend_wire::record::{WriterRecord, tag};
use iocontend_wire::tables::{DirtyFile, WRITERS, Writer};

use crate::cause::Cause;
use crate::clock::now;
use crate::counts::bump;
use crate::kread::{Ptr, config, fetch, load};
use crate::maps::{DIRTY, EVENTS, NEW_DIRTY, NO_WAKEUP, TOLD};
use crate::{atomic, files, processes};

/// S_IFMT (include/uapi/linux/stat.h).
pub const TYPE_MASK: u32 = 0xf000;
/// S_IFBLK.
pub const BLOCK_DEVICE: u32 = 0x6000;

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
