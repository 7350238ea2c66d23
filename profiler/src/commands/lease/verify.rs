//! Whether a change helped: the targets are watched before it and with it, by the engine that `watch` uses.
//!
//! One live session sees both windows, so that nothing but the change lies between them.

use std::time::Duration;

use iocontend_core::lease::verified::Verified;
use iocontend_core::lease::verify::Second;
use iocontend_core::lease::window::{Subject, seconds};
use iocontend_core::render::{json, text};
use iocontend_core::report::Report;
use iocontend_core::session::Intervals;
use iocontend_core::text::Lang;
use iocontend_core::text::lease::{self as words, Trouble};
use tokio::time::Instant;

use super::{Proposal, explained};
use crate::error::{Failure, tell};
use crate::host::HostRoot;
use crate::kernel::facts::KernelPaths;
use crate::live::{Live, RING_BYTES, Settings};
use crate::output;
use crate::runtime::signals::StopSignals;
use crate::runtime::watching::{Each, Ended, until};

/// What intervals are drawn from.
const SECOND: Duration = Duration::from_secs(1);
/// Attaching takes CPU and page cache from the host; requests and dirty pages from before the change are still on their way when
/// it is made.
const SETTLE: Duration = Duration::from_secs(5);
/// So that the last second of a window ends before the window.
const REST: Duration = Duration::from_millis(500);

/// A session that sees both windows. Taking its probes out takes up to seconds (`say_and_detach`), so whoever has it says what there is
/// to say, and takes back what there is to take back, before it is dropped.
pub(super) struct Check {
    live: Live,
    /// Where the last second that was looked at ended.
    intervals: Intervals,
    subject: Subject,
    window: Duration,
    before: Vec<Second>,
}

impl Check {
    /// How long a change must stay at least.
    pub(super) fn length(window: Duration) -> Duration {
        SETTLE + window + REST
    }

    /// Attaches.
    pub(super) fn start(window: Duration, proposal: &Proposal) -> Result<Self, Failure> {
        let settings = Settings {
            selectors: proposal.targets.clone(),
            ring_bytes: RING_BYTES,
            ..Settings::default()
        };
        let live = Live::start(&settings, HostRoot::default(), &KernelPaths::from_environment())?;
        let (intervals, subject) = (Intervals::default(), proposal.subject.clone());
        Ok(Self { live, intervals, subject, window, before: Vec::new() })
    }

    /// Watches before the change; by a signal when one came.
    pub(super) async fn before(&mut self, stop: &mut StopSignals) -> Result<Ended, Failure> {
        tell(&words::looking_before(Lang::En, self.window.as_secs()));
        if self.settle(stop).await? == Ended::BySignal {
            return Ok(Ended::BySignal);
        }
        let Some(before) = self.look(stop, &|| Ok(())).await? else {
            return Ok(Ended::BySignal);
        };
        self.before = before;
        Ok(Ended::InTime)
    }

    /// Watches with the change and judges; nothing when a signal came, an error when the lease is gone.
    pub(super) async fn after(
        &mut self,
        id: &str,
        advice: &str,
        is_there: &dyn Fn() -> bool,
        stop: &mut StopSignals,
    ) -> Result<Option<Verified>, Failure> {
        tell(&words::looking_after(Lang::En, self.window.as_secs()));
        if self.settle(stop).await? == Ended::BySignal {
            return Ok(None);
        }
        let there = || {
            let gone = || Failure::Failed(explained(&Trouble::TakenBackMeanwhile(id)));
            is_there().then_some(()).ok_or_else(gone)
        };
        let after = self.look(stop, &there).await?;
        Ok(after.map(|after| Verified::new(id, advice, &self.subject, &self.before, &after)))
    }

    /// Leaves out what is still of the time before.
    async fn settle(&mut self, stop: &mut StopSignals) -> Result<Ended, Failure> {
        let end = Some(Instant::now() + SETTLE);
        let ended = until(&mut self.live, &mut self.intervals, SETTLE, end, stop, None).await?;
        self.intervals.begin(self.live.interval());
        Ok(ended)
    }

    /// The seconds of a window; nothing when a signal came.
    async fn look(
        &mut self,
        stop: &mut StopSignals,
        goes_on: &dyn Fn() -> Result<(), Failure>,
    ) -> Result<Option<Vec<Second>>, Failure> {
        let mut looks = Vec::new();
        let mut each = |report: &Report| {
            looks.push(self.subject.look(report));
            goes_on().map(|()| Vec::new())
        };
        let each: Option<Each<'_>> = Some(&mut each);
        let end = Some(Instant::now() + self.window + REST);
        let ended = until(&mut self.live, &mut self.intervals, SECOND, end, stop, each).await?;
        Ok((ended == Ended::InTime).then(|| seconds(&looks)))
    }
}

/// For people, or as a document.
pub(super) fn print(verified: &Verified, as_json: bool) -> Result<(), Failure> {
    let mut out = Vec::new();
    if as_json {
        json::verified(verified, &mut out)?;
    } else {
        text::verified(verified, &output::style(), &mut out)?;
    }
    output::write(&out)?;
    Ok(())
}
