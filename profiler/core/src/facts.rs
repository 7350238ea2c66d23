//! What is known of processes, devices and the host: observations only, no judgement.
//!
//! Owns the plain data that the edge reads and a capture stores. What is not known is `None`, never 0.
//! Text from outside (argv, paths, comm) is made valid UTF-8 when it is read: both sides of every later
//! comparison went through the same step, so names with foreign bytes still match themselves.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cgroup::{CgroupPaths, PodIds};
use crate::ids::Dev;
use crate::redact;

mod controls;
mod host;
pub use controls::*;
pub use host::*;

/// Identity of a process: a reused pid has another start time, so it is another actor.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct ProcessKey {
    /// Process id in the reader's pid namespace.
    pub pid: u32,
    /// Start time in clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub start_ticks: u64,
}

impl ProcessKey {
    /// Nanoseconds per tick: `USER_HZ` is 100 on every architecture eBPF runs on.
    const TICK_NS: u64 = 10_000_000;

    /// Start time in nanoseconds since boot, to the precision of a tick.
    pub const fn start_ns(self) -> u64 {
        self.start_ticks.saturating_mul(Self::TICK_NS)
    }

    /// The key of a process whose start time since boot is known in nanoseconds (as the kernel's own
    /// `start_boottime` is).
    pub const fn from_start_ns(pid: u32, start_ns: u64) -> Self {
        Self { pid, start_ticks: start_ns / Self::TICK_NS }
    }
}

/// The actor id in reports.
impl fmt::Display for ProcessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.pid, self.start_ticks)
    }
}

/// What an etcd says of the syncs of its log since it began (`etcd_disk_wal_fsync_duration_seconds`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalFsyncs {
    /// When it was asked, CLOCK_MONOTONIC ns.
    pub asked_ns: u64,
    /// How many.
    pub count: u64,
    /// How long all of them took, ns.
    pub sum_ns: u64,
}

/// Command lines of this length may be cut where they were read, bytes: the least of the readers' limits.
const LONG_COMMAND_LINE: usize = 64 << 10;

/// One process as `/proc` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessFacts {
    /// Who it is.
    pub key: ProcessKey,
    /// Parent's pid.
    pub ppid: u32,
    /// The kernel's name of the task, cut to 15 bytes.
    pub comm: String,
    /// Target of `/proc/PID/exe`; `None` for kernel threads, zombies and where it may not be read.
    pub exe: Option<String>,
    /// Working directory; `None` where it may not be read.
    pub cwd: Option<String>,
    /// The command line, as the process may have rewritten it.
    pub argv: Vec<String>,
    /// The few environment variables that configure etcd's paths and its heartbeat; nothing else of the environment.
    pub etcd_env: Vec<(String, String)>,
    /// What is kept of etcd's configuration file, by the names of flags; `None` without one, or when it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etcd_config: Option<Vec<(String, String)>>,
    /// Cgroup paths by hierarchy.
    pub cgroup: CgroupPaths,
    /// Whether it is a kernel thread.
    pub kernel_thread: bool,
    /// Open regular files.
    pub open_files: Vec<OpenFile>,
    /// How far `open_files` can be trusted to be all of them.
    pub files_seen: FilesSeen,
}

impl ProcessFacts {
    /// Facts of a process of which only identity and name are known.
    pub fn named(key: ProcessKey, comm: impl Into<String>) -> Self {
        Self {
            key,
            ppid: 0,
            comm: comm.into(),
            exe: None,
            cwd: None,
            argv: Vec::new(),
            etcd_env: Vec::new(),
            etcd_config: None,
            cgroup: CgroupPaths::default(),
            kernel_thread: false,
            open_files: Vec::new(),
            files_seen: FilesSeen::NotRead,
        }
    }

    /// Hides the secrets in its command line, and cuts what is too long.
    pub fn hide_secrets(&mut self) {
        // The kernel and the reader cut off long ones.
        let bytes: usize = self.argv.iter().map(|argument| argument.len() + 1).sum();
        self.argv = redact::arguments(&self.argv, bytes >= LONG_COMMAND_LINE);
        redact::kept(&mut self.argv);
    }

    /// Its systemd unit.
    pub fn unit(&self) -> Option<&str> {
        self.cgroup.unit()
    }

    /// Its pod.
    pub fn pod(&self) -> Option<PodIds> {
        self.cgroup.pod()
    }

    /// The open file with this device and inode.
    pub fn open_file(&self, dev: Dev, ino: u64) -> Option<&OpenFile> {
        self.open_files.iter().find(|f| f.dev == dev && f.ino == ino)
    }

    /// Whether more files were open than were read.
    pub fn open_files_truncated(&self) -> bool {
        self.files_seen == FilesSeen::Truncated
    }
}

/// How far a list of open files goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilesSeen {
    /// Not looked at, or not permitted: an empty list says nothing.
    #[default]
    NotRead,
    /// Cut at the reader's limit.
    Truncated,
    /// All that were open at the time.
    All,
}

/// An open regular file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenFile {
    /// Descriptor number.
    pub fd: u32,
    /// Path in the process's own mount namespace; ends in ` (deleted)` when it was removed.
    pub path: String,
    /// Device that `stat` gives for it (on btrfs the subvolume's, which is no block device).
    pub dev: Dev,
    /// Inode number.
    pub ino: u64,
    /// Whether it was opened for writing; false also when that could not be read.
    pub writable: bool,
    /// The `open(2)` flags; `None` when they could not be read.
    pub flags: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_id_names_pid_and_start_and_ticks_survive_the_way_through_nanoseconds() {
        let key = ProcessKey { pid: 7, start_ticks: 12_345 };
        assert_eq!(key.to_string(), "7@12345");
        assert_eq!(ProcessKey::from_start_ns(7, key.start_ns() + 9_999_999), key);
        assert_eq!(ProcessKey { pid: 1, start_ticks: u64::MAX }.start_ns(), u64::MAX);
    }

    #[test]
    fn facts_survive_a_capture() {
        let facts = ProcessFacts::named(ProcessKey { pid: 1, start_ticks: 2 }, "x");
        let text = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<ProcessFacts>(&text).unwrap(), facts);
    }
}
