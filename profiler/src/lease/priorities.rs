//! IO priorities of a process's threads: `ioprio_get(2)`, `ioprio_set(2)`, which the C library does not wrap.
//!
//! A thread is known by its number and start time. Between the look at the start time and the call its number could be given to
//! another thread only if it ended and all numbers were used once in these microseconds.

use std::io;

use iocontend_core::facts::ProcessKey;
use iocontend_core::lease::{Reading, Values};
use procfs::process::{Process, Task};
use procfs::{ProcError, ProcResult};

use crate::host::HostRoot;

/// `IOPRIO_WHO_PROCESS`: one thread (include/uapi/linux/ioprio.h).
const WHO_PROCESS: libc::c_int = 1;

/// The priorities of all its threads by `TID@START`, as the kernel's number.
pub(super) fn read(root: &HostRoot, key: ProcessKey) -> io::Result<Reading> {
    let Some(process) = gone(find(root, key))?.flatten() else { return Ok(Reading::Gone) };
    let Some(tasks) = gone(process.tasks())? else { return Ok(Reading::Gone) };
    let mut values = Values::new();
    for task in tasks {
        // A thread that ends meanwhile is simply not there.
        let Some(task) = gone(task)? else { continue };
        let Some(start) = gone(start_of(&task))? else { continue };
        let thread = ProcessKey { pid: task.tid.unsigned_abs(), start_ticks: start };
        match get(task.tid) {
            Ok(value) => drop(values.insert(thread.to_string(), value.to_string())),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(if values.is_empty() { Reading::Gone } else { Reading::Values(values) })
}

/// Sets some of them.
pub(super) fn write(root: &HostRoot, key: ProcessKey, values: &Values) -> io::Result<()> {
    let Some(process) = gone(find(root, key))?.flatten() else { return Ok(()) };
    let Some(tasks) = gone(process.tasks())? else { return Ok(()) };
    for task in tasks {
        let Some(task) = gone(task)? else { continue };
        let Some(start) = gone(start_of(&task))? else { continue };
        let thread = ProcessKey { pid: task.tid.unsigned_abs(), start_ticks: start };
        let Some(value) = values.get(&thread.to_string()).and_then(|value| value.parse().ok())
        else {
            continue;
        };
        match set(task.tid, value) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            other => other?,
        }
    }
    Ok(())
}

/// The process, if it is still the one that is meant.
fn find(root: &HostRoot, key: ProcessKey) -> ProcResult<Option<Process>> {
    let process = Process::new_with_root(root.proc.join(key.pid.to_string()))?;
    let is_it = process.stat()?.starttime == key.start_ticks;
    Ok(is_it.then_some(process))
}

fn start_of(task: &Task) -> ProcResult<u64> {
    Ok(task.stat()?.starttime)
}

fn gone<T>(result: ProcResult<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(ProcError::NotFound(_)) => Ok(None),
        Err(ProcError::Io(error, _)) if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
        Err(ProcError::Io(error, _)) => Err(error),
        Err(ProcError::PermissionDenied(_)) => Err(io::ErrorKind::PermissionDenied.into()),
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

fn get(tid: i32) -> io::Result<u32> {
    // SAFETY: two integers, no memory.
    let value = unsafe { libc::syscall(libc::SYS_ioprio_get, WHO_PROCESS, tid) };
    u32::try_from(value).map_err(|_negative| io::Error::last_os_error())
}

fn set(tid: i32, value: u32) -> io::Result<()> {
    // SAFETY: three integers, no memory.
    let result = unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, tid, value) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
