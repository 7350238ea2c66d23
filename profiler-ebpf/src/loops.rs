//! Loop devices: whose request a loop device's worker works on when it dirties or reads its file.
//!
//! A request is remembered from its issue to its completion, by its tag. What the worker does in the file is at the
//! place that the request has on the device, so the page or position leads back to the request (drivers/block/loop.c,
//! `lo_rw_aio`). Owns no program: `rq_issue` and `rq_complete` call it for requests of loop devices, which they know by
//! a mark, so that those of other disks cost nothing (decisions/0022).

use iocontend_wire::key::{Key, Owner};
use iocontend_wire::tables::{FileKey, LOOP_TAGS, LoopRequest, Slot};

use crate::cause::Cause;
use crate::kread::{Ptr, config, fetch, load};
use crate::maps::{LOOP_DISKS, LOOP_FILES, LOOP_REQUESTS};
use crate::{devices, files};

/// LOOP_MAJOR (include/uapi/linux/major.h).
const LOOP_MAJOR: u32 = 7;
const MINOR_BITS: u32 = 20;
const PAGE: u64 = 4096;
/// How far behind a request in flight a read may be that is read-ahead for it.
const READ_AHEAD: u64 = 4 << 20;
/// "No such request."
const NONE: u64 = LOOP_TAGS as u64;

/// Whether users of loop devices are told apart here.
#[inline(always)]
pub fn watched() -> bool {
    config!(indirect.loops) != 0
}

/// Whether a disk (kernel encoding) is a loop device.
#[inline(always)]
pub fn is_loop(disk: u32) -> bool {
    disk >> MINOR_BITS == LOOP_MAJOR
}

/// The place of a loop device's request.
#[inline(always)]
fn entry(rq: Ptr) -> Option<*mut LoopRequest> {
    let disk = devices::disk_of(rq);
    // SAFETY: a plain word, copied; a member of a request; the index is below the length.
    unsafe {
        let index = LOOP_DISKS.get(&disk).copied()?;
        let tag: u32 = load(rq, config!(indirect.rq_tag));
        if tag >= LOOP_TAGS as u32 {
            return None;
        }
        let requests = LOOP_REQUESTS.get_ptr_mut(index)?;
        Some(&raw mut (*requests).tags[(tag as usize) & (LOOP_TAGS - 1)])
    }
}

/// A loop device's request goes to its worker.
///
/// # Safety
/// The slot is the request's.
#[inline(always)]
pub unsafe fn issued(rq: Ptr, slot: *const Slot) {
    let Some(entry) = entry(rq) else { return };
    // SAFETY: map memory of this request; members of a request.
    unsafe {
        (*entry).end = 0;
        let start = (*slot).sector << 9;
        (*entry).start = start;
        (*entry).owner = (*slot).owner;
        (*entry).second = (*slot).second;
        (*entry).share = (*slot).share as u64;
        core::ptr::write_volatile(
            &raw mut (*entry).end,
            start + load::<u32>(rq, config!(rq_data_len)) as u64,
        );
    }
}

/// It is done.
#[inline(always)]
pub fn done(rq: Ptr) {
    if let Some(entry) = entry(rq) {
        // SAFETY: map memory.
        unsafe { core::ptr::write_volatile(&raw mut (*entry).end, 0) };
    }
}

/// The request of a loop device that covers some bytes of it; else the nearest before them, for read-ahead.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn loop_request(index: u32, from: u64, to: u64) -> u64 {
    let Some(requests) = LOOP_REQUESTS.get_ptr_mut(index) else { return NONE };
    let (mut nearest, mut behind) = (NONE, READ_AHEAD);
    for tag in 0..LOOP_TAGS {
        // SAFETY: map memory; the index is below the length.
        unsafe {
            let request = &raw const (*requests).tags[tag];
            let end = core::ptr::read_volatile(&raw const (*request).end);
            let start = core::ptr::read_volatile(&raw const (*request).start);
            if end == 0 {
                continue;
            }
            if start < to && from < end {
                return tag as u64;
            }
            if end <= from && from - end < behind {
                (nearest, behind) = (core::hint::black_box(tag as u64), from - end);
            }
        }
    }
    nearest
}

/// The device whose file this is, and where in the device these bytes of the file are; then the request.
#[inline(always)]
fn request_at(dev: u32, ino: u64, position: u64, bytes: u64) -> Option<*const LoopRequest> {
    let key = FileKey { ino, dev, pad: 0 };
    // SAFETY: copied at once; the index is below the length.
    unsafe {
        let file = LOOP_FILES.get(&key).copied()?;
        let from = position.wrapping_sub(file.offset);
        let tag = loop_request(file.index, from, from.wrapping_add(bytes));
        if tag >= NONE {
            return None;
        }
        let requests = LOOP_REQUESTS.get_ptr_mut(file.index)?;
        Some(&raw const (*requests).tags[(tag as usize) & (LOOP_TAGS - 1)])
    }
}

/// "Not the file of a loop device, or nothing is known of it."
pub const NOT_KNOWN: u32 = u32::MAX;
/// "Somebody, but no process is known."
pub const NOBODY: u32 = 0;

/// The process for which a loop device's worker dirties these pages of its file.
#[inline(always)]
pub fn user_of_page(folio: Ptr, dev: u32, ino: u64, bytes: u64) -> u32 {
    // SAFETY: a member of a folio.
    let position = unsafe { load::<u64>(folio, config!(indirect.folio_index)) } * PAGE;
    let Some(request) = request_at(dev, ino, position, bytes) else { return NOT_KNOWN };
    // SAFETY: map memory.
    unsafe {
        let LoopRequest { start, end, owner, second, share } = *request;
        // Of two, the second has the first pages, so many as are its part.
        let at = position.saturating_sub(start);
        let its = share != 0 && at << 16 < end.saturating_sub(start) * share;
        match Key(if its { second } else { owner }).who() {
            Owner::Process(tgid) => tgid,
            _ => NOBODY,
        }
    }
}

#[inline(always)]
unsafe fn cause_of(request: *const LoopRequest) -> Cause {
    // SAFETY: map memory.
    let LoopRequest { owner, second, share, .. } = unsafe { *request };
    Cause { owner: Key(owner), second, share: share as u16, marks: 0 }
}

/// For whom a loop device's worker does direct IO on its file.
#[inline(always)]
pub fn cause_of_direct(dio: u64) -> Option<Cause> {
    let inode = files::inode_of_direct(dio)?;
    let iocb: u64 = fetch(dio, config!(iomap_dio_iocb))?;
    let position: u64 = fetch(iocb, config!(indirect.kiocb_pos))?;
    let request = request_at(inode.dev, inode.ino, position, 1)?;
    // SAFETY: as returned.
    Some(unsafe { cause_of(request) })
}

/// For whom a loop device's worker reads pages of its file.
#[inline(always)]
pub fn cause_of_read(bio: Ptr) -> Option<Cause> {
    let folio = files::folio_of(bio)?;
    let mapping: u64 = fetch(folio, config!(page_mapping))?;
    let inode = files::inode_at(fetch(mapping, config!(mapping_host))?)?;
    let index: u64 = fetch(folio, config!(indirect.folio_index))?;
    let request = request_at(inode.dev, inode.ino, index * PAGE, PAGE)?;
    // SAFETY: as returned.
    Some(unsafe { cause_of(request) })
}
