//! Owns the measurement of what watching costs, beside its peers: the same load for all, in turns, several rounds,
//! medians and ratios.
//!
//! The load is fio on a loop device on a tmpfs of its own, so that the disk is not what is measured, and a storm of
//! context switches. `watcher` starts who watches, `measure` runs one of them, `report` says what came out.
mod load;
mod loopdev;
mod measure;
mod report;
mod stats;
pub(crate) mod storm;
mod switches;
mod watcher;

use anyhow::{Result, bail};

use crate::apt;
use load::Load;
use loopdev::LoopDevice;
use report::Results;
use watcher::{Watcher, Watchers};

/// Size of the loop device.
const DEVICE_BYTES: u64 = 1 << 30;
/// The fixed rate, requests per second.
const FIXED_IOPS: u64 = 50_000;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often each contestant runs.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of load per run.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(3..))]
    seconds: u64,
    /// Fail when a promise of the documentation is broken.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("the measurement needs root: loop devices and BPF programs");
    }
    apt::ensure(&["fio", "libbpf-tools", "bpftrace", "bpftool"])?;
    let watchers = Watchers::build()?;
    let device = LoopDevice::new(DEVICE_BYTES)?;
    let mut results = Results { free: Vec::new(), fixed: Vec::new(), switches: Vec::new() };
    for round in 0..args.rounds {
        eprintln!("round {} of {}", round + 1, args.rounds);
        let free = Load { seconds: args.seconds, rate: None };
        let fixed = Load { seconds: args.seconds, rate: Some(FIXED_IOPS) };
        for watcher in turned(round) {
            results.free.push(measure::one(&watchers, device.path(), watcher, &free, true)?);
        }
        for watcher in turned(round) {
            results.fixed.push(measure::one(&watchers, device.path(), watcher, &fixed, false)?);
        }
        results.switches.push(switches::round(&watchers)?);
    }
    drop(device);
    results.print(args.check)
}

/// The order turns with every round, so that a drift of the machine hits all alike.
fn turned(round: usize) -> Vec<Watcher> {
    let mut order = Watcher::ALL.to_vec();
    order.rotate_left(round % Watcher::ALL.len());
    order
}
