//! etcd held up by something else than its disk's syncs: a write that blocks, pages that were evicted, too little CPU.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use iocontend_core::ids::{Call, FileClass, Role};
use iocontend_core::report::Actor;
use iocontend_tests::etcd::Etcd;
use iocontend_tests::process::{run, until};
use iocontend_tests::watch::{Watch, actor_as, latency, waits};

/// Puts of one load, how many a second, and their bytes.
const PUTS: (u32, u32, usize) = (60, 4, 4_000);

fn set(file: &str, value: &str) {
    fs::write(format!("/proc/sys/vm/{file}"), value).unwrap();
}

/// Dirty pages of a very slow disk, more than there is suddenly room for: until they are written, the kernel holds back
/// every writer of the host. The disk keeps nothing.
pub(super) struct DirtyHost {
    hog: Child,
}

/// Dirty pages before there is less room.
const DIRTY: u64 = 256 << 20;

impl DirtyHost {
    pub(super) fn new() -> Self {
        // One request of at most some MiB in 0.3 s.
        let slow = ["irqmode=2", "completion_nsec=300000000", "hw_queue_depth=1"];
        let disk = ["null_blk", "nr_devices=1", "submit_queues=1", "gb=16"];
        run("modprobe", &[&disk[..], &slow[..]].concat()).unwrap();
        set("dirty_bytes", &(2 * DIRTY).to_string());
        set("dirty_background_bytes", &DIRTY.to_string());
        let count = format!("count={}", DIRTY >> 20);
        let hog = Command::new("dd")
            .args(["if=/dev/zero", "of=/dev/nullb0", "bs=1M", &count])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let host = Self { hog };
        until("dirty pages", Duration::from_secs(60), || {
            let memory = fs::read_to_string("/proc/meminfo")?;
            let kib = |name: &str| {
                let line = memory.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok())
            };
            let dirty = kib("Dirty:").unwrap_or(0) + kib("Writeback:").unwrap_or(0);
            Ok((dirty << 10 > DIRTY / 4 * 3).then_some(()))
        })
        .unwrap();
        set("dirty_background_bytes", "4194304");
        set("dirty_bytes", "8388608");
        host
    }
}

impl Drop for DirtyHost {
    fn drop(&mut self) {
        set("dirty_ratio", "20");
        set("dirty_background_ratio", "10");
        // It ends when its disk has everything; the VM ends before.
        drop(self.hog.kill());
    }
}

/// A cgroup of its own for one etcd.
pub(super) struct Group {
    path: PathBuf,
}

impl Group {
    pub(super) fn of(name: &str, etcd: &Etcd) -> Self {
        let path = PathBuf::from("/sys/fs/cgroup").join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("cgroup.procs"), etcd.pid().to_string()).unwrap();
        Self { path }
    }

    pub(super) fn set(&self, file: &str, value: &str) {
        // memory.reclaim says "try again" when it could not reclaim all that was asked for.
        drop(fs::write(self.path.join(file), value));
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its process has been killed, which a cgroup may notice a little later; the VM ends anyway.
        drop(fs::remove_dir(&self.path));
    }
}

/// Time in one call on files of any class, ns.
fn time_in(actor: &Actor, call: Call) -> u64 {
    actor.waits.iter().filter(|wait| wait.call == call).map(|wait| wait.latency.sum_ns).sum()
}

/// An actor's waits and run queue, for people.
fn shown(actor: &Actor) -> String {
    let waits = actor.waits.iter().map(|wait| {
        let lat = &wait.latency;
        format!(
            "{} {} {:?}: {} times, p50 {:?}, p99 {:?}, sum {} ns\n",
            wait.call.name(),
            wait.file_class.name(),
            wait.path,
            lat.count,
            lat.p50_ns,
            lat.p99_ns,
            lat.sum_ns
        )
    });
    let queued = actor.run_queue.iter().map(|lat| {
        format!("run queue: {} times, p99 {:?}, sum {} ns\n", lat.count, lat.p99_ns, lat.sum_ns)
    });
    waits.chain(queued).collect()
}

// Property: when the kernel holds back everybody who dirties pages, etcd's writes to its log are waits in `write`, and
// its fdatasyncs, on another disk than the one that is full, take what they took before.
#[test]
#[ignore = "needs the VM"]
fn vm_a_write_that_blocks_is_no_slow_sync() {
    let folder = super::folder();
    let etcd = Etcd::start(folder.path()).unwrap();
    let pid = etcd.pid().to_string();
    let watched = || {
        let watch = Watch::start(&["--pid", &pid]).unwrap();
        // Held back too long, etcd answers some of them with an error: that is not what is asked here.
        let puts = etcd.puts(PUTS.0, PUTS.1, PUTS.2);
        println!("slowest put: {puts:?}");
        let report = watch.finish().unwrap();
        super::is_complete(&report);
        actor_as(&report, etcd.pid(), Role::Etcd).unwrap().clone()
    };
    let before = watched();
    let dirty = DirtyHost::new();
    let during = watched();
    drop(dirty);
    println!("before:\n{}during:\n{}", shown(&before), shown(&during));

    let write = latency(&during, Call::Write, FileClass::Wal).unwrap();
    assert!(write.count >= 5, "{:?}", during.waits);
    assert!(write.mean_ns >= Some(20_000_000), "{write:?}");
    assert!(time_in(&during, Call::Write) > 5 * time_in(&before, Call::Write));
    let sync =
        |actor: &Actor| latency(actor, Call::Fdatasync, FileClass::Wal).unwrap().p50_ns.unwrap();
    assert!(sync(&during) <= 2 * sync(&before), "{} ns, {} before", sync(&during), sync(&before));
}

// Property: when the pages of etcd's mapped database were evicted, reading it is waits in page faults, on the database.
#[test]
#[ignore = "needs the VM"]
fn vm_evicted_pages_of_the_database_are_faults() {
    let folder = super::folder();
    let etcd = Etcd::start(folder.path()).unwrap();
    let group = Group::of("etcd-evicted", &etcd);
    etcd.puts(400, 40, 20_000).unwrap();
    etcd.idle().unwrap();
    etcd.hash().unwrap();
    let watch = Watch::start(&["--pid", &etcd.pid().to_string()]).unwrap();
    group.set("memory.reclaim", "256M");
    let began = Instant::now();
    etcd.hash().unwrap();
    let took = began.elapsed();
    etcd.puts(5, 5, 100).unwrap();
    let report = watch.finish().unwrap();

    super::is_complete(&report);
    let found = actor_as(&report, etcd.pid(), Role::Etcd).unwrap();
    println!("reading the database took {took:?}\n{}", shown(found));
    let db = latency(found, Call::Fault, FileClass::Db).unwrap();
    assert!(db.count >= 10, "{:?}", found.waits);
    let all = time_in(found, Call::Fault);
    assert!(db.sum_ns * 2 >= all, "{} of {all} ns on the database", db.sum_ns);
}

// Property: an etcd that gets too little CPU waits in the run queue and not for its disk.
#[test]
#[ignore = "needs the VM"]
fn vm_a_throttled_cpu_is_no_slow_disk() {
    let folder = super::folder();
    let etcd = Etcd::start(folder.path()).unwrap();
    etcd.puts(20, 20, 100).unwrap();
    etcd.idle().unwrap();
    let group = Group::of("etcd-throttled", &etcd);
    let watch = Watch::start(&["--pid", &etcd.pid().to_string()]).unwrap();
    // A quarter of a CPU.
    group.set("cpu.max", "25000 100000");
    for _ in 0..5 {
        etcd.metrics().unwrap();
    }
    group.set("cpu.max", "max");
    let report = watch.finish().unwrap();

    super::is_complete(&report);
    let found = actor_as(&report, etcd.pid(), Role::Etcd).unwrap();
    println!("{}", shown(found));
    let queued = found.run_queue.as_ref().unwrap();
    assert!(queued.max_ns >= Some(50_000_000), "{queued:?}");
    let waited: u64 = found.waits.iter().map(|wait| wait.latency.sum_ns).sum();
    assert!(waited * 20 <= queued.sum_ns, "{waited} ns of waits, {:?}", found.waits);
    assert_eq!(waits(found, Call::Fdatasync, None), 0);
}
