//! What everybody did: exact statistics per stream, as differences of the kernel side's counters.
//!
//! `Rows` is what snapshots hold; `Places` is what the kernel side's table was when it was last read.

use std::sync::Arc;

use bytemuck::{Zeroable as _, bytes_of};
use foldhash::HashMap;
use iocontend_wire::key::{Key, Kind};
use iocontend_wire::tables::{D2C, Phase, Q2C, Q2D, Stats};

use super::actors::Owned;
use super::anatomy::Parts;
use super::input::StreamSample;
use super::since::{Renaming, Since};
use crate::hist::Dist;
use crate::ids::{Call, Dev, Method, Op};

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
    /// Sum.
    pub(super) count: u64,
    /// Sum.
    pub(super) bytes: u64,
    /// Sums; in a window without the extremes since attach.
    pub(super) q2d: Dist,
    /// The same.
    pub(super) d2c: Dist,
    /// The same.
    pub(super) q2c: Dist,
    /// Sum. Waits of targets: what they were made of, as far as records told.
    pub(super) parts: Option<Parts>,
    /// Sum. Of these parts, those of seconds that are over. What records told ahead of the statistics is not in it: it
    /// belongs to the second that counts it.
    over: Parts,
    /// Count and time of waits when the last second was over.
    at_second: (u64, u64),
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
        self.over.merge(&other.over);
        let (count, wait_ns) = &mut self.at_second;
        *count = count.wrapping_add(other.at_second.0);
        *wait_ns = wait_ns.saturating_add(other.at_second.1);
    }

    /// A second is over.
    fn end_second(&mut self) {
        let (count, wait_ns) = (self.count, self.q2c.sum_ns());
        let (count_before, wait_ns_before) =
            std::mem::replace(&mut self.at_second, (count, wait_ns));
        let Some(parts) = &self.parts else { return };
        let mut new = parts.since(&self.over);
        // Of a row that counts nothing, nothing may ever be counted.
        if count != count_before {
            new.split_off(wait_ns.saturating_sub(wait_ns_before));
        }
        self.over.merge(&new);
    }

    fn is_empty(&self) -> bool {
        let is_empty = |dist: &Dist| dist.is_empty() && dist.sum_ns() == 0;
        let has_counts = self.count > 0 || self.bytes > 0;
        !has_counts
            && self.parts.is_none()
            && [&self.q2d, &self.d2c, &self.q2c].into_iter().all(is_empty)
    }
}

impl Since for Row {
    fn since(&self, older: &Self) -> Self {
        Self {
            count: self.count.saturating_sub(older.count),
            bytes: self.bytes.saturating_sub(older.bytes),
            q2d: self.q2d.since(&older.q2d),
            d2c: self.d2c.since(&older.d2c),
            q2c: self.q2c.since(&older.q2c),
            parts: self.parts.map(|parts| parts.since(&older.over)).filter(|new| !new.is_empty()),
            ..Self::default()
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

/// Owning cgroups by index: id and, where found, path.
type Cgroups = Vec<Option<(u64, Option<String>)>>;

/// All rows.
#[derive(Clone, Default)]
pub(super) struct Rows {
    /// Sums.
    by_key: HashMap<RowKey, Row>,
    /// Learnt.
    devices: Arc<Vec<Option<Dev>>>,
    /// Learnt.
    cgroups: Arc<Cgroups>,
}

impl Rows {
    pub(super) fn set_tables(&mut self, devices: Vec<Option<Dev>>, cgroups: Cgroups) {
        self.devices = Arc::new(devices);
        self.cgroups = Arc::new(cgroups);
    }

    /// The device behind an index.
    pub(super) fn device(&self, index: u32) -> Option<Dev> {
        self.devices.get(index as usize).copied().flatten()
    }

    /// All devices that have an index.
    pub(super) fn devices(&self) -> impl Iterator<Item = (u32, Dev)> {
        (0..).zip(&*self.devices).filter_map(|(index, dev)| dev.map(|dev| (index, dev)))
    }

    /// The cgroup behind an index.
    pub(super) fn cgroup(&self, index: u32) -> Option<&(u64, Option<String>)> {
        self.cgroups.get(index as usize)?.as_ref()
    }

    /// All of them.
    pub(super) const fn all(&self) -> &HashMap<RowKey, Row> {
        &self.by_key
    }

    /// A second is over. Records may run ahead of the statistics: what is told of a wait already and not counted yet
    /// belongs to the next one.
    pub(super) fn end_second(&mut self) {
        self.by_key.values_mut().for_each(Row::end_second);
    }

    /// Rows that have other names belong to others from now on.
    pub(super) fn rename(&mut self, renaming: &Renaming) {
        let new = |key: &RowKey| {
            let (owner, file) = renaming.place(key.owner, key.file);
            RowKey { owner, file, ..*key }
        };
        let old: Vec<RowKey> =
            self.by_key.keys().filter(|key| new(key) != **key).copied().collect();
        for key in old {
            if let Some(row) = self.by_key.remove(&key) {
                self.by_key.entry(new(&key)).or_default().merge(&row);
            }
        }
    }

    /// Owners and files of all rows.
    pub(super) fn files(&self) -> impl Iterator<Item = (Owned, u32)> {
        self.by_key.keys().map(|key| (key.owner, key.file))
    }

    /// Adds what a wait was made of.
    pub(super) fn add_parts(&mut self, row: RowKey, parts: &Parts) {
        self.by_key.entry(row).or_default().parts.get_or_insert_default().merge(parts);
    }

    /// How many rows there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }
}

impl Since for Rows {
    fn since(&self, older: &Self) -> Self {
        let nothing = Row::default();
        let new = self
            .by_key
            .iter()
            .map(|(key, row)| (*key, row.since(older.by_key.get(key).unwrap_or(&nothing))));
        Self {
            by_key: new.filter(|(_, row)| !row.is_empty()).collect(),
            devices: Arc::clone(&self.devices),
            cgroups: Arc::clone(&self.cgroups),
        }
    }
}

/// The kernel side's table as it was when it was last read.
#[derive(Default)]
pub(super) struct Places {
    places: HashMap<u32, Place>,
}

impl Places {
    /// The place was given back; whoever takes it counts from zero.
    pub(super) fn forget(&mut self, index: u32) {
        self.places.remove(&index);
    }

    /// Processes that have other names own nothing any more.
    pub(super) fn rename(&mut self, renaming: &Renaming) {
        for place in self.places.values_mut() {
            place.owner = renaming.owner(place.owner).unwrap_or(place.owner);
        }
    }

    /// Adds what is new in a sample.
    pub(super) fn add(&mut self, sample: &StreamSample, owner: Owned, rows: &mut Rows) {
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
            add_shard(rows.by_key.entry(row).or_default(), before, stats);
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

/// Adds a shard's difference, and the extremes, which are since the beginning.
fn add_shard(row: &mut Row, before: &Stats, stats: &Stats) {
    row.count = row.count.wrapping_add(stats.count.wrapping_sub(before.count));
    row.bytes = row.bytes.wrapping_add(stats.bytes.wrapping_sub(before.bytes));
    for (dist, which) in [(&mut row.q2d, Q2D), (&mut row.d2c, D2C), (&mut row.q2c, Q2C)] {
        let mut counts = stats.buckets[which];
        for (count, old) in counts.iter_mut().zip(&before.buckets[which]) {
            *count = count.wrapping_sub(*old);
        }
        let phase = stats.phases[which];
        let sum = phase.sum.wrapping_sub(before.phases[which].sum);
        let (min, max) = edges(phase);
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
