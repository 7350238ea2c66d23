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
/// `SDEBUG_OPT_RARE_TSF` and `SDEBUG_OPT_HOST_BUSY`: every so many commands the disk's queue is full (the command
/// comes back as done and is sent again), or the adapter is busy (it does not take the command).
const BUSY: [(&str, &str); 2] = [("0x800", "queue full"), ("0x8000", "adapter busy")];
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
    for (option, what) in BUSY {
        let trace = BlockTrace::of(&disk, &["block_rq_requeue"]).unwrap();
        let before = blockstat::quiet(&disk).unwrap();
        let watch = Watch::fio(&[]).unwrap();
        set("opts", option);
        set("every_nth", "20");
        let (target, number) = (format!("filename=/dev/{disk}"), format!("number_ios={REQUESTS}"));
        let load = ["rw=randrw", "bs=4k", "direct=1", "ioengine=libaio", "iodepth=16", "size=100%"];
        fio::run(&[&[target.as_str(), &number], &load[..]].concat()).unwrap();
        set("every_nth", "0");
        set("opts", "0");
        let kernel = blockstat::quiet(&disk).unwrap().since(&before);
        let report = watch.finish().unwrap();
        let requeues = trace.count("block_rq_requeue").unwrap();
        println!("{what}: {requeues} given back, {kernel:?}");
        assert!(requeues > 0, "{what}: the driver never gave a request back");
        assert_eq!(Counts::of_report(&report, &disk), kernel);
        assert!(kernel.requests() >= REQUESTS);
        let device = report.devices.iter().find(|device| device.name == disk).unwrap();
        assert_eq!(device.requeues, Some(requeues));
        assert!(report.coverage.lost.is_empty(), "{:?}", report.coverage.lost);
    }
}
