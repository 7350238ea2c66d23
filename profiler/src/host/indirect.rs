//! Loop devices with their files, and whether a device-mapper device submits by threads of its own.

use super::mounts::{mount_of, parse_dev, read_mounts};
use super::tree::host_file;
use super::{HostRoot, Mount, text};

/// What `cryptsetup` begins the identity of its devices with.
const CRYPT_UUID: &str = "CRYPT-";

/// A loop device and its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopBacking {
    /// The device (kernel encoding).
    pub disk: u32,
    /// The file system that the file lies in (kernel encoding).
    pub dev: u32,
    /// The file's inode number.
    pub ino: u64,
    /// Where the device begins in the file, bytes.
    pub offset: u64,
}

/// Names of loop devices that have a file, with its path and where the device begins: cheap, and another answer when
/// anything about them has changed.
pub fn loop_files(root: &HostRoot) -> Vec<(String, String, String)> {
    let mut names = loop_names(root);
    names.sort_unstable();
    let one = |name: String| {
        let folder = root.sys.join("block").join(&name).join("loop");
        Some((name, text(folder.join("backing_file"))?, text(folder.join("offset"))?))
    };
    names.into_iter().filter_map(one).collect()
}

fn loop_names(root: &HostRoot) -> Vec<String> {
    block_names(root).into_iter().filter(|name| name.starts_with("loop")).collect()
}

/// Loop devices whose files lie in a file system on a block device and can be looked at, by their names.
pub fn read_loops(root: &HostRoot) -> Vec<LoopBacking> {
    let mounts = read_mounts(root).unwrap_or_default();
    let mut names = loop_names(root);
    names.sort_unstable();
    names.iter().filter_map(|name| read_loop(root, name, &mounts)).collect()
}

fn read_loop(root: &HostRoot, name: &str, mounts: &[Mount]) -> Option<LoopBacking> {
    let folder = root.sys.join("block").join(name);
    let file = text(folder.join("loop/backing_file"))?;
    let disk = parse_dev(&text(folder.join("dev"))?)?;
    // A deleted file has a name that does not exist, or is another's.
    let (dev, ino) = host_file(&file)?;
    let known = mounts.iter().find(|mount| mount.dev == dev).or_else(|| mount_of(mounts, &file))?;
    // In memory there is no disk below.
    if known.fstype == "tmpfs" {
        return None;
    }
    Some(LoopBacking {
        disk: disk.to_kernel()?,
        dev: known.dev.to_kernel()?,
        ino,
        offset: text(folder.join("loop/offset"))?.parse().ok()?,
    })
}

/// The major number of device-mapper devices, when one of them is dm-crypt's: its threads submit what others wrote.
pub fn read_carrying_mapper(root: &HostRoot) -> Option<u32> {
    let used = text(root.sys.join("module/dm_crypt/refcnt")).is_some_and(|count| count != "0");
    let is_crypt = |name: &String| {
        let uuid = text(root.sys.join("block").join(name).join("dm/uuid"));
        uuid.is_some_and(|uuid| uuid.starts_with(CRYPT_UUID))
    };
    let mapped: Vec<String> =
        block_names(root).into_iter().filter(|name| name.starts_with("dm-")).collect();
    let first = mapped.first()?;
    if !used && !mapped.iter().any(is_crypt) {
        return None;
    }
    Some(parse_dev(&text(root.sys.join("block").join(first).join("dev"))?)?.major)
}

fn block_names(root: &HostRoot) -> Vec<String> {
    let entries = std::fs::read_dir(root.sys.join("block")).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

#[cfg(test)]
#[path = "indirect_tests.rs"]
mod tests;
