//! What the host will run when: crontabs, systemd timers, static CronJobs, the snapshots of k3s and rke2.
//!
//! Owns which files are looked at and how much of them; what they say is worked out by `iocontend_core::schedule`. All paths
//! hang below a root. Nothing is run, nothing is followed out of the folders named here but links that the host made
//! itself. Files larger than [`LARGEST`] and folders with more than [`MOST_FILES`] files are told, not read.

mod cron;
mod files;
mod kubernetes;
mod timers;
mod zone;

#[cfg(test)]
mod tests;

use std::path::Path;

use iocontend_core::schedule::{Entry, Problem, Schedules};

use files::Files;

/// Largest file that is read, bytes.
const LARGEST: u64 = 256 << 10;
/// Most files of a folder.
const MOST_FILES: usize = 512;
/// Most files read in all.
const MOST_READ: usize = 4_096;

/// What one kind of file gave.
type Found = (Vec<Entry>, Vec<Problem>);

/// All schedules below a root (`/`, in a test its own tree).
pub fn read_schedules(root: &Path) -> Schedules {
    let files = Files::new(root);
    let mut schedules = Schedules { zone: zone::local(&files), ..Schedules::default() };
    for (entries, problems) in [cron::read(&files), timers::read(&files), kubernetes::read(&files)]
    {
        schedules.add(entries, problems);
    }
    schedules.add(Vec::new(), files.problems());
    schedules
}
