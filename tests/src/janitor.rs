//! Removes what a test that was killed leaves on the host: a mounted file system of ours makes every later watch attach more, a loop
//! device makes it look at more, a trace costs at every request, an etcd loads the disk.
//!
//! Drops do that when a test ends or fails, and do not run when it is killed. So a program of its own is told beforehand what
//! there will be. Its stdin ends with the test, whatever ends that, and it removes what is still there then.

use std::io::{BufRead, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::process::{run, until};

/// Programs that a test left may need a moment to let go of a mount.
const BUSY_LIMIT: Duration = Duration::from_secs(5);

/// Something that a drop removes.
#[derive(Clone, Copy, Debug)]
pub enum Left<'a> {
    /// A file system, at its mount point.
    Mount(&'a Path),
    /// Loop devices on a file.
    LoopFile(&'a Path),
    /// A trace, by its folder in tracefs: it goes on, and costs, without a reader.
    Trace(&'a Path),
    /// A process that does not end by itself.
    Process(u32),
}

/// To be said before the mount or the loop device is made, and after a process was started.
pub fn will_leave(left: Left<'_>) -> Result<()> {
    static JANITOR: OnceLock<Result<Mutex<ChildStdin>, String>> = OnceLock::new();
    // It ends with its tests, and runs nothing else.
    if env::var_os("IOCONTEND_VM").is_some() {
        return Ok(());
    }
    let janitor = JANITOR.get_or_init(|| start().map_err(|error| format!("{error:#}")));
    let orders = match janitor {
        Ok(orders) => orders,
        Err(error) => bail!("no janitor: {error}"),
    };
    let line = match left {
        Left::Mount(path) => format!("mount {}", text(path)?),
        Left::LoopFile(path) => format!("loop {}", text(path)?),
        Left::Trace(path) => format!("trace {}", text(path)?),
        Left::Process(pid) => format!("process {pid}"),
    };
    let Ok(mut orders) = orders.lock() else { bail!("a test ended while talking to the janitor") };
    writeln!(orders, "{line}").context("the janitor is gone")
}

/// One for all tests of this program.
fn start() -> Result<Mutex<ChildStdin>> {
    let own = env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).context("no folder above the test")?;
    let mut child = Command::new(folder.join("janitor"))
        // Ctrl-C is for the tests.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("no program `janitor` in {}", folder.display()))?;
    Ok(Mutex::new(child.stdin.take().context("no stdin")?))
}

fn text(path: &Path) -> Result<&str> {
    let text = path.to_str().context("a path that is not UTF-8")?;
    ensure!(!text.contains('\n'), "a path of two lines: {text:?}");
    Ok(text)
}

/// What the janitor was told of.
enum Told {
    Mount(PathBuf),
    LoopFile(String),
    Trace(PathBuf),
    /// Open, so that its number means nobody else.
    Process(OwnedFd),
}

/// Listens until there is nobody to be heard any more, then removes what is left, the last first. Gives what that was, and what could
/// not be removed.
pub fn clean_up(orders: impl BufRead) -> Result<Vec<Result<String>>> {
    let mut told = Vec::new();
    for line in orders.lines() {
        told.extend(understood(&line?)?);
    }
    Ok(told.iter().rev().filter_map(|one| remove(one).transpose()).collect())
}

fn understood(line: &str) -> Result<Option<Told>> {
    let (what, which) = line.split_once(' ').with_context(|| format!("no order: {line:?}"))?;
    Ok(Some(match what {
        "mount" => Told::Mount(which.into()),
        "loop" => Told::LoopFile(which.to_owned()),
        "trace" => Told::Trace(which.into()),
        "process" => {
            let pid = Pid::from_raw(which.parse()?).context("no process has this number")?;
            // One that has ended needs nothing.
            match pidfd_open(pid, PidfdFlags::empty()) {
                Ok(open) => Told::Process(open),
                Err(_ended) => return Ok(None),
            }
        }
        _ => bail!("no order: {line:?}"),
    }))
}

/// Removes it; nothing when it is not there.
fn remove(told: &Told) -> Result<Option<String>> {
    match told {
        Told::Process(open) => {
            let killed = pidfd_send_signal(open, Signal::KILL).is_ok();
            Ok(killed.then(|| "a process".to_owned()))
        }
        Told::Mount(path) => {
            if !unmounted(path)? {
                return Ok(None);
            }
            // It was made for the mount; somebody may have put something there.
            drop(fs::remove_dir(path));
            Ok(Some(format!("a mount at {}", path.display())))
        }
        Told::Trace(path) => {
            if !path.exists() {
                return Ok(None);
            }
            fs::remove_dir(path).with_context(|| format!("removing {}", path.display()))?;
            Ok(Some(format!("a trace at {}", path.display())))
        }
        Told::LoopFile(file) => {
            let list = ["--noheadings", "--output", "NAME", "--associated", file];
            let devices = run("losetup", &list)?;
            for device in devices.lines() {
                run("losetup", &["--detach", device.trim()])?;
                // A test's own, of up to some hundred MiB.
                drop(fs::remove_file(file));
            }
            Ok((!devices.is_empty()).then(|| format!("a loop device on {file}")))
        }
    }
}

/// Whether there was a mount to be removed.
fn unmounted(path: &Path) -> Result<bool> {
    let removed = until("an unmount", BUSY_LIMIT, || match unmount(path, UnmountFlags::empty()) {
        Ok(()) => Ok(Some(true)),
        // No mount point, no such folder.
        Err(Errno::INVAL | Errno::NOENT) => Ok(Some(false)),
        Err(_busy) => Ok(None),
    });
    if let Ok(removed) = removed {
        return Ok(removed);
    }
    // Out of sight now; the kernel ends it when its last user does.
    unmount(path, UnmountFlags::DETACH)
        .with_context(|| format!("unmounting {}", path.display()))?;
    Ok(true)
}
