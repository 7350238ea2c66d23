//! Whether this process may load BPF programs, asked before anything is tried.

use iocontend_core::text::Problem;

use crate::error::Failure;

/// Bits of the capabilities (include/uapi/linux/capability.h).
const SYS_PTRACE: u64 = 1 << 19;
const SYS_ADMIN: u64 = 1 << 21;
const PERFMON: u64 = 1 << 38;
const BPF: u64 = 1 << 39;

/// CAP_SYS_ADMIN alone, or CAP_BPF with CAP_PERFMON.
pub fn check() -> Result<(), Failure> {
    let Some(effective) = effective() else { return Ok(()) };
    if effective & SYS_ADMIN != 0 || effective & (BPF | PERFMON) == BPF | PERFMON {
        return Ok(());
    }
    let missing = match (effective & BPF, effective & PERFMON) {
        (0, 0) => "CAP_BPF and CAP_PERFMON",
        (0, _) => "CAP_BPF",
        _ => "CAP_PERFMON",
    };
    let uid = rustix::process::geteuid().as_raw();
    Err(Failure::not_here(&Problem::NotPermitted { uid, missing }))
}

/// Whether program files, open files and folders of other users' processes stay hidden (`ptrace_may_access`, proc(5)).
pub fn hides_processes() -> bool {
    effective().is_some_and(|effective| effective & SYS_PTRACE == 0)
}

/// The effective user id and capabilities of this process.
pub fn asker() -> (u32, Option<u64>) {
    (rustix::process::geteuid().as_raw(), effective())
}

/// The effective capabilities; `None` when they cannot be read, and then the kernel will say.
fn effective() -> Option<u64> {
    procfs::process::Process::myself().ok()?.status().ok().map(|status| status.capeff)
}
