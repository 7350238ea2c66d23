//! Which system calls can wait for storage (x86-64: arch/x86/entry/syscalls/syscall_64.tbl), and the file that their
//! descriptor stands for.

use aya_ebpf::helpers::bpf_task_pt_regs;
use iocontend_wire::config::ABSENT;
use iocontend_wire::key::Kind;

use crate::files::{self, Inode};
use crate::kread::{Ptr, address, config, fetch, load};

/// Number of the "system call" of a task that came into the kernel by an exception: a page fault.
pub const EXCEPTION: u64 = u64::MAX;

/// File types (include/uapi/linux/stat.h).
const S_IFMT: u16 = 0xf000;
const S_IFREG: u16 = 0x8000;
const S_IFBLK: u16 = 0x6000;

pub mod nr {
    pub const READ: u64 = 0;
    pub const WRITE: u64 = 1;
    pub const MMAP: u64 = 9;
    pub const PREAD64: u64 = 17;
    pub const PWRITE64: u64 = 18;
    pub const READV: u64 = 19;
    pub const WRITEV: u64 = 20;
    pub const MSYNC: u64 = 26;
    pub const MADVISE: u64 = 28;
    pub const SENDFILE: u64 = 40;
    pub const EXECVE: u64 = 59;
    pub const FSYNC: u64 = 74;
    pub const FDATASYNC: u64 = 75;
    pub const SYNC: u64 = 162;
    pub const SYNC_FILE_RANGE: u64 = 277;
    pub const PREADV: u64 = 295;
    pub const PWRITEV: u64 = 296;
    pub const SYNCFS: u64 = 306;
    pub const EXECVEAT: u64 = 322;
    pub const COPY_FILE_RANGE: u64 = 326;
    pub const PREADV2: u64 = 327;
    pub const PWRITEV2: u64 = 328;
    pub const IO_URING_ENTER: u64 = 426;
}

/// Calls that work on files without being a read, a write or a sync, as bits: 0 to 63, 64 to 127, and so on.
/// open 2, close 3, stat 4, fstat 5, lstat 6, access 21; truncate 76, ftruncate 77, getdents 78, chdir 80, rename 82,
/// mkdir 83, rmdir 84, creat 85, link 86, unlink 87, symlink 88, readlink 89, chmod 90 to lchown 94;
/// readahead 187, setxattr 188 to fremovexattr 199; getdents64 217, fadvise64 221;
/// openat 257 to faccessat 269, utimensat 280, fallocate 285;
/// renameat2 316, statx 332; openat2 437, faccessat2 439.
const FILE_CALLS: [u64; 7] = [
    bits(0, &[2, 3, 4, 5, 6, 21]),
    bits(64, &[76, 77, 78, 80, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94]),
    bits(128, &[187, 188, 189, 190, 191]),
    bits(192, &[192, 193, 194, 195, 196, 197, 198, 199, 217, 221]),
    bits(256, &[257, 258, 259, 260, 261, 262, 263, 264, 265, 266, 267, 268, 269, 280, 285, 316]),
    bits(320, &[332]),
    bits(384, &[437, 439]),
];

const fn bits(first: u64, numbers: &[u64]) -> u64 {
    let (mut word, mut at) = (0, 0);
    while at < numbers.len() {
        word |= 1 << (numbers[at] - first);
        at += 1;
    }
    word
}

/// "Not a call that waits for storage."
pub const NO_WAIT: u32 = 0;

/// In what a task with this number waits when it sleeps without being interruptible, as a [`Kind`]; [`NO_WAIT`] for
/// anything that has nothing to do with files. `iowait`: the kernel itself calls the sleep one for IO.
#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn kind_of_call(number: u64, iowait: u32) -> u32 {
    match number {
        nr::READ | nr::PREAD64 | nr::READV | nr::PREADV | nr::PREADV2 | nr::SENDFILE => {
            Kind::ReadCall as u32
        }
        nr::WRITE | nr::PWRITE64 | nr::WRITEV | nr::PWRITEV | nr::PWRITEV2 => {
            Kind::WriteCall as u32
        }
        nr::FSYNC => Kind::Fsync as u32,
        nr::FDATASYNC => Kind::Fdatasync as u32,
        nr::MSYNC => Kind::Msync as u32,
        nr::SYNC => Kind::Sync as u32,
        nr::SYNCFS => Kind::Syncfs as u32,
        nr::SYNC_FILE_RANGE => Kind::SyncFileRange as u32,
        nr::COPY_FILE_RANGE => Kind::FileCall as u32,
        // These and faults also sleep for the process's own memory map, which is not storage.
        EXCEPTION if iowait != 0 => Kind::Fault as u32,
        nr::MMAP | nr::MADVISE | nr::EXECVE | nr::EXECVEAT if iowait != 0 => Kind::FileCall as u32,
        _ => file_call(number),
    }
}

#[inline(always)]
fn file_call(number: u64) -> u32 {
    let word = match number >> 6 {
        0 => FILE_CALLS[0],
        1 => FILE_CALLS[1],
        2 => FILE_CALLS[2],
        3 => FILE_CALLS[3],
        4 => FILE_CALLS[4],
        5 => FILE_CALLS[5],
        6 => FILE_CALLS[6],
        _ => 0,
    };
    if word >> (number & 63) & 1 == 1 { Kind::FileCall as u32 } else { NO_WAIT }
}

/// Whether this call's first argument (of sendfile the second) is the descriptor of the file it works on.
#[inline(always)]
pub fn has_descriptor(kind: u32) -> bool {
    kind == Kind::ReadCall as u32
        || kind == Kind::WriteCall as u32
        || kind == Kind::Fsync as u32
        || kind == Kind::Fdatasync as u32
        || kind == Kind::Syncfs as u32
        || kind == Kind::SyncFileRange as u32
}

/// The number of the call that a task is in; [`EXCEPTION`] when it is not known.
#[inline(always)]
pub fn number_of(task: Ptr) -> u64 {
    if config!(regs_orig_ax) == ABSENT {
        return EXCEPTION;
    }
    // SAFETY: the saved registers of a task; a typed load.
    unsafe {
        let regs = bpf_task_pt_regs(task as *mut _) as Ptr;
        load(regs, config!(regs_orig_ax))
    }
}

/// The descriptor that a task's call works on.
#[inline(always)]
pub fn descriptor_of(task: Ptr, number: u64) -> u32 {
    let (first, second) = (config!(threads.regs_di), config!(threads.regs_si));
    if first == ABSENT || second == ABSENT {
        return u32::MAX;
    }
    // SAFETY: the saved registers of a task; a typed load.
    unsafe {
        let regs = bpf_task_pt_regs(task as *mut _) as Ptr;
        if number == nr::SENDFILE { load(regs, second) } else { load(regs, first) }
    }
}

/// What a descriptor of a task stands for. Guarded copies: asked only for calls that wait.
#[inline(always)]
pub fn inode_of(task: Ptr, descriptor: u32) -> Option<Inode> {
    let offsets = [
        config!(threads.files),
        config!(threads.fdt),
        config!(threads.fd),
        config!(threads.max_fds),
        config!(threads.inode_mode),
        config!(file_inode),
    ];
    if offsets.contains(&ABSENT) {
        return None;
    }
    // SAFETY: members of a task; a missing link reads as 0.
    let table = unsafe {
        let files: Ptr = load(task, config!(threads.files));
        address(load::<Ptr>(files, config!(threads.fdt)))
    };
    if table == 0 || descriptor >= fetch::<u32>(table, config!(threads.max_fds))? {
        return None;
    }
    let entries: u64 = fetch(table, config!(threads.fd))?;
    let file: u64 = fetch(entries + descriptor as u64 * 8, 0)?;
    if file == 0 {
        return None;
    }
    let inode: u64 = fetch(file, config!(file_inode))?;
    let mode: u16 = fetch(inode, config!(threads.inode_mode))?;
    // A pipe or a socket sleeps as well, but not for storage.
    if mode & S_IFMT != S_IFREG && mode & S_IFMT != S_IFBLK {
        return None;
    }
    files::inode_at(inode)
}
