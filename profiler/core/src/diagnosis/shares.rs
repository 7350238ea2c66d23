//! By whom the time of waits that are too long is charged to, in five parts: others with and without a name, the disk, the CPU, and
//! what is not known.

use super::charges::{Charges, Culprit, To, join};
use super::groups::Group;
use super::kinds::share;
use crate::report::{Blame, Mechanism, Reason, Share};

/// To whom the largest part of waits is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Others with a name.
    Named,
    /// The disk itself.
    Disk,
    /// The CPU, or a lack of it.
    Cpu,
    /// Others without a name, or it is not known.
    Nobody,
}

/// Time of all waits that are too long, by whom it is charged to.
#[derive(Default)]
pub(crate) struct Shares<'a> {
    pub(crate) whole: u64,
    /// Others with a name.
    pub(crate) named: u64,
    /// Each of them.
    pub(super) culprits: Vec<Culprit<'a>>,
    /// Others without: what could be given to nobody.
    pub(crate) unnamed: u64,
    /// The disk's own: nobody else's time in the device, its queue, its cache, a journal commit, a limit.
    pub(crate) disk: u64,
    /// Of that what a limit held back: `io.max`, iocost, writeback throttling, a lack of tags.
    pub(crate) limit: u64,
    /// On a CPU, or without one.
    pub(crate) cpu: u64,
    /// Of that the time that threads were ready and had none.
    pub(crate) ready: u64,
    /// Neither who nor how is known.
    pub(crate) unknown: u64,
}

impl<'a> Shares<'a> {
    /// Adds the waits of one sort.
    pub(crate) fn add(&mut self, charges: &Charges<'a>) {
        let is_named =
            |group: Group<'_>, row: &Blame| group.is_named() && row.mechanism != Mechanism::Cpu;
        join(&mut self.culprits, charges.culprits(is_named));
        let other = |to: To<'_>, row: &Blame, named: bool| {
            matches!(to, To::Other(group) if group.is_named() == named)
                && row.mechanism != Mechanism::Cpu
        };
        let known = |to: To<'_>, row: &Blame| {
            to == To::Own || to == To::Nobody && row.mechanism != Mechanism::Unexplained
        };
        let (named, unnamed) = (
            charges.ns(|to, row| other(to, row, true)),
            charges.ns(|to, row| other(to, row, false)),
        );
        let disk = charges.ns(|to, row| known(to, row) && row.mechanism != Mechanism::Cpu);
        let limit = charges.ns(|to, row| known(to, row) && row.mechanism == Mechanism::Throttle);
        let cpu = charges.ns(|_, row| row.mechanism == Mechanism::Cpu);
        let ready = charges.ns(|to, row| to != To::Own && row.mechanism == Mechanism::Cpu);
        let told = [named, unnamed, disk, cpu].into_iter().fold(0, u64::saturating_add);
        for (sum, ns) in [
            (&mut self.whole, charges.whole_ns),
            (&mut self.named, named),
            (&mut self.unnamed, unnamed),
            (&mut self.disk, disk),
            (&mut self.limit, limit),
            (&mut self.cpu, cpu),
            (&mut self.ready, ready),
            (&mut self.unknown, charges.whole_ns.saturating_sub(told)),
        ] {
            *sum = sum.saturating_add(ns);
        }
    }

    /// The largest part; of equal ones the first of these.
    pub(crate) fn largest(&self) -> By {
        let parts = [
            (By::Nobody, self.unnamed.max(self.unknown)),
            (By::Cpu, self.cpu),
            (By::Disk, self.disk),
            (By::Named, self.named),
        ];
        parts.into_iter().max_by_key(|(_, ns)| *ns).map_or(By::Nobody, |(by, _)| by)
    }

    /// A part of the whole, 0 to 1.
    pub(crate) fn of(&self, part: u64) -> f64 {
        share(part, self.whole)
    }

    /// The same as reports have it.
    pub(crate) fn part(&self, part: u64) -> Share {
        Share::rounded(self.of(part))
    }

    /// All of it as a reason.
    pub(crate) fn reason(&self) -> Reason {
        Reason::Shares {
            named: self.part(self.named),
            unnamed: self.part(self.unnamed),
            disk: self.part(self.disk),
            cpu: self.part(self.cpu),
            unexplained: self.part(self.unknown),
        }
    }
}
