//! IO through other hands, on the VM's disks: threads of io_uring, AIO, device-mapper, loop devices.

use std::path::Path;

use iocontend_core::ids::Op;
use iocontend_core::report::Report;
use iocontend_tests::indirect::{Charged, Mapped, check_threads, flush, load, watched};
use iocontend_tests::loopdev::{LoopDevice, Mounted};
use iocontend_tests::process::run;

/// Direct writes, 4 at a time.
const DIRECT: [&str; 4] = ["rw=write", "direct=1", "ioengine=libaio", "iodepth=4"];
/// Buffered writes without a sync.
const BUFFERED: [&str; 2] = ["rw=write", "ioengine=psync"];

/// The VM's second disk, which nobody uses.
fn spare() -> String {
    let disks = std::env::var("IOCONTEND_VM_DISKS").expect("not in the VM: no IOCONTEND_VM_DISKS");
    disks.split(' ').nth(1).expect("the VM needs a second --disk").to_owned()
}

/// Whose the bytes of a disk are; printed, and checked.
fn charged(what: &str, report: &Report, disk: &str, op: Op, pid: u32) -> Charged {
    let charged = Charged::of(report, disk, op, pid);
    println!("\n{}", charged.line(&format!("{what}, {disk}")));
    charged
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
fn stacked(target: &'static str) {
    let spare = spare();
    let mapped = Mapped::new("iocontend-test", target, &format!("/dev/{spare}")).unwrap();
    let node = mapped.node();
    let (report, pid) = watched(&[&spare], || load(Path::new(&node), &DIRECT)).unwrap();
    charged(&format!("{target}, direct"), &report, &spare, Op::Write, pid).check(99).unwrap();
    none_of(&report, mapped.disk());
    let (report, pid) = watched(&[&spare], || {
        load(Path::new(&node), &["rw=read", "direct=1", "ioengine=libaio", "iodepth=4"])
    })
    .unwrap();
    charged(&format!("{target}, direct"), &report, &spare, Op::Read, pid).check(99).unwrap();
    let mounted = Mounted::on(&node, "ext4").unwrap();
    let file = mounted.path().join("file");
    let (report, pid) = watched(&[&spare], || {
        let pid = load(&file, &BUFFERED)?;
        flush(&file)?;
        Ok(pid)
    })
    .unwrap();
    charged(&format!("{target}, buffered"), &report, &spare, Op::Write, pid).check(97).unwrap();
    none_of(&report, mapped.disk());
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
    stacked("linear");
}

// Property: the same below dm-crypt, whose worker threads submit what was written.
#[test]
#[ignore = "needs the VM with two disks"]
fn vm_indirect_below_dm_crypt_is_the_process_above() {
    stacked("crypt");
}

/// Below a loop device: direct writes to it, reads from it, buffered writes through a file system on it.
fn below_a_loop(name: &str, options: &[&str]) {
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
    charged(&format!("{name}, direct writes"), &report, device.name(), Op::Write, pid)
        .check(99)
        .unwrap();
    charged(&format!("{name}, direct writes"), &report, &disk, Op::Write, pid).check(97).unwrap();
    std::fs::write("/proc/sys/vm/drop_caches", "3").unwrap();
    let (report, pid) = watched(&[&disk, device.name()], || {
        load(Path::new(&node), &["rw=read", "direct=1", "ioengine=psync"])
    })
    .unwrap();
    charged(&format!("{name}, direct reads"), &report, &disk, Op::Read, pid).check(97).unwrap();
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
    charged(&format!("{name}, buffered writes"), &report, device.name(), Op::Write, pid)
        .check(97)
        .unwrap();
    charged(&format!("{name}, buffered writes"), &report, &disk, Op::Write, pid)
        .check(97)
        .unwrap();
}

// Property: what a loop device's worker reads, and dirties in its file, is on the disk below whose it is on the loop
// device.
#[test]
#[ignore = "needs the VM"]
fn vm_indirect_below_a_loop_device_is_its_user() {
    below_a_loop("loop", &[]);
}

// Property: the same of a loop device that does direct IO.
#[test]
#[ignore = "needs the VM"]
fn vm_indirect_below_a_direct_loop_device_is_its_user() {
    below_a_loop("direct loop", &["--direct-io=on"]);
}
