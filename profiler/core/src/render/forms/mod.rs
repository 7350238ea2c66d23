//! Advice in forms that other programs read: a shell script, lines for systemd, what Kubernetes can take.
//!
//! Commands are those of the advice; every argument is quoted where a shell reads it, and a process's own words stand in
//! comments only.

mod kubernetes;
mod shell;
mod systemd;

pub use kubernetes::kubernetes;
pub use shell::shell;
pub use systemd::systemd;

use crate::change::Change;
use crate::ids::Dev;
use crate::report::Report;

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
    let style = crate::style::Style::default();
    format!("{mark} {}\n", crate::safe::printable(text, &style))
}
