//! The records of the ring buffer. The first word of each is its head: kind, and two small fields.

/// Kinds of records.
pub mod tag {
    /// [`super::IoRecord`].
    pub const IO: u8 = 1;
    /// [`super::WaitRecord`].
    pub const WAIT: u8 = 2;
    /// [`super::ExecRecord`] followed by the argument bytes.
    pub const EXEC: u8 = 3;
    /// [`super::ForkRecord`].
    pub const FORK: u8 = 4;
    /// [`super::ExitRecord`].
    pub const EXIT: u8 = 5;
    /// [`super::FlushRecord`].
    pub const FLUSH: u8 = 6;
    /// [`super::WriterRecord`].
    pub const WRITER: u8 = 7;
    /// [`super::CommitRecord`].
    pub const COMMIT: u8 = 8;
}

/// "Not known" in a time field.
pub const NO_TIME: u64 = u64::MAX;

/// One finished block request.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct IoRecord {
    /// [`tag::IO`] in the lowest byte; blk_status_t of the last completion in the second; 1 in the third when a
    /// kernel thread submitted it for a process that a limit holds back; in the fourth, the upper 8 bits of the forcer
    /// (see [`io`]).
    pub head: u32,
    /// Bytes transferred, all partial completions together.
    pub bytes: u32,
    /// Stream key ([`crate::key::Key`]) with device and kind.
    pub key: u64,
    /// First 512-byte sector in the lower 48 bits, the lower 16 bits of the forcer in the others.
    pub sector: u64,
    /// Time of the last completion, CLOCK_MONOTONIC ns.
    pub complete_ns: u64,
    /// From queued to completed, ns; [`NO_TIME`] when the start was not seen.
    pub q2c_ns: u64,
    /// From the last issue to completed, ns; [`NO_TIME`] when never issued (empty flush) or not seen.
    pub d2c_ns: u64,
}

/// Where an [`IoRecord`] has its forcer: the process that submitted what others caused, 24 bits in two places, so that
/// the record stays at 48 bytes.
pub mod io {
    use crate::marks;

    /// A disk of 2^48 sectors has 128 PiB.
    const SECTOR_BITS: u32 = 48;
    const SECTORS: u64 = (1 << SECTOR_BITS) - 1;

    /// The record's head.
    #[inline(always)]
    pub fn head(status: u32, marks: u32) -> u32 {
        u32::from(super::tag::IO) | status << 8 | (marks & marks::HELD) << 16 | marks & 0xff00_0000
    }

    /// The record's sector.
    #[inline(always)]
    pub fn sector(sector: u64, marks: u32) -> u64 {
        sector & SECTORS | (u64::from(marks) >> marks::FORCER_SHIFT) << SECTOR_BITS
    }

    /// The sector of a record.
    pub fn sector_of(record: &super::IoRecord) -> u64 {
        record.sector & SECTORS
    }

    /// The forcer of a record; 0 for none.
    pub fn forcer_of(record: &super::IoRecord) -> u32 {
        (record.head >> 24) << 16 | (record.sector >> SECTOR_BITS) as u32
    }
}

/// One finished wait in a sync call.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct WaitRecord {
    /// [`tag::WAIT`] in the lowest byte.
    pub head: u32,
    /// Thread id in the initial pid namespace.
    pub tid: u32,
    /// Stream key with the file system's device index and the call.
    pub key: u64,
    /// Begin, CLOCK_MONOTONIC ns.
    pub start_ns: u64,
    /// End, CLOCK_MONOTONIC ns.
    pub end_ns: u64,
    /// Inode number.
    pub ino: u64,
    /// The file system's device (kernel encoding); 0 when the event does not carry it (btrfs).
    pub dev: u32,
    /// What the call returned: 0 or a negative errno.
    pub ret: i32,
    /// What counts as its length in the statistics, ns: the whole of a sync, else only the time it slept.
    pub counted_ns: u64,
    /// How much of the whole time the thread was ready to run and had no CPU; [`NO_TIME`] when not known.
    pub runnable_ns: u64,
    /// How much of it the thread had no CPU, for whatever reason; [`NO_TIME`] when not known.
    pub away_ns: u64,
    /// How much of it the kernel made it pause because of dirty pages or, in a sync, held it back while it handed over
    /// requests; [`NO_TIME`] when not known.
    pub throttled_ns: u64,
}

/// A program was started. `argv_len` bytes follow: arguments, each ended by NUL, possibly cut.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct ExecRecord {
    /// [`tag::EXEC`] in the lowest byte.
    pub head: u32,
    /// Process id.
    pub tgid: u32,
    /// Parent's process id.
    pub ppid: u32,
    /// Bytes of arguments in this record.
    pub argv_len: u32,
    /// Bytes of arguments the program has; more than `argv_len` when cut.
    pub argv_total: u32,
    /// Not used.
    pub pad: u32,
    /// Start time of the process since boot, ns.
    pub start_boottime: u64,
    /// Time of the event, CLOCK_MONOTONIC ns.
    pub now_ns: u64,
    /// Command name after exec.
    pub comm: [u8; 16],
}

/// A process (not a thread) was forked.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct ForkRecord {
    /// [`tag::FORK`] in the lowest byte.
    pub head: u32,
    /// Parent's process id.
    pub parent: u32,
    /// New process id.
    pub child: u32,
    /// Not used.
    pub pad: u32,
    /// Start time of the child since boot, ns.
    pub start_boottime: u64,
    /// Time of the event, CLOCK_MONOTONIC ns.
    pub now_ns: u64,
}

/// The last thread of a process exits.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct ExitRecord {
    /// [`tag::EXIT`] in the lowest byte.
    pub head: u32,
    /// Process id.
    pub tgid: u32,
    /// Start time of the process (thread group leader) since boot, ns.
    pub start_boottime: u64,
    /// Time of the event, CLOCK_MONOTONIC ns.
    pub now_ns: u64,
    /// Command name.
    pub comm: [u8; 16],
}

/// One flush command at a device.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct FlushRecord {
    /// [`tag::FLUSH`] in the lowest byte.
    pub head: u32,
    /// Device index.
    pub dev: u32,
    /// Time of the completion, CLOCK_MONOTONIC ns.
    pub complete_ns: u64,
    /// From issue to completion, ns; [`NO_TIME`] when the issue was not seen.
    pub d2c_ns: u64,
}

/// A process dirtied pages of a file: whoever writes them back later may name it, also after its end.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct WriterRecord {
    /// [`tag::WRITER`] in the lowest byte.
    pub head: u32,
    /// Process id.
    pub tgid: u32,
    /// Time of the event, CLOCK_MONOTONIC ns.
    pub now_ns: u64,
}

/// A commit of a journal is over. Times are CLOCK_MONOTONIC ns, 0 for a phase that was not reached or not seen.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct CommitRecord {
    /// [`tag::COMMIT`] in the lowest byte.
    pub head: u32,
    /// The file system's device (kernel encoding).
    pub dev: u32,
    /// Number of the transaction.
    pub tid: u32,
    /// Process id of the journal's thread.
    pub thread: u32,
    /// Begin.
    pub start_ns: u64,
    /// It waits for handles of its transaction that are still open.
    pub locking_ns: u64,
    /// Ordered data is written.
    pub flushing_ns: u64,
    /// The journal is written.
    pub logging_ns: u64,
    /// End.
    pub end_ns: u64,
    /// Contributors: process id in the lower half, blocks in the upper; 0 for none. Blocks that several handles
    /// changed count several times.
    pub contributors: [u64; COMMIT_CONTRIBUTORS],
    /// Blocks of kernel threads and of processes beyond these.
    pub others: u64,
}

/// Contributors of a commit in its record.
pub const COMMIT_CONTRIBUTORS: usize = 8;

/// Most argument bytes an [`ExecRecord`] carries.
pub const ARGV_MAX: usize = 3072;

const _: () = assert!(size_of::<IoRecord>() == 48);
const _: () = assert!(size_of::<WaitRecord>() == 80);
const _: () = assert!(size_of::<ExecRecord>() == 56);
const _: () = assert!(size_of::<ForkRecord>() == 32);
const _: () = assert!(size_of::<ExitRecord>() == 40);
const _: () = assert!(size_of::<FlushRecord>() == 24);
const _: () = assert!(size_of::<WriterRecord>() == 16);
const _: () = assert!(size_of::<CommitRecord>() == 128);
