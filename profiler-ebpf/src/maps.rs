//! Every map: what it holds, who writes it, who frees an entry, what happens when it is full.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf};
use iocontend_wire::config::Config;
use iocontend_wire::count::Counts;
use iocontend_wire::key::FILES as FILE_IDS;
use iocontend_wire::record::{ARGV_MAX, CommitRecord, ExecRecord, IoRecord};
use iocontend_wire::tables::{self, *};

/// BPF_F_MMAPABLE: userspace maps the array and reads it without system calls.
const MMAPABLE: u32 = 1 << 10;
/// BPF_RB_NO_WAKEUP, for records sent through [`EVENTS`].
pub const NO_WAKEUP: u64 = 1;

/// Frozen before load by userspace.
#[unsafe(no_mangle)]
pub static CONFIG: Config = Config::absent();

/// Requests by request pointer, taken at the request's first event. Full: the oldest of a set is taken over; a request
/// that misses its slot at the end is counted.
#[map]
pub static SLOTS: Array<SlotSet> = Array::with_max_entries(1 << SLOT_BITS, 0);

/// Bios that have a request but whose request was not seen yet (kernels without `block_io_start`). Same rules.
#[map]
pub static BIOS: Array<BioSet> = Array::with_max_entries(1 << BIO_BITS, 0);

/// Stream keys. The kernel side adds; userspace retires. Full: the device's overflow stream, counted.
#[map]
pub static KEYS: Array<KeySet> = Array::with_max_entries(SETS as u32, MMAPABLE);

/// Statistics of the stream at the same index, one copy per shard; userspace sets the number of shards.
#[map]
pub static STATS: Array<Stats> = Array::with_max_entries(STREAMS as u32, MMAPABLE);

/// Devices by index. Added by the kernel side, never removed. Full: the last index, counted.
#[map]
pub static DEVICES: Array<Devices> = Array::with_max_entries(1, MMAPABLE);

/// Owning cgroups by index. Added by the kernel side, never removed. Full: unattributed, counted.
#[map]
pub static CGROUPS: Array<Cgroups> = Array::with_max_entries(1, MMAPABLE);

/// Processes whose files are told apart. Written by userspace only.
#[map]
pub static TRACKED: Array<Tracked> = Array::with_max_entries(1, MMAPABLE);

/// Processes whose threads are watched as they leave the CPU and come back: the targets. Written by userspace only.
#[map]
pub static TARGETS: Array<Tracked> = Array::with_max_entries(1, MMAPABLE);

/// Threads of the targets, by thread id; given back at their end. Full: the one that was quiet longest, counted.
#[map]
pub static THREADS: Array<ThreadSet> = Array::with_max_entries(1 << THREAD_BITS, 0);

/// Syncs through io_uring that were submitted, by request. Removed at their completion. Full: counted.
#[map]
pub static URING_SYNCS: HashMap<u64, UringSync> = HashMap::with_max_entries(1024, 0);

/// Numbers of files by inode. Added by both sides, removed by userspace. Full: file 0, counted.
#[map]
pub static FILES: HashMap<FileKey, u32> = HashMap::with_max_entries(2 * FILE_IDS, 0);

/// Inodes by the place of a file's number.
#[map]
pub static FILE_ENTRIES: Array<FileEntries> = Array::with_max_entries(1, MMAPABLE);

/// Numbers for new files. Filled by userspace, taken by both sides.
#[map]
pub static FREE_FILES: Array<FreeFiles> = Array::with_max_entries(1, MMAPABLE);

/// Switches that change while the programs run.
#[map]
pub static CONTROL: Array<Control> = Array::with_max_entries(1, MMAPABLE);

/// Loss and other counters.
#[map]
pub static COUNTS: PerCpuArray<Counts> = PerCpuArray::with_max_entries(1, 0);

/// Who dirtied the pages of files, by the inode's address. Full: the file that was quiet longest is forgotten, and what
/// is still dirty of it counts as dirtied before.
#[map]
pub static DIRTY: LruHashMap<u64, DirtyFile> = LruHashMap::with_max_entries(DIRTY_FILES, 0);

/// Commits under way, by the journal's thread. Removed at their end. Full: counted.
#[map]
pub static COMMITS: HashMap<u32, Commit> = HashMap::with_max_entries(tables::COMMITS, 0);

/// Files that kernel threads write back right now, as the addresses of their inodes. Removed at the end. Full: what
/// such a thread adds to a journal is nobody's.
#[map]
pub static WRITEBACKS: HashMap<u32, u64> = HashMap::with_max_entries(tables::WRITEBACKS, 0);

/// Logs of xfs by the file system's device. Never removed. Full: the one that was quiet longest is begun anew.
#[map]
pub static XFS_LOGS: LruHashMap<u32, XfsLog> = LruHashMap::with_max_entries(tables::XFS_LOGS, 0);

/// Ends of checkpoints on their way to the disk, as the records that are sent when they are there; by the buffer's place
/// in the log, and device. Removed then. Full: counted.
#[map]
pub static XFS_WRITES: HashMap<FileKey, CommitRecord> =
    HashMap::with_max_entries(tables::XFS_WRITES, 0);

/// What kernel threads do in xfs, by thread: [`crate::xfs_log::CHECKPOINT`], else for whom they work: an inode's address
/// or a process id. Full: what such a thread changes is nobody's.
#[map]
pub static XFS_WORKERS: LruHashMap<u32, u64> = LruHashMap::with_max_entries(tables::XFS_WORKERS, 0);

/// Which log a thread gave to the disk last. Full: such a write has no contributors.
#[map]
pub static XFS_SUBMITTERS: LruHashMap<u32, u32> =
    LruHashMap::with_max_entries(tables::XFS_WORKERS, 0);

/// The addresses of inodes with dirty pages, or who used an inode last that is being removed. Filled only where the log
/// of xfs is watched. Full: what a kernel thread changes of such an inode is nobody's.
#[map]
pub static XFS_INODES: LruHashMap<FileKey, u64> =
    LruHashMap::with_max_entries(tables::XFS_INODES, 0);

/// Processes that userspace was told to keep because they dirtied pages. Full: told again, no loss.
#[map]
pub static TOLD: LruHashMap<u32, u64> = LruHashMap::with_max_entries(TOLD_WRITERS, 0);

/// Where a new entry of [`DIRTY`] is put together: a file's, with interrupts off, and a transaction's, which that may
/// interrupt.
#[map]
pub static NEW_DIRTY: PerCpuArray<DirtyFile> = PerCpuArray::with_max_entries(2, 0);

/// Causes on their way through device-mapper, by bio and by place on a device. Full: the oldest is forgotten, and its
/// bytes are nobody's. As good as empty where [`crate::stacked`] is not used.
#[map]
pub static CARRIED: LruHashMap<u64, Carried> = LruHashMap::with_max_entries(tables::CARRIED, 0);

/// Files of loop devices; by userspace, before the programs run and when devices come and go.
#[map]
pub static LOOP_FILES: HashMap<FileKey, LoopFile> = HashMap::with_max_entries(LOOPS, 0);

/// Places in [`LOOP_REQUESTS`] by loop device (kernel encoding); by userspace, as [`LOOP_FILES`].
#[map]
pub static LOOP_DISKS: HashMap<u32, u32> = HashMap::with_max_entries(LOOPS, 0);

/// Requests of loop devices in flight.
#[map]
pub static LOOP_REQUESTS: Array<LoopRequests> = Array::with_max_entries(LOOPS, 0);

/// Waits that have begun, by thread. Removed at their end. Full: counted.
#[map]
pub static OPEN_WAITS: HashMap<u64, OpenWait> = HashMap::with_max_entries(8192, 0);

/// Events but for those of IOs. Userspace polls; nothing here ever wakes it up.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(EVENTS_BYTES, 0);

/// IO events: one ring per CPU, one after the other, written by `rq_complete` only, which never interrupts itself
/// on a CPU. So no lock is needed, and no helper call. Full: counted.
#[map]
pub static IO_RING: Array<IoRecord> = Array::with_max_entries(IO_RECORDS, MMAPABLE);

/// Ends of the IO rings, by CPU; userspace sets the number.
#[map]
pub static IO_ENDS: Array<RingEnds> = Array::with_max_entries(1, MMAPABLE);

/// A typed pointer takes a trip through here to become a number.
#[map]
pub static SCRATCH: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// Where an exec event is put together.
#[repr(C)]
pub struct ExecBuffer {
    pub record: ExecRecord,
    pub argv: [u8; ARGV_MAX],
}

#[map]
pub static EXEC_BUFFER: PerCpuArray<ExecBuffer> = PerCpuArray::with_max_entries(1, 0);
