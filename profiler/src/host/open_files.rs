//! Open files of a process.
//!
//! Owns `/proc/PID/{fd,fdinfo}`.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd};

use iocontend_core::facts::{FilesSeen, OpenFile, ProcessFacts};

use super::lossy;
use super::proc_dir::{MAX_ENTRIES, ProcDir, entries, link, regular_file};

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
