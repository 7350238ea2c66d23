//! The waits of one victim on one class of files, all calls of a sort together, and how long they are.

use std::collections::BTreeMap;

use super::lines::{self, Level};
use crate::ids::{Call, FileClass};
use crate::report::{Actor, Lat, Part, Wait};

/// A sort of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// fsync and its relatives.
    Sync,
    /// write(2), as long as it was blocked.
    Write,
    /// A page fault that waited.
    Fault,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Sync, Self::Write, Self::Fault];

    /// The sort of a call. Reads are no sort: etcd's clients wait for none, since its database is mapped.
    pub(super) const fn of(call: Call) -> Option<Self> {
        match call {
            Call::Fsync
            | Call::Fdatasync
            | Call::OsyncWrite
            | Call::OdsyncWrite
            | Call::Msync
            | Call::IoUringFsync
            | Call::OtherSync => Some(Self::Sync),
            Call::Write => Some(Self::Write),
            Call::Fault => Some(Self::Fault),
            Call::Read | Call::Sync | Call::Syncfs | Call::SyncFileRange | Call::FileCall => None,
        }
    }

    /// Its name in evidence and text.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Write => "write",
            Self::Fault => "fault",
        }
    }
}

/// Waits of one sort.
pub(super) struct Sort {
    pub(super) kind: Kind,
    pub(super) lat: Lat,
    pub(super) level: Level,
    /// The same time in parts; `None` when any of it was not taken apart.
    pub(super) parts: Option<BTreeMap<Part, u64>>,
}

impl Sort {
    /// The 99th percentile; 0 without waits.
    pub(super) fn p99_ns(&self) -> u64 {
        self.lat.p99_ns.unwrap_or(0)
    }

    /// The longest; 0 without waits.
    pub(super) fn max_ns(&self) -> u64 {
        self.lat.max_ns.unwrap_or(0)
    }

    /// The mean; 0 without waits.
    pub(super) fn mean_ns(&self) -> u64 {
        self.lat.mean_ns.unwrap_or(0)
    }

    /// The share of these parts in the time; `None` when it was not taken apart.
    pub(super) fn share_of(&self, parts: &[Part]) -> Option<f64> {
        let known = self.parts.as_ref()?;
        let ns = parts
            .iter()
            .filter_map(|part| known.get(part))
            .fold(0, |sum: u64, ns| sum.saturating_add(*ns));
        Some(share(ns, self.lat.sum_ns))
    }
}

/// All waits of a victim on one class of files that a line is known for.
pub(super) struct Waiting<'a> {
    pub(super) class: FileClass,
    pub(super) line_ns: u64,
    /// The file, or the folder of all of them.
    pub(super) path: Option<&'a str>,
    /// The time of all of them.
    pub(super) sum_ns: u64,
    sorts: Vec<Sort>,
}

impl<'a> Waiting<'a> {
    /// Of one class; `None` when no line is known for it or it was not waited for.
    pub(super) fn of(actor: &'a Actor, class: FileClass) -> Option<Self> {
        let line_ns = lines::of(actor.role, class)?;
        let waits: Vec<&Wait> = actor
            .waits
            .iter()
            .filter(|wait| wait.file_class == class && wait.latency.count > 0)
            .collect();
        let of_kind =
            |kind| waits.iter().copied().filter(move |wait| Kind::of(wait.call) == Some(kind));
        let syncs = of_kind(Kind::Sync).map(|wait| wait.latency.count).fold(0, u64::saturating_add);
        let sorts: Vec<Sort> = Kind::ALL
            .iter()
            .filter_map(|kind| sort(*kind, line_ns, syncs, of_kind(*kind).collect()))
            .collect();
        let path = waits.iter().find_map(|wait| wait.path.as_deref());
        let sum_ns = sorts.iter().map(|sort| sort.lat.sum_ns).fold(0, u64::saturating_add);
        (!sorts.is_empty()).then_some(Self { class, line_ns, path, sum_ns, sorts })
    }

    /// The waits of a sort.
    pub(super) fn sort(&self, kind: Kind) -> Option<&Sort> {
        self.sorts.iter().find(|sort| sort.kind == kind)
    }

    /// The sort that is worst; among equals syncs come first.
    pub(super) fn worst(&self) -> Option<&Sort> {
        self.sorts.iter().rev().max_by_key(|sort| sort.level)
    }

    /// Number of waits of all sorts.
    pub(super) fn count(&self) -> u64 {
        self.sorts.iter().map(|sort| sort.lat.count).fold(0, u64::saturating_add)
    }

    /// Whether these are enough to judge by.
    pub(super) fn is_enough(&self, window_ns: u64) -> bool {
        let count = self.count();
        let is_long = share(self.sum_ns, window_ns) >= lines::LONG;
        count >= lines::ENOUGH || (count >= lines::ENOUGH_LONG && is_long)
    }

    /// How long its waits are.
    pub(super) fn level(&self) -> Level {
        self.worst().map_or(Level::Fine, |sort| sort.level)
    }

    /// Whether nothing here is worth blaming anybody for: short on the whole, and none of them long.
    pub(super) fn is_clearly_fine(&self) -> bool {
        let short =
            |sort: &Sort| sort.mean_ns() < lines::WORTH_NS && sort.max_ns() < lines::HEARTBEAT_NS;
        self.level() == Level::Fine && self.sorts.iter().all(short)
    }
}

fn sort(kind: Kind, line_ns: u64, syncs: u64, waits: Vec<&Wait>) -> Option<Sort> {
    let lat = Lat::merged(waits.iter().map(|wait| &wait.latency))?;
    let level = match kind {
        Kind::Sync => lines::level(line_ns, lat.p99_ns.unwrap_or(0), lat.max_ns.unwrap_or(0)),
        Kind::Write | Kind::Fault => level_of_blocked(line_ns, syncs, &lat),
    };
    let mut parts = Some(BTreeMap::new());
    for wait in waits {
        parts = parts.zip(wait.anatomy.as_ref()).map(|(sum, more)| added(sum, more));
    }
    Some(Sort { kind, lat, level, parts })
}

/// Of these calls only those that were blocked are known, so a percentile of them is none of all calls. etcd writes its
/// log about once per sync: there are at least as many calls as syncs.
fn level_of_blocked(line_ns: u64, syncs: u64, lat: &Lat) -> Level {
    /// Fewer long ones are an accident.
    const SOME: u64 = 3;
    let calls = syncs.max(lat.count);
    let in_a_hundred = |longer_than: u64| {
        let long: u64 = lat
            .buckets
            .iter()
            .filter(|(le_ns, _)| *le_ns > longer_than)
            .map(|(_, count)| count)
            .sum();
        long >= SOME && long.saturating_mul(100) >= calls
    };
    if in_a_hundred(lines::HEARTBEAT_NS) || lat.max_ns.unwrap_or(0) >= lines::ELECTION_NS {
        Level::Far
    } else if in_a_hundred(line_ns) {
        Level::Above
    } else {
        Level::Fine
    }
}

fn added(mut sum: BTreeMap<Part, u64>, more: &BTreeMap<Part, u64>) -> BTreeMap<Part, u64> {
    for (part, ns) in more {
        let place = sum.entry(*part).or_default();
        *place = place.saturating_add(*ns);
    }
    sum
}

/// A part of a whole, 0 to 1; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "a share")]
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
}
