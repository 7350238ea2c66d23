//! What watching costs a host that switches between threads a lot.

use anyhow::Result;
use iocontend_tests::median::median;
use iocontend_tests::watch::Watch;
use iocontend_tests::writer::Writer;

const WRITER: &str = env!("CARGO_BIN_EXE_writer");
/// Switches per second for which the cost is stated.
const RATE: f64 = 100_000.0;
/// Share of the machine that they may cost when the switching threads are a target's.
const TARGETS: f64 = 0.03;
/// And when they are not.
const OTHERS: f64 = 0.01;
/// Rounds of one measurement, two switches each.
const ROUNDS: u32 = 50_000;
/// Measurements of each kind, settled beforehand.
const TIMES: usize = 15;

/// CPU time of one switch between two threads of this process, ns.
fn switch_ns(storm: &mut Writer) -> Result<f64> {
    let cpu_ns = storm.ask(&format!("ping-pong 0 {ROUNDS}"))?;
    Ok(f64::from(u32::try_from(cpu_ns / u64::from(ROUNDS))?) / 2.0)
}

/// The same while a process is watched.
fn watched(storm: &mut Writer, target: u32, more: &[&str]) -> Result<f64> {
    let target = target.to_string();
    let watch = Watch::start(&[&["--pid", target.as_str()], more].concat())?;
    let ns = switch_ns(storm)?;
    watch.finish()?;
    Ok(ns)
}

// At 100,000 context switches per second watching threads takes at most 3 % of the machine when they are all a target's, and at
// most 1 % when none is. Measured as what a switch takes longer than while watching without the threads.
#[test]
#[ignore = "needs root"]
fn context_switches_cost_little() -> Result<()> {
    let cpus = f64::from(u32::try_from(std::thread::available_parallelism()?.get())?);
    let mut storm = Writer::start(WRITER.as_ref(), &[])?;
    let idle = Writer::start(WRITER.as_ref(), &[])?;
    let (own, other) = (storm.pid(), idle.pid());
    let (mut as_target, mut as_other, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    let share = |ns: f64| ns * RATE / (cpus * 1e9);
    for _ in 0..TIMES {
        let without = watched(&mut storm, other, &["--no-thread-waits"])?;
        let target = watched(&mut storm, own, &[])?;
        let others = watched(&mut storm, other, &[])?;
        plain.push(without);
        as_target.push(target - without);
        as_other.push(others - without);
        println!("{without:.0} ns a switch; of a target {target:.0}, of others {others:.0}");
    }
    let (target, others) = (median(as_target), median(as_other));
    println!(
        "{:.0} ns a switch; watched: {target:.0} ns more of a target ({:.2} % of {cpus} CPUs at {RATE} a second), \
         {others:.0} ns more of others ({:.2} %)",
        median(plain),
        100.0 * share(target),
        100.0 * share(others)
    );
    assert!(share(target) <= TARGETS, "{target} ns a switch of a target");
    assert!(share(others) <= OTHERS, "{others} ns a switch of others");
    Ok(())
}
