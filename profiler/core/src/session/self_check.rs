//! Our waits on etcd's log beside etcd's own metric of the same calls.

use super::actors::{ActorId, Owned};
use super::books::Books;
use super::streams::{Row, RowKey, What};
use crate::facts::WalFsyncs;
use crate::ids::{Call, FileClass};
use crate::report::{Observed, SelfCheck};
use foldhash::HashMap;

/// Every etcd that answered twice, with what both saw of it meanwhile.
pub(super) fn self_checks(books: &Books, rows: &HashMap<RowKey, Row>) -> Vec<SelfCheck> {
    let mut checks: Vec<SelfCheck> = books
        .metrics
        .said
        .iter()
        .filter(|(_, (first, last))| last.asked_ns > first.asked_ns)
        .filter_map(|(actor, (first, last))| check(books, rows, *actor, first, last))
        .collect();
    checks.sort_by(|a, b| a.actor.cmp(&b.actor));
    checks
}

fn check(
    books: &Books,
    rows: &HashMap<RowKey, Row>,
    actor: ActorId,
    first: &WalFsyncs,
    last: &WalFsyncs,
) -> Option<SelfCheck> {
    let id = books.actors.get(actor)?.facts.key.to_string();
    // A counter that went back is another process's, or one that began anew.
    let theirs = Observed {
        count: last.count.checked_sub(first.count)?,
        sum_ns: last.sum_ns.checked_sub(first.sum_ns)?,
    };
    let mut ours = Observed::default();
    for (key, row) in rows {
        // etcd times `fdatasync` of the log's tail, on Linux (its `client/pkg/fileutil/sync_linux.go`).
        if key.owner == Owned::Actor(actor)
            && key.what == What::Wait(Call::Fdatasync)
            && books.class_of(key.owner, key.file) == FileClass::Wal
        {
            ours.count = ours.count.wrapping_add(row.count);
            ours.sum_ns = ours.sum_ns.wrapping_add(row.q2c.sum_ns());
        }
    }
    Some(SelfCheck { actor: id, metric: METRIC.to_owned(), ours, theirs })
}

/// The metric that is compared.
const METRIC: &str = "etcd_disk_wal_fsync_duration_seconds";
