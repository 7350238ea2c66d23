//! The windows that are compared: what a victim waited and what the others moved, from reports of about a second each.

use std::collections::{BTreeMap, BTreeSet};

use super::verify::Second;
use crate::hist::Dist;
use crate::ids::{Call, FileClass};
use crate::report::{Actor, Advice, Report, Wait};

/// Whose waits are compared, and who was at work meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The call; without one, every call that syncs.
    pub call: Option<Call>,
    /// On files of which class; without one, all.
    pub file_class: Option<FileClass>,
    /// The culprit; without one, everybody who is no target.
    pub culprit: Option<Culprit>,
}

/// Runs of one program in one place: a backup that ends and starts again is the same culprit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Culprit {
    comm: Option<String>,
    cgroup: Option<String>,
}

impl Culprit {
    fn of(actor: &Actor) -> Self {
        Self { comm: actor.comm.clone(), cgroup: actor.cgroup.clone() }
    }
}

/// What one report shows.
#[derive(Clone, Debug, Default)]
pub struct Look {
    waits: Dist,
    /// Devices that the targets used.
    own: BTreeSet<String>,
    /// Bytes of the others by device.
    others: BTreeMap<String, u64>,
    duration_ns: u64,
}

impl Subject {
    /// What an advice promises to make shorter.
    pub fn of(advice: &Advice, report: &Report) -> Self {
        let culprit = advice.culprit.as_deref().and_then(|id| report.actor(id));
        Self {
            call: advice.effect.as_ref().map(|effect| effect.call),
            file_class: advice.effect.as_ref().and_then(|effect| effect.file_class),
            culprit: culprit.map(Culprit::of),
        }
    }

    /// Takes it out of a report.
    pub fn look(&self, report: &Report) -> Look {
        let mut look = Look { duration_ns: report.window.duration_ns, ..Look::default() };
        for actor in &report.actors {
            if report.is_target(&actor.id) {
                let waits = actor.waits.iter().filter(|wait| self.is_about(wait));
                waits.for_each(|wait| look.waits.merge(&wait.latency.to_dist()));
                look.own.extend(actor.io.iter().map(|io| io.device.clone()));
            } else if self.is_culprit(actor) {
                for io in &actor.io {
                    *look.others.entry(io.device.clone()).or_default() += io.bytes;
                }
            }
        }
        look
    }

    fn is_about(&self, wait: &Wait) -> bool {
        self.call.map_or_else(|| wait.call.syncs_a_file(), |call| wait.call == call)
            && self.file_class.is_none_or(|class| wait.file_class == class)
    }

    fn is_culprit(&self, actor: &Actor) -> bool {
        self.culprit.as_ref().is_none_or(|culprit| Culprit::of(actor) == *culprit)
    }
}

/// A window's seconds. What others did on disks that the targets do not use is none of their business.
pub fn seconds(looks: &[Look]) -> Vec<Second> {
    let own: BTreeSet<&String> = looks.iter().flat_map(|look| &look.own).collect();
    let others = |look: &Look| {
        look.others.iter().filter(|(device, _)| own.contains(device)).map(|(_, bytes)| bytes).sum()
    };
    let second = |look: &Look| Second {
        waits: look.waits.clone(),
        others_bytes: others(look),
        duration_ns: look.duration_ns,
    };
    looks.iter().map(second).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    // Property: of a report only the target's waits in the call that is meant count, and only the culprit's bytes on the
    // target's disks.
    #[test]
    fn only_what_is_meant_counts() {
        let report = sample::report();
        let target = report.actors.iter().find(|actor| report.is_target(&actor.id)).unwrap();
        let all = Subject::default().look(&report);
        let syncs = target.waits.iter().filter(|wait| wait.call.syncs_a_file());
        assert_eq!(all.waits.count(), syncs.map(|wait| wait.latency.count).sum::<u64>());
        assert!(all.waits.count() > 0);

        let wal = Subject {
            call: Some(Call::Fdatasync),
            file_class: Some(FileClass::Wal),
            culprit: None,
        };
        let of_wal = wal.look(&report).waits.count();
        assert!((1..all.waits.count()).contains(&of_wal), "{of_wal} of {}", all.waits.count());
        let none = Subject { call: Some(Call::Read), ..Subject::default() };
        assert_eq!(none.look(&report).waits.count(), 0);

        let other = report.actors.iter().find(|a| !report.is_target(&a.id) && !a.io.is_empty());
        let culprit = Subject { culprit: other.map(Culprit::of), ..Subject::default() };
        let bytes = |subject: &Subject| seconds(&[subject.look(&report)])[0].others_bytes;
        let own: u64 = other.unwrap().io.iter().map(|io| io.bytes).sum();
        assert_eq!(bytes(&culprit), own);
        assert!(bytes(&Subject::default()) > own);
        let elsewhere = Look { own: BTreeSet::new(), ..culprit.look(&report) };
        assert_eq!(seconds(&[elsewhere])[0].others_bytes, 0);
    }
}
