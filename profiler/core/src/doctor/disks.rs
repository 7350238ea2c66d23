//! Disks, what lies on them and below them, and who keeps data there.

use super::{Data, Disk, DiskSeen, Fs, FsSeen, Journal, JournalKind, Seen};
use crate::facts::{DeviceFacts, FsFacts};
use crate::ids::Dev;

/// Disks that carry a file system or another disk, or lie at the bottom of one that does.
pub(super) fn of(seen: &Seen) -> Vec<Disk> {
    let mut disks: Vec<Disk> = seen.host.devices.iter().map(|facts| disk(seen, facts)).collect();
    let below: Vec<String> = disks
        .iter()
        .filter(|disk| !disk.filesystems.is_empty())
        .flat_map(|disk| disk.bottom.clone())
        .collect();
    disks.retain(|disk| {
        !disk.filesystems.is_empty() || !disk.carries.is_empty() || below.contains(&disk.name)
    });
    disks
}

fn disk(seen: &Seen, facts: &DeviceFacts) -> Disk {
    let more = more_of(seen, &facts.name);
    Disk {
        name: facts.name.clone(),
        dm_name: facts.dm_name.clone(),
        major: facts.dev.major,
        minor: facts.dev.minor,
        size_bytes: facts.size_bytes,
        scheduler: facts.scheduler.clone(),
        schedulers: facts.schedulers.clone(),
        rotational: facts.rotational,
        write_cache: facts.write_cache.map(Into::into),
        fua: facts.fua,
        nr_requests: facts.nr_requests,
        wbt_lat_us: facts.wbt_lat_usec,
        iostats: more.and_then(|more| more.iostats),
        loop_file: more.and_then(|more| more.loop_file.clone()),
        built_on: facts.slaves.clone(),
        carries: facts.holders.clone(),
        bottom: bottom(seen, facts),
        filesystems: facts.filesystems.iter().map(|fs| filesystem(seen, fs)).collect(),
    }
}

fn more_of<'a>(seen: &'a Seen, name: &str) -> Option<&'a DiskSeen> {
    seen.disks.iter().find(|disk| disk.name == name)
}

/// The device of this name, or the one that has a partition of this name.
fn by_name<'a>(seen: &'a Seen, name: &str) -> Option<&'a DeviceFacts> {
    let has = |device: &&DeviceFacts| {
        device.name == name || device.partitions.iter().any(|part| part.name == name)
    };
    seen.host.devices.iter().find(has)
}

/// The disks below a device that are built on nothing, each once.
fn bottom(seen: &Seen, from: &DeviceFacts) -> Vec<String> {
    let mut visited: Vec<&str> = Vec::new();
    let mut next = vec![from];
    let mut bottom: Vec<String> = Vec::new();
    while let Some(device) = next.pop() {
        if visited.contains(&device.name.as_str()) {
            continue;
        }
        visited.push(&device.name);
        let mut below: Vec<&DeviceFacts> =
            device.slaves.iter().filter_map(|name| by_name(seen, name)).collect();
        let file_on = more_of(seen, &device.name).and_then(|more| more.loop_fs);
        below.extend(file_on.into_iter().flat_map(|fs| lowest_with(seen, fs)));
        if below.is_empty() {
            bottom.push(device.name.clone());
        }
        next.extend(below);
    }
    bottom.sort_unstable();
    bottom
}

/// Devices on which a file system lies and that are built on nothing else that has it.
fn lowest_with(seen: &Seen, fs: Dev) -> Vec<&DeviceFacts> {
    let has_it = |device: &&DeviceFacts| device.filesystems.iter().any(|one| one.dev == fs);
    let all: Vec<&DeviceFacts> = seen.host.devices.iter().filter(has_it).collect();
    let is_below = |device: &&&DeviceFacts| {
        let mut below = device.slaves.iter().filter_map(|name| by_name(seen, name));
        !below.any(|slave| all.iter().any(|other| other.name == slave.name))
    };
    all.iter().filter(is_below).copied().collect()
}

fn filesystem(seen: &Seen, facts: &FsFacts) -> Fs {
    let more = seen.filesystems.iter().find(|fs| fs.dev == Some(facts.dev));
    Fs {
        fstype: facts.fstype.clone(),
        mount_point: facts.mount_point.clone(),
        source: facts.source.clone(),
        options: facts.options.clone(),
        journal: journal(facts, more),
    }
}

fn journal(facts: &FsFacts, more: Option<&FsSeen>) -> Journal {
    let of = |kind| Journal { kind, device: None, data_mode: None };
    match facts.fstype.as_str() {
        "ext4" | "ext3" => ext4_journal(facts, more),
        "xfs" => match option(&facts.options, "logdev") {
            Some(device) => Journal { device: Some(device), ..of(JournalKind::External) },
            None => of(JournalKind::Internal),
        },
        "btrfs" => of(JournalKind::LogTree),
        "ext2" | "vfat" | "exfat" | "squashfs" | "iso9660" | "erofs" => of(JournalKind::None),
        _ => of(JournalKind::Unknown),
    }
}

/// The thread that commits is named after the journal: `jbd2/sda1-8` in the file system itself (8 is its inode),
/// `jbd2/sdb1` on a device of its own (fs/jbd2/journal.c).
fn ext4_journal(facts: &FsFacts, more: Option<&FsSeen>) -> Journal {
    let modes = more.into_iter().flat_map(|more| more.all_options.iter());
    let data_mode =
        modes.filter_map(|one| one.strip_prefix("data=").map(str::to_owned)).next_back();
    let data_mode = data_mode.or_else(|| option(&facts.options, "data"));
    let thread = more.and_then(|more| more.journal_thread.as_deref());
    let named = thread.and_then(|thread| thread.strip_prefix("jbd2/"));
    let device = more.and_then(|more| more.device.as_deref());
    let is_own = |name: &str| {
        device.is_some_and(|device| {
            // Before Linux 5.17 the name of a thread was cut to 15 bytes.
            let inside = name.strip_prefix(device).is_some_and(|rest| rest.starts_with('-'));
            inside || (name.len() == 10 && device.starts_with(name.trim_end_matches('-')))
        })
    };
    let (kind, device) = match (thread, named) {
        (Some(""), _) => (JournalKind::None, None),
        (_, Some(name)) if is_own(name) => (JournalKind::Internal, None),
        (_, Some(name)) => (JournalKind::External, Some(name.to_owned())),
        _ if more.is_some_and(|more| more.internal_journal) => (JournalKind::Internal, None),
        _ => (JournalKind::Unknown, None),
    };
    let data_mode = data_mode.filter(|_| kind != JournalKind::None);
    Journal { kind, device, data_mode }
}

/// The value of an option such as `logdev=/dev/sdb`.
fn option(options: &str, name: &str) -> Option<String> {
    let value = |one: &str| Some(one.strip_prefix(name)?.strip_prefix('=')?.to_owned());
    options.split(',').find_map(value)
}

/// Who keeps what on which of these disks.
pub(super) fn data(seen: &Seen, disks: &[Disk]) -> Vec<Data> {
    let one = |data: &super::DataSeen| {
        let devices = data.fs.map(|fs| lowest_with(seen, fs)).unwrap_or_default();
        let mount = devices.iter().flat_map(|device| &device.filesystems);
        let mount = mount.into_iter().find(|fs| Some(fs.dev) == data.fs);
        let mut lowest: Vec<String> = disks
            .iter()
            .filter(|disk| devices.iter().any(|device| device.name == disk.name))
            .flat_map(|disk| disk.bottom.clone())
            .collect();
        lowest.sort_unstable();
        lowest.dedup();
        Data {
            pid: data.pid,
            comm: data.comm.clone(),
            unit: data.unit.clone(),
            role: data.role,
            file_class: data.file_class,
            path: data.path.clone(),
            mount_point: mount.map(|fs| fs.mount_point.clone()),
            disks: lowest,
        }
    };
    seen.data.iter().map(one).collect()
}

/// What others than etcd keep on a disk.
pub(super) fn lies_on_etcds_disk<'a>(
    doctor: &'a super::Doctor,
    disk: &'a str,
) -> impl Iterator<Item = &'a Data> {
    let is_there = move |data: &&Data| data.disks.iter().any(|one| one == disk);
    let is_other = |data: &&Data| {
        data.role != crate::ids::Role::Etcd || data.file_class == crate::ids::FileClass::AuditLog
    };
    doctor.data.iter().filter(is_other).filter(is_there)
}
