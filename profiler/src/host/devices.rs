//! Block devices, and which file systems lie on each.
//!
//! Owns `/sys/block`; joins it with the mounts.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use iocontend_core::facts::{
    BlockStat, DeviceFacts, DiscardStat, FlushStat, FsFacts, Partition, WriteCache,
};

use super::mounts::{one_per_filesystem, parse_dev, read_mounts};
use super::nvme_paths::{PathDevices, join_paths};
use super::{HostRoot, text};

/// Sectors in sysfs are of 512 bytes, whatever the device's own are.
const SECTOR: u64 = 512;

/// All block devices, also unused ones of size 0. One that goes away meanwhile is left out.
pub fn read_devices(root: &HostRoot) -> io::Result<Vec<DeviceFacts>> {
    let block = root.sys.join("block");
    let mut names = names_in(&block)?;
    names.sort_unstable();
    let paths = PathDevices::read(root);
    let read = |name: &String| read_device(&block.join(name), name, &paths);
    let mut devices: Vec<DeviceFacts> = names.iter().filter_map(read).collect();
    join_paths(&mut devices);
    // Without mounts the devices are still worth having.
    let filesystems = one_per_filesystem(&read_mounts(root).unwrap_or_default());
    join(&mut devices, &filesystems);
    Ok(devices)
}

/// Whether a disk has requests of its own (blk-mq), and not only bios that it hands on (dm, md, zram).
pub fn has_requests(root: &HostRoot, name: &str) -> bool {
    root.sys.join("block").join(name).join("mq").is_dir()
}

/// The counters of a disk or partition by its kernel name; `None` when there is none of that name.
pub fn read_block_stat(root: &HostRoot, name: &str) -> io::Result<Option<BlockStat>> {
    // A name is one element: nothing from outside may lead elsewhere.
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Ok(None);
    }
    match std::fs::read_to_string(root.sys.join("class/block").join(name).join("stat")) {
        Ok(text) => parse_block_stat(&text).map(Some).ok_or_else(|| {
            let message = format!("stat of {name} is not understood: {text}");
            io::Error::new(io::ErrorKind::InvalidData, message)
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Parses `/sys/block/X/stat`: 11 fields, 15 since Linux 4.18, 17 since 5.5.
pub fn parse_block_stat(text: &str) -> Option<BlockStat> {
    let fields: Result<Vec<u64>, _> = text.split_ascii_whitespace().map(str::parse).collect();
    let fields = fields.ok()?;
    let (
        &[
            read_ios,
            read_merges,
            read_sectors,
            read_ms,
            write_ios,
            write_merges,
            write_sectors,
            write_ms,
            in_flight,
            io_ms,
            queue_ms,
        ],
        rest,
    ) = fields.split_first_chunk::<11>()?;
    let (discard, rest) = match rest.split_first_chunk::<4>() {
        Some((&[ios, merges, sectors, ms], rest)) => {
            (Some(DiscardStat { ios, merges, sectors, ms }), rest)
        }
        None => (None, &[][..]),
    };
    let flush = rest.first_chunk::<2>().map(|&[ios, ms]| FlushStat { ios, ms });
    Some(BlockStat {
        read_ios,
        read_merges,
        read_sectors,
        read_ms,
        write_ios,
        write_merges,
        write_sectors,
        write_ms,
        in_flight,
        io_ms,
        queue_ms,
        discard,
        flush,
    })
}

fn read_device(dir: &Path, name: &str, paths: &PathDevices) -> Option<DeviceFacts> {
    let dev = match text(dir.join("dev")) {
        Some(dev) => parse_dev(&dev)?,
        None => paths.dev(name)?,
    };
    let queue = |file: &str| text(dir.join("queue").join(file));
    let (scheduler, schedulers) =
        queue("scheduler").as_deref().map(parse_schedulers).unwrap_or_default();
    let partitions = read_partitions(dir);
    let mut holders = names_in(&dir.join("holders")).unwrap_or_default();
    for partition in &partitions {
        holders.extend(names_in(&dir.join(&partition.name).join("holders")).unwrap_or_default());
    }
    Some(DeviceFacts {
        dev,
        name: name.to_owned(),
        dm_name: text(dir.join("dm/name")),
        scheduler,
        schedulers,
        rotational: queue("rotational").as_deref().and_then(parse_bool),
        write_cache: queue("write_cache").as_deref().and_then(parse_write_cache),
        fua: queue("fua").as_deref().and_then(parse_bool),
        nr_requests: queue("nr_requests").and_then(|t| t.parse().ok()),
        size_bytes: text(dir.join("size")).and_then(|t| t.parse::<u64>().ok()?.checked_mul(SECTOR)),
        wbt_lat_usec: queue("wbt_lat_usec").and_then(|t| t.parse().ok()),
        partitions,
        holders: sorted(holders),
        slaves: sorted(names_in(&dir.join("slaves")).unwrap_or_default()),
        path_of: None,
        filesystems: Vec::new(),
    })
}

/// Folders below the disk that have a `partition` file.
fn read_partitions(dir: &Path) -> Vec<Partition> {
    let names = sorted(names_in(dir).unwrap_or_default());
    let partition = |name: String| {
        let dir = dir.join(&name);
        text(dir.join("partition"))?;
        Some(Partition { dev: parse_dev(&text(dir.join("dev"))?)?, name })
    };
    names.into_iter().filter_map(partition).collect()
}

/// `none [mq-deadline] kyber`: the one in brackets is active. Before Linux 6.13 `none` may stand alone.
fn parse_schedulers(line: &str) -> (Option<String>, Vec<String>) {
    let strip = |word: &str| word.trim_matches(['[', ']']).to_owned();
    let all: Vec<String> = line.split_ascii_whitespace().map(strip).collect();
    let active = line.split_ascii_whitespace().find(|w| w.starts_with('[')).map(strip);
    let only = || (all.len() == 1).then(|| line.to_owned());
    (active.or_else(only), all)
}

fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

fn parse_write_cache(text: &str) -> Option<WriteCache> {
    match text {
        "write back" => Some(WriteCache::WriteBack),
        "write through" => Some(WriteCache::WriteThrough),
        _ => None,
    }
}

/// Gives each device the file systems on it, on its partitions and on everything built on them.
fn join(devices: &mut [DeviceFacts], filesystems: &[FsFacts]) {
    let index: BTreeMap<String, usize> =
        devices.iter().enumerate().map(|(i, d)| (d.name.clone(), i)).collect();
    for at in 0..devices.len() {
        let stack = stack_above(devices, &index, at);
        let lies_on = |fs: &&FsFacts| stack.iter().any(|i| is_on(fs, &devices[*i]));
        let found: Vec<FsFacts> = filesystems.iter().filter(lies_on).cloned().collect();
        devices[at].filesystems = found;
    }
}

/// A device and all its holders, each once.
fn stack_above(
    devices: &[DeviceFacts],
    index: &BTreeMap<String, usize>,
    from: usize,
) -> Vec<usize> {
    let mut stack = vec![from];
    let mut next = 0;
    while let Some(at) = stack.get(next).copied() {
        for holder in devices[at].holders.iter().filter_map(|name| index.get(name)) {
            if !stack.contains(holder) {
                stack.push(*holder);
            }
        }
        next += 1;
    }
    stack
}

fn is_on(fs: &FsFacts, device: &DeviceFacts) -> bool {
    if fs.dev.major != 0 {
        return fs.dev == device.dev || device.partitions.iter().any(|p| p.dev == fs.dev);
    }
    // btrfs has an anonymous device number: only the name of what was mounted tells.
    let Some(source) = fs.source.strip_prefix("/dev/") else { return false };
    source == device.name
        || device.partitions.iter().any(|p| p.name == source)
        || source
            .strip_prefix("mapper/")
            .is_some_and(|name| device.dm_name.as_deref() == Some(name))
}

fn names_in(dir: &Path) -> io::Result<Vec<String>> {
    let entries = std::fs::read_dir(dir)?.filter_map(Result::ok);
    Ok(entries.filter_map(|e| e.file_name().into_string().ok()).collect())
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
#[path = "devices_tests.rs"]
mod tests;
