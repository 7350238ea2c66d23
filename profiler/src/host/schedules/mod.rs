//! What the host will run when: crontabs, systemd timers, static CronJobs, the snapshots of k3s and rke2.
//!
//! Owns which files are looked at, how much of them, and for how long; what they say is worked out by
//! `iocontend_core::schedule`. All paths hang below a root. Nothing is run. Users write some of these files and choose
//! the scripts that they name: none of that may keep a watch from beginning, so they are read by a thread of their own, and
//! whoever waits for it goes on after a while with what there is. Files larger than [`LARGEST`] and folders with more
//! than [`MOST_FILES`] names are told, not read.

mod cron;
mod files;
mod kubernetes;
mod progress;
mod timers;
mod zone;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use iocontend_core::schedule::Schedules;

use files::Files;
use progress::Progress;

/// Largest file that is read, bytes.
const LARGEST: u64 = 256 << 10;
/// Most files of a folder.
const MOST_FILES: usize = 512;
/// Most files read in all, scripts too.
const MOST_READ: usize = 4_096;
/// Most bytes read in all.
const MOST_BYTES: u64 = 32 << 20;

/// All schedules below a root (`/`, in a test its own tree), as far as they are read within this time. What is missing then
/// is told from where on.
pub fn read_schedules(root: &Path, limit: Duration) -> Schedules {
    let deadline = Instant::now() + limit;
    let progress = Arc::new(Progress::default());
    let (root, of_thread) = (root.to_owned(), Arc::clone(&progress));
    let (done, end) = channel::<()>();
    let reader = thread::Builder::new().name("schedules".to_owned()).spawn(move || {
        read(&Files::new(&root, deadline, &of_thread), &of_thread);
        drop(done);
    });
    // Not joined: what waits for a disk that does not answer cannot be ended.
    let waited = reader.map(|_thread| end.recv_timeout(limit));
    progress.take(matches!(waited, Ok(Err(RecvTimeoutError::Disconnected))))
}

/// What only root writes comes first.
fn read(files: &Files<'_>, progress: &Progress) {
    progress.zone(zone::local(files));
    timers::read(files, progress);
    kubernetes::read(files, progress);
    cron::read(files, progress);
}
