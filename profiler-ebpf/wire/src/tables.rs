//! The layout of the tables that the kernel side fills and the user side reads through a shared mapping.

use crate::bucket::BUCKETS;
use crate::key::{DEVICES, FILES};
use crate::record::{COMMIT_CONTRIBUTORS, IoRecord};

/// Stream keys per set: one cache line.
pub const WAYS: usize = 8;
/// Number of sets of stream keys. 160 × 8 = 1,280 entries hold the promised 1,024 streams: see
/// [`sets_of`].
pub const SETS: usize = 160;
/// Number of stream entries.
pub const STREAMS: usize = SETS * WAYS;
/// Most copies of the statistics (one per CPU up to here; with more CPUs they share, with atomic adds).
pub const MAX_SHARDS: usize = 16;

/// One set of stream keys; 0 is free.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct KeySet {
    /// Packed keys.
    pub keys: [u64; WAYS],
}

/// The sets in which a key may stand, each below [`SETS`]: it takes the emptier of the first two, and the
/// third only when both are full.
#[inline(always)]
pub const fn sets_of(key: u64) -> [u32; 3] {
    // The finaliser of SplitMix64 (Steele et al., OOPSLA 2014); its two halves choose the two sets.
    let mixed = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let mixed = mixed ^ (mixed >> 31);
    let sets = SETS as u64;
    [
        (((mixed >> 32) * sets) >> 32) as u32,
        (((mixed & 0xffff_ffff) * sets) >> 32) as u32,
        ((((mixed >> 16) & 0xffff_ffff) * sets) >> 32) as u32,
    ]
}

/// Sum and extremes of one phase.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Phase {
    /// Sum, ns.
    pub sum: u64,
    /// Bitwise complement of the minimum, ns (so that 0 means "none yet").
    pub not_min: u64,
    /// Maximum, ns.
    pub max: u64,
}

/// Index of a phase in [`Stats`]: queue time.
pub const Q2D: usize = 0;
/// Device time.
pub const D2C: usize = 1;
/// Total time; for waits the duration of the wait.
pub const Q2C: usize = 2;

/// Statistics of one stream in one shard.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Stats {
    /// Finished requests (or waits, or flush commands).
    pub count: u64,
    /// Bytes, partial completions included.
    pub bytes: u64,
    /// Sums and extremes by phase ([`Q2D`], [`D2C`], [`Q2C`]).
    pub phases: [Phase; 3],
    /// Latency buckets ([`crate::bucket`]) by phase; their sum is the number of requests of which the phase was
    /// seen. 32 bits: userspace reads differences, modulo 2^32.
    pub buckets: [[u32; BUCKETS]; 3],
}

/// One request: a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Slot {
    /// Request pointer; kept after the end, for the same pointer comes again.
    pub tag: u64,
    /// Owner part of the stream key.
    pub owner: u64,
    /// Time queued, CLOCK_MONOTONIC ns; 0 when the request was absorbed by another.
    pub queued: u64,
    /// Time of the last issue, 0 before.
    pub issued: u64,
    /// First sector.
    pub sector: u64,
    /// Bytes completed so far.
    pub done: u32,
    /// Device index.
    pub dev: u16,
    /// What part of the bytes is the second owner's, in 65,536ths.
    pub share: u16,
    /// Index of the stream of the last request with this pointer: a shortcut, if that stream has the new one's key.
    pub last_stream: u32,
    /// [`crate::marks`].
    pub marks: u32,
    /// Owner part of the stream key of whoever else caused it, where the share is not 0.
    pub second: u64,
}

/// Ways of a set of slots. A few hundred pointers recur on a host with a few disks: four ways hold them all.
pub const SLOT_WAYS: usize = 4;

/// Requests that share a hash.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct SlotSet {
    /// The slots.
    pub ways: [Slot; SLOT_WAYS],
}

/// log2 of the number of slot sets.
pub const SLOT_BITS: u32 = 12;

/// A bio between getting its request and the request's first event (kernels without `block_io_start`).
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BioSlot {
    /// Bio pointer, 0 when free.
    pub tag: u64,
    /// Owner part of the stream key.
    pub owner: u64,
    /// Time queued, CLOCK_MONOTONIC ns.
    pub queued: u64,
    /// As in [`Slot`].
    pub second: u64,
    /// As in [`Slot`].
    pub share: u32,
    /// As in [`Slot`].
    pub marks: u32,
}

/// Bios that share a hash.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct BioSet {
    /// The two slots.
    pub ways: [BioSlot; 2],
}

/// log2 of the number of bio sets.
pub const BIO_BITS: u32 = 12;

/// Devices by index: kernel `dev_t` with bit 32 set; 0 is free.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Devices {
    /// Entries.
    pub entries: [u64; DEVICES as usize],
}

/// Entries of the cgroup table.
pub const CGROUPS: usize = 256;

/// cgroup ids (inode numbers in cgroup v2) by index; 0 is free.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Cgroups {
    /// Entries.
    pub entries: [u64; CGROUPS],
}

/// Entries of the table of processes whose files are told apart.
pub const TRACKED: usize = 1024;
/// How many neighbouring entries a process may stand in.
pub const TRACKED_WINDOW: usize = 8;

/// Processes whose files are told apart: process id plus 1; 0 is free. Written by userspace only.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Tracked {
    /// Entries; the spare ones at the end keep the window from wrapping.
    pub entries: [u64; TRACKED + TRACKED_WINDOW],
}

/// First entry at which a process may stand.
#[inline(always)]
pub const fn tracked_index(tgid: u32) -> u32 {
    (tgid.wrapping_mul(0x9e37_79b1) >> 16) & (TRACKED as u32 - 1)
}

/// Key of the file table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct FileKey {
    /// Inode number.
    pub ino: u64,
    /// The file system's device (kernel encoding); 0 when not known (btrfs events).
    pub dev: u32,
    /// Not used, always 0.
    pub pad: u32,
}

/// What a file id stands for.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct FileEntry {
    /// Inode number.
    pub ino: u64,
    /// The file system's device (kernel encoding).
    pub dev: u32,
    /// Not used, always 0.
    pub pad: u32,
}

/// All files by place.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct FileEntries {
    /// Indexed by [`crate::key::file_place`]; place 0 is never used.
    pub entries: [FileEntry; FILES as usize],
}

/// Numbers for new files: a queue that userspace fills and both sides take from.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct FreeFiles {
    /// The queue; [`Control`] has its ends. Never full, since place 0 is never used.
    pub numbers: [u64; FILES as usize],
}

/// Words that both sides change while the programs run.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Control {
    /// 0: completions and waits are ignored. Else: counting since this CLOCK_MONOTONIC time, ns.
    pub counting_since: u64,
    /// Numbers of files taken out of [`FreeFiles`] so far.
    pub files_taken: u64,
    /// Numbers of files put into it so far; by userspace only.
    pub files_given: u64,
    /// Not used.
    pub pad: [u64; 5],
}

/// How far the IO ring of one CPU is written and read. Two cache lines: one side writes each.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct RingEnds {
    /// Records written so far; by the kernel side.
    pub head: u64,
    /// Not used.
    pub pad: [u64; 7],
    /// Records read so far; by userspace.
    pub tail: u64,
    /// Not used.
    pub pad2: [u64; 7],
}

/// Records of all IO rings together, as long as nobody asks for another size: 3 MiB.
pub const IO_RECORDS: u32 = 1 << 16;
/// Size of the ring of all other events, bytes.
pub const EVENTS_BYTES: u32 = 1 << 20;

/// A wait that has begun.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct OpenWait {
    /// Begin, CLOCK_MONOTONIC ns.
    pub start: u64,
    /// Inode number.
    pub ino: u64,
    /// Owner part of the stream key.
    pub owner: u64,
    /// The file system's device (kernel encoding).
    pub dev: u32,
    /// The call, a [`crate::key::Kind`].
    pub kind: u32,
    /// Run-queue delay of the thread so far, ns; [`crate::record::NO_TIME`] when not known.
    pub delays: u64,
    /// Time without a CPU of the thread so far, ns; the same.
    pub away: u64,
    /// Time that something held it back while it handed over requests, so far, ns; the same.
    pub held: u64,
}

/// Writers of one file, or contributors of one commit, that are told apart.
pub const WRITERS: usize = COMMIT_CONTRIBUTORS;
/// Files with dirty pages, and journal transactions, that are remembered.
pub const DIRTY_FILES: u32 = 8192;
/// Journals that commit at a time.
pub const COMMITS: u32 = 256;
/// Kernel threads that write a file back at a time.
pub const WRITEBACKS: u32 = 1024;

/// What a process has dirtied of a file and was not written yet, as far as was seen.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Writer {
    /// Process id; 0 when free.
    pub who: u64,
    /// Bytes, whole pages.
    pub bytes: u64,
    /// All that was ever booked.
    pub total: u64,
}

/// A commit of a journal under way; times are CLOCK_MONOTONIC ns, 0 for a phase that was not reached.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Commit {
    /// Key of its contributors among the dirty files.
    pub key: u64,
    /// Begin.
    pub start: u64,
    /// It waits until the handles of its transaction are closed.
    pub locking: u64,
    /// Ordered data is written.
    pub flushing: u64,
    /// The journal is written.
    pub logging: u64,
}

/// Logs of xfs that are watched at a time.
pub const XFS_LOGS: u32 = 256;
/// Writes to logs of xfs under way; a log has at most eight buffers (fs/xfs/xfs_log_priv.h, `XLOG_MAX_ICLOGS`).
pub const XFS_WRITES: u32 = 8 * XFS_LOGS;
/// Kernel threads that lately worked in xfs for somebody, or at a checkpoint.
pub const XFS_WORKERS: u32 = 1024;
/// Inodes of xfs whose memory, or whose last user, is remembered.
pub const XFS_INODES: u32 = 8192;

/// The log of an xfs; times are CLOCK_MONOTONIC ns, 0 for what did not happen since the last finished checkpoint.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct XfsLog {
    /// When the latest checkpoint began to be written into the log's buffers.
    pub start: u64,
    /// When a buffer was first given to the disk since then.
    pub logging: u64,
    /// 1: the end of a checkpoint was given to the disk since the last one began.
    pub written: u32,
    /// How many ends were.
    pub count: u32,
    /// Bytes that a checkpoint reserves for itself; 0 before one was seen.
    pub unit: u32,
    /// 1: no transaction is in the next checkpoint yet.
    pub empty: u32,
    /// 1: the next checkpoint has all headers that it may need.
    pub provided: u32,
    /// Not used, always 0.
    pub pad: u32,
}

/// Who dirtied the pages of a file that wait to be written.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct DirtyFile {
    /// Inode number.
    pub ino: u64,
    /// The file system's device (kernel encoding).
    pub dev: u32,
    /// 1: it had dirty pages already when it was first seen.
    pub older: u32,
    /// Its writers.
    pub writers: [Writer; WRITERS],
    /// Bytes of those that found no place.
    pub others: u64,
    /// All that was ever booked for them.
    pub others_total: u64,
    /// Who dirtied a page last.
    pub last: u64,
}

/// Processes that dirtied pages and were told to userspace.
pub const TOLD_WRITERS: u32 = 4096;

/// One thread of a target.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Thread {
    /// Thread id and process id as the kernel packs them (process id above); 0 when free.
    pub tag: u64,
    /// When it last left the CPU, CLOCK_MONOTONIC ns.
    pub left: u64,
    /// When it came back, 0 while it is away.
    pub back: u64,
    /// The kernel's sum of its run-queue delays at that last leaving, ns.
    pub delays: u64,
    /// The kernel's sum of its time on a CPU then, ns.
    pub ran: u64,
    /// The call that the open wait belongs to; 0 when none is open.
    pub call: u64,
    /// Stream key of the open wait.
    pub key: u64,
    /// Begin of the open wait.
    pub start: u64,
    /// End of its last blocked interval.
    pub end: u64,
    /// Sum of its blocked intervals so far, ns.
    pub blocked: u64,
    /// Inode number of its file, 0 when not known.
    pub ino: u64,
    /// The file system's device of that file (kernel encoding).
    pub dev: u32,
    /// 1: it left the CPU to wait for storage in the open wait. 2: something held it back while it handed over requests.
    pub waiting: u32,
    /// When it last asked a disk for data in a page fault.
    pub read_at: u64,
    /// The file id of what it asked for.
    pub read_file: u32,
    /// Index of its process's stream of run-queue delays, if it still has that key.
    pub stream: u32,
    /// Time without a CPU since it is watched, ns.
    pub away: u64,
    /// How long dirty pages made it pause in the open wait, ns.
    pub throttled: u64,
    /// How long dirty pages will make it pause in the sleep that it is about to begin, ns.
    pub pause: u64,
    /// How long something held it back while it handed over requests, since it is watched, ns.
    pub held: u64,
}

/// Causes on their way through device-mapper at a time.
pub const CARRIED: u32 = 16_384;

/// The cause of a bio on its way through device-mapper.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Carried {
    /// Owner part of the stream key.
    pub owner: u64,
    /// As in [`Slot`].
    pub second: u64,
    /// First sector that the bio covers.
    pub first: u64,
    /// End of the sectors.
    pub end: u64,
    /// As in [`Slot`].
    pub share: u32,
    /// As in [`Slot`].
    pub marks: u32,
    /// The disk that the bio goes to (kernel encoding).
    pub disk: u32,
    /// Not used, always 0.
    pub pad: u32,
}

/// Loop devices whose users are told apart.
pub const LOOPS: u32 = 64;
/// Requests of a loop device in flight (`LOOP_DEFAULT_HW_Q_DEPTH`, drivers/block/loop.c).
pub const LOOP_TAGS: usize = 128;

/// A loop device's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct LoopFile {
    /// Where the device begins in it, bytes.
    pub offset: u64,
    /// The device's index.
    pub index: u32,
    /// Not used, always 0.
    pub pad: u32,
}

/// A request of a loop device in flight.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct LoopRequest {
    /// First byte on the device.
    pub start: u64,
    /// End of its bytes; 0 when there is none.
    pub end: u64,
    /// Owner part of the stream key.
    pub owner: u64,
    /// As in [`Slot`].
    pub second: u64,
    /// As in [`Slot`].
    pub share: u64,
}

/// Those of a device, by tag.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct LoopRequests {
    /// The requests.
    pub tags: [LoopRequest; LOOP_TAGS],
}

/// Ways of a set of threads.
pub const THREAD_WAYS: usize = 4;
/// log2 of the number of thread sets: 2,048 threads.
pub const THREAD_BITS: u32 = 9;

/// Threads that share a hash.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct ThreadSet {
    /// The threads.
    pub ways: [Thread; THREAD_WAYS],
}

/// A sync through `io_uring` that was submitted.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct UringSync {
    /// Its wait.
    pub wait: OpenWait,
    /// The thread that submitted it.
    pub tid: u32,
    /// Not used.
    pub pad: u32,
}

const _: () = assert!(size_of::<Thread>() == 144);
const _: () = assert!(size_of::<Phase>() == 24);
const _: () = assert!(size_of::<Stats>() == 2704);
const _: () = assert!(size_of::<Slot>() == 64);
/// Memory of all other maps, generously: exec buffers, counters, waits, files, log messages at 64 CPUs.
const OTHER_MAPS: usize = 5 << 20;

// The promise of the documentation: at most 64 MiB of map memory at 64 CPUs and 1,024 streams.
const _: () = assert!(
    STREAMS * MAX_SHARDS * size_of::<Stats>()
        + (size_of::<SlotSet>() << SLOT_BITS)
        + (size_of::<BioSet>() << BIO_BITS)
        + (size_of::<ThreadSet>() << THREAD_BITS)
        + IO_RECORDS as usize * size_of::<IoRecord>()
        + EVENTS_BYTES as usize
        + OTHER_MAPS
        <= (64 << 20)
);

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::*;
    use crate::key::{How, Key, Owner};

    /// What the kernel side does when it meets a new key, on a plain array.
    fn insert(table: &mut [KeySet], key: u64) -> bool {
        let [first, second, third] = sets_of(key);
        let used = |set: u32| table[set as usize].keys.iter().filter(|key| **key != 0).count();
        let (emptier, fuller) =
            if used(second) < used(first) { (second, first) } else { (first, second) };
        for set in [emptier, fuller, third] {
            if let Some(free) = table[set as usize].keys.iter_mut().find(|key| **key == 0) {
                *free = key;
                return true;
            }
        }
        false
    }

    #[test]
    fn a_thousand_and_twenty_four_streams_always_fit() {
        // Neighbouring process ids, few devices, all operations: what a busy host looks like.
        for first in (1..2_000_000).step_by(39_119) {
            let mut table: Vec<KeySet> = std::vec![KeySet { keys: [0; WAYS] }; SETS];
            let mut missing = 0;
            for n in 0..1024u32 {
                let owner = Key::owner(Owner::Process(first + n / 8), 0, How::Direct);
                missing += u32::from(!insert(&mut table, owner.with(n % 2, (n / 2) % 4).0));
            }
            assert_eq!(missing, 0, "process ids from {first}");
        }
    }
}
