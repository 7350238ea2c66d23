//! How low, or how high, a setting may be: below lies what stops the limited one for good and whoever waits for it.
//!
//! Owns the table. A floor is asked when a change is planned; what is taken back is written whatever it is.

use thiserror::Error;

use super::kernel_text::{self, NotUnderstood};
use super::{Item, Values};
use crate::change::Change;

/// A task that stands still for longer is what the kernel calls hung (`hung_task_timeout_secs`, kernel/hung_task.c), s.
const HUNG_S: u64 = 120;
/// The largest request that a queue makes by default: `BLK_DEF_MAX_SECTORS_CAP` (include/linux/blkdev.h, 6.12), bytes.
const LARGEST_REQUEST: u64 = 4 << 20;
/// Requests of a queue by default: `BLKDEV_DEFAULT_RQ` (include/linux/blkdev.h).
const REQUESTS: u64 = 128;
/// Of memory that is not page cache, what a ceiling must leave above it: percent.
const MARGIN_PERCENT: u64 = 10;

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// The file, or the kernel parameter.
    pub file: &'static str,
    /// The key within a line; `""` for a file of one value.
    pub key: &'static str,
    /// The least that is accepted, in the file's own unit.
    pub least: u64,
    /// Whether 0 is accepted, which switches the setting off.
    pub zero_is_off: bool,
    /// Why not less: the rule and its source.
    pub why: &'static str,
}

const fn row(
    file: &'static str,
    key: &'static str,
    least: u64,
    zero_is_off: bool,
    why: &'static str,
) -> Floor {
    Floor { file, key, least, zero_is_off, why }
}

const BYTES: &str = "a request of 4 MiB (BLK_DEF_MAX_SECTORS_CAP) would take longer than half of hung_task_timeout_secs, and whoever waits for it too";
const REQUESTS_PER_S: &str = "a queue of 128 requests (BLKDEV_DEFAULT_RQ) would take longer than a tenth of hung_task_timeout_secs";
const WEIGHT: &str = "a weight is 1 at least (cgroup-v2.rst)";
const DIRTY: &str = "with fewer dirty pages every writer of the host stands still for the disk at nearly every write (mm/page-writeback.c, balance_dirty_pages)";
const PERCENT: &str = "0 percent lets no page be dirty, and stops every writer of the host";
const PERIOD: &str = "dirty pages would be written all the time; 0 ends periodic writeback (admin-guide/sysctl/vm.rst)";

/// The table. Files that are not in it have no floor but the kernel's own.
pub const FLOORS: [Floor; 17] = [
    row("io.max", "rbps", 100_000, false, BYTES),
    row("io.max", "wbps", 100_000, false, BYTES),
    row("io.max", "riops", 12, false, REQUESTS_PER_S),
    row("io.max", "wiops", 12, false, REQUESTS_PER_S),
    row("io.weight", "", 1, false, WEIGHT),
    row("io.bfq.weight", "", 1, false, WEIGHT),
    row(
        "io.latency",
        "target",
        10,
        true,
        "no disk answers within 10 us: all peers would be held at one request for good (block/blk-iolatency.c)",
    ),
    row(
        "memory.high",
        "",
        16 << 20,
        false,
        "a program without 16 MiB for its pages stands in reclaim (mm/memcontrol.c, mem_cgroup_handle_over_high)",
    ),
    row("nr_requests", "", 1, false, "a queue without requests does nothing"),
    row("max_sectors_kb", "", 4, false, "a request holds a page at least (block/blk-sysfs.c)"),
    row(
        "wbt_lat_usec",
        "",
        1_000,
        true,
        "half of the kernel's own least default, 2 ms (block/blk-wbt.c): below, writeback is held at one request for good",
    ),
    row("vm/dirty_bytes", "", 4 << 20, false, DIRTY),
    row("vm/dirty_background_bytes", "", 1 << 20, false, DIRTY),
    row("vm/dirty_ratio", "", 1, false, PERCENT),
    row("vm/dirty_background_ratio", "", 1, false, PERCENT),
    row("vm/dirty_expire_centisecs", "", 100, false, PERIOD),
    row("vm/dirty_writeback_centisecs", "", 100, false, PERIOD),
];

const _: () = assert!(
    LARGEST_REQUEST / (HUNG_S / 2) <= FLOORS[0].least
        && REQUESTS / (HUNG_S / 10) <= FLOORS[2].least,
    "the table says where its floors come from"
);

/// Why a change is not made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// A number below its floor.
    #[error("{asked} is below the floor of {least}: {why}")]
    Below {
        /// What was asked for.
        asked: u64,
        /// The floor.
        least: u64,
        /// Why.
        why: String,
    },
    /// A class that raises others.
    #[error(
        "{0} gives the cgroup real-time priority, and that could starve the host (block/ioprio.c); restrict-to-be, idle and no-change can be set"
    )]
    RealTime(String),
}

/// Whether what a planned change asks for lies below a floor. `in_use` is the memory of the cgroup that only swapping could free, in
/// bytes; unknown where it cannot be read.
pub fn check(item: &Item, in_use: Option<u64>) -> Result<(), Refused> {
    for cell in &item.cells {
        let Some(wanted) = &cell.wanted else { continue };
        let (file, value) = match &item.change {
            Change::CgroupDevice { file, .. }
            | Change::Cgroup { file, .. }
            | Change::Queue { file, .. } => (file.as_str(), wanted.as_str()),
            Change::Sysctl { name, .. } => pair_member(name, wanted),
            Change::IoPriority { .. } => continue,
        };
        if file == "io.prio.class" && kernel_text::is_real_time(value) {
            return Err(Refused::RealTime(value.to_owned()));
        }
        // Words such as `max`, `default` and a scheduler's name limit nothing.
        let Ok(asked) = value.parse::<u64>() else { continue };
        let floor = FLOORS.iter().find(|floor| floor.file == file && floor.key == cell.part);
        if let Some(floor) = floor
            && asked < floor.least
            && !(asked == 0 && floor.zero_is_off)
        {
            let (least, why) = (floor.least, floor.why.to_owned());
            return Err(Refused::Below { asked, least, why });
        }
        if let Some(used) = in_use.filter(|_| file == "memory.high") {
            let least = used.saturating_add(used / 100 * MARGIN_PERCENT);
            if asked < least {
                let why = format!(
                    "{used} bytes of it are in use and not page cache, and {MARGIN_PERCENT} percent above that are left: below, the program stands in reclaim"
                );
                return Err(Refused::Below { asked, least, why });
            }
        }
    }
    Ok(())
}

/// Which of a pair a value is about.
fn pair_member<'a>(name: &'a str, value: &'a str) -> (&'a str, &'a str) {
    match kernel_text::pair_of(name) {
        Some(pair) => kernel_text::write_pair(pair, value).unwrap_or((name, value)),
        None => (name, value),
    }
}

/// Memory that only swapping could free, from `memory.stat` (admin-guide/cgroup-v2.rst), bytes.
pub fn memory_in_use(stat: &str) -> Result<u64, NotUnderstood> {
    let fields: Values = stat
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
        .collect();
    let bytes = |key: &str| fields.get(key).and_then(|text| text.parse::<u64>().ok());
    let anon = bytes("anon").ok_or(NotUnderstood)?;
    Ok(anon.saturating_add(bytes("shmem").unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Dev;

    fn plan(change: Change, now: &[(&str, &str)]) -> Item {
        let now = now.iter().map(|(part, value)| ((*part).to_owned(), (*value).to_owned()));
        Item::plan(change, &now.collect()).unwrap().unwrap()
    }

    fn cgroup(file: &str, value: &str) -> Change {
        Change::Cgroup { cgroup: "/a".into(), file: file.into(), value: value.into() }
    }

    // Property: what the table lists is refused one below its floor and accepted at it, 0 only where it switches off.
    #[test]
    fn every_floor_holds() {
        for floor in FLOORS {
            let ask = |value: u64| {
                let value = value.to_string();
                let keyed = |key: &str| {
                    if key.is_empty() { value.clone() } else { format!("{key}={value}") }
                };
                let (file, device) = (floor.file.to_owned(), Dev { major: 8, minor: 0 });
                let (change, now) = match floor.file {
                    "io.max" | "io.latency" => (
                        Change::CgroupDevice {
                            cgroup: "/a".into(),
                            file,
                            device,
                            value: keyed(floor.key),
                        },
                        vec![(floor.key, "max")],
                    ),
                    "io.weight" | "io.bfq.weight" | "memory.high" => {
                        (cgroup(&file, &value), vec![("", "max")])
                    }
                    name if name.starts_with("vm/") => {
                        (Change::Sysctl { name: file, value: value.clone() }, vec![("", "other")])
                    }
                    _ => (
                        Change::Queue { device: "vda".into(), file, value: value.clone() },
                        vec![("", "other")],
                    ),
                };
                check(&plan(change, &now), None)
            };
            assert_eq!(ask(floor.least), Ok(()), "{floor:?}");
            // The kernel itself makes 4 requests of fewer.
            if floor.file != "nr_requests" {
                assert_eq!(
                    ask(floor.least - 1).is_err(),
                    floor.least > 1 || !floor.zero_is_off,
                    "{floor:?}"
                );
                assert_eq!(ask(0).is_ok(), floor.zero_is_off, "{floor:?}");
            }
        }
    }

    // Property: real time is refused, the classes that lower are not.
    #[test]
    fn no_cgroup_is_raised_to_real_time() {
        for (class, ok) in [
            ("promote-to-rt", false),
            ("none-to-rt", false),
            ("restrict-to-be", true),
            ("idle", true),
        ] {
            let item = plan(cgroup("io.prio.class", class), &[("", "no-change")]);
            assert_eq!(check(&item, None).is_ok(), ok, "{class}");
        }
    }

    // Property: a ceiling leaves a tenth above what is in use, says so, and page cache is not in use.
    #[test]
    fn a_ceiling_stays_above_what_is_in_use() {
        let used = memory_in_use("anon 104857600\nfile 999999999\nshmem 0\n").unwrap();
        assert_eq!(used, 100 << 20);
        let ask = |mib: u64| {
            check(&plan(cgroup("memory.high", &format!("{mib}M")), &[("", "max")]), Some(used))
        };
        assert_eq!(ask(110), Ok(()));
        let error = ask(109).unwrap_err().to_string();
        assert!(error.contains("floor of 115343360") && error.contains("10 percent"), "{error}");
        assert!(memory_in_use("file 1\n").is_err());
    }
}
