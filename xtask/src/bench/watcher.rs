//! Owns who watches during a run: how each is started, when it is ready, how it ends.
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::stats;
use crate::run;

/// Until its programs are attached.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// Who watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watcher {
    Nobody,
    Iocontend,
    /// libbpf-tools: one histogram for the whole host.
    Biolatency,
    /// A per-IO tracer in bpftrace, see `biosnoop.bt`.
    Biosnoop,
}

impl Watcher {
    pub(super) const ALL: [Self; 4] =
        [Self::Nobody, Self::Iocontend, Self::Biolatency, Self::Biosnoop];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Iocontend => "iocontend",
            Self::Biolatency => "biolatency",
            Self::Biosnoop => "bpftrace biosnoop",
        }
    }
}

/// Whom iocontend watches.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// The load, by its name.
    Fio,
    /// One process.
    Pid(u32),
}

/// Starts watchers.
pub(super) struct Watchers {
    binary: PathBuf,
    script: PathBuf,
}

impl Watchers {
    /// Builds the product as users get it.
    pub(super) fn build() -> Result<Self> {
        run::run(run::cargo().args(["build", "--release", "--package", "iocontend"]))?;
        Ok(Self {
            binary: run::target_dir()?.join("release/iocontend"),
            script: run::workspace().join("xtask/src/bench/biosnoop.bt"),
        })
    }

    /// Starts one and waits until its programs are attached.
    pub(super) fn start(&self, watcher: Watcher, target: Target) -> Result<Option<Child>> {
        let Some(mut command) = self.command(watcher, target) else { return Ok(None) };
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", watcher.name()))?;
        wait_until_ready(&mut child, watcher)?;
        Ok(Some(child))
    }

    fn command(&self, watcher: Watcher, target: Target) -> Option<Command> {
        let peer = |name: &str| {
            let mut command = Command::new(name);
            command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
            command
        };
        let mut command = match watcher {
            Watcher::Nobody => return None,
            Watcher::Iocontend => Command::new(&self.binary),
            Watcher::Biolatency => peer("biolatency"),
            Watcher::Biosnoop => peer("bpftrace"),
        };
        match (watcher, target) {
            (Watcher::Nobody, _) => return None,
            (Watcher::Iocontend, Target::Fio) => {
                command.args(["watch", "--pid-of", "fio", "--wait", "--json"])
            }
            (Watcher::Iocontend, Target::Pid(pid)) => {
                command.args(["watch", "--json", "--pid", &pid.to_string()])
            }
            (Watcher::Biolatency, _) => command.arg("600"),
            (Watcher::Biosnoop, _) => command.arg(&self.script),
        };
        Some(command)
    }
}

/// Attached is what the kernel has: at least two programs, and no more since a moment ago.
fn wait_until_ready(child: &mut Child, watcher: Watcher) -> Result<()> {
    let deadline = Instant::now() + READY_LIMIT;
    let mut before = 0;
    loop {
        let now = stats::programs(child.id()).len();
        if now >= 2 && now == before {
            return Ok(());
        }
        before = now;
        if Instant::now() > deadline || child.try_wait()?.is_some() {
            bail!("{} attached no programs", watcher.name());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Ends a watcher that this task started, as Ctrl-C would.
pub(super) fn end(child: Option<&mut Child>) -> Result<()> {
    let Some(child) = child else { return Ok(()) };
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.context("a process id out of range")?;
    rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
    child.wait()?;
    Ok(())
}
