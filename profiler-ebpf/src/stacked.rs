//! Bios that device-mapper's own threads hand on (dm-crypt's `kcryptd`): the cause is asked where a bio enters the
//! device, in the context of whoever submits it there, and carried along to the bios below.
//!
//! A bio is known by its address, its disk and the sectors it covers; one that enters a device also by the device, its first
//! sector and whether it writes, for that is what `block_bio_remap` tells of the bio that takes its place
//! (drivers/md/dm.c, `dm_submit_bio_remap`). A read of a place may come between a write's entering and its leaving, as
//! when udev looks at a device that is being written. Attached only where a device needs it (decisions/0022).

use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;
use iocontend_wire::tables::Carried;

use crate::carried::{disk_of, entered, find, is_mapped, keep, op_of, place, range};
use crate::kread::{Ptr, address};
use crate::owner;

/// A bio enters a device; those of other devices are passed over.
#[btf_tracepoint(function = "block_bio_queue")]
pub fn stack_queue(ctx: BtfTracePointContext) -> i32 {
    let bio: Ptr = ctx.arg(0);
    let disk = disk_of(bio);
    let (first, end) = range(bio);
    if !is_mapped(disk) || first == end {
        return 0;
    }
    let op = op_of(bio);
    let cause = owner::of_submitter(bio, op);
    let carried = Carried {
        owner: cause.owner.0,
        second: cause.second,
        first,
        end,
        share: cause.share as u32,
        marks: cause.marks,
        disk,
        pad: 0,
    };
    keep(place(disk, first, op), &carried);
    // For its parts.
    keep(entered(address(bio)), &carried);
    0
}

/// What is left of a bio after its first part: it stands at another sector of the same device.
#[btf_tracepoint(function = "block_split")]
pub fn stack_split(ctx: BtfTracePointContext) -> i32 {
    let bio: Ptr = ctx.arg(0);
    let disk = disk_of(bio);
    let (first, _) = range(bio);
    if is_mapped(disk)
        && let Some(carried) = find(entered(address(bio)), disk, first)
    {
        keep(place(disk, first, op_of(bio)), &carried);
    }
    0
}

/// Another bio takes the place of one that entered a device, or one moves from a partition to its disk.
#[btf_tracepoint(function = "block_bio_remap")]
pub fn stack_remap(ctx: BtfTracePointContext) -> i32 {
    let bio: Ptr = ctx.arg(0);
    let (from_dev, from): (u32, u64) = (ctx.arg(1), ctx.arg(2));
    let (first, end) = range(bio);
    if first == end {
        return 0;
    }
    let (disk, at) = (disk_of(bio), address(bio));
    // From a partition: the sector of the bio moved, and its disk is the same.
    let found = if is_mapped(from_dev) {
        find(place(from_dev, from, op_of(bio)), from_dev, from)
    } else {
        find(at, disk, from)
    };
    if let Some(carried) = found {
        keep(at, &Carried { first, end, disk, ..carried });
    }
    0
}
