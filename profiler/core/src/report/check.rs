//! Whether a report's sums agree. For tests and for reading reports written elsewhere.

use std::collections::BTreeMap;

use super::{Attribution, Report};
use crate::ids::{Method, Op};

/// Requests and bytes.
type Sums = BTreeMap<(String, Op), (u64, u64)>;

/// Every disagreement between a report's sums, in words; empty when all agree: per device and operation
/// the actors' counts and bytes equal the device's, each device's rows equal its totals, the bytes by
/// method equal the actors' and sum to `io_bytes`, events seen equal those kept and lost, every
/// histogram's buckets sum to its count, the parts of waits sum to their time, and so do the rows of blame; the lists of a
/// timeline are as long as each other.
pub fn check_consistency(report: &Report) -> Vec<String> {
    let mut wrong = Vec::new();
    check_devices(report, &mut wrong);
    check_actors(report, &mut wrong);
    check_coverage(report, &mut wrong);
    check_lats(report, &mut wrong);
    check_anatomies(report, &mut wrong);
    check_blame(report, &mut wrong);
    check_timeline(report, &mut wrong);
    wrong
}

/// Every list of a timeline has an entry for each step, and every other place is one of a step.
fn check_timeline(report: &Report, wrong: &mut Vec<String>) {
    for line in report.timeline.iter().flatten() {
        let steps = line.count.len();
        let lists = [&line.sum_ns, &line.mean_ns, &line.max_ns];
        let fits = |first: u64, length: usize| {
            usize::try_from(first).ok().and_then(|first| first.checked_add(length)) <= Some(steps)
        };
        let causes = line.causes.iter().all(|one| fits(one.first, one.wait_ns.len()));
        let lost = line.lost.iter().all(|at| fits(*at, 1));
        if lists.iter().any(|list| list.len() != steps) || !causes || !lost {
            let class = line.file_class.name();
            wrong.push(format!(
                "{}: the timeline of {class} has lists of other lengths",
                line.victim
            ));
        }
    }
}

/// Rows of a victim, class and call sum to that wait; a target that waited has rows.
fn check_blame(report: &Report, wrong: &mut Vec<String>) {
    let Some(blame) = &report.blame else { return };
    let mut rows: BTreeMap<_, u64> = BTreeMap::new();
    for row in blame {
        let sum = rows.entry((&row.victim, row.victim_class, row.victim_call)).or_default();
        *sum = u64::wrapping_add(*sum, row.wait_ns);
    }
    let targets = report.actors.iter().filter(|actor| report.is_target(&actor.id));
    let waits = targets.flat_map(|actor| actor.waits.iter().map(move |wait| (&actor.id, wait)));
    for (victim, wait) in waits {
        let charged = rows.remove(&(victim, wait.file_class, wait.call)).unwrap_or(0);
        let measured = wait.latency.sum_ns;
        if charged != measured {
            let (call, class) = (wait.call.name(), wait.file_class.name());
            wrong.push(format!(
                "{victim}: {measured} ns in {call} of {class}, blame sums to {charged}"
            ));
        }
    }
    for (victim, class, call) in rows.into_keys() {
        let (class, call) = (class.name(), call.name());
        wrong.push(format!("blame has rows of {victim} in {call} of {class}, which never waited"));
    }
}

fn check_devices(report: &Report, wrong: &mut Vec<String>) {
    for device in &report.devices {
        let ios = device.ops.iter().fold(0, |sum: u64, op| sum.wrapping_add(op.count));
        let bytes = device.ops.iter().fold(0, |sum: u64, op| sum.wrapping_add(op.bytes));
        if (ios, bytes) != (device.ios, device.bytes) {
            wrong.push(format!(
                "device {}: {} requests, {} bytes; its operations sum to {ios}, {bytes}",
                device.name, device.ios, device.bytes
            ));
        }
    }
}

fn check_actors(report: &Report, wrong: &mut Vec<String>) {
    let devices = device_sums(report);
    let actors = actor_sums(report);
    let keys: std::collections::BTreeSet<_> = devices.keys().chain(actors.keys()).collect();
    for key in keys {
        let device = devices.get(key).copied().unwrap_or_default();
        let actor = actors.get(key).copied().unwrap_or_default();
        if device != actor {
            wrong.push(format!(
                "{} {}: the device has {} requests, {} bytes; actors sum to {}, {}",
                key.0,
                key.1.name(),
                device.0,
                device.1,
                actor.0,
                actor.1
            ));
        }
    }
}

fn device_sums(report: &Report) -> Sums {
    let mut sums = Sums::new();
    for device in &report.devices {
        for row in &device.ops {
            add(&mut sums, &device.name, row.op, row.count, row.bytes);
        }
    }
    sums
}

fn actor_sums(report: &Report) -> Sums {
    let mut sums = Sums::new();
    for row in report.actors.iter().flat_map(|actor| &actor.io) {
        add(&mut sums, &row.device, row.op, row.count, row.bytes);
    }
    sums
}

fn add(sums: &mut Sums, device: &str, op: Op, count: u64, bytes: u64) {
    // A row of nothing equals no row.
    if count > 0 || bytes > 0 {
        let sum = sums.entry((device.to_owned(), op)).or_default();
        *sum = (sum.0.wrapping_add(count), sum.1.wrapping_add(bytes));
    }
}

fn check_coverage(report: &Report, wrong: &mut Vec<String>) {
    let coverage = &report.coverage;
    let known = coverage.events_kept.saturating_add(coverage.lost_total());
    if coverage.events_seen != known {
        wrong.push(format!(
            "coverage: {} events seen; kept and lost sum to {known}",
            coverage.events_seen
        ));
    }
    if coverage.attribution.total() != coverage.io_bytes {
        wrong.push(format!(
            "coverage: {} bytes; methods sum to {}",
            coverage.io_bytes,
            coverage.attribution.total()
        ));
    }
    let mut actors = Attribution::default();
    for row in report.actors.iter().flat_map(|actor| &actor.io) {
        actors.add(row.method, row.bytes);
    }
    for method in Method::ALL {
        let (said, summed) = (coverage.attribution.of(method), actors.of(method));
        if said != summed {
            let name = method.name();
            wrong.push(format!("coverage: {said} bytes by {name}; actors sum to {summed}"));
        }
    }
}

fn check_lats(report: &Report, wrong: &mut Vec<String>) {
    let devices = report.devices.iter().flat_map(|device| {
        let rows = device.ops.iter().flat_map(|row| [&row.q2d, &row.d2c, &row.q2c]);
        [&device.q2d, &device.d2c, &device.q2c]
            .into_iter()
            .chain(rows)
            .flatten()
            .map(|lat| (device.name.as_str(), lat))
    });
    let actors = report.actors.iter().flat_map(|actor| {
        let io = actor.io.iter().flat_map(|row| [&row.q2d, &row.d2c, &row.q2c]).flatten();
        let waits = actor.waits.iter().map(|wait| &wait.latency).chain(&actor.run_queue);
        io.chain(waits).map(|lat| (actor.id.as_str(), lat))
    });
    for (owner, lat) in devices.chain(actors) {
        let sum = lat.buckets.iter().fold(0, |sum: u64, (_, count)| sum.saturating_add(*count));
        if sum != lat.count {
            wrong
                .push(format!("{owner}: a histogram of {} values has {sum} in buckets", lat.count));
        }
    }
}

fn check_anatomies(report: &Report, wrong: &mut Vec<String>) {
    for actor in &report.actors {
        let rows = actor.waits.iter().filter_map(|wait| {
            Some((wait.call, wait.file_class, wait.latency.sum_ns, wait.anatomy.as_ref()?))
        });
        let single = actor.worst.iter().flatten();
        let single = single.map(|w| (w.call, w.file_class, w.duration_ns, &w.anatomy));
        for (call, class, whole, anatomy) in rows.chain(single) {
            let sum: u128 = anatomy.values().copied().map(u128::from).sum();
            if sum != u128::from(whole) {
                wrong.push(format!(
                    "{}, {} of {}: {whole} ns; its parts sum to {sum}",
                    actor.id,
                    call.name(),
                    class.name()
                ));
            }
        }
    }
}
