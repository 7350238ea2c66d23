//! One interval: a head, the devices, who did what, how the targets waited, what was lost.

use super::document::{Block, Cell, Column, Document, Row, Section, SectionId, Table, Text};
use super::{Options, coverage, devices, facts, io, names, time, waits};
use crate::report::{Actor, Lat, Report};
use crate::text::Label;

/// One interval of a watch.
pub fn interval(report: &Report, options: Options) -> Document {
    let (lang, duration_ns) = (options.lang, report.window.duration_ns);
    let mut blocks = vec![Block::Head(heading(report))];
    let psi = report.host.psi_io.as_ref();
    let pressure = psi.and_then(|psi| facts::pressure(psi, duration_ns, lang));
    blocks.extend(pressure.map(Block::said));
    let busy = report.devices.iter().filter(|device| device.ios > 0);
    blocks.extend(Block::list(busy.map(|device| devices::line(device, duration_ns, lang))));
    blocks.extend(io::rates(report, lang));
    blocks.extend(waited(report));
    blocks.extend(coverage::lost(&report.coverage, lang));
    let sections = vec![Section::bare(SectionId::Interval, blocks)];
    Document { lang, title: facts::title(report, lang), sections }
}

fn heading(report: &Report) -> Text {
    let mut facts: Vec<Text> = vec![report.window.end.clone().into()];
    facts.push(time(report.window.duration_ns).into());
    facts.extend(report.host.hostname.clone().map(Text::from));
    Text::joined(facts)
}

const WAITS: [Column; 7] = [
    Column::words(Label::Actor, 0),
    Column::words(Label::Class, 0),
    Column::words(Label::Call, 0),
    Column::numbers(Label::Count, 0),
    Column::numbers(Label::P50, 0),
    Column::numbers(Label::P99, 0),
    Column::numbers(Label::Max, 0),
];

fn waited(report: &Report) -> Option<Block> {
    let name = |name: &str| Cell::Name(name.to_owned());
    let waits = waits::of_targets(report).into_iter();
    let waits = waits.filter(|(_, wait)| wait.latency.count > 0).map(|(actor, wait)| {
        let (class, call) = (name(wait.file_class.name()), name(wait.call.name()));
        row(actor, class, call, &wait.latency)
    });
    let queued = waits::run_queues(report)
        .map(|(actor, lat)| row(actor, Cell::Absent, Cell::Label(Label::RunQueue), lat));
    let rows: Vec<Row> = waits.chain(queued).collect();
    (!rows.is_empty()).then(|| Block::Table(Table { columns: WAITS.to_vec(), rows }))
}

fn row(actor: &Actor, class: Cell, call: Cell, lat: &Lat) -> Row {
    let cells = vec![
        Cell::Name(names::name(actor)),
        class,
        call,
        Cell::Count(lat.count),
        Cell::time(lat.p50_ns),
        Cell::time(lat.p99_ns),
        Cell::time(lat.max_ns),
    ];
    Row { cells, strong: true }
}
