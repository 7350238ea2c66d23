//! Causes on their way through device-mapper: what is kept of a bio, under which keys, and how the bios below find it.
//!
//! A bio is known by its address, its disk and the sectors it covers; one that enters a device also by the device, its first
//! sector and whether it writes. [`crate::stacked`] keeps them.

use iocontend_wire::key::Key;
use iocontend_wire::tables::Carried;

use crate::cause::Cause;
use crate::kread::{Ptr, address, config, load};
use crate::maps::CARRIED;

/// Sectors of a bio: bytes of one as a shift.
const SECTOR_SHIFT: u32 = 9;
/// Bits of a sector number in the key of a place on a device: 4 PiB. Addresses of bios have the highest bit set.
const SECTOR_BITS: u32 = 43;
/// Operations with this bit change the device (include/linux/blk_types.h, `op_is_write`).
const WRITES: u32 = 1;
/// Bits of a device's minor number there.
const MINOR_MASK: u64 = (1 << 19) - 1;
/// Bits of a minor number in the kernel's encoding (include/linux/kdev_t.h).
const MINOR_BITS: u32 = 20;
const MINORS: u32 = (1 << MINOR_BITS) - 1;
/// REQ_OP_MASK.
const OP_MASK: u32 = 0xff;

/// The key of a place on a device-mapper device that an operation reads or writes.
#[inline(always)]
pub fn place(disk: u32, sector: u64, op: u32) -> u64 {
    let device = (disk as u64 & MINOR_MASK) << 1 | (op & WRITES) as u64;
    device << SECTOR_BITS | sector & ((1 << SECTOR_BITS) - 1)
}

/// The key of a bio that entered a device, apart from that of one that took the place of another.
#[inline(always)]
pub fn entered(address: u64) -> u64 {
    address & !(1 << 63)
}

/// Keys of places do not have the highest bit.
#[inline(always)]
fn is_address(key: u64) -> bool {
    key >> 63 != 0
}

/// The disk that a bio goes to.
#[inline(always)]
pub fn disk_of(bio: Ptr) -> u32 {
    // SAFETY: a chain of typed loads; a missing link reads as 0.
    unsafe {
        let bdev: Ptr = load(bio, config!(indirect.bio_bdev));
        let disk: Ptr = load(bdev, config!(indirect.bdev_disk));
        let (major, minor): (u32, u32) =
            (load(disk, config!(disk_major)), load(disk, config!(disk_first_minor)));
        major << MINOR_BITS | minor & MINORS
    }
}

/// Whether it is a device-mapper device.
#[inline(always)]
pub fn is_mapped(disk: u32) -> bool {
    disk >> MINOR_BITS == config!(indirect.mapper_major)
}

/// What a bio asks for, without flags.
#[inline(always)]
pub fn op_of(bio: Ptr) -> u32 {
    // SAFETY: a member of a bio.
    unsafe { load::<u32>(bio, config!(dirty.bio_opf)) & OP_MASK }
}

/// First sector and end of a bio, as it is now.
#[inline(always)]
pub fn range(bio: Ptr) -> (u64, u64) {
    // SAFETY: members of a bio.
    unsafe {
        let first: u64 = load(bio, config!(indirect.bio_sector));
        let size: u32 = load(bio, config!(indirect.bio_size));
        (first, first + (size >> SECTOR_SHIFT) as u64)
    }
}

/// Keeps a cause. When there is no room, what was there longest is forgotten and its bytes are nobody's.
#[inline(always)]
pub fn keep(key: u64, carried: &Carried) {
    let _stored = CARRIED.insert(&key, carried, 0);
}

/// What is kept under a key, if it covers this sector of this disk: memory of bios is used again.
#[inline(always)]
pub fn find(key: u64, disk: u32, sector: u64) -> Option<Carried> {
    // SAFETY: copied at once.
    let carried = unsafe { CARRIED.get(&key) }.copied()?;
    if carried.disk == disk && sector >= carried.first && sector < carried.end {
        Some(carried)
    } else {
        None
    }
}

/// The cause that was carried to a bio, or to the one that it was split from.
#[inline(always)]
pub fn cause_of(bio: Ptr) -> Option<Cause> {
    let (first, _) = range(bio);
    let at = address(bio);
    let disk = disk_of(bio);
    let found = match find(at, disk, first) {
        Some(carried) => {
            // Its parts come before what is left of it (block/blk-merge.c), so nobody asks again.
            let _removed = CARRIED.remove(&at);
            Some(carried)
        }
        None => {
            // SAFETY: a member of a bio; the bio that it was split from, where it was (block/bio.c, `bio_chain`).
            let parent: u64 = unsafe { load(bio, config!(bio_private)) };
            // Nothing, in most bios that a process submits, would be the key of a place: the first device's sector 0.
            if is_address(parent) { find(parent, disk, first) } else { None }
        }
    };
    let carried = found?;
    Some(Cause {
        owner: Key(carried.owner),
        second: carried.second,
        share: carried.share as u16,
        marks: carried.marks,
    })
}
