//! Any streams of anybody: the report's sums agree, the whole is the sum of its intervals, and both are what a
//! dumb oracle adds up from the single requests.

use std::collections::BTreeMap;

use iocontend_wire::bucket::{bounds, bucket_of};
use iocontend_wire::key::{How, Key, Kind, Owner};
use iocontend_wire::tables::{D2C, Q2C, Q2D, Stats};
use proptest::prelude::*;

use super::super::{Input, Span, StreamSample};
use super::host::{DEVICES, Host, facts, process};
use super::kernel::{Done, count, empty, io_record};
use crate::hist::TOP_NS;
use crate::ids::Op;
use crate::report::{Lat, Report};

/// Copies of the statistics.
const SHARDS: usize = 2;

/// One finished request or wait, on one CPU.
#[derive(Clone, Debug)]
struct Happened {
    key: Key,
    shard: usize,
    done: Done,
}

fn owner() -> impl Strategy<Value = Owner> {
    prop_oneof![
        (100..104_u32).prop_map(Owner::Process),
        (0..3_u32).prop_map(Owner::Cgroup),
        (0..2_u32).prop_map(Owner::Unattributed),
        Just(Owner::Overflow),
    ]
}

fn how() -> impl Strategy<Value = How> {
    prop::sample::select(vec![
        How::Direct,
        How::Writeback,
        How::Journal,
        How::OwnerCgroup,
        How::Unattributed,
    ])
}

fn done() -> impl Strategy<Value = Done> {
    // Spread over all powers of two, some beyond the last bucket.
    let latency = (0_u32..39, any::<u64>()).prop_map(|(exp, bits)| bits >> (63 - exp));
    let times = prop_oneof![
        4 => (latency, any::<bool>()).prop_map(|(q2c, all)| (Some(q2c), all.then_some(q2c / 3))),
        1 => Just((None, None)),
    ];
    (0..1_u64 << 20, times).prop_map(|(bytes, (q2c, d2c))| Done { bytes, q2c, d2c })
}

fn happened() -> impl Strategy<Value = Happened> {
    let kind = prop::sample::select(Kind::ALL.to_vec());
    // One device more than the table has.
    (owner(), how(), 0..=DEVICES, kind, 0..4_u32, 0..SHARDS, done()).prop_map(
        |(owner, how, device, kind, file, shard, done)| {
            let key = Key::owner(owner, file, how).with(device, kind as u32);
            Happened { key, shard, done }
        },
    )
}

/// What happens until the next report, and which of the places are given back then (as bits).
type Step = (Vec<Happened>, u64);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (prop::collection::vec(happened(), 0..40), any::<u64>());
    prop::collection::vec(step, 1..5)
}

/// The kernel side's table of streams.
#[derive(Default)]
struct Table {
    places: Vec<Option<(Key, [Stats; SHARDS])>>,
}

impl Table {
    fn count(&mut self, what: &Happened) {
        let is_its =
            |place: &Option<(Key, _)>| place.as_ref().is_some_and(|(key, _)| *key == what.key);
        let at = self.places.iter().position(is_its).unwrap_or_else(|| {
            let free = self.places.iter().position(Option::is_none);
            let at = free.unwrap_or(self.places.len());
            self.places.resize_with(self.places.len().max(at + 1), || None);
            self.places[at] = Some((what.key, [empty(); SHARDS]));
            at
        });
        if let Some((_, shards)) = &mut self.places[at] {
            count(&mut shards[what.shard], what.done);
        }
    }

    /// Tells the engine everything, gives some places back.
    fn sample(&mut self, host: &mut Host, given_back: u64) {
        for (index, place) in (0_u32..).zip(&mut self.places) {
            let Some((key, shards)) = place else { continue };
            host.tell(Input::Stream(StreamSample { index, key: *key, shards: shards.to_vec() }));
            if given_back >> (index % 64) & 1 == 1 {
                host.tell(Input::Retired(index));
                *place = None;
            }
        }
    }
}

/// What can be added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sums {
    count: u64,
    bytes: u64,
    phases: [(u64, u64, BTreeMap<u64, u64>); 3],
}

impl Sums {
    fn add_lat(&mut self, which: usize, lat: Option<&Lat>) {
        let Some(lat) = lat else { return };
        let (count, sum, buckets) = &mut self.phases[which];
        *count += lat.count;
        *sum += lat.sum_ns;
        for (edge, values) in &lat.buckets {
            // The last bucket has no edge of its own.
            *buckets.entry((*edge).min(TOP_NS)).or_default() += values;
        }
    }

    fn add_done(&mut self, done: Done) {
        self.count += 1;
        self.bytes += done.bytes;
        for which in [Q2D, D2C, Q2C] {
            let Some(ns) = done.phase(which) else { continue };
            let (count, sum, buckets) = &mut self.phases[which];
            *count += 1;
            *sum += ns;
            let edge = bounds(bucket_of(ns)).unwrap().1.map_or(TOP_NS, |edge| edge - 1);
            *buckets.entry(edge).or_default() += 1;
        }
    }
}

/// Sums of a report's rows: by actor, device and operation; waits by actor and call. Classes and methods together:
/// a class may be found between two reports.
fn rows_of(report: &Report, into: &mut BTreeMap<String, Sums>) {
    for actor in &report.actors {
        for row in &actor.io {
            let sums =
                into.entry(format!("{} {} {}", actor.id, row.device, row.op.name())).or_default();
            sums.count += row.count;
            sums.bytes += row.bytes;
            for (which, lat) in [(Q2D, &row.q2d), (D2C, &row.d2c), (Q2C, &row.q2c)] {
                sums.add_lat(which, lat.as_ref());
            }
        }
        for wait in &actor.waits {
            let sums = into.entry(format!("{} {}", actor.id, wait.call.name())).or_default();
            sums.add_lat(Q2C, Some(&wait.latency));
        }
    }
}

fn devices_of(report: &Report) -> BTreeMap<(String, Op), Sums> {
    let mut all = BTreeMap::new();
    for device in &report.devices {
        for op in &device.ops {
            let mut sums = Sums { count: op.count, bytes: op.bytes, ..Sums::default() };
            for (which, lat) in [(Q2D, &op.q2d), (D2C, &op.d2c), (Q2C, &op.q2c)] {
                sums.add_lat(which, lat.as_ref());
            }
            all.insert((device.name.clone(), op.op), sums);
        }
    }
    all
}

/// All distributions of a report.
fn lats(report: &Report) -> Vec<Lat> {
    let devices = report.devices.iter().flat_map(|device| [&device.q2d, &device.d2c, &device.q2c]);
    let rows = report.actors.iter().flat_map(|actor| &actor.io);
    let rows = rows.flat_map(|row| [&row.q2d, &row.d2c, &row.q2c]);
    let waits = report.actors.iter().flat_map(|actor| &actor.waits).map(|wait| &wait.latency);
    devices.chain(rows).flatten().chain(waits).cloned().collect()
}

/// Minimum and maximum lie in the outermost buckets, the mean and the quantiles between them.
fn extremes_are_within_buckets(lat: &Lat) -> Result<(), TestCaseError> {
    let (Some(first), Some(last)) = (lat.buckets.first(), lat.buckets.last()) else {
        prop_assert_eq!(lat.min_ns, None);
        return Ok(());
    };
    let (min, max) = (lat.min_ns.unwrap(), lat.max_ns.unwrap());
    let lowest = bounds(bucket_of(first.0)).unwrap().0;
    let highest = bounds(bucket_of(last.0)).unwrap().0;
    prop_assert!(lowest <= min && min <= first.0, "{:?}", lat);
    prop_assert!(highest <= max && max <= last.0, "{:?}", lat);
    prop_assert!(min <= max, "{:?}", lat);
    for quantile in [lat.p50_ns, lat.p90_ns, lat.p99_ns, lat.p999_ns] {
        prop_assert!((Some(min)..=Some(max)).contains(&quantile), "{:?}", lat);
    }
    Ok(())
}

fn name_of(device: u32) -> String {
    if device < DEVICES { format!("8:{}", 16 * device) } else { format!("device-{device}") }
}

fn op_of(kind: u32) -> Option<Op> {
    let ops = [Kind::Read, Kind::Write, Kind::Flush, Kind::Discard].into_iter().zip(Op::ALL);
    ops.into_iter().find(|(known, _)| *known as u32 == kind).map(|(_, op)| op)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn sums_agree_and_the_whole_is_the_sum_of_its_intervals(steps in steps(), resolved in 0..4_usize) {
        let mut host = Host::new(&[]);
        host.tell(process(facts(100, 5, "etcd", &["etcd", "--data-dir=/d"])));
        host.tell(process(facts(101, 6, "cp", &["cp"])));
        let mut table = Table::default();
        let mut oracle: BTreeMap<(String, Op), Sums> = BTreeMap::new();
        let mut exact: Option<(u64, u64)> = None;
        let mut intervals = BTreeMap::new();
        for (number, (events, given_back)) in steps.iter().enumerate() {
            for what in events {
                table.count(what);
                host.record(&io_record(what.key, what.done));
                if let Some(op) = op_of(what.key.kind()) {
                    let place = oracle.entry((name_of(what.key.dev()), op)).or_default();
                    place.add_done(what.done);
                    if let Some(ns) = what.done.q2c {
                        let (min, max) = exact.unwrap_or((ns, ns));
                        exact = Some((min.min(ns), max.max(ns)));
                    }
                }
            }
            table.sample(&mut host, *given_back);
            if number == resolved {
                let path = Some("/d/member/wal/0000000000000001-0000000000000000.wal".to_owned());
                host.tell(Input::File { id: 1, path });
            }
            let interval = host.consistent(Span::Interval);
            for lat in lats(&interval) {
                extremes_are_within_buckets(&lat)?;
            }
            rows_of(&interval, &mut intervals);
        }
        let whole = host.consistent(Span::Whole);
        let mut rows = BTreeMap::new();
        rows_of(&whole, &mut rows);
        prop_assert_eq!(&rows, &intervals);
        prop_assert_eq!(devices_of(&whole), oracle);
        let all = Lat::merged(whole.devices.iter().filter_map(|device| device.q2c.as_ref()));
        prop_assert_eq!(all.and_then(|lat| lat.min_ns.zip(lat.max_ns)), exact);
        for lat in lats(&whole) {
            extremes_are_within_buckets(&lat)?;
        }
        let ids: std::collections::BTreeSet<&str> = whole.actors.iter().map(|actor| actor.id.as_str()).collect();
        prop_assert_eq!(ids.len(), whole.actors.len(), "an actor's id is unique");
        let happened: usize = steps.iter().map(|(events, _)| events.len()).sum();
        prop_assert_eq!(whole.coverage.events_seen, happened as u64);
        prop_assert_eq!(whole.coverage.lost.len(), 0);
    }
}
