//! A transient timer of systemd that ends a lease: it needs no process of ours, and nobody kills it by mistake.
//!
//! `systemd-run` and `systemctl` with lists of arguments, no shell. The unit holds the lease itself as the stdin of its command, so
//! that a lost record does not matter.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use iocontend_core::lease::Lease;

use super::guardian::Place;

/// Where systemd keeps units that are made at run time.
const UNITS: &str = "/run/systemd/transient";
/// It is there while systemd runs (sd_booted(3)).
const BOOTED: &str = "/run/systemd/system";
/// For an answer of systemd.
const LIMIT: Duration = Duration::from_secs(20);
/// The kernel takes 128 KiB for one argument (`MAX_ARG_STRLEN`); a larger lease is only in its record.
const LARGEST: usize = 120 << 10;

/// The unit of a lease, without its suffix.
pub fn unit(id: &str) -> String {
    format!("iocontend-lease-{id}")
}

/// Whether systemd is this host's first process, and sees the same files, cgroups and processes as we do: another's timer would look
/// for our settings in its own world, and find them gone.
pub fn is_here() -> bool {
    let is_systemd = || {
        let comm = std::fs::read_to_string("/proc/1/comm").ok();
        comm.is_some_and(|comm| comm.trim() == "systemd")
    };
    let is_shared = |kind: &str| {
        let of = |who: &str| std::fs::read_link(format!("/proc/{who}/ns/{kind}")).ok();
        of("1").is_some() && of("1") == of("self")
    };
    rustix::process::geteuid().is_root()
        && Path::new(BOOTED).is_dir()
        && is_systemd()
        && ["mnt", "cgroup", "pid"].iter().all(|kind| is_shared(kind))
}

/// Starts the timer of a lease, to go off after this time.
pub fn start(lease: &Lease, place: &Place, after: Duration) -> io::Result<()> {
    let unit = unit(&lease.id);
    let mut command = Command::new("systemd-run");
    command.args(["--quiet", "--collect", "--no-ask-password"]);
    command.arg(format!("--unit={unit}"));
    command.arg(format!("--description=Ends lease {} of iocontend", lease.id));
    command.arg(format!("--on-active={}us", after.as_micros().max(1)));
    command.arg("--timer-property=AccuracySec=100ms");
    // Nothing of ours waits for the rest of the system to be up, or pulls it up.
    command.args(["--timer-property=DefaultDependencies=no", "--property=DefaultDependencies=no"]);
    let record = STANDARD.encode(serde_json::to_vec(lease)?);
    let is_held = record.len() < LARGEST;
    if is_held {
        command.arg(format!("--property=StandardInputData={record}"));
    }
    command.arg("--").arg(program()?).args(["undo", "--if-there"]);
    if is_held {
        command.arg("--record-on-stdin");
    }
    command.arg("--state-dir").arg(&place.folder);
    if let Some(root) = &place.root {
        command.arg("--root").arg(root);
    }
    command.arg(&lease.id);
    run(command)?;
    if exists(&lease.id) { Ok(()) } else { Err(io::Error::other(format!("no unit {unit}.timer"))) }
}

fn program() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    // Removed since, as after an update while this runs.
    if program.is_file() { Ok(program) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// Whether a lease has a timer.
pub fn exists(id: &str) -> bool {
    Path::new(UNITS).join(format!("{}.timer", unit(id))).exists()
}

/// Removes the timer of a lease that ended, if it has one.
pub fn stop(id: &str) -> io::Result<()> {
    if !exists(id) {
        return Ok(());
    }
    let mut command = Command::new("systemctl");
    command.args(["--quiet", "--no-ask-password", "stop"]).arg(format!("{}.timer", unit(id)));
    run(command)
}

/// Runs it to its end, or kills it.
fn run(mut command: Command) -> io::Result<()> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let deadline = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    if status.success() {
        return Ok(());
    }
    let mut said = String::new();
    if let Some(err) = child.stderr.take() {
        drop(err.take(4096).read_to_string(&mut said));
    }
    Err(io::Error::other(format!("{status}: {}", said.trim())))
}
