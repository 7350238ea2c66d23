//! Debian's etcd, its backup and an apiserver's audit log on this host's root disk.

mod apiserver;
mod backup;
mod metrics;
mod targets;

#[expect(clippy::unwrap_used, reason = "a step that fails fails the test")]
/// A folder on the disk below the file system's root (a temporary folder may be memory).
fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("iocontend-test-").tempdir_in("/var/tmp").unwrap()
}
