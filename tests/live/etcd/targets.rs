//! Who is a target.

use std::time::Duration;

use iocontend_core::ids::{Call, FileClass, Role};
use iocontend_tests::etcd::Etcd;
use iocontend_tests::process::until;
use iocontend_tests::watch::{Watch, actor, is_target, waits};
use iocontend_tests::writer::Writer;

const WRITER: &str = env!("CARGO_BIN_EXE_writer");
/// A name that no other program on the host has.
const NAME: &str = "iocontend-late";

// Property: with `--wait` a target that starts later is found by its name, and nothing of what it does after its
// first 100 ms is missed.
#[test]
#[ignore = "needs root"]
fn a_target_that_starts_later_is_found() {
    let folder = super::folder();
    let watch = Watch::start(&["--wait", "--pid-of", NAME]).unwrap();
    let program = Writer::copy_as(WRITER.as_ref(), folder.path(), NAME).unwrap();
    let mut late = Writer::start(&program, &[]).unwrap();
    late.order(&format!("open {}", folder.path().join("file").display())).unwrap();
    late.order("fsync 20").unwrap();
    let report = watch.finish().unwrap();

    assert!(is_target(&report, late.pid()), "{:?}", report.targets);
    assert_eq!(waits(actor(&report, late.pid()).unwrap(), Call::Fsync, None), 20);
}

// Property: without `--wait` a name that nobody has is exit code 4, and nothing is printed on stdout.
#[test]
#[ignore = "needs root"]
fn a_target_that_is_not_there_is_an_error() {
    let output = std::process::Command::new(iocontend_tests::binary::path().unwrap())
        .args(["watch", "--json", "--duration", "1s", "--pid-of", NAME])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(output.stdout.is_empty());
}

// Property: what a thread of a target does is its process's, and `--pid` watches that process and no other.
#[test]
#[ignore = "needs root"]
fn threads_count_for_their_process() {
    let folder = super::folder();
    let load = iocontend_tests::fio::start_held(&[
        "rw=write",
        "bs=4k",
        "size=400k",
        "numjobs=4",
        "fdatasync=1",
        &format!("directory={}", folder.path().display()),
    ])
    .unwrap();
    let pid = load.pid();
    let watch = Watch::start(&["--pid", &pid.to_string()]).unwrap();
    let mut load = load.go().unwrap();
    until("the end of the load", Duration::from_secs(120), || Ok(load.has_ended()?.then_some(())))
        .unwrap();
    let report = watch.finish().unwrap();

    let found = actor(&report, pid).unwrap();
    assert!(is_target(&report, pid));
    assert_eq!(report.targets[0].actors.len(), 1);
    // fio ends each of its four files with one more sync in some versions.
    let synced = waits(found, Call::Fdatasync, None);
    assert!((396..=404).contains(&synced), "{:?}", found.waits);
}

// Property: without a selector, etcd is found by its role, also under another name: by the files it has open.
#[test]
#[ignore = "needs root"]
fn etcd_is_found_without_a_selector_and_under_another_name() {
    let folder = super::folder();
    let renamed = folder.path().join("keeper");
    std::fs::copy("/usr/bin/etcd", &renamed).unwrap();
    let own_data = super::folder();
    let etcd = Etcd::start(own_data.path()).unwrap();
    let keeper = Etcd::start_program(&renamed, folder.path()).unwrap();
    let watch = Watch::start(&[] as &[&str]).unwrap();
    etcd.puts(20, 50, 100).unwrap();
    keeper.puts(20, 50, 100).unwrap();
    keeper.idle().unwrap();
    let report = watch.finish().unwrap();

    assert_eq!(report.targets[0].selector, "auto");
    for pid in [etcd.pid(), keeper.pid()] {
        let found = actor(&report, pid).unwrap();
        assert_eq!(found.role, Role::Etcd, "{found:?}");
        assert!(is_target(&report, pid));
        assert!(waits(found, Call::Fdatasync, Some(FileClass::Wal)) > 0, "{:?}", found.waits);
    }
}
