//! `iocontend demo`: its own victim and its own backup, watched like anybody else's.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use iocontend_core::redact::CommandLines;
use iocontend_core::render::{Style, units};
use iocontend_core::report::Report;
use iocontend_core::selector::Selector;
use iocontend_core::session::Intervals;
use iocontend_core::text::Explained;
use tokio::time::Instant;

use crate::cli::DemoArgs;
use crate::demo::{
    CopierResult, DemoChild, DemoError, DemoOpts, DemoPlan, LatencySummary, VictimResult,
    spawn_copier, spawn_victim,
};
use crate::error::{Failure, tell};
use crate::host::HostRoot;
use crate::kernel::facts::KernelPaths;
use crate::kernel::permission;
use crate::live::{Live, RING_BYTES, Settings};
use crate::output::{DetailArgs, Format, Reports, write};
use crate::runtime::block_on;
use crate::runtime::signals::Signals;
use crate::runtime::watching::{Each, finish, say_and_detach, until};

/// Share of the time in which the victim is alone.
const ALONE: f64 = 0.35;
/// How often the table is printed.
const INTERVAL: Duration = Duration::from_secs(5);

pub(super) fn run(
    args: &DemoArgs,
    signals: &Signals,
    command_lines: CommandLines,
) -> Result<(), Failure> {
    // Before the first byte is written.
    permission::check()?;
    block_on(demo(args, signals, command_lines))
}

async fn demo(
    args: &DemoArgs,
    signals: &Signals,
    command_lines: CommandLines,
) -> Result<(), Failure> {
    // Before anything is written, so that it is removed again.
    let stop = signals.ask();
    let alone = args.duration.mul_f64(ALONE);
    let opts = DemoOpts { duration: args.duration, alone, ..DemoOpts::default() };
    let plan = DemoPlan::new(&args.dir, opts).map_err(refusal)?;
    for line in plan.describe() {
        tell(&line);
    }
    plan.prepare(&stop.flag()).map_err(|error| Failure::other(&error.into()))?;
    let victim = spawn_victim(&plan).map_err(|error| Failure::other(&error.into()))?;
    let copier = spawn_copier(&plan, alone).map_err(|error| Failure::other(&error.into()))?;
    let settings = Settings {
        selectors: vec![Selector::Pid(victim.id())],
        ring_bytes: RING_BYTES,
        quiet: true,
        command_lines,
        ..Settings::default()
    };
    let work = Work::new(Workload { victim, copier, plan }, signals);
    // While it attaches, nobody could answer: from here on a signal ends both and removes their files.
    let flag = stop.flag();
    drop(stop);
    if flag.is_requested() {
        return Err(Failure::other(&DemoError::Stopped.into()));
    }
    let reports =
        Reports::new(args.output, DetailArgs { full: args.full, ..DetailArgs::default() })?;
    let mut live = Live::start(&settings, HostRoot::default(), &KernelPaths::from_environment())?;
    let mut stop = signals.ask();
    work.begin();
    let end = Instant::now() + args.duration;
    let mut each = |report: &Report| reports.interval(report).map_err(Failure::from);
    let each: Option<Each<'_>> = if reports.wants_intervals() { Some(&mut each) } else { None };
    let mut intervals = Intervals::default();
    until(&mut live, &mut intervals, INTERVAL, Some(end), &mut stop, each).await?;
    let (report, last) = finish(&mut live, &mut intervals, &reports);
    write(&last?)?;
    let Some(Workload { mut victim, mut copier, plan }) = work.take() else { return Ok(()) };
    // After a signal they would go on to the end of their time.
    for child in [&mut victim, &mut copier] {
        child.stop().map_err(|error| Failure::other(&error.into()))?;
    }
    say_and_detach(live, || reports.end(&report))?;
    second_source(args.output, victim.finish(), copier.finish());
    plan.cleanup().map_err(|error| Failure::other(&error.into()))
}

/// Two processes and their files. They end before their files are removed.
struct Workload {
    victim: DemoChild,
    copier: DemoChild,
    plan: DemoPlan,
}

/// The workload, ended and removed by whoever comes first: the command's end, or a signal that ends the program.
struct Work(Arc<Mutex<Option<Workload>>>);

impl Work {
    fn new(workload: Workload, signals: &Signals) -> Self {
        let work = Self(Arc::new(Mutex::new(Some(workload))));
        let of_signals = Self(Arc::clone(&work.0));
        signals.before_the_end(move || drop(of_signals));
        work
    }

    /// Lets both begin.
    fn begin(&self) {
        let mut work = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(work) = &mut *work {
            work.victim.begin();
            work.copier.begin();
        }
    }

    fn take(&self) -> Option<Workload> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        drop(self.take());
    }
}

/// A place that is none is a mistake in the arguments; one without a disk is not supported.
fn refusal(error: DemoError) -> Failure {
    let explained = Explained { what: error.to_string(), hint: None };
    match error {
        DemoError::Options(_) | DemoError::Inspect { .. } | DemoError::NotADirectory(_) => {
            Failure::Usage(explained)
        }
        DemoError::NoDisk { .. } => Failure::NotHere(explained),
        other => Failure::other(&other.into()),
    }
}

/// What victim and copier measured themselves, to hold against the report.
fn second_source(
    format: Format,
    victim: Result<VictimResult, DemoError>,
    copier: Result<CopierResult, DemoError>,
) {
    if format != Format::Text {
        return;
    }
    match victim {
        Ok(result) => {
            if let Some(latency) = &result.fdatasync {
                tell(&format!("the victim's own clock, fdatasync: {}", words(latency)));
            }
            if let Some(split) = &result.split {
                for (when, phase) in [("alone", &split.before), ("beside the copier", &split.after)]
                {
                    if let Some(latency) = &phase.fdatasync {
                        tell(&format!("  {when}: {}", words(latency)));
                    }
                }
            }
        }
        Err(error) => tell(&error.to_string()),
    }
    match copier {
        Ok(result) => tell(&format!("the copier made {} copies", result.copies)),
        Err(error) => tell(&error.to_string()),
    }
}

fn words(latency: &LatencySummary) -> String {
    let style = Style { unicode: true, ..Style::default() };
    let time = |ns| units::duration(ns, &style);
    format!(
        "{} calls, mean {}, p50 {}, p99 {}, max {}",
        latency.count,
        time(latency.mean_ns),
        time(latency.p50_ns),
        time(latency.p99_ns),
        time(latency.max_ns)
    )
}
