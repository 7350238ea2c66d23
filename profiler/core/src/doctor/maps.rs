//! How much memory the kernel side will take, before it is there.

use iocontend_wire::record::IoRecord;
use iocontend_wire::tables::{
    BIO_BITS, BioSet, CARRIED, Carried, FileEntries, RingEnds, SLOT_BITS, STREAMS, SlotSet, Stats,
    THREAD_BITS, ThreadSet, Tracked,
};

use crate::plan::Plan;

/// What a hash table of the kernel takes for an entry beside key and value, about (kernel/bpf/hashtab.c).
const PER_ENTRY: usize = 56;

/// Bytes of the large tables: statistics, requests in flight, event rings. What else there is stays below 3 MiB.
pub fn planned_map_bytes(plan: &Plan, ring_bytes: u32) -> u64 {
    let shards = plan.shards as usize;
    let records = (plan.rings as usize) << plan.config.ring_bits;
    let carried = if plan.config.indirect.stacked == 0 { 0 } else { CARRIED as usize };
    let bytes = STREAMS * shards * size_of::<Stats>()
        + (size_of::<SlotSet>() << SLOT_BITS)
        + (size_of::<BioSet>() << BIO_BITS)
        + records * size_of::<IoRecord>()
        + plan.rings as usize * size_of::<RingEnds>()
        + size_of::<FileEntries>()
        + 2 * size_of::<Tracked>()
        + (size_of::<ThreadSet>() << THREAD_BITS)
        + carried * (size_of::<u64>() + size_of::<Carried>() + PER_ENTRY);
    bytes as u64 + u64::from(ring_bytes / 4)
}
