//! Owns the context-switch storm: two threads per CPU hand a byte to and fro, as fast as they can.
//!
//! Nothing else happens there, so what watching costs per switch shows in the time of a switch, with BPF statistics
//! off and without asking the watcher.
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::thread::{CpuSet, sched_setaffinity};

/// Arguments of the storm's own process, which `bench` starts.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Seconds
    #[arg(long, default_value_t = 4)]
    seconds: u64,
}

/// What a storm did.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Storm {
    /// Context switches per second, all CPUs together.
    pub(super) per_second: f64,
    /// Time of one switch on its CPU, ns.
    pub(super) ns: f64,
}

/// The storm itself, in a process of its own so that it can be a target: it begins when it reads a line, and its
/// result is JSON on stdout.
pub(crate) fn run(args: &Args) -> Result<()> {
    std::io::stdin().read_line(&mut String::new())?;
    let result = storm(Duration::from_secs(args.seconds))?;
    let text = serde_json::to_string(&result)?;
    std::io::stdout().lock().write_all(format!("{text}\n").as_bytes())?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn storm(length: Duration) -> Result<Storm> {
    let cpus = thread::available_parallelism()?.get();
    let (stop, switches) = (AtomicBool::new(false), AtomicU64::new(0));
    let begin = Instant::now();
    thread::scope(|scope| -> Result<()> {
        let mut pairs = Vec::new();
        for cpu in 0..cpus {
            let (mut there_in, mut there_out) = std::io::pipe()?;
            let (mut back_in, mut back_out) = std::io::pipe()?;
            let (stop, switches) = (&stop, &switches);
            // Ends when the other side closes its pipe.
            pairs.push(scope.spawn(move || -> Result<()> {
                pin(cpu)?;
                let mut byte = [0];
                while there_in.read(&mut byte)? == 1 {
                    back_out.write_all(&byte)?;
                }
                Ok(())
            }));
            pairs.push(scope.spawn(move || -> Result<()> {
                pin(cpu)?;
                let (mut byte, mut count) = ([0], 0);
                while !stop.load(Ordering::Relaxed) {
                    there_out.write_all(&byte)?;
                    back_in.read_exact(&mut byte)?;
                    count += 2;
                }
                switches.fetch_add(count, Ordering::Relaxed);
                Ok(())
            }));
        }
        thread::sleep(length);
        stop.store(true, Ordering::Relaxed);
        for pair in pairs {
            if pair.join().is_err() {
                bail!("a thread of the storm died");
            }
        }
        Ok(())
    })?;
    let seconds = begin.elapsed().as_secs_f64();
    let per_second = switches.into_inner() as f64 / seconds;
    Ok(Storm { per_second, ns: 1e9 * cpus as f64 / per_second })
}

fn pin(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).context("cannot stay on one CPU")
}

/// A storm's process that waits for its begin; killed when dropped.
pub(super) struct Waiting(Child);

impl Waiting {
    pub(super) fn new(seconds: u64) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["storm", "--seconds", &seconds.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command.spawn().map(Self).context("cannot start the storm")
    }

    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Lets it rage and waits for its end.
    pub(super) fn rage(mut self) -> Result<Storm> {
        self.0.stdin.take().context("the storm has no input")?.write_all(b"\n")?;
        let mut text = String::new();
        self.0.stdout.take().context("the storm has no output")?.read_to_string(&mut text)?;
        if !self.0.wait()?.success() {
            bail!("the storm failed");
        }
        serde_json::from_str(&text).context("the storm's result")
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // Neither matters when it has ended already.
        let (_, _) = (self.0.kill(), self.0.wait());
    }
}
