//! What syncs are made of, where the cause is known because we made it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use iocontend_core::ids::Call;
use iocontend_core::report::{Actor, Part, Report};
use iocontend_tests::etcd::Etcd;
use iocontend_tests::fio;
use iocontend_tests::process::{run, until};
use iocontend_tests::watch::{Watch, actor};
use iocontend_tests::writer::Writer;

/// Puts of one load, how many a second, and their bytes.
const PUTS: (u32, u32, usize) = (150, 10, 1_000);

/// Nanoseconds by part, over waits of one kind.
#[derive(Clone, Debug, Default)]
struct Made(std::collections::BTreeMap<Part, u64>);

impl Made {
    /// Of all waits of an actor in these calls, in these reports.
    fn of(reports: &[Report], pid: u32, calls: &[Call]) -> Self {
        let mut all = Self::default();
        for found in reports.iter().filter_map(|report| actor(report, pid).ok()) {
            for wait in found.waits.iter().filter(|wait| calls.contains(&wait.call)) {
                all.add(wait.anatomy.as_ref().unwrap());
            }
        }
        all
    }

    fn add(&mut self, parts: &std::collections::BTreeMap<Part, u64>) {
        for (part, ns) in parts {
            *self.0.entry(*part).or_default() += ns;
        }
    }

    fn shown(&self) -> String {
        let all: u64 = self.0.values().sum();
        let mut parts: Vec<_> = self.0.iter().collect();
        parts.sort_by_key(|(_, ns)| std::cmp::Reverse(**ns));
        let parts = parts.iter().map(|(part, ns)| {
            format!("{part:?} {:.1} %", **ns as f64 * 100.0 / all.max(1) as f64)
        });
        format!("{:.1} ms: {}", all as f64 / 1e6, parts.collect::<Vec<_>>().join(", "))
    }
}

const SYNCS: [Call; 2] = [Call::Fsync, Call::Fdatasync];

fn watched(pid: u32, load: impl FnOnce()) -> Vec<Report> {
    let watch = Watch::start_lines(&["--pid", &pid.to_string(), "--interval", "1s"]).unwrap();
    load();
    watch.finish_lines().unwrap()
}

fn put(etcd: &Etcd) {
    println!("slowest put {:?}", etcd.puts(PUTS.0, PUTS.1, PUTS.2));
}

#[test]
#[ignore = "needs the VM"]
fn vm_anatomy_alone() {
    let folder = super::folder();
    let etcd = Etcd::start(folder.path()).unwrap();
    let reports = watched(etcd.pid(), || put(&etcd));
    println!("alone {}", Made::of(&reports, etcd.pid(), &SYNCS).shown());
}

struct Load(Child);

impl Load {
    fn start(program: &str, args: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
#[ignore = "needs the VM"]
fn vm_anatomy_beside_a_buffered_writer() {
    let folder = super::folder();
    let etcd = Etcd::start(folder.path()).unwrap();
    let directory = format!("--directory={}", folder.path().display());
    let options = ["--name=w", "--rw=write", "--bs=256k", "--size=64m", "--fsync=16", "--time_based", "--runtime=600"];
    let load = Load::start("fio", &[&options[..], &[directory.as_str()]].concat());
    let reports = watched(etcd.pid(), || put(&etcd));
    drop(load);
    println!("buffered writer {}", Made::of(&reports, etcd.pid(), &SYNCS).shown());
}

#[test]
#[ignore = "needs the VM"]
fn vm_anatomy_beside_a_direct_reader() {
    let folder = super::folder();
    let etcd = Etcd::start(folder.path()).unwrap();
    let directory = format!("--directory={}", folder.path().display());
    let options = ["--name=r", "--rw=randread", "--bs=64k", "--size=64m", "--direct=1", "--ioengine=libaio", "--iodepth=16", "--time_based", "--runtime=600"];
    let all = [&options[..], &[directory.as_str()]].concat();
    fio::run(&["name=r", "rw=write", "bs=1m", "size=64m", "end_fsync=1", &directory[2..], "filename=r.0.0"]).unwrap();
    let load = Load::start("fio", &all);
    let reports = watched(etcd.pid(), || put(&etcd));
    drop(load);
    println!("direct reader {}", Made::of(&reports, etcd.pid(), &SYNCS).shown());
}

#[test]
#[ignore = "needs the VM"]
fn vm_anatomy_under_a_limit() {
    let folder = super::folder();
    let group = PathBuf::from("/sys/fs/cgroup/anatomy-limit");
    fs::create_dir(&group).unwrap();
    let join = |group: &Path| {
        fs::write(group.join("cgroup.procs"), std::process::id().to_string()).unwrap();
    };
    join(&group);
    let etcd = Etcd::start(folder.path()).unwrap();
    join(Path::new("/sys/fs/cgroup"));
    let number = fs::read_to_string(format!("/sys/block/{}/dev", super::disk())).unwrap();
    fs::write(group.join("io.max"), format!("{} wiops=20", number.trim())).unwrap();
    let reports = watched(etcd.pid(), || put(&etcd));
    println!("limit {}", Made::of(&reports, etcd.pid(), &SYNCS).shown());
}

#[test]
#[ignore = "needs the VM"]
fn vm_anatomy_of_slow_flushes() {
    let disk = super::requeues::simulated_disk();
    let device = format!("/dev/{disk}");
    run("mkfs.ext4", &["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", &device]).unwrap();
    let point = tempfile::tempdir().unwrap();
    run("mount", &[&device, &point.path().display().to_string()]).unwrap();
    let mut writer = Writer::start(super::WRITER.as_ref(), &[]).unwrap();
    writer.order(&format!("open {}/file", point.path().display())).unwrap();
    let reports = watched(writer.pid(), || {
        writer.order("fdatasync 30").unwrap();
    });
    println!("flush {}", Made::of(&reports, writer.pid(), &SYNCS).shown());
    drop(writer);
    run("umount", &[&device]).unwrap();
}
