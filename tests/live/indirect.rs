//! IO through other hands on this kernel: threads of io_uring, AIO, a loop device with a file on a disk.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use iocontend_core::ids::Op;
use iocontend_tests::blockstat::disk_of;
use iocontend_tests::indirect::{Charged, SIZE, check_threads, flush, load};
use iocontend_tests::loopdev::{LoopDevice, Mounted, RamDisk};
use iocontend_tests::process::{run, until};
use iocontend_tests::tracefs::BlockTrace;
use iocontend_tests::watch::Watch;
use serde_json::Value;
use tempfile::TempDir;

// Property: what io_uring's threads and AIO submit or dirty is the process's, 99 % of direct bytes and 97 % of buffered
// ones, and every request of the disk is counted once.
#[test]
#[ignore = "needs root and this kernel"]
fn threads_of_io_uring_are_their_process() -> Result<()> {
    let disk = RamDisk::new(256 << 20)?;
    let mounted = Mounted::ext4(disk.device())?;
    println!("{}", check_threads(mounted.path(), disk.name())?);
    Ok(())
}

// Property: what a loop device's worker writes to its file is, on the disk below, the device's user's, buffered and
// direct. Others use that disk too, so only the user's own bytes are looked at.
#[test]
#[ignore = "needs root and this kernel"]
fn below_a_loop_device_is_its_user() -> Result<()> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let below = disk_of(folder.path())?;
    for (name, options) in [("buffered", &[][..]), ("direct", &["--direct-io=on"][..])] {
        let file = folder.path().join(name);
        let device = LoopDevice::with(&file, 64 << 20, options)?;
        let disks = [device.name(), &below];
        let on_init = disks.map(BlockTrace::completions_on_init);
        let watch = Watch::fio(&[])?;
        let pid = load(
            Path::new(&device.node()),
            &["rw=write", "direct=1", "ioengine=libaio", "iodepth=4"],
        )?;
        flush(&file)?;
        let report = watch.finish()?;
        for (disk, on_init) in disks.into_iter().zip(on_init) {
            let charged = Charged::of(&report, disk, Op::Write, pid);
            println!("{}", charged.line(&format!("{name} loop, {disk}")));
            let unseen = on_init?.out_of_sight(&report)?.write_bytes;
            ensure!(
                charged.own + unseen >= SIZE / 100 * 97,
                "{name}, {disk}, {unseen} unseen: {charged:?}"
            );
        }
    }
    Ok(())
}

/// That long after it is there, a loop device is known.
const KNOWN_WITHIN: Duration = Duration::from_secs(3);

/// Whether a watch has told its programs of a loop device's file: the file's number stands first in what they find it by.
fn is_known(file: &Path) -> Result<bool> {
    let listed: Value = serde_json::from_str(&run("bpftool", &["map", "list", "-j"])?)?;
    let ours = listed.as_array().into_iter().flatten().filter(|map| map["name"] == "LOOP_FILES");
    let number: Vec<String> =
        file.metadata()?.ino().to_ne_bytes().iter().map(|byte| format!("{byte:#04x}")).collect();
    for map in ours.filter_map(|map| map["id"].as_u64()) {
        // It may be of a watch that has just ended.
        let Ok(text) = run("bpftool", &["map", "dump", "id", &map.to_string(), "-j"]) else {
            continue;
        };
        let entries: Value = serde_json::from_str(&text)?;
        let key = |entry: &Value| Some(entry["key"].as_array()?.iter().take(8).cloned().collect());
        let mut keys = entries.as_array().into_iter().flatten().filter_map(key);
        if keys.any(|key: Vec<Value>| key == number) {
            return Ok(true);
        }
    }
    Ok(false)
}

// Property: where there is a loop device as watching begins, one that comes later is known a second later, and one with
// another file too.
#[test]
#[ignore = "needs root and this kernel"]
fn below_a_loop_device_that_comes_later_is_its_user() -> Result<()> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let below = disk_of(folder.path())?;
    let _there = LoopDevice::with(&folder.path().join("there"), 1 << 20, &[])?;
    let on_init = BlockTrace::completions_on_init(&below)?;
    let watch = Watch::fio(&[])?;
    let mut pids = Vec::new();
    for name in ["first", "second"] {
        let file = folder.path().join(name);
        let device = LoopDevice::with(&file, 64 << 20, &["--direct-io=on"])?;
        // It looks once a second; a busy host is given some more.
        until("it knows the file", KNOWN_WITHIN, || Ok(is_known(&file)?.then_some(())))?;
        let options = ["rw=write", "direct=1", "ioengine=libaio", "iodepth=4"];
        pids.push((name, load(Path::new(&device.node()), &options)?));
    }
    let report = watch.finish()?;
    let unseen = on_init.out_of_sight(&report)?.write_bytes;
    for (name, pid) in pids {
        let charged = Charged::of(&report, &below, Op::Write, pid);
        println!("{}", charged.line(&format!("{name} loop, {below}")));
        ensure!(charged.own + unseen >= SIZE / 100 * 97, "{name}, {unseen} unseen: {charged:?}");
    }
    Ok(())
}
