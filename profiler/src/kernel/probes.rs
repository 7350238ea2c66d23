//! Loads the object as the plan says, attaches it, and gives access to what it writes.
//!
//! Everything lives on file descriptors of this process: when it ends, however it ends, nothing stays attached.

use std::env;
use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicU64, Ordering};

use aya::maps::{Map, MapData, MapError, PerCpuArray, RingBuf};
use aya::programs::ProgramError;
use aya::{Btf, Ebpf, EbpfLoader, Endianness, VerifierLogLevel};
use iocontend_core::plan::{Gap, GapReason, Hook, Loses, Plan, Planned};
use iocontend_wire::config::ABSENT;
use iocontend_wire::count::{COUNT_SLOTS, Count};
use iocontend_wire::key::{DEVICE_OVERFLOW, Key, Kind};
use iocontend_wire::tables::{
    CARRIED, Cgroups, Control, Devices, KeySet, SETS, STREAMS, Stats, TRACKED_WINDOW, Tracked,
    WAYS, sets_of, tracked_index,
};
use thiserror::Error;

use super::cost::{self, RunStats};
use super::files::FileTable;
use super::io_ring::IoRing;
use super::loading::{Refusals, attach, load_programs};
use super::log::Logger;
use super::loops::LoopTable;
use super::tables::Mapped;

/// The object built by `cargo xtask ebpf`.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../ebpf/iocontend.bpf.o");

/// Names another object to load, for whoever works on the kernel side.
pub const OBJECT_VARIABLE: &str = "IOCONTEND_BPF_OBJECT";

/// Why the probes are not there.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// Another object was asked for and could not be read.
    #[error("cannot read the BPF object {path}")]
    Object {
        /// Its path.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The loader refused.
    #[error("cannot load the BPF object")]
    Load(#[source] aya::EbpfError),
    /// The ids of tracepoints cannot be read.
    #[error("the type information of the tracepoints is not as expected")]
    Types(#[source] aya::BtfError),
    /// The kernel refused a program without which there is no measurement.
    #[error("the kernel refused the program {program} at {hook}")]
    Program {
        /// The program.
        program: &'static str,
        /// Where.
        hook: String,
        /// Why.
        #[source]
        source: ProgramError,
    },
    /// A map is missing or has another shape than expected.
    #[error("the BPF object's map {0} is not as expected")]
    Map(&'static str),
    /// A table could not be mapped.
    #[error("cannot map the BPF table {name}")]
    Mapping {
        /// The table.
        name: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl ProbeError {
    /// The program that was refused.
    pub fn program(&self) -> Option<&'static str> {
        if let Self::Program { program, .. } = self { Some(program) } else { None }
    }

    /// Whether the kernel said "not permitted" somewhere in the chain. The verifier refuses code with the same
    /// error number, but it says why.
    pub fn is_permission(&self) -> bool {
        if let Self::Program { source: ProgramError::LoadError { verifier_log, .. }, .. } = self
            && !verifier_log.to_string().is_empty()
        {
            return false;
        }
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = next {
            if let Some(io) = error.downcast_ref::<io::Error>()
                && io.kind() == io::ErrorKind::PermissionDenied
            {
                return true;
            }
            next = error.source();
        }
        false
    }
}

/// Entries of a table that is not used.
const UNUSED: u32 = 16;
/// Least size of the ring of events other than IOs: one page.
const EVENTS_LEAST: u32 = 4096;

/// How the probes are set up.
#[derive(Clone, Copy, Debug)]
pub struct ProbeOptions {
    /// Size of all event buffers together, a power of two: a quarter for other events than IOs.
    pub ring_bytes: u32,
    /// Whether the programs log what happens rarely.
    pub log: bool,
}

/// A program that is attached.
#[derive(Clone, Debug)]
pub struct Attached {
    /// Name of the program in the object.
    pub program: &'static str,
    /// Where.
    pub hook: Hook,
}

/// The loaded and attached programs, and their tables.
pub struct Probes {
    ebpf: Ebpf,
    /// What is attached.
    pub attached: Vec<Attached>,
    /// What is not, and what that loses.
    pub gaps: Vec<Gap>,
    /// Whether all file systems' synchronous writes are told apart by kind.
    pub tells_o_sync: bool,
    /// Copies of the statistics.
    pub shards: usize,
    /// Memory of all maps as the kernel counts it.
    pub map_bytes: u64,
    /// Events but for those of IOs.
    pub ring: RingBuf<MapData>,
    /// IO events.
    pub io_ring: IoRing,
    /// Stream keys.
    pub keys: Mapped<KeySet>,
    /// Statistics, shard after shard.
    pub stats: Mapped<Stats>,
    /// Devices by index.
    pub devices: Mapped<Devices>,
    /// Owning cgroups by index.
    pub cgroups: Mapped<Cgroups>,
    /// Files by number.
    pub files: FileTable,
    /// Whether requests of loop devices are remembered.
    pub watches_loops: bool,
    /// Loop devices with their files.
    pub loops: LoopTable,
    /// Log messages of the programs, when asked for.
    pub logger: Option<Logger>,
    tracked: Mapped<Tracked>,
    targets: Mapped<Tracked>,
    control: Mapped<Control>,
    counts: PerCpuArray<MapData, [u64; COUNT_SLOTS]>,
}

/// What only the log of xfs needs; without one it takes no memory.
const XFS_MAPS: [&str; 5] =
    ["XFS_INODES", "XFS_LOGS", "XFS_SUBMITTERS", "XFS_WORKERS", "XFS_WRITES"];

/// Type information in which programs find their tracepoints ([`iocontend_core::btf::Btf::of_tracepoints`]).
pub(super) fn types(tracepoints: &[u8]) -> Result<Btf, ProbeError> {
    Btf::parse(tracepoints, Endianness::default()).map_err(ProbeError::Types)
}

/// Loads the object's maps and code.
pub(super) fn load(plan: &Plan, options: ProbeOptions) -> Result<Ebpf, ProbeError> {
    let other = match env::var_os(OBJECT_VARIABLE) {
        Some(path) => Some(fs::read(&path).map_err(|source| ProbeError::Object {
            path: path.to_string_lossy().into_owned(),
            source,
        })?),
        None => None,
    };
    let log_level = if options.log { aya_log::Level::Debug as u8 } else { 0 };
    let streams = u32::try_from(STREAMS).unwrap_or(u32::MAX);
    let carried = if plan.config.indirect.stacked == 0 { UNUSED } else { CARRIED };
    let mut loader = EbpfLoader::new();
    if plan.config.xfs_log.end_io == 0 {
        for map in XFS_MAPS {
            loader.map_max_entries(map, 1);
        }
    }
    loader
        // It has read all types of the kernel, which nothing here needs: the object has no relocations by them.
        .btf(None)
        .verifier_log_level(VerifierLogLevel::STATS)
        .override_global("CONFIG", bytemuck::bytes_of(&plan.config), true)
        .map_max_entries("STATS", streams.saturating_mul(plan.shards))
        .map_max_entries("EVENTS", (options.ring_bytes / 4).max(EVENTS_LEAST))
        .map_max_entries("IO_RING", plan.rings << plan.config.ring_bits)
        .map_max_entries("IO_ENDS", plan.rings)
        .map_max_entries("CARRIED", carried)
        .override_global("AYA_LOG_LEVEL", &log_level, false)
        .load(other.as_deref().unwrap_or(OBJECT))
        .map_err(ProbeError::Load)
}

/// Attaches one program; a gap when the kernel refuses one that can be done without.
fn attach_one(
    ebpf: &mut Ebpf,
    planned: &Planned,
    refused: &mut Refusals,
) -> Result<Option<Gap>, ProbeError> {
    let Planned { program, hook, loses } = *planned;
    match attach(ebpf, planned, refused) {
        Ok(()) => Ok(None),
        Err(source) if loses == Loses::Everything => {
            Err(ProbeError::Program { program, hook: hook.name(), source })
        }
        Err(source) => Ok(Some(Gap {
            program,
            hook,
            reason: GapReason::Refused { error: chain(&source) },
            loses,
        })),
    }
}

/// Blocks this large are mapped on their own, so that they go back to the kernel when they are freed.
#[cfg(target_env = "gnu")]
const LARGE_BLOCK: libc::c_int = 128 << 10;

/// Keeps the allocator from raising that limit by itself when the first large block is freed; what the type
/// information takes in turn would then add up.
pub(crate) fn large_blocks_apart() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a parameter of the allocator. When it cannot, memory is not given back as early.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BLOCK);
    }
}

/// Type information took some 20 MiB in small pieces; the allocator keeps them unless told.
fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: returns unused memory of the allocator to the kernel; touches nothing in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// An error and its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

/// Takes a map out of the object.
fn map<T: TryFrom<Map>>(ebpf: &mut Ebpf, name: &'static str) -> Result<T, ProbeError> {
    let map = ebpf.take_map(name).ok_or(ProbeError::Map(name))?;
    T::try_from(map).map_err(|_other_kind| ProbeError::Map(name))
}

/// Maps an array of the object.
fn mapped<T>(ebpf: &mut Ebpf, name: &'static str, len: usize) -> Result<Mapped<T>, ProbeError>
where
    T: bytemuck::Pod,
{
    let Some(Map::Array(data)) = ebpf.map(name) else { return Err(ProbeError::Map(name)) };
    Mapped::new(data.fd().as_fd(), len).map_err(|source| ProbeError::Mapping { name, source })
}

/// Whether a process is in a table.
fn is_tracked(table: &Mapped<Tracked>, tgid: u32) -> bool {
    let wanted = u64::from(tgid) + 1;
    window(table, tgid).any(|word| word.load(Ordering::Relaxed) == wanted)
}

/// The entries at which a process may stand in a table.
fn window(table: &Mapped<Tracked>, tgid: u32) -> impl Iterator<Item = &AtomicU64> {
    let first = tracked_index(tgid) as usize;
    (first..first + TRACKED_WINDOW).filter_map(|index| table.word(index))
}

/// Puts a process into a table. `false` when there is no room for it.
fn enter(table: &Mapped<Tracked>, tgid: u32) -> bool {
    if is_tracked(table, tgid) {
        return true;
    }
    // The kernel side stops at the first 0, so an entry that was given up is `u64::MAX`, not 0.
    match window(table, tgid).find(|word| matches!(word.load(Ordering::Relaxed), 0 | u64::MAX)) {
        Some(word) => {
            word.store(u64::from(tgid) + 1, Ordering::Relaxed);
            true
        }
        None => false,
    }
}

/// Takes a process out of a table.
fn leave(table: &Mapped<Tracked>, tgid: u32) {
    let wanted = u64::from(tgid) + 1;
    for word in window(table, tgid).filter(|word| word.load(Ordering::Relaxed) == wanted) {
        word.store(u64::MAX, Ordering::Relaxed);
    }
}

impl Probes {
    /// Loads and attaches. Takes type information that has the tracepoints of the plan.
    pub fn attach(
        plan: &Plan,
        tracepoints: &[u8],
        options: ProbeOptions,
    ) -> Result<Self, ProbeError> {
        let mut ebpf = load(plan, options)?;
        let btf = types(tracepoints)?;
        let map_bytes = ebpf.maps().filter_map(|(_, map)| cost::of_map(map)).sum();
        let (mut attached, mut gaps) = (Vec::new(), plan.gaps.clone());
        let mut refused = load_programs(&mut ebpf, &plan.programs, &btf);
        for planned in &plan.programs {
            match attach_one(&mut ebpf, planned, &mut refused)? {
                None => attached.push(Attached { program: planned.program, hook: planned.hook }),
                Some(gap) => gaps.push(gap),
            }
        }
        drop(btf);
        give_back_memory();
        let shards = plan.shards as usize;
        let io_records = (plan.rings << plan.config.ring_bits) as usize;
        let probes = Self {
            attached,
            gaps,
            tells_o_sync: plan.config.file_flags != ABSENT,
            shards,
            map_bytes,
            ring: map(&mut ebpf, "EVENTS")?,
            io_ring: IoRing::new(
                mapped(&mut ebpf, "IO_RING", io_records)?,
                mapped(&mut ebpf, "IO_ENDS", plan.rings as usize)?,
                plan.config.ring_bits,
            ),
            keys: mapped(&mut ebpf, "KEYS", SETS)?,
            stats: mapped(&mut ebpf, "STATS", STREAMS * shards)?,
            devices: mapped(&mut ebpf, "DEVICES", 1)?,
            cgroups: mapped(&mut ebpf, "CGROUPS", 1)?,
            files: FileTable::new(
                map(&mut ebpf, "FILES")?,
                mapped(&mut ebpf, "FILE_ENTRIES", 1)?,
                mapped(&mut ebpf, "FREE_FILES", 1)?,
                mapped(&mut ebpf, "CONTROL", 1)?,
            ),
            watches_loops: plan.config.indirect.loops != 0,
            loops: LoopTable::new(map(&mut ebpf, "LOOP_FILES")?, map(&mut ebpf, "LOOP_DISKS")?),
            logger: if options.log { Logger::start(&mut ebpf).ok() } else { None },
            tracked: mapped(&mut ebpf, "TRACKED", 1)?,
            targets: mapped(&mut ebpf, "TARGETS", 1)?,
            control: mapped(&mut ebpf, "CONTROL", 1)?,
            counts: map(&mut ebpf, "COUNTS")?,
            ebpf,
        };
        probes.reserve_last_resort();
        Ok(probes)
    }

    /// Streams for what has no room anywhere else.
    fn reserve_last_resort(&self) {
        for kind in Kind::ALL {
            let key = Key::overflow(DEVICE_OVERFLOW, kind as u32).0;
            let set = sets_of(key)[0] as usize;
            let free = (set * WAYS..(set + 1) * WAYS)
                .filter_map(|index| self.keys.word(index))
                .find(|word| word.load(Ordering::Relaxed) == 0);
            if let Some(word) = free {
                word.store(key, Ordering::Relaxed);
            }
        }
    }

    /// From now on (CLOCK_MONOTONIC ns) completions and waits count; 0 stops the counting.
    pub fn count_since(&self, now_ns: u64) {
        if let Some(word) = self.control.word(0) {
            word.store(now_ns, Ordering::SeqCst);
        }
    }

    /// Loss and other counters, summed over CPUs.
    pub fn counts(&self) -> Result<Vec<(Count, u64)>, MapError> {
        let per_cpu = self.counts.get(&0, 0)?;
        let sum = |count: Count| per_cpu.iter().map(|cpu| cpu[count as usize]).sum();
        Ok(Count::ALL.into_iter().map(|count| (count, sum(count))).collect())
    }

    /// Tells a process's files apart from now on. `false` when there is no room for it.
    pub fn track(&self, tgid: u32) -> bool {
        enter(&self.tracked, tgid)
    }

    /// Watches a process's threads from now on. `false` when there is no room for it.
    pub fn watch_threads(&self, tgid: u32) -> bool {
        enter(&self.targets, tgid)
    }

    /// Stops watching a process's threads.
    pub fn unwatch_threads(&self, tgid: u32) {
        leave(&self.targets, tgid);
    }

    /// Stops telling a process's files apart.
    pub fn untrack(&self, tgid: u32) {
        leave(&self.tracked, tgid);
    }

    /// Cost of every attached program, as far as the kernel counts it.
    pub fn costs(&self) -> Vec<(&'static str, RunStats)> {
        let mut seen = Vec::new();
        for attached in &self.attached {
            if seen.iter().any(|(program, _)| *program == attached.program) {
                continue;
            }
            let stats = self
                .ebpf
                .program(attached.program)
                .and_then(|program| program.fd().ok().and_then(|fd| cost::of_program(fd.as_fd())));
            if let Some(stats) = stats {
                seen.push((attached.program, stats));
            }
        }
        seen
    }
}
