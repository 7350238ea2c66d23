//! The file a capture goes into: a new one, or one in place of an older capture. Nothing else is ever written over.
//!
//! A capture tells what runs on a host, so it is its owner's alone. The watch runs as root in folders that may be
//! anybody's: the last part of the path is never followed when it is a link, and nothing is opened that could wait.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use iocontend_core::capture::{MAGIC, file_header};
use iocontend_core::text::InTheWay;
use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, OFlags, flock, fstat, statat};
use rustix::io::Errno;
use thiserror::Error;

/// Read and written by its owner.
const MODE: u32 = 0o600;

/// Why a capture cannot go there.
#[derive(Debug, Error)]
pub enum FileError {
    /// Something is there that is not replaced.
    #[error("something is in the way: {0:?}")]
    InTheWay(InTheWay),
    /// The file system said no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What is there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Capture,
}

/// Whether a capture can go there, as far as can be told without writing.
pub(crate) fn check(path: &Path) -> Result<(), FileError> {
    look(path)?;
    // What the folder is not is said now, not when everything is attached.
    if fs::metadata(folder(path))?.is_dir() { Ok(()) } else { Err(io_error(Errno::NOTDIR)) }
}

/// Creates the file with a capture's header. An older capture is replaced as a whole: its name leads to the old file or to
/// the new one, and whoever has it open reads on.
pub(super) fn create(path: &Path) -> Result<File, FileError> {
    let file = match look(path)? {
        Found::Nothing => new(path)?,
        Found::Capture => replacement(path)?,
    };
    // Kept until the file is closed, so that another recording does not take its name away. Where there are no locks, it may.
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok();
    Ok(file)
}

fn new(path: &Path) -> Result<File, FileError> {
    // Exclusive creation follows no link.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    if let Err(error) = file.write_all(&file_header()) {
        // It is ours and holds nothing. When it cannot be removed, the error is the same.
        fs::remove_file(path).ok();
        return Err(error.into());
    }
    Ok(file)
}

fn replacement(path: &Path) -> Result<File, FileError> {
    let mut file = tempfile::Builder::new()
        .prefix(".iocontend-")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(folder(path))?;
    file.write_all(&file_header())?;
    Ok(file.persist(path).map_err(|failed| failed.error)?)
}

/// What is there; an error when it must stay.
fn look(path: &Path) -> Result<Found, FileError> {
    // Opening a device may already do something.
    match statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(Found::Nothing),
        Err(error) => return Err(io_error(error)),
        Ok(stat) => is_file(stat.st_mode)?,
    }
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    // Another file may have taken the name meanwhile.
    is_file(fstat(&file).map_err(io_error)?.st_mode)?;
    let mut begin = [0; MAGIC.len()];
    match file.read_exact(&mut begin) {
        Ok(()) if begin == MAGIC => {}
        Ok(()) => return Err(FileError::InTheWay(InTheWay::Other)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(FileError::InTheWay(InTheWay::Other));
        }
        Err(error) => return Err(error.into()),
    }
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Err(FileError::InTheWay(InTheWay::Busy)),
        _ => Ok(Found::Capture),
    }
}

fn is_file(mode: u32) -> Result<(), FileError> {
    let found = match FileType::from_raw_mode(mode) {
        FileType::RegularFile => return Ok(()),
        FileType::Symlink => InTheWay::Link,
        FileType::Directory => InTheWay::Folder,
        FileType::Fifo => InTheWay::Fifo,
        FileType::Socket => InTheWay::Socket,
        _ => InTheWay::Device,
    };
    Err(FileError::InTheWay(found))
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn io_error(error: Errno) -> FileError {
    FileError::Io(error.into())
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
