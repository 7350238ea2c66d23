//! The workloads as processes: how the demo starts them, how they end, and what a workload does first
//! when it finds itself started. Owns argument spelling on both sides' behalf; does not own parsing.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, getppid, kill_process, set_parent_process_death_signal};
use serde::de::DeserializeOwned;

use super::error::DemoError;
use super::plan::DemoPlan;
use super::stop::Stop;
use super::{COPIER_COMMAND, VICTIM_COMMAND};

/// Tells a workload which process it must not outlive. A workload started by hand has none.
const PARENT_VARIABLE: &str = "IOCONTEND_DEMO_PARENT";

/// A running workload. Dropping it kills the process and waits for its end, so that the directory it
/// writes to can be removed afterwards.
///
/// The process is killed when the *thread* that started it ends: start it from a thread that lives
/// as long as the demo.
#[derive(Debug)]
pub struct DemoChild {
    child: Child,
    name: &'static str,
}

/// Starts the victim.
pub fn spawn_victim(plan: &DemoPlan) -> Result<DemoChild, DemoError> {
    let mut command = own_command(VICTIM_COMMAND);
    command.arg("--data-dir").arg(plan.data_dir());
    command.arg("--rate").arg(plan.opts().rate.to_string());
    command.arg("--duration").arg(seconds(plan.opts().duration));
    command.arg("--split-at").arg(seconds(plan.opts().alone));
    DemoChild::start(command, "demo victim")
}

/// Starts the copier, which waits for `delay` before its first copy and ends with the plan's time.
pub fn spawn_copier(plan: &DemoPlan, delay: Duration) -> Result<DemoChild, DemoError> {
    let mut command = own_command(COPIER_COMMAND);
    command.arg("--source").arg(plan.source_file());
    command.arg("--dest").arg(plan.dest_file());
    command.arg("--pause").arg(seconds(plan.opts().pause));
    command.arg("--delay").arg(seconds(delay));
    command.arg("--duration").arg(seconds(plan.opts().duration));
    DemoChild::start(command, "demo copier")
}

/// The running binary, also when its file has been replaced meanwhile.
fn own_command(subcommand: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("iocontend").arg(subcommand);
    command.env(PARENT_VARIABLE, std::process::id().to_string());
    command
}

/// Seconds as the subcommands take them, with as many decimals as needed.
fn seconds(duration: Duration) -> String {
    duration.as_secs_f64().to_string()
}

impl DemoChild {
    pub(super) fn start(mut command: Command, name: &'static str) -> Result<Self, DemoError> {
        let child = command
            // It begins when this end is closed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|cause| DemoError::Process { action: "start", name, cause })?;
        Ok(Self { child, name })
    }

    /// Its process id, for the profiler to watch.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets it begin: it is there from its start, and does nothing until now.
    pub fn begin(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Whether it has ended, so that [`DemoChild::finish`] will not wait.
    pub fn has_ended(&mut self) -> Result<bool, DemoError> {
        self.child.try_wait().map(|status| status.is_some()).map_err(|e| self.failed("wait for", e))
    }

    /// Asks it to end now and to leave its result so far.
    pub fn stop(&mut self) -> Result<(), DemoError> {
        // An ended process keeps its id until it is waited for, so the signal cannot reach another.
        if self.has_ended()? {
            return Ok(());
        }
        // Whoever has not begun is asleep in a read.
        self.begin();
        let pid = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        let Some(pid) = pid else { return Ok(()) };
        kill_process(pid, Signal::TERM).map_err(|errno| self.failed("stop", errno.into()))
    }

    /// Waits for its end and reads the result it left.
    pub fn finish<T: DeserializeOwned>(mut self) -> Result<T, DemoError> {
        self.begin();
        let (output, status) = self.read_to_end().map_err(|e| self.failed("wait for", e))?;
        if !status.success() {
            return Err(DemoError::Failed { name: self.name, status });
        }
        serde_json::from_str(output.trim()).map_err(|cause| DemoError::Result {
            name: self.name,
            output: output.chars().take(200).collect(),
            cause,
        })
    }

    fn read_to_end(&mut self) -> io::Result<(String, ExitStatus)> {
        let mut output = String::new();
        if let Some(stdout) = &mut self.child.stdout {
            stdout.read_to_string(&mut output)?;
        }
        Ok((output, self.child.wait()?))
    }

    fn failed(&self, action: &'static str, cause: io::Error) -> DemoError {
        DemoError::Process { action, name: self.name, cause }
    }
}

impl Drop for DemoChild {
    fn drop(&mut self) {
        // Both fail only for a process that has already been waited for.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What a workload does first: take its name, tie its life to the demo's, listen to signals, wait for the
/// demo's word.
pub(super) fn enter_workload(name: &str) -> anyhow::Result<Stop> {
    let stop = Stop::on_signals().context("cannot listen to signals")?;
    // Started through /proc/self/exe it would else be called "exe" in every list of processes.
    fs::write("/proc/self/comm", name).context("cannot set the process name")?;
    if let Some(parent) = std::env::var_os(PARENT_VARIABLE) {
        die_with(&parent.to_string_lossy())?;
        // Attaching takes as long as the kernel's verifier needs: seconds under emulation. What is done before nobody sees.
        io::copy(&mut io::stdin(), &mut io::sink()).context("cannot wait for the demo")?;
    }
    Ok(stop)
}

fn die_with(parent: &str) -> anyhow::Result<()> {
    let parent = parent.parse().ok().and_then(Pid::from_raw);
    let parent = parent.with_context(|| format!("{PARENT_VARIABLE} holds no process id"))?;
    set_parent_process_death_signal(Some(Signal::KILL)).context("cannot tie to the demo")?;
    // A parent that ended before the call above sends no signal.
    ensure!(getppid() == Some(parent), "the demo that started this process is gone");
    Ok(())
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
