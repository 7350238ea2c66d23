//! One document per line and interval.

use anyhow::{Context as _, Result};
use iocontend_core::report::Report;
use iocontend_tests::blockstat::{self, Counts};
use iocontend_tests::fio;
use iocontend_tests::loopdev::RamDisk;
use iocontend_tests::tracefs::BlockTrace;
use iocontend_tests::watch::Watch;

/// Requests of a load that ends somewhere within an interval.
const REQUESTS: u64 = 30_000;

/// A load beside a watch; gives the kernel's counts, the watch, and what no probe could see.
fn load(disk: &RamDisk, watch: impl FnOnce() -> Result<Watch>) -> Result<(Counts, Watch, Counts)> {
    let on_init = BlockTrace::completions_on_init(disk.name())?;
    let before = blockstat::quiet(disk.name())?;
    let watch = watch()?;
    let target = format!("filename={}", disk.device().node());
    let number = format!("number_ios={REQUESTS}");
    let rate = ["rate_iops=9000", "bs=4k", "rw=randrw", "direct=1", "ioengine=libaio"];
    fio::run(
        &[&[target.as_str(), &number, "size=100%", "io_size=1t", "iodepth=4"], &rate[..]].concat(),
    )?;
    let kernel = blockstat::quiet(disk.name())?.since(&before);
    Ok((kernel, watch, on_init.completions()?))
}

/// Counts of several reports together.
fn sum(reports: &[Report], disk: &str) -> Counts {
    let all = reports.iter().map(|report| Counts::of_report(report, disk));
    all.fold(Counts::default(), |sum, counts| sum.plus(&counts))
}

// Property: all lines together are the whole: their counts and bytes equal the kernel's although the load and the
// watch end within an interval, and their times follow each other without a gap.
#[test]
#[ignore = "needs root and this kernel"]
fn lines_add_up_to_the_whole() -> Result<()> {
    let disk = RamDisk::new(64 << 20)?;
    disk.fill()?;
    let args = ["--pid-of", "fio", "--wait", "--interval", "1s"];
    let (kernel, watch, unseen) = load(&disk, || Watch::start_lines(&args))?;
    let lines = watch.finish_lines()?;
    println!("{} lines, {kernel:?}", lines.len());
    assert!(lines.len() >= 3 && kernel.requests() >= REQUESTS, "{} lines", lines.len());
    for pair in lines.windows(2) {
        assert_eq!(pair[0].window.end, pair[1].window.start);
    }
    let last = lines.last().context("no lines")?;
    assert!(last.window.duration_ns < 1_000_000_000, "not cut: {:?}", last.window);
    sum(&lines, disk.name()).agree(&kernel, &unseen)
}
