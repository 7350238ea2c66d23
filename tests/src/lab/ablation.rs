//! Blame against taking the culprit away: what iocontend charges to each suspect, beside what etcd's own histograms say it
//! made etcd wait. Pure.

use std::collections::BTreeMap;

use iocontend_core::ids::{Call, FileClass};
use iocontend_core::report::{Report, SELF, Severity, UNEXPLAINED};

use super::plan::subsets;
use super::result::Round;
use super::scenario::{Part, Scenario, Vm};
use super::stats::{Mean, mean};

/// A suspect whose effect is at least this share of the wait has to be found.
const EFFECT: f64 = 0.20;
/// Measured and charged share may differ by this in the median ...
const MEDIAN: f64 = 0.10;
/// ... and by this at worst, both beyond the repeats' interval.
const WORST: f64 = 0.20;
/// Most that an innocent may be charged with.
const INNOCENT: f64 = 0.03;

/// Shares (0 to 1) of etcd's syncs of its log, of a report with one etcd as its only target, by name of the actor whose cgroup the culprit is in; `self`,
/// `unexplained`, and others of the VM by their name.
pub fn shares(report: &Report) -> BTreeMap<String, f64> {
    let of_log = (FileClass::Wal, Call::Fdatasync);
    let rows = report.blame.iter().flatten();
    let rows = rows.filter(|row| (row.victim_class, row.victim_call) == of_log);
    let mut shares = BTreeMap::new();
    for row in rows {
        *shares.entry(name(report, &row.culprit)).or_default() += row.share;
    }
    shares
}

fn name(report: &Report, culprit: &str) -> String {
    if culprit == SELF || culprit == UNEXPLAINED {
        return culprit.to_owned();
    }
    let actor = report.actor(culprit);
    let of_lab = actor.and_then(|actor| actor.cgroup.as_deref()?.strip_prefix("/lab-"));
    let comm = actor.and_then(|actor| actor.comm.clone());
    of_lab.map(str::to_owned).or(comm).unwrap_or_else(|| culprit.to_owned())
}

/// What a report finds, warnings and worse, each once; none where no rule was tried.
pub fn found(report: &Report) -> Option<Vec<String>> {
    let findings = report.findings.as_ref()?.iter();
    let grave = findings.filter(|finding| finding.severity >= Severity::Warning);
    let names: std::collections::BTreeSet<&str> = grave.map(|one| one.id.name()).collect();
    Some(names.into_iter().map(str::to_owned).collect())
}

/// A scenario's findings in rounds with a subset of its suspects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// The scenario.
    pub scenario: String,
    /// Who was there.
    pub subset: Vec<String>,
    /// What has to be found; nothing without suspects, and where the disk is not the reason.
    pub expected: Option<String>,
    /// In how many of the rounds each was found.
    pub found: BTreeMap<String, usize>,
    /// Rounds.
    pub rounds: usize,
    /// It is the slow disk that most scenarios have.
    pub slow: bool,
    /// What may be found, too.
    pub also: Vec<String>,
}

/// True of the lab's slow disk: the 99th percentile of etcd's syncs alone is about the line of 10 ms.
const ANYWAY: &str = "slow-disk";

impl Findings {
    /// Whether every round has what is expected, and nothing else but what is true of the disk anyway.
    pub fn is_right(&self) -> bool {
        let expected = self.expected.iter().map(|id| (id.as_str(), self.rounds));
        let expected: BTreeMap<&str, usize> = expected.collect();
        let is_free = |id: &String| self.slow && id == ANYWAY || self.also.contains(id);
        let found = self.found.iter().filter(|(id, _)| !is_free(id));
        found.map(|(id, rounds)| (id.as_str(), *rounds)).collect::<BTreeMap<_, _>>() == expected
    }
}

/// Findings of all rounds that have some, without any suspect and with all of them.
pub fn findings(scenarios: &[Scenario], rounds: &[Round]) -> Vec<Findings> {
    let mut all = Vec::new();
    for scenario in scenarios {
        let subsets = subsets(scenario);
        let (first, last) = (subsets.first().cloned(), subsets.last().cloned());
        let both: std::collections::BTreeSet<Vec<String>> = first.into_iter().chain(last).collect();
        for subset in both {
            let is_it = |r: &&Round| r.scenario == scenario.name && r.plan.subset == subset;
            let of = rounds.iter().filter(is_it).filter_map(|r| r.iocontend.findings.as_ref());
            let mut found = BTreeMap::new();
            let rounds = of.inspect(|ids| {
                for id in *ids {
                    *found.entry(id.clone()).or_default() += 1;
                }
            });
            let rounds = rounds.count();
            // `not-the-disk` needs logs and metrics, which are not read yet.
            let needs = (!subset.is_empty()).then(|| scenario.expect.clone());
            let expected = needs.filter(|id| !["nothing", "not-the-disk"].contains(&id.as_str()));
            let slow = scenario.vm.disk == Vm::default().disk;
            // Alone there is nobody to bring it about.
            let also = if subset.is_empty() { Vec::new() } else { scenario.also.clone() };
            let scenario = scenario.name.clone();
            if rounds > 0 {
                all.push(Findings { scenario, subset, expected, found, rounds, slow, also });
            }
        }
    }
    all
}

/// One suspect of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The scenario.
    pub scenario: String,
    /// The suspect.
    pub suspect: String,
    /// What part it plays.
    pub part: Part,
    /// What would be gone without it, as a share of etcd's mean sync of its log: its Shapley value over all subsets.
    pub measured: Mean,
    /// What iocontend charges it with, with all suspects there.
    pub charged: Mean,
    /// Whether it is charged with something, and nobody of the others with more.
    pub first: bool,
}

impl Compared {
    /// How far apart the two are beyond what the repeats leave open.
    pub fn miss(&self) -> f64 {
        let open = self.measured.half.unwrap_or(0.0) + self.charged.half.unwrap_or(0.0);
        ((self.measured.mean - self.charged.mean).abs() - open).max(0.0)
    }
}

/// All suspects of the scenarios that were run with blame.
pub fn compare(scenarios: &[Scenario], rounds: &[Round]) -> Vec<Compared> {
    let of_scenario = |scenario: &Scenario| {
        let rounds: Vec<&Round> =
            rounds.iter().filter(|round| round.scenario == scenario.name).collect();
        let one = |suspect: &str, part| compare_one(scenario, suspect, part, &rounds);
        let suspects = scenario.suspects();
        suspects.iter().filter_map(|actor| one(&actor.name, actor.part)).collect::<Vec<_>>()
    };
    scenarios.iter().flat_map(of_scenario).collect()
}

fn compare_one(
    scenario: &Scenario,
    suspect: &str,
    part: Part,
    rounds: &[&Round],
) -> Option<Compared> {
    let all: Vec<String> = subsets(scenario).pop()?;
    let blocks: std::collections::BTreeSet<u32> =
        rounds.iter().map(|round| round.plan.repeat).collect();
    let measured = blocks.iter().filter_map(|block| {
        let wait = |subset: &[String]| {
            let is_it = |r: &&&Round| r.plan.repeat == *block && r.plan.subset == subset;
            rounds.iter().find(is_it)?.iocontend.wal_fsync_of_etcd.mean_ms()
        };
        Some(shapley(&all, suspect, &wait)? / wait(&all)?)
    });
    let with_all = || {
        let with_all = rounds.iter().filter(|round| round.plan.subset == all);
        with_all.map(|round| &round.iocontend.blame).filter(|blame| !blame.is_empty())
    };
    let of = |blame: &BTreeMap<String, f64>| blame.get(suspect).copied().unwrap_or(0.0);
    let charged: Vec<f64> = with_all().map(of).collect();
    let others = |blame: &BTreeMap<String, f64>| {
        let others = blame.iter().filter(|(name, _)| {
            ![suspect, SELF, UNEXPLAINED].contains(&name.as_str()) && !all.contains(*name)
        });
        others.map(|(_, share)| *share).fold(0.0, f64::max)
    };
    let first = with_all().all(|blame| of(blame) > 0.0 && others(blame) <= of(blame));
    Some(Compared {
        scenario: scenario.name.clone(),
        suspect: suspect.to_owned(),
        part,
        measured: mean(&measured.collect::<Vec<_>>())?,
        charged: mean(&charged)?,
        first,
    })
}

/// The mean of what a suspect adds, over all orders in which suspects may come.
fn shapley(all: &[String], suspect: &str, wait: &impl Fn(&[String]) -> Option<f64>) -> Option<f64> {
    let others: Vec<&String> = all.iter().filter(|name| *name != suspect).collect();
    let (mut sum, mut orders) = (0.0, 0.0);
    for mask in 0..1_u32 << others.len() {
        let of_mask = |with: bool| {
            let chosen = |name: &&String| {
                let at = others.iter().position(|other| other == name);
                at.map_or(with, |at| mask >> at & 1 == 1)
            };
            all.iter().filter(chosen).cloned().collect::<Vec<_>>()
        };
        let before = mask.count_ones();
        let after = u32::try_from(others.len()).ok()? - before;
        let weight = factorial(before) * factorial(after);
        sum += weight * (wait(&of_mask(true))? - wait(&of_mask(false))?);
        orders += weight;
    }
    Some(sum / orders)
}

fn factorial(n: u32) -> f64 {
    (1..=n).map(f64::from).product()
}

/// What is wrong with the comparison, in words; empty when nothing is.
pub fn wrong(compared: &[Compared]) -> Vec<String> {
    let mut wrong = Vec::new();
    // An innocent may take processors away; that is no wait for the disk, and is not held against it.
    let culprits = || compared.iter().filter(|one| one.part == Part::Culprit);
    let mut misses: Vec<f64> = culprits().map(Compared::miss).collect();
    misses.sort_by(f64::total_cmp);
    if let Some(median) = misses.get(misses.len() / 2).filter(|miss| **miss > MEDIAN) {
        wrong.push(format!("the median miss is {:.0} points", median * 100.0));
    }
    for one in culprits() {
        let name = format!("{}, {}", one.scenario, one.suspect);
        if one.miss() > WORST {
            wrong.push(format!("{name}: off by {:.0} points", one.miss() * 100.0));
        }
        if one.measured.mean >= EFFECT && !one.first {
            wrong.push(format!("{name}: charged with nothing, or somebody else with more"));
        }
    }
    for one in compared.iter().filter(|one| one.part == Part::Innocent) {
        if one.charged.mean > INNOCENT {
            let (name, suspect) = (&one.scenario, &one.suspect);
            let share = one.charged.mean * 100.0;
            wrong.push(format!("{name}, {suspect}: innocent, charged {share:.1} %"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{round, scenario};
    use super::*;

    fn blamed(mut round: Round, shares: &[(&str, f64)]) -> Round {
        round.iocontend.blame =
            shares.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect();
        round
    }

    // Property: a suspect that makes four fifths of the wait is right when it is charged with four fifths, and wrong when it is
    // charged with half, with nothing, or when somebody else is charged with more.
    #[test]
    fn a_share_is_held_against_what_is_gone_without_it() {
        let rounds = |shares: &[(&str, f64)]| {
            [0, 1]
                .map(|block| [round(block, &[], 2.0), blamed(round(block, &["dd"], 10.0), shares)])
        };
        let judge =
            |shares: &[(&str, f64)]| wrong(&compare(&[scenario()], &rounds(shares).concat()));
        assert_eq!(judge(&[("dd", 0.8), ("self", 0.2)]), Vec::<String>::new());
        let half = judge(&[("dd", 0.5), ("self", 0.5)]);
        assert_eq!(half, ["the median miss is 30 points", "s, dd: off by 30 points"]);
        let other = judge(&[("dd", 0.45), ("kworker", 0.55)]);
        let nothing = judge(&[("self", 1.0)]);
        assert!(
            nothing.contains(&"s, dd: charged with nothing, or somebody else with more".to_owned())
        );
        assert!(
            other.contains(&"s, dd: charged with nothing, or somebody else with more".to_owned())
        );
    }

    // Property: of two suspects that only wait behind each other, each has what it adds on the mean of both orders.
    #[test]
    fn two_suspects_share_what_both_add() {
        let all = ["a".to_owned(), "b".to_owned()];
        let wait = |subset: &[String]| match subset {
            [] => Some(1.0),
            [one] if one == "a" => Some(5.0),
            [_] => Some(3.0),
            _ => Some(11.0),
        };
        assert_eq!(shapley(&all, "a", &wait), Some(f64::midpoint(4.0, 8.0)));
        assert_eq!(shapley(&all, "b", &wait), Some(f64::midpoint(2.0, 6.0)));
    }

    // Property: a scenario is right when every round has its finding and nothing else, and without suspects nothing at all.
    #[test]
    fn a_finding_too_many_or_too_few_is_wrong() {
        let found = |mut round: Round, ids: &[&str]| {
            round.iocontend.findings = Some(ids.iter().map(|&id| id.to_owned()).collect());
            round
        };
        let right = |alone: &[&str], first: &[&str], second: &[&str]| {
            let rounds = [
                found(round(0, &[], 2.0), alone),
                found(round(0, &["dd"], 9.0), first),
                found(round(1, &["dd"], 9.0), second),
            ];
            findings(&[scenario()], &rounds).iter().map(Findings::is_right).collect::<Vec<_>>()
        };
        assert_eq!(right(&[], &["e"], &["e"]), [true, true]);
        assert_eq!(right(&["e"], &["e"], &[]), [false, false]);
        assert_eq!(right(&[], &["e"], &["e", "throttled"]), [true, false]);
        assert_eq!(right(&["slow-disk"], &["e"], &["e", "slow-disk"]), [true, true]);
        // What the scenario names beside its finding may be there, and need not; but not alone.
        let mut with = scenario();
        with.also = vec!["throttled".to_owned()];
        let rounds = |ids: &[&str]| [found(round(0, &["dd"], 9.0), ids)];
        let is_right =
            |ids: &[&str]| findings(std::slice::from_ref(&with), &rounds(ids))[0].is_right();
        assert!(is_right(&["e", "throttled"]) && is_right(&["e"]));
        assert!(!is_right(&["throttled"]) && !is_right(&["e", "flush-bound"]));
        let alone = [found(round(0, &[], 2.0), &["throttled"])];
        assert!(!findings(&[with], &alone)[0].is_right());
        // On a disk that is not slow, it is a finding like others.
        let mut fast = scenario();
        fast.vm.disk = "iops=5000,bps=200M".to_owned();
        let alone = [found(round(0, &[], 2.0), &["slow-disk"])];
        assert!(!findings(&[fast], &alone)[0].is_right());
        assert_eq!(findings(&[scenario()], &[round(0, &[], 2.0)]), []);
    }
}
