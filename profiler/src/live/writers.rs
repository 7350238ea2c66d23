//! Who has which file open for writing.
//!
//! The kernel side learns a file's writer when somebody syncs it. A log that is never synced is written back by a
//! kernel thread all the same; for the files of tracked processes the writer is looked up here, again and again,
//! since logs are rotated and a backup opens its output late.

use crate::host::{self, HostRoot, WithFiles};
use crate::kernel::probes::Probes;

/// How often at most.
const PERIOD_NS: u64 = 1_000_000_000;
/// A look may take this part of the time between two looks: a process may have thousands of files.
const SHARE: u64 = 100;
/// Files of one process that are told to the kernel side; it has room for a thousand in all.
const FILES_MAX: usize = 64;

/// When to look next.
#[derive(Default)]
pub(super) struct Writers {
    due_ns: u64,
}

impl Writers {
    /// Looks at all tracked processes when it is time.
    pub(super) fn look(
        &mut self,
        root: &HostRoot,
        probes: &mut Probes,
        pids: impl FnOnce() -> Vec<u32>,
        clock: impl Fn() -> u64,
    ) {
        let begin = clock();
        if begin < self.due_ns {
            return;
        }
        for pid in pids() {
            note(root, probes, pid);
        }
        let took = clock() - begin;
        self.due_ns = begin + PERIOD_NS.max(took * SHARE);
    }
}

/// Tells the kernel side what one process has open for writing.
fn note(root: &HostRoot, probes: &mut Probes, pid: u32) {
    let Ok(Some(facts)) = host::read_process(root, pid, WithFiles::Yes) else { return };
    let written = facts.open_files.iter().filter(|file| file.writable);
    for file in written.take(FILES_MAX) {
        // On btrfs this is not the device that the kernel side sees: such a file keeps no writer.
        if let Some(dev) = file.dev.to_kernel()
            && !probes.note_writer(dev, file.ino, pid)
        {
            return;
        }
    }
}
