//! Segment files as etcd's WAL has them: names, preallocation, and the pipeline that keeps the next
//! segment ready. Owns the files; does not own when records are written or what they are timed with.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::Context;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::{Errno, retry_on_intr};

/// Size at which etcd changes to the next segment.
pub const SEGMENT_BYTES: u64 = 64_000_000;
/// Size of one record, the write size that etcd's users test disks with.
pub const RECORD_BYTES: usize = 2300;

/// Written at a time where the file system cannot preallocate.
const ZEROS: &[u8] = &[0; 1 << 20];

/// The open tail segment, and the way to the next one.
#[derive(Debug)]
pub(super) struct Wal {
    dir: PathBuf,
    segment_bytes: u64,
    tail: File,
    tail_bytes: u64,
    sequence: u64,
    ready: Receiver<io::Result<Spare>>,
}

/// A preallocated segment that has no name of its own yet.
#[derive(Debug)]
struct Spare {
    file: File,
    path: PathBuf,
}

impl Wal {
    /// Makes `data_dir/member/wal` with its first segment. Refuses a WAL directory that exists:
    /// it may be a real etcd's.
    pub(super) fn create(data_dir: &Path, segment_bytes: u64) -> anyhow::Result<Self> {
        let member = data_dir.join("member");
        fs::create_dir_all(&member)
            .with_context(|| format!("cannot create {}", member.display()))?;
        let dir = member.join("wal");
        fs::create_dir(&dir).with_context(|| {
            format!("cannot create {}; choose a data directory without a WAL", dir.display())
        })?;
        let ready = start_pipeline(dir.clone(), segment_bytes)?;
        let tail = take_segment(&ready, &dir, 0, 0)?;
        Ok(Self { dir, segment_bytes, tail, tail_bytes: 0, sequence: 0, ready })
    }

    /// Appends one record. As in etcd it is written whole, also when it crosses the segment's end.
    pub(super) fn append(&mut self, record: &[u8]) -> anyhow::Result<()> {
        self.tail.write_all(record).with_context(|| self.while_doing("write to"))?;
        self.tail_bytes += u64::try_from(record.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Calls fdatasync on the tail segment.
    pub(super) fn sync(&self) -> anyhow::Result<()> {
        self.tail.sync_data().with_context(|| self.while_doing("fdatasync"))
    }

    /// Whether the tail has reached its size, so that [`Wal::cut`] is due.
    pub(super) fn is_full(&self) -> bool {
        self.tail_bytes >= self.segment_bytes
    }

    /// Cuts the tail to what was written; the caller syncs it and then calls [`Wal::roll_over`].
    pub(super) fn cut(&self) -> anyhow::Result<()> {
        self.tail.set_len(self.tail_bytes).with_context(|| self.while_doing("truncate"))
    }

    /// Goes on in the next segment, whose first record will be number `next_index`.
    pub(super) fn roll_over(&mut self, next_index: u64) -> anyhow::Result<()> {
        self.tail = take_segment(&self.ready, &self.dir, self.sequence + 1, next_index)?;
        self.sequence += 1;
        self.tail_bytes = 0;
        Ok(())
    }

    /// Segments begun so far.
    pub(super) fn segments(&self) -> u64 {
        self.sequence + 1
    }

    fn while_doing(&self, action: &str) -> String {
        format!("cannot {action} WAL segment {} in {}", self.sequence, self.dir.display())
    }
}

/// etcd's name of a segment: its number and the index of its first record.
fn segment_name(sequence: u64, index: u64) -> String {
    format!("{sequence:016x}-{index:016x}.wal")
}

/// Waits for the pipeline's next file and gives it its name, durably.
fn take_segment(
    ready: &Receiver<io::Result<Spare>>,
    dir: &Path,
    sequence: u64,
    index: u64,
) -> anyhow::Result<File> {
    let spare = ready
        .recv()
        .context("the segment pipeline ended early")?
        .with_context(|| format!("cannot preallocate a WAL segment in {}", dir.display()))?;
    let path = dir.join(segment_name(sequence, index));
    fs::rename(&spare.path, &path)
        .with_context(|| format!("cannot rename {} to {}", spare.path.display(), path.display()))?;
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .with_context(|| format!("cannot fsync {}", dir.display()))?;
    Ok(spare.file)
}

/// Keeps one segment ready from a thread of its own, as etcd does, so that an append never waits for
/// the preallocation itself. The thread ends when the receiver is dropped.
fn start_pipeline(dir: PathBuf, bytes: u64) -> anyhow::Result<Receiver<io::Result<Spare>>> {
    // Without room in the channel exactly one segment is ahead of the tail.
    let (sender, ready) = sync_channel(0);
    std::thread::Builder::new()
        .name("wal-pipeline".into())
        .spawn(move || run_pipeline(&dir, bytes, &sender))
        .context("cannot start the segment pipeline")?;
    Ok(ready)
}

fn run_pipeline(dir: &Path, bytes: u64, sender: &SyncSender<io::Result<Spare>>) {
    for count in 0_u64.. {
        // Two names in turn: the last one may not be renamed yet.
        let spare = allocate(dir.join(format!("{}.tmp", count % 2)), bytes);
        let failed = spare.is_err();
        if let Err(unsent) = sender.send(spare) {
            if let Ok(spare) = unsent.0 {
                fs::remove_file(spare.path).ok();
            }
            return;
        }
        if failed {
            return;
        }
    }
}

fn allocate(path: PathBuf, bytes: u64) -> io::Result<Spare> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let done = match retry_on_intr(|| fallocate(&file, FallocateFlags::empty(), 0, bytes)) {
        Err(Errno::OPNOTSUPP) => write_zeros(&file, bytes),
        done => done.map_err(io::Error::from),
    };
    match done {
        Ok(()) => Ok(Spare { file, path }),
        Err(error) => {
            fs::remove_file(path).ok();
            Err(error)
        }
    }
}

/// Fills `file` with zeros from its start, syncs them so that they do not burden the first record,
/// and leaves the position at the start.
fn write_zeros(mut file: &File, bytes: u64) -> io::Result<()> {
    let mut left = bytes;
    while left > 0 {
        let chunk = usize::try_from(left).unwrap_or(usize::MAX).min(ZEROS.len());
        file.write_all(&ZEROS[..chunk])?;
        left = left.saturating_sub(u64::try_from(chunk).unwrap_or(u64::MAX));
    }
    file.sync_all()?;
    io::Seek::rewind(&mut file)
}

#[cfg(test)]
#[path = "wal_tests.rs"]
mod tests;
