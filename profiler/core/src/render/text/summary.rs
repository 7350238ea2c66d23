//! The summary of a whole window: the verdict and whom it rests on first, then everything that was measured.

use std::io::{self, Write};

use super::interval::{pressure, run_queues, target_waits};
use super::io_rows::{self, Kind};
use super::lines::{ABSENT, Tone, head, joined, say, title, toned, wrapped};
use super::{activity, advice, anatomy, blame, coverage, device, findings, forced, histogram, who};
use crate::render::safe::{printable, shorten};
use crate::render::{Style, units};
use crate::report::{Actor, Host, Lat, Report, Wait, Window};
use crate::text::{Label, Msg};

/// Rows of IO of others than targets.
const OTHERS: usize = 20;

/// Writes the summary of the report's window.
pub fn summary(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut answer = Vec::new();
    findings::section(report, style, &mut answer)?;
    blame::matrix(report, style, &mut answer)?;
    blame::beside(report, style, &mut answer)?;
    activity::section(report, style, &mut answer)?;
    advice::section(report, style, &mut answer)?;
    anatomy::worst(report, style, &mut answer)?;
    if !answer.is_empty() {
        // A title brings an empty line before it.
        out.write_all(answer.strip_prefix(b"\n").unwrap_or(&answer))?;
        writeln!(out)?;
    }
    wrapped(&heading(report, style), style, out)?;
    if !report.devices.is_empty() {
        title(Label::DevicesTitle, style, out)?;
        device::section(report, style, out)?;
    }
    waits(report, style, out)?;
    title(Label::IoTitle, style, out)?;
    let rows = io_rows::rows(report);
    io_rows::write(report, &rows, (Kind::Totals, OTHERS), style, out)?;
    forced::section(report, style, out)?;
    who::section(&shown_actors(&rows), style, out)?;
    coverage::section(report, style, out)?;
    coverage::notes(report, style, out)
}

pub(in crate::render) fn heading(report: &Report, style: &Style) -> Vec<Vec<String>> {
    let row = |of: Label, text: String| vec![head(of, style).to_owned(), text];
    let mut rows = vec![row(Label::Window, window(&report.window, style))];
    let host = host(&report.host, style);
    if !host.is_empty() {
        rows.push(row(Label::Host, joined(&host, style)));
    }
    let psi = report.host.psi_io.as_ref();
    rows.extend(
        psi.and_then(|psi| pressure(psi, report.window.duration_ns, style))
            .map(|text| row(Label::Pressure, text)),
    );
    rows.extend(report.targets.iter().map(|target| {
        let selector = printable(&target.selector, style);
        let names: Vec<String> =
            target.actors.iter().map(|id| who::name_of(report, id, style)).collect();
        let text = if names.is_empty() {
            say(&Msg::NoMatch(&selector), style)
        } else {
            format!("{selector}: {}", names.join(", "))
        };
        row(Label::Targets, text)
    }));
    rows
}

fn window(window: &Window, style: &Style) -> String {
    let (start, end) = (printable(&window.start, style), printable(&window.end, style));
    let duration = units::duration(window.duration_ns, style);
    say(&Msg::Window { start: &start, end: &end, duration: &duration }, style)
}

fn host(host: &Host, style: &Style) -> Vec<String> {
    let words = [&host.hostname, &host.kernel, &host.machine].into_iter().flatten();
    let mut facts: Vec<String> = words.map(|word| printable(word, style)).collect();
    facts.extend(host.cpus.map(|cpus| say(&Msg::Cpus(&units::count(cpus.into())), style)));
    facts.extend(host.cgroup_version.map(|version| say(&Msg::Cgroups(version.name()), style)));
    facts
}

fn waits(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if report.targets.is_empty() {
        return Ok(());
    }
    title(Label::WaitsTitle, style, out)?;
    let waits = target_waits(report);
    if waits.is_empty() {
        writeln!(out, "{}", say(&Msg::NoWaits, style))?;
    }
    for (index, (actor, wait)) in waits.into_iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        one_wait(actor, wait, style, out)?;
    }
    for (actor, lat) in run_queues(report) {
        let (actor, count) = (who::name(actor, style), units::count(lat.count));
        let line = say(&Msg::RunQueue { actor: &actor, count: &count }, style);
        writeln!(out, "\n{}", toned(&shorten(&line, style.width, style), Tone::Strong, style))?;
        quantiles(lat, style, out)?;
    }
    Ok(())
}

fn one_wait(actor: &Actor, wait: &Wait, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let (actor, count) = (who::name(actor, style), units::count(wait.latency.count));
    let file = who::file(wait.file_class.name(), wait.path.as_deref(), style.width / 2, style);
    let msg = Msg::Waits { actor: &actor, call: wait.call.name(), file: &file, count: &count };
    let line = shorten(&say(&msg, style), style.width, style);
    writeln!(out, "{}", toned(&line, Tone::Strong, style))?;
    quantiles(&wait.latency, style, out)?;
    if let Some(parts) = &wait.anatomy {
        anatomy::made_of(parts, style, out)?;
    }
    histogram::write(&wait.latency, style, out)
}

fn quantiles(lat: &Lat, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let time =
        |ns: Option<u64>| ns.map_or_else(|| ABSENT.to_owned(), |ns| units::duration(ns, style));
    let msg = Msg::Quantiles {
        mean: &time(lat.mean_ns),
        p50: &time(lat.p50_ns),
        p99: &time(lat.p99_ns),
        max: &time(lat.max_ns),
    };
    writeln!(out, "{}", say(&msg, style))
}

/// Each actor of the shown rows once, in their order.
pub(in crate::render) fn shown_actors<'a>(rows: &[io_rows::IoRow<'a>]) -> Vec<&'a Actor> {
    let targets = rows.iter().filter(|row| row.target).count();
    let mut actors: Vec<&Actor> = Vec::new();
    for row in rows.iter().take(targets + OTHERS) {
        if !actors.iter().any(|actor| actor.id == row.actor.id) {
            actors.push(row.actor);
        }
    }
    actors
}
