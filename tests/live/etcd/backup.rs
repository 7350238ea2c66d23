//! A backup beside etcd, and etcd restarted.

#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::process::Command;

use iocontend_core::ids::{Call, FileClass, Op, Role};
use iocontend_core::report::Report;
use iocontend_tests::etcd::Etcd;
use iocontend_tests::tracefs::BlockTrace;
use iocontend_tests::watch::{Watch, actor, actor_as, bytes, is_target, waits, writes};

/// What `etcdctl snapshot save` left behind.
struct Snapshot {
    pid: u32,
    size: u64,
}

fn snapshot(etcd: &Etcd, folder: &std::path::Path) -> Snapshot {
    let path = folder.join("copy.db");
    let mut etcdctl = Command::new("etcdctl")
        .env("ETCDCTL_API", "3")
        .arg(format!("--endpoints={}", etcd.endpoint()))
        .args(["snapshot", "save"])
        .arg(&path)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    assert!(etcdctl.wait().unwrap().success());
    Snapshot { pid: etcdctl.id(), size: path.metadata().unwrap().len() }
}

fn etcd_has_its_classes(report: &Report, pid: u32) {
    let etcd = actor_as(report, pid, Role::Etcd).unwrap();
    for class in [FileClass::Wal, FileClass::Db] {
        assert!(waits(etcd, Call::Fdatasync, Some(class)) > 0, "{class:?}: {:?}", etcd.waits);
        assert!(bytes(etcd, Op::Write, Some(class)) > 0, "{class:?}: {:?}", etcd.io);
    }
}

// Property: a backup that lives about a second has its role, its arguments, its one fsync and at least 95 % of its
// bytes under its own name and class; etcd beside it keeps its own role and classes.
#[test]
#[ignore = "needs root"]
fn a_short_snapshot_is_a_backup_with_arguments_and_class() {
    let folder = super::folder();
    let etcd = Etcd::start(folder.path()).unwrap();
    etcd.puts(300, 60, 150_000).unwrap();
    etcd.idle().unwrap();
    let on_init = BlockTrace::on_init_below(folder.path()).unwrap();
    let watch = Watch::start(&["--pid", &etcd.pid().to_string()]).unwrap();
    etcd.puts(50, 100, 200).unwrap();
    let taken = snapshot(&etcd, folder.path());
    let report = watch.finish().unwrap();
    let unseen = on_init.out_of_sight(&report).unwrap().write_bytes;

    etcd_has_its_classes(&report, etcd.pid());
    let other = waits(actor(&report, etcd.pid()).unwrap(), Call::Fdatasync, Some(FileClass::Other));
    assert_eq!(other, 0);
    let backup = actor_as(&report, taken.pid, Role::Backup).unwrap();
    let argv = backup.argv.as_ref().unwrap();
    assert_eq!(argv[0], "etcdctl");
    assert_eq!(argv[2..4], ["snapshot", "save"]);
    assert!(argv[4].ends_with("/copy.db"), "{argv:?}");
    assert!(backup.exited);
    assert_eq!(waits(backup, Call::Fsync, Some(FileClass::BackupOutput)), 1, "{:?}", backup.waits);
    let written = bytes(backup, Op::Write, Some(FileClass::BackupOutput));
    println!(
        "snapshot of {} bytes, {written} written as backup-output, {unseen} unseen",
        taken.size
    );
    assert!(taken.size > 30_000_000);
    assert!(
        written + unseen >= taken.size / 100 * 95,
        "{written} of {}:{}",
        taken.size,
        writes(&report)
    );
    assert!(!is_target(&report, taken.pid));
}

// Property: an etcd that was killed and one started after it are both targets of the same selector, each with its
// own waits, and stderr says that the first one ended. Once the second answers, all its syncs have their class
// (those of its first 50 ms may lie before the first look at it).
#[test]
#[ignore = "needs root"]
fn a_restart_of_etcd_is_followed() {
    let folder = super::folder();
    let etcd = Etcd::start(folder.path()).unwrap();
    let first = etcd.pid();
    let watch = Watch::start(&["--pid-of", "etcd"]).unwrap();
    etcd.puts(50, 100, 200).unwrap();
    let etcd = etcd.restart().unwrap();
    watch.wait_for_words("target exited: --pid-of etcd").unwrap();
    let before = etcd.metrics().unwrap().syncs().unwrap();
    etcd.puts(50, 100, 200).unwrap();
    let after = etcd.idle().unwrap().syncs().unwrap();
    let report = watch.finish().unwrap();

    let second = actor(&report, etcd.pid()).unwrap();
    let of_class = |class| waits(second, Call::Fdatasync, Some(class));
    let (wal, db) = (of_class(FileClass::Wal), of_class(FileClass::Db));
    println!("second etcd: wal {wal}, db {db}, no class yet {}", of_class(FileClass::Other));
    assert!(wal >= after.0 - before.0 && db >= 2 * (after.1 - before.1), "{:?}", second.waits);
    assert_ne!(first, etcd.pid());
    assert_eq!(report.targets.len(), 1);
    for pid in [first, etcd.pid()] {
        etcd_has_its_classes(&report, pid);
        assert!(is_target(&report, pid), "{pid}: {:?}", report.targets);
        assert_eq!(actor(&report, pid).unwrap().exited, pid == first);
    }
}
