//! The rounds of one arm together. Pure.

use std::collections::BTreeMap;

use iocontend_core::report::Lat;

use super::super::stats::{Mean, mean};
use super::result::{Line, Measured, Phase};

/// Syncs from which a 99th percentile counts as measured.
pub const ENOUGH: u64 = 2_000;

/// Syncs beside somebody from which theirs is one.
const ENOUGH_BESIDE: u64 = 100;

/// What an arm of a case showed in one phase.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Rounds.
    pub rounds: usize,
    /// Syncs of the log in all of them, as iocontend counts.
    pub syncs: u64,
    /// Median of all of them, milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of all of them, milliseconds.
    pub p99_ms: f64,
    /// The rounds' own 99th percentiles of puts, by repeat.
    pub of_rounds: BTreeMap<u32, f64>,
    /// Upper edge of etcd's own bucket with its 99th percentile; absent above all buckets.
    pub etcd_p99_le_ms: Option<f64>,
    /// 99th percentile of the syncs of data of all files, milliseconds; absent where they were not kept.
    pub all_files_p99_ms: Option<f64>,
    /// 99th percentile of the syncs that met somebody, in all of them; absent where there were few.
    pub beside_p99_ms: Option<f64>,
    /// Mean of the rounds' 99th percentiles of puts.
    pub put_p99_ms: f64,
    /// What each actor read and wrote, MB/s, mean of the rounds.
    pub actors_mb_s: BTreeMap<String, f64>,
}

impl Figure {
    /// Of these rounds; none where nothing was measured.
    #[expect(clippy::cast_precision_loss, reason = "times for people")]
    pub fn of<'a>(lines: impl Iterator<Item = &'a Line>) -> Option<Self> {
        let rounds: Vec<(u32, &Measured)> =
            lines.filter_map(|line| Some((line.todo.repeat, line.measured()?))).collect();
        let all = Lat::merged(rounds.iter().map(|(_, one)| &one.wal))?;
        let ms = |ns: Option<u64>| ns.map(|ns| ns as f64 / 1e6);
        let own = rounds
            .iter()
            .filter_map(|(repeat, one)| Some((*repeat, one.round.load.latency?.p99_ms)));
        let own: BTreeMap<u32, f64> = own.collect();
        let all_files = Lat::merged(rounds.iter().filter_map(|(_, one)| one.syncs.as_ref()));
        let beside = Lat::merged(rounds.iter().filter_map(|(_, one)| one.beside.as_ref()));
        let beside = beside.filter(|beside| beside.count >= ENOUGH_BESIDE);
        let mut rates: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (name, seen) in rounds.iter().flat_map(|(_, one)| &one.round.actors) {
            let Some(time) = seen.at_work_ms.filter(|time| *time > 0) else { continue };
            let rate = (seen.read_bytes + seen.write_bytes) as f64 / 1e3 / time as f64;
            rates.entry(name.clone()).or_default().push(rate);
        }
        Some(Self {
            rounds: rounds.len(),
            syncs: all.count,
            p50_ms: ms(all.p50_ns)?,
            p99_ms: ms(all.p99_ns)?,
            put_p99_ms: mean(&own.values().copied().collect::<Vec<_>>())?.mean,
            of_rounds: own,
            all_files_p99_ms: all_files.and_then(|all| ms(all.p99_ns)),
            beside_p99_ms: beside.and_then(|beside| ms(beside.p99_ns)),
            etcd_p99_le_ms: etcd_p99(rounds.iter().map(|(_, one)| &one.wal_of_etcd)),
            actors_mb_s: rates
                .into_iter()
                .filter_map(|(name, rates)| Some((name, mean(&rates)?.mean)))
                .collect(),
        })
    }

    /// Of an arm of a case.
    pub fn of_arm(lines: &[Line], case: &str, phase: Phase, arm: &str) -> Option<Self> {
        let is_it = |l: &&Line| l.case == case && l.todo.phase == phase && l.todo.arm == arm;
        Self::of(lines.iter().filter(is_it))
    }

    /// How much longer puts took than in another one, repeat by repeat.
    pub fn more_than(&self, other: &Self) -> Option<Mean> {
        let more = |(repeat, p99): (&u32, &f64)| Some(p99 - other.of_rounds.get(repeat)?);
        mean(&self.of_rounds.iter().filter_map(more).collect::<Vec<_>>())
    }
}

/// The upper edge of the bucket with the 99th percentile of all.
fn etcd_p99<'a>(rounds: impl Iterator<Item = &'a Vec<(Option<f64>, u64)>>) -> Option<f64> {
    let mut all: Vec<(f64, u64)> =
        rounds.flatten().map(|(edge, count)| (edge.unwrap_or(f64::INFINITY), *count)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let count: u64 = all.iter().map(|(_, count)| count).sum();
    let rank = count.saturating_mul(99).div_ceil(100);
    let mut seen = 0;
    let at = all.iter().find(|(_, count)| {
        seen += count;
        seen >= rank
    });
    at.map(|(edge, _)| *edge).filter(|edge| edge.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Property: etcd's buckets of several rounds count together; above the last edge there is no edge.
    #[test]
    fn buckets_count_together() {
        let (low, high) = (vec![(Some(8.0), 99)], vec![(Some(16.0), 1), (None, 0)]);
        assert_eq!(etcd_p99([&low, &high].into_iter()), Some(8.0));
        assert_eq!(etcd_p99([&low, &high, &high].into_iter()), Some(16.0));
        assert_eq!(etcd_p99([&low, &vec![(None, 9)]].into_iter()), None);
    }
}
