//! `iocontend doctor` as text: what is wrong first, then what was looked at, in about one screen.

use std::io::{self, Write};

use super::lines::{ABSENT, head, joined, say, title, wrapped};
use super::table::{self, Column, Row};
use crate::doctor::{Ability, Cache, Data, Disk, Doctor, Fs, Journal, JournalKind, State, Support};
use crate::render::safe::printable;
use crate::render::{Style, units};
use crate::report::Severity;
use crate::text::{Label, Msg};

/// Rows of a table at most: a node has hundreds of shims, and all of them are in the JSON document.
const ROWS: usize = 16;

/// Writes the document.
pub fn doctor(doctor: &Doctor, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    wrapped(&heading(doctor, style), style, out)?;
    problems(doctor, style, out)?;
    title(Label::HereTitle, style, out)?;
    wrapped(&here(doctor, style), style, out)?;
    if !doctor.disks.is_empty() {
        title(Label::DevicesTitle, style, out)?;
        disks(doctor, style, out)?;
    }
    if !doctor.data.is_empty() {
        title(Label::DataTitle, style, out)?;
        data(doctor, style, out)?;
    }
    Ok(())
}

fn row(of: Label, text: String, style: &Style) -> Vec<String> {
    vec![head(of, style).to_owned(), text]
}

fn heading(doctor: &Doctor, style: &Style) -> Vec<Vec<String>> {
    let mut rows = vec![row(Label::Ability, ability(doctor, style), style)];
    let words = [&doctor.host.hostname, &doctor.host.kernel, &doctor.host.machine];
    let mut facts: Vec<String> =
        words.into_iter().flatten().map(|word| printable(word, style)).collect();
    facts.extend(doctor.host.cpus.map(|cpus| say(&Msg::Cpus(&units::count(cpus.into())), style)));
    rows.push(row(Label::Host, joined(&facts, style), style));
    rows
}

fn ability(doctor: &Doctor, style: &Style) -> String {
    let own = say(&Msg::CanDo(label_of(doctor.ability, style)), style);
    match doctor.ability_as_root {
        Some(as_root) if as_root != doctor.ability => {
            let root = say(&Msg::RootCanDo(label_of(as_root, style)), style);
            joined(&[own, root], style)
        }
        _ => own,
    }
}

fn label_of(ability: Ability, style: &Style) -> &'static str {
    let label = match ability {
        Ability::Full => Label::AbilityFull,
        Ability::Partial => Label::AbilityPartial,
        Ability::None => Label::AbilityNone,
    };
    head(label, style)
}

fn problems(doctor: &Doctor, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    title(Label::ProblemsTitle, style, out)?;
    if doctor.problems.is_empty() {
        return writeln!(out, "{}", say(&Msg::NoProblems, style));
    }
    let mut rows = Vec::new();
    for problem in &doctor.problems {
        let label = match problem.severity {
            Severity::Critical => Label::Critical,
            Severity::Warning => Label::WarningWord,
            Severity::Info => Label::Info,
        };
        rows.push(row(label, printable(&problem.summary, style), style));
        let action = problem.action.iter().map(|action| printable(action, style));
        let action = action.map(|action| say(&Msg::ToDo(&action), style));
        rows.extend(action.map(|action| vec![String::new(), action]));
    }
    wrapped(&rows, style, out)
}

fn here(doctor: &Doctor, style: &Style) -> Vec<Vec<String>> {
    let mut rows = vec![
        row(Label::Hooks, hooks(doctor, style), style),
        row(Label::Rights, rights(doctor, style), style),
        row(Label::Tracefs, tracefs(doctor, style), style),
    ];
    if !doctor.attributions.is_empty() {
        rows.push(row(Label::Attributed, attributions(doctor, style), style));
    }
    if let Some(bytes) = doctor.maps.actual_bytes.or(doctor.maps.planned_bytes) {
        rows.push(row(Label::MapMemory, units::bytes(bytes), style));
    }
    rows.push(row(Label::Cgroups, cgroups(doctor, style), style));
    rows.push(row(Label::Pressure, yes_no(doctor.psi_io, style).to_owned(), style));
    for cost in &doctor.costs {
        let text = format!("{}: {}", printable(&cost.hooks, style), printable(&cost.cost, style));
        rows.push(row(Label::Cost, text, style));
    }
    rows.extend(
        doctor.quirks.iter().map(|quirk| row(Label::Quirk, printable(quirk, style), style)),
    );
    rows
}

fn hooks(doctor: &Doctor, style: &Style) -> String {
    let count = |state| {
        let of_state = doctor.hooks.hooks.iter().filter(|hook| hook.state == state);
        units::count(of_state.count() as u64)
    };
    let mut facts = Vec::new();
    for (state, label) in [
        (State::Attaches, Label::HookAttaches),
        (State::Planned, Label::HookPlanned),
        (State::Unknown, Label::HookUnknown),
        (State::Missing, Label::HookMissing),
        (State::Refused, Label::HookRefused),
        (State::NotNeeded, Label::HookNotNeeded),
    ] {
        let number = count(state);
        if number != "0" {
            facts.push(format!("{number} {}", head(label, style)));
        }
    }
    facts.extend(doctor.hooks.not_tried_because.iter().map(|why| printable(why, style)));
    joined(&facts, style)
}

/// Names of the ways of attribution; what each gives to whom is in the JSON document.
fn attributions(doctor: &Doctor, style: &Style) -> String {
    let of = |support| {
        let names = doctor.attributions.iter().filter(|one| one.support == support);
        names.map(|one| printable(&one.name, style)).collect::<Vec<_>>().join(", ")
    };
    let [yes, not_needed, unknown, no] =
        [Support::Yes, Support::NotNeeded, Support::Unknown, Support::No].map(of);
    let message =
        Msg::Attributions { yes: &yes, not_needed: &not_needed, unknown: &unknown, no: &no };
    say(&message, style)
}

fn rights(doctor: &Doctor, style: &Style) -> String {
    let uid = doctor.privileges.uid.to_string();
    let missing: Vec<&str> = doctor
        .privileges
        .capabilities
        .iter()
        .filter(|capability| !capability.present)
        .map(|capability| capability.name.as_str())
        .collect();
    say(&Msg::Rights { uid: &uid, missing: &missing.join(", ") }, style)
}

fn tracefs(doctor: &Doctor, style: &Style) -> String {
    let at = doctor.tracefs.mounted_at.join(", ");
    let state = match (doctor.tracefs.mounted_at.is_empty(), doctor.tracefs.readable) {
        (_, true) => Label::Readable,
        (true, false) => Label::NotMounted,
        (false, false) => Label::NotReadable,
    };
    let facts: Vec<String> = [printable(&at, style), head(state, style).to_owned()].into();
    joined(&facts.into_iter().filter(|fact| !fact.is_empty()).collect::<Vec<_>>(), style)
}

fn cgroups(doctor: &Doctor, style: &Style) -> String {
    let version = doctor.host.cgroup_version.map_or(ABSENT, |version| version.name());
    let io = doctor.cgroups.io_version.map(|version| version.to_string());
    say(&Msg::CgroupsHere { version, io: io.as_deref().unwrap_or_default() }, style)
}

fn yes_no(yes: bool, style: &Style) -> &'static str {
    head(if yes { Label::Accounted } else { Label::NotAccounted }, style)
}

const DISK_COLUMNS: [Column; 7] = [
    Column::left(Label::Filesystems, 0),
    Column::left(Label::Device, 0),
    Column::left(Label::Below, 2),
    Column::left(Label::Scheduler, 0),
    Column::left(Label::Cache, 1),
    Column::left(Label::Wbt, 3),
    Column::left(Label::Journal, 0),
];

/// One line for each file system at the disk that has it; a disk without any has a line too.
fn disks(doctor: &Doctor, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Vec::new();
    for disk in &doctor.disks {
        // What it carries shows its own lines.
        let own = disk.carries.is_empty();
        if own && disk.filesystems.is_empty() {
            rows.push(disk_row(disk, None, style));
        }
        let listed = disk.filesystems.iter().filter(|fs| {
            own || !doctor.disks.iter().any(|other| {
                other.name != disk.name
                    && other.bottom.iter().any(|bottom| disk.bottom.contains(bottom))
                    && other.filesystems.contains(fs)
            })
        });
        rows.extend(listed.map(|fs| disk_row(disk, Some(fs), style)));
    }
    limited(&DISK_COLUMNS, rows, style, out)
}

/// The first rows, and how many more there are.
fn limited(
    columns: &[Column],
    mut rows: Vec<Row>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let more = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    table::write(columns, &rows, style, out)?;
    if more > 0 {
        let more = units::count(more as u64);
        writeln!(out, "{}", say(&Msg::MoreRows(&more), style))?;
    }
    Ok(())
}

fn disk_row(disk: &Disk, fs: Option<&Fs>, style: &Style) -> Row {
    let absent = || ABSENT.to_owned();
    let below: Vec<String> = disk.bottom.iter().filter(|one| **one != disk.name).cloned().collect();
    let mounted =
        fs.map_or_else(absent, |fs| printable(&format!("{} {}", fs.mount_point, fs.fstype), style));
    let cache = match disk.write_cache {
        Some(Cache::WriteBack) if disk.fua == Some(true) => head(Label::WriteBackFua, style),
        Some(Cache::WriteBack) => head(Label::WriteBack, style),
        Some(Cache::WriteThrough) => head(Label::WriteThrough, style),
        None => ABSENT,
    };
    let wbt = match disk.wbt_lat_us {
        Some(0) => head(Label::Off, style).to_owned(),
        Some(us) => units::duration(us.saturating_mul(1_000), style),
        None => absent(),
    };
    let below = if below.is_empty() { absent() } else { below.join(",") };
    Row {
        cells: vec![
            mounted,
            printable(disk.dm_name.as_ref().unwrap_or(&disk.name), style),
            printable(&below, style),
            disk.scheduler.as_deref().map_or_else(absent, |name| printable(name, style)),
            cache.to_owned(),
            wbt,
            fs.map_or_else(absent, |fs| journal(&fs.journal, style)),
        ],
        strong: false,
    }
}

fn journal(journal: &Journal, style: &Style) -> String {
    let label = match journal.kind {
        JournalKind::Internal => Label::JournalInternal,
        JournalKind::External => Label::JournalExternal,
        JournalKind::None => Label::JournalNone,
        JournalKind::LogTree => Label::JournalLogTree,
        JournalKind::Unknown => Label::Unknown,
    };
    let mut words = vec![head(label, style).to_owned()];
    words.extend(journal.device.iter().map(|device| printable(device, style)));
    words.extend(journal.data_mode.iter().map(|mode| format!("data={}", printable(mode, style))));
    words.join(" ")
}

const DATA_COLUMNS: [Column; 5] = [
    Column::left(Label::Actor, 0),
    Column::left(Label::Class, 0),
    Column::left(Label::Path, 0),
    Column::left(Label::MountPoint, 1),
    Column::left(Label::Device, 0),
];

/// By disk, so that those who share one stand together; etcd first.
fn data(doctor: &Doctor, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut all: Vec<&Data> = doctor.data.iter().collect();
    all.sort_by_key(|data| (data.disks.is_empty(), data.disks.clone(), data.role, data.pid));
    let rows: Vec<Row> = all
        .into_iter()
        .map(|data| Row {
            cells: vec![
                printable(&format!("{} {} {}", data.role.name(), data.comm, data.pid), style),
                data.file_class.name().to_owned(),
                printable(&data.path, style),
                data.mount_point
                    .as_deref()
                    .map_or_else(|| ABSENT.to_owned(), |at| printable(at, style)),
                if data.disks.is_empty() { ABSENT.to_owned() } else { data.disks.join(",") },
            ],
            strong: data.role == crate::ids::Role::Etcd,
        })
        .collect();
    limited(&DATA_COLUMNS, rows, style, out)
}
