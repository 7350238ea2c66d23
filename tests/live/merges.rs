//! What happens to requests on their way, by device.

use anyhow::{Context as _, Result};
use iocontend_tests::blockstat::{self, Counts};
use iocontend_tests::fio;
use iocontend_tests::loopdev::RamDisk;
use iocontend_tests::tracefs::BlockTrace;
use iocontend_tests::watch::Watch;

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
    // Every other block each: a bio that fills a gap makes two requests one.
    let target = format!("filename={}", disk.device().node());
    let load = ["rw=write:4k", "bs=4k", "direct=1", "ioengine=libaio", "iodepth=128", "size=96m"];
    let batch = ["iodepth_batch=32", "numjobs=2", "offset_increment=4k"];
    fio::run(&[&[target.as_str()], &load[..], &batch].concat())?;
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
