//! The programs' clock, and since when they count.

use aya_ebpf::helpers::bpf_ktime_get_ns;

use crate::maps::CONTROL;

/// CLOCK_MONOTONIC, ns.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: no arguments.
    unsafe { bpf_ktime_get_ns() }
}

/// Since when is counted; 0 while the programs are being attached or detached.
#[inline(always)]
pub fn counting_since() -> u64 {
    match CONTROL.get_ptr_mut(0) {
        // SAFETY: map memory.
        Some(control) => unsafe { core::ptr::read_volatile(&raw const (*control).counting_since) },
        None => 0,
    }
}
