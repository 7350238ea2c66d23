//! What is wrong with the uses of a crate's modules, given their order and the pairs that stay for now.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use super::order::{Crate, Pair, is_within};
use super::tree::{Edges, Place, ROOT};

/// One thing to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// A module that has no place.
    NoPlace(String),
    /// The order names a module that is not there.
    NoModule(String),
    /// A module uses one that stands after it.
    Against { from: String, to: String, layers: (String, String), place: Place },
    /// A module uses one that it is to be apart from.
    Apart { from: String, to: String, place: Place },
    /// Modules that need each other, one use after the other.
    Circle(Vec<(String, String, Place)>),
    /// A named pair that is not needed any more.
    Stale { from: String, to: String, occurs: bool },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlace(module) => write!(f, "{module} has no place in the order"),
            Self::NoModule(module) => write!(f, "the order names {module}, which is not there"),
            Self::Against { from, to, layers, place } => {
                let (low, high) = layers;
                write!(f, "{from} ({low}) uses {to} ({high}), which stands after it\n  {place}")
            }
            Self::Apart { from, to, place } => {
                write!(
                    f,
                    "{from} uses {to}, and they are apart: move what both need below\n  {place}"
                )
            }
            Self::Circle(steps) => {
                write!(f, "a circle of {}:", steps.len())?;
                for (from, to, place) in steps {
                    write!(f, "\n  {from} -> {to}\n    {place}")?;
                }
                Ok(())
            }
            Self::Stale { from, to, occurs: true } => {
                write!(
                    f,
                    "the pair {from} -> {to} breaks nothing any more: take it out of the list"
                )
            }
            Self::Stale { from, to, occurs: false } => {
                write!(f, "the pair {from} -> {to} is not there any more: take it out of the list")
            }
        }
    }
}

pub(super) fn judge(one: &Crate, files: &[&str], edges: &Edges) -> Vec<Finding> {
    let mut findings: Vec<Finding> = files
        .iter()
        .filter(|file| one.place(file).is_none())
        .map(|file| Finding::NoPlace((*file).to_owned()))
        .collect();
    let gone = one.modules().filter(|module| !files.contains(module));
    findings.extend(gone.map(|module| Finding::NoModule(module.to_owned())));

    let allowed: Vec<&Pair> = one.allowed().iter().collect();
    let left = breaks(one, edges, &allowed);
    findings.extend(one.allowed().iter().filter_map(|pair| {
        let others: Vec<&Pair> = allowed.iter().copied().filter(|other| *other != pair).collect();
        let Pair { from, to, .. } = pair;
        let occurs = edges.keys().any(|(a, b)| pair.covers(a, b));
        let needed = occurs && breaks(one, edges, &others) != left;
        (!needed).then(|| Finding::Stale { from: from.clone(), to: to.clone(), occurs })
    }));
    findings.extend(left);
    findings
}

/// Uses against the order, and circles, without the pairs that are allowed.
fn breaks(one: &Crate, edges: &Edges, allowed: &[&Pair]) -> Vec<Finding> {
    let mut left = Edges::new();
    let mut findings = Vec::new();
    for ((from, to), place) in edges {
        if allowed.iter().any(|pair| pair.covers(from, to)) {
            continue;
        }
        let places = one.place(from).zip(one.place(to)).filter(|((low, _), (high, _))| high > low);
        let are_apart = one.are_apart(from, to);
        let (from, to, place) = (from.clone(), to.clone(), place.clone());
        match places {
            _ if are_apart => findings.push(Finding::Apart { from, to, place }),
            // It closes circles, too, but is wrong by itself.
            Some(((_, here), (_, there))) => {
                let layers = (here.to_owned(), there.to_owned());
                findings.push(Finding::Against { from, to, layers, place });
            }
            None => drop(left.insert((from, to), place)),
        }
    }
    for folder in folders(&left).into_values() {
        findings.extend(circles(&folder));
    }
    findings
}

/// Uses between the children of one folder, those below them included.
type Folder<'a> = BTreeMap<&'a str, BTreeMap<&'a str, (&'a str, &'a str, &'a Place)>>;

/// Uses by the folder in which the two ways part. A module and those below it are one room, whose door and inside may know
/// each other.
fn folders(edges: &Edges) -> BTreeMap<&str, Folder<'_>> {
    let mut folders: BTreeMap<&str, Folder<'_>> = BTreeMap::new();
    for ((from, to), place) in edges {
        if from == ROOT || to == ROOT || is_within(from, to) || is_within(to, from) {
            continue;
        }
        let (folder, a, b) = part(from, to);
        folders.entry(folder).or_default().entry(a).or_default().entry(b).or_insert((
            from.as_str(),
            to.as_str(),
            place,
        ));
    }
    folders
}

/// The folder that two modules share, and the child of it that each is in.
fn part<'a>(from: &'a str, to: &'a str) -> (&'a str, &'a str, &'a str) {
    let ends = |path: &str| -> Vec<usize> {
        path.match_indices("::").map(|(at, _)| at).chain([path.len()]).collect()
    };
    let (mine, theirs) = (ends(from), ends(to));
    let shared = mine.iter().zip(&theirs).take_while(|(a, b)| from[..**a] == to[..**b]).count();
    let folder = if shared == 0 { "" } else { &from[..mine[shared - 1]] };
    (folder, &from[..mine[shared]], &to[..theirs[shared]])
}

/// One shortest circle through each module that is on any, each circle once.
fn circles(folder: &Folder<'_>) -> Vec<Finding> {
    let mut seen: BTreeSet<BTreeSet<&str>> = BTreeSet::new();
    let mut found = Vec::new();
    for start in folder.keys() {
        let Some(way) = way_back(folder, start) else { continue };
        if seen.insert(way.iter().copied().collect()) {
            let next = way.iter().cycle().skip(1);
            let steps = way.iter().zip(next).filter_map(|(a, b)| folder[a].get(b));
            let owned = |(a, b, place): &(&str, &str, &Place)| {
                ((*a).to_owned(), (*b).to_owned(), (*place).clone())
            };
            found.push(Finding::Circle(steps.map(owned).collect()));
        }
    }
    found
}

/// The shortest way from a module back to itself, its start first.
fn way_back<'a>(folder: &Folder<'a>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for next in folder.get(at)?.keys().filter(|next| folder.contains_key(*next)) {
            if *next == start {
                let mut way = vec![at];
                while let Some(earlier) = way.last().and_then(|last| before.get(last)) {
                    way.push(earlier);
                }
                way.reverse();
                return Some(way);
            }
            if !before.contains_key(next) {
                before.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    None
}
