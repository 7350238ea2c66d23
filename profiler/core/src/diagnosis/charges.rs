//! Whom the waits of one victim on one class of files, in one sort of call, are charged to.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::groups::Group;
use super::kinds::{Kind, kind_of, share};
use crate::ids::{Call, FileClass};
use crate::report::{Blame, Mechanism, SELF, UNEXPLAINED};

/// To whom a row of blame charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To<'a> {
    /// The victim itself.
    Own,
    /// Nobody on this host.
    Nobody,
    /// Others.
    Other(Group<'a>),
}

/// Others who are charged, as one.
#[derive(Clone, Debug)]
pub(crate) struct Culprit<'a> {
    /// Who they are.
    pub(crate) group: Group<'a>,
    /// The id of the one that stands for all: who is charged with most; of equal ones the first by id. Of all waits of a diagnosis,
    /// once it has put them in order.
    pub(crate) id: &'a str,
    /// The time charged.
    pub(crate) ns: u64,
    /// Their ids with the time charged to each.
    members: BTreeMap<&'a str, u64>,
}

impl<'a> Culprit<'a> {
    /// Their ids, the one that is charged with most first; of equal ones the first by id.
    pub(crate) fn members(&self) -> Vec<&'a str> {
        let mut all: Vec<(&str, u64)> = self.members.iter().map(|(id, ns)| (*id, *ns)).collect();
        all.sort_by_key(|(id, ns)| (Reverse(*ns), *id));
        all.into_iter().map(|(id, _)| id).collect()
    }

    /// Whether it is one of them.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.members.contains_key(id)
    }

    /// How many they are.
    pub(crate) fn runs(&self) -> u64 {
        self.members.len() as u64
    }

    fn add(&mut self, id: &'a str, ns: u64) {
        self.ns = self.ns.saturating_add(ns);
        let sum = self.members.entry(id).or_default();
        *sum = sum.saturating_add(ns);
        let (now, most) = (*sum, self.members.get(self.id).copied().unwrap_or_default());
        if (now, Reverse(id)) > (most, Reverse(self.id)) {
            self.id = id;
        }
    }
}

/// Adds time that is charged to one of a group.
pub(super) fn add<'a>(all: &mut Vec<Culprit<'a>>, group: Group<'a>, id: &'a str, ns: u64) {
    match all.iter_mut().find(|known| known.group == group) {
        Some(known) => known.add(id, ns),
        None => all.push(Culprit { group, id, ns, members: BTreeMap::from([(id, ns)]) }),
    }
}

/// Adds what others are charged with elsewhere.
pub(crate) fn join<'a>(all: &mut Vec<Culprit<'a>>, more: Vec<Culprit<'a>>) {
    for culprit in more {
        for (id, ns) in culprit.members {
            add(all, culprit.group, id, ns);
        }
    }
}

/// The rows of one victim, class and sort of call.
pub(crate) struct Charges<'a> {
    rows: Vec<(To<'a>, &'a Blame)>,
    /// The whole wait. What no row has of it counts as unexplained.
    pub(crate) whole_ns: u64,
}

impl<'a> Charges<'a> {
    /// The rows that charge these waits.
    pub(crate) fn of(
        (groups, rows): (&BTreeMap<&'a str, Group<'a>>, &'a [Blame]),
        victim: &str,
        (class, kind): (FileClass, Kind),
        sum_ns: u64,
    ) -> Self {
        let is_ours = |row: &&Blame| {
            row.victim == victim
                && row.victim_class == class
                && kind_of(row.victim_call) == Some(kind)
        };
        let to = |row: &'a Blame| match row.culprit.as_str() {
            SELF => To::Own,
            UNEXPLAINED => To::Nobody,
            id if id == victim => To::Own,
            id => To::Other(groups.get(id).copied().unwrap_or(Group::Alone(id, None))),
        };
        let rows: Vec<_> = rows.iter().filter(is_ours).map(|row| (to(row), row)).collect();
        let charged = rows.iter().map(|(_, row)| row.wait_ns).fold(0, u64::saturating_add);
        Self { rows, whole_ns: charged.max(sum_ns) }
    }

    /// Whether there is no row at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The time of the rows that `keep` wants.
    pub(crate) fn ns(&self, keep: impl Fn(To<'a>, &Blame) -> bool) -> u64 {
        let rows = self.rows.iter().filter(|(to, row)| keep(*to, row));
        rows.map(|(_, row)| row.wait_ns).fold(0, u64::saturating_add)
    }

    /// The same as a share of the whole wait.
    pub(crate) fn share(&self, keep: impl Fn(To<'a>, &Blame) -> bool) -> f64 {
        share(self.ns(keep), self.whole_ns)
    }

    /// Share that others on this host are charged with, but for the CPU.
    pub(crate) fn others(&self) -> f64 {
        self.share(|to, row| matches!(to, To::Other(_)) && row.mechanism != Mechanism::Cpu)
    }

    /// Share of which nothing is known: neither who nor how.
    pub(crate) fn unknown(&self) -> f64 {
        let known =
            self.share(|to, row| to != To::Nobody || row.mechanism != Mechanism::Unexplained);
        1.0 - known
    }

    /// Others among the rows that `keep` wants, the one charged with most first; of equal ones the first by name.
    pub(crate) fn culprits(&self, keep: impl Fn(Group<'a>, &Blame) -> bool) -> Vec<Culprit<'a>> {
        let mut culprits: Vec<Culprit<'a>> = Vec::new();
        for (to, row) in &self.rows {
            if let To::Other(group) = to
                && keep(*group, row)
            {
                add(&mut culprits, *group, &row.culprit, row.wait_ns);
            }
        }
        culprits.sort_by_key(|one| (Reverse(one.ns), one.group));
        culprits
    }

    /// The time of the rows that `keep` wants, by what `key` makes of them.
    pub(crate) fn by<K: Ord>(
        &self,
        keep: impl Fn(To<'a>, &Blame) -> bool,
        key: impl Fn(&'a Blame) -> Option<K>,
    ) -> BTreeMap<K, u64> {
        let mut sums = BTreeMap::new();
        for (_, row) in self.rows.iter().filter(|(to, row)| keep(*to, row)) {
            if let Some(key) = key(row) {
                let sum: &mut u64 = sums.entry(key).or_default();
                *sum = sum.saturating_add(row.wait_ns);
            }
        }
        sums
    }

    /// The device with most of the time of the rows that `keep` wants; of equal ones the first by name.
    pub(crate) fn device(&self, keep: impl Fn(To<'a>, &Blame) -> bool) -> Option<&'a str> {
        most(self.by(keep, |row| row.device.as_deref()))
    }

    /// The call with most of the time of the rows that `keep` wants; of equal ones the first.
    pub(crate) fn call(&self, keep: impl Fn(To<'a>, &Blame) -> bool) -> Option<Call> {
        most(self.by(keep, |row| Some(row.victim_call)))
    }
}

/// What has most of the time; of equal ones the first.
fn most<K: Ord + Copy>(sums: BTreeMap<K, u64>) -> Option<K> {
    sums.into_iter().max_by_key(|(key, ns)| (*ns, Reverse(*key))).map(|(key, _)| key)
}
