//! What a shell's limits (`ulimit`) do to us: the size of files, and open files.
//!
//! Owns that none of them ends the program without a word, and that none passes for something else.

use std::error::Error;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use iocontend_core::text::Problem;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::Failure;

/// Descriptors that must be free beside the probes: folders of cgroups and processes that are read level by level, the
/// recording, connections to etcd.
const SPARE: usize = 32;

/// To be called before anything else is done.
pub fn at_start() {
    files_may_end();
    as_many_descriptors_as_permitted();
}

/// A file that reaches the limit of its size (`ulimit -f`) is an error of the write (EFBIG, setrlimit(2)), not the end of the
/// program: a watch has a report to give.
fn files_may_end() {
    // SAFETY: sets how one signal is taken; nothing runs in a handler.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

/// Everything here hangs on descriptors, and nothing of it uses select(2), for which the lower limit is.
fn as_many_descriptors_as_permitted() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // When it cannot, it is as it was.
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).ok();
    }
}

/// The most descriptors this process may have; `None` when there is no limit.
pub(crate) fn descriptors() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Whether this was for lack of descriptors.
pub(crate) fn is_for_lack_of_descriptors(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<io::Error>();
        if io.and_then(io::Error::raw_os_error) == Some(libc::EMFILE) {
            return true;
        }
        next = error.source();
    }
    false
}

/// Whether enough descriptors are free to go on with.
pub(crate) fn has_spare_descriptors() -> bool {
    let spare: io::Result<Vec<OwnedFd>> =
        (0..SPARE).map(|_| io::stderr().as_fd().try_clone_to_owned()).collect();
    !spare.is_err_and(|error| error.raw_os_error() == Some(libc::EMFILE))
}

/// The failure.
pub(crate) fn few_descriptors() -> Failure {
    let limit = descriptors().unwrap_or_default();
    Failure::not_here(&Problem::FewDescriptors { limit })
}
