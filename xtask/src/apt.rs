//! Owns the installation of Debian packages that a task needs.
pub(crate) mod backports;
pub(crate) mod lists;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::run;

/// Seconds to wait for another apt-get to finish.
const LOCK_WAIT: &str = "DPkg::Lock::Timeout=900";

/// True where packages can be had from apt.
pub(crate) fn available() -> bool {
    Path::new("/usr/bin/apt-get").exists()
}

/// The installed version of a package, or nothing.
pub(crate) fn version(package: &str) -> Option<String> {
    let mut query = Command::new("dpkg-query");
    query.args(["-W", "-f", "${db:Status-Status} ${Version}", package]);
    let answer = run::output(&mut query).ok()?;
    answer.strip_prefix("installed ").map(str::to_owned)
}

/// The packages of the list that are not installed.
pub(crate) fn missing<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    packages.iter().copied().filter(|name| version(name).is_none()).collect()
}

/// Installs what is missing; does nothing when nothing is.
pub(crate) fn ensure(packages: &[&str]) -> Result<()> {
    let absent = missing(packages);
    if absent.is_empty() {
        return Ok(());
    }
    if !available() {
        bail!(
            "these Debian packages are needed and there is no apt-get here: {}; \
             run this on Debian 12 or install their counterparts",
            absent.join(" ")
        );
    }
    // The package lists may be absent (fresh image) or old (the files moved): install first, refresh
    // the lists only when that fails.
    if install(&absent).is_ok() {
        return Ok(());
    }
    refresh()?;
    install(&absent)
}

fn install(packages: &[&str]) -> Result<()> {
    run::run(apt_get()?.args(["install", "--yes", "--no-install-recommends"]).args(packages))
}

/// `apt-get update`. Unlike `install` it does not wait for the lock on the lists, so it is tried
/// for a while.
fn refresh() -> Result<()> {
    let mut attempt = 1;
    loop {
        match run::run(apt_get()?.arg("update")) {
            Ok(()) => return Ok(()),
            Err(error) if attempt == 6 => return Err(error),
            Err(error) => eprintln!("{error:#}; trying again in 10 s ({attempt} of 6)"),
        }
        attempt += 1;
        std::thread::sleep(Duration::from_secs(10));
    }
}

fn apt_get() -> Result<Command> {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("apt-get")
    } else if run::find(&["sudo"], &[]).is_some() {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    } else {
        bail!("installing Debian packages needs root, and there is no sudo: run this as root");
    };
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["-o", LOCK_WAIT]);
    Ok(command)
}
