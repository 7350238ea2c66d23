//! Bumping a named counter.

use iocontend_wire::count::Count;

use crate::maps::COUNTS;

/// Adds one on this CPU.
#[inline(always)]
pub fn bump(count: Count) {
    if let Some(counts) = COUNTS.get_ptr_mut(0) {
        // SAFETY: a map value of this CPU; the index is a constant below its length.
        unsafe { (*counts).values[count as usize] += 1 };
    }
}
