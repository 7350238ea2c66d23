//! The host as a whole: name, kernel, boot, CPUs, cgroup version.

use std::io;

use iocontend_core::cgroup::folders;
use iocontend_core::facts::{CgroupVersion, HostFacts};

use super::mounts::{Mount, read_mounts};
use super::{HostRoot, read_devices, read_psi_io, text};

/// The key of the page size in the auxiliary vector (`AT_PAGESZ`).
const AT_PAGESZ: usize = 6;

/// The host. Fails only when block devices cannot be listed; anything else that cannot be read is `None`.
pub fn read_host(root: &HostRoot) -> io::Result<HostFacts> {
    let kernel = |file: &str| text(root.proc.join("sys/kernel").join(file));
    Ok(HostFacts {
        hostname: kernel("hostname"),
        kernel_release: kernel("osrelease"),
        cgroup_version: read_mounts(root).ok().and_then(|mounts| cgroup_version(&mounts)),
        psi_io: read_psi_io(root),
        boot_id: kernel("random/boot_id"),
        cpus_possible: read_cpus_possible(root),
        page_size: std::fs::read(root.proc.join("self/auxv")).ok().and_then(|b| page_size(&b)),
        devices: read_devices(root)?,
    })
}

/// How many CPUs can ever be online.
pub fn read_cpus_possible(root: &HostRoot) -> Option<u32> {
    text(root.sys.join("devices/system/cpu/possible")).as_deref().and_then(count)
}

/// Whether a cgroup of this path has a folder in any hierarchy below the usual mount point.
pub fn cgroup_exists(root: &HostRoot, typed: &str) -> bool {
    let v1 = read_mounts(root).map(|mounts| v1_folders(&mounts)).unwrap_or_default();
    folders(typed, &v1).iter().any(|folder| root.cgroup.join(folder).is_dir())
}

/// Names of the folders in which v1 hierarchies are mounted.
fn v1_folders(mounts: &[Mount]) -> Vec<String> {
    let v1 = mounts.iter().filter(|mount| mount.fstype == "cgroup");
    v1.filter_map(|mount| Some(mount.mount_point.rsplit_once('/')?.1.to_owned())).collect()
}

/// By the hierarchies that are mounted. v1 hierarchies without a controller (`name=systemd`) do not count:
/// some hosts keep one for old containers.
fn cgroup_version(mounts: &[Mount]) -> Option<CgroupVersion> {
    let v2 = mounts.iter().any(|m| m.fstype == "cgroup2");
    let v1 = mounts.iter().any(|m| m.fstype == "cgroup" && !m.super_options.contains("name="));
    match (v1, v2) {
        (true, true) => Some(CgroupVersion::Hybrid),
        (true, false) => Some(CgroupVersion::V1),
        (false, true) => Some(CgroupVersion::V2),
        (false, false) => None,
    }
}

/// How many numbers a list such as `0-3,8` has.
fn count(list: &str) -> Option<u32> {
    let ranges = list.split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        last.checked_sub(first)?.checked_add(1)
    });
    ranges.into_iter().try_fold(0_u32, |sum, n| sum.checked_add(n?))
}

/// Pairs of machine words, in the machine's own byte order.
fn page_size(auxv: &[u8]) -> Option<u64> {
    const WORD: usize = size_of::<usize>();
    let words: Vec<usize> = auxv
        .chunks_exact(WORD)
        .filter_map(|c| c.try_into().ok().map(usize::from_ne_bytes))
        .collect();
    let pair = words.chunks_exact(2).find(|pair| pair[0] == AT_PAGESZ)?;
    u64::try_from(pair[1]).ok()
}

#[cfg(test)]
#[path = "system_tests.rs"]
mod tests;
