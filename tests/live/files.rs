//! Files and streams come and go for longer than the kernel side's tables would hold them.

use std::fs;

use anyhow::Result;
use iocontend_core::ids::{Call, FileClass};
use iocontend_core::report::Report;
use iocontend_tests::blockstat::{self, Counts};
use iocontend_tests::loopdev::{Mounted, RamDisk};
use iocontend_tests::tracefs::BlockTrace;
use iocontend_tests::watch::{Watch, actor, waits};
use iocontend_tests::writer::Writer;

const MIB: u64 = 1 << 20;
/// The helper program beside the tests.
const WRITER: &str = env!("CARGO_BIN_EXE_writer");
/// Files of a churn: three times as many as are told apart at a time.
const FILES: u64 = 3_200;
/// A WAL makes one segment in minutes.
const PER_SECOND: u64 = 150;

/// Notes of a report that say that a table was full.
fn full(report: &Report) -> Vec<&String> {
    report.coverage.notes.iter().filter(|note| note.contains("table of")).collect()
}

// A target that makes, syncs and deletes three times as many files as are told apart at a time: no table is ever
// full, every fsync is counted and in its class, and the device's numbers are the kernel's.
#[test]
#[ignore = "needs root and this kernel"]
fn files_that_come_and_go_all_have_their_class() -> Result<()> {
    let disk = RamDisk::new(512 * MIB)?;
    drop(Mounted::ext4(disk.device())?);
    let on_init = BlockTrace::completions_on_init(disk.name())?;
    let place = tempfile::tempdir()?;
    let program = Writer::copy_as(WRITER.as_ref(), place.path(), "etcd")?;
    let mounted = Mounted::mount(disk.device())?;
    let (wal, kept) = (mounted.path().join("member/wal"), mounted.path().join("kept"));
    let mut writer =
        Writer::start(&program, &[format!("--data-dir={}", mounted.path().display())])?;
    let pid = writer.pid();
    let before = blockstat::quiet(disk.name())?;
    let watch = Watch::start(&["--pid", &pid.to_string()])?;
    fs::create_dir_all(&wal)?;
    fs::create_dir(&kept)?;
    writer.order(&format!("churn {} {} {FILES} {PER_SECOND}", wal.display(), kept.display()))?;
    drop(mounted);
    let kernel = blockstat::quiet(disk.name())?.since(&before);
    let report = watch.finish()?;

    println!("{kernel:?}, notes {:?}", report.coverage.notes);
    assert_eq!(full(&report), Vec::<&String>::new());
    let found = actor(&report, pid)?;
    let of = |class| waits(found, Call::Fsync, class);
    println!("{} fsyncs, {} of class wal", of(None), of(Some(FileClass::Wal)));
    assert_eq!((of(None), of(Some(FileClass::Wal))), (FILES, FILES), "{:?}", found.waits);
    let unseen = on_init.completions()?;
    let mut lost = report.coverage.lost.clone();
    // Said, and no more than was out of sight.
    let not_run = lost.remove("probe_not_run").unwrap_or(0);
    assert!(not_run <= unseen.requests(), "{not_run} not seen, {unseen:?} out of sight");
    assert!(lost.is_empty(), "{lost:?}");
    Counts::of_report(&report, disk.name()).agree(&kernel, &unseen)
}
