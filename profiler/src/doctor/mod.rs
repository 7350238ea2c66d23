//! Gathers what `doctor` judges: the kernel, the host, who keeps data where. Changes nothing on the host.

mod data;
mod disks;

use iocontend_core::btf::Btf;
use iocontend_core::doctor::{Asker, CgroupsSeen, Seen, may_load, planned_map_bytes};
use iocontend_core::plan::Plan;

use crate::host::{self, HostRoot, Mount};
use crate::kernel::facts::KernelPaths;
use crate::kernel::probes::{ProbeOptions, large_blocks_apart};
use crate::kernel::{permission, trial};
use crate::live::{RING_BYTES, Settings, make_plan};

/// The first pid namespace's inode number (`PROC_PID_INIT_INO`, include/linux/proc_ns.h).
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Looks at everything.
pub fn look(root: &HostRoot, kernel: &KernelPaths) -> Seen {
    let mounts = host::read_mounts(root).unwrap_or_default();
    // A container's mounts, and those of whoever unshared them, are not those of process 1.
    let own = host::read_own_mounts(root).unwrap_or_else(|_| mounts.clone());
    let tracefs_mounts = mount_points(&own, "tracefs");
    let mut tracefs_on_host = mount_points(&mounts, "tracefs");
    tracefs_on_host.retain(|at| !tracefs_mounts.contains(at));
    let mut seen = Seen {
        host: host::read_host(root).unwrap_or_default(),
        machine: Some(rustix::system::uname().machine().to_string_lossy().into_owned()),
        asker: asker(root),
        tracefs_mounts,
        tracefs_on_host,
        cgroups: cgroups(root, &mounts),
        data: data::read(root),
        ..Seen::default()
    };
    seen.disks = disks::read_disks(root, &seen.host.devices, &mounts);
    seen.filesystems = disks::read_filesystems(root, &seen.host.devices);
    look_at_kernel(root, kernel, &mut seen);
    seen
}

fn asker(root: &HostRoot) -> Asker {
    let (uid, capabilities) = permission::asker();
    let namespace = std::fs::read_link(root.proc.join("self/ns/pid")).ok();
    Asker {
        uid,
        capabilities,
        host_pids: namespace.map(|link| link.as_os_str() == FIRST_PID_NAMESPACE),
        lockdown: host::text(root.sys.join("kernel/security/lockdown")).and_then(|t| chosen(&t)),
    }
}

/// `none [integrity] confidentiality`: the one in brackets.
fn chosen(text: &str) -> Option<String> {
    let word = text.split_ascii_whitespace().find(|word| word.starts_with('['))?;
    Some(word.trim_matches(['[', ']']).to_owned())
}

fn mount_points(mounts: &[Mount], fstype: &str) -> Vec<String> {
    let all = mounts.iter().filter(|mount| mount.fstype == fstype);
    all.map(|mount| mount.mount_point.clone()).collect()
}

fn cgroups(root: &HostRoot, mounts: &[Mount]) -> CgroupsSeen {
    let v2_mount = mount_points(mounts, "cgroup2").into_iter().next();
    let places = [root.cgroup.clone(), root.cgroup.join("unified")];
    let controllers = places.iter().find_map(|at| host::text(at.join("cgroup.controllers")));
    let words = |text: &str| text.split_ascii_whitespace().map(str::to_owned).collect();
    let v1 = mounts.iter().filter(|mount| mount.fstype == "cgroup");
    // A hierarchy's options are its controllers, among others that are none.
    let is_controller =
        |option: &&str| !matches!(*option, "rw" | "ro" | "xattr") && !option.contains('=');
    let mut v1_controllers: Vec<String> = v1
        .flat_map(|mount| mount.super_options.split(','))
        .filter(is_controller)
        .map(str::to_owned)
        .collect();
    v1_controllers.sort_unstable();
    v1_controllers.dedup();
    CgroupsSeen {
        v2_controllers: controllers.as_deref().map(words).unwrap_or_default(),
        v2_mount,
        v1_controllers,
    }
}

/// What would be attached, and whether it can be.
fn look_at_kernel(root: &HostRoot, kernel: &KernelPaths, seen: &mut Seen) {
    seen.btf.path = kernel.btf.display().to_string();
    let bytes = match kernel.read_btf() {
        Ok(bytes) => bytes,
        Err(error) => return seen.btf.error = Some(error.to_string()),
    };
    seen.btf.bytes = u64::try_from(bytes.len()).ok();
    let formats = kernel.read_formats();
    let tracefs = formats.as_ref().map_err(|why| *why).and_then(|_| kernel.mounted_tracefs());
    seen.tracefs_read = Some(tracefs.map(|path| path.display().to_string()));
    let settings = Settings { ring_bytes: RING_BYTES, ..Settings::default() };
    large_blocks_apart();
    let (plan, tracepoints) = match Btf::parse(&bytes) {
        Ok(btf) => {
            let plan = make_plan(&btf, formats.as_ref(), root, kernel.read_ends(), &settings);
            let names = plan.iter().flat_map(Plan::tracepoints);
            let tracepoints = btf.of_tracepoints(names);
            (plan, tracepoints)
        }
        Err(error) => return seen.btf.error = Some(error.to_string()),
    };
    if let Ok(plan) = &plan {
        seen.planned_map_bytes = Some(planned_map_bytes(plan, RING_BYTES));
        if may_load(seen.asker.capabilities) {
            let options = ProbeOptions { ring_bytes: RING_BYTES, log: false };
            seen.trial = trial::try_all(plan, &tracepoints, options);
        }
    }
    seen.plan = Some(plan);
}

#[cfg(test)]
mod tests;
