//! Which of three causes made syncs long, by whom their time is charged to: nobody else, a neighbour on the same disk, or one in
//! the same journal. Their parts alone cannot tell: a commit that waits for a busy disk is `journal_log`, whoever made it busy.
//!
//! Pure, so that recordings show that each cause is taken for itself and for no other.

use iocontend_core::ids::{Call, Role};
use iocontend_core::report::{Blame, Mechanism, Report, SELF, UNEXPLAINED};

/// Neighbours that are charged with less than this are none.
const NONE: f64 = 0.05;
/// From this share on a neighbour matters, as for the findings (`profiler/docs/findings.md`).
const MATTERS: f64 = 0.2;
/// A neighbour in the journal is charged with at least this part of its share by what it wrote, ...
const WRITER: f64 = 0.3;
/// ... and one that only shares the disk with less than this, since its own writes are few or in another journal.
const NO_WRITER: f64 = 0.2;

/// Why somebody's syncs are as long as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody else is charged.
    Alone,
    /// Others' requests are served before its own or make the device slower.
    SharesTheDisk,
    /// Others' blocks are in the commits that it needs, or in the cache that it flushes.
    SharesTheJournal,
}

/// What the time of somebody's syncs is charged to, without the CPU. Nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charged {
    /// All of it.
    pub all_ns: u64,
    /// To others with a name, by sharing the disk.
    pub by_sharing_ns: u64,
    /// To others with a name, by what they wrote: in the journal or in the device's cache.
    pub by_writing_ns: u64,
    /// To others with a name, in another way.
    pub otherwise_ns: u64,
}

impl Charged {
    /// Of a process's syncs in some windows.
    pub fn of(windows: &[Report], pid: u32) -> Self {
        let mut charged = Self::default();
        for report in windows {
            let victim = |id: &str| report.actor(id).is_some_and(|actor| actor.pid == Some(pid));
            let rows = report.blame.iter().flatten();
            rows.filter(|row| victim(&row.victim)).for_each(|row| charged.add(report, row));
        }
        charged
    }

    fn add(&mut self, report: &Report, row: &Blame) {
        let is_sync = matches!(row.victim_call, Call::Fsync | Call::Fdatasync);
        if !is_sync || row.mechanism == Mechanism::Cpu {
            return;
        }
        self.all_ns += row.wait_ns;
        if !is_named(report, &row.culprit) {
            return;
        }
        *match row.mechanism {
            Mechanism::Queue | Mechanism::Device => &mut self.by_sharing_ns,
            Mechanism::Journal | Mechanism::Flush => &mut self.by_writing_ns,
            _ => &mut self.otherwise_ns,
        } += row.wait_ns;
    }

    /// The cause; `None` where the figures are between two of them.
    pub fn why(&self) -> Option<Why> {
        let others_ns = self.by_sharing_ns + self.by_writing_ns + self.otherwise_ns;
        let (others, writing) =
            (share(others_ns, self.all_ns), share(self.by_writing_ns, others_ns));
        match self.all_ns {
            0 => None,
            _ if others < NONE => Some(Why::Alone),
            _ if others < MATTERS => None,
            _ if writing >= WRITER => Some(Why::SharesTheJournal),
            _ if writing < NO_WRITER => Some(Why::SharesTheDisk),
            _ => None,
        }
    }
}

/// Whether a culprit is another process.
fn is_named(report: &Report, culprit: &str) -> bool {
    let nobody = |role| matches!(role, Role::Kernel | Role::Unattributed);
    ![SELF, UNEXPLAINED].contains(&culprit)
        && report.actor(culprit).is_some_and(|actor| !nobody(actor.role))
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::yardstick::golden::unpack;

    /// Of the intervals of a recording of the yardstick: the cause for each target, as long as it has syncs.
    fn causes(recording: &str) -> Vec<Option<Why>> {
        let file = format!("yardstick/{recording}.golden.gz");
        let packed = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let mut reports: Vec<Report> = unpack(&packed)
            .unwrap()
            .iter()
            .map(|line| Report::from_json(line.as_bytes()).unwrap())
            .collect();
        let whole = reports.pop().unwrap();
        let targets = whole.targets.iter().flat_map(|target| &target.actors);
        let pids = targets.filter_map(|id| whole.actor(id)?.pid);
        let charged = pids.map(|pid| Charged::of(&reports, pid));
        charged.filter(|one| one.all_ns > 0).map(|one| one.why()).collect()
    }

    // Property: where it is known who was there, that is the cause, and neither of the other two.
    #[test]
    fn each_cause_is_told_from_the_others() {
        for alone in
            ["alone", "alone-log-only", "innocent-other-disk", "innocent-cpu", "own-io-max"]
        {
            assert_eq!(causes(alone), [Some(Why::Alone)], "{alone}");
        }
        // A copy that reads past the page cache, beside a log.
        assert_eq!(causes("demo"), [Some(Why::SharesTheDisk)]);
        for journal in ["audit-log", "direct-write", "mmap"] {
            assert_eq!(causes(journal), [Some(Why::SharesTheJournal)], "{journal}");
        }
    }

    // Property: a neighbour that hardly matters, and figures between two causes, are none of them.
    #[test]
    fn what_is_between_two_causes_is_none() {
        let of = |by_sharing_ns, by_writing_ns| Charged {
            all_ns: 100,
            by_sharing_ns,
            by_writing_ns,
            otherwise_ns: 0,
        };
        assert_eq!(of(0, 4).why(), Some(Why::Alone));
        assert_eq!(
            (of(10, 5).why(), of(30, 10).why(), Charged::default().why()),
            (None, None, None)
        );
        assert_eq!(of(40, 2).why(), Some(Why::SharesTheDisk));
        assert_eq!(of(20, 20).why(), Some(Why::SharesTheJournal));
        assert_eq!(causes("buffered-same-fs"), [None]);
    }
}
