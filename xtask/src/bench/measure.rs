//! Owns one run: a watcher, a load, and what the kernel says of both in the middle of it.
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use iocontend_wire::programs;

use super::load::{Load, Outcome};
use super::stats::{self, BpfStats, Usage};
use super::watcher::{self, Target, Watcher, Watchers};

/// One run.
pub(super) struct Sample {
    pub(super) watcher: Watcher,
    pub(super) outcome: Outcome,
    /// Kernel time of the watcher's programs per IO, ns, without the one at the scheduler; BPF statistics on, so some
    /// 50 ns of each program's run are the statistics themselves.
    pub(super) kernel_ns: Option<f64>,
    /// The same with the one at the scheduler: it runs for every context switch of the host, of which this load makes
    /// several per IO.
    pub(super) all_ns: Option<f64>,
    /// Of the watcher in userspace.
    pub(super) usage: Option<Usage>,
}

/// Before the load is at full speed, and before it ends.
const EDGE: Duration = Duration::from_secs(1);

pub(super) fn one(
    watchers: &Watchers,
    device: &Path,
    watcher: Watcher,
    load: &Load,
    with_stats: bool,
) -> Result<Sample> {
    let switched = if with_stats { Some(BpfStats::on()?) } else { None };
    let mut child = watchers.start(watcher, Target::Fio)?;
    let mut fio = load.start(device)?;
    std::thread::sleep(EDGE);
    let look = |pid: u32| (stats::programs(pid), stats::usage(pid), stats::reads(device));
    let before = child.as_ref().map(|child| look(child.id()));
    let begin = Instant::now();
    std::thread::sleep(load.length().saturating_sub(2 * EDGE).max(EDGE));
    let elapsed = begin.elapsed();
    let after = child.as_ref().map(|child| look(child.id()));
    let outcome = Load::finish(&mut fio)?;
    let names = before.as_ref().map(|(programs, ..)| stats::names(programs.keys().copied()));
    watcher::end(child.as_mut())?;
    drop(switched);
    let names = names.unwrap_or_default();
    let mut sample = Sample { watcher, outcome, kernel_ns: None, all_ns: None, usage: None };
    if let (Some((old, used, ios)), Some((new, used_now, ios_now))) = (before, after) {
        sample.usage = Usage::between(used, used_now, elapsed);
        if let (true, Some(ios), Some(ios_now)) = (with_stats, ios, ios_now) {
            let scheduler = |id: u64| names.get(&id).is_some_and(|name| name == SCHEDULER);
            let per_io = |ns| per_io(ns, ios_now.saturating_sub(ios));
            sample.kernel_ns = per_io(stats::run_ns(&old, &new, |id| !scheduler(id)));
            sample.all_ns = per_io(stats::run_ns(&old, &new, |_| true));
        }
    }
    Ok(sample)
}

/// The program at the scheduler.
const SCHEDULER: &str = programs::SWITCH;

#[expect(clippy::cast_precision_loss, reason = "a mean for people")]
fn per_io(ns: u64, ios: u64) -> Option<f64> {
    (ios > 0).then(|| ns as f64 / ios as f64)
}
