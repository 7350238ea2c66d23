//! Where a culprit lives: its cgroup, who manages that, and what can be set there.

use super::Facts;
use crate::cgroup;
use crate::change::is_plain_path;
use crate::diagnosis::groups::is_launcher;
use crate::facts::CgroupControls;
use crate::report::Actor;

/// Who made a cgroup and may change it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Manager {
    /// The host's systemd: the cgroup is this unit's own.
    Unit(String),
    /// The unit's program made cgroups below its own (`Delegate=`): a user's systemd, a container's, a runtime.
    Delegate(String),
    /// A kubelet and its runtime.
    Pod,
    /// A container runtime without a kubelet.
    Runtime,
    /// Somebody by hand, or nobody known.
    Nobody,
}

/// Who manages the cgroup of this path.
pub(crate) fn manager(path: &str) -> Manager {
    if cgroup::pod(path).is_some() {
        return Manager::Pod;
    }
    let unit = cgroup::system_unit(path);
    if let Some(unit) = unit.as_ref().filter(|unit| !unit.is_own) {
        return Manager::Delegate(unit.name.to_owned());
    }
    if cgroup::container_id(path).is_some() {
        return Manager::Runtime;
    }
    unit.map_or(Manager::Nobody, |unit| Manager::Unit(unit.name.to_owned()))
}

/// Why a culprit's cgroup cannot be used to hold it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unsettable {
    /// It is in the root cgroup, which has no limits.
    Root,
    /// It is in the cgroup of this unit, which starts others too: a limit would hold all jobs, or all logins.
    Launcher(String),
    /// It is in the victim's own cgroup, or the victim below it.
    WithVictim,
    /// The controller is on version 1, or on none.
    NoController,
    /// The cgroup is gone and no unit stands for it.
    Gone,
    /// The cgroup is there and the file is not: a parent does not pass the controller on.
    NotPassedOn,
    /// The file is not there though the controller is: the kernel was built without it.
    NoFile,
    /// Its cgroup is not known.
    Unknown,
    /// Its name leads elsewhere, or holds what is not printed as it is.
    NotPlain,
}

/// A culprit's place.
#[derive(Clone, Debug)]
pub(super) struct CgroupTarget<'a> {
    pub(super) path: Option<String>,
    pub(super) manager: Manager,
    pub(super) controls: Option<&'a CgroupControls>,
    facts: &'a Facts<'a>,
    with_victim: bool,
}

/// How a file of the place can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SetVia {
    /// The file is there.
    File,
    /// systemd puts it there when the unit's property is set.
    Property,
}

impl<'a> CgroupTarget<'a> {
    pub(super) fn of(facts: &'a Facts<'a>, culprit: &Actor, victim: &Actor) -> Self {
        let path = culprit.cgroup.clone();
        let manager = path.as_deref().map_or(Manager::Nobody, manager);
        let controls =
            path.as_deref().and_then(|path| facts.controls.and_then(|all| all.cgroup(path)));
        let with_victim = match (&path, &victim.cgroup) {
            (Some(own), Some(other)) => own == other || other.starts_with(&format!("{own}/")),
            _ => false,
        };
        Self { path, manager, controls, facts, with_victim }
    }

    /// How a file of a controller can be set for this place.
    pub(super) fn way(&self, controller: &str, file: &str) -> Result<SetVia, Unsettable> {
        let path = self.path.as_deref().ok_or(Unsettable::Unknown)?;
        if path == "/" {
            return Err(Unsettable::Root);
        }
        if self.with_victim {
            return Err(Unsettable::WithVictim);
        }
        if let Manager::Unit(unit) = &self.manager
            && is_launcher(unit)
        {
            return Err(Unsettable::Launcher(unit.clone()));
        }
        if !is_plain_path(path) {
            return Err(Unsettable::NotPlain);
        }
        let is_unit = matches!(self.manager, Manager::Unit(_));
        let by_unit = |unfit| if is_unit { Ok(SetVia::Property) } else { Err(unfit) };
        let Some(all) = self.facts.controls else { return by_unit(Unsettable::Unknown) };
        if !all.has_controller(controller) {
            return Err(Unsettable::NoController);
        }
        match self.controls {
            Some(cgroup) if cgroup.value(file).is_some() => Ok(SetVia::File),
            Some(cgroup)
                if cgroup.exists && cgroup.controllers.iter().any(|one| one == controller) =>
            {
                Err(Unsettable::NoFile)
            }
            Some(cgroup) if cgroup.exists => by_unit(Unsettable::NotPassedOn),
            Some(_) => by_unit(Unsettable::Gone),
            None => by_unit(Unsettable::Unknown),
        }
    }

    /// The value of one of its files now.
    pub(super) fn value(&self, file: &str) -> Option<&'a str> {
        self.controls.and_then(|cgroup| cgroup.value(file))
    }

    /// Whether other processes are there that would be held back too.
    pub(super) fn has_others(&self) -> bool {
        self.controls.and_then(|cgroup| cgroup.processes).is_some_and(|count| count > 1)
    }
}
