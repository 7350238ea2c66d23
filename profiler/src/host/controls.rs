//! What can be set on this host and how it is set: cgroup files, IO priorities, limits of dirty pages.
//!
//! Owns the reading of cgroup folders and `/proc/sys/vm/dirty_*`. Nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use iocontend_core::cgroup::with_parents;
use iocontend_core::facts::{
    CgroupControls, ControlFacts, DeviceFacts, DirtyLimits, DiskControls, IoPriority,
    ProcessControls, ProcessFacts,
};
use iocontend_core::ids::Dev;
use iocontend_core::session::written_files;

use super::mounts::parse_dev;
use super::{HostRoot, WithFiles, read_process, text};

/// `IOPRIO_WHO_PROCESS` (include/uapi/linux/ioprio.h): one thread.
const WHO_THREAD: libc::c_int = 1;
/// `IOPRIO_CLASS_SHIFT`, `IOPRIO_LEVEL_MASK` there.
const CLASS_SHIFT: u32 = 13;
const LEVEL_MASK: u32 = 7;
/// Threads whose priority is asked at most.
const MAX_THREADS: usize = 256;

/// What can be set for these disks and processes.
pub fn read_controls(
    root: &HostRoot,
    devices: &[DeviceFacts],
    parties: &[ProcessFacts],
) -> ControlFacts {
    let unified = unified(root);
    let mut controls = ControlFacts { dirty: dirty_limits(root), ..ControlFacts::default() };
    let own = parties.iter().filter_map(|party| party.cgroup.v2.as_deref());
    // The root has no limits, but may be where somebody is.
    let paths: BTreeSet<&str> =
        own.flat_map(|path| with_parents(path).chain(std::iter::once(path))).collect();
    let mut iocost = None;
    if let Some(unified) = &unified {
        controls.cgroup2_mount = Some(unified.display().to_string());
        controls.cgroup2_controllers = words(text(unified.join("cgroup.controllers")));
        controls.cgroups = paths.iter().map(|path| cgroup(unified, path)).collect();
        iocost = std::fs::read_to_string(unified.join("io.cost.qos")).ok();
    }
    controls.disks = devices.iter().map(|device| disk(root, device, iocost.as_deref())).collect();
    controls.processes = parties.iter().filter_map(|party| process(root, party)).collect();
    controls
}

/// The folder of the unified hierarchy: the folder of all, or the one beside those of version 1.
fn unified(root: &HostRoot) -> Option<PathBuf> {
    let places = [root.cgroup.clone(), root.cgroup.join("unified")];
    places.into_iter().find(|place| place.join("cgroup.controllers").exists())
}

fn words(text: Option<String>) -> Vec<String> {
    text.unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
}

fn dirty_limits(root: &HostRoot) -> DirtyLimits {
    let value = |name: &str| {
        let file = root.proc.join("sys/vm").join(name);
        text(file).and_then(|value| value.parse().ok())
    };
    DirtyLimits {
        bytes: value("dirty_bytes"),
        background_bytes: value("dirty_background_bytes"),
        ratio: value("dirty_ratio"),
        background_ratio: value("dirty_background_ratio"),
    }
}

fn disk(root: &HostRoot, device: &DeviceFacts, iocost: Option<&str>) -> DiskControls {
    let folder = root.sys.join("block").join(&device.name).join("queue/iosched");
    let names = std::fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
    let mut scheduler_files = BTreeMap::new();
    for name in names.filter_map(|entry| entry.file_name().into_string().ok()) {
        if let Some(value) = text(folder.join(&name)) {
            scheduler_files.insert(name, value);
        }
    }
    let iocost = iocost.map(|lines| is_enabled(lines, device.dev));
    DiskControls { dev: device.dev, iocost, scheduler_files }
}

/// `8:0 enable=1 ctrl=auto …`; a disk without a line has the default, off.
fn is_enabled(lines: &str, dev: Dev) -> bool {
    lines.lines().any(|line| {
        let mut words = line.split_ascii_whitespace();
        words.next().and_then(parse_dev) == Some(dev) && words.any(|word| word == "enable=1")
    })
}

fn cgroup(unified: &Path, path: &str) -> CgroupControls {
    // `..` is what a path outside our own cgroup namespace begins with.
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut cgroup = CgroupControls { path: path.to_owned(), ..CgroupControls::default() };
    if parts.contains(&"..") {
        return cgroup;
    }
    let mut folder = unified.to_owned();
    let mut above = String::new();
    for part in parts {
        let passed_on = words(text(folder.join("cgroup.subtree_control")));
        if cgroup.io_ends_at.is_none() && !passed_on.iter().any(|one| one == "io") {
            cgroup.io_ends_at = Some(if above.is_empty() { "/".to_owned() } else { above.clone() });
        }
        folder.push(part);
        above = format!("{above}/{part}");
    }
    cgroup.exists = folder.is_dir();
    cgroup.controllers = words(text(folder.join("cgroup.controllers")));
    for name in CgroupControls::FILES {
        // io.max is empty as long as nothing is limited.
        if let Ok(value) = std::fs::read_to_string(folder.join(name)) {
            cgroup.files.insert(name.to_owned(), value.trim().to_owned());
        }
    }
    cgroup.anon_bytes = text(folder.join("memory.stat")).as_deref().and_then(anon);
    let processes = std::fs::read_to_string(folder.join("cgroup.procs")).ok();
    cgroup.processes = processes.and_then(|text| u64::try_from(text.lines().count()).ok());
    cgroup
}

fn anon(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("anon ")?.trim().parse().ok())
}

fn process(root: &HostRoot, party: &ProcessFacts) -> Option<ProcessControls> {
    let facts = read_process(root, party.key.pid, WithFiles::Yes).ok()??;
    (facts.key == party.key).then(|| ProcessControls {
        key: facts.key,
        io_priorities: priorities(root, facts.key.pid),
        written: written_files(&facts),
    })
}

fn priorities(root: &HostRoot, pid: u32) -> Vec<IoPriority> {
    let tasks = std::fs::read_dir(root.proc.join(format!("{pid}/task"))).into_iter().flatten();
    let names = tasks.filter_map(Result::ok).map(|entry| entry.file_name());
    let ids = names.filter_map(|name| name.to_str()?.parse().ok()).take(MAX_THREADS);
    let all: BTreeSet<IoPriority> = ids.filter_map(priority).collect();
    all.into_iter().collect()
}

/// What `ionice -p` shows; `None` when the thread is gone.
fn priority(tid: libc::c_int) -> Option<IoPriority> {
    // SAFETY: the call takes two numbers and no pointer; it changes nothing.
    let value = unsafe { libc::syscall(libc::SYS_ioprio_get, WHO_THREAD, tid) };
    let value = u32::try_from(value).ok()?;
    let class = u8::try_from(value >> CLASS_SHIFT).ok()?;
    let level = u8::try_from(value & LEVEL_MASK).ok()?;
    Some(IoPriority { class, level })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;
    use iocontend_core::cgroup::CgroupPaths;
    use iocontend_core::facts::ProcessKey;

    fn party(pid: u32, cgroup: &str) -> ProcessFacts {
        let mut facts = ProcessFacts::named(ProcessKey { pid, start_ticks: 5 }, "x");
        facts.cgroup = CgroupPaths::parse(&format!("0::{cgroup}\n"));
        facts
    }

    fn host() -> FakeHost {
        let host = FakeHost::new();
        for (path, content) in [
            ("cgroup/cgroup.controllers", "cpu io memory\n"),
            ("cgroup/cgroup.subtree_control", "cpu io memory\n"),
            ("cgroup/io.cost.qos", "8:16 enable=1 ctrl=auto\n8:0 enable=0 ctrl=auto\n"),
            ("cgroup/a.slice/cgroup.subtree_control", "memory\n"),
            ("cgroup/a.slice/b.service/cgroup.controllers", "memory\n"),
            ("cgroup/a.slice/b.service/memory.high", "max\n"),
            ("cgroup/a.slice/b.service/memory.stat", "anon 4096\nfile 8192\n"),
            ("cgroup/a.slice/b.service/cgroup.procs", "7\n8\n"),
            ("cgroup/c.service/io.max", ""),
            ("proc/sys/vm/dirty_ratio", "20\n"),
            ("proc/sys/vm/dirty_bytes", "0\n"),
            ("sys/block/sda/dev", "8:0\n"),
            ("sys/block/sda/queue/iosched/low_latency", "1\n"),
            ("sys/block/sdb/dev", "8:16\n"),
        ] {
            host.write(path, content);
        }
        host
    }

    /// Property: what is set is read where it is, and what is not there stays unknown.
    #[test]
    fn controls_are_read_from_the_hosts_files() {
        let host = host();
        let devices = super::super::read_devices(&host.root).unwrap();
        let parties = [party(7, "/a.slice/b.service"), party(8, "/c.service"), party(9, "/gone")];
        let controls = read_controls(&host.root, &devices, &parties);
        assert!(controls.has_controller("io") && !controls.has_controller("blkio"));
        let paths: Vec<&str> = controls.cgroups.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(paths, ["/a.slice", "/a.slice/b.service", "/c.service", "/gone"]);
        let (b, c) = (&controls.cgroups[1], &controls.cgroups[2]);
        assert_eq!((b.exists, b.io_ends_at.as_deref()), (true, Some("/a.slice")));
        assert_eq!((b.value("memory.high"), b.value("io.max")), (Some("max"), None));
        assert_eq!((b.anon_bytes, b.processes), (Some(4096), Some(2)));
        assert_eq!((c.io_ends_at.as_deref(), c.value("io.max")), (None, Some("")));
        assert!(!controls.cgroup("/gone").unwrap().exists);
        assert_eq!((controls.dirty.ratio, controls.dirty.background_ratio), (Some(20), None));
        let [sda, sdb] = &controls.disks[..] else { panic!("{:?}", controls.disks) };
        assert_eq!((sda.iocost, sdb.iocost), (Some(false), Some(true)));
        assert_eq!(sda.scheduler_files["low_latency"], "1");
        assert!(controls.processes.is_empty(), "nobody lives on this host");
    }

    /// Property: without version 2 nothing is said of it; that is no error.
    #[test]
    fn a_host_without_version_2_has_no_controls_of_it() {
        let host = FakeHost::new();
        let controls = read_controls(&host.root, &[], &[party(1, "/x")]);
        assert_eq!(controls, ControlFacts::default());
    }

    /// Property: our own priority can be asked.
    #[test]
    fn a_living_thread_has_a_priority() {
        let own = libc::c_int::try_from(std::process::id()).unwrap();
        assert!(priority(own).is_some_and(|one| one.class <= 3 && one.level <= 7));
        assert_eq!(priority(libc::c_int::MAX), None);
    }
}
