//! Open files of a process, and the search for a file by device and inode.
//!
//! Owns `/proc/PID/{fd,fdinfo,root}`.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use iocontend_core::etcd_paths::etcd_paths;
use iocontend_core::facts::{FilesSeen, OpenFile, ProcessFacts};
use iocontend_core::ids::Dev;
use rustix::fs::{Mode, OFlags, ResolveFlags};

use super::HostRoot;
use super::proc_dir::{MAX_ENTRIES, ProcDir, entries, link, regular_file};
use super::process::{WithFiles, lossy, read_process};

/// `O_ACCMODE` and `O_RDONLY` are the same on every Linux.
const O_ACCMODE: u32 = 3;

/// Fills in the open regular files, as far as they may be read.
pub(super) fn read_open_files(dir: &ProcDir, facts: &mut ProcessFacts) {
    let Ok(fds) = dir.folder("fd") else { return };
    facts.files_seen = FilesSeen::All;
    for (seen, name) in entries(fds.as_fd()).enumerate() {
        if seen == MAX_ENTRIES {
            facts.files_seen = FilesSeen::Truncated;
            break;
        }
        // A descriptor closed meanwhile is simply not there.
        facts.open_files.extend(open_file(dir, fds.as_fd(), &name));
    }
}

fn open_file(dir: &ProcDir, fds: BorrowedFd<'_>, name: &CString) -> Option<OpenFile> {
    let number = name.to_str().ok()?;
    let fd = number.parse().ok()?;
    let path = link(fds, name).ok()?;
    // Sockets, pipes and the like read "kind:[inode]"; a memfd is a file on no disk.
    if !path.starts_with(b"/") || path.starts_with(b"/memfd:") {
        return None;
    }
    let (dev, ino) = regular_file(fds, name)?;
    let flags = dir.read(&format!("fdinfo/{number}"), 4096).ok().and_then(|b| parse_flags(&b));
    let writable = flags.is_some_and(|f| f & O_ACCMODE != 0);
    Some(OpenFile { fd, path: lossy(&path), dev, ino, writable, flags })
}

/// `flags:` of fdinfo, in octal.
fn parse_flags(bytes: &[u8]) -> Option<u32> {
    let text = lossy(bytes);
    let value = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
    u32::from_str_radix(value.trim(), 8).ok()
}

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
    Ok(folders.into_iter().find_map(|folder| find_in(&dir, &folder, dev, ino)))
}

/// The folder of an open segment or database: kept as bytes, so that any name can be opened again.
fn member_folder(mut path: Vec<u8>) -> Option<Vec<u8>> {
    let is_member = path.ends_with(b".wal") || path.ends_with(b"/member/snap/db");
    let end = path.iter().rposition(|b| *b == b'/')?;
    path.truncate(end);
    is_member.then_some(path)
}

fn find_in(dir: &ProcDir, folder: &[u8], dev: Dev, ino: u64) -> Option<String> {
    let fd = open_in_root(dir, folder)?;
    let mut names = entries(fd.as_fd()).take(MAX_ENTRIES);
    let name = names.find(|name| regular_file(fd.as_fd(), name) == Some((dev, ino)))?;
    Some(format!("{}/{}", lossy(folder), lossy(name.to_bytes())))
}

/// The device on which a path of a process lies; of its parent where it does not exist yet. `None` where it may not be
/// looked at.
pub fn device_of(root: &HostRoot, pid: u32, path: &str) -> Option<Dev> {
    let dir = ProcDir::open(root, pid).ok()??;
    let mut folder = path.as_bytes();
    loop {
        if let Some(fd) = open_in_root(&dir, folder) {
            return Some(Dev::from_stat(rustix::fs::fstat(fd).ok()?.st_dev));
        }
        let end = folder.iter().rposition(|b| *b == b'/')?;
        if end == 0 {
            return None;
        }
        folder = &folder[..end];
    }
}

/// Opens a folder as the process sees it. Links inside are resolved below the process's root, so a
/// container cannot lead us to a folder of the host.
fn open_in_root(dir: &ProcDir, folder: &[u8]) -> Option<OwnedFd> {
    if !folder.starts_with(b"/") {
        return None;
    }
    let root = dir.folder("root").ok()?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat2(&root, folder, flags, Mode::empty(), ResolveFlags::IN_ROOT).ok()
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
