//! How the kernel prints and takes the settings that a lease may touch, in one form that can be compared.
//!
//! Owns the list of files that may be written at all. Sources: Documentation/admin-guide/cgroup-v2.rst,
//! block/blk-throttle.c, block/blk-iocost.c, block/bfq-cgroup.c, block/blk-iolatency.c, block/elevator.c,
//! mm/page-writeback.c, include/uapi/linux/ioprio.h (Linux 6.1 and 6.12).

use thiserror::Error;

use super::Values;
use crate::change::Change;
use crate::ids::Dev;

/// A value that is not in a form known here. What cannot be read back cannot be restored, so it is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the value is not in a form that could be restored")]
pub struct NotUnderstood;

/// Limits of `io.max`; one that a line does not name is `max`.
const IO_MAX: [&str; 4] = ["rbps", "wbps", "riops", "wiops"];
/// A page: memory limits are rounded down to it (mm/page_counter.c). 4096 on x86-64.
const PAGE: u64 = 4096;
/// Requests that a queue has at least.
const MIN_REQUESTS: u64 = 4;
/// Settings of a queue that switching the scheduler resets (block/elevator.c, block/blk-wbt.c).
pub const BESIDE_SCHEDULER: [&str; 2] = ["nr_requests", "wbt_lat_usec"];
/// The folder of a scheduler's own settings, which go with it (block/elevator.c, `elv_unregister_queue`).
pub const OF_SCHEDULER: &str = "iosched";

/// Whether a part is one of those that switching the scheduler resets.
pub fn is_beside_scheduler(part: &str) -> bool {
    let own = part.strip_prefix(OF_SCHEDULER).and_then(|rest| rest.strip_prefix('/'));
    let is_name = |name: &str| !name.is_empty() && !name.contains(['/', '.', '\0']);
    BESIDE_SCHEDULER.contains(&part) || own.is_some_and(is_name)
}

/// A limit in bytes and one in percent, of which setting one zeroes the other. The zero cannot be written back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The one in bytes.
    pub bytes: &'static str,
    /// The one in percent of the memory that may be dirty.
    pub percent: &'static str,
}

const PAIRS: [Pair; 2] = [
    Pair { bytes: "vm/dirty_bytes", percent: "vm/dirty_ratio" },
    Pair { bytes: "vm/dirty_background_bytes", percent: "vm/dirty_background_ratio" },
];

/// The pair that a kernel parameter belongs to.
pub fn pair_of(name: &str) -> Option<Pair> {
    PAIRS.into_iter().find(|pair| pair.bytes == name || pair.percent == name)
}

/// Whether a change is of a kind and file that may be written.
pub fn is_allowed(change: &Change) -> bool {
    match change {
        Change::CgroupDevice { file, .. } => {
            matches!(file.as_str(), "io.max" | "io.weight" | "io.bfq.weight" | "io.latency")
        }
        Change::Cgroup { file, .. } => {
            matches!(file.as_str(), "io.weight" | "io.bfq.weight" | "io.prio.class" | "memory.high")
        }
        Change::Queue { file, .. } => matches!(
            file.as_str(),
            "scheduler" | "wbt_lat_usec" | "nr_requests" | "read_ahead_kb" | "max_sectors_kb"
        ),
        Change::Sysctl { name, .. } => {
            pair_of(name).is_some()
                || matches!(
                    name.as_str(),
                    "vm/dirty_expire_centisecs" | "vm/dirty_writeback_centisecs"
                )
        }
        // Real time could starve the host; class none is what undo writes.
        Change::IoPriority { class, level, .. } => matches!(class, 2 | 3) && *level < 8,
    }
}

/// Whether a change is one that a lease can make, as far as that can be told without the host.
#[cfg(test)]
pub(crate) fn is_possible(change: &Change) -> bool {
    is_allowed(change) && wanted(change, &Values::new()).is_ok()
}

/// The values that a change asks for, by part, normalised; `None` for a part that must be restored with the others.
pub(super) fn wanted(
    change: &Change,
    now: &Values,
) -> Result<Vec<(String, Option<String>)>, NotUnderstood> {
    let one = |value: String| vec![(String::new(), Some(value))];
    Ok(match change {
        Change::CgroupDevice { file, value, .. } => device_parts(file, value)?
            .into_iter()
            .map(|(part, value)| (part, Some(value)))
            .collect(),
        Change::Cgroup { file, value, .. } if file == "memory.high" => one(memory(value)?),
        Change::Cgroup { file, value, .. } if file == "io.prio.class" => one(prio_class(value)?),
        Change::Queue { file, value, .. } if file == "scheduler" => {
            let beside = now.keys().filter(|part| !part.is_empty());
            let own = one(word(value)?).into_iter();
            own.chain(beside.map(|part| (part.clone(), None))).collect()
        }
        // A weight may be written with the word before it; it is printed so.
        Change::Cgroup { value, .. } => {
            one(number(value.strip_prefix("default ").unwrap_or(value))?)
        }
        Change::Queue { file, value, .. } => one(rounded(file, &number(value)?)),
        Change::Sysctl { name, value } => one(match pair_of(name) {
            Some(pair) => pair_value(pair.bytes == name, &number(value)?),
            None => number(value)?,
        }),
        Change::IoPriority { class, level, .. } => {
            let value = (u32::from(*class) << 13 | u32::from(*level)).to_string();
            now.keys().map(|part| (part.clone(), Some(value.clone()))).collect()
        }
    })
}

/// What a device has in a cgroup's file with a line for each.
pub fn read_device(file: &str, device: Dev, text: &str) -> Result<Values, NotUnderstood> {
    let number = format!("{}:{}", device.major, device.minor);
    let line = text.lines().find_map(|line| line.strip_prefix(&number)?.strip_prefix(' '));
    let mut values = defaults(file);
    if let Some(line) = line {
        values.extend(device_parts(file, line)?);
    }
    Ok(values)
}

/// What a device without a line has.
fn defaults(file: &str) -> Values {
    match file {
        "io.max" => IO_MAX.iter().map(|key| ((*key).to_owned(), "max".to_owned())).collect(),
        "io.latency" => [("target".to_owned(), "0".to_owned())].into(),
        _ => [(String::new(), "default".to_owned())].into(),
    }
}

/// The parts of a line, without the device's number.
fn device_parts(file: &str, line: &str) -> Result<Values, NotUnderstood> {
    let mut values = Values::new();
    for field in line.split_ascii_whitespace() {
        let (key, value) = field.split_once('=').unwrap_or(("", field));
        let value = match (file, key, value) {
            ("io.max", key, "max") if IO_MAX.contains(&key) => value.to_owned(),
            ("io.max", key, _) if IO_MAX.contains(&key) => number(value)?,
            ("io.weight" | "io.bfq.weight", "", "default") => value.to_owned(),
            ("io.latency", "target", _) | ("io.weight" | "io.bfq.weight", "", _) => number(value)?,
            _ => return Err(NotUnderstood),
        };
        if values.insert(key.to_owned(), value).is_some() {
            return Err(NotUnderstood);
        }
    }
    if values.is_empty() { Err(NotUnderstood) } else { Ok(values) }
}

/// The line that sets parts of a device.
pub fn device_line(device: Dev, parts: &Values) -> String {
    let mut line = format!("{}:{}", device.major, device.minor);
    for (key, value) in parts {
        line.push(' ');
        if !key.is_empty() {
            line.push_str(key);
            line.push('=');
        }
        line.push_str(value);
    }
    line
}

/// The value of a file of a cgroup.
pub fn read_cgroup(file: &str, text: &str) -> Result<String, NotUnderstood> {
    match file {
        "memory.high" => memory(text.trim()),
        "io.prio.class" => prio_class(text.trim()),
        _ => {
            let line = text.lines().find_map(|line| line.strip_prefix("default "));
            number(line.unwrap_or(text).trim())
        }
    }
}

/// The value of a file of a disk's queue. The active scheduler stands in brackets, or alone.
pub fn read_queue(file: &str, text: &str) -> Result<String, NotUnderstood> {
    if file != "scheduler" {
        return number(text.trim());
    }
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let active = words.iter().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
    word(active.or_else(|| (words.len() == 1).then(|| words[0])).ok_or(NotUnderstood)?)
}

/// The value of a kernel parameter.
pub fn read_sysctl(text: &str) -> Result<String, NotUnderstood> {
    number(text.trim())
}

/// The value of a pair, from both: the one in percent counts while the one in bytes is 0.
pub fn read_pair(bytes: &str, percent: &str) -> Result<String, NotUnderstood> {
    let bytes = number(bytes.trim())?;
    Ok(if bytes == "0" {
        pair_value(false, &number(percent.trim())?)
    } else {
        pair_value(true, &bytes)
    })
}

fn pair_value(in_bytes: bool, number: &str) -> String {
    format!("{} {number}", if in_bytes { "bytes" } else { "percent" })
}

/// Which of a pair is to be written, and what.
pub fn write_pair(pair: Pair, value: &str) -> Option<(&'static str, &str)> {
    match value.split_once(' ')? {
        ("bytes", number) => Some((pair.bytes, number)),
        ("percent", number) => Some((pair.percent, number)),
        _ => None,
    }
}

/// What the kernel makes of a queue's number, where that is known beforehand: then a run that is killed between the write and the
/// look at what came of it is taken back all the same. Read-ahead is whole pages (block/blk-sysfs.c, `queue_ra_store`), requests are
/// `BLKDEV_MIN_RQ` = 4 at least (include/linux/blkdev.h). What is not known here is read back ([`super::Item::settle`]).
fn rounded(file: &str, text: &str) -> String {
    let Ok(number) = text.parse::<u64>() else { return text.to_owned() };
    let rounded = match file {
        "read_ahead_kb" => number / (PAGE >> 10) * (PAGE >> 10),
        "nr_requests" => number.max(MIN_REQUESTS),
        _ => number,
    };
    rounded.to_string()
}

/// A whole number without leading zeros.
fn number(text: &str) -> Result<String, NotUnderstood> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotUnderstood);
    }
    text.parse::<u64>().map(|number| number.to_string()).map_err(|_too_large| NotUnderstood)
}

/// A size with or without a suffix (lib/cmdline.c), or `max`.
fn memory(text: &str) -> Result<String, NotUnderstood> {
    if text == "max" {
        return Ok(text.to_owned());
    }
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 20),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let count: u64 = number(digits)?.parse().map_err(|_no_number| NotUnderstood)?;
    let bytes = count.checked_mul(1 << shift).ok_or(NotUnderstood)?;
    Ok((bytes / PAGE * PAGE).to_string())
}

/// Printed as written (block/blk-ioprio.c); 6.1 has no `promote-to-rt`.
fn prio_class(text: &str) -> Result<String, NotUnderstood> {
    let known = ["no-change", "promote-to-rt", "restrict-to-be", "idle", "none-to-rt"];
    if known.contains(&text) { Ok(text.to_owned()) } else { Err(NotUnderstood) }
}

/// Whether a class of `io.prio.class` raises the cgroup's requests (`none-to-rt` is the older name, block/blk-ioprio.c).
pub(super) fn is_real_time(class: &str) -> bool {
    matches!(class, "promote-to-rt" | "none-to-rt")
}

/// A scheduler's name.
fn word(text: &str) -> Result<String, NotUnderstood> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !text.is_empty() && text.len() < 16 && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err(NotUnderstood)
    }
}

#[cfg(test)]
#[path = "kernel_text_tests.rs"]
mod tests;
