//! What watching loses, and what it costs.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use iocontend_core::report::Report;
use iocontend_tests::blockstat::{self, Counts};
use iocontend_tests::fio::{self, FioResult};
use iocontend_tests::loopdev::RamDisk;
use iocontend_tests::median::{median, surely_above};
use iocontend_tests::process;
use iocontend_tests::tracefs::BlockTrace;
use iocontend_tests::watch::Watch;

const MIB: u64 = 1 << 20;
/// Set to anything, the run at full speed takes a minute.
const LONG: &str = "IOCONTEND_LONG";
/// Requests per second that must lose nothing.
const FULL_SPEED: f64 = 100_000.0;
/// What is asked of fio, so that slightly less still is that many.
const RATE: u32 = 110_000;
/// Share of one core that userspace may take at that rate.
const CPU_SHARE: f64 = 0.05;
/// Memory that userspace may take, bytes.
const MEMORY: u64 = 40_000_000;

/// Jobs that share the load.
const JOBS: u32 = 2;

/// Random reads of 4 KiB: so many per second and job, or as fast as they go.
fn random_reads(disk: &RamDisk, seconds: u64, rate: Option<u32>) -> Result<FioResult> {
    let limit = rate.map(|rate| format!("rate_iops={rate}"));
    let jobs = format!("numjobs={JOBS}");
    let mut options = vec![jobs.as_str()];
    options.extend(limit.as_deref());
    let target = format!("filename={}", disk.device().node());
    let runtime = format!("runtime={seconds}");
    options.extend([
        target.as_str(),
        runtime.as_str(),
        "time_based",
        "rw=randread",
        "bs=4k",
        "direct=1",
        "ioengine=libaio",
        "iodepth=32",
        "iodepth_batch_submit=8",
        "iodepth_batch_complete_max=32",
        "norandommap",
        "random_generator=lfsr",
        "group_reporting",
        "size=100%",
    ]);
    fio::run(&options)
}

/// Events that a report must have seen (its device rows are compared with the kernel's elsewhere), and how many
/// it saw beside them: processes that began or ended.
fn events(report: &Report) -> (u64, u64) {
    let devices = report.devices.iter();
    let requests: u64 = devices.map(|device| device.ios + device.flush_commands.unwrap_or(0)).sum();
    let waits = report.actors.iter().flat_map(|actor| &actor.waits);
    let waits: u64 = waits.map(|wait| wait.latency.count).sum();
    let counted = requests + waits;
    (counted, report.coverage.events_seen.saturating_sub(counted))
}

// A ring buffer that is far too small loses events, never counts: kept and lost add up to what the kernel did,
// and the device's numbers are exact.
#[test]
#[ignore = "needs root and this kernel"]
fn a_small_ring_loses_events_and_no_counts() -> Result<()> {
    let disk = RamDisk::new(256 * MIB)?;
    disk.fill()?;
    let on_init = BlockTrace::completions_on_init(disk.name())?;
    let before = blockstat::quiet(disk.name())?;
    let watch = Watch::fio(&["--ring-size", "4096"])?;
    random_reads(&disk, 5, None)?;
    let kernel = blockstat::quiet(disk.name())?.since(&before);
    let report = watch.finish()?;
    let coverage = &report.coverage;
    let ring_full = coverage.lost.get("ring_full_io").copied().unwrap_or(0);
    let (counted, processes) = events(&report);
    println!(
        "{} seen, {} kept, lost {:?}",
        coverage.events_seen, coverage.events_kept, coverage.lost
    );
    println!("{counted} requests, flushes and waits; {processes} process events");
    let ours = Counts::of_report(&report, disk.name());
    let unseen = on_init.completions()?;
    println!("kernel {} reads, ours {}, out of sight {}", kernel.reads, ours.reads, unseen.reads);
    ours.agree(&kernel, &unseen)?;
    assert!(ring_full > 0, "nothing was lost: the load was too small");
    assert_eq!(coverage.events_kept + coverage.lost_total(), coverage.events_seen);
    assert!(coverage.events_seen >= counted, "{} seen of {counted}", coverage.events_seen);
    assert!(processes < 10_000, "{processes} events beyond requests, flushes and waits");
    assert_eq!(coverage.lost.get("unaccounted"), None, "{:?}", coverage.lost);
    Ok(())
}

// At 100,000 requests per second nothing is lost, all counts are exact, and userspace takes at most 5 % of one
// core and 40 MB.
#[test]
#[ignore = "needs root and this kernel"]
fn full_speed_loses_nothing() -> Result<()> {
    let seconds = if std::env::var_os(LONG).is_some() { 60 } else { 10 };
    let disk = RamDisk::new(256 * MIB)?;
    disk.fill()?;
    let on_init = BlockTrace::completions_on_init(disk.name())?;
    let on_init_of_all = BlockTrace::completions_on_init_of_all()?;
    let before = blockstat::quiet(disk.name())?;
    let watch = Watch::fio(&[])?;
    let (cpu_before, began) = (process::cpu_time(watch.pid())?, Instant::now());
    let load = random_reads(&disk, seconds, Some(RATE / JOBS))?;
    let kernel = blockstat::quiet(disk.name())?.since(&before);
    let share = process::cpu_time(watch.pid())?.saturating_sub(cpu_before).as_secs_f64()
        / began.elapsed().as_secs_f64();
    let memory = process::peak_memory(watch.pid())?;
    let report = watch.finish()?;
    let iops = load.iops();
    println!("{iops:.0} IOPS, {:.2} % of one core, {memory} bytes", 100.0 * share);
    println!("{} seen, lost {:?}", report.coverage.events_seen, report.coverage.lost);
    let ours = Counts::of_report(&report, disk.name());
    let unseen = on_init.completions()?;
    println!("kernel {} reads, ours {}, out of sight {}", kernel.reads, ours.reads, unseen.reads);
    ours.agree(&kernel, &unseen)?;
    let mut lost = report.coverage.lost.clone();
    // Said, all that is missing here, and no more than was out of sight on all disks: others use theirs meanwhile.
    let not_run = lost.remove("probe_not_run").unwrap_or(0);
    let missing = kernel.requests() - ours.requests();
    let unseen = on_init_of_all.completions()?;
    assert!(
        (missing..=unseen.requests()).contains(&not_run),
        "{not_run} said, {missing} missing here, {unseen:?} out of sight on all disks"
    );
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(
        iops >= FULL_SPEED,
        "only {iops:.0} IOPS: this machine is too slow or too busy to tell"
    );
    let allowed = CPU_SHARE * iops / FULL_SPEED;
    assert!(share <= allowed, "{share:.4} of one core, {allowed:.4} allowed at {iops:.0} IOPS");
    assert!(memory <= MEMORY, "{memory} bytes of memory");
    Ok(())
}

/// System calls in one measurement.
const CALLS: u32 = 200_000;
/// Measurements in a round; their median is the round's.
const MEASUREMENTS: usize = 11;
/// Rounds with and without, settled beforehand.
const PAIRS: usize = 15;
/// How much slower a process may become.
const SLOWER: f64 = 1.01;

/// CPU time of this thread.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Nanoseconds of one system call.
fn system_call_ns() -> f64 {
    let measure = || {
        let began = thread_time();
        for _ in 0..CALLS {
            // SAFETY: getppid has no arguments and no effect. Through `syscall`, so that nothing caches it.
            unsafe { libc::syscall(libc::SYS_getppid) };
        }
        thread_time().saturating_sub(began).as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    median((0..MEASUREMENTS).map(|_| measure()).collect())
}

/// The same while watching.
fn system_call_ns_watched() -> Result<f64> {
    let watch = Watch::fio(&[])?;
    let ns = system_call_ns();
    let report = watch.finish_without_target()?;
    let slows = |name: &str| {
        name.contains("sys_enter") || name.contains("sys_exit") || name.starts_with("syscalls")
    };
    let on_every_call =
        report.coverage.attached.iter().find(|hook| hook.attached && slows(&hook.hook));
    assert_eq!(
        on_every_call, None,
        "xfs or btrfs is mounted: this host is not the one to measure on"
    );
    Ok(ns)
}

// A process that only makes system calls is not slowed by more than 1 %, as far as this machine's noise lets anyone
// say: a program at every system call would cost some 35 %.
#[test]
#[ignore = "needs root and this kernel"]
fn system_calls_are_not_slowed() -> Result<()> {
    let mut ratios = Vec::new();
    for pair in 0..PAIRS {
        // Who goes first alternates.
        let (without, with) = if pair % 2 == 0 {
            let without = system_call_ns();
            (without, system_call_ns_watched()?)
        } else {
            let with = system_call_ns_watched()?;
            (system_call_ns(), with)
        };
        println!("{without:.2} ns without, {with:.2} ns with: {:.4}", with / without);
        ratios.push(with / without);
    }
    let found = median(ratios.clone());
    let surely = surely_above(ratios).context("rounds")?;
    println!("median of {PAIRS} ratios: {found:.4}, surely above {surely:.4}");
    assert!(surely <= SLOWER, "a system call takes {found:.4} of its time without watching");
    Ok(())
}
