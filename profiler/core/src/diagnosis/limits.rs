//! Every limit and threshold by which more than one rule judges, each with its source. One that a single rule has stands in the
//! rule's file; `profiler/docs/findings.md` has all of them for readers, and tests hold it to both.

use crate::ids::{FileClass, Role};
use crate::report::Severity;

/// Milliseconds in nanoseconds.
const MS: u64 = 1_000_000;

/// p99 of the WAL's syncs: etcd's FAQ (etcd.io/docs/v3.6/faq, "What does the etcd warning 'failed to send out
/// heartbeat on time' mean?") wants less than 10 ms. Also the line for syncs of whoever is no etcd.
pub(crate) const SYNC_NS: u64 = 10 * MS;
/// p99 of the backend's commits: the same page ("What does 'apply entries took too long' mean?") wants less than 25 ms.
/// A commit is more than the sync of the database that is measured here, so this is a lenient line.
pub(crate) const COMMIT_NS: u64 = 25 * MS;
/// Service suffers: etcd's default heartbeat interval (etcd.io/docs/v3.6/tuning). A leader that has to write before it
/// sends one is late with it.
pub(crate) const HEARTBEAT_NS: u64 = crate::etcd_heartbeat::DEFAULT_NS;
/// A single wait of this length may cost the leader its place: etcd's default election timeout (the same page).
pub(crate) const ELECTION_NS: u64 = 1_000 * MS;
/// A single sync as long as the victim's heartbeat interval, [`HEARTBEAT_NS`] where its command line and environment say nothing else,
/// is a stall. What others take of one counts from here on, whatever interval is set: half of the default. Our own choice.
pub(crate) const STALL_FLOOR_NS: u64 = 50 * MS;
/// Below this mean nobody is worth blaming: a tenth of the WAL's line. Our own choice.
pub(crate) const WORTH_NS: u64 = MS;

/// A culprit that takes this share of a wait matters. Our own choice; the lab checks from there on that the right one
/// is ranked first (`profiler/docs/results/2026-11-lab.md`).
pub(crate) const SHARE: f64 = 0.2;
/// From this share on it is the main reason.
pub(crate) const MOST: f64 = 0.5;
/// Culprits below this share are not named in a sentence.
pub(crate) const NAMED: f64 = 0.05;

/// Fewer waits than this say nothing of a 99th percentile. Our own choice, as are the two below.
pub(crate) const ENOUGH: u64 = 30;
/// So few suffice where the victim waited for [`LONG`] of the window: a stalled disk completes little.
pub(crate) const ENOUGH_LONG: u64 = 5;
/// See [`ENOUGH_LONG`].
pub(crate) const LONG: f64 = 0.1;
/// From so many waits on a 99th percentile is taken as it is.
pub(crate) const MANY: u64 = 100;

/// More lost events than this share, and nobody is blamed.
pub(crate) const LOST: f64 = 0.1;

/// Fewer long writes or faults than this are an accident. Our own choice.
pub(crate) const SOME: u64 = 3;
/// Waits on either side from which their means are compared. Our own choice.
pub(crate) const SIDE: u64 = 10;
/// Culprits that a verdict names and that advice looks at, at most. Our own choice: what a person reads.
pub(crate) const FIRST: usize = 3;

/// Confidence at most: nothing measured on a running host is certain.
pub(crate) const AT_BEST: f64 = 0.95;
/// Nobody's bytes below this share are not worth a caveat. Our own choice.
pub(crate) const UNATTRIBUTED: f64 = 0.05;
/// An unknown share of a wait below this is not worth a caveat. Our own choice.
pub(crate) const UNKNOWN: f64 = 0.2;

/// What is expected to change less than to this part of a wait is not worth the risk of acting. Our own choice.
pub(crate) const WORTH: f64 = 0.8;
/// Share of a victim's waits from which faults and reads of its database are worth memory. Our own choice.
pub(crate) const LOOKUPS: f64 = 0.1;
/// The least of them that is more than the start of a member. Our own choice.
pub(crate) const LOOKUPS_NS: u64 = 500 * MS;

/// How long waits are, against the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Below the line.
    Fine,
    /// Above it.
    Above,
    /// At the scale of heartbeats or elections.
    Far,
}

/// The line of syncs on a class of files; `None` where none is known.
pub(crate) fn of(role: Role, class: FileClass) -> Option<u64> {
    match (role, class) {
        (Role::Etcd, FileClass::Db) => Some(COMMIT_NS),
        (Role::Etcd, FileClass::Wal) => Some(SYNC_NS),
        // Raft snapshots and the rest are written beside the work that clients wait for.
        (Role::Etcd, _) => None,
        _ => Some(SYNC_NS),
    }
}

/// Where a 99th percentile and the longest wait stand.
pub(crate) fn level(limit_ns: u64, p99_ns: u64, max_ns: u64) -> Level {
    if p99_ns >= HEARTBEAT_NS || max_ns >= ELECTION_NS {
        Level::Far
    } else if p99_ns >= limit_ns {
        Level::Above
    } else {
        Level::Fine
    }
}

/// How much a cause matters that makes this share of waits of this level, and so much of each of them; `None` when it
/// is not worth a word.
pub(crate) fn severity(level: Level, share: f64, each_ns: u64) -> Option<Severity> {
    if share < SHARE {
        return None;
    }
    match level {
        Level::Far if share >= MOST => Some(Severity::Critical),
        Level::Far | Level::Above => Some(Severity::Warning),
        Level::Fine => (each_ns >= WORTH_NS).then_some(Severity::Info),
    }
}

/// Fails unless the page says this of a limit.
#[cfg(test)]
pub(crate) fn on_the_page(what: &str, value: &str) {
    const PAGE: &str = include_str!("../../../docs/findings.md");
    let row = format!("| {what} | {value} |");
    assert!(PAGE.contains(&row), "profiler/docs/findings.md lacks {row}");
}

/// A share as the page has it.
#[cfg(test)]
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", (share * 100.0).round())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Property: a share alone is no reason, nor is a long wait alone.
    #[test]
    fn severity_needs_share_and_length() {
        assert_eq!(severity(Level::Far, 0.19, u64::MAX), None);
        assert_eq!(severity(Level::Fine, 1.0, WORTH_NS - 1), None);
        assert_eq!(severity(Level::Fine, 1.0, WORTH_NS), Some(Severity::Info));
        assert_eq!(severity(Level::Above, 0.9, 0), Some(Severity::Warning));
        assert_eq!(severity(Level::Far, 0.4, 0), Some(Severity::Warning));
        assert_eq!(severity(Level::Far, 0.5, 0), Some(Severity::Critical));
    }

    #[test]
    fn levels_begin_at_their_lines() {
        assert_eq!(level(SYNC_NS, SYNC_NS - 1, SYNC_NS), Level::Fine);
        assert_eq!(level(SYNC_NS, SYNC_NS, SYNC_NS), Level::Above);
        assert_eq!(level(COMMIT_NS, SYNC_NS, SYNC_NS), Level::Fine);
        assert_eq!(level(SYNC_NS, HEARTBEAT_NS, HEARTBEAT_NS), Level::Far);
        assert_eq!(level(SYNC_NS, 0, ELECTION_NS), Level::Far);
    }

    #[test]
    fn etcds_own_files_have_etcds_lines() {
        assert_eq!(of(Role::Etcd, FileClass::Wal), Some(SYNC_NS));
        assert_eq!(of(Role::Etcd, FileClass::Db), Some(COMMIT_NS));
        assert_eq!(of(Role::Etcd, FileClass::Snap), None);
        assert_eq!(of(Role::Other, FileClass::Other), Some(SYNC_NS));
    }

    /// Property: the page says of every limit what the table here says.
    #[test]
    fn the_page_has_every_limit() {
        let ms = |ns: u64| format!("{} ms", ns / MS);
        let count = |count: u64| count.to_string();
        let percent_and = |share: f64, ns: u64| format!("{} and {}", percent(share), ms(ns));
        let said = [
            ("p99 of syncs of the log", ms(SYNC_NS)),
            ("p99 of commits of the database", ms(COMMIT_NS)),
            ("far too long: p99", ms(HEARTBEAT_NS)),
            ("far too long: a single wait", format!("{} s", ELECTION_NS / MS / 1_000)),
            ("a stall", ms(HEARTBEAT_NS)),
            ("a stall's part by others that counts", percent_and(MOST, STALL_FLOOR_NS)),
            (
                "not worth blaming anybody",
                format!("mean below {} and none of {}", ms(WORTH_NS), ms(HEARTBEAT_NS)),
            ),
            ("a culprit's share that matters", percent(SHARE)),
            ("the main reason", percent(MOST)),
            ("a culprit that is named beside the first", percent(NAMED)),
            ("culprits in a verdict and in advice, at most", count(FIRST as u64)),
            ("enough waits", format!("{ENOUGH}, or {ENOUGH_LONG} that took a tenth of the window")),
            ("waits from which a percentile is taken as it is", count(MANY)),
            ("waits on either side of a comparison", count(SIDE)),
            ("long writes or faults that are no accident", count(SOME)),
            ("too many lost events", percent(LOST)),
            ("confidence at most", percent(AT_BEST)),
            ("bytes of nobody that are worth a caveat", percent(UNATTRIBUTED)),
            ("an unexplained part that is worth a caveat", percent(UNKNOWN)),
            (
                "a wait that acting leaves and is worth the risk",
                format!("below {}", percent(WORTH)),
            ),
            (
                "faults and reads of the database that are worth memory",
                format!("{} of the waits and {}", percent(LOOKUPS), ms(LOOKUPS_NS)),
            ),
        ];
        assert_eq!(LONG.to_string(), "0.1", "a tenth");
        for (what, value) in said {
            on_the_page(what, &value);
        }
    }
}
