//! Requests in flight (by request pointer) and bios waiting for their request (by bio pointer).
//!
//! Requests come from a fixed pool, so a pointer recurs and a direct-mapped array is enough. A way is taken with
//! a compare-and-swap on its tag: two CPUs never write the same one.

use iocontend_wire::count::Count;
use iocontend_wire::key::Key;
use iocontend_wire::tables::{BIO_BITS, BioSlot, SLOT_BITS, SLOT_WAYS, Slot};

use crate::atomic;
use crate::cause::Cause;
use crate::counts::bump;
use crate::maps::{BIOS, SLOTS};

/// The set of an object's address. Objects are at least 64 bytes apart.
#[inline(always)]
fn set_of(address: u64, bits: u32) -> u32 {
    ((address >> 6).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as u32
}

/// Takes a free way for `key`.
#[inline(always)]
unsafe fn take(tag: *mut u64, key: u64) -> bool {
    // SAFETY: aligned map memory, only ever changed as a whole word.
    unsafe { atomic::swap(tag, 0, key) }.is_ok()
}

/// The slot of a live request, if it has one.
#[inline(always)]
pub fn find(key: u64) -> Option<*mut Slot> {
    let set = SLOTS.get_ptr_mut(set_of(key, SLOT_BITS))?;
    for way in 0..SLOT_WAYS {
        // SAFETY: map memory.
        unsafe {
            let slot = &raw mut (*set).ways[way];
            if (*slot).tag == key {
                return if (*slot).queued == 0 { None } else { Some(slot) };
            }
        }
    }
    None
}

/// A slot for a request that begins: its pointer's own, else one that was never used, else the oldest. Should
/// that one's request still be in flight, its completion finds no slot and is counted.
#[inline(always)]
pub fn claim(key: u64) -> Option<*mut Slot> {
    let set = SLOTS.get_ptr_mut(set_of(key, SLOT_BITS))?;
    // SAFETY: map memory.
    unsafe {
        for way in 0..SLOT_WAYS {
            let slot = &raw mut (*set).ways[way];
            if (*slot).tag == key {
                return Some(slot);
            }
        }
        // A new pointer. Whatever it displaces was queued before the others; that one's request is most likely over.
        let mut oldest = &raw mut (*set).ways[0];
        for way in 1..SLOT_WAYS {
            let slot = &raw mut (*set).ways[way];
            if (*slot).queued < (*oldest).queued {
                oldest = slot;
            }
        }
        if take_over(oldest, key) { Some(oldest) } else { None }
    }
}

/// Takes a slot from another pointer, unless another CPU does so at this moment.
#[inline(always)]
unsafe fn take_over(slot: *mut Slot, key: u64) -> bool {
    // SAFETY: map memory.
    unsafe {
        let old = core::ptr::read_volatile(&raw const (*slot).tag);
        atomic::swap(&raw mut (*slot).tag, old, key).is_ok()
    }
}

/// Gives a slot back.
///
/// # Safety
/// `slot` came from [`find`] or [`claim`].
#[inline(always)]
pub unsafe fn release(slot: *mut Slot) {
    // SAFETY: map memory.
    unsafe { core::ptr::write_volatile(&raw mut (*slot).queued, 0) };
}

/// A slot for a bio that just got its request.
#[inline(always)]
pub fn claim_bio(key: u64) -> Option<*mut BioSlot> {
    let set = BIOS.get_ptr_mut(set_of(key, BIO_BITS))?;
    // SAFETY: map memory.
    unsafe {
        let (first, second) = (&raw mut (*set).ways[0], &raw mut (*set).ways[1]);
        if (*first).tag == key || take(&raw mut (*first).tag, key) {
            return Some(first);
        }
        if (*second).tag == key || take(&raw mut (*second).tag, key) {
            return Some(second);
        }
        bump(Count::SlotOverwritten);
        let older = if (*second).queued < (*first).queued { second } else { first };
        (*older).tag = key;
        Some(older)
    }
}

/// Takes what was stored for a bio: who caused it, and the time.
#[inline(always)]
pub fn take_bio(key: u64) -> Option<(Cause, u64)> {
    let set = BIOS.get_ptr_mut(set_of(key, BIO_BITS))?;
    // SAFETY: map memory.
    unsafe {
        for way in 0..2 {
            let slot = &raw mut (*set).ways[way];
            if (*slot).tag == key {
                let owner = Key((*slot).owner);
                let (second, share) = ((*slot).second, (*slot).share as u16);
                let cause = Cause { owner, second, share, marks: (*slot).marks };
                let stored = (cause, (*slot).queued);
                core::ptr::write_volatile(&raw mut (*slot).tag, 0);
                return Some(stored);
            }
        }
    }
    None
}
