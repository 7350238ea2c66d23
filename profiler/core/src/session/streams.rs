//! What everybody did: exact statistics per stream, as differences of the kernel side's counters.

use bytemuck::{Zeroable as _, bytes_of};
use foldhash::HashMap;
use iocontend_wire::key::{Key, Kind};
use iocontend_wire::tables::{D2C, Phase, Q2C, Q2D, Stats};

use super::actors::{ActorId, Owned};
use super::anatomy::Parts;
use crate::hist::Dist;
use crate::ids::{Call, Dev, Method, Op};

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

/// What a stream is, in the report's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RowKey {
    pub(super) owner: Owned,
    pub(super) device: u32,
    pub(super) what: What,
    pub(super) file: u32,
    pub(super) method: Method,
}

impl RowKey {
    /// The row of a stream; `None` for a kind that has none.
    pub(super) fn new(key: Key, owner: Owned) -> Option<Self> {
        let (what, method) = (what(key)?, method(key));
        Some(Self { owner, device: key.dev(), what, file: key.file(), method })
    }
}

/// Operation, call, or what only a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum What {
    Io(Op),
    Wait(Call),
    /// Threads ready to run and without a CPU.
    RunQueue,
    FlushCommand,
    Merge,
    Requeue,
}

/// Numbers of one row.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) count: u64,
    pub(super) bytes: u64,
    pub(super) q2d: Dist,
    pub(super) d2c: Dist,
    pub(super) q2c: Dist,
    /// Waits of targets: what they were made of, as far as records told.
    pub(super) parts: Option<Parts>,
}

impl Row {
    /// Sums wrap, here as in whatever is held against them: bytes from outside may say anything.
    pub(super) fn merge(&mut self, other: &Self) {
        self.count = self.count.wrapping_add(other.count);
        self.bytes = self.bytes.wrapping_add(other.bytes);
        self.q2d.merge(&other.q2d);
        self.d2c.merge(&other.d2c);
        self.q2c.merge(&other.q2c);
        if let Some(parts) = &other.parts {
            self.parts.get_or_insert_default().merge(parts);
        }
    }
}

/// A place in the kernel side's table, from its first sample until it is given back.
struct Place {
    key: Key,
    /// Who had the key's pid at the first sample: a pid may come again before the place is given back.
    owner: Owned,
    /// What was added so far.
    shards: Vec<Stats>,
}

/// All rows, whole and since the last interval.
#[derive(Default)]
pub(super) struct Streams {
    whole: HashMap<RowKey, Row>,
    interval: HashMap<RowKey, Row>,
    places: HashMap<u32, Place>,
    devices: Vec<Option<Dev>>,
    cgroups: Vec<Option<(u64, Option<String>)>>,
}

impl Streams {
    pub(super) fn set_tables(
        &mut self,
        devices: Vec<Option<Dev>>,
        cgroups: Vec<Option<(u64, Option<String>)>>,
    ) {
        self.devices = devices;
        self.cgroups = cgroups;
    }

    /// The device behind an index.
    pub(super) fn device(&self, index: u32) -> Option<Dev> {
        self.devices.get(index as usize).copied().flatten()
    }

    /// All devices that have an index.
    pub(super) fn devices(&self) -> impl Iterator<Item = (u32, Dev)> {
        (0..).zip(&self.devices).filter_map(|(index, dev)| dev.map(|dev| (index, dev)))
    }

    /// The cgroup behind an index.
    pub(super) fn cgroup(&self, index: u32) -> Option<&(u64, Option<String>)> {
        self.cgroups.get(index as usize)?.as_ref()
    }

    pub(super) fn whole(&self) -> &HashMap<RowKey, Row> {
        &self.whole
    }

    pub(super) fn interval(&self) -> &HashMap<RowKey, Row> {
        &self.interval
    }

    /// Records may run ahead of the statistics: what is told of a wait already and not counted yet belongs to the next
    /// interval.
    pub(super) fn next_interval(&mut self) {
        let ahead = |(key, row): (RowKey, Row)| {
            let over = row.parts?.split_off(row.q2c.sum_ns())?;
            // Of a row that counts nothing, nothing may ever be counted.
            (row.count > 0).then(|| (key, Row { parts: Some(over), ..Row::default() }))
        };
        self.interval = self.interval.drain().filter_map(ahead).collect();
    }

    /// The place was given back; whoever takes it counts from zero.
    pub(super) fn forget(&mut self, index: u32) {
        self.places.remove(&index);
    }

    /// Rows of these actors belong to others from now on; which file it was is not kept.
    pub(super) fn put_together(&mut self, moved: &HashMap<ActorId, usize>) {
        let new = |owner: Owned| match owner {
            Owned::Actor(id) => moved.get(&id).map(|index| Owned::Ended(*index)),
            _ => None,
        };
        for rows in [&mut self.whole, &mut self.interval] {
            let old: Vec<RowKey> =
                rows.keys().filter(|key| new(key.owner).is_some()).copied().collect();
            for key in old {
                if let (Some(row), Some(owner)) = (rows.remove(&key), new(key.owner)) {
                    rows.entry(RowKey { owner, file: 0, ..key }).or_default().merge(&row);
                }
            }
        }
        for place in self.places.values_mut() {
            place.owner = new(place.owner).unwrap_or(place.owner);
        }
    }

    /// Keys of all rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = RowKey> {
        self.whole.keys().chain(self.interval.keys()).copied()
    }

    /// These rows belong to other files from now on.
    pub(super) fn files_together(&mut self, moved: &HashMap<RowKey, u32>) {
        for rows in [&mut self.whole, &mut self.interval] {
            for (key, file) in moved {
                if let Some(row) = rows.remove(key) {
                    rows.entry(RowKey { file: *file, ..*key }).or_default().merge(&row);
                }
            }
        }
    }

    /// Adds what a wait was made of.
    pub(super) fn add_parts(&mut self, row: RowKey, parts: &Parts) {
        for rows in [&mut self.whole, &mut self.interval] {
            rows.entry(row).or_default().parts.get_or_insert_default().merge(parts);
        }
    }

    /// How many rows there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.whole.len()
    }

    /// Adds what is new in a sample.
    pub(super) fn add(&mut self, sample: &StreamSample, owner: Owned) {
        let new = || Place { key: sample.key, owner, shards: Vec::new() };
        let place = self.places.entry(sample.index).or_insert_with(new);
        if place.key != sample.key {
            *place = new();
        }
        if place.shards.len() < sample.shards.len() {
            place.shards.resize(sample.shards.len(), Stats::zeroed());
        }
        let Some(row) = RowKey::new(sample.key, place.owner) else { return };
        for (before, stats) in place.shards.iter_mut().zip(&sample.shards) {
            if is_unchanged(before, stats) {
                continue;
            }
            add_shard(self.whole.entry(row).or_default(), before, stats, true);
            add_shard(self.interval.entry(row).or_default(), before, stats, false);
            *before = *stats;
        }
    }
}

/// Whether nothing was counted, as far as the words before the buckets say. A sample taken in the middle of a change
/// may have new buckets all the same: they are added with the next one.
fn is_unchanged(before: &Stats, stats: &Stats) -> bool {
    before.count == stats.count
        && before.bytes == stats.bytes
        && bytes_of(&before.phases) == bytes_of(&stats.phases)
}

/// Adds a shard's difference. Extremes are since the beginning, so they say nothing about an interval.
fn add_shard(row: &mut Row, before: &Stats, stats: &Stats, extremes: bool) {
    row.count = row.count.wrapping_add(stats.count.wrapping_sub(before.count));
    row.bytes = row.bytes.wrapping_add(stats.bytes.wrapping_sub(before.bytes));
    for (dist, which) in [(&mut row.q2d, Q2D), (&mut row.d2c, D2C), (&mut row.q2c, Q2C)] {
        let mut counts = stats.buckets[which];
        for (count, old) in counts.iter_mut().zip(&before.buckets[which]) {
            *count = count.wrapping_sub(*old);
        }
        let phase = stats.phases[which];
        let sum = phase.sum.wrapping_sub(before.phases[which].sum);
        let (min, max) = if extremes { edges(phase) } else { (None, None) };
        dist.add_buckets(&counts, sum, min, max);
    }
}

/// Minimum and maximum of a phase; `None` before the first value.
fn edges(phase: Phase) -> (Option<u64>, Option<u64>) {
    if phase.not_min == 0 { (None, None) } else { (Some(!phase.not_min), Some(phase.max)) }
}

fn what(key: Key) -> Option<What> {
    Some(match Kind::from_u32(key.kind())? {
        Kind::Read => What::Io(Op::Read),
        Kind::Write => What::Io(Op::Write),
        Kind::Flush => What::Io(Op::Flush),
        Kind::Discard => What::Io(Op::Discard),
        Kind::FlushCommand => What::FlushCommand,
        Kind::Merge => What::Merge,
        Kind::Requeue => What::Requeue,
        Kind::Fsync => What::Wait(Call::Fsync),
        Kind::Fdatasync => What::Wait(Call::Fdatasync),
        Kind::OsyncWrite => What::Wait(Call::OsyncWrite),
        Kind::OdsyncWrite => What::Wait(Call::OdsyncWrite),
        Kind::Msync => What::Wait(Call::Msync),
        Kind::IoUringFsync => What::Wait(Call::IoUringFsync),
        Kind::OtherSync => What::Wait(Call::OtherSync),
        Kind::RunQueue => What::RunQueue,
        Kind::WriteCall => What::Wait(Call::Write),
        Kind::ReadCall => What::Wait(Call::Read),
        Kind::Fault => What::Wait(Call::Fault),
        Kind::Sync => What::Wait(Call::Sync),
        Kind::Syncfs => What::Wait(Call::Syncfs),
        Kind::SyncFileRange => What::Wait(Call::SyncFileRange),
        Kind::FileCall => What::Wait(Call::FileCall),
    })
}

/// The numbers are those of `iocontend_wire::key::How`.
fn method(key: Key) -> Method {
    match key.how() {
        0 => Method::Direct,
        1 => Method::Writeback,
        2 => Method::Journal,
        3 => Method::OwnerCgroup,
        _ => Method::Unattributed,
    }
}
