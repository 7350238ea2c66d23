//! What can go wrong before, between and after the demo's workloads. Owns the wording: every message
//! says what failed, what was found and what to do.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use super::space::{Backing, human_bytes};

/// A reason why the demo does not start, or did not end as it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// The options contradict each other or leave the supported range.
    #[error("the demo cannot run with these options: {0}")]
    Options(String),
    /// The chosen directory cannot be looked at.
    #[error("cannot inspect {dir}: {cause}; choose an existing directory on a disk", dir = .dir.display())]
    Inspect {
        /// The directory asked for.
        dir: PathBuf,
        /// What the kernel answered.
        cause: io::Error,
    },
    /// The chosen path is something else than a directory.
    #[error("{dir} is not a directory; choose a directory on a disk", dir = .0.display())]
    NotADirectory(PathBuf),
    /// Writing there would not show up on a local disk.
    #[error("{dir} is on {backing}; choose a directory on a disk, for example under /var", dir = .dir.display())]
    NoDisk {
        /// The directory asked for.
        dir: PathBuf,
        /// What holds its data instead of a disk.
        backing: Backing,
    },
    /// The free space does not hold the demo and the reserve.
    #[error(
        "{dir} has too little free space: found {found_text} ({found} bytes), needed {needed_text} \
         ({needed} bytes), of which {reserve_text} stay free as a reserve; choose another directory",
        dir = .dir.display(),
        found_text = human_bytes(*.found),
        needed_text = human_bytes(*.needed),
        reserve_text = human_bytes(*.reserve)
    )]
    SpaceShort {
        /// The directory asked for.
        dir: PathBuf,
        /// Bytes that would have to be free: the demo's files and the reserve.
        needed: u64,
        /// The part of `needed` that the demo leaves alone.
        reserve: u64,
        /// Bytes found free.
        found: u64,
    },
    /// The demo's own subdirectory cannot be created.
    #[error("cannot create a directory in {dir}: {cause}; choose a directory you may write to", dir = .dir.display())]
    NotWritable {
        /// The directory asked for.
        dir: PathBuf,
        /// What the kernel answered.
        cause: io::Error,
    },
    /// The file that the copier copies could not be written.
    #[error("cannot write {path}: {cause}; check the disk and its free space", path = .path.display())]
    Setup {
        /// The file being written.
        path: PathBuf,
        /// What the kernel answered.
        cause: io::Error,
    },
    /// The user asked to stop while the demo was being set up.
    #[error("stopped during setup; what had been written is removed")]
    Stopped,
    /// A workload process could not be started, signalled or waited for.
    #[error("cannot {action} the {name}: {cause}")]
    Process {
        /// What was tried.
        action: &'static str,
        /// The workload's name.
        name: &'static str,
        /// What the kernel answered.
        cause: io::Error,
    },
    /// A workload process failed.
    #[error("the {name} failed ({status}); its message is on stderr")]
    Failed {
        /// The workload's name.
        name: &'static str,
        /// How it ended.
        status: ExitStatus,
    },
    /// A workload process ended well but left no readable result.
    #[error("the {name} left no readable result: {cause}; its output was {output:?}")]
    Result {
        /// The workload's name.
        name: &'static str,
        /// The start of what it printed.
        output: String,
        /// Why it cannot be read.
        cause: serde_json::Error,
    },
    /// The demo's subdirectory could not be removed.
    #[error("cannot remove {path}: {cause}; remove it by hand, it holds only the demo's files", path = .path.display())]
    Cleanup {
        /// The demo's own subdirectory.
        path: PathBuf,
        /// What the kernel answered.
        cause: io::Error,
    },
}
