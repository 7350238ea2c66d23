//! What every rule looks at: the report, and its victims with the waits that can be judged.

use super::charges::Charges;
use super::lines;
use super::waiting::{Sort, Waiting, share};
use super::{NotYet, who};
use crate::ids::{Call, FileClass, Role};
use crate::report::{Actor, AloneVsShared, Lat, Report};
use crate::text::{Lang, findings as words};

/// A report, and who waited in it.
pub(super) struct Context<'a> {
    pub(super) report: &'a Report,
    /// Targets that waited on files a line is known for.
    pub(super) victims: Vec<Victim<'a>>,
}

/// A target that waited.
pub(super) struct Victim<'a> {
    pub(super) actor: &'a Actor,
    /// Its waits by class of file, those with enough to judge by.
    pub(super) waitings: Vec<Waiting<'a>>,
    /// Waits in the class that has most of them, where none has enough.
    pub(super) too_few: Option<u64>,
}

impl<'a> Context<'a> {
    /// What is in a report.
    pub(super) fn new(report: &'a Report) -> Self {
        let targets = report.actors.iter().filter(|actor| report.is_target(&actor.id));
        let window_ns = report.window.duration_ns;
        Self { report, victims: targets.filter_map(|actor| victim(actor, window_ns)).collect() }
    }

    /// Share of events that were lost.
    pub(super) fn lost(&self) -> f64 {
        let coverage = &self.report.coverage;
        share(coverage.lost_total(), coverage.events_seen)
    }

    /// Share of bytes that were given to nobody.
    pub(super) fn unattributed(&self) -> f64 {
        let coverage = &self.report.coverage;
        share(coverage.attribution.unattributed, coverage.io_bytes)
    }

    /// Whether a hook is in place.
    pub(super) fn is_attached(&self, hook: &str) -> bool {
        self.report.coverage.attached.iter().any(|one| one.hook == hook && one.attached)
    }

    /// The role of an actor; `None` when the report has no such actor.
    pub(super) fn role(&self, id: &str) -> Option<Role> {
        self.report.actor(id).map(|actor| actor.role)
    }

    /// Whom a victim's waits are charged to; or why nobody can say. That nobody was asked is not that it was nobody.
    pub(super) fn charges(
        &self,
        victim: &Victim<'a>,
        class: FileClass,
        sort: &Sort,
    ) -> Result<Charges<'a>, NotYet> {
        let Some(rows) = &self.report.blame else { return Err(NotYet(words::no_blame(Lang::En))) };
        if self.lost() >= lines::LOST {
            let coverage = &self.report.coverage;
            return Err(NotYet(who::lost(coverage)));
        }
        let charges = Charges::of(rows, &victim.actor.id, class, sort);
        if charges.is_empty() {
            return Err(NotYet(words::no_blame_of(Lang::En, class.name())));
        }
        Ok(charges)
    }

    /// A victim's waits with and without a culprit, in the calls of syncs.
    pub(super) fn beside(&self, victim: &str, culprit: &str) -> Option<&'a AloneVsShared> {
        let rows = self.report.alone_vs_shared.as_ref()?;
        let mut ours = rows.iter().filter(|row| row.victim == victim && row.culprit == culprit);
        ours.find(|row| matches!(row.call, Call::Fdatasync | Call::Fsync))
    }
}

impl Victim<'_> {
    /// Its waits that can be judged; or that there are too few.
    pub(super) fn judged(&self) -> Result<&[Waiting<'_>], NotYet> {
        match self.too_few {
            Some(count) => Err(NotYet(words::too_few(Lang::En, count, lines::ENOUGH))),
            None => Ok(&self.waitings),
        }
    }

    /// The line for waits of all its classes together.
    pub(super) fn widest_line_ns(&self) -> u64 {
        self.waitings.iter().map(|waiting| waiting.line_ns).max().unwrap_or(lines::SYNC_NS)
    }
}

fn victim(actor: &Actor, window_ns: u64) -> Option<Victim<'_>> {
    let all: Vec<Waiting<'_>> =
        FileClass::ALL.iter().filter_map(|class| Waiting::of(actor, *class)).collect();
    let most = all.iter().map(Waiting::count).max()?;
    let waitings: Vec<Waiting<'_>> =
        all.into_iter().filter(|waiting| waiting.is_enough(window_ns)).collect();
    let too_few = waitings.is_empty().then_some(most);
    Some(Victim { actor, waitings, too_few })
}

/// Whether two distributions say that a culprit at work makes waits longer; `None` when there are too few of either.
pub(super) fn is_longer(row: &AloneVsShared) -> Option<bool> {
    /// Waits on each side.
    const SIDE: u64 = 10;
    let mean = |lat: &Option<Lat>| lat.as_ref().filter(|lat| lat.count >= SIDE)?.mean_ns;
    Some(mean(&row.shared)? > mean(&row.alone)?)
}
