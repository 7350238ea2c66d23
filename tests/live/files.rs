//! Files and streams come and go for longer than the kernel side's tables would hold them.

use std::fs;
use std::os::unix::fs::symlink;

use anyhow::Result;
use iocontend_core::ids::{Call, FileClass};
use iocontend_core::report::{Actor, Note, Report};
use iocontend_tests::blockstat::{self, Counts};
use iocontend_tests::loopdev::{Mounted, RamDisk};
use iocontend_tests::process;
use iocontend_tests::tracefs::BlockTrace;
use iocontend_tests::watch::{Watch, actor, waits};
use iocontend_tests::writer::Writer;
use iocontend_wire::count::Count;
use tempfile::TempDir;

const MIB: u64 = 1 << 20;
/// The helper program beside the tests.
const WRITER: &str = env!("CARGO_BIN_EXE_writer");
/// Files of a churn: three times as many as are told apart at a time.
const FILES: u64 = 3_200;
/// A WAL makes one segment in minutes.
const PER_SECOND: u64 = 150;

/// Notes of a report that say that a table was full.
fn full(report: &Report) -> Vec<&Note> {
    let tables = [
        Count::StreamTableFull,
        Count::DeviceTableFull,
        Count::FileTableFull,
        Count::CgroupTableFull,
        Count::ThreadTableFull,
    ]
    .map(Count::name);
    let is_full = |note: &&Note| matches!(note, Note::Counter { counter, .. } if tables.contains(&counter.as_str()));
    report.coverage.notes.iter().filter(is_full).collect()
}

/// A target that looks like an etcd, on a file system of its own.
struct Churn {
    disk: RamDisk,
    writer: Writer,
    place: TempDir,
}

impl Churn {
    fn new() -> Result<Self> {
        let disk = RamDisk::new(512 * MIB)?;
        drop(Mounted::ext4(disk.device())?);
        let place = tempfile::tempdir()?;
        let program = Writer::copy_as(WRITER.as_ref(), place.path(), "etcd")?;
        let data_dir = format!("--data-dir={}", place.path().join("data").display());
        let writer = Writer::start(&program, &[data_dir])?;
        Ok(Self { disk, writer, place })
    }

    /// Watches while it makes, syncs and deletes so many files per second; the device's numbers are the kernel's.
    fn watched(&mut self, per_second: u64) -> Result<Report> {
        let disk = self.disk.name().to_owned();
        let on_init = BlockTrace::completions_on_init(&disk)?;
        let before = blockstat::quiet(&disk)?;
        let watch = Watch::start(&["--pid", &self.writer.pid().to_string()])?;
        let mounted = Mounted::mount(self.disk.device())?;
        // Discards go on for a while after everything else.
        let point = mounted.path().display().to_string();
        process::run("mount", &["-o", "remount,nodiscard", &point])?;
        // Where its arguments say that its data is.
        symlink(mounted.path(), self.place.path().join("data"))?;
        let (wal, kept) = (mounted.path().join("member/wal"), mounted.path().join("kept"));
        fs::create_dir_all(&wal)?;
        fs::create_dir(&kept)?;
        let order = format!("churn {} {} {FILES} {per_second}", wal.display(), kept.display());
        self.writer.order(&order)?;
        // While its last files can still be found, and nothing more can be written.
        let frozen = mounted.freeze()?;
        let after = blockstat::quiet(&disk)?;
        let report = watch.finish()?;
        assert_eq!(blockstat::read(&disk)?.done, after, "{disk} was used meanwhile");
        drop(frozen);
        let kernel = after.since(&before);
        drop(mounted);
        let unseen = on_init.completions()?;
        let mut lost = report.coverage.lost.clone();
        // Of all disks of this host; of this one, see below.
        lost.remove("probe_not_run");
        // Events may be lost at full speed, counts never.
        lost.remove("ring_full_io");
        assert!(lost.is_empty(), "{lost:?}");
        Counts::of_report(&report, &disk).agree(&kernel, &unseen)?;
        Ok(report)
    }
}

// A target that makes, syncs and deletes three times as many files as are told apart at a time: no table is ever
// full, every fsync is counted and in its class, and the device's numbers are the kernel's.
#[test]
#[ignore = "needs root and this kernel"]
fn files_that_come_and_go_all_have_their_class() -> Result<()> {
    let mut churn = Churn::new()?;
    let report = churn.watched(PER_SECOND)?;
    assert_eq!(full(&report), Vec::<&Note>::new());
    let found = actor(&report, churn.writer.pid())?;
    let of = |class| waits(found, Call::Fsync, class);
    println!("{} fsyncs, {} of class wal", of(None), of(Some(FileClass::Wal)));
    assert_eq!((of(None), of(Some(FileClass::Wal))), (FILES, FILES));
    Ok(())
}

// The same as fast as it goes: more streams at a time than there is room for. That is said; what had no room stands
// under nobody's name, and all sums are still exact: requests and bytes of the device, and fsyncs of all together.
#[test]
#[ignore = "needs root and this kernel"]
fn more_streams_than_there_is_room_for_are_said_and_add_up() -> Result<()> {
    let mut churn = Churn::new()?;
    let report = churn.watched(1_000_000)?;
    let streams = Count::StreamTableFull.name();
    let is_streams =
        |note: &Note| matches!(note, Note::Counter { counter, .. } if counter == streams);
    assert!(full(&report).iter().any(|note| is_streams(note)), "too slow");
    let is_overflow = |actor: &&Actor| actor.id.starts_with("unattributed:stream_table_full:");
    let overflow: Vec<&Actor> = report.actors.iter().filter(is_overflow).collect();
    let own = waits(actor(&report, churn.writer.pid())?, Call::Fsync, None);
    let rest: u64 = overflow.iter().map(|actor| waits(actor, Call::Fsync, None)).sum();
    println!("{own} fsyncs under its own name, {rest} without room");
    assert!(rest > 0);
    // Others of this host may have synced something without finding room either.
    assert!(own + rest >= FILES && own <= FILES, "{own} and {rest} of {FILES}");
    Ok(())
}
