//! Which of the kernel's limits can hold a victim back: what is set on its cgroups and on the disks it uses.
//!
//! The finding `throttled` says that requests were held back, which the kernel does not tell the reason of. What is not set
//! cannot be it; what is left is named.

use super::books::Books;
use crate::cgroup::with_parents;
use crate::facts::{ControlFacts, DeviceFacts};
use crate::report::{Actor, Caveat, Pattern, Report};

/// Files whose line for a disk holds a cgroup's own requests back.
const FILE: &str = "io.max";

/// Says in the findings of a report which limits there are.
pub(super) fn name(books: &Books, report: &mut Report) {
    let Some(mut findings) = report.findings.take() else { return };
    for finding in findings.iter_mut().filter(|finding| finding.id == Pattern::Throttled) {
        let actor = report.actor(&finding.subject);
        let controls = books.controls.as_deref();
        let said = actor.and_then(|actor| that_hold(actor, &books.devices, controls));
        if let Some(said) = said {
            // That is said where nothing is known of the host.
            finding.caveats.retain(|caveat| *caveat != Caveat::LimitUnseen);
            finding.caveats.splice(0..0, said);
        }
    }
    report.findings = Some(findings);
}

/// Which limits may hold an actor's requests back: those of its cgroups, else those of its disks. `None` when not all cgroups
/// are known.
fn that_hold(
    actor: &Actor,
    disks: &[DeviceFacts],
    controls: Option<&ControlFacts>,
) -> Option<Vec<Caveat>> {
    let uses = |disk: &&DeviceFacts| actor.io.iter().any(|io| io.device == disk.name);
    let used: Vec<&DeviceFacts> = disks.iter().filter(uses).collect();
    // A path cannot be opened, so nothing is set on one: its bios are held where they come in, at the disk above it.
    let is_above =
        |disk: &&DeviceFacts| used.iter().any(|one| one.path_of.as_ref() == Some(&disk.name));
    let mut limited = used.clone();
    limited.extend(disks.iter().filter(is_above));
    let limits = of_cgroups(controls, actor, &limited)?;
    if limits.is_empty() {
        return Some(used.iter().map(|disk| of_disk(disk)).collect());
    }
    Some(limits)
}

/// Limits of an actor's cgroup and of those above it. `None` when one of them was not looked at, or IO is not accounted there.
fn of_cgroups(
    controls: Option<&ControlFacts>,
    actor: &Actor,
    disks: &[&DeviceFacts],
) -> Option<Vec<Caveat>> {
    let controls = controls.filter(|controls| controls.has_controller("io"))?;
    let mut limits = Vec::new();
    for path in with_parents(actor.cgroup.as_deref()?) {
        let cgroup = controls.cgroup(path).filter(|cgroup| cgroup.exists)?;
        let lines = cgroup.value(FILE).unwrap_or_default().lines();
        for (disk, values) in lines.filter_map(|line| line.split_once(' ')) {
            let Some(disk) = disks.iter().find(|one| one.dev.to_string() == disk) else { continue };
            let set: Vec<&str> =
                values.split_ascii_whitespace().filter(|value| !value.ends_with("=max")).collect();
            if !set.is_empty() {
                limits.push(Caveat::LimitSet {
                    file: FILE.to_owned(),
                    cgroup: path.to_owned(),
                    device: disk.name.clone(),
                    value: set.join(" "),
                });
            }
        }
    }
    for disk in disks {
        if controls.disk(disk.dev).and_then(|disk| disk.iocost) == Some(true) {
            limits.push(Caveat::IocostOn { device: disk.name.clone() });
        }
    }
    Some(limits)
}

fn of_disk(disk: &DeviceFacts) -> Caveat {
    Caveat::LimitOfDisk {
        device: disk.name.clone(),
        wbt_us: disk.wbt_lat_usec,
        nr_requests: disk.nr_requests,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{CgroupControls, DiskControls};
    use crate::ids::Dev;
    use crate::report::sample;

    const DISK: Dev = Dev { major: 259, minor: 0 };

    /// etcd of the sample in a pod, on a disk with writeback throttling; `io.max` by cgroup.
    fn said(limits: &[(&str, &str)], iocost: bool) -> Option<Vec<Caveat>> {
        let mut actor = sample::report().actors.swap_remove(0);
        actor.cgroup = Some("/kubepods.slice/pod".into());
        let disk = DeviceFacts {
            dev: DISK,
            name: "vda".into(),
            dm_name: None,
            scheduler: None,
            schedulers: Vec::new(),
            rotational: None,
            write_cache: None,
            fua: None,
            nr_requests: Some(1023),
            size_bytes: None,
            wbt_lat_usec: Some(2000),
            partitions: Vec::new(),
            holders: Vec::new(),
            slaves: Vec::new(),
            path_of: None,
            filesystems: Vec::new(),
        };
        let cgroup = |(path, value): &(&str, &str)| CgroupControls {
            path: (*path).into(),
            exists: true,
            files: [("io.max".to_owned(), (*value).to_owned())].into(),
            ..CgroupControls::default()
        };
        let controls = ControlFacts {
            cgroup2_controllers: vec!["io".into()],
            cgroups: limits.iter().map(cgroup).collect(),
            disks: vec![DiskControls {
                dev: DISK,
                iocost: Some(iocost),
                scheduler_files: [].into(),
            }],
            ..ControlFacts::default()
        };
        that_hold(&actor, &[disk], Some(&controls))
    }

    /// Property: a limit of the cgroup or of one above it is named with its value, and one for another disk is none.
    #[test]
    fn a_limit_of_a_cgroup_is_named() {
        let of_pod = ("/kubepods.slice/pod", "8:0 rbps=1 wbps=1 riops=1 wiops=1");
        let of_slice = ("/kubepods.slice", "259:0 rbps=max wbps=1048576 riops=max wiops=50");
        let said = said(&[of_slice, of_pod], false).unwrap();
        let limit = Caveat::LimitSet {
            file: "io.max".into(),
            cgroup: "/kubepods.slice".into(),
            device: "vda".into(),
            value: "wbps=1048576 wiops=50".into(),
        };
        assert_eq!(said, [limit]);
    }

    /// Property: without one the disk's own limits are named, with what they are set to.
    #[test]
    fn without_one_it_is_the_disks() {
        let none = [("/kubepods.slice", ""), ("/kubepods.slice/pod", "259:0 rbps=max wbps=max")];
        let of_disk = Caveat::LimitOfDisk {
            device: "vda".into(),
            wbt_us: Some(2000),
            nr_requests: Some(1023),
        };
        assert_eq!(said(&none, false), Some(vec![of_disk]));
        assert_eq!(said(&none, true), Some(vec![Caveat::IocostOn { device: "vda".into() }]));
    }

    /// Property: a cgroup that was not looked at may have a limit, so nothing is said.
    #[test]
    fn what_was_not_looked_at_is_not_ruled_out() {
        assert_eq!(said(&[("/kubepods.slice/pod", "")], false), None);
        assert_eq!(said(&[], false), None);
    }
}
