//! Other kernels, in a VM with a throttled disk (`cargo xtask vm`), on whatever file system is mounted there.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a step that fails fails the test")]

mod advise;
mod anatomy;
mod cgroups;
mod counts;
mod doctor;
mod etcd;
mod indirect;
mod lease;
mod lease_priorities;
mod lease_systemd;
mod lease_verify;
mod limits;
mod paths;
mod requeues;
mod smoke;
mod syncs;
mod truth;
mod waits;

use std::path::PathBuf;

use iocontend_core::report::Report;

/// The helper program beside the tests.
const WRITER: &str = env!("CARGO_BIN_EXE_writer");

/// The VM's own disk.
fn disk() -> String {
    std::env::var("IOCONTEND_VM_DISK").expect("not in the VM: no IOCONTEND_VM_DISK")
}

/// Where it is mounted.
fn mount_point() -> PathBuf {
    std::env::var_os("IOCONTEND_VM_DIR").expect("not in the VM: no IOCONTEND_VM_DIR").into()
}

/// A new folder on it.
fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("test-").tempdir_in(mount_point()).unwrap()
}

/// Its file system.
fn file_system() -> String {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let point = mount_point().display().to_string();
    let mut fields = mounts.lines().map(|line| line.split(' '));
    let line = fields.find_map(|mut f| (f.nth(1)? == point).then(|| f.next().map(str::to_owned)));
    line.flatten().expect("the disk is not mounted")
}

/// Everything that was wanted is attached, and nothing was lost or left without an owner.
fn is_complete(report: &Report) {
    let missing: Vec<_> = report.coverage.attached.iter().filter(|hook| !hook.attached).collect();
    assert!(missing.is_empty(), "not attached: {missing:?}");
    assert!(report.coverage.lost.values().all(|lost| *lost == 0), "{:?}", report.coverage.lost);
    // What was dirtied before the watch, or put into the journal by kernel threads, is nobody's and no loss.
    let explained = ["unattributed:dirtied_before:", "unattributed:journal_others:"];
    let is_nobody = |id: &str| id.starts_with("unattributed:");
    let nobody: Vec<_> = report
        .actors
        .iter()
        .filter(|actor| {
            is_nobody(&actor.id) && !explained.iter().any(|id| actor.id.starts_with(id))
        })
        .collect();
    assert!(nobody.is_empty(), "{nobody:?}");
}
