//! The current task, and what its flags say.

use aya_ebpf::helpers::bpf_get_current_task_btf;

use crate::kread::Ptr;

/// PF_KTHREAD (include/linux/sched.h, all versions).
pub const PF_KTHREAD: u32 = 0x0020_0000;
/// PF_IO_WORKER: an io_uring worker, a thread of its owner.
pub const PF_IO_WORKER: u32 = 0x0000_0010;

/// The current task.
#[inline(always)]
pub fn current() -> Ptr {
    // SAFETY: no arguments.
    unsafe { bpf_get_current_task_btf() as Ptr }
}
