//! Block requests from queued to completed.
//!
//! A request with PREFLUSH or FUA may complete several times (block/blk-flush.c): while `RQF_FLUSH_SEQ` is set it
//! is not over. An empty flush is never issued itself; the queue's own flush request is, which has no bio. These
//! are counted as flush commands of the device.

use core::ptr::NonNull;

use aya_ebpf::helpers::bpf_get_smp_processor_id;
use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use iocontend_wire::config::ABSENT;
use iocontend_wire::count::Count;
use iocontend_wire::key::{How, Key, Kind, Owner, Reason};
use iocontend_wire::marks;
use iocontend_wire::record::{FlushRecord, IoRecord, NO_TIME, io, tag};
use iocontend_wire::tables::Slot;

use crate::cause::Cause;
use crate::clock::{counting_since, now};
use crate::counts::bump;
use crate::kread::{Ptr, config, load, number};
use crate::maps::{EVENTS, IO_ENDS, IO_RING, NO_WAKEUP};
use crate::{atomic, devices, loops, owner, slots, streams};

/// REQ_OP_FLUSH, REQ_OP_DISCARD, REQ_OP_DRV_IN (include/linux/blk_types.h, all versions).
const OP_MASK: u32 = 0xff;
const OP_FLUSH: u32 = 2;
const OP_DISCARD: u32 = 3;
const OP_DRV_IN: u32 = 34;
/// By how much a request's allocation may seem to be later than its start: where the kernel takes that time only
/// after the event (`blk_account_io_start`), whatever runs in between counts: other tracers, interrupts (18 µs
/// seen), preemption. Beyond this the owner is lost and that is counted; an old slot taken for a new one would not be.
const ALLOCATED_SLACK_NS: u64 = 1_000_000;
/// How many bios of a request are looked at to find the one that got it (front merges come before it).
const BIO_CHAIN: u32 = 8;

/// Fills a fresh slot.
#[inline(always)]
unsafe fn begin(slot: *mut Slot, rq: Ptr, cause: Cause, queued: u64) {
    // SAFETY: the slot is ours; members of a request.
    unsafe {
        (*slot).owner = cause.owner.0;
        (*slot).share = cause.share;
        if cause.share != 0 {
            (*slot).second = cause.second;
        }
        (*slot).queued = queued;
        (*slot).issued = 0;
        (*slot).sector = load(rq, config!(rq_sector));
        (*slot).done = 0;
        let disk = devices::disk_of(rq);
        (*slot).dev = devices::of_disk(disk) as u16;
        (*slot).marks = cause.marks | if loops::is_loop(disk) { marks::LOOPED } else { 0 };
    }
}

/// Runs in the submitter's context, once per request. Kernels since 6.5.
#[btf_tracepoint(function = "block_io_start")]
pub fn io_start(ctx: BtfTracePointContext) -> i32 {
    let queued = now();
    let rq: Ptr = ctx.arg(0);
    // SAFETY: members of a request.
    unsafe {
        let flags: u32 = load(rq, config!(rq_cmd_flags));
        if flags & OP_MASK >= OP_DRV_IN {
            return 0;
        }
        let cause = owner::of_submitter(load(rq, config!(rq_bio)), flags & OP_MASK);
        if let Some(slot) = slots::claim(number(rq)) {
            begin(slot, rq, cause, queued);
        }
    }
    0
}

/// The same for kernels before 6.5: a bio has got its request, which is not told.
#[btf_tracepoint(function = "block_getrq")]
pub fn getrq(ctx: BtfTracePointContext) -> i32 {
    let queued = now();
    let bio: Ptr = ctx.arg(0);
    let op = if config!(dirty.bio_opf) == ABSENT {
        0
    } else {
        // SAFETY: a member of a bio.
        unsafe { load::<u32>(bio, config!(dirty.bio_opf)) & OP_MASK }
    };
    let cause = owner::of_submitter(bio, op);
    if let Some(slot) = slots::claim_bio(number(bio)) {
        // SAFETY: the slot is ours.
        unsafe {
            (*slot).owner = cause.owner.0;
            (*slot).second = cause.second;
            (*slot).share = cause.share as u32;
            (*slot).marks = cause.marks;
            (*slot).queued = queued;
        }
    }
    0
}

/// Finds what [`getrq`] stored for one of the request's bios, and gives the request its slot.
#[inline(always)]
unsafe fn begin_from_bio(rq: Ptr, key: u64) -> Option<NonNull<Slot>> {
    // SAFETY: typed loads along the chain of bios.
    unsafe {
        let mut bio: Ptr = load(rq, config!(rq_bio));
        for _ in 0..BIO_CHAIN {
            if bio.is_null() {
                return None;
            }
            if let Some((cause, queued)) = slots::take_bio(number(bio)) {
                let slot = slots::claim(key)?;
                begin(slot, rq, cause, queued);
                return NonNull::new(slot);
            }
            bio = load(bio, config!(bio_next));
        }
    }
    None
}

/// The request's slot, made from its bio where the kernel has no earlier event.
///
/// Completion leaves the slot as it is (writing there would take the cache line away from the CPU that submits
/// next), so one of an earlier request with this pointer may be found: it is older than this request's allocation.
/// "None" is a null pointer here and no flag beside an undefined one, which Linux 6.1 would refuse to see copied.
#[inline(always)]
pub unsafe fn slot_of(rq: Ptr, key: u64) -> Option<NonNull<Slot>> {
    // SAFETY: a member of a request; the slot is ours.
    unsafe {
        let allocated: u64 = load(rq, config!(rq_start_time_ns));
        if let Some(slot) = slots::find(key)
            && (*slot).queued + ALLOCATED_SLACK_NS >= allocated
        {
            return NonNull::new(slot);
        }
        if config!(has_io_start) == 0 { begin_from_bio(rq, key) } else { None }
    }
}

/// Only on kernels without `block_io_start`: the request's first own event when a scheduler holds it.
#[btf_tracepoint(function = "block_rq_insert")]
pub fn rq_insert(ctx: BtfTracePointContext) -> i32 {
    let rq: Ptr = ctx.arg(0);
    // SAFETY: a request.
    unsafe {
        let _slot = slot_of(rq, number(rq));
    }
    0
}

#[btf_tracepoint(function = "block_rq_issue")]
pub fn rq_issue(ctx: BtfTracePointContext) -> i32 {
    let issued = now();
    let rq: Ptr = ctx.arg(0);
    let key = number(rq);
    // SAFETY: members of a request; slots are ours.
    unsafe {
        let flags: u32 = load(rq, config!(rq_cmd_flags));
        if flags & OP_MASK == OP_FLUSH {
            if let Some(slot) = slots::claim(key) {
                (*slot).issued = issued;
                (*slot).queued = issued;
            }
        } else if let Some(slot) = slot_of(rq, key) {
            (*slot.as_ptr()).issued = issued;
            if loops::watched() && (*slot.as_ptr()).marks & marks::LOOPED != 0 {
                loops::issued(rq, slot.as_ptr());
            }
        }
    }
    0
}

/// Counts something that happened to a request of a device and has no time.
#[inline(always)]
fn count_for_device(rq: Ptr, kind: Kind) {
    if counting_since() != 0 {
        let key = Key::overflow(devices::of_request(rq), kind as u32);
        streams::account(key, 0, NO_TIME, NO_TIME);
    }
}

/// The driver gave the request back; it will be issued again, and what it waits until then is queue time.
#[btf_tracepoint(function = "block_rq_requeue")]
pub fn rq_requeue(ctx: BtfTracePointContext) -> i32 {
    let rq: Ptr = ctx.arg(0);
    if let Some(slot) = slots::find(number(rq)) {
        // SAFETY: the slot is ours.
        unsafe { (*slot).issued = 0 };
    }
    bump(Count::Requeued);
    count_for_device(rq, Kind::Requeue);
    0
}

/// The request was absorbed by another and will never complete.
#[btf_tracepoint(function = "block_rq_merge")]
pub fn rq_merge(ctx: BtfTracePointContext) -> i32 {
    let rq: Ptr = ctx.arg(0);
    // SAFETY: a request; a slot is ours.
    unsafe {
        if let Some(slot) = slot_of(rq, number(rq)) {
            slots::release(slot.as_ptr());
        }
    }
    bump(Count::Merged);
    count_for_device(rq, Kind::Merge);
    0
}

#[btf_tracepoint(function = "block_rq_complete")]
pub fn rq_complete(ctx: BtfTracePointContext) -> i32 {
    // First of all: it is the most exact here, and reading the clock waits for loads that stand before it.
    let complete = now();
    let rq: Ptr = ctx.arg(0);
    let status = ctx.arg::<u32>(1) & 0xff;
    let bytes: u32 = ctx.arg(2);
    // SAFETY: a request.
    if !unsafe { completed(rq, status, bytes, complete) } {
        aya_log_ebpf::debug!(&ctx, "a request completed whose start was not seen");
    }
    0
}

/// `false` when the request's start was not seen.
#[inline(always)]
unsafe fn completed(rq: Ptr, status: u32, bytes: u32, complete: u64) -> bool {
    let key = number(rq);
    // SAFETY: members of a request; slots are ours.
    unsafe {
        let flags: u32 = load(rq, config!(rq_cmd_flags));
        let op = flags & OP_MASK;
        if op == OP_FLUSH {
            flush_command(rq, key, complete);
            return true;
        }
        if op >= OP_DRV_IN {
            bump(Count::Passthrough);
            return true;
        }
        let slot = slot_of(rq, key);
        let sequence: u32 = load(rq, config!(rq_rq_flags));
        let remaining: u32 = load(rq, config!(rq_data_len));
        if sequence & config!(rqf_flush_seq) != 0 || bytes < remaining {
            part_done(rq, slot, op, bytes);
            return true;
        }
        match slot {
            Some(slot) => {
                if loops::watched() && (*slot.as_ptr()).marks & marks::LOOPED != 0 {
                    loops::done(rq);
                }
                finished(slot.as_ptr(), op, status, bytes, complete);
                true
            }
            None => {
                finished_unknown(rq, op, status, bytes, complete);
                false
            }
        }
    }
}

/// Part of a request is done: keep its bytes until the end.
#[inline(always)]
unsafe fn part_done(rq: Ptr, slot: Option<NonNull<Slot>>, op: u32, bytes: u32) {
    match slot {
        // SAFETY: the slot is ours.
        Some(slot) => unsafe { (*slot.as_ptr()).done += bytes },
        None if counting_since() != 0 && bytes != 0 => {
            let dev = devices::of_request(rq);
            streams::account_bytes(nobody(rq).with(dev, op_kind(op, 1)).0, bytes as u64);
        }
        None => {}
    }
}

/// The report's operation of a request; as the kernel's own statistics have it (`op_stat_group`), but for
/// flushes without data.
#[inline(always)]
fn op_kind(op: u32, bytes: u32) -> u32 {
    if op == OP_DISCARD {
        Kind::Discard as u32
    } else if op & 1 == 0 {
        Kind::Read as u32
    } else if bytes == 0 {
        Kind::Flush as u32
    } else {
        Kind::Write as u32
    }
}

/// The owner of a request whose start was not seen, by reason.
#[inline(always)]
fn nobody(rq: Ptr) -> Key {
    // SAFETY: a member of a request.
    let started: u64 = unsafe { load(rq, config!(rq_start_time_ns)) };
    let reason =
        if started < counting_since() { Reason::InFlightAtAttach } else { Reason::StartNotSeen };
    Key::owner(Owner::Unattributed(reason as u32), 0, How::Unattributed)
}

#[inline(always)]
unsafe fn finished(slot: *mut Slot, op: u32, status: u32, bytes: u32, complete: u64) {
    // SAFETY: the slot is ours until released.
    unsafe {
        let Slot { owner, queued, issued, sector, done, dev, share, second, marks, .. } = *slot;
        if counting_since() == 0 {
            return;
        }
        let bytes = done + bytes;
        let (dev, kind) = (dev as u32, op_kind(op, bytes));
        let key = Key(owner).with(dev, kind);
        let q2c_ns = complete.wrapping_sub(queued);
        let d2c_ns = if issued != 0 { complete.wrapping_sub(issued) } else { NO_TIME };
        let cpu = bpf_get_smp_processor_id();
        let mut own = bytes as u64;
        if share != 0 {
            let theirs = (own * share as u64) >> 16;
            own -= theirs;
            streams::account_bytes(Key(second).with(dev, kind).0, theirs);
        }
        streams::account_with(slot, cpu, key, own, q2c_ns, d2c_ns);
        // Without `block_io_start` the next request with this pointer must not find this one.
        if config!(has_io_start) == 0 {
            slots::release(slot);
        }
        emit(
            cpu,
            IoRecord {
                head: io::head(status, marks),
                bytes,
                key: key.0,
                sector: io::sector(sector, marks),
                complete_ns: complete,
                q2c_ns,
                d2c_ns,
            },
        );
    }
}

/// A request without a slot still counts for its device, as unattributed.
#[inline(always)]
unsafe fn finished_unknown(rq: Ptr, op: u32, status: u32, bytes: u32, complete: u64) {
    let since = counting_since();
    if since == 0 {
        return;
    }
    // SAFETY: members of a request.
    unsafe {
        let owner = nobody(rq);
        bump(if owner.who() == Owner::Unattributed(Reason::InFlightAtAttach as u32) {
            Count::InFlightAtAttach
        } else {
            Count::StartNotSeen
        });
        let dev = devices::of_request(rq);
        let key = owner.with(dev, op_kind(op, bytes));
        streams::account(key, bytes as u64, NO_TIME, NO_TIME);
        emit(
            bpf_get_smp_processor_id(),
            IoRecord {
                head: io::head(status, 0),
                bytes,
                key: key.0,
                sector: io::sector(load(rq, config!(rq_sector)), 0),
                complete_ns: complete,
                q2c_ns: NO_TIME,
                d2c_ns: NO_TIME,
            },
        );
    }
}

/// Puts an event into this CPU's ring.
#[inline(always)]
fn emit(cpu: u32, record: IoRecord) {
    if config!(io_events) == 0 {
        return;
    }
    let cpu = cpu & config!(ring_cpu_mask);
    let bits = config!(ring_bits);
    let Some(ends) = IO_ENDS.get_ptr_mut(cpu) else { return };
    // SAFETY: map memory; only this program writes the head of this CPU.
    unsafe {
        let head = core::ptr::read_volatile(&raw const (*ends).head);
        let tail = core::ptr::read_volatile(&raw const (*ends).tail);
        if head.wrapping_sub(tail) >= 1 << bits {
            return bump(Count::RingFullIo);
        }
        let at = (cpu << bits) | (head as u32 & ((1 << bits) - 1));
        let Some(place) = IO_RING.get_ptr_mut(at) else { return bump(Count::RingFullIo) };
        *place = record;
        if config!(weak_order) == 0 {
            core::ptr::write_volatile(&raw mut (*ends).head, head + 1);
        } else {
            atomic::add(&raw mut (*ends).head, 1);
        }
    }
}

/// The queue's own flush request is done.
#[inline(always)]
unsafe fn flush_command(rq: Ptr, key: u64, complete: u64) {
    // SAFETY: the slot is ours.
    let issued = unsafe {
        match slots::find(key) {
            Some(slot) => {
                let issued = (*slot).issued;
                slots::release(slot);
                issued
            }
            None => 0,
        }
    };
    if counting_since() == 0 {
        return;
    }
    let d2c_ns = if issued != 0 { complete.wrapping_sub(issued) } else { NO_TIME };
    let dev = devices::of_request(rq);
    let key =
        Key::owner(Owner::Overflow, 0, How::Unattributed).with(dev, Kind::FlushCommand as u32);
    bump(Count::FlushCommand);
    streams::account(key, 0, NO_TIME, d2c_ns);
    match EVENTS.reserve::<FlushRecord>(0) {
        Some(mut entry) => {
            entry.write(FlushRecord {
                head: tag::FLUSH as u32,
                dev,
                complete_ns: complete,
                d2c_ns,
            });
            entry.submit(NO_WAKEUP);
        }
        None => bump(Count::RingFullFlush),
    }
}
