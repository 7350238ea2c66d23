//! Tables of processes that userspace fills: whose files are told apart, whose threads are watched.

use iocontend_wire::tables::{TRACKED_WINDOW, Tracked, tracked_index};

use crate::maps::{TARGETS, TRACKED};

/// Whether userspace asked to tell this process's files apart.
#[inline(always)]
pub fn is_tracked(tgid: u32) -> bool {
    match TRACKED.get_ptr_mut(0) {
        Some(table) => is_first(table, tgid).unwrap_or_else(|| find_tracked(tgid) != 0),
        None => false,
    }
}

/// Whether a process is a target.
#[inline(always)]
pub fn is_target(tgid: u32) -> bool {
    match TARGETS.get_ptr_mut(0) {
        Some(table) => is_first(table, tgid).unwrap_or_else(|| find_target(tgid) != 0),
        None => false,
    }
}

/// The same of two, as cheaply as possible: asked at every context switch.
#[inline(always)]
pub fn are_targets(one: u32, other: u32) -> (bool, bool) {
    let Some(table) = TARGETS.get_ptr_mut(0) else { return (false, false) };
    let is = |tgid| is_first(table, tgid).unwrap_or_else(|| find_target(tgid) != 0);
    (is(one), is(other))
}

/// The common answers: most processes find an empty entry, one that is there mostly finds itself. `None`: another
/// stands there, the neighbours have to be looked at.
#[inline(always)]
fn is_first(table: *mut Tracked, tgid: u32) -> Option<bool> {
    // SAFETY: the index is below the length.
    let first = unsafe {
        core::ptr::read_volatile(&raw const (*table).entries[tracked_index(tgid) as usize])
    };
    if first == 0 {
        Some(false)
    } else if first == tgid as u64 + 1 {
        Some(true)
    } else {
        None
    }
}

/// Two functions, for the verifier checks a global function once and lets it take no pointer to a map's value.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn find_tracked(tgid: u32) -> u32 {
    TRACKED.get_ptr_mut(0).map_or(0, |table| find(table, tgid))
}

#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn find_target(tgid: u32) -> u32 {
    TARGETS.get_ptr_mut(0).map_or(0, |table| find(table, tgid))
}

#[inline(always)]
fn find(table: *mut Tracked, tgid: u32) -> u32 {
    let first = tracked_index(tgid) as usize;
    for step in 0..TRACKED_WINDOW {
        // SAFETY: the table has a window's length of spare entries at its end.
        let entry = unsafe { core::ptr::read_volatile(&raw const (*table).entries[first + step]) };
        if entry == tgid as u64 + 1 {
            return 1;
        }
        if entry == 0 {
            return 0;
        }
    }
    0
}
