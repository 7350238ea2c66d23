//! A cgroup (v2) of our own, with the processes that are started in it: what they used, ended all at once. In the VM only.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::process::until;

/// Killed processes with dirty pages take a while to end on a slow disk.
const END_LIMIT: Duration = Duration::from_secs(60);

/// A cgroup directly below the root, ended and removed when dropped.
pub struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// Makes an empty one.
    pub fn new(name: &str) -> Result<Self> {
        ensure!(std::env::var_os("IOCONTEND_VM").is_some(), "cgroups are made in the VM only");
        let path = Path::new("/sys/fs/cgroup").join(name);
        fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self { path })
    }

    /// A command that runs in it from its first instruction on.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Result<Command> {
        let procs = OpenOptions::new().write(true).open(self.path.join("cgroup.procs"))?;
        let mut command = Command::new(program);
        // SAFETY: between fork and exec only one write(2) on a file opened before, which is async-signal-safe and
        // allocates nothing; 0 stands for the writing process itself.
        unsafe {
            command.pre_exec(move || {
                rustix::io::write(&procs, b"0").map(drop).map_err(std::io::Error::from)
            });
        }
        Ok(command)
    }

    /// CPU time of all its processes so far, those that ended included.
    pub fn cpu(&self) -> Result<Duration> {
        let text = self.read("cpu.stat")?;
        let usage = text.lines().find_map(|line| line.strip_prefix("usage_usec "));
        Ok(Duration::from_micros(usage.context("no usage_usec in cpu.stat")?.parse()?))
    }

    /// Bytes read and written on all disks on this cgroup's account.
    pub fn io(&self) -> Result<(u64, u64)> {
        let text = self.read("io.stat")?;
        let sum = |key: &str| {
            let words = text.split_whitespace();
            let value = |word: &str| word.strip_prefix(key)?.strip_prefix('=')?.parse::<u64>().ok();
            words.filter_map(value).sum()
        };
        Ok((sum("rbytes"), sum("wbytes")))
    }

    /// Sets one of its files.
    pub fn set(&self, file: &str, value: &str) -> Result<()> {
        fs::write(self.path.join(file), value).with_context(|| format!("{value} to {file}"))
    }

    /// Bytes of the page cache that are charged to it.
    pub fn cached(&self) -> Result<u64> {
        let text = self.read("memory.stat")?;
        let file = text.lines().find_map(|line| line.strip_prefix("file "));
        Ok(file.context("no file in memory.stat")?.parse()?)
    }

    /// Evicts what can be evicted: pages of files, mapped ones too (without swap there is nothing else).
    pub fn reclaim(&self) -> Result<()> {
        let bytes = self.cached()?;
        // EAGAIN says that not all of it could be evicted (recently used pages stay): the caller looks what is left.
        match fs::write(self.path.join("memory.reclaim"), bytes.to_string()) {
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => {
                Err(error).context("memory.reclaim")
            }
            _ => Ok(()),
        }
    }

    /// Kills all its processes and waits until they are gone.
    pub fn kill(&self) -> Result<()> {
        fs::write(self.path.join("cgroup.kill"), "1").context("cgroup.kill")?;
        until("an empty cgroup", END_LIMIT, || {
            Ok(self.read("cgroup.events")?.contains("populated 0").then_some(()))
        })
    }

    fn read(&self, file: &str) -> Result<String> {
        let path = self.path.join(file);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Whatever stays goes with the VM.
        drop(self.kill());
        drop(fs::remove_dir(&self.path));
    }
}
