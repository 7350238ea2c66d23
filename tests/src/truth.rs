//! A mix of writers of whom it is known how much each wrote, and what a report says of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use iocontend_core::ids::{Method, Op, Role};
use iocontend_core::report::{Actor, Report};

use crate::binary;
use crate::blockstat;
use crate::tracefs::BlockTrace;
use crate::watch::Watch;
use crate::writer::Writer;

const MIB: u64 = 1 << 20;
/// One system call's worth: whole pages, whatever a page is on the way.
const CHUNK: u64 = 64 << 10;

/// Where it happens.
pub struct Place<'a> {
    /// A folder on the file system.
    pub folder: &'a Path,
    /// The block device below.
    pub disk: &'a str,
    /// The helper program.
    pub writer: &'a Path,
}

impl Place<'_> {
    /// A process with a file open, or made.
    pub fn process(&self, file: &str, flags: &str) -> Result<Writer> {
        let mut writer = Writer::start(self.writer, &[])?;
        let path = self.folder.join(file);
        writer.order(&format!("open {} {flags}", path.display()))?;
        Ok(writer)
    }
}

/// One process of the mix.
pub struct Share {
    name: &'static str,
    method: Method,
    pid: u32,
    /// Bytes it caused, as it was told to.
    truth: u64,
    /// The same as the kernel has it: `write_bytes` in `/proc/PID/io`.
    accounted: u64,
    /// Bytes of the report.
    charged: u64,
    /// Of these with another method than they should have.
    otherwise: u64,
}

/// What came out.
pub struct Mixed {
    shares: Vec<Share>,
    /// Bytes that were dirty before watching, and how many were given to nobody for that reason.
    before: (u64, u64),
    /// Bytes charged to those who only synced.
    forcers: u64,
    /// Bytes written to the disk, all of them, and those of nobody for another reason, or of kernel threads.
    total: u64,
    nobody: u64,
    /// Bytes by method.
    methods: [u64; Method::ALL.len()],
    kernel: Kernel,
}

/// What the kernel counted of the same disk, bytes written.
struct Kernel {
    /// From when the probes were there until the disk was quiet again: all of it was to be seen.
    least: u64,
    /// From before they were there until they were gone.
    most: u64,
    /// Of these, what no BPF program can see here (see [`BlockTrace::completions_on_init`]), where the report says so.
    unseen: u64,
    /// Events that the report itself counts as lost, by reason.
    lost: BTreeMap<String, u64>,
}

/// Bytes written to a disk by an actor with some methods.
pub fn written(actor: &Actor, disk: &str, which: impl Fn(Method) -> bool) -> u64 {
    let rows = actor.io.iter().filter(|row| row.device == disk && row.op == Op::Write);
    rows.filter(|row| which(row.method)).map(|row| row.bytes).sum()
}

/// The same of all actors of some kind.
pub fn written_by(
    report: &Report,
    disk: &str,
    who: impl Fn(&Actor) -> bool,
    which: impl Fn(Method) -> bool,
) -> u64 {
    report.actors.iter().filter(|actor| who(actor)).map(|a| written(a, disk, &which)).sum()
}

/// `write_bytes` of a process.
fn accounted(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/io"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.context("no write_bytes")?.parse()?)
}

/// Whole chunks, buffered or direct.
fn write(writer: &mut Writer, order: &str, bytes: u64) -> Result<()> {
    writer.order(&format!("{order} {CHUNK} {}", bytes / CHUNK))
}

/// The mix while it is made.
struct Making<'a> {
    place: &'a Place<'a>,
    shares: Vec<Share>,
}

impl Making<'_> {
    /// A process has done what it was told to.
    fn done(&mut self, name: &'static str, writer: &Writer, truth: u64) -> Result<()> {
        let (pid, method) = (writer.pid(), Method::Writeback);
        let accounted = accounted(pid)?;
        self.shares.push(Share { name, method, pid, truth, accounted, charged: 0, otherwise: 0 });
        Ok(())
    }

    /// Buffered writes by a process of its own, which has ended when this returns.
    fn buffered(&mut self, name: &'static str, file: &str, bytes: u64, truth: u64) -> Result<()> {
        let mut writer = self.place.process(file, "")?;
        write(&mut writer, "write", bytes)?;
        self.done(name, &writer, truth)
    }

    /// Everybody but the direct writer.
    fn all(&mut self) -> Result<()> {
        let mut lasting = self.place.process("lasting", "")?;
        write(&mut lasting, "write", 32 * MIB)?;
        self.done("buffered, never syncs", &lasting, 32 * MIB)?;
        self.buffered("gone before the flush", "short", 8 * MIB, 8 * MIB)?;
        let mut mapped = self.place.process("mapped", "")?;
        mapped.order(&format!("write-mapped {}", 8 * MIB))?;
        self.done("mapped", &mapped, 8 * MIB)?;
        self.two_in_a_file()?;
        self.cancelled()?;
        self.buffered("synced by another", "synced", 16 * MIB, 16 * MIB)
    }

    /// By turns, 2:1.
    fn two_in_a_file(&mut self) -> Result<()> {
        let [mut first, mut second] =
            [self.place.process("two", "append")?, self.place.process("two", "append")?];
        for _ in 0..8 * MIB / CHUNK {
            write(&mut first, "write", 2 * CHUNK)?;
            write(&mut second, "write", CHUNK)?;
        }
        self.done("one of two in a file", &first, 16 * MIB)?;
        self.done("the other", &second, 8 * MIB)
    }

    /// Dirty pages that are never written: of a file that is gone, whose inode the next one may get, and of one that
    /// was cut off.
    fn cancelled(&mut self) -> Result<()> {
        self.buffered("deleted before the flush", "gone", 8 * MIB, 0)?;
        fs::remove_file(self.place.folder.join("gone"))?;
        self.buffered("with the next inode", "heir", 8 * MIB, 8 * MIB)?;
        self.buffered("cut off before the flush", "cut", 8 * MIB, 0)?;
        File::create(self.place.folder.join("cut"))?;
        self.buffered("writes there then", "cut", 8 * MIB, 8 * MIB)
    }
}

/// A disk to which nothing was written lately may hardly have any dirty pages: the kernel writes them at once
/// (mm/page-writeback.c, `wb_over_bg_thresh`), also those that have to be dirty still when watching begins.
fn has_written(place: &Place<'_>) -> Result<()> {
    let mut earlier = place.process("earlier", "")?;
    write(&mut earlier, "write", 32 * MIB)?;
    earlier.order("only-fsync").map(drop)
}

/// Makes the mix and watches it.
pub fn mix(place: &Place<'_>) -> Result<Mixed> {
    // Building it takes longer than dirty pages stay dirty.
    binary::path()?;
    has_written(place)?;
    let mut before = place.process("before", "")?;
    let mut direct = place.process("direct", "direct")?;
    let (mut forcer, mut syncer) = (place.process("before", "")?, place.process("synced", "")?);
    forcer.order("only-syncfs")?;
    let on_init = BlockTrace::completions_on_init(place.disk)?;
    let clean = blockstat::read(place.disk)?.done;
    write(&mut before, "write", 8 * MIB)?;
    let watch = Watch::start(&["--pid", &direct.pid().to_string()])?;
    // On a slow machine the kernel has written part of it before the probes are there.
    let attached = blockstat::read(place.disk)?.done;
    let written = attached.since(&clean).write_bytes;
    let still_dirty = (8 * MIB).saturating_sub(written);
    ensure!(still_dirty > 0, "all of it was written before watching began: {written} bytes");
    let mut making = Making { place, shares: Vec::new() };
    write(&mut direct, "direct", 32 * MIB)?;
    making.done("direct", &direct, 32 * MIB)?;
    for share in &mut making.shares {
        share.method = Method::Direct;
    }
    making.all()?;
    syncer.order("only-fsync")?;
    forcer.order("only-syncfs")?;
    let quiet = blockstat::quiet(place.disk)?;
    let report = watch.finish()?;
    let whole = blockstat::quiet(place.disk)?.since(&clean);
    let kernel = Kernel {
        least: quiet.since(&attached).write_bytes,
        most: whole.write_bytes,
        unseen: on_init.out_of_sight(&report)?.write_bytes,
        lost: report.coverage.lost.clone(),
    };
    let before = (before.pid(), still_dirty);
    Mixed::of(&report, place.disk, making.shares, before, [forcer.pid(), syncer.pid()], kernel)
}

impl Mixed {
    /// What a report says of each.
    fn of(
        report: &Report,
        disk: &str,
        mut shares: Vec<Share>,
        (before, still_dirty): (u32, u64),
        forcers: [u32; 2],
        kernel: Kernel,
    ) -> Result<Self> {
        let by = |who: &dyn Fn(&Actor) -> bool, which: &dyn Fn(Method) -> bool| {
            written_by(report, disk, who, which)
        };
        for share in &mut shares {
            let is_it = |actor: &Actor| actor.pid == Some(share.pid);
            let (own, journal) = (share.method, Method::Journal);
            share.charged = by(&is_it, &|method| method == own);
            share.otherwise = by(&is_it, &|method| method != own && method != journal);
        }
        let is_forcer = |actor: &Actor| actor.pid.is_some_and(|pid| forcers.contains(&pid));
        let older = format!("unattributed:dirtied_before:{disk}");
        let is_nobody = |actor: &Actor| {
            let unknown = actor.id.starts_with("unattributed:") && actor.id != older;
            unknown || actor.role == Role::Kernel
        };
        let of_before = by(&|actor| actor.pid == Some(before), &|_| true);
        ensure!(of_before == 0, "who wrote before watching has {of_before} bytes");
        Ok(Self {
            before: (still_dirty, by(&|actor| actor.id == older, &|_| true)),
            forcers: by(&is_forcer, &|method| method != Method::Journal),
            total: by(&|_| true, &|_| true),
            nobody: by(&is_nobody, &|_| true),
            methods: Method::ALL.map(|method| by(&|_| true, &|found| found == method)),
            shares,
            kernel,
        })
    }

    /// For the documents.
    pub fn table(&self) -> String {
        let mut out = String::from("| who | method | caused | `/proc/PID/io` | charged |\n");
        out += "|---|---|---|---|---|\n";
        for share in &self.shares {
            let Share { name, method, truth, accounted, charged, otherwise, .. } = share;
            // Into a string: cannot fail.
            let _written = writeln!(
                out,
                "| {name} | {method:?} | {truth} | {accounted} | {charged} (+ {otherwise}) |"
            );
        }
        let (truth, charged) = self.before;
        let _written = writeln!(out, "| dirty before | nobody | {truth} | | {charged} |");
        let _written = writeln!(out, "| who only syncs | | 0 | | {} |", self.forcers);
        let Self { total, nobody, methods, .. } = self;
        let _written = writeln!(out, "{total} in all, {nobody} of kernel threads or nobody else");
        let Kernel { least, most, unseen, lost } = &self.kernel;
        let _written = writeln!(
            out,
            "the kernel: {least} to {most}, {unseen} of it out of sight, lost: {lost:?}"
        );
        let _written = writeln!(out, "by method: {:?}: {methods:?}", Method::ALL);
        let [direct, buffered] = [Method::Direct, Method::Writeback].map(|m| self.right(m));
        let wrong = percent(self.wrong(), self.total);
        let _written = writeln!(
            out,
            "right: direct {direct:.2} %, buffered {buffered:.2} %; wrong {wrong:.2} %"
        );
        out
    }

    /// Bytes caused with a method.
    fn caused(&self, method: Method) -> u64 {
        let of = self.shares.iter().filter(|share| share.method == method);
        of.map(|share| share.truth).sum()
    }

    /// Percent of them that went where they belong.
    fn right(&self, method: Method) -> f64 {
        let caused = self.caused(method);
        percent(caused - self.missing(method), caused)
    }

    /// Bytes of them that did not.
    fn missing(&self, method: Method) -> u64 {
        let of = self.shares.iter().filter(|share| share.method == method);
        of.map(|share| share.truth.saturating_sub(share.charged)).sum()
    }

    /// Whether at most so many percent went elsewhere, of what could be seen.
    fn is_right(&self, method: Method, most: u64) -> bool {
        let elsewhere = self.missing(method).saturating_sub(self.kernel.unseen);
        elsewhere * 100 <= self.caused(method) * most
    }

    /// Bytes that somebody has who did not cause them.
    fn wrong(&self) -> u64 {
        let more = |share: &Share| share.charged.saturating_sub(share.truth) + share.otherwise;
        self.shares.iter().map(more).sum::<u64>() + self.forcers
    }

    /// What is promised.
    pub fn check(&self) -> Result<()> {
        let said = self.table();
        for share in &self.shares {
            // What was cancelled was accounted all the same.
            if share.truth == 0 {
                continue;
            }
            let off = share.accounted.abs_diff(share.truth);
            ensure!(off * 50 <= share.truth, "{}: the kernel disagrees\n{said}", share.name);
        }
        let Kernel { least, most, unseen, .. } = self.kernel;
        let seen = least.saturating_sub(unseen)..=most;
        ensure!(seen.contains(&self.total), "the kernel counts other bytes\n{said}");
        ensure!(self.is_right(Method::Direct, 1), "{said}");
        ensure!(self.is_right(Method::Writeback, 3), "{said}");
        ensure!(self.wrong() * 100 <= self.total, "{said}");
        let (truth, charged) = self.before;
        ensure!((charged + unseen) * 100 >= truth * 99, "older pages\n{said}");
        // Each method's part of all bytes is what was caused that way.
        for (method, told) in Method::ALL.into_iter().zip(self.methods).take(2) {
            let off = percent(told, self.total) - percent(self.caused(method), self.total);
            let most = 2.0 + percent(unseen, self.total);
            ensure!(off.abs() <= most, "{method:?} is {off:.2} points off\n{said}");
        }
        Ok(())
    }
}

/// A part of a whole, percent.
#[expect(clippy::cast_precision_loss, reason = "bytes of a short test")]
pub fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mix as it should be, of which so many of the buffered bytes were never seen, and so many of them were out of sight.
    fn mixed(missing: u64, unseen: u64) -> Mixed {
        let share = |method, truth, charged| Share {
            name: "x",
            method,
            pid: 1,
            truth,
            accounted: truth,
            charged,
            otherwise: 0,
        };
        let buffered = 100 * MIB - missing;
        let mut methods = [0; Method::ALL.len()];
        (methods[0], methods[1]) = (32 * MIB, buffered);
        Mixed {
            shares: vec![
                share(Method::Direct, 32 * MIB, 32 * MIB),
                share(Method::Writeback, 100 * MIB, buffered),
            ],
            before: (0, 0),
            forcers: 0,
            total: 32 * MIB + buffered,
            nobody: 0,
            methods,
            kernel: Kernel { least: 132 * MIB, most: 132 * MIB, unseen, lost: BTreeMap::new() },
        }
    }

    // Property: a byte that the kernel counts may be missing only if it was out of sight, and what was excuses no more than itself.
    #[test]
    fn only_what_was_out_of_sight_may_be_missing() {
        assert_eq!(Method::ALL[..2], [Method::Direct, Method::Writeback]);
        mixed(0, 0).check().unwrap();
        mixed(13 * MIB, 13 * MIB).check().unwrap();
        for (missing, unseen) in [(1, 0), (13 * MIB, 0), (13 * MIB, 13 * MIB - 1)] {
            let failure = mixed(missing, unseen).check().unwrap_err().to_string();
            assert!(failure.starts_with("the kernel counts other bytes"), "{failure}");
        }
        // Seen, and charged to nobody who caused it: what was out of sight elsewhere is no excuse.
        let mut elsewhere = mixed(13 * MIB, MIB);
        elsewhere.total = 132 * MIB;
        assert!(elsewhere.check().is_err());
    }
}
