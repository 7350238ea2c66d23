//! What the demo will do, decided and checked before the first byte: options, sizes, the directory.
//! Owns the demo's own subdirectory; dropping the plan removes it with everything in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cleanup::{DemoDir, Leftover, remove_leftovers};
use super::error::DemoError;
use super::schedule::Schedule;
use super::source::write_source;
use super::space::{Backing, Host, human_bytes, reserve_bytes};
use super::stop::Stop;
use super::wal::{RECORD_BYTES, SEGMENT_BYTES};

/// Tried in turn when no size is asked for: below the last a copy is over too soon to be seen.
const SOURCE_SIZES: [u64; 3] = [128 << 20, 64 << 20, 32 << 20];
/// The shortest pause; with none at all the number of bytes written would have no bound.
const LEAST_PAUSE: Duration = Duration::from_millis(100);
/// Records per second beyond which the demo would no longer look like an etcd.
const MOST_RATE: u32 = 10_000;

/// The demo's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoOpts {
    /// Records per second of the victim.
    pub rate: u32,
    /// From the start of the victim to the end.
    pub duration: Duration,
    /// How long the victim is alone before the copier begins.
    pub alone: Duration,
    /// The copier's pause between two copies.
    pub pause: Duration,
    /// Size of the file copied; `None` takes 128 MiB, or less where space is short.
    pub source_bytes: Option<u64>,
}

impl Default for DemoOpts {
    fn default() -> Self {
        Self {
            rate: 50,
            duration: Duration::from_secs(20),
            alone: Duration::from_secs(7),
            pause: Duration::from_secs(1),
            source_bytes: None,
        }
    }
}

/// A checked plan with its own fresh directory.
#[derive(Debug)]
pub struct DemoPlan {
    opts: DemoOpts,
    source_bytes: u64,
    free_bytes: u64,
    leftovers: Vec<Leftover>,
    dir: DemoDir,
}

impl DemoPlan {
    /// Checks `dir` and `opts` and makes a fresh subdirectory, or says why the demo cannot run there.
    /// Removes what killed runs of the demo left in `dir`.
    pub fn new(dir: &Path, opts: DemoOpts) -> Result<Self, DemoError> {
        Self::with_host(dir, opts, Host::real())
    }

    /// The same, with the host's answers given.
    pub fn with_host(dir: &Path, opts: DemoOpts, host: Host) -> Result<Self, DemoError> {
        check_opts(&opts)?;
        let dir = &check_dir(dir, host)?;
        let leftovers = remove_leftovers(dir);
        let free_bytes = (host.free_bytes)(dir).map_err(|cause| inspect(dir, cause))?;
        let source_bytes = choose_size(dir, &opts, free_bytes)?;
        let dir = DemoDir::create_in(dir)
            .map_err(|cause| DemoError::NotWritable { dir: dir.clone(), cause })?;
        Ok(Self { opts, source_bytes, free_bytes, leftovers, dir })
    }

    /// Writes the file that the copier will copy. Takes as long as the disk needs for it.
    pub fn prepare(&self, stop: &Stop) -> Result<(), DemoError> {
        write_source(&self.source_file(), self.source_bytes, stop)
    }

    /// The parameters.
    pub fn opts(&self) -> &DemoOpts {
        &self.opts
    }

    /// What earlier runs had left, and what became of it.
    pub fn leftovers(&self) -> &[Leftover] {
        &self.leftovers
    }

    /// The demo's own directory, which is also the victim's data directory.
    pub fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    /// The file copied, placed where etcd has its db.
    pub fn source_file(&self) -> PathBuf {
        self.data_dir().join("member/snap/db")
    }

    /// Where the copier puts its copy.
    pub fn dest_file(&self) -> PathBuf {
        self.data_dir().join("backup/snapshot.db")
    }

    /// Size of the file copied.
    pub fn source_bytes(&self) -> u64 {
        self.source_bytes
    }

    /// The most space in use at any moment.
    pub fn most_bytes_used(&self) -> u64 {
        bytes_used(&self.opts, self.source_bytes)
    }

    /// The most bytes written in total, counting what is overwritten and removed meanwhile.
    pub fn most_bytes_written(&self) -> u64 {
        let copies = self.most_copies().saturating_mul(self.source_bytes);
        wal_bytes(&self.opts).saturating_add(self.source_bytes).saturating_add(copies)
    }

    /// Copies are at least a pause apart, so their number has a bound on the fastest disk.
    fn most_copies(&self) -> u64 {
        let shared = self.opts.duration.saturating_sub(self.opts.alone);
        let copies = shared.as_nanos() / self.opts.pause.as_nanos().max(1) + 1;
        u64::try_from(copies).unwrap_or(u64::MAX)
    }

    /// Says in lines for people what will be written, where and for how long.
    pub fn describe(&self) -> Vec<String> {
        let opts = &self.opts;
        let mut lines: Vec<String> = self.leftovers.iter().map(describe_leftover).collect();
        lines.extend([
            format!("Writes only inside {}, and removes it at the end.", self.data_dir().display()),
            format!("Setup: a {} file, written once.", human_bytes(self.source_bytes)),
            format!(
                "Victim, {:.0?}: {} records of {RECORD_BYTES} bytes a second, each followed by \
                 fdatasync, in preallocated 64 MB segments, as etcd writes its WAL.",
                opts.duration, opts.rate
            ),
            format!(
                "Copier, from {:.0?} on: reads that file from the disk and saves a copy, as a \
                 snapshot save does; {:.1?} pause, at most {} copies.",
                opts.alone,
                opts.pause,
                self.most_copies()
            ),
            format!(
                "Uses at most {} of {} free; writes at most {} in total.",
                human_bytes(self.most_bytes_used()),
                human_bytes(self.free_bytes),
                human_bytes(self.most_bytes_written())
            ),
        ]);
        lines
    }

    /// Removes the directory now and says whether that worked. The workloads must have ended.
    pub fn cleanup(self) -> Result<(), DemoError> {
        self.dir.remove()
    }
}

fn describe_leftover(leftover: &Leftover) -> String {
    let (path, pid) = (leftover.path.display(), leftover.pid);
    match &leftover.removed {
        Ok(()) => format!("Removed {path}, left by a demo that was killed (pid {pid})."),
        Err(error) => {
            format!("Could not remove {path}, left by a demo that was killed (pid {pid}): {error}.")
        }
    }
}

fn check_opts(opts: &DemoOpts) -> Result<(), DemoError> {
    let refuse = |reason: String| Err(DemoError::Options(reason));
    if opts.rate == 0 || opts.rate > MOST_RATE {
        return refuse(format!("the rate is {}; ask for 1 to {MOST_RATE} a second", opts.rate));
    }
    if opts.alone >= opts.duration {
        return refuse(format!(
            "the victim is alone for {:?} of {:?}; leave time for the copier",
            opts.alone, opts.duration
        ));
    }
    if opts.pause < LEAST_PAUSE {
        return refuse(format!("the pause is {:?}; ask for at least {LEAST_PAUSE:?}", opts.pause));
    }
    if opts.source_bytes == Some(0) {
        return refuse("the file to copy is 0 bytes long; ask for at least 1 MiB".into());
    }
    Ok(())
}

fn check_dir(dir: &Path, host: Host) -> Result<PathBuf, DemoError> {
    let found = fs::canonicalize(dir).map_err(|cause| inspect(dir, cause))?;
    if !found.is_dir() {
        return Err(DemoError::NotADirectory(found));
    }
    let magic = (host.fs_magic)(&found).map_err(|cause| inspect(dir, cause))?;
    match Backing::from_magic(magic) {
        Backing::Disk => Ok(found),
        backing => Err(DemoError::NoDisk { dir: found, backing }),
    }
}

fn inspect(dir: &Path, cause: std::io::Error) -> DemoError {
    DemoError::Inspect { dir: dir.to_owned(), cause }
}

/// The size asked for, or the largest of the usual ones, if it leaves the reserve free.
fn choose_size(dir: &Path, opts: &DemoOpts, free: u64) -> Result<u64, DemoError> {
    let asked = opts.source_bytes;
    let sizes = asked.as_ref().map_or(&SOURCE_SIZES[..], std::slice::from_ref);
    let reserve = reserve_bytes(free);
    let mut needed = 0;
    for &size in sizes {
        needed = bytes_used(opts, size).saturating_add(reserve);
        if needed <= free {
            return Ok(size);
        }
    }
    Err(DemoError::SpaceShort { dir: dir.to_owned(), needed, reserve, found: free })
}

/// The source, the last copy and the one being written, and the WAL.
fn bytes_used(opts: &DemoOpts, source_bytes: u64) -> u64 {
    source_bytes.saturating_mul(3).saturating_add(wal_bytes(opts))
}

/// Full segments, the tail, and the preallocated next one.
fn wal_bytes(opts: &DemoOpts) -> u64 {
    let record = u64::try_from(RECORD_BYTES).unwrap_or(u64::MAX);
    let records = Schedule::new(opts.rate).operations(opts.duration);
    let segments = (records.saturating_mul(record) / SEGMENT_BYTES).saturating_add(2);
    // A record is written whole, so a segment may be one record longer than its size.
    segments.saturating_mul(SEGMENT_BYTES + record)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
