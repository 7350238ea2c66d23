//! What is known of a request beside its owner, in one word.

/// A kernel thread submitted it for a process that a limit holds back.
pub const HELD: u32 = 1;
/// It goes to a loop device.
pub const LOOPED: u32 = 2;
/// From here on the id of the process that submitted what others caused; 0 when nobody else did. Ids have 22 bits
/// (`PID_MAX_LIMIT`, include/linux/threads.h).
pub const FORCER_SHIFT: u32 = 8;
