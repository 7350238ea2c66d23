//! Stalls, each judged on its own: what makes the largest part of it, and whose it is.
//!
//! A whole window's percentile cannot see a second in which everything stood still. So a stall has a cause, or none is known, whatever
//! the window's waits are like; that no culprit was found is not that there was no cause.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::charges::{Culprit, add, join};
use super::groups::Group;
use super::kinds::share;
use super::limits;
use super::shares::By;
use crate::report::{Mechanism, Mostly, OTHERS, Report, SELF, Stall, StallCause, UNEXPLAINED};

/// A stall, judged.
pub(crate) struct Stalled<'a> {
    pub(crate) stall: &'a Stall,
    /// Time of its long syncs, ns, by whom it is charged to.
    pub(crate) shares: StallShares<'a>,
}

/// Time of stalls by whom it is charged to, ns.
#[derive(Default)]
pub(crate) struct StallShares<'a> {
    pub(crate) whole: u64,
    /// Others with a name.
    pub(crate) named: u64,
    /// The disk itself, a limit, or the victim's own requests.
    pub(crate) disk: u64,
    /// On a CPU, or without one.
    pub(crate) cpu: u64,
    /// Others without a name, or not known.
    pub(crate) unknown: u64,
    /// Each of the others with a name: groups.
    pub(crate) culprits: Vec<Culprit<'a>>,
}

impl<'a> StallShares<'a> {
    fn of(stall: &'a Stall, groups: &BTreeMap<&'a str, Group<'a>>) -> Self {
        let mut all = Self::default();
        for cause in &stall.causes {
            all.charge(cause, groups);
        }
        all.whole = stall.wait_ns.max(all.told());
        all.unknown = all.unknown.saturating_add(all.whole - all.told());
        all.culprits.sort_by_key(|one| (Reverse(one.ns), one.group));
        all
    }

    fn charge(&mut self, cause: &'a StallCause, groups: &BTreeMap<&'a str, Group<'a>>) {
        let StallCause { culprit, mechanism, wait_ns, .. } = cause;
        let sum = match (culprit.as_str(), mechanism) {
            (_, Some(Mechanism::Cpu)) => &mut self.cpu,
            (OTHERS, _) | (UNEXPLAINED, Some(Mechanism::Unexplained) | None) => &mut self.unknown,
            (SELF | UNEXPLAINED, _) => &mut self.disk,
            (id, _) => match groups.get(id).filter(|group| group.is_named()) {
                Some(group) => {
                    add(&mut self.culprits, *group, id, *wait_ns);
                    &mut self.named
                }
                None => &mut self.unknown,
            },
        };
        *sum = sum.saturating_add(*wait_ns);
    }

    fn told(&self) -> u64 {
        [self.named, self.disk, self.cpu, self.unknown].into_iter().fold(0, u64::saturating_add)
    }

    /// Adds those of another stall.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (sum, ns) in [
            (&mut self.whole, other.whole),
            (&mut self.named, other.named),
            (&mut self.disk, other.disk),
            (&mut self.cpu, other.cpu),
            (&mut self.unknown, other.unknown),
        ] {
            *sum = sum.saturating_add(ns);
        }
        join(&mut self.culprits, other.culprits.clone());
        self.culprits.sort_by_key(|one| (Reverse(one.ns), one.group));
    }

    /// The largest part; of equal ones the first of these.
    pub(crate) fn largest(&self) -> By {
        let parts = [
            (By::Nobody, self.unknown),
            (By::Cpu, self.cpu),
            (By::Disk, self.disk),
            (By::Named, self.named),
        ];
        parts.into_iter().max_by_key(|(_, ns)| *ns).map_or(By::Nobody, |(by, _)| by)
    }

    /// What makes the largest part, as reports have it.
    pub(crate) fn mostly(&self) -> Mostly {
        match self.largest() {
            By::Named => Mostly::Others,
            By::Disk => Mostly::Disk,
            By::Cpu => Mostly::Cpu,
            By::Nobody => Mostly::Unknown,
        }
    }

    /// Those whose share is worth naming, most first; the first always.
    pub(crate) fn worth_naming(&self) -> Vec<Culprit<'a>> {
        let all = self.culprits.iter().enumerate();
        let named = all.filter(|(at, one)| *at == 0 || share(one.ns, self.whole) >= limits::NAMED);
        named.map(|(_, one)| one.clone()).take(limits::FIRST).collect()
    }
}

impl<'a> Stalled<'a> {
    /// Stalls of a report's targets on files that a line is known for.
    pub(super) fn of_all(report: &'a Report, groups: &BTreeMap<&'a str, Group<'a>>) -> Vec<Self> {
        let is_judged = |stall: &&Stall| {
            let victim = report.actor(&stall.victim).filter(|actor| report.is_target(&actor.id));
            victim.is_some_and(|actor| limits::of(actor.role, stall.file_class).is_some())
        };
        let stalls = report.stalls.iter().flatten().filter(is_judged);
        stalls.map(|stall| Self { stall, shares: StallShares::of(stall, groups) }).collect()
    }

    /// Whether others with a name make most of it, and so much that it matters.
    pub(crate) fn has_culprit(&self) -> bool {
        let StallShares { named, whole, .. } = self.shares;
        share(named, whole) >= limits::MOST && named >= limits::STALL_FLOOR_NS
    }

    /// Who stalls the victim, most first; nobody where others do not make most of it.
    pub(crate) fn culprits(&self) -> Vec<Culprit<'a>> {
        if self.has_culprit() { self.shares.worth_naming() } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{FileClass, Role};
    use crate::report::{Actor, Host, Target, Tool, Window};

    const MS: u64 = 1_000_000;

    fn cause(culprit: &str, mechanism: Mechanism, ms: u64) -> StallCause {
        StallCause {
            culprit: culprit.into(),
            mechanism: Some(mechanism),
            device: None,
            wait_ns: ms * MS,
        }
    }

    /// An etcd with one stall, beside two runs of a backup and kernel threads that are nobody.
    fn report(file_class: FileClass, wait_ms: u64, causes: Vec<StallCause>) -> Report {
        let mut report = Report::new(Tool::default(), Host::default(), Window::default());
        let actor = |id: &str, comm: &str, role| Actor {
            id: id.into(),
            comm: Some(comm.into()),
            role,
            ..Actor::default()
        };
        report.actors = vec![
            actor("1@1", "etcd", Role::Etcd),
            actor("2@2", "etcdctl", Role::Backup),
            actor("3@3", "etcdctl", Role::Backup),
            Actor { id: "unattributed:x:vda".into(), role: Role::Unattributed, ..Actor::default() },
        ];
        report.targets = vec![Target { selector: "auto".into(), actors: vec!["1@1".into()] }];
        let stall = Stall {
            victim: "1@1".into(),
            file_class,
            wait_ns: wait_ms * MS,
            causes,
            ..Stall::default()
        };
        report.stalls = Some(vec![stall]);
        report
    }

    /// What makes most of a stall, whether it has a culprit, and each of these with its ms.
    type Judged = (Mostly, bool, Vec<(String, u64)>);

    fn judged(report: &Report) -> Vec<Judged> {
        let groups = Group::of_all(report);
        let all = Stalled::of_all(report, &groups);
        let named = |one: &Stalled<'_>| {
            let culprits = one.culprits().into_iter();
            culprits.map(|one| (one.id.to_owned(), one.ns / MS)).collect()
        };
        all.iter().map(|one| (one.shares.mostly(), one.has_culprit(), named(one))).collect()
    }

    /// Property: runs of one program are one culprit, by the run with most.
    #[test]
    fn runs_of_one_program_stall_together() {
        let causes = vec![
            cause("2@2", Mechanism::Queue, 40),
            cause("3@3", Mechanism::Journal, 50),
            cause(SELF, Mechanism::Device, 30),
        ];
        let report = report(FileClass::Wal, 130, causes);
        assert_eq!(judged(&report), [(Mostly::Others, true, vec![("3@3".into(), 90)])]);
    }

    /// Property: what no record told of, what nobody could be named for, and what nobody explains is not known; it makes nobody guilty.
    #[test]
    fn what_is_not_known_is_nobodys() {
        for causes in [
            vec![],
            vec![cause(UNEXPLAINED, Mechanism::Unexplained, 130)],
            vec![
                cause("unattributed:x:vda", Mechanism::Queue, 120),
                cause("2@2", Mechanism::Queue, 10),
            ],
        ] {
            let judged = judged(&report(FileClass::Wal, 130, causes));
            assert_eq!((judged[0].0, judged[0].1), (Mostly::Unknown, false));
        }
    }

    /// Property: the disk's own time and that without a CPU have no culprit, and neither has a share below most.
    #[test]
    fn a_stall_of_the_disk_or_the_cpu_has_no_culprit() {
        let of = |causes| judged(&report(FileClass::Db, 200, causes))[0].clone();
        let disk =
            of(vec![cause(SELF, Mechanism::Flush, 90), cause(UNEXPLAINED, Mechanism::Device, 110)]);
        assert_eq!((disk.0, disk.1), (Mostly::Disk, false));
        let cpu =
            of(vec![cause(UNEXPLAINED, Mechanism::Cpu, 150), cause("2@2", Mechanism::Queue, 50)]);
        assert_eq!((cpu.0, cpu.1), (Mostly::Cpu, false));
        let some =
            of(vec![cause("2@2", Mechanism::Queue, 95), cause(SELF, Mechanism::Device, 105)]);
        assert_eq!((some.0, some.1), (Mostly::Disk, false));
    }

    /// Property: a heartbeat of a millisecond makes no culprit of who takes a millisecond.
    #[test]
    fn a_short_stall_has_no_culprit() {
        let short = judged(&report(FileClass::Wal, 40, vec![cause("2@2", Mechanism::Queue, 40)]));
        assert_eq!((short[0].0, short[0].1), (Mostly::Others, false));
    }

    /// Property: syncs of files that clients do not wait for are no stalls of theirs.
    #[test]
    fn only_files_with_a_line_are_judged() {
        assert!(judged(&report(FileClass::Snap, 500, vec![])).is_empty());
    }
}
