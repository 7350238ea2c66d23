//! The demo's own subdirectory: made fresh, marked, removed when dropped; and what a killed run left.
//! Nothing outside such a directory is ever touched.
//!
//! A directory counts as a leftover only if its name, its owner and the marker inside agree, the
//! process named there is gone, and the marker's lock is free. The lock also speaks for processes in
//! other pid namespaces and on other hosts, which a pid cannot.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::error::DemoError;

const PREFIX: &str = "iocontend-demo-";
const MARKER: &str = ".iocontend-demo.json";
const MARKER_VERSION: u32 = 1;
/// A marker is one short line; anything longer is not ours.
const MARKER_MOST_BYTES: u64 = 4096;

/// Says whose directory this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    iocontend_demo: u32,
    /// The directory's own name, so that a copy elsewhere is not taken for it.
    dir_name: String,
    pid: i32,
    /// With the pid, names one process of one boot: pids are used again.
    start_ticks: u64,
    boot_id: String,
}

/// A directory of the demo's own, removed when dropped.
#[derive(Debug)]
pub struct DemoDir {
    dir: TempDir,
    /// Held open for its lock, which tells other runs that this one lives.
    _marker: File,
}

impl DemoDir {
    /// Makes a fresh `iocontend-demo-XXXXXX` in `parent`, readable by its owner only.
    pub fn create_in(parent: &Path) -> io::Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(parent)?;
        let marker = write_marker(dir.path())?;
        Ok(Self { dir, _marker: marker })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Removes it now and says whether that worked; dropping it removes it silently.
    pub fn remove(self) -> Result<(), DemoError> {
        let path = self.dir.path().to_owned();
        self.dir.close().map_err(|cause| DemoError::Cleanup { path, cause })
    }
}

/// A directory that an earlier run left behind, and what became of it.
#[derive(Debug)]
pub struct Leftover {
    /// The directory.
    pub path: PathBuf,
    /// The process that made it.
    pub pid: i32,
    /// Whether it is gone now, or why not.
    pub removed: io::Result<()>,
}

/// Removes what killed runs left in `parent`. A directory that may still be in use, or that is not
/// certainly a demo's, is left alone without a word.
pub(super) fn remove_leftovers(parent: &Path) -> Vec<Leftover> {
    let Ok(entries) = fs::read_dir(parent) else {
        // Whether the directory can be used at all is for the caller's own checks to say.
        return Vec::new();
    };
    entries.flatten().filter_map(|entry| remove_leftover(&entry.path())).collect()
}

fn remove_leftover(path: &Path) -> Option<Leftover> {
    let (pid, _lock) = claim(path)?;
    Some(Leftover { path: path.to_owned(), pid, removed: fs::remove_dir_all(path) })
}

/// Takes hold of a dead run's directory: its pid and the lock, or `None` if anything is in doubt.
fn claim(path: &Path) -> Option<(i32, File)> {
    let name = path.file_name()?.to_str()?;
    let directory = fs::symlink_metadata(path).ok()?;
    if !name.starts_with(PREFIX) || !directory.is_dir() || !is_own(&directory) {
        return None;
    }
    let mut file = open_marker(&path.join(MARKER))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    let marker = read_marker(&mut file)?;
    let ours = marker.iocontend_demo == MARKER_VERSION && marker.dir_name == name;
    (ours && is_gone(&marker)).then_some((marker.pid, file))
}

/// Root must not act on what another user prepared for it.
fn is_own(found: &fs::Metadata) -> bool {
    found.uid() == rustix::process::geteuid().as_raw()
}

fn open_marker(path: &Path) -> Option<File> {
    // Not following a link and not blocking on a pipe: the path is not trusted yet.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).ok()?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let found = file.metadata().ok()?;
    (found.is_file() && is_own(&found)).then_some(file)
}

fn read_marker(file: &mut File) -> Option<Marker> {
    let mut text = String::new();
    file.take(MARKER_MOST_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write_marker(dir: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(dir.join(MARKER))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    let me = procfs::process::Process::myself().map_err(io::Error::other)?;
    let marker = Marker {
        iocontend_demo: MARKER_VERSION,
        dir_name: dir.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        pid: me.pid,
        start_ticks: me.stat().map_err(io::Error::other)?.starttime,
        boot_id: boot_id()?,
    };
    serde_json::to_writer(&mut file, &marker)?;
    file.write_all(b"\n")?;
    Ok(file)
}

fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// Whether the process that wrote the marker is certainly gone.
fn is_gone(marker: &Marker) -> bool {
    let Ok(boot_id) = boot_id() else { return false };
    if marker.boot_id != boot_id {
        return true;
    }
    match procfs::process::Process::new(marker.pid).and_then(|process| process.stat()) {
        Ok(stat) => stat.starttime != marker.start_ticks,
        Err(procfs::ProcError::NotFound(_)) => true,
        Err(_) => false,
    }
}

#[cfg(test)]
#[path = "cleanup_tests.rs"]
mod tests;
