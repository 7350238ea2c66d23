//! Who is in the cgroups and units that were named.
//!
//! A process is looked at when the watch begins, when it starts and when it first does something. One that is moved
//! into a cgroup while it runs gives no sign of it, so everybody's cgroup is read again and again.

use crate::host::{self, HostRoot};

/// How often at most.
const PERIOD_NS: u64 = 1_000_000_000;
/// A look may take this part of the time between two looks: a host may have thousands of processes.
const SHARE: u64 = 100;

/// When to look next.
#[derive(Default)]
pub(super) struct Members {
    due_ns: u64,
}

impl Members {
    /// Processes that moved in, when it is time to look.
    pub(super) fn moved_in(
        &mut self,
        root: &HostRoot,
        is_new: impl Fn(u32, &iocontend_core::cgroup::CgroupPaths) -> bool,
        clock: impl Fn() -> u64,
    ) -> Vec<u32> {
        let begin = clock();
        if begin < self.due_ns {
            return Vec::new();
        }
        let pids = host::list_pids(root).unwrap_or_default().into_iter();
        let moved = pids
            .filter(|pid| host::read_cgroup(root, *pid).is_some_and(|paths| is_new(*pid, &paths)))
            .collect();
        self.due_ns = begin + PERIOD_NS.max((clock() - begin) * SHARE);
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    /// Property: version 1 and version 2 are read, nothing is read before its time, and the time grows with the cost.
    #[test]
    fn it_looks_again_when_it_is_time() {
        let host = FakeHost::new();
        host.process(7, b"a", 1, 0);
        host.process(8, b"b", 1, 0);
        host.process(9, b"c", 1, 0);
        host.write("proc/7/cgroup", "4:memory:/a\n");
        host.write("proc/8/cgroup", "0::/a/below\n");
        host.write("proc/9/cgroup", "0::/ab\n");
        let is_new =
            |_: u32, paths: &iocontend_core::cgroup::CgroupPaths| paths.is_at_or_below("/a");
        let mut members = Members::default();
        let mut look = |now| {
            let mut found = members.moved_in(&host.root, is_new, || now);
            found.sort_unstable();
            found
        };
        assert_eq!(look(10), [7, 8]);
        assert_eq!(look(PERIOD_NS), [0; 0]);
        assert_eq!(look(10 + PERIOD_NS), [7, 8]);
        let time = std::cell::Cell::new(0);
        let slow = || time.replace(time.get() + 50_000_000);
        let mut members = Members::default();
        members.moved_in(&host.root, is_new, slow);
        assert_eq!(members.due_ns, 50_000_000 * SHARE);
    }
}
