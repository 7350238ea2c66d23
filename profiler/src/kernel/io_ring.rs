//! Reads the IO rings, one per CPU: the kernel side writes records and then the head, this side the tail.

use std::sync::atomic::Ordering;

use iocontend_wire::record::IoRecord;
use iocontend_wire::tables::RingEnds;

use super::tables::Mapped;

/// 64-bit words of [`RingEnds`] before `tail`.
const TAIL_WORD: usize = 8;
/// 64-bit words of [`RingEnds`].
const ENDS_WORDS: usize = size_of::<RingEnds>() / 8;

const _: () = assert!(std::mem::offset_of!(RingEnds, tail) == TAIL_WORD * 8);

/// All rings.
pub struct IoRing {
    records: Mapped<IoRecord>,
    ends: Mapped<RingEnds>,
    bits: u32,
}

impl IoRing {
    /// Over the two tables of the kernel side; `bits` is log2 of the records per ring.
    pub fn new(records: Mapped<IoRecord>, ends: Mapped<RingEnds>, bits: u32) -> Self {
        Self { records, ends, bits }
    }

    /// Hands out every record written so far and frees its place.
    pub fn drain(&self, mut take: impl FnMut(&IoRecord)) {
        for ring in 0..self.ends.len() {
            self.drain_one(ring, &mut take);
        }
    }

    fn drain_one(&self, ring: usize, take: &mut impl FnMut(&IoRecord)) {
        let word = |word: usize| self.ends.word(ring * ENDS_WORDS + word);
        let (Some(head), Some(tail)) = (word(0), word(TAIL_WORD)) else { return };
        // Acquire: records that the head counts are whole.
        let end = head.load(Ordering::Acquire);
        for number in tail.load(Ordering::Relaxed)..end {
            let at = usize::try_from(number & ((1 << self.bits) - 1)).unwrap_or(0);
            if let Some(record) = self.records.read((ring << self.bits) | at) {
                take(&record);
            }
        }
        // Release: the copies are made before the kernel side may write over them.
        tail.store(end, Ordering::Release);
    }
}
