//! IO through other hands, on the VM's disks: threads of io_uring, AIO, device-mapper, loop devices.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use iocontend_core::ids::Op;
use iocontend_core::report::Report;
use iocontend_tests::indirect::{Charged, Mapped, SIZE, check_threads, flush, load, watched};
use iocontend_tests::loopdev::{LoopDevice, Mounted};
use iocontend_tests::process::{run, until};
use iocontend_tests::watch::writes;
use iocontend_tests::{blockstat, fio};

/// Direct writes, 4 at a time.
const DIRECT: [&str; 4] = ["rw=write", "direct=1", "ioengine=libaio", "iodepth=4"];
/// Buffered writes without a sync.
const BUFFERED: [&str; 2] = ["rw=write", "ioengine=psync"];

/// How long a reader may take to read as much.
const READS_LIMIT: Duration = Duration::from_secs(60);

/// The VM's second disk, which nobody uses.
fn spare() -> String {
    let disks = std::env::var("IOCONTEND_VM_DISKS").expect("not in the VM: no IOCONTEND_VM_DISKS");
    disks.split(' ').nth(1).expect("the VM needs a second --disk").to_owned()
}

/// A line of the table for the bytes of a disk; at least so much of what was moved is the process's.
fn checked(what: &str, report: &Report, disk: &str, op: Op, pid: u32, percent: u64) -> String {
    let charged = Charged::of(report, disk, op, pid);
    let line = charged.line(&format!("{what}, {disk}"));
    charged.check(percent, 0).with_context(|| format!("{line}\n{}", writes(report))).unwrap();
    line + "\n"
}

// Property: what io_uring's threads and AIO submit or dirty is the process's, 99 % of direct bytes and 97 % of buffered
// ones, and every request of the disk is counted once.
#[test]
#[ignore = "needs the VM"]
fn vm_indirect_threads_of_io_uring_are_their_process() {
    let folder = super::folder();
    println!("\n{}", check_threads(folder.path(), &super::disk()).unwrap());
}

/// Direct IO to a device, and buffered IO through a file system on it, are the process's on the disk below.
fn stacked(target: &'static str) -> String {
    let mut table = String::new();
    let spare = spare();
    let mapped = Mapped::new("iocontend-test", target, &format!("/dev/{spare}")).unwrap();
    let node = mapped.node();
    let (report, pid) = watched(&[&spare], || load(Path::new(&node), &DIRECT)).unwrap();
    table += &checked(&format!("{target}, direct writes"), &report, &spare, Op::Write, pid, 99);
    none_of(&report, mapped.disk());
    let (report, pid) = watched(&[&spare], || {
        load(Path::new(&node), &["rw=read", "direct=1", "ioengine=libaio", "iodepth=4"])
    })
    .unwrap();
    table += &checked(&format!("{target}, direct reads"), &report, &spare, Op::Read, pid, 99);
    let mounted = Mounted::on(&node, "ext4").unwrap();
    let file = mounted.path().join("file");
    let (report, pid) = watched(&[&spare], || {
        let pid = load(&file, &BUFFERED)?;
        flush(&file)?;
        Ok(pid)
    })
    .unwrap();
    table += &checked(&format!("{target}, buffered writes"), &report, &spare, Op::Write, pid, 97);
    none_of(&report, mapped.disk());
    table
}

/// A device that hands bios on has no requests, so a report has nothing of it: its bytes stand once, at the disk.
fn none_of(report: &Report, disk: &str) {
    let device = report.devices.iter().find(|device| device.name == disk);
    let bytes: u64 = device.into_iter().flat_map(|one| &one.ops).map(|row| row.bytes).sum();
    assert_eq!(bytes, 0, "{device:?}");
}

// Property: a request below dm-linear belongs to the process above it, once.
#[test]
#[ignore = "needs the VM with two disks"]
fn vm_indirect_below_dm_linear_is_the_process_above() {
    println!("\n{}", stacked("linear"));
}

// Property: the same below dm-crypt, whose worker threads submit what was written.
#[test]
#[ignore = "needs the VM with two disks"]
fn vm_indirect_below_dm_crypt_is_the_process_above() {
    println!("\n{}", stacked("crypt"));
}

// Property: whoever reads the places that somebody writes at the same time, as udev does, takes none of the writes.
#[test]
#[ignore = "needs the VM with two disks"]
fn vm_indirect_reads_of_the_same_place_take_no_writes() {
    let spare = spare();
    let mapped = Mapped::new("iocontend-test", "crypt", &format!("/dev/{spare}")).unwrap();
    let node = mapped.node();
    let (report, (pid, reader)) = watched(&[&spare], || {
        let target = format!("filename={node}");
        let options = ["direct=1", "bs=64k", "time_based=1", "runtime=300"];
        let reads = ["rw=read", "size=1m", "ioengine=libaio", "iodepth=16", &target];
        let read_before = blockstat::read(&spare)?.done.read_bytes;
        let reader = fio::start(&[&options[..], &reads].concat())?;
        // Else what is written may all be there before the reader is.
        until("somebody reads", READS_LIMIT, || {
            let read = blockstat::read(&spare)?.done.read_bytes - read_before;
            Ok((read > SIZE).then_some(()))
        })?;
        let writes = ["rw=write", "direct=1", "ioengine=libaio", "iodepth=4", "io_size=8m"];
        // Over the same 16 places again and again.
        let pid = load(Path::new(&node), &[&writes[..], &["size=1m"]].concat())?;
        let reading = reader.pid();
        drop(reader);
        Ok((pid, reading))
    })
    .unwrap();
    let reads = Charged::of(&report, &spare, Op::Read, reader);
    assert!(reads.own > SIZE, "nobody read meanwhile: {reads:?}");
    let taken = Charged::of(&report, &spare, Op::Write, reader);
    assert_eq!(taken.own, 0, "{}", writes(&report));
    println!("\n{}", checked("crypt, writes beside reads", &report, &spare, Op::Write, pid, 99));
}

/// Below a loop device: direct writes to it, reads from it, buffered writes through a file system on it.
fn below_a_loop(name: &str, options: &[&str]) -> String {
    let mut table = String::new();
    let (folder, disk) = (super::folder(), super::disk());
    run("modprobe", &["loop"]).unwrap();
    let file = folder.path().join("disk");
    let device = LoopDevice::with(&file, 64 << 20, options).unwrap();
    let node = device.node();
    let (report, pid) = watched(&[&disk, device.name()], || {
        let pid = load(Path::new(&node), &DIRECT)?;
        flush(&file)?;
        Ok(pid)
    })
    .unwrap();
    table +=
        &checked(&format!("{name}, direct writes"), &report, device.name(), Op::Write, pid, 99);
    table += &checked(&format!("{name}, direct writes"), &report, &disk, Op::Write, pid, 97);
    std::fs::write("/proc/sys/vm/drop_caches", "3").unwrap();
    let (report, pid) = watched(&[&disk, device.name()], || {
        load(Path::new(&node), &["rw=read", "direct=1", "ioengine=psync"])
    })
    .unwrap();
    table += &checked(&format!("{name}, direct reads"), &report, &disk, Op::Read, pid, 97);
    let mounted = Mounted::on(&node, "ext4").unwrap();
    flush(&file).unwrap();
    let inner = mounted.path().join("file");
    let (report, pid) = watched(&[&disk, device.name()], || {
        let pid = load(&inner, &BUFFERED)?;
        flush(&inner)?;
        flush(&file)?;
        Ok(pid)
    })
    .unwrap();
    table +=
        &checked(&format!("{name}, buffered writes"), &report, device.name(), Op::Write, pid, 97);
    table += &checked(&format!("{name}, buffered writes"), &report, &disk, Op::Write, pid, 97);
    table
}

// Property: what a loop device's worker reads, and dirties in its file, is on the disk below whose it is on the loop
// device.
#[test]
#[ignore = "needs the VM"]
fn vm_indirect_below_a_loop_device_is_its_user() {
    println!("\n{}", below_a_loop("loop", &[]));
}

// Property: the same of a loop device that does direct IO.
#[test]
#[ignore = "needs the VM"]
fn vm_indirect_below_a_direct_loop_device_is_its_user() {
    println!("\n{}", below_a_loop("direct loop", &["--direct-io=on"]));
}
