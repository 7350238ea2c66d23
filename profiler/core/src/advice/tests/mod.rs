//! Hosts and reports for advice, built as states that deserve an action or its refusal.

mod agree;
mod forms;
mod numbers;
mod order;
mod refusals;
mod secrets;

use std::collections::BTreeMap;

use super::{Facts, advise};
use crate::facts::{
    CgroupControls, ControlFacts, DeviceFacts, DirtyLimits, DiskControls, FsFacts, IoPriority,
    ProcessControls, ProcessKey, WrittenFile,
};
use crate::hist::Dist;
use crate::ids::{Call, Dev, FileClass, Method, Op, Role};
use crate::lease::kernel_text::is_possible;
use crate::report::{
    ANYBODY, Actor, Advice, AloneVsShared, Blame, CgroupVersion, Device, Host, Io, Lat, Mechanism,
    Report, SELF, Target, Tool, UNEXPLAINED, Verdict, Wait, Why, Window,
};

const SECOND: u64 = 1_000_000_000;
const DISK: Dev = Dev { major: 254, minor: 0 };
const ROOT_FS: Dev = Dev { major: 254, minor: 1 };
const OTHER_FS: Dev = Dev { major: 254, minor: 2 };
const VICTIM: &str = "10@100";
const CULPRIT: &str = "20@200";
/// The cgroup of a unit.
const UNIT: &str = "/system.slice/backup.service";

/// A host, as far as advice asks; the disk does 20 MB/s.
struct World {
    scheduler: &'static str,
    version: CgroupVersion,
    /// Where the culprit is.
    cgroup: &'static str,
    /// Files of that cgroup.
    files: Vec<&'static str>,
    iocost: bool,
    has_aging: bool,
    culprit: Actor,
    victim: Actor,
    /// Which file system the culprit writes to, and how.
    writes: Option<(Dev, bool)>,
    mechanism: Mechanism,
    /// Waits with nobody, and beside the culprit, ns, with their number.
    alone: (u64, u64),
    shared: (u64, u64),
    dirty: DirtyLimits,
    has_controls: bool,
}

/// `count` waits around `ns`, one in fifty ten times as long.
fn lat(count: u64, ns: u64) -> Lat {
    let mut dist = Dist::new();
    for n in 0..count {
        dist.record(if n % 50 == 49 { ns * 10 } else { ns + ns / 100 * (n % 10) });
    }
    Lat::from(&dist)
}

fn io(op: Op, method: Method, count: u64, bytes: u64) -> Io {
    Io {
        device: "vda".into(),
        op,
        file_class: FileClass::Other,
        method,
        count,
        bytes,
        q2d: None,
        d2c: Some(lat(count, 1_000_000)),
        q2c: None,
    }
}

fn process(id: &str, role: Role, argv: &[&str]) -> Actor {
    let (pid, start) = id.split_once('@').unwrap();
    let pid = pid.parse().unwrap();
    Actor {
        id: id.into(),
        pid: Some(pid),
        start_ns: Some(ProcessKey { pid, start_ticks: start.parse().unwrap() }.start_ns()),
        comm: Some(crate::argv::base_name(argv[0]).to_owned()),
        argv: Some(argv.iter().map(|&arg| arg.to_owned()).collect()),
        role,
        ..Actor::default()
    }
}

impl World {
    /// A direct reader at the disk's full speed, in a unit of its own on version 2.
    fn reader() -> Self {
        let mut culprit = process(CULPRIT, Role::Other, &["fio", "--rw=read"]);
        // 20 MB/s in pieces of 256 KiB for 60 s.
        culprit.io = vec![io(Op::Read, Method::Direct, 4_577, 1_200_000_000)];
        Self {
            scheduler: "none",
            version: CgroupVersion::V2,
            cgroup: UNIT,
            files: vec!["io.max", "io.weight", "memory.high"],
            iocost: false,
            has_aging: true,
            culprit,
            victim: process(VICTIM, Role::Etcd, &["etcd", "--initial-cluster=a=x,b=y,c=z"]),
            writes: None,
            mechanism: Mechanism::Device,
            alone: (400, 2_000_000),
            shared: (1_600, 16_000_000),
            dirty: DirtyLimits {
                bytes: Some(0),
                background_bytes: Some(0),
                ratio: Some(20),
                background_ratio: Some(10),
            },
            has_controls: true,
        }
    }

    /// A writer past the page cache.
    fn direct_writer() -> Self {
        let mut world = Self::reader();
        world.culprit.argv = Some(vec!["fio".into(), "--rw=write".into()]);
        world.culprit.io = vec![io(Op::Write, Method::Direct, 4_577, 1_200_000_000)];
        world.writes = Some((OTHER_FS, true));
        world
    }

    /// A copier through the page cache on the victim's file system.
    fn buffered_writer() -> Self {
        let mut world = Self::reader();
        world.culprit = process(CULPRIT, Role::Other, &["dd", "if=/x", "of=/y", "conv=fsync"]);
        world.culprit.io = vec![io(Op::Write, Method::Writeback, 4_577, 1_200_000_000)];
        world.writes = Some((ROOT_FS, false));
        world.mechanism = Mechanism::Journal;
        world.shared.1 = 180_000_000;
        world
    }

    /// A snapshot through etcd's API, written beside etcd.
    fn snapshot() -> Self {
        let mut world = Self::buffered_writer();
        let argv = ["etcdctl", "snapshot", "save", "/backup/x.db"];
        let io = std::mem::take(&mut world.culprit.io);
        world.culprit = Actor { io, ..process(CULPRIT, Role::Backup, &argv) };
        world
    }

    fn controls(&self) -> ControlFacts {
        let is_v2 = self.version == CgroupVersion::V2;
        let controllers = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let value = |file: &&'static str| {
            let value = match *file {
                "io.max" | "io.latency" => "",
                "io.weight" | "io.bfq.weight" => "default 100",
                "io.prio.class" => "no-change",
                _ => "max",
            };
            ((*file).to_owned(), value.to_owned())
        };
        let cgroup = CgroupControls {
            path: self.cgroup.to_owned(),
            exists: true,
            controllers: controllers(if is_v2 { &["io", "memory"] } else { &[] }),
            files: self.files.iter().map(value).collect(),
            anon_bytes: Some(8 << 20),
            processes: Some(1),
            ..CgroupControls::default()
        };
        let aging = [("prio_aging_expire".to_owned(), "10000".to_owned())];
        ControlFacts {
            cgroup2_mount: Some("/sys/fs/cgroup".into()),
            cgroup2_controllers: controllers(if is_v2 { &["io", "memory"] } else { &[] }),
            disks: vec![DiskControls {
                dev: DISK,
                iocost: Some(self.iocost),
                scheduler_files: if self.has_aging { aging.into() } else { BTreeMap::new() },
            }],
            cgroups: vec![cgroup],
            processes: vec![ProcessControls {
                key: ProcessKey { pid: 20, start_ticks: 200 },
                io_priorities: vec![IoPriority { class: 0, level: 4 }],
                written: Vec::new(),
            }],
            dirty: self.dirty,
        }
    }

    fn disk(&self) -> DeviceFacts {
        let fs = |dev, mount: &str| FsFacts {
            dev,
            fstype: "ext4".into(),
            mount_point: mount.into(),
            options: "rw".into(),
            source: "/dev/vda1".into(),
        };
        DeviceFacts {
            dev: DISK,
            name: "vda".into(),
            dm_name: None,
            scheduler: Some(self.scheduler.into()),
            schedulers: vec!["none".into(), "mq-deadline".into(), "bfq".into()],
            rotational: Some(false),
            write_cache: None,
            fua: None,
            nr_requests: None,
            size_bytes: None,
            wbt_lat_usec: None,
            partitions: Vec::new(),
            holders: Vec::new(),
            slaves: Vec::new(),
            path_of: None,
            filesystems: vec![fs(ROOT_FS, "/"), fs(OTHER_FS, "/data")],
        }
    }

    /// The report of a minute in which half of the victim's wait is charged to the culprit.
    fn report(&self) -> Report {
        let host = Host { cgroup_version: Some(self.version), ..Host::default() };
        let window = Window::new(0, 60 * 1_000_000_000, 0, 60 * SECOND);
        let mut report = Report::new(Tool::default(), host, window);
        let (alone, shared) = (lat(self.alone.0, self.alone.1), lat(self.shared.0, self.shared.1));
        let all = Lat::merged([&alone, &shared]).unwrap();
        let mut victim = self.victim.clone();
        victim.cgroup.get_or_insert("/system.slice/etcd.service".into());
        victim.waits = vec![Wait {
            call: Call::Fdatasync,
            file_class: FileClass::Wal,
            path: None,
            latency: all.clone(),
            anatomy: None,
        }];
        let mut culprit = self.culprit.clone();
        culprit.cgroup.get_or_insert(self.cgroup.into());
        let charged = all.sum_ns / 10 * 8;
        report.targets = vec![Target { selector: "auto".into(), actors: vec![VICTIM.into()] }];
        report.devices = vec![Device {
            name: "vda".into(),
            major: DISK.major,
            minor: DISK.minor,
            scheduler: Some(self.scheduler.into()),
            ios: culprit.io.iter().map(|io| io.count).sum(),
            bytes: culprit.io.iter().map(|io| io.bytes).sum(),
            busy_ns: Some(60 * SECOND),
            ..Device::default()
        }];
        let row = |culprit: &str, mechanism, wait_ns| Blame {
            victim: VICTIM.into(),
            victim_class: FileClass::Wal,
            victim_call: Call::Fdatasync,
            culprit: culprit.into(),
            culprit_class: None,
            device: Some("vda".into()),
            mechanism,
            wait_ns,
            share: if culprit == SELF { 0.2 } else { 0.8 },
        };
        report.blame = Some(vec![
            row(CULPRIT, self.mechanism, charged),
            row(SELF, Mechanism::Device, all.sum_ns - charged),
        ]);
        report.alone_vs_shared = Some(vec![AloneVsShared {
            victim: VICTIM.into(),
            call: Call::Fdatasync,
            culprit: CULPRIT.into(),
            alone: Some(alone).filter(|lat| lat.count > 0),
            shared: Some(shared),
            baseline: None,
            baseline_p99_ns: None,
        }]);
        report.actors = vec![victim, culprit];
        report
    }

    fn written(&self) -> BTreeMap<String, Vec<WrittenFile>> {
        let file = |fs, direct| vec![WrittenFile { fs, direct: Some(direct) }];
        let mut written = BTreeMap::from([(VICTIM.to_owned(), file(ROOT_FS, false))]);
        if let Some((fs, direct)) = self.writes {
            written.insert(CULPRIT.to_owned(), file(fs, direct));
        }
        written
    }

    fn advice_on(&self, report: &Report) -> Vec<Advice> {
        let (devices, controls) = ([self.disk()], self.controls());
        let controls = self.has_controls.then_some(&controls);
        let all = advise(report, &Facts { devices: &devices, controls, written: self.written() });
        // Property: `apply` can make every change that any test here sees proposed.
        let changes = all.iter().flat_map(|one| &one.changes);
        changes.for_each(|change| assert!(is_possible(change), "{change:?}"));
        all
    }

    fn advice(&self) -> Vec<Advice> {
        self.advice_on(&self.report())
    }

    /// What is said of one action: whether it is recommended, and the reason.
    fn says(&self, id: &str) -> Option<(Verdict, Why)> {
        let found = self.advice().into_iter().find(|one| one.id.name() == id)?;
        Some((found.verdict, found.reason))
    }

    fn refuses(&self, id: &str, is_why: impl Fn(&Why) -> bool) {
        let said = self.says(id);
        let is = said
            .as_ref()
            .is_some_and(|(verdict, reason)| *verdict == Verdict::Refused && is_why(reason));
        assert!(is, "{id}: not refused so but {said:?}");
    }

    fn recommends(&self, id: &str) -> Advice {
        let all = self.advice();
        let found =
            all.iter().find(|one| one.id.name() == id && one.verdict == Verdict::Recommended);
        found.unwrap_or_else(|| panic!("{id} is not recommended: {all:#?}")).clone()
    }
}
