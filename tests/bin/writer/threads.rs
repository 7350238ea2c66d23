//! Threads that share one CPU.

use std::fs;
use std::io::{PipeReader, PipeWriter, Read as _, Write as _, pipe};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use rustix::thread::{CpuSet, gettid, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// Only this CPU from now on.
fn pin(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    Ok(sched_setaffinity(None, &set)?)
}

/// CPU time of this process so far, ns.
fn cpu_time() -> Result<u64> {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Ok(u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec)?)
}

fn joined<T>(handle: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    handle.join().unwrap_or_else(|_| Err(anyhow!("a thread failed")))
}

/// Two threads on one CPU hand a byte to each other so many times, forth and back: two switches each. Gives the
/// process's CPU time, ns.
pub(crate) fn ping_pong(cpu: usize, rounds: usize) -> Result<u64> {
    let ((first_end, mut forth), (mut second_end, mut back)) = (pipe()?, pipe()?);
    let before = cpu_time()?;
    thread::scope(|scope| -> Result<()> {
        let other = scope.spawn(move || answer(cpu, first_end, &mut back, rounds));
        let own = scope.spawn(move || {
            pin(cpu)?;
            hand(&mut forth, &mut second_end, rounds)
        });
        joined(own)?;
        joined(other)
    })?;
    Ok(cpu_time()? - before)
}

fn hand(out: &mut PipeWriter, back: &mut PipeReader, rounds: usize) -> Result<()> {
    let mut byte = [0];
    for _ in 0..rounds {
        out.write_all(&byte)?;
        back.read_exact(&mut byte)?;
    }
    Ok(())
}

fn answer(cpu: usize, mut from: PipeReader, to: &mut PipeWriter, rounds: usize) -> Result<()> {
    pin(cpu)?;
    let mut byte = [0];
    for _ in 0..rounds {
        from.read_exact(&mut byte)?;
        to.write_all(&byte)?;
    }
    Ok(())
}

/// Two threads want the same CPU for so many milliseconds. Gives what the kernel says they waited for it, ns.
pub(crate) fn spin(cpu: usize, milliseconds: usize) -> Result<u64> {
    let end = Instant::now() + Duration::from_millis(u64::try_from(milliseconds)?);
    let spinner = || {
        pin(cpu)?;
        while Instant::now() < end {
            std::hint::spin_loop();
        }
        run_delay()
    };
    thread::scope(|scope| {
        let threads = [scope.spawn(spinner), scope.spawn(spinner)];
        threads.into_iter().map(joined).sum()
    })
}

/// The second number of this thread's `schedstat` (Documentation/scheduler/sched-stats.rst).
fn run_delay() -> Result<u64> {
    let path = format!("/proc/self/task/{}/schedstat", gettid().as_raw_nonzero());
    let text = fs::read_to_string(path)?;
    Ok(text.split_whitespace().nth(1).context("no second number in schedstat")?.parse()?)
}
