//! The loop that every command that watches runs in, and how it ends: the last reports, then the probes.

use std::future::pending;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use iocontend_core::report::Report;
use iocontend_core::session::Intervals;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use super::signals::StopSignals;
use crate::error::Failure;
use crate::kernel::handover::hand_over;
use crate::live::Live;
use crate::output::{Reports, write};

/// How long between two looks at the ring: it holds 4 MiB, some 80,000 events.
const POLL: Duration = Duration::from_millis(50);
/// How often statistics and the host are read, whoever wants reports and when.
const SECOND: Duration = Duration::from_secs(1);

/// Stops counting. Gives the whole, and the last interval as text, where lines are to add up to the whole.
pub(crate) fn finish(
    live: &mut Live,
    intervals: &mut Intervals,
    reports: &Reports,
) -> (Report, io::Result<Vec<u8>>) {
    live.stop();
    let last = if reports.wants_last_interval() {
        reports.interval(&intervals.next(live.interval()))
    } else {
        Ok(Vec::new())
    };
    (live.whole(), last)
}

/// How long a report that is being written keeps the probes in place.
const PATIENCE: Duration = Duration::from_millis(200);

/// Says the report, and leaves the probes to whoever waits for the kernel to take them out, which takes as many grace periods of RCU as
/// there are tracepoints (0.6 to 2.5 s seen): the command ends with its report. A reader who stops reading does not keep the probes:
/// then they are taken out here, meanwhile.
pub(crate) fn say_and_detach<Error: Into<Failure> + Send>(
    live: Live,
    say: impl FnOnce() -> Result<(), Error> + Send,
) -> Result<(), Failure> {
    thread::scope(|scope| {
        let (ends, ended) = sync_channel::<()>(0);
        let saying = thread::Builder::new().spawn_scoped(scope, move || {
            let said = say();
            drop(ends);
            said
        });
        let saying = saying.map_err(|error| Failure::other(&error.into()))?;
        if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            drop(live);
        } else {
            hand_over();
            std::mem::forget(live);
        }
        let said = saying.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        said.map_err(Into::into)
    })
}

/// What is done with the report of an interval; gives what is to be written to stdout.
pub(crate) type Each<'a> = &'a mut dyn FnMut(&Report) -> Result<Vec<u8>, Failure>;

/// A write to stdout that somebody may keep waiting. Meanwhile events are read and signals answered; the next interval begins
/// when it is over, so that lines add up to the whole.
type Writing = Option<JoinHandle<io::Result<()>>>;

/// Why watching ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Its time was over.
    InTime,
    /// By Ctrl-C or its like.
    BySignal,
}

/// Watches until the end, a signal, or a failure of what is done with the reports of intervals. `intervals` has where the
/// last one ended.
pub(crate) async fn until(
    live: &mut Live,
    intervals: &mut Intervals,
    interval: Duration,
    end: Option<Instant>,
    stop: &mut StopSignals,
    mut each: Option<Each<'_>>,
) -> Result<Ended, Failure> {
    let begin = Instant::now();
    let mut polls = interval_at(begin + POLL, POLL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut seconds = interval_at(begin + SECOND, SECOND);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut ends = interval_at(begin + interval, interval);
    ends.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut writing: Writing = None;
    loop {
        tokio::select! {
            biased;
            () = stop.wait() => return Ok(Ended::BySignal),
            () = at(end) => return Ok(Ended::InTime),
            written = over(&mut writing) => {
                writing = None;
                written?;
            }
            _ = ends.tick(), if each.is_some() && writing.is_none() => {
                let report = intervals.next(live.interval());
                seconds.reset();
                if let Some(each) = &mut each {
                    let text = each(&report)?;
                    writing =
                        (!text.is_empty()).then(|| spawn_blocking(move || write(&text)));
                }
            }
            _ = seconds.tick() => live.second(),
            _ = polls.tick() => live.poll(),
        }
    }
}

async fn over(writing: &mut Writing) -> Result<(), Failure> {
    let Some(writing) = writing else { return pending().await };
    let written = writing.await.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_cancelled) => Ok(()),
    });
    written.map_err(Failure::from)
}

async fn at(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => pending().await,
    }
}
