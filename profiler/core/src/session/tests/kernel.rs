//! What the kernel side would write: statistics as `account_at` of its `streams.rs` keeps them, and records.

use bytemuck::{Zeroable as _, bytes_of};
use iocontend_wire::bucket::bucket_of;
use iocontend_wire::key::{How, Key, Kind, Owner};
use iocontend_wire::record::{
    ExecRecord, ExitRecord, ForkRecord, IoRecord, NO_TIME, WaitRecord, WriterRecord, tag,
};
use iocontend_wire::tables::{D2C, Q2C, Q2D, Stats};

use super::super::{Input, StreamSample};

/// One finished request or wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub(super) bytes: u64,
    pub(super) q2c: Option<u64>,
    pub(super) d2c: Option<u64>,
}

impl Done {
    /// A request with all its times.
    pub(super) fn io(bytes: u64, q2c: u64, d2c: u64) -> Self {
        Self { bytes, q2c: Some(q2c), d2c: Some(d2c) }
    }

    /// A wait.
    pub(super) fn wait(ns: u64) -> Self {
        Self { bytes: 0, q2c: Some(ns), d2c: None }
    }

    /// The values of one phase.
    pub(super) fn phase(&self, which: usize) -> Option<u64> {
        match which {
            Q2C => self.q2c,
            D2C => self.d2c,
            Q2D => Some(self.q2c? - self.d2c?),
            _ => None,
        }
    }
}

pub(super) fn empty() -> Stats {
    Stats::zeroed()
}

/// Counts as the kernel side does.
pub(super) fn count(stats: &mut Stats, done: Done) {
    stats.count += 1;
    stats.bytes += done.bytes;
    for which in [Q2D, D2C, Q2C] {
        let Some(ns) = done.phase(which) else { continue };
        let phase = &mut stats.phases[which];
        phase.sum += ns;
        phase.max = phase.max.max(ns);
        phase.not_min = phase.not_min.max(!ns);
        let bucket = &mut stats.buckets[which][bucket_of(ns)];
        *bucket = bucket.wrapping_add(1);
    }
}

/// Statistics of these.
pub(super) fn stats_of(done: &[Done]) -> Stats {
    let mut stats = empty();
    for done in done {
        count(&mut stats, *done);
    }
    stats
}

/// A stream with one shard.
pub(super) fn stream(index: u32, key: Key, stats: &Stats) -> Input<'static> {
    Input::Stream(StreamSample { index, key, shards: vec![*stats] })
}

/// A process's stream on a device, its files not told apart.
pub(super) fn direct(pid: u32, device: u32, kind: Kind) -> Key {
    on_file(pid, device, kind, 0)
}

/// A process's stream on a file.
pub(super) fn on_file(pid: u32, device: u32, kind: Kind, file: u32) -> Key {
    Key::owner(Owner::Process(pid), file, How::Direct).with(device, kind as u32)
}

/// A stream that belongs to nobody by name.
pub(super) fn owned_by(owner: Owner, device: u32, kind: Kind) -> Key {
    let how = if matches!(owner, Owner::Cgroup(_)) { How::OwnerCgroup } else { How::Unattributed };
    Key::owner(owner, 0, how).with(device, kind as u32)
}

pub(super) fn io_record(key: Key, done: Done) -> Vec<u8> {
    let record = IoRecord {
        head: u32::from(tag::IO),
        bytes: u32::try_from(done.bytes).unwrap(),
        key: key.0,
        sector: 0,
        complete_ns: 1,
        q2c_ns: done.q2c.unwrap_or(NO_TIME),
        d2c_ns: done.d2c.unwrap_or(NO_TIME),
    };
    bytes_of(&record).to_vec()
}

pub(super) fn wait_record(key: Key, ns: u64) -> Vec<u8> {
    bytes_of(&wait(key.0, 5, ns)).to_vec()
}

/// A sync of which the scheduler says nothing.
pub(super) fn wait(key: u64, start_ns: u64, ns: u64) -> WaitRecord {
    WaitRecord {
        head: u32::from(tag::WAIT),
        tid: 1,
        key,
        start_ns,
        end_ns: start_ns + ns,
        ino: 9,
        dev: 0,
        ret: 0,
        counted_ns: ns,
        runnable_ns: NO_TIME,
        away_ns: NO_TIME,
        throttled_ns: 0,
    }
}

/// Nanoseconds since boot of a start time in ticks.
fn boottime(start_ticks: u64) -> u64 {
    start_ticks * 10_000_000 + 1234
}

fn comm_bytes(comm: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..comm.len()].copy_from_slice(comm.as_bytes());
    bytes
}

pub(super) fn exec_record(pid: u32, start_ticks: u64, comm: &str, argv: &[&str]) -> Vec<u8> {
    let mut arguments = argv.join("\0").into_bytes();
    arguments.push(0);
    let length = u32::try_from(arguments.len()).unwrap();
    let head = ExecRecord {
        head: u32::from(tag::EXEC),
        tgid: pid,
        ppid: 1,
        argv_len: length,
        argv_total: length,
        pad: 0,
        start_boottime: boottime(start_ticks),
        now_ns: 1,
        comm: comm_bytes(comm),
    };
    let mut record = bytes_of(&head).to_vec();
    record.extend(arguments);
    record
}

pub(super) fn fork_record(parent: u32, child: u32, start_ticks: u64) -> Vec<u8> {
    let record = ForkRecord {
        head: u32::from(tag::FORK),
        parent,
        child,
        pad: 0,
        start_boottime: boottime(start_ticks),
        now_ns: 1,
    };
    bytes_of(&record).to_vec()
}

pub(super) fn writer_record(pid: u32) -> Vec<u8> {
    let record = WriterRecord { head: u32::from(tag::WRITER), tgid: pid, now_ns: 1 };
    bytes_of(&record).to_vec()
}

pub(super) fn exit_record(pid: u32, start_ticks: u64, comm: &str) -> Vec<u8> {
    let record = ExitRecord {
        head: u32::from(tag::EXIT),
        tgid: pid,
        start_boottime: boottime(start_ticks),
        now_ns: 1,
        comm: comm_bytes(comm),
    };
    bytes_of(&record).to_vec()
}
