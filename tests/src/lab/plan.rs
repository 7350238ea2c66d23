//! What is run, in which order: ablations, shuffled blocks, time. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::scenario::{Scenario, Vm};

/// One round: who of the suspects is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RoundPlan {
    /// Block of the round, counted from 0; each block has every subset once.
    pub repeat: u32,
    /// Names of the suspects that are there, in the scenario's order.
    pub subset: Vec<String>,
}

/// All subsets of the suspects, smallest first: with two of them {}, {a}, {b}, {a,b}.
pub fn subsets(scenario: &Scenario) -> Vec<Vec<String>> {
    let names: Vec<&String> = scenario.suspects().iter().map(|actor| &actor.name).collect();
    let of_mask = |mask: usize| {
        let chosen = names.iter().enumerate().filter(|(index, _)| mask >> index & 1 == 1);
        chosen.map(|(_, name)| (*name).clone()).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = (0..1 << names.len()).map(of_mask).collect();
    all.sort_by_key(Vec::len);
    all
}

/// The rounds of a scenario: blocks of all subsets, each block in an order of its own, so that a drift of the machine
/// hits all subsets alike. The same seed gives the same order.
pub fn rounds(scenario: &Scenario, repeats: u32, seed: u64) -> Vec<RoundPlan> {
    let mut random = fastrand::Rng::with_seed(seed);
    let block = |repeat| {
        let mut block = subsets(scenario);
        random.shuffle(&mut block);
        block.into_iter().map(move |subset| RoundPlan { repeat, subset })
    };
    (0..repeats).flat_map(block).collect()
}

/// Seconds beside the parts of a round: actors are ended, the disk is drained.
const BETWEEN_ROUNDS_S: u32 = 6;
/// Seconds for the file systems and etcd.
const SETUP_S: u32 = 25;
/// MiB of database that are filled in a second.
const FILL_MIB_PER_S: u32 = 2;

/// How long a scenario takes, about, seconds.
pub fn seconds(scenario: &Scenario, repeats: u32) -> u32 {
    let time = scenario.time;
    let round = time.before_s + time.lead_s + time.window_s + BETWEEN_ROUNDS_S;
    let rounds = u32::try_from(subsets(scenario).len()).unwrap_or(u32::MAX) * repeats;
    SETUP_S + scenario.victim.db_mib / FILL_MIB_PER_S + rounds.saturating_mul(round)
}

/// One VM and what is run in it, for the one who boots it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Boot {
    /// As `cargo xtask vm --disk` has it: the disk with two partitions, then the second one if it is needed.
    pub disks: Vec<String>,
    /// Scheduler of the disks.
    pub sched: String,
    /// File system of all of them.
    pub fs: String,
    /// Memory of the VM.
    pub memory: String,
    /// Names, in the order in which they run.
    pub scenarios: Vec<String>,
    /// How long they take together, about.
    pub seconds: u32,
}

/// One VM for one case of advice: each is complete by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseBoot {
    /// Debian's kernel.
    pub kernel: String,
    /// All the rest.
    #[serde(flatten)]
    pub boot: Boot,
}

/// The boot of a case with so many rounds left; none where it is complete.
pub fn case_boot(scenario: &Scenario, kernel: &str, rounds: u32) -> Option<CaseBoot> {
    let boot = boots(std::slice::from_ref(scenario), 0).pop()?;
    let time = scenario.time;
    let round = time.before_s + time.lead_s + time.window_s + 2 * BETWEEN_ROUNDS_S;
    let seconds = boot.seconds.saturating_add(rounds.saturating_mul(round));
    let kernel = kernel.to_owned();
    (rounds > 0).then_some(CaseBoot { kernel, boot: Boot { seconds, ..boot } })
}

/// Scenarios that want the same machine share a boot.
pub fn boots(scenarios: &[Scenario], repeats: u32) -> Vec<Boot> {
    let mut groups: BTreeMap<&Vm, Vec<&Scenario>> = BTreeMap::new();
    for scenario in scenarios {
        groups.entry(&scenario.vm).or_default().push(scenario);
    }
    let boot = |(vm, group): (&Vm, Vec<&Scenario>)| {
        let second = group.iter().any(|scenario| scenario.needs_second_disk());
        let second = second.then(|| vm.second_disk.clone());
        Boot {
            disks: std::iter::once(vm.disk.clone()).chain(second).collect(),
            sched: vm.sched.clone(),
            fs: vm.fs.clone(),
            memory: vm.memory.clone(),
            scenarios: group.iter().map(|scenario| scenario.name.clone()).collect(),
            seconds: group.iter().map(|scenario| seconds(scenario, repeats)).sum(),
        }
    };
    groups.into_iter().map(boot).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn scenario(suspects: usize, sched: &str) -> Scenario {
        let does = "{kind='buffered',place='second',mib=1}";
        let actor = |i| format!("[[actors]]\nname='a{i}'\npart='culprit'\ndoes={does}\n");
        let actors = (0..suspects).map(actor).collect::<Vec<_>>().concat();
        let head = format!("name='s{suspects}'\npurpose='p'\nexpect='e'\n[vm]\nsched='{sched}'\n");
        Scenario::parse(&format!("{head}{actors}")).unwrap()
    }

    proptest! {
        // Property: each block has every subset once, all subsets differ, and the order is the seed's.
        #[test]
        fn blocks_are_whole(suspects in 0..5_usize, repeats in 0..6_u32, seed: u64) {
            let scenario = scenario(suspects, "none");
            let all: BTreeSet<_> = subsets(&scenario).into_iter().collect();
            prop_assert_eq!(all.len(), 1 << suspects);
            let rounds = rounds(&scenario, repeats, seed);
            prop_assert_eq!(rounds.len(), all.len() * repeats as usize);
            for (number, block) in rounds.chunks(all.len()).enumerate() {
                prop_assert!(block.iter().all(|round| round.repeat as usize == number));
                let of_block: BTreeSet<_> = block.iter().map(|r| r.subset.clone()).collect();
                prop_assert_eq!(&of_block, &all);
            }
            prop_assert_eq!(rounds, super::rounds(&scenario, repeats, seed));
        }
    }

    // Property: over many blocks a subset stands at every place of its block about equally often.
    #[test]
    fn no_subset_has_a_place_of_its_own() {
        let rounds = rounds(&scenario(1, "none"), 1000, 7);
        let first = rounds.iter().step_by(2).filter(|round| round.subset.is_empty()).count();
        assert!((400..600).contains(&first), "{first} of 1000");
    }

    // Property: subsets come smallest first.
    #[test]
    fn two_suspects_have_four_subsets() {
        let expected: [&[&str]; 4] = [&[], &["a0"], &["a1"], &["a0", "a1"]];
        assert_eq!(subsets(&scenario(2, "none")), expected);
    }

    // Property: scenarios share a boot exactly when they want the same machine; the second disk is there when needed.
    #[test]
    fn machines_are_shared() {
        let all = [scenario(0, "none"), scenario(1, "bfq"), scenario(2, "none")];
        let boots = boots(&all, 2);
        let names: Vec<_> = boots.iter().map(|boot| boot.scenarios.join(" ")).collect();
        assert_eq!(names, ["s1", "s0 s2"]);
        assert!(boots.iter().all(|boot| boot.disks.len() == 2));
        assert_eq!(super::boots(&all[..1], 2)[0].disks.len(), 1);
        assert!(boots[1].seconds > boots[0].seconds);
    }
}
