//! Processes that change nothing but metadata, and what a report gives them of ext4's journal or the log of xfs.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use iocontend_core::ids::Method;
use iocontend_core::report::{Actor, Report};

use crate::tracefs::BlockTrace;
use crate::truth::{Place, percent, written, written_by};
use crate::watch::Watch;
use crate::writer::Writer;
use crate::{binary, blockstat};

/// How many times each process makes its files, by turns.
const TURNS: usize = 20;

/// What a journal got.
pub struct Journaled {
    /// Bytes charged to each process, in the order asked for.
    pub own: Vec<u64>,
    /// All bytes written to the journal: by the kernel's own count on xfs, as charged on ext4.
    pub all: u64,
    /// Bytes that the journal's thread has, or, on xfs, that nobody was charged with as a part of the log.
    pub thread: u64,
}

/// What was written to the log of the xfs on a disk since it was mounted, in bytes; `None` on another file system.
fn xfs_log_bytes(disk: &str) -> Result<Option<u64>> {
    let file = format!("/sys/fs/xfs/{disk}/stats/stats");
    if !Path::new(&file).exists() {
        return Ok(None);
    }
    // "log", writes, blocks of 512 bytes, … (fs/xfs/xfs_stats.c).
    let text = fs::read_to_string(&file)?;
    let line = text.lines().find(|line| line.starts_with("log ")).context("no line \"log\"")?;
    let blocks: u64 = line.split_ascii_whitespace().nth(2).context("no blocks")?.parse()?;
    Ok(Some(blocks * 512))
}

impl Journaled {
    /// Percent of the journal's bytes that each process has.
    pub fn shares(&self) -> Vec<f64> {
        self.own.iter().map(|own| percent(*own, self.all)).collect()
    }
}

/// A process and the folder that it fills.
struct Maker {
    writer: Writer,
    folder: String,
    made: usize,
}

impl Maker {
    fn new(place: &Place<'_>, name: &str) -> Result<Self> {
        let folder = place.folder.join(name);
        fs::create_dir(&folder)?;
        let writer = Writer::start(place.writer, &[])?;
        Ok(Self { writer, folder: folder.display().to_string(), made: 0 })
    }

    fn make(&mut self, files: usize) -> Result<()> {
        self.writer.order(&format!("create {} {} {files}", self.folder, self.made))?;
        self.made += files;
        Ok(())
    }
}

/// Watches processes that make so many files each, by turns, until all is in the journal. Needs ext4 or xfs.
pub fn fill(place: &Place<'_>, name: &str, files: &[usize]) -> Result<Journaled> {
    binary::path()?;
    let mut syncer = place.process("syncer", "")?;
    let makers = (0..files.len()).map(|number| Maker::new(place, &format!("{name}-{number}")));
    let mut makers = makers.collect::<Result<Vec<_>>>()?;
    syncer.order("only-syncfs")?;
    blockstat::quiet(place.disk)?;
    let on_init = BlockTrace::completions_on_init(place.disk)?;
    let first = makers.first().context("nobody")?.writer.pid();
    let watch = Watch::start(&["--pid", &first.to_string()])?;
    let before = xfs_log_bytes(place.disk)?;
    for _ in 0..TURNS {
        for (maker, files) in makers.iter_mut().zip(files) {
            maker.make(files / TURNS)?;
        }
    }
    syncer.order("only-syncfs")?;
    blockstat::quiet(place.disk)?;
    let after = xfs_log_bytes(place.disk)?;
    let report = watch.finish()?;
    // Any of what was out of sight may have been of the log.
    let unseen = on_init.out_of_sight(&report)?.write_bytes;
    let log = after.zip(before).map(|(after, before)| after - before);
    found(place, &report, &makers, log, unseen)
}

/// `log` is what was written to the log by the kernel's own count, where there is one; `unseen` is what nobody could see,
/// in bytes.
fn found(
    place: &Place<'_>,
    report: &Report,
    makers: &[Maker],
    log: Option<u64>,
    unseen: u64,
) -> Result<Journaled> {
    let is_journal = |method| method == Method::Journal;
    let is_thread =
        |actor: &Actor| actor.comm.as_ref().is_some_and(|comm| comm.starts_with("jbd2/"));
    let others = format!("unattributed:journal_others:{}", place.disk);
    let is_other = |actor: &Actor| actor.id == others;
    let charged = written_by(report, place.disk, |_| true, is_journal)
        + written_by(report, place.disk, is_other, |_| true);
    let thread = match log {
        Some(log) => log.saturating_sub(charged + unseen),
        None => written_by(report, place.disk, is_thread, |_| true),
    };
    let all = charged + thread;
    if let Some(log) = log {
        // The watch may end a moment after the count was taken.
        ensure!(charged <= log + log / 100, "{charged} bytes charged, {log} written to the log");
    }
    ensure!(all > 0, "nothing was written to a journal");
    let own = makers.iter().map(|maker| {
        let actor = report.actors.iter().find(|actor| actor.pid == Some(maker.writer.pid()));
        actor.map_or(0, |actor| written(actor, place.disk, is_journal))
    });
    Ok(Journaled { own: own.collect(), all, thread })
}

/// One alone has at least 90 % of the journal's bytes; of two, each has what the ratio of the bytes that each caused
/// alone says, within 15 points; the journal's thread has nothing. Gives the figures.
pub fn check(place: &Place<'_>) -> Result<String> {
    const FILES: [usize; 2] = [6000, 2000];
    let solo = [fill(place, "strong", &FILES[..1])?, fill(place, "weak", &FILES[1..])?];
    let both = fill(place, "both", &FILES)?;
    let volumes = solo.each_ref().map(|found| found.all);
    let expected = volumes.map(|volume| percent(volume, volumes.iter().sum()));
    let own = solo.each_ref().map(Journaled::shares).concat();
    let threads = solo.iter().chain([&both]).map(|found| found.thread).collect::<Vec<_>>();
    let said = format!(
        "| alone | {volumes:?} bytes | own {own:.1?} % |\n| nobody | {threads:?} bytes |\n| together | {} bytes | own {:.1?} %, expected {expected:.1?} % |",
        both.all,
        both.shares()
    );
    for found in solo.iter().chain([&both]) {
        // Of the log of xfs, a buffer that ends where the log does is written in two parts; one of them is its thread's.
        let most = if xfs_log_bytes(place.disk)?.is_some() { found.all / 50 } else { 0 };
        ensure!(found.thread <= most, "the journal's thread has {} bytes\n{said}", found.thread);
    }
    for found in &solo {
        ensure!(found.shares()[0] >= 90.0, "{said}");
    }
    for (share, expected) in both.shares().iter().zip(expected) {
        ensure!((share - expected).abs() <= 15.0, "{share} % instead of {expected} %\n{said}");
    }
    Ok(said)
}
