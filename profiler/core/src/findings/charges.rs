//! Whom the waits of one victim on one class of files, in one sort of call, are charged to.

use super::waiting::{Kind, Sort, share};
use crate::ids::FileClass;
use crate::report::{Blame, Mechanism, SELF, UNEXPLAINED};

/// To whom a row of blame charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To<'a> {
    /// The victim itself.
    Own,
    /// Nobody on this host.
    Nobody,
    /// Another actor.
    Other(&'a str),
}

/// The rows of one victim, class and sort of call.
pub(super) struct Charges<'a> {
    victim: &'a str,
    rows: Vec<&'a Blame>,
    /// The whole wait. What no row has of it counts as unexplained.
    pub(super) whole_ns: u64,
}

impl<'a> Charges<'a> {
    /// The rows that charge these waits.
    pub(super) fn of(rows: &'a [Blame], victim: &'a str, class: FileClass, sort: &Sort) -> Self {
        let is_ours = |row: &&Blame| {
            row.victim == victim
                && row.victim_class == class
                && Kind::of(row.victim_call) == Some(sort.kind)
        };
        let rows: Vec<&Blame> = rows.iter().filter(is_ours).collect();
        let charged = rows.iter().map(|row| row.wait_ns).fold(0, u64::saturating_add);
        Self { victim, rows, whole_ns: charged.max(sort.lat.sum_ns) }
    }

    /// Whether there is no row at all.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// To whom a row charges.
    pub(super) fn to(&self, row: &'a Blame) -> To<'a> {
        match row.culprit.as_str() {
            SELF => To::Own,
            UNEXPLAINED => To::Nobody,
            id if id == self.victim => To::Own,
            id => To::Other(id),
        }
    }

    /// The time of the rows that `keep` wants.
    pub(super) fn ns(&self, keep: impl Fn(To<'a>, &Blame) -> bool) -> u64 {
        let rows = self.rows.iter().filter(|row| keep(self.to(row), row));
        rows.map(|row| row.wait_ns).fold(0, u64::saturating_add)
    }

    /// The same as a share of the whole wait.
    pub(super) fn share(&self, keep: impl Fn(To<'a>, &Blame) -> bool) -> f64 {
        share(self.ns(keep), self.whole_ns)
    }

    /// Share that others on this host are charged with, but for the CPU.
    pub(super) fn others(&self) -> f64 {
        self.share(|to, row| matches!(to, To::Other(_)) && row.mechanism != Mechanism::Cpu)
    }

    /// Share of which nothing is known: neither who nor how.
    pub(super) fn unknown(&self) -> f64 {
        let known =
            self.share(|to, row| to != To::Nobody || row.mechanism != Mechanism::Unexplained);
        1.0 - known
    }

    /// Others among the rows that `keep` wants, the one charged with most first.
    pub(super) fn culprits(&self, keep: impl Fn(&str, &Blame) -> bool) -> Vec<(&'a str, u64)> {
        let mut culprits: Vec<(&str, u64)> = Vec::new();
        for row in &self.rows {
            let To::Other(id) = self.to(row) else { continue };
            if !keep(id, row) {
                continue;
            }
            match culprits.iter_mut().find(|(known, _)| *known == id) {
                Some((_, ns)) => *ns = ns.saturating_add(row.wait_ns),
                None => culprits.push((id, row.wait_ns)),
            }
        }
        culprits.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        culprits
    }

    /// The devices of the rows that `keep` wants, the one with most of the time first.
    pub(super) fn devices(&self, keep: impl Fn(To<'a>, &Blame) -> bool) -> Vec<&'a str> {
        let mut devices: Vec<(&str, u64)> = Vec::new();
        for row in self.rows.iter().filter(|row| keep(self.to(row), row)) {
            let Some(name) = row.device.as_deref() else { continue };
            match devices.iter_mut().find(|(known, _)| *known == name) {
                Some((_, ns)) => *ns = ns.saturating_add(row.wait_ns),
                None => devices.push((name, row.wait_ns)),
            }
        }
        devices.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        devices.into_iter().map(|(name, _)| name).collect()
    }
}
