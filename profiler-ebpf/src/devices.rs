//! Device and cgroup numbers to small indices.

use iocontend_wire::count::Count;
use iocontend_wire::key::{DEVICE_OVERFLOW, DEVICES as COUNT, Key, Kind};
use iocontend_wire::tables::CGROUPS as CGROUP_COUNT;

use crate::counts::bump;
use crate::kread::{Ptr, config, load};
use crate::maps::{CGROUPS, DEVICES};
use crate::{atomic, streams};

/// How many entries are tried.
const TRIES: u32 = 8;

/// The whole disk of a request, in the kernel's encoding; 0 when it has none.
#[inline(always)]
pub fn disk_of(rq: Ptr) -> u32 {
    // SAFETY: a chain of typed loads.
    unsafe {
        let queue: Ptr = load(rq, config!(rq_q));
        let disk: Ptr = load(queue, config!(q_disk));
        let major: u32 = load(disk, config!(disk_major));
        let minor: u32 = load(disk, config!(disk_first_minor));
        (major << 20) | (minor & 0xf_ffff)
    }
}

/// The index of a request's device.
#[inline(always)]
pub fn of_request(rq: Ptr) -> u32 {
    of_disk(disk_of(rq))
}

/// The index of a disk (kernel encoding).
#[inline(always)]
pub fn of_disk(dev: u32) -> u32 {
    let first = first_index(dev);
    if let Some(table) = DEVICES.get_ptr_mut(0) {
        // SAFETY: the index is below the length.
        if unsafe { core::ptr::read_volatile(&raw const (*table).entries[first as usize]) }
            == entry_of(dev)
        {
            return first;
        }
    }
    device_index(dev)
}

/// The entry of a device.
#[inline(always)]
fn entry_of(dev: u32) -> u64 {
    (1 << 32) | dev as u64
}

/// Where a device's entry should stand.
#[inline(always)]
fn first_index(dev: u32) -> u32 {
    dev.wrapping_mul(0x9e37_79b1) >> 26
}

/// The index of a device; a new one gets its overflow streams at once, so that they exist when room runs out.
#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn device_index(dev: u32) -> u32 {
    let entry = entry_of(dev);
    let Some(table) = DEVICES.get_ptr_mut(0) else { return DEVICE_OVERFLOW };
    let first = first_index(dev);
    for step in 0..TRIES {
        // Opaque, so that the mask stays: Linux 6.1 cannot follow why it would not be needed.
        let at = core::hint::black_box(first + step) & (COUNT - 1);
        if at == DEVICE_OVERFLOW {
            continue;
        }
        // SAFETY: `at` is below the length of the table.
        let word = unsafe { &raw mut (*table).entries[at as usize] };
        // SAFETY: map memory is valid for the program's life.
        let seen = unsafe { core::ptr::read_volatile(word) };
        if seen == entry {
            return at;
        }
        if seen == 0 {
            // SAFETY: aligned, valid, and only ever changed as a whole word.
            match unsafe { atomic::swap(word, 0, entry) } {
                Ok(()) => {
                    reserve_overflow(at);
                    return at;
                }
                Err(other) if other == entry => return at,
                Err(_) => {}
            }
        }
    }
    bump(Count::DeviceTableFull);
    DEVICE_OVERFLOW
}

/// Overflow streams of the block operations of a device.
#[inline(always)]
fn reserve_overflow(dev: u32) {
    for kind in 0..=Kind::FlushCommand as u32 {
        streams::insert_stream(Key::overflow(dev, kind).0);
    }
}

/// The index of an owning cgroup.
#[inline(always)]
pub fn cgroup_index(id: u64) -> Option<u32> {
    match find_cgroup(id) {
        NO_CGROUP => None,
        index => Some(index),
    }
}

/// "No room."
const NO_CGROUP: u32 = u32::MAX;

#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn find_cgroup(id: u64) -> u32 {
    let Some(table) = CGROUPS.get_ptr_mut(0) else { return NO_CGROUP };
    let first = (id as u32).wrapping_mul(0x9e37_79b1) >> 24;
    for step in 0..TRIES {
        let at = core::hint::black_box(first + step) & (CGROUP_COUNT as u32 - 1);
        // SAFETY: `at` is below the length of the table.
        let word = unsafe { &raw mut (*table).entries[at as usize] };
        // SAFETY: map memory is valid for the program's life.
        let seen = unsafe { core::ptr::read_volatile(word) };
        if seen == id {
            return at;
        }
        if seen == 0 {
            // SAFETY: aligned, valid, and only ever changed as a whole word.
            match unsafe { atomic::swap(word, 0, id) } {
                Ok(()) => return at,
                Err(other) if other == id => return at,
                Err(_) => {}
            }
        }
    }
    bump(Count::CgroupTableFull);
    NO_CGROUP
}
