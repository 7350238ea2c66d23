//! What iocontend can and cannot show on a host, and who shares what there.
//!
//! Owns the judgement: what the edge saw ([`Seen`]) goes in, the document ([`Doctor`]) comes out. No IO.

mod attributions;
mod costs;
mod disks;
mod document;
mod facts;
mod hooks;
mod maps;
mod places;
mod privileges;
mod problems;
mod trouble;

pub use costs::{SWITCH_NS, SYSCALL_NS, TARGET_SWITCH_NS};
pub use document::*;
pub use facts::*;
pub use maps::planned_map_bytes;
pub use places::{Place, places};
pub use privileges::may_load;
pub use trouble::{HookGroup, Keeper, Lack, NotTried, Quirk, Trouble, Way};

use crate::report::{CgroupVersion, Host, Tool};

/// Judges what was seen.
pub fn examine(seen: &Seen, tool: Tool) -> Doctor {
    let mut doctor = Doctor {
        tool,
        host: host(seen),
        ability: Ability::Full,
        ability_as_root: None,
        problems: Vec::new(),
        privileges: privileges::of(&seen.asker),
        btf: btf(seen),
        tracefs: Tracefs {
            mounted_at: seen.tracefs_mounts.clone(),
            on_host_at: seen.tracefs_on_host.clone(),
            readable: matches!(seen.tracefs_read, Some(Ok(_))),
        },
        hooks: hooks::of(seen),
        attributions: Vec::new(),
        maps: maps(seen),
        costs: costs::of(seen),
        quirks: quirks(seen),
        cgroups: cgroups(&seen.cgroups),
        psi_io: seen.host.psi_io.is_some(),
        disks: disks::of(seen),
        data: Vec::new(),
    };
    doctor.attributions = attributions::of(seen, &doctor.hooks);
    doctor.data = disks::data(seen, &doctor.disks);
    let found = problems::of(seen, &doctor);
    doctor.ability = found.ability();
    if matches!(seen.trial, Trial::NotTried) {
        doctor.ability_as_root = Some(found.ability_as_root());
    }
    doctor.problems = found.into_problems();
    doctor
}

fn host(seen: &Seen) -> Host {
    use crate::facts::CgroupVersion as Found;
    Host {
        hostname: seen.host.hostname.clone(),
        kernel: seen.host.kernel_release.clone(),
        machine: seen.machine.clone(),
        cpus: seen.host.cpus_possible,
        cgroup_version: seen.host.cgroup_version.map(|version| match version {
            Found::V1 => CgroupVersion::V1,
            Found::V2 => CgroupVersion::V2,
            Found::Hybrid => CgroupVersion::Hybrid,
        }),
        psi_io: None,
    }
}

fn btf(seen: &Seen) -> BtfInfo {
    let BtfSeen { path, bytes, error } = seen.btf.clone();
    BtfInfo { path, bytes, error }
}

fn maps(seen: &Seen) -> Maps {
    let actual_bytes =
        if let Trial::Tried { map_bytes, .. } = seen.trial { Some(map_bytes) } else { None };
    Maps { planned_bytes: seen.planned_map_bytes, actual_bytes }
}

/// What the kernel does otherwise, as far as the plan shows it.
fn quirks(seen: &Seen) -> Vec<Quirk> {
    let Some(Ok(plan)) = &seen.plan else { return Vec::new() };
    let mut quirks = Vec::new();
    if plan.config.has_io_start == 0 {
        quirks.push(Quirk::NoIoStart);
    }
    if plan.config.bio_blkg == iocontend_wire::config::ABSENT {
        quirks.push(Quirk::NoOwnerCgroup);
    }
    quirks
}

fn cgroups(seen: &CgroupsSeen) -> Cgroups {
    let has = |controllers: &[String], name: &str| controllers.iter().any(|one| one == name);
    let io_version = if has(&seen.v2_controllers, "io") {
        Some(2)
    } else {
        has(&seen.v1_controllers, "blkio").then_some(1)
    };
    Cgroups {
        v2_mount: seen.v2_mount.clone(),
        v2_controllers: seen.v2_controllers.clone(),
        v1_controllers: seen.v1_controllers.clone(),
        io_version,
    }
}

#[cfg(test)]
mod tests;
