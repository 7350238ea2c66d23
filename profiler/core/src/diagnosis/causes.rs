//! Why victims waited: each part of the time with who or what took it, the largest first, all on one base.
//!
//! The base is the waits that are too long, as the verdict has it; where none is, all that are judged.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::charges::{Charges, Culprit, To, join};
use super::groups::Group;
use super::limits::Level;
use super::model::{Diagnosis, Victim};
use super::waits::{Sort, Waiting};
use crate::report::{Blame, Mechanism, Reason};

/// Who or what took a part of the time.
#[derive(Clone, Debug)]
pub(crate) enum By<'a> {
    /// Others, with a name.
    Neighbour(Culprit<'a>),
    /// Others of whom nothing is known.
    Unattributed,
    /// The victim's own IO, and the disk.
    Device,
    /// A limit that holds the victim's own IO back.
    Limit,
    /// No CPU for a thread that was ready.
    NoCpu,
    /// The victim's own time on a CPU.
    OwnWork,
    /// Neither who nor how is known.
    Unexplained,
}

/// A part of the time.
#[derive(Clone, Debug)]
pub(crate) struct Cause<'a> {
    pub(crate) by: By<'a>,
    pub(crate) wait_ns: u64,
    /// How, and how much of it.
    pub(crate) mechanisms: BTreeMap<Mechanism, u64>,
    /// The device on which most of it happened.
    pub(crate) device: Option<&'a str>,
}

/// All of it.
#[derive(Clone, Debug)]
pub(crate) struct Causes<'a> {
    /// The base of all shares.
    pub(crate) whole_ns: u64,
    /// Neighbours in the diagnosis's order among themselves.
    pub(crate) all: Vec<Cause<'a>>,
}

impl<'a> Causes<'a> {
    /// Of some victims; or why nobody can say.
    pub(crate) fn of(diagnosis: &Diagnosis<'a>, victims: &[&Victim<'a>]) -> Result<Self, Reason> {
        let sorts = base(victims);
        let all: Vec<&Charges<'a>> =
            sorts.iter().map(|sort| sort.charges()).collect::<Result<_, _>>()?;
        let whole_ns = all.iter().map(|one| one.whole_ns).fold(0, u64::saturating_add);
        let mut neighbours: Vec<Culprit<'a>> = Vec::new();
        for charges in &all {
            let is_named =
                |group: Group<'_>, row: &Blame| group.is_named() && row.mechanism != Mechanism::Cpu;
            join(&mut neighbours, charges.culprits(is_named));
        }
        let matter = Diagnosis::matter(&neighbours, whole_ns);
        let mut neighbours = diagnosis.in_order(neighbours);
        // As in the verdict.
        neighbours.sort_by_key(|one| !matter.contains(&one.group));
        let neighbours: Vec<Cause<'a>> = neighbours
            .into_iter()
            .map(|one| {
                let group = one.group;
                let keep = move |to: To<'_>, row: &Blame| {
                    to == To::Other(group) && row.mechanism != Mechanism::Cpu
                };
                cause(&all, By::Neighbour(one), keep)
            })
            .collect();
        let is_unnamed = |to: To<'_>, row: &Blame| {
            matches!(to, To::Other(group) if !group.is_named()) && row.mechanism != Mechanism::Cpu
        };
        let is_disk = |to: To<'_>, row: &Blame| {
            let is_known =
                to == To::Own || to == To::Nobody && row.mechanism != Mechanism::Unexplained;
            is_known && row.mechanism != Mechanism::Cpu
        };
        let is_limit =
            |to: To<'_>, row: &Blame| is_disk(to, row) && row.mechanism == Mechanism::Throttle;
        let mut others = vec![
            cause(&all, By::Unattributed, is_unnamed),
            cause(&all, By::Limit, is_limit),
            cause(&all, By::Device, |to, row| is_disk(to, row) && !is_limit(to, row)),
            cause(&all, By::NoCpu, |to, row| to != To::Own && row.mechanism == Mechanism::Cpu),
            cause(&all, By::OwnWork, |to, row| to == To::Own && row.mechanism == Mechanism::Cpu),
        ];
        let told = neighbours.iter().chain(&others).map(|one| one.wait_ns);
        let left = whole_ns.saturating_sub(told.fold(0, u64::saturating_add));
        others.push(Cause {
            by: By::Unexplained,
            wait_ns: left,
            mechanisms: BTreeMap::new(),
            device: None,
        });
        others.retain(|one| one.wait_ns > 0);
        others.sort_by_key(|one| Reverse(one.wait_ns));
        Ok(Self { whole_ns, all: merged(neighbours, others) })
    }

    /// The first neighbour.
    pub(crate) fn first_neighbour(&self) -> Option<&Culprit<'a>> {
        self.all.iter().find_map(|cause| match &cause.by {
            By::Neighbour(culprit) => Some(culprit),
            _ => None,
        })
    }

    /// The device on which most of the time passed; of equal ones the first by name.
    pub(crate) fn device(&self) -> Option<&'a str> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for cause in &self.all {
            if let Some(device) = cause.device {
                let sum = sums.entry(device).or_default();
                *sum = sum.saturating_add(cause.wait_ns);
            }
        }
        sums.into_iter().max_by_key(|(name, ns)| (*ns, Reverse(*name))).map(|(name, _)| name)
    }
}

/// The sorts of waits that are judged: the worst of each class that is above its limit; where none is, all.
fn base<'a, 'c>(victims: &[&'c Victim<'a>]) -> Vec<&'c Sort<'a>> {
    let waitings = || victims.iter().flat_map(|victim| &victim.waitings);
    let above: Vec<&Sort<'a>> = waitings()
        .filter(|waiting| waiting.level() > Level::Fine)
        .filter_map(Waiting::worst)
        .collect();
    if above.is_empty() { waitings().flat_map(Waiting::sorts).collect() } else { above }
}

fn cause<'a>(
    all: &[&Charges<'a>],
    by: By<'a>,
    keep: impl Fn(To<'a>, &Blame) -> bool + Copy,
) -> Cause<'a> {
    let mut mechanisms: BTreeMap<Mechanism, u64> = BTreeMap::new();
    let mut devices: BTreeMap<&str, u64> = BTreeMap::new();
    for charges in all {
        for (mechanism, ns) in charges.by(keep, |row| Some(row.mechanism)) {
            let sum = mechanisms.entry(mechanism).or_default();
            *sum = sum.saturating_add(ns);
        }
        for (device, ns) in charges.by(keep, |row| row.device.as_deref()) {
            let sum = devices.entry(device).or_default();
            *sum = sum.saturating_add(ns);
        }
    }
    let wait_ns = mechanisms.values().fold(0, |sum: u64, ns| sum.saturating_add(*ns));
    let device = devices.into_iter().max_by_key(|(name, ns)| (*ns, Reverse(*name)));
    Cause { by, wait_ns, mechanisms, device: device.map(|(name, _)| name) }
}

/// Both in one list: neighbours keep their order, all others stand by their time.
fn merged<'a>(neighbours: Vec<Cause<'a>>, others: Vec<Cause<'a>>) -> Vec<Cause<'a>> {
    let mut others = others.into_iter().peekable();
    let mut all = Vec::new();
    for neighbour in neighbours.into_iter().filter(|one| one.wait_ns > 0) {
        while let Some(other) = others.next_if(|other| other.wait_ns > neighbour.wait_ns) {
            all.push(other);
        }
        all.push(neighbour);
    }
    all.extend(others);
    all
}
