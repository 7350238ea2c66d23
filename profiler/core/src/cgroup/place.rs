//! Whether a process lies in a cgroup or a unit that somebody named.
//!
//! Owns what a typed path and a typed unit name mean. Paths are compared element by element, so `/a` is
//! not above `/ab`.

use super::{CgroupPaths, V1Path, elements, unescape};

/// Where hierarchies are mounted on every distribution.
const MOUNT_POINT: &str = "/sys/fs/cgroup";
/// The unified hierarchy's folder below it when v1 hierarchies are there too (systemd's hybrid layout).
const UNIFIED: &str = "unified";

/// Types of units that have a cgroup (systemd.unit(5)); a name with another ending is a service's.
const TYPES_WITH_CGROUP: [&str; 6] = ["service", "scope", "slice", "socket", "mount", "swap"];
/// Types of units that never hold a process.
const TYPES_WITHOUT_CGROUP: [&str; 5] = ["timer", "target", "path", "device", "automount"];

impl CgroupPaths {
    /// Whether the process is in the cgroup of this path, or below it, in any hierarchy.
    ///
    /// A path below the usual mount point may name the hierarchy: `/sys/fs/cgroup/memory/a` is `/a` of the v1
    /// hierarchy with `memory` where there is one, else `/memory/a` of the unified one.
    pub fn is_at_or_below(&self, typed: &str) -> bool {
        match below_mount_point(typed) {
            None => self.all().any(|path| lies_below(path, typed)),
            Some(rest) => {
                let (first, below) = first_element(rest);
                match self.hierarchy(first) {
                    Some(path) => lies_below(path, below),
                    None => self.v2.as_deref().is_some_and(|path| lies_below(path, rest)),
                }
            }
        }
    }

    /// Whether the process is in this unit's cgroup, or below it, in any hierarchy.
    pub fn is_in_unit(&self, name: &str) -> bool {
        let name = full_unit_name(name);
        self.all().any(|path| elements(path).any(|element| unescape(element) == name))
    }

    /// The process's path in every hierarchy.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.in_order().chain(self.v1_others.iter().map(|other| other.path.as_str()))
    }

    /// Units and slices the process is in, outer ones first, from every hierarchy.
    pub(crate) fn units(&self) -> impl Iterator<Item = &str> {
        let is_unit = |name: &&str| TYPES_WITH_CGROUP.iter().any(|t| has_type(name, t));
        self.all().flat_map(elements).map(unescape).filter(is_unit)
    }

    /// The path in the hierarchy that is mounted in a folder of this name.
    fn hierarchy(&self, folder: &str) -> Option<&str> {
        match folder {
            UNIFIED => self.v2.as_deref(),
            "systemd" => self.v1_systemd.as_deref(),
            "blkio" => self.v1_blkio.as_deref(),
            _ => self.v1_others.iter().find(|o| o.is_mounted_as(folder)).map(|o| o.path.as_str()),
        }
    }
}

impl V1Path {
    /// The folder has all controllers' names (`cpu,cpuacct`), and links have one each.
    fn is_mounted_as(&self, folder: &str) -> bool {
        self.controllers == folder
            || self.controllers.split(',').any(|one| one == folder)
            || self.controllers.strip_prefix("name=") == Some(folder)
    }
}

/// The name with its type: `etcd` is `etcd.service`, as for systemctl.
pub fn full_unit_name(name: &str) -> String {
    if TYPES_WITH_CGROUP.iter().any(|t| has_type(name, t)) {
        name.to_owned()
    } else {
        format!("{name}.service")
    }
}

/// The type of a unit that can hold no process, where the name has one.
pub fn type_without_cgroup(name: &str) -> Option<&'static str> {
    TYPES_WITHOUT_CGROUP.into_iter().find(|t| has_type(name, t))
}

/// Folders that would be this cgroup, below the folder of all hierarchies: `v1` are the folders in which a v1
/// hierarchy is mounted there.
pub fn folders(typed: &str, v1: &[String]) -> Vec<String> {
    let rest = below_mount_point(typed);
    let path = || elements(rest.unwrap_or(typed)).collect::<Vec<_>>().join("/");
    let named = |folder: &str| folder == UNIFIED || v1.iter().any(|one| one == folder);
    if rest.is_some_and(|rest| named(first_element(rest).0)) {
        return vec![path()];
    }
    let mut all = vec![path()];
    if rest.is_none() {
        let others = std::iter::once(UNIFIED).chain(v1.iter().map(String::as_str));
        all.extend(others.map(|folder| format!("{folder}/{}", path())));
    }
    all
}

fn has_type(name: &str, unit_type: &str) -> bool {
    name.strip_suffix(unit_type).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// What follows the mount point.
fn below_mount_point(typed: &str) -> Option<&str> {
    typed.strip_prefix(MOUNT_POINT).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn first_element(path: &str) -> (&str, &str) {
    let path = path.trim_start_matches('/');
    path.split_once('/').unwrap_or((path, ""))
}

fn lies_below(path: &str, typed: &str) -> bool {
    let parts = |text| str::split(text, '/').filter(|part| !matches!(*part, "" | "."));
    let mut path = parts(path);
    parts(typed).all(|wanted| path.next() == Some(wanted))
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
