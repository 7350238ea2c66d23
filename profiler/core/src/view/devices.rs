//! Devices: a line each in an interval, a table in the summary.

use super::document::{Block, Cell, Column, Row, SLOT, Section, SectionId, Span, Table, Text};
use super::{ABSENT, IN_WORDS, Options};
use crate::report::{Device, Lat, Report};
use crate::safe::{printable, shorten};
use crate::text::{Label, Lang, Msg, text};
use crate::units;

/// One device in an interval: rates, busy share, depth, flushes.
pub(super) fn line(device: &Device, duration_ns: u64, lang: Lang) -> Text {
    let absent = || ABSENT.to_owned();
    let iops = units::per_second(device.ios, duration_ns).unwrap_or_else(absent);
    let rate = units::byte_rate(device.bytes, duration_ns).unwrap_or_else(absent);
    let busy = device.busy_ns.and_then(|busy| units::share(busy, duration_ns));
    let depth = device.depth.map(|depth| units::decimal(depth.mean));
    let flushes = device.flush_commands.and_then(|count| units::per_second(count, duration_ns));
    let facts = [
        Some(Msg::DeviceLine { name: &device.name, iops: &iops, rate: &rate }),
        busy.as_deref().map(Msg::Busy),
        depth.as_deref().map(Msg::Depth),
        flushes.as_deref().map(Msg::FlushRate),
    ];
    Text::joined(facts.iter().flatten().map(|fact| text(lang, fact).into()))
}

const COLUMNS: [Column; 12] = [
    Column::words(Label::Device, 0),
    Column::words(Label::Scheduler, 2),
    Column::words(Label::Filesystems, 3),
    Column::numbers(Label::Requests, 0),
    Column::numbers(Label::Bytes, 0),
    Column::numbers(Label::Flushes, 4),
    Column::numbers(Label::Busy, 0),
    Column::numbers(Label::Depth, 5),
    Column::numbers(Label::Q2dP99, 1),
    Column::numbers(Label::D2cP99, 1),
    Column::numbers(Label::Q2cP99, 1),
    Column::numbers(Label::Q2cMax, 6),
];

/// The table of all devices; in full with what turns, and how file systems are mounted.
pub(super) fn section(report: &Report, options: Options) -> Option<Section> {
    if report.devices.is_empty() {
        return None;
    }
    let duration_ns = report.window.duration_ns;
    let row = |device| Row::plain(cells(device, duration_ns));
    let mut table =
        Table { columns: COLUMNS.to_vec(), rows: report.devices.iter().map(row).collect() };
    let mut blocks = Vec::new();
    if options.full {
        rotational(&mut table, &report.devices);
        let mounted = report.devices.iter().flat_map(|device| mounted(device, options.lang));
        blocks.extend(Block::list(mounted));
    }
    blocks.insert(0, Block::Table(table));
    Some(Section::new(SectionId::Devices, Label::DevicesTitle, blocks))
}

fn cells(device: &Device, duration_ns: u64) -> Vec<Cell> {
    let p99 = |lat: &Option<Lat>| Cell::time(lat.as_ref().and_then(|lat| lat.p99_ns));
    let busy = device.busy_ns.filter(|_| duration_ns > 0);
    vec![
        Cell::Name(device.name.clone()),
        Cell::known(device.scheduler.clone().map(Cell::Name)),
        Cell::known(filesystems(device).map(Cell::Words)),
        Cell::Count(device.ios),
        Cell::Bytes(device.bytes),
        Cell::known(device.flush_commands.map(Cell::Count)),
        Cell::known(busy.map(|busy| Cell::Share(busy, duration_ns))),
        Cell::known(device.depth.map(|depth| Cell::Decimal(depth.mean))),
        p99(&device.q2d),
        p99(&device.d2c),
        p99(&device.q2c),
        Cell::time(device.q2c.as_ref().and_then(|lat| lat.max_ns)),
    ]
}

/// Puts in a column for what turns.
fn rotational(table: &mut Table, devices: &[Device]) {
    const AT: usize = 2;
    table.columns.insert(AT, Column::words(Label::Rotational, 7));
    for (row, device) in table.rows.iter_mut().zip(devices) {
        let yes_no = |yes| Cell::Label(if yes { Label::Yes } else { Label::No });
        row.cells.insert(AT, Cell::known(device.rotational.map(yes_no)));
    }
}

/// The first file systems by name, with a count of the rest.
fn filesystems(device: &Device) -> Option<String> {
    let all = device.filesystems.as_ref()?;
    let first = all.first().map(|one| format!("{} {}", one.fstype, one.mount_point))?;
    let first = shorten(&printable(&first, &IN_WORDS), 24, &IN_WORDS);
    Some(if all.len() > 1 { format!("{first} +{}", all.len() - 1) } else { first })
}

/// The file systems on a device with their mount options.
fn mounted(device: &Device, lang: Lang) -> impl Iterator<Item = Text> {
    device.filesystems.iter().flatten().map(move |fs| {
        let options = fs.options.as_deref().unwrap_or(ABSENT);
        let (name, fstype) = (&device.name, &fs.fstype);
        let msg = Msg::Mounted { device: name, fstype, point: SLOT, options: SLOT };
        Text::with(&text(lang, &msg), [Span::code(&fs.mount_point), Span::code(options)])
    })
}
