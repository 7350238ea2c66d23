//! Ending at once: a child holds the probes for a moment longer, so that nobody waits for the kernel to take them out.
//!
//! Everything hangs on descriptors, and the kernel takes a probe out when the last one of it is closed: a grace period of RCU for each
//! tracepoint, 0.7 to 2.5 s in all, longer on a busy machine. A process that ends closes its own before whoever waits for it is told. So
//! a copy of this process is made that has the probes' descriptors and no others, does nothing, and ends when this one has: it is the
//! one that waits for the kernel, and nobody waits for it. Where it cannot be made, the end takes longer, and is none the worse.

use std::fs;
use std::os::fd::{AsRawFd as _, RawFd};

use libc::{c_int, c_long, c_uint};
use rustix::process::{PidfdFlags, getpid, pidfd_open};

/// The child ends by then whatever becomes of its parent.
const LONGEST_MS: c_int = 10_000;

/// To be called by whoever ends this process straight away. The child has neither stdout nor locks of this process.
pub(crate) fn hand_over() {
    let mut kept = probes();
    if kept.is_empty() {
        return;
    }
    let Ok(parent) = pidfd_open(getpid(), PidfdFlags::empty()) else { return };
    let parent = parent.as_raw_fd();
    kept.push(parent);
    kept.sort_unstable();
    // SAFETY: a fork without a signal at its end. The child has a copy of this memory, in which other threads may have stopped
    // anywhere: it makes system calls only, and never returns.
    unsafe {
        let none: c_long = 0;
        if libc::syscall(libc::SYS_clone, none, none, none, none, none) == 0 {
            outlive(&kept, parent);
        }
    }
}

/// Descriptors of programs and of where they are attached.
fn probes() -> Vec<RawFd> {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return Vec::new() };
    let is_probe = |entry: &fs::DirEntry| {
        let link = fs::read_link(entry.path()).unwrap_or_default();
        let name = link.to_string_lossy();
        name.starts_with("anon_inode:") && (name.contains("bpf") || name.contains("perf_event"))
    };
    let found = entries.flatten().filter(is_probe);
    found.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// What the child does: lets go of everything but these, in order, waits for its parent's end, and ends.
///
/// # Safety
///
/// To be called in a process that nothing else runs in.
unsafe fn outlive(kept: &[RawFd], parent: RawFd) -> ! {
    let mut next: c_uint = 0;
    for &fd in kept {
        let fd = fd.cast_unsigned();
        if fd > next {
            // SAFETY: closes descriptors, which nobody here uses.
            unsafe { close_range(next, fd - 1) };
        }
        next = fd.saturating_add(1);
    }
    // SAFETY: the same; `poll` is given one entry, which lives on the stack.
    unsafe {
        close_range(next, c_uint::MAX);
        let mut ends = libc::pollfd { fd: parent, events: libc::POLLIN, revents: 0 };
        // A signal to the whole group of processes comes here, too.
        while libc::poll(&raw mut ends, 1, LONGEST_MS) < 0 {}
        libc::_exit(0)
    }
}

/// Not before Linux 5.9; there, stdout stays open for as long as the child does.
///
/// # Safety
///
/// Nobody may use these descriptors any more.
unsafe fn close_range(first: c_uint, last: c_uint) {
    // SAFETY: takes numbers only.
    unsafe {
        libc::syscall(libc::SYS_close_range, first, last, 0 as c_uint);
    }
}
