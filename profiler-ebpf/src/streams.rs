//! The streams: find or add one, and add a finished request or wait to its statistics.
//!
//! No map with locks: keys stand in sets of eight words, a new key is published with one compare-and-swap, and
//! statistics are an array with one copy per CPU (or per group of CPUs, then with atomic adds).

use aya_ebpf::helpers::bpf_get_smp_processor_id;
use iocontend_wire::bucket::{BUCKETS, bucket_of};
use iocontend_wire::count::Count;
use iocontend_wire::key::{DEVICE_OVERFLOW, Key};
use iocontend_wire::record::NO_TIME;
use iocontend_wire::tables::{D2C, Q2C, Q2D, STREAMS, Slot, Stats, WAYS, sets_of};

use crate::atomic;
use crate::counts::bump;
use crate::kread::config;
use crate::maps::{KEYS, STATS};

/// "No stream."
const NONE: u32 = u32::MAX;
/// How often a contended minimum or maximum is tried.
const EXTREME_TRIES: u32 = 4;

/// Where a key stands in one set.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn find_in(set: u32, key: u64) -> u32 {
    let Some(keys) = KEYS.get_ptr_mut(set) else { return NONE };
    for way in 0..WAYS {
        // SAFETY: a word of a map value.
        if unsafe { core::ptr::read_volatile(&raw const (*keys).keys[way]) } == key {
            return set * WAYS as u32 + way as u32;
        }
    }
    NONE
}

/// Number of free ways of a set.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn free_ways(set: u32) -> u32 {
    let Some(keys) = KEYS.get_ptr_mut(set) else { return 0 };
    let mut free = 0;
    for way in 0..WAYS {
        // SAFETY: a word of a map value.
        if unsafe { core::ptr::read_volatile(&raw const (*keys).keys[way]) } == 0 {
            free += 1;
        }
    }
    free
}

/// Puts a key into a free way; another CPU may have put it there first.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn put_in(set: u32, key: u64) -> u32 {
    let Some(keys) = KEYS.get_ptr_mut(set) else { return NONE };
    for way in 0..WAYS {
        // SAFETY: a word of a map value.
        let word = unsafe { &raw mut (*keys).keys[way] };
        // SAFETY: aligned, valid, and only ever changed as a whole word.
        match unsafe { atomic::swap(word, 0, key) } {
            Ok(()) => return set * WAYS as u32 + way as u32,
            Err(seen) if seen == key => return set * WAYS as u32 + way as u32,
            Err(_) => {}
        }
    }
    NONE
}

/// Adds a key that is in none of its sets yet: into the emptier of the first two, else into the third.
///
/// Like all functions here that are not inlined, it is a global function to the verifier: checked once, on its
/// own, and not again on every path that leads to it.
#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn insert_stream(key: u64) -> u32 {
    let [first, second, third] = sets_of(key);
    let emptier = if free_ways(second) > free_ways(first) { second } else { first };
    let at = put_in(emptier, key);
    if at != NONE {
        return at;
    }
    let at = find_in(third, key);
    if at != NONE {
        return at;
    }
    put_in(third, key)
}

/// Where a key stands, added when new.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn place_of(key: u64) -> u32 {
    let [first, second, _] = sets_of(key);
    let at = find_in(first, key);
    if at != NONE {
        return at;
    }
    let at = find_in(second, key);
    if at != NONE {
        return at;
    }
    insert_stream(key)
}

/// The stream of a key, added when new; the overflow stream when there is no room. That one was reserved, so it is
/// looked for in all its sets: the emptier one now need not be the one it was put in.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn stream_of(key: u64) -> u32 {
    let at = place_of(key);
    if at != NONE {
        return at;
    }
    bump(Count::StreamTableFull);
    let key = Key(key);
    let at = place_of(Key::overflow(key.dev(), key.kind()).0);
    if at != NONE {
        return at;
    }
    let at = place_of(Key::overflow(DEVICE_OVERFLOW, key.kind()).0);
    if at == NONE {
        bump(Count::NoStream);
    }
    at
}

/// Counts a finished wait, flush command or request without a slot. Times as in [`account_at`].
#[inline(always)]
pub fn account(key: Key, bytes: u64, q2c: u64, d2c: u64) {
    account_at(stream_of(key.0), bytes, q2c, d2c);
}

/// Counts a finished request whose slot may remember the stream of the request before it.
///
/// # Safety
/// `slot` is a slot of the table.
#[inline(always)]
pub unsafe fn account_with(slot: *mut Slot, cpu: u32, key: Key, bytes: u64, q2c: u64, d2c: u64) {
    // SAFETY: map memory.
    unsafe {
        let mut stream = (*slot).last_stream;
        if !is_at(stream, key.0) {
            stream = stream_of(key.0);
            (*slot).last_stream = stream;
        }
        add(stream, cpu, bytes, q2c, d2c);
    }
}

/// Counts a duration in the stream of a key, which most likely stands where it stood before; gives where it stands.
#[inline(always)]
pub fn account_near(last: u32, key: Key, ns: u64) -> u32 {
    let stream = if is_at(last, key.0) { last } else { stream_of(key.0) };
    account_at(stream, 0, ns, NO_TIME);
    stream
}

/// Whether a stream still has this key.
#[inline(always)]
fn is_at(stream: u32, key: u64) -> bool {
    match KEYS.get_ptr_mut(stream / WAYS as u32) {
        // SAFETY: masked to the length of a set.
        Some(set) => unsafe {
            core::ptr::read_volatile(&raw const (*set).keys[stream as usize & (WAYS - 1)]) == key
        },
        None => false,
    }
}

/// [`add`] for all that is not on the path of every request.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn account_at(stream: u32, bytes: u64, q2c: u64, d2c: u64) -> u32 {
    // SAFETY: no arguments.
    add(stream, unsafe { bpf_get_smp_processor_id() }, bytes, q2c, d2c)
}

/// Counts in a stream. Times in ns, [`NO_TIME`] for what was not seen; queue time is the difference of the two.
#[inline(always)]
fn add(stream: u32, cpu: u32, bytes: u64, q2c: u64, d2c: u64) -> u32 {
    if stream == NONE {
        return 0;
    }
    let shard = cpu & config!(shard_mask);
    let Some(stats) = STATS.get_ptr_mut(stream + shard * STREAMS as u32) else { return 0 };
    let shared = config!(shared_shards) != 0;
    // SAFETY: a map value; every field is changed on its own.
    unsafe {
        add_word(&raw mut (*stats).count, 1, shared);
        add_word(&raw mut (*stats).bytes, bytes, shared);
        if q2c != NO_TIME {
            add_phase(stats, Q2C, q2c, shared);
        }
        if d2c != NO_TIME {
            add_phase(stats, D2C, d2c, shared);
            if q2c != NO_TIME {
                add_phase(stats, Q2D, q2c.wrapping_sub(d2c), shared);
            }
        }
    }
    1
}

/// Counts bytes of a request that is not finished yet and has no slot to keep them in.
#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn account_bytes(key: u64, bytes: u64) -> u32 {
    let stream = stream_of(key);
    if stream == NONE {
        return 0;
    }
    // SAFETY: no arguments.
    let shard = unsafe { bpf_get_smp_processor_id() } & config!(shard_mask);
    let Some(stats) = STATS.get_ptr_mut(stream + shard * STREAMS as u32) else { return 0 };
    // SAFETY: a map value.
    unsafe { add_word(&raw mut (*stats).bytes, bytes, config!(shared_shards) != 0) };
    1
}

#[inline(always)]
unsafe fn add_word(word: *mut u64, value: u64, shared: bool) {
    if shared {
        // SAFETY: aligned map memory.
        unsafe { atomic::add(word, value) };
    } else {
        // SAFETY: this copy belongs to this CPU, and a program does not interrupt itself there.
        unsafe { *word += value };
    }
}

#[inline(always)]
unsafe fn add_phase(stats: *mut Stats, which: usize, ns: u64, shared: bool) {
    // SAFETY: fields of a map value; the bucket index is checked.
    unsafe {
        let phase = &raw mut (*stats).phases[which];
        add_word(&raw mut (*phase).sum, ns, shared);
        raise(&raw mut (*phase).max, ns, shared);
        raise(&raw mut (*phase).not_min, !ns, shared);
        let bucket = bucket_of(ns) as u32;
        if bucket < BUCKETS as u32 {
            let word = (&raw mut (*stats).buckets[which]).cast::<u32>().add(bucket as usize);
            if shared {
                atomic::add_half(word, 1);
            } else {
                *word += 1;
            }
        }
    }
}

/// `*word = max(*word, value)`.
#[inline(always)]
unsafe fn raise(word: *mut u64, value: u64, shared: bool) {
    // SAFETY: aligned map memory.
    let mut seen = unsafe { core::ptr::read_volatile(word) };
    if seen >= value {
        return;
    }
    if !shared {
        // SAFETY: this copy belongs to this CPU.
        unsafe { *word = value };
        return;
    }
    for _ in 0..EXTREME_TRIES {
        // SAFETY: aligned map memory.
        match unsafe { atomic::swap(word, seen, value) } {
            Ok(()) => return,
            Err(now) if now >= value => return,
            Err(now) => seen = now,
        }
    }
    bump(Count::ExtremeContended);
}
