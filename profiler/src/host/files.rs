//! The search for a process's file by device and inode, and for the device that a path of it lies on.
//!
//! Owns `/proc/PID/root`.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use iocontend_core::etcd_paths::etcd_paths;
use iocontend_core::ids::Dev;

use super::proc_dir::{MAX_ENTRIES, ProcDir, entries, link, regular_file};
use super::process::{WithFiles, read_process};
use super::tree::{Place, Tree};
use super::{HostRoot, lossy};

/// The path of a file that a process has, by device and inode as `stat` gives them: among its open
/// files, then in the folders of an etcd member, where a closed segment or snapshot still lies.
///
/// The path is one of the process's mount namespace. `None` when it is in neither place, or when the
/// process ended. On btrfs the kernel's device of an inode is not the one of `stat`, so nothing matches.
pub fn find_file(root: &HostRoot, pid: u32, dev: Dev, ino: u64) -> io::Result<Option<String>> {
    let Some(dir) = ProcDir::open(root, pid)? else { return Ok(None) };
    let mut folders = Vec::new();
    if let Ok(fds) = dir.folder("fd") {
        for name in entries(fds.as_fd()).take(MAX_ENTRIES) {
            let Ok(path) = link(fds.as_fd(), &name) else { continue };
            if !path.starts_with(b"/") {
                continue;
            }
            if regular_file(fds.as_fd(), &name) == Some((dev, ino)) {
                return Ok(Some(lossy(&path)));
            }
            folders.extend(member_folder(path));
        }
    }
    if let Some(facts) = read_process(root, pid, WithFiles::No)? {
        let paths = etcd_paths(&facts);
        folders.extend(paths.wal_dir.map(String::into_bytes));
        folders.extend(paths.data_dir.map(|d| format!("{d}/member/snap").into_bytes()));
    }
    folders.sort_unstable();
    folders.dedup();
    let Ok(tree) = Tree::of_process(root, &dir, pid) else { return Ok(None) };
    Ok(folders.into_iter().find_map(|folder| find_in(&tree, &folder, dev, ino)))
}

/// The folder of an open segment or database: kept as bytes, so that any name can be opened again.
fn member_folder(mut path: Vec<u8>) -> Option<Vec<u8>> {
    let is_member = path.ends_with(b".wal") || path.ends_with(b"/member/snap/db");
    let end = path.iter().rposition(|b| *b == b'/')?;
    path.truncate(end);
    is_member.then_some(path)
}

fn find_in(tree: &Tree, folder: &[u8], dev: Dev, ino: u64) -> Option<String> {
    let fd = folder_of(tree, folder)?.folder().ok()?;
    let mut names = entries(fd.as_fd()).take(MAX_ENTRIES);
    let name = names.find(|name| regular_file(fd.as_fd(), name) == Some((dev, ino)))?;
    Some(format!("{}/{}", lossy(folder), lossy(name.to_bytes())))
}

/// Whether a path of a process is this regular file. One that has ended is looked for where the host has it.
pub fn is_file_of(
    root: &HostRoot,
    pid: u32,
    path: &Path,
    is_it: impl FnOnce(Dev, u64) -> bool,
) -> bool {
    let dir = ProcDir::open(root, pid).ok().flatten();
    let tree = match dir.and_then(|dir| Tree::of_process(root, &dir, pid).ok()) {
        Some(tree) => Ok(tree),
        None => Tree::of_host(Path::new("/")),
    };
    let place = tree.and_then(|tree| tree.find(path.as_os_str().as_bytes()));
    place.is_ok_and(|place| {
        let (dev, ino) = place.identity();
        place.is_file() && is_it(dev, ino)
    })
}

/// The device on which a path of a process lies; of its parent where it does not exist yet. `None` where it may not be
/// looked at.
pub fn device_of(root: &HostRoot, pid: u32, path: &str) -> Option<Dev> {
    let tree = Tree::of_process(root, &ProcDir::open(root, pid).ok()??, pid).ok()?;
    let mut folder = path.as_bytes();
    loop {
        if let Some(place) = folder_of(&tree, folder) {
            return Some(place.identity().0);
        }
        let end = folder.iter().rposition(|b| *b == b'/')?;
        if end == 0 {
            return None;
        }
        folder = &folder[..end];
    }
}

/// A folder as the process sees it.
fn folder_of(tree: &Tree, folder: &[u8]) -> Option<Place> {
    if !folder.starts_with(b"/") {
        return None;
    }
    tree.find(folder).ok().filter(Place::is_folder)
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
