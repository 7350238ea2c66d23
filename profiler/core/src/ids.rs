//! The small vocabulary every other module speaks: devices, operations, calls, roles, file classes.
//!
//! Owns names and their spelling in reports; owns no behaviour beyond parsing and printing them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A device number, split. Built from either of the two encodings in use, never from a bare integer.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct Dev {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

impl Dev {
    /// From the kernel's internal `dev_t` (include/linux/kdev_t.h: 12 bits major, 20 bits minor).
    pub const fn from_kernel(dev: u32) -> Self {
        Self { major: dev >> 20, minor: dev & 0xf_ffff }
    }

    /// From the `st_dev`/`st_rdev` that `stat(2)` gives (glibc's 64-bit encoding).
    pub const fn from_stat(dev: u64) -> Self {
        let major = ((dev >> 8) & 0xfff) | ((dev >> 32) & 0xffff_f000);
        let minor = (dev & 0xff) | ((dev >> 12) & 0xffff_ff00);
        #[expect(clippy::cast_possible_truncation, reason = "masked to 32 bits above")]
        Self { major: major as u32, minor: minor as u32 }
    }

    /// The kernel's internal encoding; `None` when the number does not fit it.
    pub const fn to_kernel(self) -> Option<u32> {
        if self.major < 1 << 12 && self.minor < 1 << 20 {
            Some((self.major << 20) | self.minor)
        } else {
            None
        }
    }
}

impl fmt::Display for Dev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

/// A vocabulary, each word once: the variant and its name in JSON and text. Of this the type, `ALL` in report order, and
/// `name` are made.
macro_rules! named {
    ($(#[$meta:meta])* pub enum $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
        )]
        pub enum $type {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl $type {
            /// All of them in report order.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The name in JSON and text.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

named! {
    /// What a block request does, as the report counts it (see `profiler/docs/accounting.md`).
    pub enum Op {
        /// Data read.
        Read = "read",
        /// Data written (also write-zeroes and secure erase, as the kernel's own statistics have it).
        Write = "write",
        /// An empty request with PREFLUSH: the caller asked only for a cache flush. 0 bytes.
        Flush = "flush",
        /// Discard (trim).
        Discard = "discard",
    }
}

named! {
    /// The system call (or its like) in which an actor waited for storage.
    pub enum Call {
        /// `fsync(2)`.
        Fsync = "fsync",
        /// `fdatasync(2)`.
        Fdatasync = "fdatasync",
        /// The sync part of a write to a file opened with `O_SYNC` (or `RWF_SYNC`).
        OsyncWrite = "osync_write",
        /// The sync part of a write to a file opened with `O_DSYNC` (or `RWF_DSYNC`).
        OdsyncWrite = "odsync_write",
        /// `msync(2)` with `MS_SYNC`.
        Msync = "msync",
        /// An fsync issued through `io_uring`.
        IoUringFsync = "io_uring_fsync",
        /// A sync of a file by a call not told apart further.
        OtherSync = "other_sync",
        /// `write(2)` and its relatives, but for their sync part. Only calls that were blocked, and how long they were.
        Write = "write",
        /// `read(2)` and its relatives. Only calls that were blocked, and how long they were.
        Read = "read",
        /// A page fault that waited for IO.
        Fault = "fault",
        /// `sync(2)`.
        Sync = "sync",
        /// `syncfs(2)`.
        Syncfs = "syncfs",
        /// `sync_file_range(2)`, also through `io_uring`.
        SyncFileRange = "sync_file_range",
        /// Another call on files that was blocked: open, close, truncate, fallocate, rename and their like.
        FileCall = "file_call",
    }
}

impl Call {
    /// Whether its whole time is a wait for a file to be on the disk. `sync(2)` and its like are not here: the files of others
    /// are in them.
    pub const fn syncs_a_file(self) -> bool {
        matches!(
            self,
            Self::Fsync
                | Self::Fdatasync
                | Self::OsyncWrite
                | Self::OdsyncWrite
                | Self::Msync
                | Self::IoUringFsync
                | Self::OtherSync
        )
    }

    /// Whether its whole time is a wait for something to be on the disk: a file, or more than one.
    pub const fn is_sync(self) -> bool {
        self.syncs_a_file() || matches!(self, Self::Sync | Self::Syncfs | Self::SyncFileRange)
    }

    /// Whether it is a system call that does nothing else, and writes out what lies in the page cache: no part of a write,
    /// which may go past the cache.
    pub const fn writes_out_the_cache(self) -> bool {
        matches!(self, Self::Fsync | Self::Fdatasync | Self::Sync | Self::Syncfs)
    }
}

named! {
    /// What part an actor plays on a control-plane host. From argv, open files and cgroup, never from comm alone.
    #[derive(Default)]
    pub enum Role {
        /// An etcd server, also one inside k3s or rke2.
        Etcd = "etcd",
        /// kube-apiserver.
        Apiserver = "apiserver",
        /// A backup of etcd or of the host's files.
        Backup = "backup",
        /// kubelet.
        Kubelet = "kubelet",
        /// A container runtime or its shim.
        Runtime = "runtime",
        /// A log shipper or log daemon.
        Logging = "logging",
        /// A kernel thread that could not be resolved to a process.
        Kernel = "kernel",
        /// Nothing this host's role rules know.
        #[default]
        Other = "other",
        /// Not a process: the IO of one device that could not be given to anybody, by reason.
        Unattributed = "unattributed",
    }
}

named! {
    /// What a file is to its owner.
    #[derive(Default)]
    pub enum FileClass {
        /// etcd's write-ahead log.
        Wal = "wal",
        /// etcd's database (`member/snap/db`).
        Db = "db",
        /// etcd's raft snapshots (`member/snap/*.snap`).
        Snap = "snap",
        /// What a backup writes.
        BackupOutput = "backup-output",
        /// kube-apiserver's audit log.
        AuditLog = "audit-log",
        /// A container's log under `/var/log/pods` or `/var/log/containers`.
        ContainerLog = "container-log",
        /// Any other file, or a file that was not looked at.
        #[default]
        Other = "other",
    }
}

named! {
    /// How a request was given to its actor.
    pub enum Method {
        /// The actor submitted it itself.
        Direct = "direct",
        /// A kernel thread wrote back a page of a file this actor dirtied.
        Writeback = "writeback",
        /// Shared among the contributors of a journal transaction.
        Journal = "journal",
        /// Only the cgroup that owns the request is known.
        OwnerCgroup = "owner_cgroup",
        /// Nobody could be named.
        Unattributed = "unattributed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_of_a_device_number_agree() {
        // 259:1048575 is the largest minor the kernel's own encoding holds.
        for (major, minor) in [(8, 0), (253, 16), (259, 300), (259, 0xf_ffff)] {
            let kernel = Dev::from_kernel((major << 20) | minor);
            let stat = libc_makedev(major, minor);
            assert_eq!(kernel, Dev::from_stat(stat));
            assert_eq!(kernel.to_kernel(), Some((major << 20) | minor));
        }
        assert_eq!(Dev { major: 1 << 12, minor: 0 }.to_kernel(), None);
    }

    /// The C library's `makedev`, written out as the second source.
    fn libc_makedev(major: u32, minor: u32) -> u64 {
        let (major, minor) = (u64::from(major), u64::from(minor));
        ((major & 0xffff_f000) << 32)
            | ((major & 0xfff) << 8)
            | ((minor & 0xffff_ff00) << 12)
            | (minor & 0xff)
    }
}
