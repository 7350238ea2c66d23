//! Requests and bytes beside the kernel's own counters.

use std::fs;
use std::time::Duration;

use iocontend_tests::blockstat::{self, Counts};
use iocontend_tests::fio;
use iocontend_tests::process::run;
use iocontend_tests::watch::Watch;

const QUIET_LIMIT: Duration = Duration::from_secs(120);

/// How often a measurement is made again because the disk was used just before the end.
const TRIES: u32 = 5;

/// Watches a load on the disk between two moments at which the disk does nothing, and compares every count.
fn counts_are_exact(load: impl Fn(&str)) -> (Counts, u64) {
    let tries = (0..TRIES).find_map(|_| compare(&load));
    tries.expect("the disk is never quiet: its file system writes all the time")
}

/// `None` when the file system wrote something between the last quiet moment and the end.
fn compare(load: impl Fn(&str)) -> Option<(Counts, u64)> {
    let folder = super::folder();
    let disk = super::disk();
    run("sync", &[]).unwrap();
    let start = || Watch::start(&["--wait", "--pid-of", "fio"]);
    let (before, watch) = blockstat::while_quiet(&disk, QUIET_LIMIT, start).unwrap();
    let merged_before = blockstat::merges(&disk).unwrap();
    load(&folder.path().display().to_string());
    run("sync", &[]).unwrap();
    let merged = blockstat::merges(&disk).unwrap() - merged_before;
    let (after, ()) = blockstat::while_quiet(&disk, QUIET_LIMIT, || Ok(())).unwrap();
    let report = watch.finish().unwrap();
    if blockstat::read(&disk).unwrap().done != after {
        return None;
    }
    let ours = Counts::of_report(&report, &disk);
    assert_eq!(ours, after.since(&before));
    super::is_complete(&report);
    Some((ours, merged))
}

/// Switches the disk's scheduler.
fn schedule(name: &str) {
    let queue = format!("/sys/block/{}/queue/scheduler", super::disk());
    if !fs::read_to_string(&queue).unwrap().contains(name) {
        run("modprobe", &[name]).unwrap();
    }
    fs::write(queue, name).unwrap();
}

/// Random direct reads and writes, many at a time, with syncs between.
fn mixed(folder: &str) {
    fio::run(&[
        "rw=randrw",
        "bs=4k",
        "direct=1",
        "ioengine=libaio",
        "iodepth=16",
        "size=16m",
        "number_ios=1500",
        "fdatasync=50",
        &format!("directory={folder}"),
    ])
    .unwrap();
}

/// Neighbouring small writes that are merged on their way: four files side by side, through the page cache and
/// around it.
fn sequential(folder: &str) {
    let directory = format!("directory={folder}");
    let direct = ["rw=write", "bs=4k", "direct=1", "ioengine=libaio", "iodepth=64"];
    let batch = ["iodepth_batch=16", "size=2m", "numjobs=2", "group_reporting=1"];
    let all: Vec<&str> = direct.into_iter().chain(batch).chain([directory.as_str()]).collect();
    fio::run(&all).unwrap();
    fio::run(&["rw=write", "bs=4k", "size=8m", "numjobs=2", "end_fsync=1", &directory]).unwrap();
}

// Property: on a throttled NVMe disk every count and every byte equals the kernel's own, for a mixed load with syncs.
#[test]
#[ignore = "needs the VM"]
fn vm_counts_equal_the_kernels() {
    let (counts, _) = counts_are_exact(mixed);
    println!("{}: {counts:?}", super::file_system());
    assert!(counts.requests() >= 1000, "{counts:?}");
}

// Property: the same with mq-deadline, whose queue merges requests: a merged request counts once.
#[test]
#[ignore = "needs the VM"]
fn vm_counts_are_exact_with_mq_deadline() {
    schedule("mq-deadline");
    let (counts, merged) = counts_are_exact(sequential);
    schedule("none");
    println!("{}, mq-deadline: {merged} merged, {counts:?}", super::file_system());
    assert!(merged > 0);
}

// Property: the same with BFQ, which holds requests back and dispatches them from elsewhere.
#[test]
#[ignore = "needs the VM"]
fn vm_counts_are_exact_with_bfq() {
    schedule("bfq");
    let (counts, merged) = counts_are_exact(sequential);
    schedule("none");
    println!("{}, bfq: {merged} merged, {counts:?}", super::file_system());
    assert!(merged > 0);
}
