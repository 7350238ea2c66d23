//! A case: one victim, one culprit, and the numbers between them.
//!
//! Owns what counts as a culprit worth naming. A program that was started again and again (a snapshot every minute) is one
//! culprit: its runs are put together by name and place.

use std::collections::BTreeMap;

use super::demand::{Demand, scaled};
use super::place::Place;
use super::sharing::Sharing;
use super::{Facts, expect};
use crate::facts::{DeviceFacts, DiskControls};
use crate::ids::{Call, Dev, FileClass, Role};
use crate::report::{
    ANYBODY, Actor, AloneVsShared, Blame, Device, Lat, Mechanism, Report, SELF, UNEXPLAINED,
};

/// Share of a victim's wait in a call from which somebody is a culprit.
const MIN_SHARE: f64 = 0.05;
/// Time per call that is charged to somebody from which he is one, ns: far below etcd's 10 ms, above what an SSD's own noise is.
const MIN_PER_CALL_NS: u64 = 300_000;
/// Culprits that are looked at: those with most wait.
const MAX_CASES: usize = 3;

/// A victim's calls and one culprit.
pub(super) struct Case<'a> {
    pub(super) report: &'a Report,
    pub(super) facts: &'a Facts<'a>,
    /// Who waits, in which call, on files of which class.
    pub(super) victim: &'a Actor,
    pub(super) call: Call,
    pub(super) class: FileClass,
    /// All these waits.
    pub(super) waits: &'a Lat,
    /// Who makes it wait: the run with most of it, and all runs.
    pub(super) culprit: &'a Actor,
    pub(super) runs: Vec<&'a Actor>,
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
    pub(super) place: Place<'a>,
}

/// What those take of the disk who are not acted on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Others {
    /// The part of what the disk can do, 0 to 1.
    pub(super) load: f64,
    /// How long one request of each takes, ns: they may all stand ahead of one of the victim's.
    pub(super) ahead_ns: f64,
}

/// The pairs worth looking at, those with most wait first.
pub(super) fn cases<'a>(report: &'a Report, facts: &'a Facts<'a>) -> Vec<Case<'a>> {
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    for row in report.blame.iter().flatten() {
        let Some(culprit) = culprit_of(report, row) else { continue };
        let same = |pair: &&mut Pair<'a>| {
            (pair.rows[0].victim == row.victim)
                && (pair.rows[0].victim_call, pair.rows[0].victim_class)
                    == (row.victim_call, row.victim_class)
                && same_program(pair.culprits[0], culprit)
        };
        match pairs.iter_mut().find(same) {
            Some(pair) => pair.add(culprit, row),
            None => pairs.push(Pair { culprits: vec![culprit], rows: vec![row] }),
        }
    }
    let mut cases: Vec<Case<'a>> =
        pairs.iter().filter_map(|pair| case(report, facts, pair, &pairs)).collect();
    cases.sort_by_key(|case| std::cmp::Reverse(case.wait_ns));
    // One culprit hurts in several calls: the worst of them stands for all.
    let mut kept: Vec<Case<'a>> = Vec::new();
    for case in cases {
        if kept.len() < MAX_CASES && !kept.iter().any(|one| same_program(one.culprit, case.culprit))
        {
            kept.push(case);
        }
    }
    kept
}

struct Pair<'a> {
    culprits: Vec<&'a Actor>,
    rows: Vec<&'a Blame>,
}

impl<'a> Pair<'a> {
    fn add(&mut self, culprit: &'a Actor, row: &'a Blame) {
        if !self.culprits.iter().any(|one| one.id == culprit.id) {
            self.culprits.push(culprit);
        }
        self.rows.push(row);
    }

    fn wait_of(&self, actor: &Actor) -> u64 {
        let rows = self.rows.iter().filter(|row| row.culprit == actor.id);
        rows.fold(0, |sum: u64, row| sum.saturating_add(row.wait_ns))
    }
}

/// The actor that is charged, where it is somebody who can be dealt with.
fn culprit_of<'a>(report: &'a Report, row: &Blame) -> Option<&'a Actor> {
    if row.culprit == SELF || row.culprit == UNEXPLAINED {
        return None;
    }
    let actor = report.actor(&row.culprit)?;
    (!matches!(actor.role, Role::Kernel | Role::Unattributed)).then_some(actor)
}

/// The same program in the same place: one that is started again gets another number, and a job's pod another cgroup.
fn same_program(one: &Actor, other: &Actor) -> bool {
    let place = |actor: &Actor| {
        let path = actor.cgroup.clone().unwrap_or_default();
        if crate::cgroup::pod(&path).is_some() { "pod".to_owned() } else { path }
    };
    one.id == other.id
        || (one.comm.is_some() && one.comm == other.comm && place(one) == place(other))
}

fn case<'a>(
    report: &'a Report,
    facts: &'a Facts<'a>,
    pair: &Pair<'a>,
    pairs: &[Pair<'a>],
) -> Option<Case<'a>> {
    let first = *pair.rows.first()?;
    let victim = report.actor(&first.victim)?;
    let of_call = |wait: &&crate::report::Wait| {
        (wait.call, wait.file_class) == (first.victim_call, first.victim_class)
    };
    let waits = &victim.waits.iter().find(of_call)?.latency;
    let share: f64 = pair.rows.iter().map(|row| row.share).sum();
    let mut mechanisms: BTreeMap<Mechanism, u64> = BTreeMap::new();
    let mut devices: BTreeMap<&str, u64> = BTreeMap::new();
    for row in &pair.rows {
        let sum = mechanisms.entry(row.mechanism).or_default();
        *sum = sum.saturating_add(row.wait_ns);
        let sum = devices.entry(row.device.as_deref().unwrap_or_default()).or_default();
        *sum = sum.saturating_add(row.wait_ns);
    }
    let wait_ns = mechanisms.values().copied().fold(0, u64::saturating_add);
    if share < MIN_SHARE || wait_ns.checked_div(waits.count)? < MIN_PER_CALL_NS {
        return None;
    }
    let culprit = *pair.culprits.iter().max_by_key(|actor| pair.wait_of(actor))?;
    let name = devices.into_iter().max_by_key(|(_, ns)| *ns).map(|(name, _)| name)?;
    let device = report.devices.iter().find(|device| device.name == name);
    let dev = device.map(|device| Dev { major: device.major, minor: device.minor });
    let disk = facts.devices.iter().find(|disk| Some(disk.dev) == dev);
    let beside = |whom: &str| {
        report.alone_vs_shared.iter().flatten().find(|one| {
            (one.victim.as_str(), one.call, one.culprit.as_str())
                == (victim.id.as_str(), first.victim_call, whom)
        })
    };
    let runs = pair.culprits.clone();
    let of_culprit = beside(&culprit.id);
    let (alone, shared) =
        of_culprit.map_or((None, None), |one| (one.alone.as_ref(), one.shared.as_ref()));
    // Without one of several runs means nothing: the others were there then. Without anybody does, with what others add.
    let (of_all_runs, others) = match runs.len() {
        1 => (of_culprit, Others::default()),
        _ => (beside(ANYBODY), others(report, facts, device, pair, pairs)),
    };
    let active_ns = active_ns(report, &runs, alone, shared);
    let demand = Demand::of(facts, device, &runs, active_ns);
    let sharing = Sharing::of(facts, disk, victim, &runs, &mechanisms);
    let place = Place::of(facts, culprit, victim);
    Some(Case {
        report,
        facts,
        victim,
        call: first.victim_call,
        class: first.victim_class,
        waits,
        culprit,
        runs,
        share,
        wait_ns,
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
    report: &Report,
    facts: &Facts<'_>,
    device: Option<&Device>,
    pair: &Pair<'_>,
    pairs: &[Pair<'_>],
) -> Others {
    let theirs = pairs.iter().filter(|other| {
        let (one, other) = (pair.rows[0], other.rows[0]);
        (&one.victim, one.victim_call, one.victim_class)
            == (&other.victim, other.victim_call, other.victim_class)
            && one.culprit != other.culprit
    });
    let mut others = Others::default();
    for other in theirs {
        let active_ns = active_ns(report, &other.culprits, None, None);
        let demand = Demand::of(facts, device, &other.culprits, active_ns);
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

    /// What the culprit is called in sentences.
    pub(super) fn culprit_name(&self) -> String {
        name(self.culprit)
    }

    /// What the victim is called in sentences.
    pub(super) fn victim_name(&self) -> String {
        name(self.victim)
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

/// Name and number.
fn name(actor: &Actor) -> String {
    match (&actor.comm, actor.pid) {
        (Some(comm), Some(pid)) => format!("{comm} {pid}"),
        (Some(comm), None) => comm.clone(),
        _ => actor.id.clone(),
    }
}
