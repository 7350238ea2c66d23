//! Waits by call, beside a program that made a known number of each.

use iocontend_core::ids::Call;
use iocontend_tests::watch::{Watch, actor, waits};
use iocontend_tests::writer::Writer;

// Property: every fsync, fdatasync, synchronous write and msync is one wait of its own kind, on ext4, xfs and btrfs.
#[test]
#[ignore = "needs the VM"]
fn vm_syncs_are_counted_by_call() {
    let folder = super::folder();
    let mut writer = Writer::start(super::WRITER.as_ref(), &[]).unwrap();
    let watch = Watch::start(&["--pid", &writer.pid().to_string()]).unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (open, orders) in [
        (path("plain"), &["fsync 50", "fdatasync 40", "msync 10", "rwf-dsync 7", "rwf-sync 5"][..]),
        (format!("{} dsync", path("dsync")), &["write 4096 30"][..]),
        (format!("{} sync", path("sync")), &["write 4096 20"][..]),
    ] {
        writer.order(&format!("open {open}")).unwrap();
        for order in orders {
            writer.order(order).unwrap();
        }
    }
    let report = watch.finish().unwrap();

    super::is_complete(&report);
    let found = actor(&report, writer.pid()).unwrap();
    let count = |call| waits(found, call, None);
    let (dsync, sync) = (count(Call::OdsyncWrite), count(Call::OsyncWrite));
    let others = [Call::Fsync, Call::Fdatasync, Call::Msync, Call::OtherSync].map(count);
    println!("{}: {others:?}, O_DSYNC {dsync}, O_SYNC {sync}", super::file_system());
    assert_eq!(others, [50, 40, 10, 0], "{:?}", found.waits);
    assert_eq!((dsync, sync), (30 + 7, 20 + 5));
}
