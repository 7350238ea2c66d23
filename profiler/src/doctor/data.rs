//! Processes that play a role, and the file systems on which their data lies.

use iocontend_core::doctor::{DataSeen, Place, places};
use iocontend_core::facts::ProcessFacts;
use iocontend_core::ids::Dev;

use crate::host::{self, HostRoot, Mount, WithFiles};

/// Every place of every process with a role.
pub(super) fn read(root: &HostRoot) -> Vec<DataSeen> {
    let processes = host::read_processes(root, WithFiles::Yes).unwrap_or_default();
    let mut all: Vec<DataSeen> =
        processes.iter().flat_map(|process| of_process(root, process)).collect();
    all.sort_by_key(|data| (data.role, data.pid));
    all
}

fn of_process(root: &HostRoot, process: &ProcessFacts) -> Vec<DataSeen> {
    let Some((role, places)) = places(process) else { return Vec::new() };
    let mounts = host::read_mounts_of(root, process.key.pid).unwrap_or_default();
    let seen = |place: Place| DataSeen {
        pid: process.key.pid,
        comm: process.comm.clone(),
        unit: process.unit().map(str::to_owned),
        role,
        file_class: place.file_class,
        fs: file_system(root, process, &place, &mounts),
        path: place.path,
    };
    places.into_iter().map(seen).collect()
}

/// What `stat` says where it is a file system that is mounted (a subvolume of btrfs is not), else the mount whose
/// folder holds the path.
fn file_system(
    root: &HostRoot,
    process: &ProcessFacts,
    place: &Place,
    mounts: &[Mount],
) -> Option<Dev> {
    let by_stat = place.dev.or_else(|| host::device_of(root, process.key.pid, &place.path));
    by_stat
        .filter(|dev| mounts.iter().any(|mount| mount.dev == *dev))
        .or_else(|| host::mount_of(mounts, &place.path).map(|mount| mount.dev))
}
