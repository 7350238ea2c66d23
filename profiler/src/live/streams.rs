//! Reads the kernel side's tables of streams, devices and cgroups, and gives places back.

use std::mem::offset_of;
use std::sync::atomic::Ordering;

use foldhash::{HashMap, HashMapExt as _, HashSet};
use iocontend_core::ids::Dev;
use iocontend_core::session::StreamSample;
use iocontend_wire::key::{Key, TOMBSTONE};
use iocontend_wire::tables::{SETS, STREAMS, Stats, WAYS};

use super::Live;
use crate::kernel::probes::Probes;

/// Between taking a key away and the last look at its statistics: a program that had already found the stream
/// has long ended by then.
pub(super) const SETTLE_NS: u64 = 100_000_000;

/// Words of the statistics of one stream.
const STATS_WORDS: usize = size_of::<Stats>() / 8;

/// What was read so far.
#[derive(Default)]
pub(super) struct StreamReader {
    seen: HashSet<u64>,
    count: usize,
    retiring: Vec<Retiring>,
    activity: HashMap<u32, Activity>,
}

/// When a stream last had something new.
#[derive(Clone, Copy)]
struct Activity {
    key: Key,
    count: u64,
    since_ns: u64,
}

struct Retiring {
    index: u32,
    key: Key,
    since_ns: u64,
}

impl StreamReader {
    /// Every key in the table with its place.
    fn keys(probes: &Probes) -> impl Iterator<Item = (u32, Key)> {
        (0..SETS).flat_map(move |set| {
            let keys = probes.keys.read(set).map_or([0; WAYS], |set| set.keys);
            keys.into_iter().enumerate().filter_map(move |(way, key)| {
                let index = u32::try_from(set * WAYS + way).ok()?;
                let key = Key(key);
                key.is_valid().then_some((index, key))
            })
        })
    }

    /// Keys that were not there the last time.
    pub(super) fn new_keys(&mut self, probes: &Probes) -> Vec<Key> {
        let keys: Vec<Key> = Self::keys(probes).map(|(_, key)| key).collect();
        self.count = keys.len();
        keys.into_iter().filter(|key| self.seen.insert(key.0)).collect()
    }

    /// All streams with their statistics so far, those about to be given back too.
    pub(super) fn all(&self, probes: &Probes) -> Vec<StreamSample> {
        let retiring = self.retiring.iter().map(|stream| (stream.index, stream.key));
        let all = Self::keys(probes).chain(retiring);
        all.map(|(index, key)| sample(probes, index, key)).collect()
    }

    /// How many streams there were the last time.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// All streams with the time since which nothing was counted in them, as far as the looks so far can tell.
    pub(super) fn idle(&mut self, probes: &Probes, now_ns: u64) -> Vec<(u32, Key, u64)> {
        let mut activity = HashMap::new();
        for (index, key) in Self::keys(probes) {
            let count = counted(probes, index);
            let now = Activity { key, count, since_ns: now_ns };
            let known = self.activity.get(&index).copied();
            let same = known.filter(|known| (known.key, known.count) == (key, count));
            activity.insert(index, same.unwrap_or(now));
        }
        self.activity = activity;
        let idle = |known: &Activity| now_ns.saturating_sub(known.since_ns);
        self.activity.iter().map(|(index, known)| (*index, known.key, idle(known))).collect()
    }

    /// Takes the keys of a process away, so that nothing more is counted there.
    pub(super) fn begin_retiring(&mut self, probes: &Probes, pid: u32, now_ns: u64) {
        for (index, key) in Self::keys(probes).collect::<Vec<_>>() {
            if Live::is_of(key.who(), pid) {
                self.take_away(probes, index, now_ns);
            }
        }
    }

    /// Takes one key away.
    pub(super) fn take_away(&mut self, probes: &Probes, index: u32, now_ns: u64) {
        let Some(word) = probes.keys.word(index as usize) else { return };
        let key = Key(word.load(Ordering::SeqCst));
        if key.is_valid() {
            word.store(TOMBSTONE, Ordering::SeqCst);
            self.retiring.push(Retiring { index, key, since_ns: now_ns });
            self.seen.remove(&key.0);
        }
    }

    /// Last samples of streams that have settled; their places are free afterwards.
    pub(super) fn finish_retiring(&mut self, probes: &Probes, now_ns: u64) -> Vec<StreamSample> {
        let settled = |stream: &Retiring| now_ns.saturating_sub(stream.since_ns) >= SETTLE_NS;
        let (done, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.retiring).into_iter().partition(settled);
        self.retiring = waiting;
        let mut samples = Vec::new();
        for stream in done {
            samples.push(sample(probes, stream.index, stream.key));
            for shard in 0..probes.shards {
                probes.stats.clear(stream.index as usize + shard * STREAMS);
            }
            if let Some(word) = probes.keys.word(stream.index as usize) {
                word.store(0, Ordering::SeqCst);
            }
        }
        samples
    }

    /// Devices by index.
    pub(super) fn devices(probes: &Probes) -> Vec<Option<Dev>> {
        let Some(table) = probes.devices.read(0) else { return Vec::new() };
        // Bit 32 marks an entry; below it stands the kernel's number.
        let dev = |entry: u64| u32::try_from(entry & 0xffff_ffff).ok().map(Dev::from_kernel);
        table.entries.iter().map(|entry| if *entry == 0 { None } else { dev(*entry) }).collect()
    }

    /// Owning cgroups by index.
    pub(super) fn cgroups(probes: &Probes) -> Vec<Option<u64>> {
        let Some(table) = probes.cgroups.read(0) else { return Vec::new() };
        table.entries.iter().map(|id| (*id != 0).then_some(*id)).collect()
    }
}

/// What changes whenever something is counted in a stream.
fn counted(probes: &Probes, index: u32) -> u64 {
    let word = |shard: usize, offset: usize| {
        let stream = index as usize + shard * STREAMS;
        let word = probes.stats.word(stream * STATS_WORDS + offset / 8);
        word.map_or(0, |word| word.load(Ordering::Relaxed))
    };
    (0..probes.shards)
        .map(|shard| {
            word(shard, offset_of!(Stats, count))
                .wrapping_add(word(shard, offset_of!(Stats, bytes)))
        })
        .fold(0, u64::wrapping_add)
}

fn sample(probes: &Probes, index: u32, key: Key) -> StreamSample {
    let shards = (0..probes.shards)
        .filter_map(|shard| probes.stats.read(index as usize + shard * STREAMS))
        .collect();
    StreamSample { index, key, shards }
}
