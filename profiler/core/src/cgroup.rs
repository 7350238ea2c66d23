//! What a cgroup path says: the systemd unit, the pod, the container.
//!
//! Owns the text of `/proc/PID/cgroup` and the grammar of cgroup paths. Does not own names that need
//! another source (a pod's namespace and name come from log folders or the runtime, not from here).

use serde::{Deserialize, Serialize};

mod place;
pub use place::{folders, full_unit_name, type_without_cgroup};

/// The cgroup paths of one process, by hierarchy. A hierarchy that is not there is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CgroupPaths {
    /// The unified hierarchy (`0::`).
    pub v2: Option<String>,
    /// The v1 hierarchy that carries `blkio`.
    pub v1_blkio: Option<String>,
    /// The v1 hierarchy `name=systemd`.
    pub v1_systemd: Option<String>,
    /// The other v1 hierarchies.
    #[serde(default)]
    pub v1_others: Vec<V1Path>,
}

/// The path in one v1 hierarchy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct V1Path {
    /// Its controllers, separated by commas, as `/proc/PID/cgroup` has them.
    pub controllers: String,
    /// The path.
    pub path: String,
}

/// Quality of service class, as the kubelet's path spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Qos {
    /// Guaranteed pods sit directly under `kubepods`, with no class in the path.
    Guaranteed,
    /// `kubepods-burstable` or `kubepods/burstable`.
    Burstable,
    /// `kubepods-besteffort` or `kubepods/besteffort`.
    BestEffort,
}

/// A pod as its cgroup path gives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PodIds {
    /// The pod's uid with dashes; for a static pod the 32 hex digits of its config hash, which is
    /// *not* the uid the API knows.
    pub uid: String,
    /// Quality of service class.
    pub qos: Qos,
    /// The container's 64 hex digits, where the path goes down to a container.
    pub container_id: Option<String>,
}

impl CgroupPaths {
    /// Parses the text of `/proc/PID/cgroup`. Lines that are not understood are passed over.
    pub fn parse(text: &str) -> Self {
        let mut paths = Self::default();
        for line in text.lines() {
            let mut parts = line.splitn(3, ':');
            let (Some(hierarchy), Some(controllers), Some(path)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let path = path.strip_suffix(" (deleted)").unwrap_or(path).to_owned();
            if hierarchy == "0" && controllers.is_empty() {
                paths.v2 = Some(path);
            } else if controllers == "name=systemd" {
                paths.v1_systemd = Some(path);
            } else if controllers.split(',').any(|c| c == "blkio") {
                paths.v1_blkio = Some(path);
            } else {
                paths.v1_others.push(V1Path { controllers: controllers.to_owned(), path });
            }
        }
        paths
    }

    /// The path that says most: the unified one unless the process sits in its root there.
    pub fn best(&self) -> Option<&str> {
        self.in_order().find(|p| *p != "/").or_else(|| self.in_order().next())
    }

    /// The systemd unit, from the first hierarchy that has one.
    pub fn unit(&self) -> Option<&str> {
        self.in_order().find_map(unit)
    }

    /// The unit as the host's systemd calls it, from the first hierarchy that has one.
    pub fn system_unit(&self) -> Option<&str> {
        self.in_order().find_map(system_unit).map(|unit| unit.name)
    }

    /// The pod, from the first hierarchy that has one (v1 hierarchies may disagree).
    pub fn pod(&self) -> Option<PodIds> {
        self.in_order().find_map(pod)
    }

    /// The container, also one that is in no pod.
    pub fn container_id(&self) -> Option<&str> {
        self.in_order().find_map(container_id)
    }

    /// The Talos service, from the first hierarchy that has one.
    pub fn talos_service(&self) -> Option<&str> {
        self.in_order().find_map(talos_service)
    }

    fn in_order(&self) -> impl Iterator<Item = &str> {
        [&self.v2, &self.v1_systemd, &self.v1_blkio].into_iter().filter_map(|p| p.as_deref())
    }
}

/// A cgroup and those above it, from the top, whose limits hold for it too; without the root, which has none.
pub fn with_parents(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.char_indices().skip(1).filter(|(_, sign)| *sign == '/').map(|(at, _)| at);
    ends.chain(std::iter::once(path.len())).map(|end| &path[..end]).filter(|path| *path != "/")
}

/// The systemd unit a path lies in: the first element below the slices, when it is a unit.
///
/// Inside a user's manager the unit of that manager is meant (`user@1000.service/app.slice/x.service`
/// gives `x.service`), since `user@1000.service` names nobody. That is a name to show: what the host's systemd calls by
/// it is another unit ([`system_unit`]).
pub fn unit(path: &str) -> Option<&str> {
    let mut elements = elements(path).skip_while(|e| is_slice(e));
    let outer = elements.next().map(unescape).filter(|e| is_unit(e))?;
    if outer.starts_with("user@") {
        let inner = elements.find(|e| !is_slice(e)).map(unescape);
        return inner.filter(|e| is_unit(e) && *e != "init.scope").or(Some(outer));
    }
    Some(outer)
}

/// A unit of the host's systemd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemUnit<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether the path is the unit's own cgroup, and not one that its program made below (`Delegate=`).
    pub is_own: bool,
}

/// The unit in whose cgroup a path lies, when the host's own systemd manages it: what `systemctl` means by that name.
///
/// systemd puts slices into slices (each named after its parent, systemd.slice(5)) and units into slices, never a unit
/// into a unit. So the first element below the slices is its last; what follows is named by somebody else: a user's
/// manager, a container's systemd, a runtime, whatever it is called. Names of units that they use mean other units, or
/// none, on the host. The same holds below folders that are no units (`/docker/…`, `/lxc.payload.…`), and for a path that
/// leads out of the reader's cgroup namespace (`..`), since that reader is not on the host.
pub fn system_unit(path: &str) -> Option<SystemUnit<'_>> {
    if path.split('/').any(|element| element == "..") {
        return None;
    }
    let mut slice = "-.slice";
    let mut elements = elements(path);
    let first = loop {
        let element = elements.next()?;
        if !is_slice(element) {
            break element;
        }
        if !is_slice_in(unescape(element), slice) {
            return None;
        }
        slice = unescape(element);
    };
    let name = unescape(first);
    // LXC names folders after containers, which may have any name.
    let is_lxc =
        ["lxc.payload", "lxc.monitor", "lxc.pivot"].iter().any(|lxc| first.starts_with(lxc));
    let is_own = elements.next().is_none();
    (is_unit(name) && !is_lxc).then_some(SystemUnit { name, is_own })
}

/// Whether a slice of this name is directly below that one: `a-b.slice` is below `a.slice`, that below `-.slice`.
fn is_slice_in(name: &str, parent: &str) -> bool {
    let Some(own) = name.strip_suffix(".slice") else { return false };
    match own.rsplit_once('-') {
        None => parent == "-.slice",
        Some((above, _)) => parent.strip_suffix(".slice") == Some(above),
    }
}

/// The innermost pod of a path: with nested clusters the outer container is only the node.
pub fn pod(path: &str) -> Option<PodIds> {
    let mut found = None;
    let mut besteffort_or_burstable = None;
    for element in elements(path) {
        if let Some(qos) = qos_of(element) {
            besteffort_or_burstable = Some(qos);
        } else if element.trim_end_matches(".slice").ends_with("kubepods") {
            besteffort_or_burstable = None;
        }
        if let Some(uid) = pod_uid(element) {
            found = Some((uid, besteffort_or_burstable.unwrap_or(Qos::Guaranteed), None));
        } else if let (Some((_, _, container)), Some(id)) =
            (&mut found, container_of_element(element))
        {
            *container = Some(id.to_owned());
        }
    }
    found.map(|(uid, qos, container_id)| PodIds { uid, qos, container_id })
}

/// The innermost container of a path, whichever runtime made it and whether or not it is in a pod.
pub fn container_id(path: &str) -> Option<&str> {
    elements(path).filter_map(container_of_element).last()
}

/// The service in a Talos path such as `/podruntime/etcd`: neither a unit nor a pod.
pub fn talos_service(path: &str) -> Option<&str> {
    let mut elements = elements(path);
    match elements.next()? {
        "podruntime" | "system" => elements.next(),
        _ => None,
    }
}

/// The elements of a path. `..` appears when the reader's cgroup namespace is below the path.
fn elements(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|e| !e.is_empty() && *e != "..")
}

fn is_slice(element: &str) -> bool {
    unit_type(element) == "slice"
}

fn is_unit(element: &str) -> bool {
    matches!(unit_type(element), "service" | "scope" | "socket" | "mount" | "swap")
}

fn unit_type(element: &str) -> &str {
    element.rsplit_once('.').map_or("", |(_, unit_type)| unit_type)
}

/// systemd puts `_` before a name that the cgroup file system would take for one of its own files.
fn unescape(element: &str) -> &str {
    element.strip_prefix('_').unwrap_or(element)
}

fn qos_of(element: &str) -> Option<Qos> {
    let element = element.strip_suffix(".slice").unwrap_or(element);
    let class = element
        .split_once("kubepods-")
        .map_or(element, |(_, rest)| rest.split_once('-').map_or(rest, |(class, _)| class));
    match class {
        "burstable" => Some(Qos::Burstable),
        "besteffort" => Some(Qos::BestEffort),
        _ => None,
    }
}

/// The uid in `pod<uid>` or `…-pod<uid>.slice`, with dashes.
fn pod_uid(element: &str) -> Option<String> {
    let element = element.strip_suffix(".slice").unwrap_or(element);
    // A uid is hex, so the last "pod" is the one before it ("kubepods-pod…").
    let at = element.rfind("pod")?;
    if at > 0 && !element[..at].ends_with('-') {
        return None;
    }
    let uid = element.get(at + 3..)?;
    let static_pod = uid.len() == 32 && is_hex(uid);
    (static_pod || is_uuid(uid)).then(|| uid.replace('_', "-"))
}

fn is_uuid(text: &str) -> bool {
    let mut groups = text.split(['-', '_']);
    [8, 4, 4, 4, 12].iter().all(|n| groups.next().is_some_and(|g| g.len() == *n && is_hex(g)))
        && groups.next().is_none()
}

/// `(prefix-)?<64 hex>(.scope)?`
fn container_of_element(element: &str) -> Option<&str> {
    let element = element.strip_suffix(".scope").unwrap_or(element);
    let id = element.rsplit_once('-').map_or(element, |(_, id)| id);
    (id.len() == 64 && is_hex(id)).then_some(id)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
#[path = "cgroup_tests.rs"]
mod tests;
