//! What the programs cost, as the kernel counts it.

use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};

use aya::maps::Map;

/// One program's counters (`/proc/self/fdinfo`, kernel/bpf/syscall.c `bpf_prog_show_fdinfo`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunStats {
    /// Runs while statistics were on.
    pub run_cnt: u64,
    /// Time in those, ns.
    pub run_ns: u64,
    /// Runs skipped because the same program was running on that CPU: a loss.
    pub recursion_misses: Option<u64>,
}

/// Reads a program's counters. `None` when the kernel does not show them.
pub fn of_program(fd: BorrowedFd<'_>) -> Option<RunStats> {
    parse(&fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).ok()?)
}

/// Memory of a map as the kernel counts it (`memlock` in fdinfo), bytes.
pub fn of_map(map: &Map) -> Option<u64> {
    let (Map::Array(data) | Map::HashMap(data) | Map::PerCpuArray(data) | Map::RingBuf(data)) = map
    else {
        return None;
    };
    let fd = data.fd().as_fd().as_raw_fd();
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("memlock:"))?;
    line.trim().parse().ok()
}

fn parse(text: &str) -> Option<RunStats> {
    let value = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key == name).then(|| value.trim().parse().ok()).flatten()
        })
    };
    Some(RunStats {
        run_cnt: value("run_cnt")?,
        run_ns: value("run_time_ns")?,
        recursion_misses: value("recursion_misses"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_and_a_missing_one_is_not_zero() {
        let text = "pos:\t0\nprog_id:\t7\nrun_time_ns:\t1200\nrun_cnt:\t3\nverified_insns:\t90\n";
        let expected = RunStats { run_cnt: 3, run_ns: 1200, recursion_misses: None };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse("pos:\t0\n"), None);
    }
}
