//! A stream's statistics as changes: only the words that differ from the last time.
//!
//! Both directions keep the last state of every place in the table; a place that is given back, or has another key,
//! begins with zeros. A word's number: 0 count, 1 bytes, 2 to 10 sum, complement of the minimum and maximum of the
//! three phases, from 11 on the buckets of the three phases.

use bytemuck::{Zeroable as _, bytes_of};
use foldhash::HashMap;
use iocontend_wire::bucket::BUCKETS;
use iocontend_wire::key::Key;
use iocontend_wire::tables::{MAX_SHARDS, STREAMS, Stats};
use serde::{Deserialize, Serialize};

use super::damage::Damage;
use super::item::Malformed;
use crate::session::StreamSample;

/// Words before the buckets.
const WIDE: usize = 11;
/// Words in all.
const WORDS: usize = WIDE + 3 * BUCKETS;

/// What is stored of a sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    /// Place in the table.
    index: u32,
    /// Its key.
    key: u64,
    /// Number of copies of the statistics.
    shards: u32,
    /// One list per copy that changed: its number, then pairs of a word's number and its new value.
    changed: Vec<Vec<u64>>,
}

/// The last state of every place.
#[derive(Default)]
pub(super) struct Places {
    places: HashMap<u32, (Key, Vec<Stats>)>,
}

impl Places {
    pub(super) fn forget(&mut self, index: u32) {
        self.places.remove(&index);
    }

    fn place(&mut self, index: u32, key: Key, shards: usize) -> &mut Vec<Stats> {
        let (known, stats) = self.places.entry(index).or_insert_with(|| (key, Vec::new()));
        if *known != key {
            (*known, *stats) = (key, Vec::new());
        }
        stats.resize(shards, Stats::zeroed());
        stats
    }

    /// What is new in a sample.
    pub(super) fn change(&mut self, sample: &StreamSample) -> Change {
        let place = self.place(sample.index, sample.key, sample.shards.len());
        let mut changed = Vec::new();
        for (shard, (before, now)) in (0_u64..).zip(place.iter_mut().zip(&sample.shards)) {
            if bytes_of(before) == bytes_of(now) {
                continue;
            }
            let mut words = vec![shard];
            for (word, number) in (0..WORDS).zip(0_u64..) {
                if get(before, word) != get(now, word) {
                    words.extend([number, get(now, word)]);
                }
            }
            changed.push(words);
            *before = *now;
        }
        let shards = u32::try_from(sample.shards.len()).unwrap_or(u32::MAX);
        Change { index: sample.index, key: sample.key.0, shards, changed }
    }

    /// The sample again.
    pub(super) fn sample(&mut self, change: &Change) -> Result<StreamSample, Malformed> {
        let shards = change.shards as usize;
        if change.index as usize >= STREAMS || shards > MAX_SHARDS {
            return Err(Malformed(Damage::StreamPlace));
        }
        let key = Key(change.key);
        let place = self.place(change.index, key, shards);
        for words in &change.changed {
            let (shard, pairs) = words.split_first().ok_or(Malformed(Damage::NoShard))?;
            let stats = usize::try_from(*shard).ok().and_then(|shard| place.get_mut(shard));
            let stats = stats.ok_or(Malformed(Damage::UnknownShard))?;
            let (pairs, rest) = pairs.as_chunks::<2>();
            let all_set = pairs.iter().all(|[word, value]| set(stats, *word, *value).is_some());
            if !all_set || !rest.is_empty() {
                return Err(Malformed(Damage::UnknownWord));
            }
        }
        Ok(StreamSample { index: change.index, key, shards: place.clone() })
    }
}

fn get(stats: &Stats, word: usize) -> u64 {
    match word {
        0 => stats.count,
        1 => stats.bytes,
        2..WIDE => {
            let phase = &stats.phases[(word - 2) / 3];
            [phase.sum, phase.not_min, phase.max][(word - 2) % 3]
        }
        _ => stats.buckets[(word - WIDE) / BUCKETS][(word - WIDE) % BUCKETS].into(),
    }
}

/// `None` when there is no such word, or it cannot hold the value.
fn set(stats: &mut Stats, word: u64, value: u64) -> Option<()> {
    let word = usize::try_from(word).ok().filter(|word| *word < WORDS)?;
    match word {
        0 => stats.count = value,
        1 => stats.bytes = value,
        2..WIDE => {
            let phase = &mut stats.phases[(word - 2) / 3];
            *[&mut phase.sum, &mut phase.not_min, &mut phase.max][(word - 2) % 3] = value;
        }
        _ => {
            let bucket = &mut stats.buckets[(word - WIDE) / BUCKETS][(word - WIDE) % BUCKETS];
            *bucket = u32::try_from(value).ok()?;
        }
    }
    Some(())
}
