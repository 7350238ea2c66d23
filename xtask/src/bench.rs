//! Owns the measurement of what watching costs, beside libbpf-tools' biolatency: the same load for all, in turns,
//! several rounds, medians and ratios.
//!
//! The load is fio on a loop device on a tmpfs of its own, so that the disk is not what is measured.
mod load;
mod loopdev;
mod stats;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::{apt, run};
use load::{Load, Outcome};
use loopdev::LoopDevice;
use stats::{BpfStats, Usage};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often each contestant runs.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of load per run.
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// Fail when a promise of the documentation is broken.
    #[arg(long)]
    check: bool,
}

/// Who watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watcher {
    Nobody,
    Iocontend,
    Biolatency,
}

const ALL: [Watcher; 3] = [Watcher::Nobody, Watcher::Iocontend, Watcher::Biolatency];

/// Promised: our kernel time per IO against biolatency's, at most.
const MOST_OF_BIOLATENCY: f64 = 0.75;
/// Promised: IOPS lost at a fixed rate, at most.
const MOST_IOPS_LOST: f64 = 0.03;
/// Promised: userspace at 100,000 IOPS, share of one core.
const MOST_CPU: f64 = 0.05;

/// One run.
struct Sample {
    watcher: Watcher,
    outcome: Outcome,
    kernel_ns: Option<f64>,
    usage: Option<Usage>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if !rustix_is_root() {
        bail!("the measurement needs root: loop devices and BPF programs");
    }
    apt::ensure(&["fio", "libbpf-tools"])?;
    let binary = build()?;
    let device = LoopDevice::new(1 << 30)?;
    let mut free = Vec::new();
    let mut fixed = Vec::new();
    for round in 0..args.rounds {
        eprintln!("round {} of {}", round + 1, args.rounds);
        for watcher in ALL {
            let load = Load { seconds: args.seconds, rate: None };
            free.push(one(&binary, &device, watcher, &load, true)?);
        }
        // The order turns, so that a drift of the machine hits all alike.
        for watcher in if round % 2 == 0 {
            [Watcher::Nobody, Watcher::Iocontend]
        } else {
            [Watcher::Iocontend, Watcher::Nobody]
        } {
            let load = Load { seconds: args.seconds, rate: Some(50_000) };
            fixed.push(one(&binary, &device, watcher, &load, false)?);
        }
    }
    drop(device);
    report(args, &free, &fixed)
}

fn rustix_is_root() -> bool {
    std::fs::metadata("/proc/self")
        .is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}

fn build() -> Result<PathBuf> {
    run::run(run::cargo().args(["build", "--release", "--package", "iocontend"]))?;
    Ok(run::target_dir()?.join("release/iocontend"))
}

fn one(
    binary: &std::path::Path,
    device: &LoopDevice,
    watcher: Watcher,
    load: &Load,
    with_stats: bool,
) -> Result<Sample> {
    let stats = if with_stats { Some(BpfStats::on()?) } else { None };
    let mut child = start(binary, watcher)?;
    let mut fio = load.start(device.path())?;
    // The middle of the load, when both are at full speed.
    std::thread::sleep(Duration::from_secs(1));
    let before =
        child.as_ref().map(|child| (stats::programs(child.id()), stats::usage(child.id())));
    let begin = Instant::now();
    std::thread::sleep(Duration::from_secs(load.seconds.saturating_sub(2).max(1)));
    let elapsed = begin.elapsed();
    let after = child.as_ref().map(|child| (stats::programs(child.id()), stats::usage(child.id())));
    let outcome = Load::finish(&mut fio)?;
    end(child.as_mut())?;
    drop(stats);
    let (mut kernel_ns, mut usage) = (None, None);
    if let (Some((programs, used)), Some((programs_after, used_after))) = (before, after) {
        kernel_ns = stats::ns_per_io(&programs, &programs_after);
        usage = Usage::between(used, used_after, elapsed);
    }
    Ok(Sample { watcher, outcome, kernel_ns, usage })
}

fn start(binary: &std::path::Path, watcher: Watcher) -> Result<Option<Child>> {
    let mut command = match watcher {
        Watcher::Nobody => return Ok(None),
        Watcher::Iocontend => {
            let mut command = Command::new(binary);
            command.args(["watch", "--pid-of", "fio", "--wait", "--json"]);
            command
        }
        Watcher::Biolatency => {
            let mut command = Command::new("biolatency");
            command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").arg("600");
            command
        }
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {watcher:?}"))?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while stats::programs(child.id()).len() < 2 {
        if Instant::now() > deadline || child.try_wait()?.is_some() {
            bail!("{watcher:?} attached no programs");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Some(child))
}

/// Ends a watcher that this task started, as Ctrl-C would.
fn end(child: Option<&mut Child>) -> Result<()> {
    let Some(child) = child else { return Ok(()) };
    run::output(Command::new("kill").args(["-INT", &child.id().to_string()]))?;
    child.wait()?;
    Ok(())
}

fn values(
    samples: &[Sample],
    watcher: Watcher,
    value: impl Fn(&Sample) -> Option<f64>,
) -> Vec<f64> {
    samples.iter().filter(|sample| sample.watcher == watcher).filter_map(value).collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Ratio per round, then the median: a slow minute hits both sides of its round.
fn ratio(of: &[f64], to: &[f64]) -> Option<f64> {
    median(of.iter().zip(to).map(|(of, to)| of / to).collect())
}

fn show(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

fn report(args: &Args, free: &[Sample], fixed: &[Sample]) -> Result<()> {
    let ns = |watcher| values(free, watcher, |sample| sample.kernel_ns);
    let iops = |samples, watcher| values(samples, watcher, |sample| Some(sample.outcome.iops));
    let cpu = values(free, Watcher::Iocontend, |sample| {
        sample.usage.map(|usage| usage.cpu * 100_000.0 / sample.outcome.iops)
    });
    let rss = values(free, Watcher::Iocontend, |sample| sample.usage.map(|usage| usage.rss_mib));
    let of_biolatency = ratio(&ns(Watcher::Iocontend), &ns(Watcher::Biolatency));
    let kept = ratio(&iops(fixed, Watcher::Iocontend), &iops(fixed, Watcher::Nobody));
    let cpu = median(cpu);
    let mut out = std::io::stdout().lock();
    let mut line =
        |text: String| std::io::Write::write_all(&mut out, format!("{text}\n").as_bytes());
    line(
        "| 4 KiB random reads, depth 32, loop on tmpfs | nobody | iocontend | biolatency |"
            .to_owned(),
    )?;
    line("|---|---|---|---|".to_owned())?;
    let row = |name: &str, of: &dyn Fn(Watcher) -> Option<f64>, digits| {
        let cells: Vec<String> = ALL.iter().map(|watcher| show(of(*watcher), digits)).collect();
        format!("| {name} | {} |", cells.join(" | "))
    };
    line(row("IOPS, median", &|watcher| median(iops(free, watcher)), 0))?;
    line(row("kernel ns per IO, median (BPF statistics on)", &|watcher| median(ns(watcher)), 0))?;
    line(format!(
        "kernel ns per IO, iocontend / biolatency, median of rounds: {}",
        show(of_biolatency, 2)
    ))?;
    line(format!(
        "IOPS at a fixed 50,000, with / without iocontend, median of rounds: {}",
        show(kept, 4)
    ))?;
    line(format!("userspace CPU at 100,000 IOPS, cores: {}", show(cpu, 4)))?;
    line(format!("RSS, MiB: {}", show(median(rss), 1)))?;
    if args.check {
        check("kernel time per IO", of_biolatency, |value| value <= MOST_OF_BIOLATENCY)?;
        check("IOPS at a fixed rate", kept, |value| value >= 1.0 - MOST_IOPS_LOST)?;
        check("userspace CPU", cpu, |value| value <= MOST_CPU)?;
    }
    Ok(())
}

fn check(name: &str, value: Option<f64>, holds: impl Fn(f64) -> bool) -> Result<()> {
    match value {
        Some(value) if holds(value) => Ok(()),
        Some(value) => bail!("{name} breaks its promise: {value:.3}"),
        None => bail!("{name} was not measured"),
    }
}
