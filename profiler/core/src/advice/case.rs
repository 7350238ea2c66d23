//! A case: one victim, one culprit that the diagnosis names, and the numbers between them.
//!
//! Owns what an action has to know of the pair beside the diagnosis: what the culprit asks of the disk, where it lives, what it
//! shares with the victim. Who is a culprit is not decided here.

use std::collections::BTreeMap;

use super::cgroup_target::CgroupTarget;
use super::demand::{Demand, scaled};
use super::sharing::Sharing;
use super::{Facts, expect};
use crate::diagnosis::charges::{Culprit, To};
use crate::diagnosis::groups::Group;
use crate::diagnosis::{self, Diagnosis, limits};
use crate::facts::{DeviceFacts, DiskControls};
use crate::ids::{Call, Dev, FileClass, Role};
use crate::report::{
    ANYBODY, Actor, AloneVsShared, Blame, Device, Lat, Mechanism, Report, Severity,
};

/// A victim's calls and one culprit.
pub(super) struct Case<'a> {
    pub(super) report: &'a Report,
    pub(super) facts: &'a Facts<'a>,
    /// Who waits, in which call, on files of which class.
    pub(super) victim: &'a Actor,
    pub(super) call: Call,
    pub(super) class: FileClass,
    /// All waits of that sort there, as verdict and findings have them.
    pub(super) waits: Lat,
    /// Who makes it wait: the run with most of it, and all runs.
    pub(super) culprit: &'a Actor,
    /// Of its runs one that has not ended, where there is one: the one that can be acted on.
    pub(super) there: &'a Actor,
    pub(super) runs: Vec<&'a Actor>,
    pub(super) group: Group<'a>,
    /// Programs of backups that the diagnosis names for these waits.
    pub(super) backups: Vec<&'a Actor>,
    /// The part of the victim's wait that is charged to it, 0 to 1, and the same in ns by mechanism.
    pub(super) share: f64,
    pub(super) wait_ns: u64,
    pub(super) mechanisms: BTreeMap<Mechanism, u64>,
    /// Where.
    pub(super) device: Option<&'a Device>,
    pub(super) disk: Option<&'a DeviceFacts>,
    /// The victim's call while the culprit had nothing in the device, and while it had.
    pub(super) alone: Option<&'a Lat>,
    pub(super) shared: Option<&'a Lat>,
    /// The same for all its runs: where there are several, with and without anybody.
    pub(super) of_all_runs: Option<&'a AloneVsShared>,
    /// Others who are not there in the waits without anybody, and stay.
    pub(super) others: Others,
    pub(super) demand: Demand,
    pub(super) sharing: Sharing,
    pub(super) place: CgroupTarget<'a>,
}

/// What those take of the disk who are not acted on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Others {
    /// The part of what the disk can do, 0 to 1.
    pub(super) load: f64,
    /// How long one request of each takes, ns: they may all stand ahead of one of the victim's.
    pub(super) ahead_ns: f64,
}

/// The first few of those whom the diagnosis names as more than worth knowing, in its order, each beside the waits that it is charged
/// with most of.
pub(super) fn cases<'a>(diagnosis: &Diagnosis<'a>, facts: &'a Facts<'a>) -> Vec<Case<'a>> {
    let mut cases: Vec<Case<'a>> = Vec::new();
    for victim in &diagnosis.victims {
        let all = diagnosis::case::contention(diagnosis, victim);
        for found in all.iter().filter(|found| found.severity > Severity::Info) {
            let culprits = found.culprits.iter().filter(|one| one.group.is_within_reach());
            cases.extend(culprits.filter_map(|one| case(found, one, facts)));
        }
    }
    cases.sort_by_key(|case| (diagnosis.place(case.group), std::cmp::Reverse(case.wait_ns)));
    cases.dedup_by_key(|case| case.group);
    cases.truncate(limits::FIRST);
    cases
}

fn case<'a>(
    found: &diagnosis::case::Case<'a, '_>,
    culprit: &Culprit<'a>,
    facts: &'a Facts<'a>,
) -> Option<Case<'a>> {
    let (report, victim) = (found.diagnosis.report, found.victim.actor);
    let charges = found.sort.charges().ok()?;
    let is_its =
        |to: To<'_>, row: &Blame| to == To::Other(culprit.group) && row.mechanism != Mechanism::Cpu;
    let call = charges.call(is_its)?;
    let mechanisms = charges.by(is_its, |row| Some(row.mechanism));
    let name = charges.device(is_its).unwrap_or_default();
    let device = report.devices.iter().find(|device| device.name == name);
    let dev = device.map(|device| Dev { major: device.major, minor: device.minor });
    let disk = facts.devices.iter().find(|disk| Some(disk.dev) == dev);
    let beside = |whom: &str| {
        report.alone_vs_shared.iter().flatten().find(|one| {
            (one.victim.as_str(), one.call, one.culprit.as_str())
                == (victim.id.as_str(), call, whom)
        })
    };
    let runs: Vec<&Actor> =
        culprit.members().into_iter().filter_map(|id| report.actor(id)).collect();
    let first = report.actor(culprit.id)?;
    // What has ended cannot be acted on, where another of them is there.
    let there = runs.iter().copied().find(|run| !run.exited).unwrap_or(first);
    let of_culprit = beside(&first.id);
    let (alone, shared) =
        of_culprit.map_or((None, None), |one| (one.alone.as_ref(), one.shared.as_ref()));
    // Without one of several runs means nothing: the others were there then. Without anybody does, with what others add.
    let (of_all_runs, others) = match runs.len() {
        1 => (of_culprit, Others::default()),
        _ => (beside(ANYBODY), others(found, culprit, facts, device)),
    };
    let active_ns = active_ns(report, &runs, alone, shared);
    let demand = Demand::of(facts, device, &runs, active_ns);
    let sharing = Sharing::of(facts, disk, victim, &runs, &mechanisms);
    let place = CgroupTarget::of(facts, there, victim);
    let is_backup = |one: &&Culprit<'_>| one.group.role() == Some(Role::Backup);
    let backups = found.culprits.iter().filter(is_backup);
    Some(Case {
        report,
        facts,
        victim,
        call,
        class: found.waiting.class,
        waits: found.sort.lat.clone(),
        culprit: first,
        there,
        runs,
        group: culprit.group,
        backups: backups.filter_map(|one| report.actor(one.id)).collect(),
        share: diagnosis::kinds::share(culprit.ns, found.whole_ns),
        wait_ns: culprit.ns,
        mechanisms,
        device,
        disk,
        alone,
        shared,
        of_all_runs,
        others,
        demand,
        sharing,
        place,
    })
}

/// The others who make the victim wait in these calls.
#[expect(clippy::cast_precision_loss, reason = "a share and times as estimates")]
fn others(
    found: &diagnosis::case::Case<'_, '_>,
    culprit: &Culprit<'_>,
    facts: &Facts<'_>,
    device: Option<&Device>,
) -> Others {
    let mut others = Others::default();
    let Ok(charges) = found.sort.charges() else { return others };
    let report = found.diagnosis.report;
    let theirs = charges.culprits(|group, row| {
        group != culprit.group && group.is_within_reach() && row.mechanism != Mechanism::Cpu
    });
    for other in &theirs {
        let runs: Vec<&Actor> =
            other.members().into_iter().filter_map(|id| report.actor(id)).collect();
        let active_ns = active_ns(report, &runs, None, None);
        let demand = Demand::of(facts, device, &runs, active_ns);
        let Some(capability) = demand.capability.filter(|rate| *rate > 0) else { continue };
        others.load += demand.rate() as f64 / capability as f64;
        // At the disk's rate: it is busy with more than one.
        others.ahead_ns += demand.request_bytes() as f64 / capability as f64 * 1e9;
    }
    others
}

/// How long the runs were at work, ns: runs beside each other count like runs after each other. Where that was not seen, by
/// the part of the victim's calls that met it.
fn active_ns(report: &Report, runs: &[&Actor], alone: Option<&Lat>, shared: Option<&Lat>) -> u64 {
    let whole = report.window.duration_ns;
    let seen: Option<Vec<u64>> = runs.iter().map(|run| run.active_ns).collect();
    match seen {
        Some(seen) => seen.into_iter().fold(0, u64::saturating_add).min(whole),
        None => scaled(whole, expect::active_share(runs.len(), alone, shared)),
    }
}

impl Case<'_> {
    /// The disk's number.
    pub(super) fn dev(&self) -> Option<Dev> {
        self.device.map(|device| Dev { major: device.major, minor: device.minor })
    }

    /// The disk that limits of cgroups are set on, by number and name: of an NVMe path that above it, which is the one that can be opened
    /// (drivers/nvme/host/multipath.c; block/blk-cgroup.c, `blkg_conf_open_bdev`).
    pub(super) fn limited(&self) -> Option<(Dev, &str)> {
        let head = self.disk.and_then(|disk| disk.path_of.as_deref());
        match head.map(|head| self.facts.devices.iter().find(|disk| disk.name == head)) {
            Some(head) => head.map(|head| (head.dev, head.name.as_str())),
            None => Some((self.dev()?, self.device_name())),
        }
    }

    /// Whether it is a path of a disk that others open.
    pub(super) fn is_path(&self) -> bool {
        self.disk.is_some_and(|disk| disk.path_of.is_some())
    }

    /// The disk's name.
    pub(super) fn device_name(&self) -> &str {
        self.device.map_or("", |device| &device.name)
    }

    /// The scheduler in use.
    pub(super) fn scheduler(&self) -> Option<&str> {
        let facts = self.disk.and_then(|disk| disk.scheduler.as_deref());
        facts.or_else(|| self.device?.scheduler.as_deref())
    }

    /// What can be set of the disk.
    pub(super) fn disk_controls(&self) -> Option<&DiskControls> {
        self.facts.controls?.disk(self.dev()?)
    }

    /// The part of the victim's calls that met nothing of the culprit's.
    pub(super) fn alone_share(&self) -> f64 {
        1.0 - expect::active_share(1, self.alone, self.shared)
    }

    /// The part of what is charged to the culprit that arose in front of the device, where a scheduler decides; the rest
    /// arose in the device, where it does not.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub(super) fn queue_share(&self) -> f64 {
        let queued = self.mechanisms.get(&Mechanism::Queue).copied().unwrap_or(0);
        queued as f64 / self.wait_ns.max(1) as f64
    }

    /// The culprit's id.
    pub(super) fn actor(&self) -> String {
        self.culprit.id.clone()
    }

    /// The victim's id.
    pub(super) fn victim_id(&self) -> String {
        self.victim.id.clone()
    }

    /// The disk's name, to be kept.
    pub(super) fn disk_name(&self) -> String {
        self.device_name().to_owned()
    }

    /// Whether it is a backup.
    pub(super) fn is_backup(&self) -> bool {
        self.culprit.role == Role::Backup
    }

    /// The base name of the culprit's program.
    pub(super) fn program(&self) -> &str {
        let argv0 = self.culprit.argv.as_ref().and_then(|argv| argv.first());
        let own = self.culprit.exe.as_deref().or(argv0.map(String::as_str));
        crate::argv::base_name(own.or(self.culprit.comm.as_deref()).unwrap_or_default())
    }

    /// The culprit's arguments.
    pub(super) fn argv(&self) -> &[String] {
        self.culprit.argv.as_deref().unwrap_or_default()
    }
}
