//! The lines between fine, too long and far too long, each with its source.

use crate::ids::{FileClass, Role};
use crate::report::Severity;

/// Milliseconds in nanoseconds.
const MS: u64 = 1_000_000;

/// p99 of the WAL's syncs: etcd's FAQ (etcd.io/docs/v3.6/faq, "What does the etcd warning 'failed to send out
/// heartbeat on time' mean?") wants less than 10 ms. Also the line for syncs of whoever is no etcd.
pub(super) const SYNC_NS: u64 = 10 * MS;
/// p99 of the backend's commits: the same page ("What does 'apply entries took too long' mean?") wants less than 25 ms.
/// A commit is more than the sync of the database that is measured here, so this is a lenient line.
pub(super) const COMMIT_NS: u64 = 25 * MS;
/// Service suffers: etcd's default heartbeat interval (etcd.io/docs/v3.6/tuning). A leader that has to write before it
/// sends one is late with it.
pub(super) const HEARTBEAT_NS: u64 = 100 * MS;
/// A single wait of this length may cost the leader its place: etcd's default election timeout (the same page).
pub(super) const ELECTION_NS: u64 = 1_000 * MS;
/// Below this mean nobody is worth blaming: a tenth of the WAL's line. Our own choice.
pub(super) const WORTH_NS: u64 = MS;

/// A culprit that takes this share of a wait matters. Our own choice; the lab checks from there on that the right one
/// is ranked first (`profiler/docs/lab.md`).
pub(super) const SHARE: f64 = 0.2;
/// From this share on it is the main reason.
pub(super) const MOST: f64 = 0.5;
/// Culprits below this share are not named in a sentence.
pub(super) const NAMED: f64 = 0.05;

/// Fewer waits than this say nothing of a 99th percentile. Our own choice, as are the two below.
pub(super) const ENOUGH: u64 = 30;
/// So few suffice where the victim waited for [`LONG`] of the window: a stalled disk completes little.
pub(super) const ENOUGH_LONG: u64 = 5;
/// See [`ENOUGH_LONG`].
pub(super) const LONG: f64 = 0.1;
/// From so many waits on a 99th percentile is taken as it is.
pub(super) const MANY: u64 = 100;

/// More lost events than this share, and nobody is blamed.
pub(super) const LOST: f64 = 0.1;

/// How long waits are, against the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Below the line.
    Fine,
    /// Above it.
    Above,
    /// At the scale of heartbeats or elections.
    Far,
}

/// The line of syncs on a class of files; `None` where none is known.
pub(super) fn of(role: Role, class: FileClass) -> Option<u64> {
    match (role, class) {
        (Role::Etcd, FileClass::Db) => Some(COMMIT_NS),
        (Role::Etcd, FileClass::Wal) => Some(SYNC_NS),
        // Raft snapshots and the rest are written beside the work that clients wait for.
        (Role::Etcd, _) => None,
        _ => Some(SYNC_NS),
    }
}

/// Where a 99th percentile and the longest wait stand.
pub(super) fn level(line_ns: u64, p99_ns: u64, max_ns: u64) -> Level {
    if p99_ns >= HEARTBEAT_NS || max_ns >= ELECTION_NS {
        Level::Far
    } else if p99_ns >= line_ns {
        Level::Above
    } else {
        Level::Fine
    }
}

/// How much a cause matters that makes this share of waits of this level, and so much of each of them; `None` when it
/// is not worth a word.
pub(super) fn severity(level: Level, share: f64, each_ns: u64) -> Option<Severity> {
    if share < SHARE {
        return None;
    }
    match level {
        Level::Far if share >= MOST => Some(Severity::Critical),
        Level::Far | Level::Above => Some(Severity::Warning),
        Level::Fine => (each_ns >= WORTH_NS).then_some(Severity::Info),
    }
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
}
