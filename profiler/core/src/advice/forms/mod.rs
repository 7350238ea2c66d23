//! How advice is carried out: as commands, as a shell script, through systemd, in Kubernetes.
//!
//! Everything is built from [`Change`](crate::change::Change)s: numbers, file names from the catalogue, cgroup paths and
//! unit names. A process's own words never get into a command, and every argument is quoted where a shell reads it.

pub mod argv;
mod kubernetes;
mod shell;
pub mod systemd;

pub use kubernetes::kubernetes;
pub use shell::shell;
pub use systemd::systemd;

use crate::change::Change;
use crate::ids::Dev;
use crate::report::Report;

/// A device's file by its kernel name (`cciss!c0d0` is `/dev/cciss/c0d0`).
fn device_file(name: &str) -> String {
    format!("/dev/{}", name.replace('!', "/"))
}

/// The kernel name of a disk of the report.
fn disk_name(report: &Report, dev: Dev) -> Option<&str> {
    let disk =
        report.devices.iter().find(|one| (one.major, one.minor) == (dev.major, dev.minor))?;
    Some(&disk.name)
}

/// The cgroup that a change is about.
fn cgroup_of(change: &Change) -> Option<&str> {
    match change {
        Change::CgroupDevice { cgroup, .. } | Change::Cgroup { cgroup, .. } => Some(cgroup),
        Change::Queue { .. } | Change::Sysctl { .. } | Change::IoPriority { .. } => None,
    }
}

/// Text in a comment: one line, whatever a process called itself.
fn comment(mark: &str, text: &str) -> String {
    let style = crate::render::Style::default();
    format!("{mark} {}\n", crate::render::safe::printable(text, &style))
}
