//! The diagnosis of a report: its victims, and who makes them wait, in order.

use std::cmp::Reverse;

use super::charges::{Culprit, join};
use super::groups::Group;
use super::kinds::share;
use super::limits;
use super::shares::Shares;
use super::source::{self, Source};
use super::stalls::{StallShares, Stalled};
use super::unseen::Unseen;
use super::waits::Waiting;
use crate::ids::{Call, FileClass};
use crate::report::{Actor, AloneVsShared, Lat, Mechanism, Reason, Report};

/// What a report comes to.
pub(crate) struct Diagnosis<'a> {
    pub(crate) report: &'a Report,
    /// Targets that waited on files a line is known for.
    pub(crate) victims: Vec<Victim<'a>>,
    /// Their stalls, the first first.
    pub(crate) stalls: Vec<Stalled<'a>>,
    /// Everybody who makes them wait, whoever is charged with most of all their waits first; of equal ones the first by name.
    order: Vec<Culprit<'a>>,
}

/// A target that waited.
pub(crate) struct Victim<'a> {
    pub(crate) actor: &'a Actor,
    /// Its waits by class of file, those with enough to judge by.
    pub(crate) waitings: Vec<Waiting<'a>>,
    /// Why none of its waits can be judged; `None` where some can.
    nothing: Option<Reason>,
    /// Why its syncs on a class of files are not judged, whatever is known of others.
    pub(crate) not_timed: Option<Reason>,
}

impl<'a> Diagnosis<'a> {
    /// That of a report.
    pub(crate) fn of(report: &'a Report) -> Self {
        let targets = report.actors.iter().filter(|actor| report.is_target(&actor.id));
        let window_ns = report.window.duration_ns;
        let groups = Group::of_all(report);
        let source = Source { report, groups: &groups };
        let unseen = Unseen::of(report);
        let victims: Vec<Victim<'a>> =
            targets.filter_map(|actor| victim(&source, &unseen, actor, window_ns)).collect();
        let mut all: Vec<Culprit<'a>> = Vec::new();
        let sorts = victims.iter().flat_map(|victim| &victim.waitings).flat_map(Waiting::sorts);
        for charges in sorts.filter_map(|sort| sort.charges().ok()) {
            join(&mut all, charges.culprits(|_, row| row.mechanism != Mechanism::Cpu));
        }
        all.sort_by_key(|one| (Reverse(one.ns), one.group));
        // A sleep in a sync that nothing times is no stall.
        let is_timed = |one: &Stalled<'_>| {
            let mut own = victims.iter().filter(|victim| victim.actor.id == one.stall.victim);
            own.all(|victim| victim.not_timed.is_none())
        };
        let stalls = Stalled::of_all(report, &groups).into_iter().filter(is_timed).collect();
        Self { report, victims, stalls, order: all }
    }

    /// Culprits in the one order in which they stand everywhere, each group by the one that stands for it everywhere. Who is charged
    /// with nothing but the CPU stands last.
    pub(crate) fn in_order(&self, mut culprits: Vec<Culprit<'a>>) -> Vec<Culprit<'a>> {
        culprits.sort_by_key(|one| self.place(one.group));
        for one in &mut culprits {
            let known = self.order.iter().find(|known| known.group == one.group);
            one.id = known.map_or(one.id, |known| known.id);
        }
        culprits
    }

    /// The place of a group in that order.
    pub(crate) fn place(&self, group: Group<'a>) -> (usize, Group<'a>) {
        let at = self.order.iter().position(|known| known.group == group);
        (at.unwrap_or(self.order.len()), group)
    }

    /// The first few of the others with a name, by id: the one with most, and who matters beside it.
    pub(crate) fn first_culprits(&self, shares: &Shares<'a>) -> Vec<String> {
        let matter = Self::matter(&shares.culprits, shares.whole);
        let all = self.in_order(shares.culprits.clone()).into_iter();
        let all = all.filter(|one| matter.contains(&one.group));
        all.take(limits::FIRST).map(|one| one.id.to_owned()).collect()
    }

    /// Those who matter in a time: the one with most of it, and who has a share that does.
    pub(super) fn matter(culprits: &[Culprit<'a>], whole_ns: u64) -> Vec<Group<'a>> {
        let most = culprits.iter().map(|one| one.ns).max();
        let matters =
            |one: &&Culprit<'_>| Some(one.ns) == most || share(one.ns, whole_ns) >= limits::SHARE;
        culprits.iter().filter(matters).map(|one| one.group).collect()
    }

    /// The id that stands for an actor: of the group that it is charged with; else its own.
    pub(crate) fn stands_for(&self, id: &'a str) -> &'a str {
        self.order.iter().find(|one| one.has(id)).map_or(id, |one| one.id)
    }

    /// Those who stall a victim, as the finding about it names them.
    pub(super) fn stallers(&self, victim: &Victim<'a>) -> Vec<Group<'a>> {
        let own = self.stalls.iter().filter(|one| one.stall.victim == victim.actor.id);
        let mut all = StallShares::default();
        own.filter(|one| one.has_culprit()).for_each(|one| all.merge(&one.shares));
        all.worth_naming().into_iter().map(|one| one.group).collect()
    }

    /// Whether most of each victim's waits is explained, by whom or how. What was not asked is not explained.
    pub(crate) fn is_explained(&self) -> bool {
        let is_explained = |victim: &Victim<'a>| {
            let mut all = Shares::default();
            let mut sorts = victim.waitings.iter().flat_map(Waiting::sorts);
            sorts.all(|sort| sort.charges().map(|charges| all.add(charges)).is_ok())
                && all.of(all.unnamed.saturating_add(all.unknown)) < limits::MOST
        };
        !self.victims.is_empty() && self.victims.iter().all(is_explained)
    }

    /// Share of events that were lost.
    pub(crate) fn lost(&self) -> f64 {
        source::lost(self.report)
    }

    /// That so many events were lost.
    pub(crate) fn events_lost(&self) -> Reason {
        source::events_lost(self.report)
    }

    /// Share of bytes that were given to nobody.
    pub(crate) fn unattributed(&self) -> f64 {
        let coverage = &self.report.coverage;
        share(coverage.attribution.unattributed, coverage.io_bytes)
    }

    /// Whether a hook is in place.
    pub(crate) fn is_attached(&self, hook: &str) -> bool {
        self.report.coverage.attached.iter().any(|one| one.hook == hook && one.attached)
    }

    /// A victim's syncs with and without a culprit, where that is one alone: of several, those without one are beside the others.
    pub(crate) fn beside(&self, victim: &str, culprit: &Culprit<'_>) -> Option<&'a AloneVsShared> {
        (culprit.runs() == 1).then(|| self.beside_id(victim, culprit.id)).flatten()
    }

    pub(super) fn beside_id(&self, victim: &str, culprit: &str) -> Option<&'a AloneVsShared> {
        let rows = self.report.alone_vs_shared.as_ref()?;
        let mut ours = rows.iter().filter(|row| row.victim == victim && row.culprit == culprit);
        ours.find(|row| matches!(row.call, Call::Fdatasync | Call::Fsync))
    }
}

impl<'a> Victim<'a> {
    /// Its waits that can be judged; or that there are too few.
    pub(crate) fn judged(&self) -> Result<&[Waiting<'a>], Reason> {
        match &self.nothing {
            Some(why) => Err(why.clone()),
            None => Ok(&self.waitings),
        }
    }

    /// The line for waits of all its classes together.
    pub(crate) fn widest_limit_ns(&self) -> u64 {
        self.waitings.iter().map(|waiting| waiting.limit_ns).max().unwrap_or(limits::SYNC_NS)
    }
}

fn victim<'a>(
    source: &Source<'a, '_>,
    unseen: &Unseen<'_>,
    actor: &'a Actor,
    window_ns: u64,
) -> Option<Victim<'a>> {
    let all: Vec<Waiting<'_>> =
        FileClass::ALL.iter().filter_map(|class| Waiting::of(source, actor, *class)).collect();
    let most = all.iter().map(Waiting::count).max();
    // Who waits on nothing that is seen may sync all the same.
    let not_timed = match most {
        Some(_) => all.iter().find_map(|waiting| unseen.reason(waiting.path)),
        None => unseen.reason(None),
    };
    let is_seen = |waiting: &Waiting<'_>| unseen.reason(waiting.path).is_none();
    let waitings: Vec<Waiting<'_>> = all
        .into_iter()
        .filter(|waiting| is_seen(waiting) && waiting.is_enough(window_ns))
        .collect();
    let too_few = most.map(|count| Reason::TooFewWaits { count, needed: limits::ENOUGH });
    let nothing = not_timed.clone().or(too_few)?;
    let nothing = waitings.is_empty().then_some(nothing);
    Some(Victim { actor, waitings, nothing, not_timed })
}

/// Whether two distributions say that a culprit at work makes waits longer; `None` when there are too few of either.
pub(crate) fn is_longer(row: &AloneVsShared) -> Option<bool> {
    let mean = |lat: &Option<Lat>| lat.as_ref().filter(|lat| lat.count >= limits::SIDE)?.mean_ns;
    Some(mean(&row.shared)? > mean(&row.alone)?)
}
