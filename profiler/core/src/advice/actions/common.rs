//! What actions have in common: the numbers of a case, refusals, commands of changes.

use crate::advice::case::Case;
use crate::advice::cgroup_target::{Manager, SetVia, Unsettable};
use crate::advice::demand::scaled;
use crate::advice::expect::{self, Held};
use crate::advice::forms::{argv, systemd};
use crate::advice::judgement::{Danger, Judgement, Recommendation, Refusal};
use crate::change::Change;
use crate::report::{Action, Effect, Expected, Risk, Share, Verify, Waits, Why};

/// Part of the disk that is left to a culprit that is held back: at a fifth a reader did no harm any more (D11).
pub(super) const LEFT: f64 = 0.2;
/// How long a burst of the culprit may stand in the way: what may be dirty at once is what the disk writes in that time.
const BURST_NS: u64 = 250_000_000;
/// A backlog smaller than this makes a writer wait for every few pages.
const MIN_BACKLOG: u64 = 4 << 20;

/// A refusal about this culprit.
pub(super) fn refused(case: &Case<'_>, action: Action, reason: Why) -> Judgement {
    Judgement::Refused(Refusal { action, reason, culprit: Some(case.actor()) })
}

/// Refuses what is expected to change too little; what cannot be told is tried.
pub(super) fn not_worth(
    case: &Case<'_>,
    action: &Action,
    effect: Option<&Effect>,
) -> Option<Judgement> {
    let effect = effect.filter(|effect| !expect::is_worth(effect))?;
    let (before_ns, after_ns) = (effect.p99_before_ns, effect.p99_expected_ns);
    let why = Why::NotWorth { waits: waits_of(case), before_ns, after_ns };
    Some(refused(case, action.clone(), why))
}

/// Why a place cannot be used.
pub(super) fn unfit(case: &Case<'_>, action: Action, file: &str, unfit: Unsettable) -> Judgement {
    let actor = case.actor();
    let parent = case.place.controls.and_then(|cgroup| cgroup.io_ends_at.as_deref()).unwrap_or("/");
    let controller = |name: &str| Why::NoController { controller: name.to_owned() };
    let is_memory = file.starts_with("memory");
    let why = match unfit {
        Unsettable::Root => Why::RootCgroup { actor },
        Unsettable::Launcher(unit) => Why::InLauncher { actor, unit },
        Unsettable::WithVictim => Why::WithVictim { actor, victim: case.victim_id() },
        Unsettable::NoController if is_memory => controller("memory"),
        Unsettable::NoController if is_v1(case) => Why::V1Io,
        Unsettable::NoController => controller("io"),
        Unsettable::Gone => Why::CgroupGone { actor },
        Unsettable::NotPassedOn => Why::NotPassedOn { parent: parent.to_owned() },
        Unsettable::NoFile => Why::NoFile { file: file.to_owned() },
        Unsettable::Unknown => Why::CgroupUnknown { actor },
        Unsettable::NotPlain => Why::CgroupNotPlain { actor },
    };
    refused(case, action, why)
}

/// Whether IO is accounted by version 1.
pub(super) fn is_v1(case: &Case<'_>) -> bool {
    use crate::report::CgroupVersion;
    let by_version =
        matches!(case.report.host.cgroup_version, Some(CgroupVersion::V1 | CgroupVersion::Hybrid));
    // A hybrid host can have the io controller on version 2.
    by_version && !case.facts.controls.is_some_and(|all| all.has_controller("io"))
}

/// Begins a recommendation about this culprit.
pub(super) fn recommended(
    case: &Case<'_>,
    action: Action,
    reason: Why,
    effect: Option<Effect>,
    danger: Danger,
) -> Recommendation {
    Recommendation {
        action,
        reason,
        culprit: Some(case.actor()),
        expected: expected(case, effect.as_ref()),
        effect,
        risks: vec![Risk::CulpritSlower],
        danger,
        changes: Vec::new(),
        apply: Vec::new(),
        undo: Vec::new(),
        verify: Verify::Compare { waits: waits_of(case) },
        structural: false,
    }
}

/// Begins a recommendation that takes another disk, host or plan.
pub(super) fn structural(
    case: &Case<'_>,
    action: Action,
    reason: Why,
    effect: Option<Effect>,
    risk: Risk,
) -> Recommendation {
    Recommendation {
        risks: vec![risk],
        structural: true,
        ..recommended(case, action, reason, effect, Danger::High)
    }
}

/// The victim's waits that the expected numbers are about.
fn waits_of(case: &Case<'_>) -> Waits {
    let file_class = expect::without(case).map_or(Some(case.class), |without| without.class);
    Waits { victim: case.victim_id(), call: case.call, file_class }
}

/// What to expect.
fn expected(case: &Case<'_>, effect: Option<&Effect>) -> Expected {
    match effect {
        Some(_) => Expected::Effect,
        None if expect::without(case).is_none() => {
            Expected::TooFewWaits { waits: waits_of(case), count: case.waits.count }
        }
        None => Expected::NotMeasured { waits: waits_of(case) },
    }
}

/// The share of the wait that is charged to the culprit.
pub(super) fn share(case: &Case<'_>) -> Share {
    Share::of(case.share)
}

/// The effect of the culprit being gone from the disk.
pub(super) fn gone(case: &Case<'_>) -> Option<Effect> {
    expect::effect(case, Held { slowdown: Some(1.0), ..Held::default() })
}

/// The effect of the victim being on a disk of its own.
pub(super) fn elsewhere(case: &Case<'_>) -> Option<Effect> {
    let held = Held { victim_elsewhere: true, slowdown: Some(1.0), ..Held::default() };
    expect::effect(case, held)
}

/// What may be dirty at once so that a burst stays short; `None` without a rate of the disk.
pub(super) fn backlog_bytes(case: &Case<'_>) -> Option<u64> {
    let rate = case.demand.capability?;
    Some(scaled(rate, ns_to_s(BURST_NS)).max(MIN_BACKLOG) >> 20 << 20)
}

#[expect(clippy::cast_precision_loss, reason = "a quarter of a second")]
fn ns_to_s(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// These risks, and what the place adds: others in it, its manager, a stack of disks.
pub(super) fn place_risks(case: &Case<'_>, mut all: Vec<Risk>) -> Vec<Risk> {
    if case.place.has_others()
        && let Some(cgroup) = case.place.path.clone()
    {
        all.push(Risk::CgroupSlower { cgroup });
    }
    match case.place.manager {
        Manager::Pod => all.push(Risk::ForgottenByRuntime { kubelet: true }),
        Manager::Runtime => all.push(Risk::ForgottenByRuntime { kubelet: false }),
        Manager::Delegate(ref unit) => all.push(Risk::ForgottenByUnit { unit: unit.clone() }),
        Manager::Unit(_) | Manager::Nobody => {}
    }
    let stacked =
        |disk: &crate::facts::DeviceFacts| !disk.slaves.is_empty() || !disk.holders.is_empty();
    if !case.is_path() && case.disk.is_some_and(stacked) {
        all.push(Risk::Stacked);
    }
    all
}

/// Adds a change of the culprit's cgroup: through systemd where it is a unit, else by its file.
pub(super) fn set_in_place(
    case: &Case<'_>,
    way: &SetVia,
    one: &mut Recommendation,
    change: Change,
) {
    let mount = case.facts.controls.and_then(|all| all.cgroup2_mount.as_deref());
    let disk = case.limited().map_or("", |(_, name)| name);
    let prior = match &change {
        Change::CgroupDevice { file, .. } | Change::Cgroup { file, .. } => case.place.value(file),
        _ => None,
    };
    let by_unit = match &case.place.manager {
        Manager::Unit(unit) => systemd::set_property(unit, &change, disk)
            .zip(systemd::take_back(unit, &change, disk, prior)),
        _ => None,
    };
    if let Some((apply, undo)) = by_unit {
        one.apply.push(apply);
        one.undo.push(undo);
    } else {
        one.apply.push(argv::apply(&change, mount));
        one.undo.push(argv::undo(&change, prior, mount));
    }
    if *way == SetVia::File {
        one.changes.push(change);
    }
}
