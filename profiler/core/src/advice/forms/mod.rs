//! How a change is carried out: as commands, and through systemd.
//!
//! Everything is built from [`Change`](crate::change::Change)s: numbers, file names from the catalogue, cgroup paths and
//! unit names. A process's own words never get into a command.

pub mod argv;
pub mod systemd;

/// A device's file by its kernel name (`cciss!c0d0` is `/dev/cciss/c0d0`).
pub(crate) fn device_file(name: &str) -> String {
    format!("/dev/{}", name.replace('!', "/"))
}
