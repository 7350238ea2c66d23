//! Which file a request or a wait belongs to, for the processes whose files are told apart.

use iocontend_wire::config::{ABSENT, DIO_ENDS};
use iocontend_wire::count::Count;
use iocontend_wire::key::file_place;
use iocontend_wire::tables::FileKey;

use crate::atomic;
use crate::counts::bump;
use crate::kread::{Ptr, address, config, fetch, load};
use crate::maps::{CONTROL, FILE_ENTRIES, FILES, FREE_FILES};

/// BPF_NOEXIST (include/uapi/linux/bpf.h).
const NO_EXIST: u64 = 1;
/// How often a number is tried for while other CPUs take theirs.
const TRIES: u32 = 8;

/// Whose pages a bio carries.
pub enum BioKind {
    /// Direct IO through iomap; the address of its `struct iomap_dio`.
    IomapDirect(u64),
    /// Other direct IO: its pages are a user's buffers and say nothing about the file.
    OtherDirect,
    /// Page cache.
    Cached,
    /// Not known: the addresses of the direct-IO functions could not be read.
    Unknown,
}

/// Tells direct IO from page-cache IO by the bio's completion function.
#[inline(always)]
pub fn kind_of(bio: Ptr) -> BioKind {
    let count = config!(dio_end_count);
    if count == 0 || config!(bio_end_io) == ABSENT || config!(bio_private) == ABSENT {
        return BioKind::Unknown;
    }
    // SAFETY: members of a bio.
    let end: u64 = unsafe { load(bio, config!(bio_end_io)) };
    if end == config!(dio_ends[0]) {
        // SAFETY: a member of a bio.
        return BioKind::IomapDirect(unsafe { load(bio, config!(bio_private)) });
    }
    for index in 1..DIO_ENDS {
        if (index as u32) < count && end == config!(dio_ends[index]) {
            return BioKind::OtherDirect;
        }
    }
    BioKind::Cached
}

/// An inode as the file table knows it.
#[derive(Clone, Copy)]
pub struct Inode {
    pub dev: u32,
    pub ino: u64,
}

/// Reads an inode at an address.
#[inline(always)]
pub fn inode_at(address: u64) -> Option<Inode> {
    if address == 0 {
        return None;
    }
    let sb: u64 = fetch(address, config!(inode_sb))?;
    Some(Inode { dev: fetch(sb, config!(sb_dev))?, ino: fetch(address, config!(inode_ino))? })
}

/// The inode whose page a page-cache bio carries first.
#[inline(always)]
pub fn inode_of_page(bio: Ptr) -> Option<Inode> {
    inode_at(host_of_page(bio)?)
}

/// The address of that inode. Guarded copies: this is not the common path.
#[inline(always)]
pub fn host_of_page(bio: Ptr) -> Option<u64> {
    if config!(page_mapping) == ABSENT {
        return None;
    }
    let mapping: u64 = fetch(folio_of(bio)?, config!(page_mapping))?;
    // The low bits mark anonymous and movable pages (PAGE_MAPPING_FLAGS): no file behind those.
    if mapping & 3 != 0 || mapping == 0 {
        return None;
    }
    fetch(mapping, config!(mapping_host))
}

/// The address of the folio, or page, that a bio carries first.
#[inline(always)]
pub fn folio_of(bio: Ptr) -> Option<u64> {
    if config!(bio_io_vec) == ABSENT {
        return None;
    }
    // SAFETY: a member of a bio.
    let vec = address(unsafe { load::<Ptr>(bio, config!(bio_io_vec)) });
    if vec == 0 {
        return None;
    }
    // `bv_page` is the first member of `struct bio_vec` (include/linux/bvec.h, all versions).
    let page: u64 = fetch(vec, 0)?;
    // A tail page of a large folio points at its head with bit 0 set (include/linux/page-flags.h).
    let head: u64 = fetch(page, config!(page_compound_head))?;
    Some(if head & 1 == 1 { head - 1 } else { page })
}

/// The inode of a direct IO through iomap.
#[inline(always)]
pub fn inode_of_direct(dio: u64) -> Option<Inode> {
    if config!(iomap_dio_iocb) == ABSENT || config!(file_inode) == ABSENT {
        return None;
    }
    let iocb: u64 = fetch(dio, config!(iomap_dio_iocb))?;
    let file: u64 = fetch(iocb, config!(kiocb_filp))?;
    inode_at(fetch(file, config!(file_inode))?)
}

/// The file number of a bio submitted by a tracked process; 0 when it cannot be told.
#[inline(always)]
pub fn of_bio(bio: Ptr) -> u32 {
    let inode = match kind_of(bio) {
        BioKind::Cached => inode_of_page(bio),
        BioKind::IomapDirect(dio) => inode_of_direct(dio),
        BioKind::OtherDirect | BioKind::Unknown => None,
    };
    match inode {
        Some(inode) => file_id(inode.dev, inode.ino),
        None => 0,
    }
}

/// The number already given to an inode's file.
#[inline(always)]
pub fn known_id(inode: Inode) -> Option<u32> {
    let key = FileKey { ino: inode.ino, dev: inode.dev, pad: 0 };
    // SAFETY: the value is a plain word.
    unsafe { FILES.get(&key) }.copied()
}

/// The number of an inode's file, given out when new.
#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn file_id(dev: u32, ino: u64) -> u32 {
    let inode = Inode { dev, ino };
    if let Some(number) = known_id(inode) {
        return number;
    }
    let Some(number) = take_number() else {
        bump(Count::FileTableFull);
        return 0;
    };
    let Some(entries) = FILE_ENTRIES.get_ptr_mut(0) else { return 0 };
    // SAFETY: masked to the length; the entry is ours, for nobody else has the number.
    unsafe {
        let entry = &raw mut (*entries).entries[file_place(number) as usize];
        core::ptr::write_volatile(&raw mut (*entry).dev, inode.dev);
        core::ptr::write_volatile(&raw mut (*entry).ino, inode.ino);
        let key = FileKey { ino: inode.ino, dev: inode.dev, pad: 0 };
        if FILES.insert(&key, &number, NO_EXIST).is_ok() {
            return number;
        }
        // Another CPU was first: use its number. Userspace finds this one without an inode.
        core::ptr::write_volatile(&raw mut (*entry).ino, 0);
    }
    known_id(inode).unwrap_or(0)
}

/// Takes a number out of the queue of free ones.
#[inline(always)]
fn take_number() -> Option<u32> {
    let free = FREE_FILES.get_ptr_mut(0)?;
    let control = CONTROL.get_ptr_mut(0)?;
    for _ in 0..TRIES {
        // SAFETY: aligned map memory; masked to the length. What stands at `taken` is not overwritten before
        // `taken` has moved on.
        unsafe {
            let taken = core::ptr::read_volatile(&raw const (*control).files_taken);
            if taken == core::ptr::read_volatile(&raw const (*control).files_given) {
                return None;
            }
            let at = file_place(taken as u32) as usize;
            let number = core::ptr::read_volatile(&raw const (*free).numbers[at]) as u32;
            if atomic::swap(&raw mut (*control).files_taken, taken, taken + 1).is_ok() {
                return Some(number);
            }
        }
    }
    None
}
