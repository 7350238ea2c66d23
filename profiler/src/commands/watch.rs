//! `iocontend watch`: attach, report every interval, sum up at the end.

use iocontend_core::redact::CommandLines;
use iocontend_core::report::Report;
use iocontend_core::session::Intervals;
use iocontend_core::text::{Lang, Msg, text};
use tokio::time::Instant;

use super::lease;
use crate::cli::WatchArgs;
use crate::error::{Failure, tell};
use crate::host::HostRoot;
use crate::kernel::facts::KernelPaths;
use crate::live::{Live, Settings};
use crate::output::{Reports, write};
use crate::runtime::block_on;
use crate::runtime::signals::Signals;
use crate::runtime::watching::{Each, finish, say_and_detach, until};

pub(super) fn run(
    args: &WatchArgs,
    signals: &Signals,
    command_lines: CommandLines,
) -> Result<(), Failure> {
    block_on(watch(args, signals, command_lines))
}

async fn watch(
    args: &WatchArgs,
    signals: &Signals,
    command_lines: CommandLines,
) -> Result<(), Failure> {
    lease::remind();
    let settings = Settings {
        selectors: args.selectors(),
        wait: args.wait,
        bpf_stats: args.bpf_stats,
        bpf_log: args.bpf_log,
        ring_bytes: args.ring_size,
        quiet: false,
        record: args.record.clone(),
        no_thread_waits: args.no_thread_waits,
        sync_calls: args.sync_calls,
        command_lines,
    };
    let reports = Reports::new(args.format(), args.detail.clone())?;
    let mut live = Live::start(&settings, HostRoot::default(), &KernelPaths::from_environment())?;
    // From here on Ctrl-C ends in a summary.
    let mut stop = signals.ask();
    tell(&text(Lang::En, &Msg::Watching));
    let end = args.duration.map(|duration| Instant::now() + duration);
    let mut each = |report: &Report| reports.interval(report).map_err(Failure::from);
    let wanted = reports.wants_intervals() || live.is_recording();
    let each: Option<Each<'_>> = if wanted { Some(&mut each) } else { None };
    let mut intervals = Intervals::default();
    let outcome = until(&mut live, &mut intervals, args.interval, end, &mut stop, each).await;
    let (mut report, last) = finish(&mut live, &mut intervals, &reports);
    live.end_recording(&mut report);
    let failed = live.recording_failed();
    let never_came = live.never_came();
    // A recording is whole also when nobody reads the reports any more.
    outcome?;
    let last = last?;
    say_and_detach(live, || {
        let said = write(&last).and_then(|()| reports.end(&report));
        // All is said: another signal need not wait for the probes.
        drop(stop);
        said
    })?;
    match never_came {
        Some(nobody) if !failed => Err(nobody),
        Some(nobody) => {
            nobody.say();
            Err(Failure::Said)
        }
        None if failed => Err(Failure::Said),
        None => reports.verdict(&report),
    }
}
