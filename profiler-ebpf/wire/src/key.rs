//! The key of a stream: who, on which device, doing what, to which file, known by which method; in one `u64`.
//!
//! One machine word, so that the kernel side can look it up with plain compares and publish a new one with a
//! single compare-and-swap, and no map with locks is needed on the hot path.

/// Who a stream belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// A process (thread group id in the initial pid namespace) or a kernel thread.
    Process(u32),
    /// Only the owning cgroup is known: index into the cgroup table.
    Cgroup(u32),
    /// Nobody could be named; the value is a [`Reason`].
    Unattributed(u32),
    /// The stream table was full: everything of this device and operation that had no room.
    Overflow,
}

/// Why a request has no owner (the value of [`Owner::Unattributed`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Reason {
    /// It was in flight when the probes were attached.
    InFlightAtAttach = 0,
    /// Its start was not seen.
    StartNotSeen = 1,
    /// Written back for somebody who dirtied the pages before that could be seen.
    DirtiedBefore = 2,
    /// Written back for more processes than are told apart for one file.
    ManyWriters = 3,
    /// Put into a journal by kernel threads for somebody not known, or by more processes than are told apart.
    JournalOthers = 4,
}

/// How the owner was found; the values of the `method` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum How {
    /// The submitter itself.
    Direct = 0,
    /// By the inode of the page that a kernel thread wrote back.
    Writeback = 1,
    /// By the journal transaction.
    Journal = 2,
    /// By the cgroup the bio is charged to.
    OwnerCgroup = 3,
    /// Not found.
    Unattributed = 4,
}

/// What a stream does; the values of the `op` field. Below [`Kind::FIRST_WAIT`]: block operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Kind {
    /// Read request.
    Read = 0,
    /// Write request (with data).
    Write = 1,
    /// Empty PREFLUSH request.
    Flush = 2,
    /// Discard request.
    Discard = 3,
    /// A flush command at the device (no owner).
    FlushCommand = 4,
    /// A request that was absorbed by another one (no owner).
    Merge = 5,
    /// A request that the driver gave back (no owner).
    Requeue = 6,
    /// `fsync(2)`.
    Fsync = 8,
    /// `fdatasync(2)`.
    Fdatasync = 9,
    /// Sync part of an `O_SYNC` write.
    OsyncWrite = 10,
    /// Sync part of an `O_DSYNC` write.
    OdsyncWrite = 11,
    /// `msync(2)`.
    Msync = 12,
    /// fsync through `io_uring`.
    IoUringFsync = 13,
    /// Another sync of one file.
    OtherSync = 14,
    /// Time a thread of a target was ready to run and had no CPU (no owner's IO, no file).
    RunQueue = 15,
    /// `write(2)` and its relatives, but for their sync part.
    WriteCall = 16,
    /// `read(2)` and its relatives.
    ReadCall = 17,
    /// A page fault that waited for IO.
    Fault = 18,
    /// `sync(2)`.
    Sync = 19,
    /// `syncfs(2)`.
    Syncfs = 20,
    /// `sync_file_range(2)`, also through `io_uring`.
    SyncFileRange = 21,
    /// Another call on files: open, close, truncate, fallocate, rename, …
    FileCall = 22,
}

impl Kind {
    /// The first kind that is a wait.
    pub const FIRST_WAIT: u32 = Self::Fsync as u32;

    /// All kinds.
    pub const ALL: [Self; 22] = [
        Self::Read,
        Self::Write,
        Self::Flush,
        Self::Discard,
        Self::FlushCommand,
        Self::Merge,
        Self::Requeue,
        Self::Fsync,
        Self::Fdatasync,
        Self::OsyncWrite,
        Self::OdsyncWrite,
        Self::Msync,
        Self::IoUringFsync,
        Self::OtherSync,
        Self::RunQueue,
        Self::WriteCall,
        Self::ReadCall,
        Self::Fault,
        Self::Sync,
        Self::Syncfs,
        Self::SyncFileRange,
        Self::FileCall,
    ];

    /// The kind with this number.
    pub fn from_u32(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == number)
    }
}

const ID_BITS: u32 = 22;
const FILE_BITS: u32 = 22;
const OWNER_SHIFT: u32 = ID_BITS;
const DEV_SHIFT: u32 = OWNER_SHIFT + 2;
const KIND_SHIFT: u32 = DEV_SHIFT + 8;
const FILE_SHIFT: u32 = KIND_SHIFT + 5;
const HOW_SHIFT: u32 = FILE_SHIFT + FILE_BITS;
const VALID: u64 = 1 << 62;

/// Largest id a key holds; Linux's own limit of process ids (include/linux/threads.h, PID_MAX_LIMIT) is one more.
pub const ID_MAX: u32 = (1 << ID_BITS) - 1;
/// Places for files that are told apart at a time; place 0 is never used.
pub const FILES: u32 = 1 << 10;
/// Numbers of files a key can tell apart; 0 is "not looked at". The lower bits of a number are its place, the upper
/// ones say how often the place was given to another file: what is late to finish never counts for the next file.
pub const FILE_NUMBERS: u32 = 1 << FILE_BITS;
/// Number of device indices.
pub const DEVICES: u32 = 64;
/// The device index of devices beyond the table.
pub const DEVICE_OVERFLOW: u32 = DEVICES - 1;
/// Marks a table entry that userspace is retiring: not free, and equal to no key.
pub const TOMBSTONE: u64 = u64::MAX;

const _: () = assert!(1 << (HOW_SHIFT + 3) <= VALID);

/// The place of a file's number.
#[inline(always)]
pub const fn file_place(number: u32) -> u32 {
    number & (FILES - 1)
}

/// The number that a place has after this one.
#[inline(always)]
pub const fn next_file_number(number: u32) -> u32 {
    number.wrapping_add(FILES) & (FILE_NUMBERS - 1)
}

/// A packed stream key. Never 0 (an empty table entry) and never [`TOMBSTONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Key(pub u64);

impl Key {
    /// An owner without device and kind, as an in-flight slot stores it.
    #[inline(always)]
    pub const fn owner(owner: Owner, file: u32, how: How) -> Self {
        let (kind, id) = match owner {
            Owner::Process(id) => (0u64, id),
            Owner::Cgroup(id) => (1, id),
            Owner::Unattributed(id) => (2, id),
            Owner::Overflow => (3, 0),
        };
        Self(
            VALID
                | (id & ID_MAX) as u64
                | kind << OWNER_SHIFT
                | ((file & (FILE_NUMBERS - 1)) as u64) << FILE_SHIFT
                | (how as u64) << HOW_SHIFT,
        )
    }

    /// The same key for a device index and an operation (a [`Kind`] as a number).
    #[inline(always)]
    pub const fn with(self, dev: u32, kind: u32) -> Self {
        Self(self.0 | ((dev & 0xff) as u64) << DEV_SHIFT | ((kind & 0x1f) as u64) << KIND_SHIFT)
    }

    /// The overflow stream of a device and operation.
    #[inline(always)]
    pub const fn overflow(dev: u32, kind: u32) -> Self {
        Self::owner(Owner::Overflow, 0, How::Unattributed).with(dev, kind)
    }

    /// Whether this can be a key at all (bytes from outside may say anything).
    pub const fn is_valid(self) -> bool {
        self.0 & VALID != 0 && self.0 >> 63 == 0
    }

    /// The owner.
    pub const fn who(self) -> Owner {
        let id = (self.0 & ID_MAX as u64) as u32;
        match (self.0 >> OWNER_SHIFT) & 3 {
            0 => Owner::Process(id),
            1 => Owner::Cgroup(id),
            2 => Owner::Unattributed(id),
            _ => Owner::Overflow,
        }
    }

    /// The device index.
    pub const fn dev(self) -> u32 {
        ((self.0 >> DEV_SHIFT) & 0xff) as u32
    }

    /// The operation as a number; see [`Kind::from_u32`].
    pub const fn kind(self) -> u32 {
        ((self.0 >> KIND_SHIFT) & 0x1f) as u32
    }

    /// The file's number, 0 when the file was not looked at.
    pub const fn file(self) -> u32 {
        ((self.0 >> FILE_SHIFT) & (FILE_NUMBERS as u64 - 1)) as u32
    }

    /// How the owner was found, as a number; [`How`].
    pub const fn how(self) -> u32 {
        ((self.0 >> HOW_SHIFT) & 7) as u32
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_gives_back_what_was_packed(
            id in 0..=ID_MAX, owner in 0u32..4, dev in 0..DEVICES, kind in 0..Kind::ALL.len(), file in 0..FILE_NUMBERS,
        ) {
            let who = match owner {
                0 => Owner::Process(id),
                1 => Owner::Cgroup(id),
                2 => Owner::Unattributed(id),
                _ => Owner::Overflow,
            };
            let kind = Kind::ALL[kind];
            let key = Key::owner(who, file, How::Writeback).with(dev, kind as u32);
            prop_assert!(key.is_valid());
            prop_assert_eq!(key.who(), who);
            prop_assert_eq!(key.dev(), dev);
            prop_assert_eq!(Kind::from_u32(key.kind()), Some(kind));
            prop_assert_eq!(key.file(), file);
            prop_assert_eq!(key.how(), How::Writeback as u32);
        }
    }

    #[test]
    fn a_place_goes_through_all_its_numbers() {
        let (mut number, mut times) = (5, 0);
        loop {
            assert_eq!(file_place(number), 5);
            (number, times) = (next_file_number(number), times + 1);
            if number == 5 {
                break;
            }
        }
        assert_eq!(times, FILE_NUMBERS / FILES);
    }

    #[test]
    fn free_and_retired_entries_are_no_keys() {
        assert!(!Key(0).is_valid());
        assert!(!Key(TOMBSTONE).is_valid());
    }
}
