//! `iocontend watch`: attach, report every interval, sum up at the end.

use std::future::pending;
use std::time::Duration;
use std::{io, thread};

use iocontend_core::report::Report;
use iocontend_core::session::Span;
use iocontend_core::text::{Lang, Msg, text};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use super::lease;
use crate::cli::WatchArgs;
use crate::error::{Failure, tell};
use crate::host::HostRoot;
use crate::kernel::facts::KernelPaths;
use crate::live::{Live, Settings};
use crate::output::Reports;

/// How long between two looks at the ring: it holds 4 MiB, some 80,000 events.
const POLL: Duration = Duration::from_millis(50);

pub(super) fn run(args: &WatchArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::other(&error.into()))?;
    runtime.block_on(watch(args))
}

async fn watch(args: &WatchArgs) -> Result<(), Failure> {
    // Before anything is attached, so that Ctrl-C always ends in a summary.
    let mut stop = StopSignals::new().map_err(|error| Failure::other(&error.into()))?;
    lease::remind();
    let settings = Settings {
        selectors: args.target.selectors(),
        wait: args.wait,
        bpf_stats: args.bpf_stats,
        bpf_log: args.bpf_log,
        ring_bytes: args.ring_size,
        quiet: false,
        record: args.record.clone(),
        no_thread_waits: args.no_thread_waits,
        sync_calls: args.sync_calls,
    };
    let reports = Reports::new(args.format());
    let mut live = Live::start(&settings, HostRoot::default(), &KernelPaths::from_environment())?;
    tell(&text(Lang::En, &Msg::Watching));
    let end = args.duration.map(|duration| Instant::now() + duration);
    let mut each = |report: &Report| reports.interval(report).map_err(Failure::from);
    let wanted = reports.wants_intervals() || live.is_recording();
    let each: Option<Each<'_>> = if wanted { Some(&mut each) } else { None };
    let outcome = until(&mut live, args.interval, end, &mut stop, each).await;
    let (mut report, last) = finish(&mut live, &reports);
    live.end_recording(&mut report);
    let failed = live.recording_failed();
    // A recording is whole also when nobody reads the reports any more.
    outcome?;
    last?;
    say_and_detach(live, || reports.end(&report))?;
    if failed { Err(Failure::Said) } else { Ok(()) }
}

/// Stops counting and reports the last interval, where lines are to add up to the whole. Gives the whole, and whether
/// that interval could be said.
pub(super) fn finish(live: &mut Live, reports: &Reports) -> (Report, Result<(), Failure>) {
    live.stop();
    let said = if reports.wants_last_interval() {
        reports.interval(&live.report(Span::Interval)).map_err(Failure::from)
    } else {
        Ok(())
    };
    (live.report(Span::Whole), said)
}

/// Says the report while the probes are taken out, which takes as many grace periods of RCU as there are tracepoints (0.6 to
/// 2.5 s seen): nobody waits for the one or the other, a reader who stops reading does not keep the probes, and they do
/// not keep the report.
pub(super) fn say_and_detach<Error: Into<Failure> + Send>(
    live: Live,
    say: impl FnOnce() -> Result<(), Error> + Send,
) -> Result<(), Failure> {
    thread::scope(|scope| {
        let saying = thread::Builder::new().spawn_scoped(scope, say);
        drop(live);
        let saying = saying.map_err(|error| Failure::other(&error.into()))?;
        let said = saying.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        said.map_err(Into::into)
    })
}

/// What is done with the report of an interval.
pub(super) type Each<'a> = &'a mut dyn FnMut(&Report) -> Result<(), Failure>;

/// Why watching ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Its time was over.
    InTime,
    /// By Ctrl-C or its like.
    BySignal,
}

/// Watches until the end, a signal, or a failure of what is done with the reports of intervals.
pub(super) async fn until(
    live: &mut Live,
    interval: Duration,
    end: Option<Instant>,
    stop: &mut StopSignals,
    mut each: Option<Each<'_>>,
) -> Result<Ended, Failure> {
    let begin = Instant::now();
    let mut polls = interval_at(begin + POLL, POLL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut intervals = interval_at(begin + interval, interval);
    intervals.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            () = stop.wait() => return Ok(Ended::BySignal),
            () = at(end) => return Ok(Ended::InTime),
            _ = intervals.tick(), if each.is_some() => {
                let report = live.report(Span::Interval);
                if let Some(each) = &mut each {
                    each(&report)?;
                }
            }
            _ = polls.tick() => live.poll(),
        }
    }
}

async fn at(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => pending().await,
    }
}

/// Ctrl-C and its like.
pub(super) struct StopSignals {
    signals: [Signal; 3],
}

impl StopSignals {
    pub(super) fn new() -> io::Result<Self> {
        let signals = [
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ];
        Ok(Self { signals })
    }

    pub(super) async fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
