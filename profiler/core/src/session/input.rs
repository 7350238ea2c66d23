//! What the engine is told, and what it asks for.

use iocontend_wire::count::Count;
use iocontend_wire::key::Key;
use iocontend_wire::tables::Stats;
use serde::{Deserialize, Serialize};

use crate::facts::{BlockStat, ControlFacts, DeviceFacts, ProcessFacts, Psi, WalFsyncs};
use crate::ids::Dev;
use crate::redact::CommandLines;
use crate::report::{Attached, BpfCost, Host, Note, Tool};
use crate::schedule::Schedules;
use crate::selector::Selector;

/// What does not change during a session.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Options {
    /// Whom the user asked for; empty: whatever is recognised as etcd.
    pub selectors: Vec<Selector>,
    /// This program.
    pub tool: Tool,
    /// The host, without its pressure.
    pub host: Host,
    /// Local time's distance from UTC, seconds.
    pub utc_offset_seconds: i32,
    /// Whether secrets are hidden in the command lines that the session is told. Captures of versions that hid none do
    /// not say it.
    #[serde(default = "CommandLines::unsaid")]
    pub command_lines: CommandLines,
    /// Of a replay: what the capture says of its command lines.
    #[serde(skip)]
    pub recorded_command_lines: Option<CommandLines>,
}

/// The two clocks, read together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// CLOCK_MONOTONIC, ns.
    pub mono_ns: u64,
    /// CLOCK_REALTIME, ns since 1970.
    pub unix_ns: i64,
}

/// What the host says at one moment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HostSample {
    /// Pressure of IO.
    pub psi_io: Option<Psi>,
    /// The kernel's own counters of each disk.
    pub block_stats: Vec<(Dev, BlockStat)>,
}

/// A stream's statistics so far, all shards together.
#[derive(Clone, Debug)]
pub struct StreamSample {
    /// Place in the table.
    pub index: u32,
    /// Its key.
    pub key: Key,
    /// One entry per shard.
    pub shards: Vec<Stats>,
}

/// Something the engine is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// Counting has begun.
    Started(HostSample),
    /// Block devices as they are now.
    Devices(Vec<DeviceFacts>),
    /// A record of the ring buffer.
    Record(&'a [u8]),
    /// Keys of the table of devices and of the table of owning cgroups, by index.
    Tables {
        /// Devices; `None` for a free entry.
        devices: Vec<Option<Dev>>,
        /// Owning cgroups: id and, where found, path.
        cgroups: Vec<Option<(u64, Option<String>)>>,
    },
    /// A stream exists (its statistics come later).
    Seen(Key),
    /// A stream's statistics so far.
    Stream(StreamSample),
    /// A stream's place was given back; another may take it, counting from zero.
    Retired(u32),
    /// Loss and other counters so far.
    Counts(Vec<(Count, u64)>),
    /// Runs that the kernel skipped so far because a program would have interrupted itself.
    RecursionMisses(u64),
    /// Requests that the kernel's own counters have for the time of counting, at least, by device.
    KernelCompleted(Vec<(Dev, u64)>),
    /// What is attached and what is not.
    Attached(Vec<Attached>),
    /// What the programs cost so far, where the kernel counts it.
    Cost(Vec<(String, BpfCost)>),
    /// Memory of all maps, bytes.
    MapBytes(u64),
    /// A process as it is now.
    Process(Box<ProcessFacts>),
    /// A process that was asked for is not there.
    NoProcess(u32),
    /// The meaning of a file's number.
    File {
        /// The number.
        id: u32,
        /// Its path in its owner's view; `None` when it could not be found.
        path: Option<String>,
    },
    /// A file's number was given back; its streams were before. Requests that carry it may still finish.
    FileFreed(u32),
    /// What an etcd says of itself.
    EtcdMetrics {
        /// Its process id.
        pid: u32,
        /// Its answer.
        said: WalFsyncs,
    },
    /// What can be set here, and how it is set.
    Controls(Box<ControlFacts>),
    /// Something to be said in every report.
    Note(Note),
    /// What the host says will run when.
    Schedules(Box<Schedules>),
    /// A second is over, its statistics are told: the host at its end.
    Host(HostSample),
    /// Counting is over, everything is told: the host at the end. Nothing more is waited for.
    Over(HostSample),
}

/// Something the engine wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Tell me about this process.
    LookUp {
        /// Process id.
        pid: u32,
        /// Its open files too.
        with_files: bool,
    },
    /// Tell this process's files apart from now on.
    Track(u32),
    /// No longer.
    Untrack(u32),
    /// Watch this process's threads as they leave the CPU and come back: it is a target.
    WatchThreads(u32),
    /// No longer.
    UnwatchThreads(u32),
    /// Tell me this file's path; a process that uses it is named.
    ResolveFile {
        /// The file's number.
        id: u32,
        /// Process id.
        pid: u32,
    },
    /// All streams of this process can be given back after a last look.
    Retire(u32),
    /// A target appeared.
    TargetFound {
        /// Process id.
        pid: u32,
        /// The selector as typed, or `auto`.
        selector: String,
    },
    /// A target ended.
    TargetExited {
        /// Process id.
        pid: u32,
        /// The selector as typed, or `auto`.
        selector: String,
    },
}

/// Which window a report covers, as a recorder notes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Since the last interval's.
    Interval,
    /// Since the start.
    Whole,
}
