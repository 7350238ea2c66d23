//! A mix of writers of whom it is known how much each wrote, and what a report says of them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use iocontend_core::ids::{Method, Op, Role};
use iocontend_core::report::{Actor, Report};

use crate::process::run;
use crate::watch::Watch;
use crate::writer::Writer;
use crate::{binary, blockstat};

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

/// Makes the mix and watches it.
pub fn mix(place: &Place<'_>) -> Result<Mixed> {
    // Building it takes longer than dirty pages stay dirty.
    binary::path()?;
    run("sync", &[])?;
    let mut before = place.process("before", "")?;
    let mut forcer = place.process("before", "")?;
    let mut direct = place.process("direct", "direct")?;
    let mut buffered = place.process("buffered", "")?;
    let mut mapped = place.process("mapped", "")?;
    let mut pair = [place.process("two", "append")?, place.process("two", "append")?];
    let mut short = place.process("short", "")?;
    let mut synced = place.process("synced", "")?;
    let mut syncer = place.process("synced", "")?;
    // New files are not what is measured here.
    forcer.order("only-syncfs")?;
    before.order(&format!("write {CHUNK} {}", 8 * MIB / CHUNK))?;
    let watch = Watch::start(&["--pid", &direct.pid().to_string()])?;

    let mut shares = Vec::new();
    let mut done = |name, method, writer: &Writer, truth| -> Result<()> {
        let pid = writer.pid();
        let accounted = accounted(pid)?;
        shares.push(Share { name, method, pid, truth, accounted, charged: 0, otherwise: 0 });
        Ok(())
    };
    direct.order(&format!("direct {CHUNK} {}", 32 * MIB / CHUNK))?;
    done("direct", Method::Direct, &direct, 32 * MIB)?;
    buffered.order(&format!("write {CHUNK} {}", 32 * MIB / CHUNK))?;
    done("buffered, never syncs", Method::Writeback, &buffered, 32 * MIB)?;
    mapped.order(&format!("write-mapped {}", 8 * MIB))?;
    done("mapped", Method::Writeback, &mapped, 8 * MIB)?;
    short.order(&format!("write {CHUNK} {}", 8 * MIB / CHUNK))?;
    done("gone before the flush", Method::Writeback, &short, 8 * MIB)?;
    drop(short);
    // By turns into one file.
    for _ in 0..8 * MIB / CHUNK {
        pair[0].order(&format!("write {CHUNK} 2"))?;
        pair[1].order(&format!("write {CHUNK} 1"))?;
    }
    done("one of two in a file", Method::Writeback, &pair[0], 16 * MIB)?;
    done("the other", Method::Writeback, &pair[1], 8 * MIB)?;
    synced.order(&format!("write {CHUNK} {}", 16 * MIB / CHUNK))?;
    done("synced by another", Method::Writeback, &synced, 16 * MIB)?;
    syncer.order("only-fsync")?;
    forcer.order("only-syncfs")?;
    blockstat::quiet(place.disk)?;
    let report = watch.finish()?;

    for share in &mut shares {
        let Some(actor) = report.actors.iter().find(|a| a.pid == Some(share.pid)) else { continue };
        share.charged = written(actor, place.disk, |method| method == share.method);
        share.otherwise = written(actor, place.disk, |method| {
            method != share.method && method != Method::Journal
        });
    }
    let is = |pid: u32| move |actor: &Actor| actor.pid == Some(pid);
    let data = |method| method != Method::Journal;
    let forcers = written_by(&report, place.disk, is(forcer.pid()), data)
        + written_by(&report, place.disk, is(syncer.pid()), data);
    let older = format!("unattributed:dirtied_before:{}", place.disk);
    let is_older = |actor: &Actor| actor.id == older;
    let is_nobody = |actor: &Actor| {
        (actor.id.starts_with("unattributed:") && actor.id != older) || actor.role == Role::Kernel
    };
    // What is given to the owner of the dirty pages alone is somebody's.
    let of_before = written_by(&report, place.disk, is(before.pid()), |_| true);
    ensure!(of_before == 0, "who wrote before watching has {of_before} bytes");
    Ok(Mixed {
        before: (8 * MIB, written_by(&report, place.disk, is_older, |_| true)),
        forcers,
        total: written_by(&report, place.disk, |_| true, |_| true),
        nobody: written_by(&report, place.disk, is_nobody, |_| true),
        methods: Method::ALL
            .map(|method| written_by(&report, place.disk, |_| true, |found| found == method)),
        shares,
    })
}

impl Mixed {
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
        let _written = writeln!(out, "by method: {:?}: {methods:?}", Method::ALL);
        let [direct, buffered] = [Method::Direct, Method::Writeback].map(|m| self.right(m));
        let wrong = percent(self.wrong(), self.total);
        let _written = writeln!(
            out,
            "right: direct {direct:.2} %, buffered {buffered:.2} %; wrong {wrong:.2} %"
        );
        out
    }

    /// Percent of the bytes of a method that went where they belong.
    fn right(&self, method: Method) -> f64 {
        let of = || self.shares.iter().filter(|share| share.method == method);
        let right = of().map(|share| share.truth.min(share.charged)).sum();
        percent(right, of().map(|share| share.truth).sum())
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
            let off = share.accounted.abs_diff(share.truth);
            ensure!(off * 50 <= share.truth, "{}: the kernel disagrees\n{said}", share.name);
        }
        ensure!(self.right(Method::Direct) >= 99.0, "{said}");
        ensure!(self.right(Method::Writeback) >= 97.0, "{said}");
        ensure!(self.wrong() * 100 <= self.total, "{said}");
        let (truth, charged) = self.before;
        ensure!(charged * 100 >= truth * 99, "older pages\n{said}");
        // Each method's part of all bytes is what was caused that way.
        for method in [Method::Direct, Method::Writeback] {
            let truth = self.shares.iter().filter(|s| s.method == method).map(|s| s.truth).sum();
            let told: u64 = Method::ALL
                .iter()
                .zip(self.methods)
                .filter(|(m, _)| **m == method)
                .map(|(_, b)| b)
                .sum();
            let off = percent(told, self.total) - percent(truth, self.total);
            ensure!(off.abs() <= 2.0, "{method:?} is {off:.2} points off\n{said}");
        }
        Ok(())
    }
}

/// A part of a whole, percent.
#[expect(clippy::cast_precision_loss, reason = "bytes of a short test")]
pub fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 }
}
