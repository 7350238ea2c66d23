//! One interval: a head, the devices, who did what, how the targets waited, what was lost.

use std::io::{self, Write};

use super::io_rows::{self, Kind};
use super::lines::{ABSENT, Tone, head, joined, say, toned};
use super::table::{self, Column, Row};
use super::{coverage, device, who};
use crate::render::safe::printable;
use crate::render::{Style, units};
use crate::report::{Actor, Lat, PsiIo, Report, Wait};
use crate::text::{Label, Msg};

/// Rows of others than targets.
const OTHERS: usize = 8;

/// Writes the report of one interval as a compact block, followed by an empty line.
pub fn interval(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let duration_ns = report.window.duration_ns;
    writeln!(out, "{}", toned(&heading(report, style), Tone::Strong, style))?;
    if let Some(text) =
        report.host.psi_io.as_ref().and_then(|psi| pressure(psi, duration_ns, style))
    {
        writeln!(out, "{text}")?;
    }
    for one in report.devices.iter().filter(|one| one.ios > 0) {
        device::line(one, duration_ns, style, out)?;
    }
    io_rows::write(report, &io_rows::rows(report), (Kind::Rates, OTHERS), style, out)?;
    waits(report, style, out)?;
    coverage::loss(&report.coverage, style, out)?;
    writeln!(out)
}

fn heading(report: &Report, style: &Style) -> String {
    let mut facts = vec![printable(&report.window.end, style)];
    facts.push(units::duration(report.window.duration_ns, style));
    facts.extend(report.host.hostname.as_deref().map(|name| printable(name, style)));
    joined(&facts, style)
}

/// IO pressure within the window; `None` when it is not known.
pub(super) fn pressure(psi: &PsiIo, duration_ns: u64, style: &Style) -> Option<String> {
    let share = |us: Option<u64>| units::share(us?.saturating_mul(1_000), duration_ns);
    let (some, full) = (share(psi.some_delta_us)?, share(psi.full_delta_us));
    let full = full.as_deref().unwrap_or(ABSENT);
    Some(say(&Msg::Pressure { some: &some, full }, style))
}

/// The targets' waits, in the order of the report.
pub(in crate::render) fn target_waits(report: &Report) -> Vec<(&Actor, &Wait)> {
    let targets = report.actors.iter().filter(|actor| report.is_target(&actor.id));
    targets.flat_map(|actor| actor.waits.iter().map(move |wait| (actor, wait))).collect()
}

/// The targets' run-queue delays, in the order of the report.
pub(in crate::render) fn run_queues(report: &Report) -> impl Iterator<Item = (&Actor, &Lat)> {
    let targets = report.actors.iter().filter(|actor| report.is_target(&actor.id));
    targets.filter_map(|actor| Some((actor, actor.run_queue.as_ref()?)))
}

fn waits(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let waits = target_waits(report).into_iter().filter(|(_, wait)| wait.latency.count > 0).map(
        |(actor, wait)| {
            wait_cells(actor, (wait.file_class.name(), wait.call.name()), &wait.latency, style)
        },
    );
    let queued = run_queues(report)
        .map(|(actor, lat)| wait_cells(actor, (ABSENT, head(Label::RunQueue, style)), lat, style));
    let rows: Vec<Row> = waits.chain(queued).map(|cells| Row { cells, strong: true }).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let spec = [
        Column::left(Label::Actor, 0),
        Column::left(Label::Class, 0),
        Column::left(Label::Call, 0),
        Column::right(Label::Count, 0),
        Column::right(Label::P50, 0),
        Column::right(Label::P99, 0),
        Column::right(Label::Max, 0),
    ];
    table::write(&spec, &rows, style, out)
}

fn wait_cells(
    actor: &Actor,
    (class, call): (&str, &str),
    latency: &Lat,
    style: &Style,
) -> Vec<String> {
    let time =
        |ns: Option<u64>| ns.map_or_else(|| ABSENT.to_owned(), |ns| units::duration(ns, style));
    vec![
        who::name(actor, style),
        class.to_owned(),
        call.to_owned(),
        units::count(latency.count),
        time(latency.p50_ns),
        time(latency.p99_ns),
        time(latency.max_ns),
    ]
}
