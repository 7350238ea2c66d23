//! What this host says about itself: processes, block devices, mounts, pressure.
//!
//! Owns the reading of `/proc` and `/sys`; what is read becomes the plain facts of the engine. Nothing
//! here judges, and no path is constant: everything hangs below a [`HostRoot`], so a test brings its own
//! tree and a container its host's.

use std::path::PathBuf;

mod controls;
mod devices;
mod etcd_config;
mod etcd_metrics;
mod files;
pub(crate) mod given;
mod indirect;
mod mounts;
mod nvme_paths;
mod open_files;
mod proc_dir;
mod process;
mod psi;
mod schedules;
mod system;
mod tree;

#[cfg(test)]
pub(crate) mod fake;

pub use controls::read_controls;
pub use devices::{has_requests, parse_block_stat, read_block_stat, read_devices};
pub use etcd_metrics::{METRICS_LIMIT, ask_etcds};
pub use files::{device_of, find_file, is_file_of};
pub use indirect::{LoopBacking, loop_files, read_carrying_mapper, read_loops};
pub use mounts::{
    Mount, mount_of, mounted_block_filesystems, one_per_filesystem, parse_mountinfo, read_mounts,
    read_mounts_of, read_own_mounts,
};
pub use process::{WithFiles, list_pids, read_cgroup, read_process, read_processes};
pub use psi::{parse_psi, read_psi_io};
pub use schedules::read_schedules;
pub use system::{cgroup_exists, read_cpus_possible, read_host};
pub(crate) use tree::host_file;

/// Where the host's file systems are mounted for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRoot {
    /// procfs.
    pub proc: PathBuf,
    /// sysfs.
    pub sys: PathBuf,
    /// The folder of cgroup hierarchies.
    pub cgroup: PathBuf,
}

impl Default for HostRoot {
    fn default() -> Self {
        Self { proc: "/proc".into(), sys: "/sys".into(), cgroup: "/sys/fs/cgroup".into() }
    }
}

/// A file of one value, without blanks around it; `None` when it cannot be read or is empty.
pub(crate) fn text(path: PathBuf) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim().to_owned()).filter(|t| !t.is_empty())
}

/// Text from outside: a byte that is no UTF-8 becomes a replacement character.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
