//! Atomic operations on map memory. The target's own `core::sync::atomic` has none, although the instruction set
//! does since Linux 5.12 (`-C target-cpu=v3`), so the compiler's intrinsics are used directly.

use core::intrinsics::{AtomicOrdering, atomic_cxchg, atomic_xadd};

/// Compare and swap. `Err` holds what stood there instead.
///
/// # Safety
/// `word` is aligned and points into a map value.
#[inline(always)]
pub unsafe fn swap(word: *mut u64, old: u64, new: u64) -> Result<(), u64> {
    const ORDER: AtomicOrdering = AtomicOrdering::SeqCst;
    // SAFETY: see above.
    let (seen, done) = unsafe { atomic_cxchg::<u64, ORDER, ORDER>(word, old, new) };
    if done { Ok(()) } else { Err(seen) }
}

/// Adds; gives what stood there before.
///
/// # Safety
/// `word` is aligned and points into a map value.
#[inline(always)]
pub unsafe fn add(word: *mut u64, value: u64) -> u64 {
    // SAFETY: see above.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::SeqCst }>(word, value) }
}

/// Adds to a 32-bit word.
///
/// # Safety
/// `word` is aligned and points into a map value.
#[inline(always)]
pub unsafe fn add_half(word: *mut u32, value: u32) {
    // SAFETY: see above.
    unsafe { atomic_xadd::<u32, u32, { AtomicOrdering::SeqCst }>(word, value) };
}
