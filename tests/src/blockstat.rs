//! The kernel's own counters of a disk (`/sys/block/NAME/stat`), what a report says of the same disk, and the
//! rules by which the two must agree.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use iocontend_core::ids::Op;
use iocontend_core::report::Report;

use crate::process::until;

/// How long a disk may take to become quiet.
const QUIET_LIMIT: Duration = Duration::from_secs(60);

/// Requests and bytes by operation, as the kernel groups them (its writes include empty flushes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reads.
    pub reads: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Writes and empty flushes.
    pub writes: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Discards.
    pub discards: u64,
    /// Bytes discarded.
    pub discard_bytes: u64,
    /// Flush commands that reached the disk.
    pub flush_commands: u64,
}

impl Counts {
    /// What happened since an earlier look.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            reads: self.reads - before.reads,
            read_bytes: self.read_bytes - before.read_bytes,
            writes: self.writes - before.writes,
            write_bytes: self.write_bytes - before.write_bytes,
            discards: self.discards - before.discards,
            discard_bytes: self.discard_bytes - before.discard_bytes,
            flush_commands: self.flush_commands - before.flush_commands,
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            reads: self.reads + other.reads,
            read_bytes: self.read_bytes + other.read_bytes,
            writes: self.writes + other.writes,
            write_bytes: self.write_bytes + other.write_bytes,
            discards: self.discards + other.discards,
            discard_bytes: self.discard_bytes + other.discard_bytes,
            flush_commands: self.flush_commands + other.flush_commands,
        }
    }

    /// Of each the smaller.
    #[must_use]
    pub fn at_most(&self, most: &Self) -> Self {
        Self {
            reads: self.reads.min(most.reads),
            read_bytes: self.read_bytes.min(most.read_bytes),
            writes: self.writes.min(most.writes),
            write_bytes: self.write_bytes.min(most.write_bytes),
            discards: self.discards.min(most.discards),
            discard_bytes: self.discard_bytes.min(most.discard_bytes),
            flush_commands: self.flush_commands.min(most.flush_commands),
        }
    }

    /// Whether these are the kernel's counts, all of them but those that no BPF program can see here (see
    /// [`crate::tracefs::BlockTrace::completions_on_init`]). A request that completes in several parts may be seen
    /// in one and not in another, so each figure stands for itself. With nothing out of sight: equal.
    pub fn agree(&self, kernel: &Self, unseen: &Self) -> Result<()> {
        let [ours, theirs, most] = [self, kernel, unseen].map(Self::figures);
        let fits =
            |index: usize| (theirs[index] - most[index]..=theirs[index]).contains(&ours[index]);
        ensure!(
            (0..ours.len()).all(fits),
            "ours:     {self:?}\nkernel's: {kernel:?}\nof these out of sight: {unseen:?}"
        );
        Ok(())
    }

    fn figures(&self) -> [u64; 7] {
        [
            self.reads,
            self.read_bytes,
            self.writes,
            self.write_bytes,
            self.discards,
            self.discard_bytes,
            self.flush_commands,
        ]
    }

    /// Requests of all kinds, flush commands not among them.
    pub fn requests(&self) -> u64 {
        self.reads + self.writes + self.discards
    }

    /// What a report has for a disk; nothing at all when the disk is not in it.
    pub fn of_report(report: &Report, disk: &str) -> Self {
        let mut counts = Self::default();
        let Some(device) = report.devices.iter().find(|device| device.name == disk) else {
            return counts;
        };
        counts.flush_commands = device.flush_commands.unwrap_or(0);
        for row in &device.ops {
            let (count, bytes) = match row.op {
                Op::Read => (&mut counts.reads, &mut counts.read_bytes),
                Op::Write | Op::Flush => (&mut counts.writes, &mut counts.write_bytes),
                Op::Discard => (&mut counts.discards, &mut counts.discard_bytes),
            };
            *count += row.count;
            *bytes += row.bytes;
        }
        counts
    }
}

/// The kernel's counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Everything completed since boot.
    pub done: Counts,
    /// Requests under way.
    pub in_flight: u64,
}

/// Reads a disk's counters (Documentation/block/stat.rst: sectors are of 512 bytes).
pub fn read(disk: &str) -> Result<Stat> {
    let path = format!("/sys/block/{disk}/stat");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let fields: Vec<u64> =
        text.split_whitespace().map(str::parse).collect::<Result<_, _>>().context(path)?;
    ensure!(fields.len() >= 16, "{disk}: too few counters: {text}");
    let done = Counts {
        reads: fields[0],
        read_bytes: fields[2] * 512,
        writes: fields[4],
        write_bytes: fields[6] * 512,
        discards: fields[11],
        discard_bytes: fields[13] * 512,
        flush_commands: fields[15],
    };
    Ok(Stat { done, in_flight: fields[8] })
}

/// Bios and requests of all operations that were merged into requests since boot.
pub fn merges(disk: &str) -> Result<u64> {
    let path = format!("/sys/block/{disk}/stat");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let field = |index: usize| -> Result<u64> {
        let field = text.split_whitespace().nth(index).with_context(|| path.clone())?;
        Ok(field.parse()?)
    };
    Ok(field(1)? + field(5)? + field(12)?)
}

/// The counters of a disk with nothing under way.
pub fn quiet(disk: &str) -> Result<Counts> {
    until("a disk with nothing in flight", QUIET_LIMIT, || {
        let stat = read(disk)?;
        Ok((stat.in_flight == 0).then_some(stat.done))
    })
}

/// Looks at something while the disk does nothing: its counters are the same before and after, with nothing in
/// flight. Gives those and what was seen. Tries until it happens so.
pub fn while_quiet<T>(
    disk: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<T>,
) -> Result<(Counts, T)> {
    until("a look while a disk does nothing", limit, || {
        let before = read(disk)?;
        if before.in_flight != 0 {
            return Ok(None);
        }
        let seen = look()?;
        let after = read(disk)?;
        Ok((before == after).then_some((before.done, seen)))
    })
}

/// The whole disk that holds a path.
pub fn disk_of(path: &Path) -> Result<String> {
    let number = fs::metadata(path)?.dev();
    let (major, minor) = (libc::major(number), libc::minor(number));
    let link = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}"))
        .with_context(|| format!("{} is not on a block device", path.display()))?;
    // A partition's folder lies in its disk's.
    let folder = if link.join("partition").exists() { link.parent() } else { Some(&*link) };
    match folder.and_then(Path::file_name).and_then(|name| name.to_str()) {
        Some(name) => Ok(name.to_owned()),
        None => bail!("no disk at {}", link.display()),
    }
}
