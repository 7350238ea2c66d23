//! Why a selector found nobody, and which names that exist are near.
//!
//! Owns the judgement; whether a cgroup's folder is there is told by the edge.

use std::collections::{BTreeMap, BTreeSet};

use super::Selector;
use crate::cgroup::full_unit_name;
use crate::facts::ProcessFacts;

/// Names that are shown at most.
const NEAR: usize = 3;
/// Least likeness of a name, of 1 for the same (Jaro-Winkler). clap takes 0.7 for flags; names of units have
/// their endings in common.
const LIKE: f64 = 0.8;

/// A selector that found nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// The selector as typed.
    pub selector: String,
    /// Why.
    pub why: Why,
    /// Selectors that would have found somebody, likest first; of a name, processes with their pids.
    pub near: Vec<String>,
}

/// Why a selector found nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// No process is it.
    NoProcess,
    /// The cgroup has no folder in any hierarchy.
    NoCgroup,
    /// The cgroup is there, and nobody is in it or below it.
    EmptyCgroup,
    /// No process is in a unit of that name.
    NoUnit,
}

/// Why this selector found none of these processes. `cgroup_exists` is `None` where that cannot be known, as in a
/// recording.
pub fn why_absent<'a>(
    selector: &Selector,
    processes: impl Iterator<Item = &'a ProcessFacts>,
    cgroup_exists: Option<bool>,
) -> Absent {
    let (why, near) = match selector {
        Selector::Pid(_) => (Why::NoProcess, Vec::new()),
        Selector::PidOf(name) => {
            let near = near_processes(name, processes);
            return Absent { selector: selector.to_string(), why: Why::NoProcess, near };
        }
        Selector::Cgroup(path) => {
            let known: BTreeSet<&str> =
                processes.flat_map(|p| p.cgroup.all()).flat_map(with_ancestors).collect();
            let why = match cgroup_exists {
                Some(false) => Why::NoCgroup,
                Some(true) => Why::EmptyCgroup,
                None => Why::NoProcess,
            };
            (why, near(path, &known).map(|path| Selector::Cgroup(path.to_owned())).collect())
        }
        Selector::Unit(name) => {
            let known: BTreeSet<&str> = processes.flat_map(|p| p.cgroup.units()).collect();
            let full = full_unit_name(name);
            let near = near(&full, &known).map(|name| Selector::Unit(name.to_owned())).collect();
            (Why::NoUnit, near)
        }
    };
    let near: Vec<Selector> = near;
    let near = near.iter().map(ToString::to_string).collect();
    Absent { selector: selector.to_string(), why, near }
}

/// Processes whose names are like this one, likest first, of each name the first: `etcd (2421)`.
fn near_processes<'a>(
    wanted: &str,
    processes: impl Iterator<Item = &'a ProcessFacts>,
) -> Vec<String> {
    let mut pids: BTreeMap<&str, u32> = BTreeMap::new();
    for process in processes {
        let pid = pids.entry(&process.comm).or_insert(process.key.pid);
        *pid = process.key.pid.min(*pid);
    }
    let known: BTreeSet<&str> = pids.keys().copied().collect();
    near(wanted, &known).filter_map(|name| Some(format!("{name} ({})", pids.get(name)?))).collect()
}

/// A path and all paths above it, but for the root.
fn with_ancestors(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.map(|end| &path[..end]).filter(|above| !above.is_empty())
}

/// Names like this one: by their last element, where a mistake is likely, then as a whole.
fn near<'a>(wanted: &str, known: &BTreeSet<&'a str>) -> impl Iterator<Item = &'a str> {
    let last = |path: &str| path.trim_end_matches('/').rsplit('/').next().map(str::to_owned);
    let likeness = |name: &str| {
        let by_last = strsim::jaro_winkler(
            &last(wanted).unwrap_or_default(),
            &last(name).unwrap_or_default(),
        );
        (by_last, strsim::jaro_winkler(wanted, name))
    };
    let mut all: Vec<((f64, f64), &str)> =
        known.iter().map(|name| (likeness(name), *name)).filter(|(l, _)| l.0 >= LIKE).collect();
    all.sort_by(|(a, _), (b, _)| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
    all.into_iter().map(|(_, name)| name).take(NEAR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::CgroupPaths;
    use crate::facts::ProcessKey;

    fn processes(paths: &[&str]) -> Vec<ProcessFacts> {
        let one = |(pid, path): (u32, &&str)| {
            let mut facts = ProcessFacts::named(ProcessKey { pid, start_ticks: 1 }, "x");
            facts.cgroup = CgroupPaths::parse(&format!("0::{path}\n"));
            facts
        };
        (1..).zip(paths).map(one).collect()
    }

    const HOST: [&str; 4] = [
        "/system.slice/etcd-main.service",
        "/system.slice/etcd-events.service",
        "/system.slice/sshd.service",
        "/kubepods.slice/kubepods-burstable.slice/x",
    ];

    fn absent(selector: &Selector, exists: Option<bool>) -> Absent {
        why_absent(selector, processes(&HOST).iter(), exists)
    }

    /// Property: names with the same beginning or one letter wrong are offered, others are not.
    #[test]
    fn names_that_are_near_are_offered() {
        let unit = absent(&Selector::Unit("etcd".to_owned()), None);
        assert_eq!(unit.why, Why::NoUnit);
        assert_eq!(unit.near, ["--unit etcd-main.service", "--unit etcd-events.service"]);
        let path = absent(&Selector::Cgroup("/system.slice/sshd.servic".to_owned()), Some(false));
        assert_eq!(path.why, Why::NoCgroup);
        assert_eq!(path.near[0], "--cgroup /system.slice/sshd.service");
        let slice = absent(&Selector::Cgroup("/kubepods".to_owned()), Some(false));
        assert!(slice.near.contains(&"--cgroup /kubepods.slice".to_owned()), "{slice:?}");
        assert_eq!(absent(&Selector::Unit("postgresql".to_owned()), None).near, [""; 0]);
    }

    /// Property: of a name that is nearly one, the process that has it is offered.
    #[test]
    fn a_process_that_is_near_is_offered() {
        let of = |pid, comm| ProcessFacts::named(ProcessKey { pid, start_ticks: 1 }, comm);
        let host = [of(2_421, "etcd"), of(7, "sshd"), of(2_500, "etcd")];
        let near = |name: &str| why_absent(&Selector::PidOf(name.into()), host.iter(), None).near;
        assert_eq!(near("etcdd"), ["etcd (2421)"]);
        assert_eq!(near("postgres"), [""; 0]);
    }

    #[test]
    fn an_empty_cgroup_is_not_one_that_is_missing() {
        let selector = Selector::Cgroup("/idle".to_owned());
        let why = |exists| absent(&selector, exists).why;
        assert_eq!(why(Some(true)), Why::EmptyCgroup);
        assert_eq!(why(Some(false)), Why::NoCgroup);
        assert_eq!(why(None), Why::NoProcess);
        assert_eq!(absent(&Selector::Pid(7), None).why, Why::NoProcess);
    }
}
