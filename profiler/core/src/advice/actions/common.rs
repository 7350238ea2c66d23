//! What actions have in common: sentences about a case, refusals, commands of changes.

use crate::advice::case::Case;
use crate::advice::demand::scaled;
use crate::advice::expect::{self, Held};
use crate::advice::forms::{argv, systemd};
use crate::advice::judgement::{Danger, Judgement, Recommendation, Refusal};
use crate::advice::place::{Manager, Unfit, Way};
use crate::change::Change;
use crate::ids::FileClass;
use crate::render::{Style, units};
use crate::report::Effect;
use crate::text::Lang;
use crate::text::advice::{self as words, Action, Risk, Why};

/// Part of the disk that is left to a culprit that is held back: at a fifth a reader did no harm any more (D11).
pub(super) const LEFT: f64 = 0.2;
/// How long a burst of the culprit may stand in the way: what may be dirty at once is what the disk writes in that time.
const BURST_NS: u64 = 250_000_000;
/// A backlog smaller than this makes a writer wait for every few pages.
const MIN_BACKLOG: u64 = 4 << 20;

/// A refusal about this culprit.
pub(super) fn refused(case: &Case<'_>, action: &Action<'_>, why: &Why<'_>) -> Judgement {
    Judgement::Refused(Refusal {
        action: words::action(Lang::En, action),
        reason: words::why(Lang::En, why),
        culprit: Some(case.culprit.id.clone()),
    })
}

/// Refuses what is expected to change too little; what cannot be told is tried.
pub(super) fn not_worth(
    case: &Case<'_>,
    action: &Action<'_>,
    effect: Option<&Effect>,
) -> Option<Judgement> {
    let effect = effect.filter(|effect| !expect::is_worth(effect))?;
    let time = |ns| units::duration(ns, &Style::default());
    let (before, after) = (time(effect.p99_before_ns), time(effect.p99_expected_ns));
    let what = call_of(case);
    let why = Why::NotWorth { what: &what, before: &before, after: &after };
    Some(refused(case, action, &why))
}

/// Why a place cannot be used, as a sentence.
pub(super) fn unfit(case: &Case<'_>, action: &Action<'_>, file: &str, unfit: Unfit) -> Judgement {
    let (who, victim) = (case.culprit_name(), case.victim_name());
    let (who, victim) = (who.as_str(), victim.as_str());
    let parent = case.place.controls.and_then(|cgroup| cgroup.io_ends_at.as_deref()).unwrap_or("/");
    let is_memory = file.starts_with("memory");
    let why = match unfit {
        Unfit::Root => Why::RootCgroup { who },
        Unfit::WithVictim => Why::WithVictim { who, victim },
        Unfit::NoController if is_memory => Why::NoController { name: "memory" },
        Unfit::NoController if is_v1(case) => Why::V1Io,
        Unfit::NoController => Why::NoController { name: "io" },
        Unfit::Gone => Why::Gone { who },
        Unfit::NotPassedOn => Why::NotPassedOn { parent },
        Unfit::NoFile => Why::NoFile { file },
        Unfit::Unknown => Why::PlaceUnknown { who },
    };
    refused(case, action, &why)
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
    action: &Action<'_>,
    why: &Why<'_>,
    effect: Option<Effect>,
    danger: Danger,
) -> Recommendation {
    Recommendation {
        action: words::action(Lang::En, action),
        reason: words::why(Lang::En, why),
        culprit: Some(case.culprit.id.clone()),
        expected: expected(case, effect.as_ref()),
        effect,
        risk: words::risk(Lang::En, &Risk::CulpritSlower),
        danger,
        changes: Vec::new(),
        apply: Vec::new(),
        undo: Vec::new(),
        verify: words::verify(Lang::En, &call_of(case)),
        structural: false,
    }
}

/// Begins a recommendation that takes another disk, host or plan.
pub(super) fn structural(
    case: &Case<'_>,
    action: &Action<'_>,
    why: &Why<'_>,
    effect: Option<Effect>,
    risk: &Risk<'_>,
) -> Recommendation {
    Recommendation {
        risk: words::risk(Lang::En, risk),
        structural: true,
        ..recommended(case, action, why, effect, Danger::High)
    }
}

/// The victim's call in a sentence: that of the expected numbers.
pub(super) fn call_of(case: &Case<'_>) -> String {
    let class = expect::without(case).map_or(Some(case.class), |without| without.class);
    let class = class.map(FileClass::name);
    words::call_of(Lang::En, case.call.name(), class, &case.victim_name())
}

/// The expected effect in a sentence.
pub(super) fn expected(case: &Case<'_>, effect: Option<&Effect>) -> String {
    let what = call_of(case);
    let time = |ns| units::duration(ns, &Style::default());
    match effect {
        Some(effect) => {
            let slowdown = effect.culprit_duration_factor.map(units::decimal);
            let (before, after) = (time(effect.p99_before_ns), time(effect.p99_expected_ns));
            let error = units::decimal(effect.error_factor);
            words::expected(Lang::En, &what, &before, &after, &error, slowdown.as_deref())
        }
        None if expect::without(case).is_none() => {
            let count = units::count(case.waits.count);
            let missing = words::too_few_waits(Lang::En, &count);
            words::expected_unknown(Lang::En, &what, &missing)
        }
        None => words::expected_unknown(Lang::En, &what, &words::no_model(Lang::En)),
    }
}

/// Several risks in a sentence.
pub(super) fn risks(all: &[Risk<'_>]) -> String {
    let all: Vec<String> = all.iter().map(|risk| words::risk(Lang::En, risk)).collect();
    all.join("; ")
}

/// The share of the wait that is charged to the culprit, for people.
pub(super) fn share(case: &Case<'_>) -> String {
    percent(case.share)
}

/// A part of a whole for people.
pub(super) fn percent(share: f64) -> String {
    units::share(scaled(1_000_000, share.clamp(0.0, 1.0)), 1_000_000).unwrap_or_default()
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

/// What the place adds to the risks: others in it, its manager, a stack of disks.
pub(super) fn place_risks<'a>(case: &'a Case<'_>, first: &[Risk<'a>]) -> String {
    let mut all = first.to_vec();
    if case.place.has_others()
        && let Some(cgroup) = case.place.path.as_deref()
    {
        all.push(Risk::CgroupSlower { cgroup });
    }
    match case.place.manager {
        Manager::Pod => all.push(Risk::Manager { who: words::runtime(Lang::En, true) }),
        Manager::Runtime => all.push(Risk::Manager { who: words::runtime(Lang::En, false) }),
        Manager::Unit(_) | Manager::Delegate(_) | Manager::Nobody => {}
    }
    if case.disk.is_some_and(|disk| !disk.slaves.is_empty() || !disk.holders.is_empty()) {
        all.push(Risk::Stacked);
    }
    risks(&all)
}

/// Adds a change of the culprit's cgroup: through systemd where it is a unit, else by its file.
pub(super) fn set_in_place(case: &Case<'_>, way: &Way, one: &mut Recommendation, change: Change) {
    let mount = case.facts.controls.and_then(|all| all.cgroup2_mount.as_deref());
    let disk = case.device_name();
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
    if *way == Way::File {
        one.changes.push(change);
    }
}
