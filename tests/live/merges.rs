//! What happens to requests on their way, by device.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use iocontend_tests::blockstat::{self, Counts};
use iocontend_tests::fio;
use iocontend_tests::loopdev::RamDisk;
use iocontend_tests::tracefs::BlockTrace;
use iocontend_tests::watch::Watch;
use tempfile::NamedTempFile;

/// Requests that are handed to the kernel by one system call, so that they meet before the disk sees them.
const BATCH: u64 = 32;
/// Pairs of batches.
const PAIRS: u64 = 100;
const BLOCK: u64 = 4096;

/// Orders for fio: neighbours one after the other, whose bios are merged; then all even blocks before all odd ones,
/// which become requests of their own first.
fn orders(node: &str) -> Result<NamedTempFile> {
    let mut log = NamedTempFile::new()?;
    writeln!(log, "fio version 2 iolog\n{node} add\n{node} open")?;
    for pair in 0..PAIRS {
        let first = 2 * pair * BATCH;
        let apart = (first + BATCH..first + 2 * BATCH).step_by(2);
        for block in (first..first + BATCH).chain(apart.clone()).chain(apart.map(|even| even + 1)) {
            writeln!(log, "{node} write {} {BLOCK}", block * BLOCK)?;
        }
    }
    writeln!(log, "{node} close")?;
    log.flush()?;
    Ok(log)
}

// Property: merges are the kernel's own count, request merges the kernel's own events, and what is between the two
// are bios that went into a request: nothing else. Counts and bytes stay exact.
#[test]
#[ignore = "needs root and this kernel"]
fn merges_are_the_kernels() -> Result<()> {
    let disk = RamDisk::new(256 << 20)?;
    disk.device().merge_with("mq-deadline")?;
    let on_init = BlockTrace::completions_on_init(disk.name())?;
    let events = ["block_bio_backmerge", "block_bio_frontmerge", "block_rq_merge"];
    let trace = BlockTrace::of(disk.name(), &events)?;
    let before = (blockstat::quiet(disk.name())?, blockstat::merges(disk.name())?);
    let watch = Watch::fio(&[])?;
    let log = orders(&disk.device().node())?;
    let replay = format!("read_iolog={}", log.path().display());
    let depth = format!("iodepth={BATCH}");
    let [submit, complete] =
        ["submit", "complete_min"].map(|what| format!("iodepth_batch_{what}={BATCH}"));
    fio::run(&[&replay, "direct=1", "ioengine=libaio", &depth, &submit, &complete])?;
    let kernel = blockstat::quiet(disk.name())?.since(&before.0);
    let merges = blockstat::merges(disk.name())? - before.1;
    let report = watch.finish()?;
    let [back, front, requests] = events.map(|event| trace.count(event));
    let (bios, requests) = (back? + front?, requests?);
    println!("{merges} merges: {bios} bios, {requests} requests; {kernel:?}");
    let device = report.devices.iter().find(|found| found.name == disk.name());
    let device = device.context("no device")?;
    assert!(bios > 0 && requests > 0, "the load merges too little");
    assert_eq!(device.merges, Some(merges));
    assert_eq!(device.merges, Some(bios + requests));
    assert_eq!((device.request_merges, device.requeues), (Some(requests), Some(0)));
    Counts::of_report(&report, disk.name()).agree(&kernel, &on_init.completions()?)
}
