//! `iocontend advise`: what to do, from a live look or a recording.

use iocontend_core::redact::CommandLines;
use iocontend_core::render::forms;
use iocontend_core::render::{json, text};
use iocontend_core::report::Report;
use iocontend_core::session::Intervals;
use iocontend_core::text::{Lang, Msg, text as say};
use tokio::time::Instant;

use super::{lease, report};
use crate::cli::{AdviceFormat, AdviseArgs};
use crate::error::{Failure, tell};
use crate::host::HostRoot;
use crate::kernel::facts::KernelPaths;
use crate::live::{Live, RING_BYTES, Settings};
use crate::output::{self, DetailArgs, Format, Reports};
use crate::runtime::block_on;
use crate::runtime::signals::Signals;
use crate::runtime::watching::{finish, say_and_detach, until};

pub(super) fn run(
    args: &AdviseArgs,
    signals: &Signals,
    command_lines: CommandLines,
) -> Result<(), Failure> {
    if let Some(file) = &args.file {
        let report = report::report_of(file, &args.target.selectors(), Vec::new(), command_lines)?;
        return print(&report, args);
    }
    block_on(look(args, signals, command_lines))
}

/// Watches for a while and says what to do.
async fn look(
    args: &AdviseArgs,
    signals: &Signals,
    command_lines: CommandLines,
) -> Result<(), Failure> {
    lease::remind();
    let settings = Settings {
        selectors: args.target.selectors(),
        ring_bytes: RING_BYTES,
        command_lines,
        ..Settings::default()
    };
    // One document at the end: nothing is said in between.
    let reports = Reports::new(Format::Json, DetailArgs::default())?;
    let mut live = Live::start(&settings, HostRoot::default(), &KernelPaths::from_environment())?;
    let mut stop = signals.ask();
    tell(&say(Lang::En, &Msg::Watching));
    let end = Instant::now() + args.duration;
    let mut intervals = Intervals::default();
    until(&mut live, &mut intervals, args.duration, Some(end), &mut stop, None).await?;
    let (report, said) = finish(&mut live, &mut intervals, &reports);
    said?;
    say_and_detach(live, || {
        let said = print(&report, args);
        drop(stop);
        said
    })
}

fn print(report: &Report, args: &AdviseArgs) -> Result<(), Failure> {
    let mut out = Vec::new();
    match args.format() {
        AdviceFormat::Text => text::advice(report, args.why_not, &output::style(), &mut out)?,
        AdviceFormat::Json => json::document(report, &mut out)?,
        AdviceFormat::Shell => out = forms::shell(report).into_bytes(),
        AdviceFormat::Systemd => out = forms::systemd(report).into_bytes(),
        AdviceFormat::Kubernetes => out = forms::kubernetes(report).into_bytes(),
    }
    output::write(&out)?;
    Ok(())
}
