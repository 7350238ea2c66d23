//! Waits of a target's threads in calls without an event of their own, and how long they had no CPU.

#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::process::Command;
use std::thread;
use std::time::Instant;

use iocontend_core::ids::{Call, FileClass, Op};
use iocontend_core::report::{Actor, Pattern, Report, Verdict, VictimState};
use iocontend_tests::fio;
use iocontend_tests::process::run;
use iocontend_tests::watch::{Watch, actor, latency, waits};
use iocontend_tests::writer::Writer;

const WRITER: &str = env!("CARGO_BIN_EXE_writer");
/// Size of a direct read.
const BYTES: u64 = 65_536;
/// How many.
const READS: u64 = 200;
/// Syncs beside endless loops: more than a 99th percentile needs.
const SYNCS: u32 = 120;
/// How long those loops are at work, ms: all syncs lie within.
const SPIN_MS: u32 = 15_000;

/// A shell's words: processes that process 1 inherits.
const ORPHANS: &str = "for each in 1 2 3 4 5 6 7 8 9 10; do (true &); done";

/// A folder on the disk below the file system's root (a temporary folder may be memory).
fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("iocontend-test-").tempdir_in("/var/tmp").unwrap()
}

/// A helper program with a file of 12.5 MiB that is on the disk and not in memory.
fn with_file(folder: &tempfile::TempDir) -> (Writer, String) {
    let path = folder.path().join("file").display().to_string();
    let mut writer = Writer::start(WRITER.as_ref(), &[]).unwrap();
    writer.order(&format!("open {path}")).unwrap();
    writer.order(&format!("write {BYTES} {READS}")).unwrap();
    writer.order("forget").unwrap();
    (writer, path)
}

fn watch(pid: u32, more: &[&str]) -> Watch {
    let pid = pid.to_string();
    Watch::start(&[&["--pid", pid.as_str()], more].concat()).unwrap()
}

fn path_of(actor: &Actor, call: Call) -> Option<String> {
    actor.waits.iter().find(|wait| wait.call == call)?.path.clone()
}

/// Nothing is lost and nothing unaccounted for, but for requests that no probe was run for (`accounting.md`).
fn is_whole(report: &Report) {
    let lost: Vec<_> =
        report.coverage.lost.iter().filter(|(reason, _)| *reason != "probe_not_run").collect();
    assert!(lost.is_empty(), "{lost:?}");
}

// Property: each direct read of the disk is one wait in `read`, none longer than all of them took together and most of
// what the device worked on them, and its file is known. A few may be over before the thread sleeps.
#[test]
#[ignore = "needs root"]
fn direct_reads_are_waits() {
    let folder = folder();
    let (mut writer, path) = with_file(&folder);
    writer.order(&format!("open {path} direct")).unwrap();
    let watch = watch(writer.pid(), &[]);
    let began = Instant::now();
    writer.order(&format!("direct-read {BYTES} {READS}")).unwrap();
    let took = began.elapsed();
    // The last wait is told when its thread leaves the CPU again.
    writer.order("sync 0").unwrap();
    let report = watch.finish().unwrap();

    is_whole(&report);
    let found = actor(&report, writer.pid()).unwrap();
    let reads = latency(found, Call::Read, FileClass::Other).unwrap();
    println!("{} waits, {} ns of {took:?}", reads.count, reads.sum_ns);
    assert!((READS * 9 / 10..=READS).contains(&reads.count), "{:?}", found.waits);
    assert!(u128::from(reads.sum_ns) <= took.as_nanos());
    // The device works before the thread sleeps, so a part of its time is missing, and more of it on a busy host.
    let requests = found.io.iter().filter(|io| io.op == Op::Read);
    let device: u64 = requests.filter_map(|io| Some(io.d2c.as_ref()?.sum_ns)).sum();
    println!("{device} ns of work of the device");
    assert!(device > 0 && reads.sum_ns >= device / 2, "{} ns of {device}", reads.sum_ns);
    assert_eq!(path_of(found, Call::Read), Some(path));
}

// Property: the first touch of pages that are not in memory is a wait in a page fault, on the file that is mapped.
#[test]
#[ignore = "needs root"]
fn page_faults_are_waits_on_their_file() {
    let folder = folder();
    let (mut writer, path) = with_file(&folder);
    let watch = watch(writer.pid(), &[]);
    let began = Instant::now();
    writer.order("touch").unwrap();
    let took = began.elapsed();
    writer.order("sync 0").unwrap();
    let report = watch.finish().unwrap();

    is_whole(&report);
    let found = actor(&report, writer.pid()).unwrap();
    let faults = latency(found, Call::Fault, FileClass::Other).unwrap();
    println!("{} waits, {} ns of {took:?}", faults.count, faults.sum_ns);
    // Read-ahead of at most a few MiB at a time.
    assert!(faults.count >= 3, "{:?}", found.waits);
    assert!(u128::from(faults.sum_ns) <= took.as_nanos());
    // One that found its page under way to somebody else has no file.
    let path_seen = path_of(found, Call::Fault);
    println!("{path_seen:?}");
    assert!(path_seen.is_none_or(|seen| seen == path));
}

// Property: what two threads on one CPU wait for it is their process's run-queue delay, as the kernel itself has it,
// and no wait for storage.
#[test]
#[ignore = "needs root"]
fn threads_that_share_a_cpu_wait_in_the_run_queue() {
    let mut writer = Writer::start(WRITER.as_ref(), &[]).unwrap();
    // Code that has run once is in memory: a page of it that has to be read is a wait for storage.
    writer.ask("spin 0 1").unwrap();
    let watch = watch(writer.pid(), &[]);
    let kernel = writer.ask("spin 0 500").unwrap();
    let report = watch.finish().unwrap();

    is_whole(&report);
    let found = actor(&report, writer.pid()).unwrap();
    let ours = found.run_queue.as_ref().unwrap().sum_ns;
    println!("{ours} ns, the kernel has {kernel} for the two threads");
    assert!(kernel >= 300_000_000, "the threads did not share a CPU");
    // Ours has the main thread as well, and how they all ended.
    assert!(ours >= kernel && ours - kernel <= kernel / 20, "{ours} ns, the kernel has {kernel}");
    assert!(found.waits.is_empty(), "{:?}", found.waits);
}

// Property: that holds where process 1 runs in between as well, which some kernels hide from every probe. It runs when
// it inherits processes that end, and so on both CPUs when both are busy.
#[test]
#[ignore = "needs root"]
fn delays_behind_process_1_are_counted() {
    let mut writer = Writer::start(WRITER.as_ref(), &[]).unwrap();
    let mut neighbour = Writer::start(WRITER.as_ref(), &[]).unwrap();
    let last_cpu = thread::available_parallelism().unwrap().get() - 1;
    writer.ask("spin 0 1").unwrap();
    let watch = watch(writer.pid(), &[]);
    let mut kernel = thread::scope(|scope| {
        let spinner = scope.spawn(|| writer.ask("spin 0 3000").unwrap());
        scope.spawn(|| neighbour.ask(&format!("spin {last_cpu} 3000")).unwrap());
        while !spinner.is_finished() {
            Command::new("sh").args(["-c", ORPHANS]).status().unwrap();
        }
        spinner.join().unwrap()
    });
    // A turn is counted when it ends. The last of them is over when others had that CPU for a while.
    kernel += writer.ask("spin 0 50").unwrap();
    let report = watch.finish().unwrap();

    is_whole(&report);
    let found = actor(&report, writer.pid()).unwrap();
    let ours = found.run_queue.as_ref().unwrap().sum_ns;
    println!("{ours} ns, the kernel has {kernel} for the two threads");
    assert!(ours >= kernel && ours - kernel <= kernel / 20, "{ours} ns, the kernel has {kernel}");
}

// Property: who syncs beside endless loops on the same CPU, and gets least of it, is short of CPU: that is its state, its first
// cause and a finding, and nobody's IO is blamed or to be limited. Without the loops it is not.
#[test]
#[ignore = "needs root"]
fn who_has_no_cpu_is_cpu_starved() {
    let folder = folder();
    let judged = |hogs: usize| {
        let (mut writer, path) = with_file(&folder);
        writer.order(&format!("open {path}")).unwrap();
        let pid = writer.pid().to_string();
        run("taskset", &["-acp", "0", &pid]).unwrap();
        run("renice", &["-n", "19", "-p", &pid]).unwrap();
        let mut others: Vec<Writer> =
            (0..hogs).map(|_| Writer::start(WRITER.as_ref(), &[]).unwrap()).collect();
        let watch = watch(writer.pid(), &[]);
        thread::scope(|scope| {
            for other in &mut others {
                scope.spawn(|| other.ask(&format!("spin 0 {SPIN_MS}")).unwrap());
            }
            writer.order(&format!("fdatasync {SYNCS}")).unwrap();
        });
        watch.finish().unwrap()
    };
    let starved = judged(6);
    let verdict = starved.verdict.as_ref().unwrap();
    println!("{verdict:?}");
    assert_eq!(verdict.answer, VictimState::CpuStarved, "{verdict:?}");
    let found = starved.findings.iter().flatten().find(|one| one.id == Pattern::CpuStarved);
    assert!(found.is_some(), "{:?}", starved.findings);
    let mut advice = starved.advice.iter().flatten();
    assert!(advice.all(|one| one.verdict == Verdict::Refused), "{:?}", starved.advice);

    let alone = judged(0).verdict.unwrap();
    println!("{alone:?}");
    assert_ne!(alone.answer, VictimState::CpuStarved, "{alone:?}");
}

// Property: sleeping for a pipe, a lock or a timer is no wait for storage, and what is no target has no run queue.
#[test]
#[ignore = "needs root"]
fn other_sleeps_are_no_waits() {
    let mut writer = Writer::start(WRITER.as_ref(), &[]).unwrap();
    let mut bystander = Writer::start(WRITER.as_ref(), &[]).unwrap();
    // Code that has run once is in memory: a page of it that has to be read is a wait for storage.
    writer.ask("ping-pong 0 1").unwrap();
    let watch = watch(writer.pid(), &[]);
    writer.ask("ping-pong 0 5000").unwrap();
    bystander.ask("ping-pong 0 500").unwrap();
    let report = watch.finish().unwrap();

    is_whole(&report);
    let found = actor(&report, writer.pid()).unwrap();
    assert!(found.waits.is_empty(), "{:?}", found.waits);
    // Two threads, each woken once a round.
    let queued = found.run_queue.as_ref().unwrap();
    assert!(queued.count >= 9_000, "{} times on a CPU", queued.count);
    let others = report.actors.iter().filter(|actor| !report.is_target(&actor.id));
    assert!(others.into_iter().all(|actor| actor.run_queue.is_none()));
}

// Property: with `--sync-calls` every sync, syncfs and sync_file_range of everybody is one wait of its own kind.
#[test]
#[ignore = "needs root"]
fn sync_calls_are_counted_on_demand() {
    let folder = folder();
    let mut target = Writer::start(WRITER.as_ref(), &[]).unwrap();
    let mut other = Writer::start(WRITER.as_ref(), &[]).unwrap();
    let watch = watch(target.pid(), &["--sync-calls"]);
    for (name, writer) in [("target", &mut target), ("other", &mut other)] {
        let path = folder.path().join(name);
        writer.order(&format!("open {}", path.display())).unwrap();
        for order in ["sync 2", "syncfs 3", "sync-file-range 30"] {
            writer.order(order).unwrap();
        }
    }
    let report = watch.finish().unwrap();

    is_whole(&report);
    for writer in [&target, &other] {
        let found = actor(&report, writer.pid()).unwrap();
        let counts =
            [Call::Sync, Call::Syncfs, Call::SyncFileRange].map(|call| waits(found, call, None));
        assert_eq!(counts, [2, 3, 30], "{:?}", found.waits);
    }
}

// Property: without it, the targets' are there all the same, as long as they were blocked, and others' are not but where
// system call exits are watched anyway.
#[test]
#[ignore = "needs root"]
fn sync_calls_of_targets_are_seen_by_default() {
    let folder = folder();
    let mut target = Writer::start(WRITER.as_ref(), &[]).unwrap();
    let mut other = Writer::start(WRITER.as_ref(), &[]).unwrap();
    let watch = watch(target.pid(), &[]);
    for (name, writer) in [("target", &mut target), ("other", &mut other)] {
        writer.order(&format!("open {}", folder.path().join(name).display())).unwrap();
        writer.order("syncfs 5").unwrap();
    }
    let report = watch.finish().unwrap();

    is_whole(&report);
    assert!(waits(actor(&report, target.pid()).unwrap(), Call::Syncfs, None) >= 5);
    // An xfs or btrfs is mounted: its syncs have no other end.
    let exits = report.coverage.attached.iter().find(|at| at.hook == "syscalls:sys_exit_syncfs");
    let of_others = if exits.is_some_and(|hook| hook.attached) { 5 } else { 0 };
    assert_eq!(waits(actor(&report, other.pid()).unwrap(), Call::Syncfs, None), of_others);
}

// Property: an fsync through io_uring is one wait, from submission to completion, and is not counted again for the
// worker thread that does it.
#[test]
#[ignore = "needs root"]
fn io_uring_syncs_are_counted_once() {
    let folder = folder();
    let file = format!("filename={}", folder.path().join("file").display());
    let load = fio::start_held(&[
        "ioengine=io_uring",
        "rw=write",
        "bs=4k",
        "size=400k",
        "fdatasync=1",
        &file,
    ])
    .unwrap();
    let pid = load.pid();
    let watch = watch(pid, &[]);
    load.go().unwrap().finish().unwrap();
    let report = watch.finish().unwrap();

    is_whole(&report);
    let found = actor(&report, pid).unwrap();
    // fio leaves out the one behind its last write, or not, by version.
    assert!((99..=101).contains(&waits(found, Call::IoUringFsync, None)), "{:?}", found.waits);
    assert_eq!(waits(found, Call::Fdatasync, None) + waits(found, Call::OtherSync, None), 0);
}
