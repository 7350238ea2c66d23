//! The copier: copies a file again and again the way a snapshot save does, reads through the page
//! cache in 32 KiB steps, buffered writes to `DEST.part`, one fsync at the end, rename. Owns the loop
//! and its result.
//!
//! The source's cached pages are dropped before each copy: a db of the demo's size would else be read
//! from memory, while a real one is often too large for that.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rustix::fs::{Advice, fadvise};
use serde::{Deserialize, Serialize};

use super::latency::{LatencyRecorder, LatencySummary};
use super::stop::Stop;
use super::{nanos, process};

/// What one read of a snapshot save asks for.
const READ_BYTES: usize = 32 * 1024;

/// What the copier is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopierArgs {
    /// The file to copy.
    pub source: PathBuf,
    /// Where to; neither it nor `DEST.part` may exist at the start.
    pub dest: PathBuf,
    /// From the end of one copy to the start of the next.
    pub pause: Duration,
    /// Before the first copy.
    pub delay: Duration,
    /// How long to go on, the delay included.
    pub duration: Duration,
}

/// What the copier did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopierResult {
    /// Whole copies.
    pub copies: u64,
    /// Bytes of the whole copies.
    pub bytes: u64,
    /// Bytes of a last copy that the end of the time or a signal cut short; it is not kept.
    pub unfinished_bytes: u64,
    /// From start to end of the process's work.
    pub elapsed_ns: u64,
    /// Whole copies, from the first read to the rename; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<LatencySummary>,
    /// The fsync in each of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fsync: Option<LatencySummary>,
}

/// Runs the copier as a process of its own: stops on SIGTERM and SIGINT, ends with its parent.
pub fn run_copier(args: &CopierArgs) -> anyhow::Result<CopierResult> {
    let stop = process::enter_workload("demo-copier")?;
    run(args, &stop)
}

/// The workload itself.
pub(super) fn run(args: &CopierArgs, stop: &Stop) -> anyhow::Result<CopierResult> {
    let mut copier = Copier::new(args, stop)?;
    copier.rest(args.delay);
    while !copier.is_over() {
        copier.copy_once()?;
        copier.rest(args.pause);
    }
    Ok(copier.result())
}

/// The running workload.
struct Copier<'a> {
    args: &'a CopierArgs,
    part: PathBuf,
    stop: &'a Stop,
    start: Instant,
    bytes: u64,
    unfinished_bytes: u64,
    copy: LatencyRecorder,
    fsync: LatencyRecorder,
}

impl<'a> Copier<'a> {
    fn new(args: &'a CopierArgs, stop: &'a Stop) -> anyhow::Result<Self> {
        let part = part_path(&args.dest);
        for path in [&args.dest, &part] {
            // Only what this run wrote may be overwritten by it.
            ensure!(
                fs::symlink_metadata(path).is_err(),
                "{} exists; choose a destination that does not",
                path.display()
            );
        }
        if let Some(parent) = args.dest.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot create {}", parent.display()))?;
        }
        Ok(Self {
            args,
            part,
            stop,
            start: Instant::now(),
            bytes: 0,
            unfinished_bytes: 0,
            copy: LatencyRecorder::new()?,
            fsync: LatencyRecorder::new()?,
        })
    }

    fn is_over(&self) -> bool {
        self.stop.is_requested() || self.start.elapsed() >= self.args.duration
    }

    /// Sleeps for `pause`, but not beyond the end.
    fn rest(&self, pause: Duration) {
        let left = self.args.duration.saturating_sub(self.start.elapsed());
        self.stop.sleep(pause.min(left));
    }

    fn copy_once(&mut self) -> anyhow::Result<()> {
        let source = open_uncached(&self.args.source)?;
        let begun = Instant::now();
        let part = self.create_part()?;
        let Some(bytes) = self.copy_bytes(&source, &part)? else {
            return self.discard_part();
        };
        let synced = Instant::now();
        part.sync_all().with_context(|| format!("cannot fsync {}", self.part.display()))?;
        self.fsync.record(synced.elapsed());
        fs::rename(&self.part, &self.args.dest).with_context(|| {
            format!("cannot rename {} to {}", self.part.display(), self.args.dest.display())
        })?;
        self.copy.record(begun.elapsed());
        self.bytes += bytes;
        Ok(())
    }

    fn create_part(&self) -> anyhow::Result<File> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.part)
            .with_context(|| format!("cannot create {}", self.part.display()))
    }

    /// Copies until the source ends; `None` when the time was over first.
    fn copy_bytes(&mut self, source: &File, mut part: &File) -> anyhow::Result<Option<u64>> {
        let mut buffer = vec![0; READ_BYTES];
        let mut offset = 0;
        while !self.is_over() {
            let read = source
                .read_at(&mut buffer, offset)
                .with_context(|| format!("cannot read {}", self.args.source.display()))?;
            if read == 0 {
                return Ok(Some(offset));
            }
            part.write_all(&buffer[..read])
                .with_context(|| format!("cannot write {}", self.part.display()))?;
            offset += u64::try_from(read).unwrap_or(u64::MAX);
        }
        self.unfinished_bytes = offset;
        Ok(None)
    }

    fn discard_part(&self) -> anyhow::Result<()> {
        fs::remove_file(&self.part)
            .with_context(|| format!("cannot remove {}", self.part.display()))
    }

    fn result(&self) -> CopierResult {
        let copy = self.copy.summary();
        CopierResult {
            copies: copy.map_or(0, |copy| copy.count),
            bytes: self.bytes,
            unfinished_bytes: self.unfinished_bytes,
            elapsed_ns: nanos(self.start.elapsed()),
            copy,
            fsync: self.fsync.summary(),
        }
    }
}

fn part_path(dest: &Path) -> PathBuf {
    let mut part = dest.as_os_str().to_owned();
    part.push(".part");
    part.into()
}

/// Opens the source and drops its clean pages from the cache, so that reading it reaches the disk.
fn open_uncached(path: &Path) -> anyhow::Result<File> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    fadvise(&file, 0, None, Advice::DontNeed)
        .with_context(|| format!("cannot drop {} from the page cache", path.display()))?;
    Ok(file)
}
