//! What `iocontend doctor` shows: what is wrong first, then what was looked at, in about one screen.

use super::document::{Block, Cell, Column, Document, Field, Row, Section, SectionId, Table, Text};
use super::{ABSENT, facts, verdict};
use crate::doctor::{
    Ability, Cache, Data, Disk, Doctor, Fs, Journal, JournalKind, Problem, State, Support,
};
use crate::ids::Role;
use crate::text::{Label, Lang, Msg, doctor as words, label, text};
use crate::units;

/// Rows of a table at most: a node has hundreds of shims, and all of them are in the JSON document.
const ROWS: usize = 16;

/// What can be measured on a host, and what is in the way.
pub fn doctor(doctor: &Doctor, lang: Lang) -> Document {
    let (here, disks, data) = (here(doctor, lang), disks(doctor, lang), data(doctor));
    let mut sections = vec![
        Section::bare(SectionId::Ability, vec![Block::fields(heading(doctor, lang))]),
        Section::new(SectionId::Problems, Label::ProblemsTitle, vec![problems(doctor, lang)]),
        Section::new(SectionId::Offers, Label::HereTitle, vec![Block::fields(here)]),
    ];
    let tables = [
        (SectionId::Devices, Label::DevicesTitle, DISK_COLUMNS.to_vec(), disks),
        (SectionId::Data, Label::DataTitle, DATA_COLUMNS.to_vec(), data),
    ];
    sections.extend(tables.into_iter().filter(|(.., rows)| !rows.is_empty()).map(
        |(id, heading, columns, rows)| Section::new(id, heading, limited(columns, rows, lang)),
    ));
    let title = ability(doctor, lang);
    Document { lang, title, sections }
}

fn heading(doctor: &Doctor, lang: Lang) -> Vec<Field> {
    vec![
        Field::new(Label::Ability, ability(doctor, lang)),
        Field::new(Label::Host, Text::joined(facts::host(&doctor.host, lang))),
    ]
}

fn ability(doctor: &Doctor, lang: Lang) -> String {
    let own = text(lang, &Msg::CanDo(label_of(doctor.ability, lang)));
    match doctor.ability_as_root {
        Some(as_root) if as_root != doctor.ability => {
            let root = text(lang, &Msg::RootCanDo(label_of(as_root, lang)));
            format!("{own} · {root}")
        }
        _ => own,
    }
}

fn label_of(ability: Ability, lang: Lang) -> &'static str {
    let of = match ability {
        Ability::Full => Label::AbilityFull,
        Ability::Partial => Label::AbilityPartial,
        Ability::None => Label::AbilityNone,
    };
    label(lang, of)
}

fn problems(doctor: &Doctor, lang: Lang) -> Block {
    if doctor.problems.is_empty() {
        return Block::said(text(lang, &Msg::NoProblems));
    }
    let field = |problem: &Problem| {
        let explained = words::trouble(lang, &problem.trouble);
        let action = explained.hint.map(|action| text(lang, &Msg::ToDo(&action)).into());
        let notes = action.into_iter().collect();
        Field { notes, ..Field::new(verdict::severity(problem.severity), explained.what) }
    };
    Block::fields(doctor.problems.iter().map(field).collect())
}

fn here(doctor: &Doctor, lang: Lang) -> Vec<Field> {
    let mut rows = vec![
        Field::new(Label::Hooks, hooks(doctor, lang)),
        Field::new(Label::Rights, rights(doctor, lang)),
        Field::new(Label::Tracefs, tracefs(doctor, lang)),
    ];
    if !doctor.attributions.is_empty() {
        rows.push(Field::new(Label::Attributed, attributions(doctor, lang)));
    }
    if let Some(bytes) = doctor.maps.actual_bytes.or(doctor.maps.planned_bytes) {
        rows.push(Field::new(Label::MapMemory, units::bytes(bytes)));
    }
    rows.push(Field::new(Label::Cgroups, cgroups(doctor, lang)));
    let accounted = if doctor.psi_io { Label::Accounted } else { Label::NotAccounted };
    rows.push(Field::new(Label::Pressure, label(lang, accounted)));
    rows.extend(doctor.costs.iter().map(|cost| {
        let said = words::cost(lang, &cost.hooks, cost.used);
        Field::new(Label::Cost, format!("{}: {said}", cost.hooks.name()))
    }));
    let quirks = doctor.quirks.iter().map(|quirk| words::quirk(lang, quirk));
    rows.extend(quirks.map(|quirk| Field::new(Label::Quirk, quirk)));
    rows
}

fn hooks(doctor: &Doctor, lang: Lang) -> Text {
    let mut facts: Vec<Text> = Vec::new();
    for (state, of) in [
        (State::Attaches, Label::HookAttaches),
        (State::Planned, Label::HookPlanned),
        (State::Unknown, Label::HookUnknown),
        (State::Missing, Label::HookMissing),
        (State::Refused, Label::HookRefused),
        (State::NotNeeded, Label::HookNotNeeded),
    ] {
        let number = doctor.hooks.hooks.iter().filter(|hook| hook.state == state).count();
        if number > 0 {
            facts.push(format!("{} {}", units::count(number as u64), label(lang, of)).into());
        }
    }
    let why = doctor.hooks.not_tried_because.iter();
    facts.extend(why.map(|why| words::not_tried(lang, why).into()));
    Text::joined(facts)
}

/// Names of the ways of attribution; what each gives to whom is in the JSON document.
fn attributions(doctor: &Doctor, lang: Lang) -> String {
    let of = |support| {
        let names = doctor.attributions.iter().filter(|one| one.support == support);
        names.map(|one| one.way.name()).collect::<Vec<_>>().join(", ")
    };
    let [yes, not_needed, unknown, no] =
        [Support::Yes, Support::NotNeeded, Support::Unknown, Support::No].map(of);
    let message =
        Msg::Attributions { yes: &yes, not_needed: &not_needed, unknown: &unknown, no: &no };
    text(lang, &message)
}

fn rights(doctor: &Doctor, lang: Lang) -> String {
    let uid = doctor.privileges.uid.to_string();
    let all = doctor.privileges.capabilities.iter();
    let missing: Vec<&str> =
        all.filter(|one| !one.present).map(|capability| capability.name.as_str()).collect();
    text(lang, &Msg::Rights { uid: &uid, missing: &missing.join(", ") })
}

fn tracefs(doctor: &Doctor, lang: Lang) -> Text {
    let at = doctor.tracefs.mounted_at.join(", ");
    let state = match (doctor.tracefs.mounted_at.is_empty(), doctor.tracefs.readable) {
        (_, true) => Label::Readable,
        (true, false) => Label::NotMounted,
        (false, false) => Label::NotReadable,
    };
    let at = Some(at).filter(|at| !at.is_empty()).map(Text::from);
    Text::joined(at.into_iter().chain([label(lang, state).into()]))
}

fn cgroups(doctor: &Doctor, lang: Lang) -> String {
    let version = doctor.host.cgroup_version.map_or(ABSENT, |version| version.name());
    let io = doctor.cgroups.io_version.map(|version| version.to_string());
    text(lang, &Msg::CgroupsHere { version, io: io.as_deref().unwrap_or_default() })
}

/// The first rows, and how many more there are.
fn limited(columns: Vec<Column>, mut rows: Vec<Row>, lang: Lang) -> Vec<Block> {
    let more = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    let more = (more > 0).then(|| text(lang, &Msg::MoreRows(&units::count(more as u64))));
    std::iter::once(Block::Table(Table { columns, rows })).chain(more.map(Block::said)).collect()
}

const DISK_COLUMNS: [Column; 7] = [
    Column::words(Label::Filesystems, 0),
    Column::words(Label::Device, 0),
    Column::words(Label::Below, 2),
    Column::words(Label::Scheduler, 0),
    Column::words(Label::Cache, 1),
    Column::words(Label::Wbt, 3),
    Column::words(Label::Journal, 0),
];

/// One row for each file system at the disk that has it; a disk without any has a row too.
fn disks(doctor: &Doctor, lang: Lang) -> Vec<Row> {
    let mut rows = Vec::new();
    for disk in &doctor.disks {
        // What it carries shows its own lines.
        let own = disk.carries.is_empty();
        if own && disk.filesystems.is_empty() {
            rows.push(disk_row(disk, None, lang));
        }
        let listed = disk.filesystems.iter().filter(|fs| {
            own || !doctor.disks.iter().any(|other| {
                other.name != disk.name
                    && other.bottom.iter().any(|bottom| disk.bottom.contains(bottom))
                    && other.filesystems.contains(fs)
            })
        });
        rows.extend(listed.map(|fs| disk_row(disk, Some(fs), lang)));
    }
    rows
}

fn disk_row(disk: &Disk, fs: Option<&Fs>, lang: Lang) -> Row {
    let below: Vec<&str> =
        disk.bottom.iter().filter(|one| **one != disk.name).map(String::as_str).collect();
    let cache = match disk.write_cache {
        Some(Cache::WriteBack) if disk.fua == Some(true) => Cell::Label(Label::WriteBackFua),
        Some(Cache::WriteBack) => Cell::Label(Label::WriteBack),
        Some(Cache::WriteThrough) => Cell::Label(Label::WriteThrough),
        None => Cell::Absent,
    };
    let wbt = match disk.wbt_lat_us {
        Some(0) => Cell::Label(Label::Off),
        Some(us) => Cell::Time(us.saturating_mul(1_000)),
        None => Cell::Absent,
    };
    Row::plain(vec![
        Cell::known(fs.map(|fs| Cell::Name(format!("{} {}", fs.mount_point, fs.fstype)))),
        Cell::Name(disk.dm_name.as_ref().unwrap_or(&disk.name).clone()),
        Cell::known((!below.is_empty()).then(|| Cell::Name(below.join(",")))),
        Cell::known(disk.scheduler.clone().map(Cell::Name)),
        cache,
        wbt,
        Cell::known(fs.map(|fs| Cell::Words(journal(&fs.journal, lang)))),
    ])
}

fn journal(journal: &Journal, lang: Lang) -> String {
    let of = match journal.kind {
        JournalKind::Internal => Label::JournalInternal,
        JournalKind::External => Label::JournalExternal,
        JournalKind::None => Label::JournalNone,
        JournalKind::LogTree => Label::JournalLogTree,
        JournalKind::Unknown => Label::Unknown,
    };
    let mut words = vec![label(lang, of).to_owned()];
    words.extend(journal.device.clone());
    words.extend(journal.data_mode.iter().map(|mode| format!("data={mode}")));
    words.join(" ")
}

const DATA_COLUMNS: [Column; 5] = [
    Column::words(Label::Actor, 0),
    Column::words(Label::Class, 0),
    Column::words(Label::Path, 0),
    Column::words(Label::MountPoint, 1),
    Column::words(Label::Device, 0),
];

/// By disk, so that those who share one stand together; etcd first.
fn data(doctor: &Doctor) -> Vec<Row> {
    let mut all: Vec<&Data> = doctor.data.iter().collect();
    all.sort_by_key(|data| (data.disks.is_empty(), data.disks.clone(), data.role, data.pid));
    let row = |data: &Data| Row {
        cells: vec![
            Cell::Name(format!("{} {} {}", data.role.name(), data.comm, data.pid)),
            Cell::Name(data.file_class.name().to_owned()),
            Cell::Name(data.path.clone()),
            Cell::known(data.mount_point.clone().map(Cell::Name)),
            Cell::known((!data.disks.is_empty()).then(|| Cell::Name(data.disks.join(",")))),
        ],
        strong: data.role == Role::Etcd,
    };
    all.into_iter().map(row).collect()
}
