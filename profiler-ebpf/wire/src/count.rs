//! Every way in which something can be missed or set aside, by name. Nothing is dropped without one of these.

/// Per-CPU counters, in the order of [`Count::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Count {
    /// An IO event found the ring buffer full. Histograms and counters have it all the same.
    RingFullIo = 0,
    /// A wait event found the ring buffer full. Its histogram has it all the same.
    RingFullWait = 1,
    /// An exec, fork or exit event found the ring buffer full.
    RingFullProcess = 2,
    /// A flush-command event found the ring buffer full.
    RingFullFlush = 3,
    /// A bio waiting for its request lost its place (kernels without `block_io_start`).
    SlotOverwritten = 4,
    /// A request completed that was already in flight when the probes were attached: owner unknown.
    InFlightAtAttach = 5,
    /// A request completed whose start was not seen, or whose slot was taken by another (more requests in flight
    /// than slots): owner unknown.
    StartNotSeen = 6,
    /// The table of streams was full; counted under the device's `other`.
    StreamTableFull = 7,
    /// Not even `other` had a stream: the request is in no histogram.
    NoStream = 8,
    /// The table of devices was full.
    DeviceTableFull = 9,
    /// The table of files was full: class `other`.
    FileTableFull = 10,
    /// The table of cgroups was full: owner unattributed.
    CgroupTableFull = 11,
    /// A wait's begin could not be stored.
    WaitTableFull = 12,
    /// A wait began while another of the same thread was still open: its end was not seen.
    WaitEndNotSeen = 13,
    /// A driver command (no read, write, flush or discard); the kernel's block statistics leave them out too.
    Passthrough = 14,
    /// A request was absorbed by another one. Its bytes are in the surviving request; no loss.
    Merged = 15,
    /// A request was put back by the driver and issued again; no loss.
    Requeued = 16,
    /// A flush command reached a device; no loss, counted per device elsewhere.
    FlushCommand = 17,
    /// The argument list of a started program could not be read in the kernel.
    ArgvUnreadable = 18,
    /// A minimum or maximum was not stored because other CPUs kept changing it.
    ExtremeContended = 19,
    /// A thread of a target took the place of another: a wait of that one may be missing.
    ThreadTableFull = 20,
    /// A file with dirty pages found no place: its writers are not known.
    DirtyFileLost = 21,
    /// A commit of a journal could not be followed: the table was full, or the ring.
    CommitLost = 22,
}

impl Count {
    /// All counters, in index order.
    pub const ALL: [Self; 23] = [
        Self::RingFullIo,
        Self::RingFullWait,
        Self::RingFullProcess,
        Self::RingFullFlush,
        Self::SlotOverwritten,
        Self::InFlightAtAttach,
        Self::StartNotSeen,
        Self::StreamTableFull,
        Self::NoStream,
        Self::DeviceTableFull,
        Self::FileTableFull,
        Self::CgroupTableFull,
        Self::WaitTableFull,
        Self::WaitEndNotSeen,
        Self::Passthrough,
        Self::Merged,
        Self::Requeued,
        Self::FlushCommand,
        Self::ArgvUnreadable,
        Self::ExtremeContended,
        Self::ThreadTableFull,
        Self::DirtyFileLost,
        Self::CommitLost,
    ];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RingFullIo => "ring_full_io",
            Self::RingFullWait => "ring_full_wait",
            Self::RingFullProcess => "ring_full_process",
            Self::RingFullFlush => "ring_full_flush",
            Self::SlotOverwritten => "slot_overwritten",
            Self::InFlightAtAttach => "in_flight_at_attach",
            Self::StartNotSeen => "start_not_seen",
            Self::StreamTableFull => "stream_table_full",
            Self::NoStream => "no_stream",
            Self::DeviceTableFull => "device_table_full",
            Self::FileTableFull => "file_table_full",
            Self::CgroupTableFull => "cgroup_table_full",
            Self::WaitTableFull => "wait_table_full",
            Self::WaitEndNotSeen => "wait_end_not_seen",
            Self::Passthrough => "passthrough",
            Self::Merged => "merged",
            Self::Requeued => "requeued",
            Self::FlushCommand => "flush_command",
            Self::ArgvUnreadable => "argv_unreadable",
            Self::ExtremeContended => "extreme_contended",
            Self::ThreadTableFull => "thread_table_full",
            Self::DirtyFileLost => "dirty_file_lost",
            Self::CommitLost => "commit_lost",
        }
    }
}

/// Room for counters in the map; more than there are, so that a new one changes no layout.
pub const COUNT_SLOTS: usize = 32;

const _: () = assert!(Count::ALL.len() <= COUNT_SLOTS);

/// One CPU's counters, the value of the `COUNTS` map.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Counts {
    /// Indexed by [`Count`].
    pub values: [u64; COUNT_SLOTS],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_stands_at_its_own_index() {
        for (index, count) in Count::ALL.iter().enumerate() {
            assert_eq!(*count as usize, index);
        }
    }
}
