//! Owns one run: a watcher, a load, and what the kernel says of both in the middle of it.
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::load::{Load, Outcome};
use super::stats::{self, BpfStats, Usage};
use super::watcher::{self, Target, Watcher, Watchers};

/// One run.
pub(super) struct Sample {
    pub(super) watcher: Watcher,
    pub(super) outcome: Outcome,
    /// Kernel time of all programs of the watcher per IO, ns; BPF statistics on, so some 50 ns of each program's
    /// run are the statistics themselves.
    pub(super) kernel_ns: Option<f64>,
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
    let look = |pid: u32| (stats::programs(pid), stats::usage(pid));
    let before = child.as_ref().map(|child| look(child.id()));
    let begin = Instant::now();
    std::thread::sleep(load.length().saturating_sub(2 * EDGE).max(EDGE));
    let elapsed = begin.elapsed();
    let after = child.as_ref().map(|child| look(child.id()));
    let outcome = Load::finish(&mut fio)?;
    watcher::end(child.as_mut())?;
    drop(switched);
    let (mut kernel_ns, mut usage) = (None, None);
    if let (Some((programs, used)), Some((programs_after, used_after))) = (before, after) {
        kernel_ns = with_stats.then(|| stats::ns_per_io(&programs, &programs_after)).flatten();
        usage = Usage::between(used, used_after, elapsed);
    }
    Ok(Sample { watcher, outcome, kernel_ns, usage })
}
