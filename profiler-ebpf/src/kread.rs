//! Reading kernel memory: direct typed loads at offsets frozen before load, and guarded copies for the rest.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::bpf_probe_read_kernel;
use aya_ebpf::programs::TracePointContext;
use iocontend_wire::config::ABSENT;

use crate::maps::{CONFIG, SCRATCH};

/// A kernel object. To the verifier it is a typed pointer as long as it only travels through registers.
pub type Ptr = *const u8;

/// A member of the frozen configuration; a known constant to the verifier.
macro_rules! config {
    ($($field:tt)+) => {
        $crate::kread::frozen(&$crate::maps::CONFIG.$($field)+)
    };
}
pub(crate) use config;

/// A volatile read, so that the value patched in at load is used and not the one compiled in.
#[inline(always)]
pub fn frozen<T: Copy>(field: &T) -> T {
    // SAFETY: a reference is valid to read from.
    unsafe { core::ptr::read_volatile(field) }
}

/// A direct load; the verifier checks it against the kernel's types, and a bad address reads as 0.
///
/// # Safety
/// `base` is a typed pointer of the verifier and `offset` that of a member of type `T`.
#[inline(always)]
pub unsafe fn load<T: Copy>(base: Ptr, offset: u32) -> T {
    // SAFETY: see above.
    unsafe { core::ptr::read_volatile(base.add(offset as usize).cast()) }
}

/// A number that stands for a typed pointer: its distance from a fixed place.
///
/// The verifier allows no arithmetic on the pointer itself, but the difference of two pointers is a number to it
/// (kernel/bpf/verifier.c, `adjust_reg_min_max_vals`). Equal pointers have equal numbers in all programs.
#[inline(always)]
pub fn number(pointer: Ptr) -> u64 {
    (pointer as u64).wrapping_sub((&raw const CONFIG) as u64)
}

/// The address itself, for guarded copies. Takes a trip through memory, so not for the hot path.
#[inline(always)]
pub fn address(pointer: Ptr) -> u64 {
    match SCRATCH.get_ptr_mut(0) {
        // SAFETY: a per-CPU map value; programs on this map do not nest in themselves.
        Some(scratch) => unsafe {
            core::ptr::write_volatile(scratch.cast::<Ptr>(), pointer);
            core::ptr::read_volatile(scratch)
        },
        None => 0,
    }
}

/// A guarded copy from an address that is only a number. `None` when it cannot be read.
#[inline(always)]
pub fn fetch<T: Copy>(address: u64, offset: u32) -> Option<T> {
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_kernel((address + offset as u64) as *const T).ok() }
}

/// A field of a classic tracepoint's record. A guarded copy: the verifier allows no offset that is not constant.
#[inline(always)]
pub fn field<T: Copy>(ctx: &TracePointContext, offset: u32) -> Option<T> {
    if offset == ABSENT {
        return None;
    }
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_kernel(ctx.as_ptr().cast::<u8>().add(offset as usize).cast()).ok() }
}
