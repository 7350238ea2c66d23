//! Requests that the driver gives back, on a disk that says again and again that it is busy.

use std::fs;
use std::path::Path;
use std::time::Duration;

use iocontend_tests::blockstat::{self, Counts};
use iocontend_tests::fio;
use iocontend_tests::process::{run, until};
use iocontend_tests::tracefs::BlockTrace;
use iocontend_tests::watch::Watch;

/// Where the kernel's simulated SCSI disk is set up and found (drivers/scsi/scsi_debug.c).
pub(super) const DRIVER: &str = "/sys/bus/pseudo/drivers/scsi_debug";
/// `SDEBUG_OPT_HOST_BUSY`: of every so many commands the adapter does not take one, after its request was issued.
const HOST_BUSY: &str = "0x8000";
const EVERY: &str = "20";
/// The system looks at a new disk, and again at one that was written to.
const QUIET_LIMIT: Duration = Duration::from_secs(120);
const REQUESTS: u64 = 2_000;

/// The simulated disk's name.
pub(super) fn simulated_disk() -> String {
    run("modprobe", &["scsi_debug", "dev_size_mb=64", "delay=1", "max_queue=8"]).unwrap();
    until("a simulated disk", Duration::from_secs(60), || {
        let found = fs::read_dir("/sys/block")?.filter_map(Result::ok).find(|disk| {
            let model = disk.path().join("device/model");
            fs::read_to_string(model).is_ok_and(|model| model.trim() == "scsi_debug")
        });
        Ok(found.map(|disk| disk.file_name().to_string_lossy().into_owned()))
    })
    .unwrap()
}

fn set(name: &str, value: &str) {
    fs::write(Path::new(DRIVER).join(name), value).unwrap();
}

// Property: a request that the driver gave back and that was issued again is one request, with its bytes once; how
// often that happened is the kernel's own number of events.
#[test]
#[ignore = "needs the VM"]
fn vm_requeued_requests_are_counted_once() {
    let disk = simulated_disk();
    let quiet_watch = || Watch::fio(&[]);
    run("udevadm", &["settle"]).unwrap();
    let (before, watch) = blockstat::while_quiet(&disk, QUIET_LIMIT, quiet_watch).unwrap();
    let trace = BlockTrace::of(&disk, &["block_rq_requeue"]).unwrap();
    set("opts", HOST_BUSY);
    set("every_nth", EVERY);
    let (target, number) = (format!("filename=/dev/{disk}"), format!("number_ios={REQUESTS}"));
    let load = ["rw=randrw", "bs=4k", "direct=1", "ioengine=libaio", "iodepth=16", "size=100%"];
    fio::run(&[&[target.as_str(), &number], &load[..]].concat()).unwrap();
    set("every_nth", "0");
    set("opts", "0");
    run("udevadm", &["settle"]).unwrap();
    let (after, ()) = blockstat::while_quiet(&disk, QUIET_LIMIT, || Ok(())).unwrap();
    let report = watch.finish().unwrap();
    assert_eq!(blockstat::read(&disk).unwrap().done, after, "somebody else uses {disk}");
    let (kernel, requeues) = (after.since(&before), trace.count("block_rq_requeue").unwrap());
    println!("{requeues} given back, {kernel:?}");
    assert!(requeues > 0, "the driver never gave a request back");
    assert_eq!(Counts::of_report(&report, &disk), kernel);
    assert!(kernel.requests() >= REQUESTS);
    let device = report.devices.iter().find(|device| device.name == disk).unwrap();
    assert_eq!(device.requeues, Some(requeues));
    assert!(report.coverage.lost.is_empty(), "{:?}", report.coverage.lost);
}
