//! The waits of one victim on one class of files, all calls of a sort together, and how long they are.

use std::collections::BTreeMap;

use super::charges::Charges;
use super::kinds::{KINDS, Kind, kind_of, share};
use super::limits::{self, Level};
use super::source::Source;
use crate::ids::FileClass;
use crate::report::{Actor, Lat, Part, Reason, Wait};

/// Waits of one sort.
pub(crate) struct Sort<'a> {
    pub(crate) kind: Kind,
    pub(crate) lat: Lat,
    pub(crate) level: Level,
    /// The same time in parts; `None` when any of it was not taken apart.
    pub(crate) parts: Option<BTreeMap<Part, u64>>,
    charges: Result<Charges<'a>, Reason>,
}

impl<'a> Sort<'a> {
    /// Whom these waits are charged to; or why nobody can say.
    pub(crate) fn charges(&self) -> Result<&Charges<'a>, Reason> {
        self.charges.as_ref().map_err(Clone::clone)
    }

    /// The 99th percentile; 0 without waits.
    pub(crate) fn p99_ns(&self) -> u64 {
        self.lat.p99_ns.unwrap_or(0)
    }

    /// The longest; 0 without waits.
    pub(crate) fn max_ns(&self) -> u64 {
        self.lat.max_ns.unwrap_or(0)
    }

    /// The mean; 0 without waits.
    pub(crate) fn mean_ns(&self) -> u64 {
        self.lat.mean_ns.unwrap_or(0)
    }

    /// The share of these parts in the time; `None` when it was not taken apart.
    pub(crate) fn share_of(&self, parts: &[Part]) -> Option<f64> {
        let known = self.parts.as_ref()?;
        let ns = parts
            .iter()
            .filter_map(|part| known.get(part))
            .fold(0, |sum: u64, ns| sum.saturating_add(*ns));
        Some(share(ns, self.lat.sum_ns))
    }
}

/// All waits of a victim on one class of files that a line is known for.
pub(crate) struct Waiting<'a> {
    pub(crate) class: FileClass,
    pub(crate) limit_ns: u64,
    /// The file, or the folder of all of them.
    pub(crate) path: Option<&'a str>,
    /// The time of all of them.
    pub(crate) sum_ns: u64,
    sorts: Vec<Sort<'a>>,
}

impl<'a> Waiting<'a> {
    /// Of one class; `None` when no line is known for it or it was not waited for.
    pub(super) fn of(source: &Source<'a, '_>, actor: &'a Actor, class: FileClass) -> Option<Self> {
        let limit_ns = limits::of(actor.role, class)?;
        let waits: Vec<&Wait> = actor
            .waits
            .iter()
            .filter(|wait| wait.file_class == class && wait.latency.count > 0)
            .collect();
        let of_kind =
            |kind| waits.iter().copied().filter(move |wait| kind_of(wait.call) == Some(kind));
        let syncs = of_kind(Kind::Sync).map(|wait| wait.latency.count).fold(0, u64::saturating_add);
        let charges = |kind, lat: &Lat| source.charges(&actor.id, (class, kind), lat.sum_ns);
        let sorts: Vec<Sort<'_>> = KINDS
            .iter()
            .filter_map(|kind| {
                let waits: Vec<&Wait> = of_kind(*kind).collect();
                let lat = Lat::merged(waits.iter().map(|wait| &wait.latency))?;
                let level = level(*kind, limit_ns, syncs, &lat);
                let charges = charges(*kind, &lat);
                Some(Sort { kind: *kind, lat, level, parts: parts(&waits), charges })
            })
            .collect();
        let path = waits.iter().find_map(|wait| wait.path.as_deref());
        let sum_ns = sorts.iter().map(|sort| sort.lat.sum_ns).fold(0, u64::saturating_add);
        (!sorts.is_empty()).then_some(Self { class, limit_ns, path, sum_ns, sorts })
    }

    /// All its sorts.
    pub(crate) fn sorts(&self) -> impl Iterator<Item = &Sort<'a>> {
        self.sorts.iter()
    }

    /// The waits of a sort.
    pub(crate) fn sort(&self, kind: Kind) -> Option<&Sort<'a>> {
        self.sorts.iter().find(|sort| sort.kind == kind)
    }

    /// The sort that is worst; among equals syncs come first.
    pub(crate) fn worst(&self) -> Option<&Sort<'a>> {
        self.sorts.iter().rev().max_by_key(|sort| sort.level)
    }

    /// Number of waits of all sorts.
    pub(crate) fn count(&self) -> u64 {
        self.sorts.iter().map(|sort| sort.lat.count).fold(0, u64::saturating_add)
    }

    /// Whether these are enough to judge by.
    pub(crate) fn is_enough(&self, window_ns: u64) -> bool {
        let count = self.count();
        let is_long = share(self.sum_ns, window_ns) >= limits::LONG;
        count >= limits::ENOUGH || (count >= limits::ENOUGH_LONG && is_long)
    }

    /// How long its waits are.
    pub(crate) fn level(&self) -> Level {
        self.worst().map_or(Level::Fine, |sort| sort.level)
    }

    /// Whether nothing here is worth blaming anybody for: short on the whole, and none of them long.
    pub(crate) fn is_clearly_fine(&self) -> bool {
        let short = |sort: &Sort<'_>| {
            sort.mean_ns() < limits::WORTH_NS && sort.max_ns() < limits::HEARTBEAT_NS
        };
        self.level() == Level::Fine && self.sorts.iter().all(short)
    }
}

/// How long waits of a sort are, where there were so many syncs.
fn level(kind: Kind, limit_ns: u64, syncs: u64, lat: &Lat) -> Level {
    match kind {
        Kind::Sync => limits::level(limit_ns, lat.p99_ns.unwrap_or(0), lat.max_ns.unwrap_or(0)),
        Kind::Write | Kind::Fault => level_of_blocked(limit_ns, syncs, lat),
    }
}

/// The time of all these in parts; `None` when any of it was not taken apart.
fn parts(waits: &[&Wait]) -> Option<BTreeMap<Part, u64>> {
    waits.iter().try_fold(BTreeMap::new(), |sum, wait| Some(added(sum, wait.anatomy.as_ref()?)))
}

/// Of these calls only those that were blocked are known, so a percentile of them is none of all calls. etcd writes its
/// log about once per sync: there are at least as many calls as syncs.
fn level_of_blocked(limit_ns: u64, syncs: u64, lat: &Lat) -> Level {
    let calls = syncs.max(lat.count);
    let in_a_hundred = |longer_than: u64| {
        let long: u64 = lat
            .buckets
            .iter()
            .filter(|(le_ns, _)| *le_ns > longer_than)
            .map(|(_, count)| count)
            .sum();
        long >= limits::SOME && long.saturating_mul(100) >= calls
    };
    if in_a_hundred(limits::HEARTBEAT_NS) || lat.max_ns.unwrap_or(0) >= limits::ELECTION_NS {
        Level::Far
    } else if in_a_hundred(limit_ns) {
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
