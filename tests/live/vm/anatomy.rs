//! What syncs and other calls of etcd are made of, where the cause is known because we made it. On ext4; the first two on
//! xfs as well.
//!
//! Judged is the time that was the storage's: under emulation, on a busy machine, much of a wait is a missing CPU, which
//! the anatomy says, but which no case here is about. It is printed with the rest.

#![expect(clippy::print_stdout, reason = "the figures are what whoever runs it wants")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use iocontend_core::ids::Call;
use iocontend_core::report::{Part, Report, WorstWait};
use iocontend_tests::etcd::Etcd;
use iocontend_tests::neighbour::{Charged, Why};
use iocontend_tests::process::{run, until};
use iocontend_tests::watch::{Watch, actor};
use iocontend_tests::writer::Writer;

use super::waits::{DirtyHost, Group};

const SYNCS: [Call; 2] = [Call::Fsync, Call::Fdatasync];

/// What a part speaks of; the dominant one of these is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    Device,
    Flush,
    Journal,
    Throttle,
    NotKnown,
}

/// `None` for what is not the storage's.
fn cause_of(part: Part) -> Option<Cause> {
    Some(match part {
        Part::Device | Part::Queue => Cause::Device,
        Part::Flush => Cause::Flush,
        Part::Throttle => Cause::Throttle,
        Part::JournalEarlier
        | Part::JournalBegin
        | Part::JournalLocked
        | Part::JournalData
        | Part::JournalLog => Cause::Journal,
        Part::Lock | Part::Unexplained => Cause::NotKnown,
        Part::Runnable | Part::Cpu => return None,
    })
}

/// Nanoseconds by part.
#[derive(Clone, Debug, Default)]
struct Made(BTreeMap<Part, u64>);

impl Made {
    fn add(&mut self, parts: &BTreeMap<Part, u64>) {
        for (part, ns) in parts {
            *self.0.entry(*part).or_default() += ns;
        }
    }

    fn causes(&self) -> BTreeMap<Cause, u64> {
        let mut causes = BTreeMap::new();
        for (part, ns) in &self.0 {
            if let Some(cause) = cause_of(*part) {
                *causes.entry(cause).or_default() += ns;
            }
        }
        causes
    }

    fn dominant(&self) -> Cause {
        *self.causes().iter().max_by_key(|(_, ns)| **ns).unwrap().0
    }

    fn share_of(&self, cause: Cause) -> f64 {
        let causes = self.causes();
        let of = causes.get(&cause).copied().unwrap_or(0);
        per(of, causes.values().sum())
    }

    fn shown(&self) -> String {
        let all: u64 = self.0.values().sum();
        let mut parts: Vec<_> = self.0.iter().collect();
        parts.sort_by_key(|(_, ns)| std::cmp::Reverse(**ns));
        let parts: Vec<String> =
            parts.iter().map(|(part, ns)| format!("{part:?} {:.1} %", per(**ns, all))).collect();
        format!("{} ms: {}", all / 1_000_000, parts.join(", "))
    }
}

#[expect(clippy::cast_precision_loss, reason = "percent")]
fn per(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}

/// All waits of one process in some calls, and of its syncs the slowest tenth.
struct Taken {
    all: Made,
    slow: Made,
}

impl Taken {
    /// Each interval has its three longest syncs. Of all these the longest are taken, as many as are a tenth of all
    /// syncs: intervals are so short that there are enough, and what the row of a class adds up would drown them.
    fn apart(what: &str, reports: &[Report], pid: u32, calls: &[Call]) -> Self {
        let (mut taken, mut count) = (Self { all: Made::default(), slow: Made::default() }, 0);
        let mut longest: Vec<WorstWait> = Vec::new();
        for found in reports.iter().filter_map(|report| actor(report, pid).ok()) {
            for wait in found.waits.iter().filter(|wait| calls.contains(&wait.call)) {
                taken.all.add(wait.anatomy.as_ref().unwrap());
                count += usize::try_from(wait.latency.count).unwrap();
            }
            longest.extend(found.worst.iter().flatten().cloned());
        }
        longest.retain(|wait| calls.contains(&wait.call));
        longest.sort_by_key(|wait| std::cmp::Reverse(wait.duration_ns));
        longest.truncate(count.div_ceil(10));
        for wait in &longest {
            taken.slow.add(&wait.anatomy);
        }
        println!("{what}, all {count}: {}", taken.all.shown());
        println!("{what}, slowest {}: {}", longest.len(), taken.slow.shown());
        for wait in longest.iter().take(3) {
            let mut one = Made::default();
            one.add(&wait.anatomy);
            println!("  {} of {:?}, {}", wait.call.name(), wait.path, one.shown());
        }
        taken
    }

    /// The slowest syncs are dominated by one of these, and hardly any of their time is not known.
    fn is_mostly(&self, expected: &[Cause]) {
        let found = self.slow.dominant();
        assert!(expected.contains(&found), "{found:?}: {}", self.slow.shown());
        let unknown = self.slow.share_of(Cause::NotKnown);
        assert!(unknown <= 15.0, "{unknown:.1} % not known: {}", self.slow.shown());
    }
}

/// Syncs are long for one of these reasons, and for no other that is told apart.
fn is_because(reports: &[Report], pid: u32, expected: &[Why]) {
    let charged = Charged::of(reports, pid);
    println!("{charged:?}");
    assert!(charged.why().is_some_and(|why| expected.contains(&why)), "{charged:?}");
}

/// `XFS_SUPER_MAGIC` (include/uapi/linux/magic.h).
const XFS: i64 = 0x5846_5342;

fn is_xfs(folder: &Path) -> bool {
    rustix::fs::statfs(folder).unwrap().f_type == XFS
}

/// Reports of a load, second by second.
fn watched(pid: u32, load: impl FnOnce()) -> Vec<Report> {
    let watch = Watch::start_lines(&["--pid", &pid.to_string(), "--interval", "1s"]).unwrap();
    load();
    watch.finish_lines().unwrap()
}

fn puts(etcd: &Etcd) {
    println!("slowest put: {:?}", etcd.puts(120, 10, 1_000).unwrap());
}

/// Another program beside etcd, ended when dropped.
struct Load(Child);

impl Load {
    fn fio(options: &[&str]) -> Self {
        // Threads, not processes, which would go on after their parent was killed.
        let all =
            ["--name=load", "--thread", "--time_based", "--runtime=600"].iter().chain(options);
        let mut command = Command::new("fio");
        command.args(all).stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A setting of the disk's queue, taken back when dropped.
struct Setting {
    file: String,
    before: String,
}

impl Setting {
    fn of_disk(name: &str, value: &str) -> Self {
        let file = format!("/sys/block/{}/queue/{name}", super::disk());
        let before = fs::read_to_string(&file).unwrap().trim().to_owned();
        fs::write(&file, value).unwrap();
        Self { file, before }
    }

    /// The disk is said to have no cache that could lose something, so it is never flushed.
    fn no_cache() -> Self {
        Self::of_disk("write_cache", "write through")
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        drop(fs::write(&self.file, &self.before));
    }
}

// Property: etcd alone on a slow disk without a cache waits for the device, its own writes or those of the commit, and nobody
// else is charged.
#[test]
#[ignore = "needs the VM"]
fn vm_anatomy_alone() {
    let folder = super::folder();
    let etcd = Etcd::start(folder.path()).unwrap();
    let _no_flushes = Setting::no_cache();
    let reports = watched(etcd.pid(), || puts(&etcd));
    let taken = Taken::apart("alone", &reports, etcd.pid(), &SYNCS);
    assert_eq!(taken.all.dominant(), Cause::Device, "{}", taken.all.shown());
    // In the slowest it may be the commit's own write that was in the device.
    taken.is_mostly(&[Cause::Device, Cause::Journal]);
    assert!(taken.all.share_of(Cause::Flush) + taken.all.share_of(Cause::Throttle) <= 5.0);
    is_because(&reports, etcd.pid(), &[Why::Alone]);
}

// Property: beside somebody who writes and syncs on the same file system it waits for the device and the journal, and for what
// that one wrote.
#[test]
#[ignore = "needs the VM"]
fn vm_anatomy_beside_a_buffered_writer() {
    let folder = super::folder();
    let etcd = Etcd::start(folder.path()).unwrap();
    let directory = format!("--directory={}", folder.path().display());
    let load = Load::fio(&["--rw=write", "--bs=256k", "--size=64m", "--fsync=16", &directory]);
    let reports = watched(etcd.pid(), || puts(&etcd));
    drop(load);
    let taken = Taken::apart("buffered writer", &reports, etcd.pid(), &SYNCS);
    taken.is_mostly(&[Cause::Device, Cause::Journal]);
    // On xfs hardly a sync of the log needs a checkpoint, so that it is the disk that both share.
    let expected: &[_] = if is_xfs(folder.path()) {
        &[Why::SharesTheJournal, Why::SharesTheDisk]
    } else {
        &[Why::SharesTheJournal]
    };
    is_because(&reports, etcd.pid(), expected);
}

// Property: beside somebody who reads as much as the disk gives it waits for the device, for its own writes or for those
// of the commit that each of its syncs needs, and the reader is charged for the disk alone. The kernel's writeback throttling, which would hold writes back then, is off.
#[test]
#[ignore = "needs the VM"]
fn vm_anatomy_beside_a_direct_reader() {
    let folder = super::folder();
    let etcd = Etcd::start(folder.path()).unwrap();
    let file = folder.path().join("read").display().to_string();
    run("dd", &["if=/dev/zero", &format!("of={file}"), "bs=1M", "count=64", "conv=fsync"]).unwrap();
    let _no_flushes = Setting::no_cache();
    let options = ["--rw=randread", "--bs=64k", "--direct=1", "--ioengine=libaio", "--iodepth=16"];
    let _load = Load::fio(&[&options[..], &[&format!("--filename={file}")]].concat());
    let _no_throttling = Setting::of_disk("wbt_lat_usec", "0");
    let reports = watched(etcd.pid(), || puts(&etcd));
    let taken = Taken::apart("direct reader", &reports, etcd.pid(), &SYNCS);
    taken.is_mostly(&[Cause::Device, Cause::Journal]);
    assert!(taken.all.share_of(Cause::Flush) + taken.all.share_of(Cause::Throttle) <= 5.0);
    is_because(&reports, etcd.pid(), &[Why::SharesTheDisk]);
}

// Property: what io.max of its own cgroup holds back is throttle.
#[test]
#[ignore = "needs the VM"]
fn vm_anatomy_under_a_limit() {
    let folder = super::folder();
    let group = PathBuf::from("/sys/fs/cgroup/anatomy-limit");
    fs::create_dir(&group).unwrap();
    let join = |group: &Path| {
        fs::write(group.join("cgroup.procs"), std::process::id().to_string()).unwrap();
    };
    // Its files belong to the cgroup in which they are written first.
    join(&group);
    let etcd = Etcd::start(folder.path()).unwrap();
    join(Path::new("/sys/fs/cgroup"));
    let number = fs::read_to_string(format!("/sys/block/{}/dev", super::disk())).unwrap();
    fs::write(group.join("io.max"), format!("{} wbps=150000", number.trim())).unwrap();
    let reports = watched(etcd.pid(), || {
        println!("slowest put: {:?}", etcd.puts(75, 5, 8_000).unwrap());
    });
    let pid = etcd.pid();
    drop(etcd);
    let taken = Taken::apart("io.max", &reports, pid, &SYNCS);
    taken.is_mostly(&[Cause::Throttle]);
}

// Property: on a device whose cache flush takes ten times as long as a write, syncs are flushes. scsi_debug answers
// commands after so many ticks as it is told, and a flush after so many twentieths of a second
// (drivers/scsi/scsi_debug.c, `F_SYNC_DELAY`).
#[test]
#[ignore = "needs the VM"]
fn vm_anatomy_of_slow_flushes() {
    let device = format!("/dev/{}", super::requeues::simulated_disk());
    // It takes no other pace while a command is under way.
    let pace = Path::new(super::requeues::DRIVER).join("delay");
    until("an idle disk", Duration::from_secs(60), || Ok(fs::write(&pace, "4").ok())).unwrap();
    let options = ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", &device];
    run("mkfs.ext4", &options).unwrap();
    let point = tempfile::tempdir().unwrap();
    run("mount", &[&device, &point.path().display().to_string()]).unwrap();
    let mut writer = Writer::start(super::WRITER.as_ref(), &[]).unwrap();
    writer.order(&format!("open {}/file", point.path().display())).unwrap();
    let reports = watched(writer.pid(), || writer.order("fdatasync 20").unwrap());
    let pid = writer.pid();
    drop(writer);
    run("umount", &[&device]).unwrap();
    until("an idle disk", Duration::from_secs(60), || Ok(fs::write(&pace, "1").ok())).unwrap();
    let taken = Taken::apart("slow flush", &reports, pid, &SYNCS);
    taken.is_mostly(&[Cause::Flush]);
}

// Property: page faults on a database whose pages were evicted are the device's.
#[test]
#[ignore = "needs the VM"]
fn vm_anatomy_of_evicted_pages() {
    let folder = super::folder();
    let etcd = Etcd::start(folder.path()).unwrap();
    let group = Group::of("etcd-anatomy", &etcd);
    etcd.puts(200, 40, 20_000).unwrap();
    etcd.idle().unwrap();
    etcd.hash().unwrap();
    let reports = watched(etcd.pid(), || {
        group.set("memory.reclaim", "256M");
        // The pages of its program are gone as well, and come from the emulator's slow root: an answer may take longer
        // than is waited for. The database is read all the same.
        println!("reading the database: {:?}", etcd.hash().map_err(|error| error.to_string()));
        // A wait is told when its thread leaves the CPU the next time.
        println!("slowest put: {:?}", etcd.puts(5, 5, 100).map_err(|error| error.to_string()));
    });
    let taken = Taken::apart("evicted", &reports, etcd.pid(), &[Call::Fault]);
    assert_eq!(taken.all.dominant(), Cause::Device, "{}", taken.all.shown());
}

// Property: a write to the log that is made to pause because others' pages are dirty is throttle.
#[test]
#[ignore = "needs the VM"]
fn vm_anatomy_of_a_write_that_pauses() {
    let folder = super::folder();
    let etcd = Etcd::start(folder.path()).unwrap();
    let dirty = DirtyHost::new();
    let reports = watched(etcd.pid(), || {
        // Held back too long, etcd answers some of them with an error: that is not what is asked here.
        println!("slowest put: {:?}", etcd.puts(40, 4, 40_000));
    });
    drop(dirty);
    let taken = Taken::apart("dirty pages", &reports, etcd.pid(), &[Call::Write]);
    assert_eq!(taken.all.dominant(), Cause::Throttle, "{}", taken.all.shown());
}
