//! One process's folder in `/proc`, held open.
//!
//! Owns raw reads relative to that folder. Holding it makes a reused pid harmless: once the process is
//! gone, every read through the folder fails instead of showing its successor.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use iocontend_core::ids::Dev;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Statx, StatxFlags};
use rustix::io::Errno;

use super::HostRoot;

/// Largest number of entries read from a folder that a process fills.
pub(super) const MAX_ENTRIES: usize = 4096;

const DIR_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

pub(super) struct ProcDir(OwnedFd);

impl ProcDir {
    /// `None` when there is no such process.
    pub(super) fn open(root: &HostRoot, pid: u32) -> io::Result<Option<Self>> {
        let path = root.proc.join(pid.to_string());
        match rustix::fs::openat(CWD, &path, DIR_FLAGS, Mode::empty()) {
            Ok(fd) => Ok(Some(Self(fd))),
            Err(e) if is_gone(e) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// A file's bytes, at most `limit`.
    pub(super) fn read(&self, name: &str, limit: usize) -> Result<Vec<u8>, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.0, name, flags, Mode::empty())?;
        read_to(&fd, limit)
    }

    pub(super) fn link(&self, name: &str) -> Result<Vec<u8>, Errno> {
        link(self.0.as_fd(), name)
    }

    /// A folder without opening it.
    pub(super) fn place(&self, name: &str) -> Result<OwnedFd, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(&self.0, name, flags, Mode::empty())
    }

    pub(super) fn folder(&self, name: &str) -> Result<OwnedFd, Errno> {
        rustix::fs::openat(&self.0, name, DIR_FLAGS, Mode::empty())
    }
}

/// Whether an error means that the process ended meanwhile.
pub(super) fn is_gone(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::SRCH)
}

fn read_to(fd: &OwnedFd, limit: usize) -> Result<Vec<u8>, Errno> {
    // proc files report size 0 and give at most a page at a time.
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while bytes.len() < limit {
        match rustix::io::read(fd, &mut chunk) {
            Ok(0) => break,
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
            Err(Errno::INTR) => {}
            Err(e) => return Err(e),
        }
    }
    bytes.truncate(limit);
    Ok(bytes)
}

/// The target of a link in a folder.
pub(super) fn link(dir: BorrowedFd<'_>, name: impl rustix::path::Arg) -> Result<Vec<u8>, Errno> {
    Ok(rustix::fs::readlinkat(dir, name, Vec::new())?.into_bytes())
}

/// A regular file behind a name in a folder, following a link.
///
/// Asks for cached attributes: a file on a dead network mount must not hang the reader.
pub(super) fn regular_file(dir: BorrowedFd<'_>, name: &CStr) -> Option<(Dev, u64)> {
    let flags = AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
    let stat = rustix::fs::statx(dir, name, flags, StatxFlags::TYPE | StatxFlags::INO).ok()?;
    is_regular(&stat)
        .then_some((Dev { major: stat.stx_dev_major, minor: stat.stx_dev_minor }, stat.stx_ino))
}

fn is_regular(stat: &Statx) -> bool {
    FileType::from_raw_mode(stat.stx_mode.into()).is_file()
}

/// The entries of a folder without `.` and `..`; an entry that cannot be read ends the list.
pub(super) fn entries(dir: BorrowedFd<'_>) -> impl Iterator<Item = std::ffi::CString> {
    let entries = Dir::read_from(dir).into_iter().flatten().map_while(Result::ok);
    entries
        .map(|e| e.file_name().to_owned())
        .filter(|name| !matches!(name.to_bytes(), b"." | b".."))
}
