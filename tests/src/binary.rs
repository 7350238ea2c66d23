//! The program under test: where it is, built when need be, and what holds for every report of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail, ensure};
use iocontend_core::report::{Report, check_consistency};

/// The program: the release binary, built when need be, or, in the VM, where no compiler is, the one built beside
/// this test.
pub fn path() -> Result<&'static Path> {
    static PATH: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let find = || if std::env::var_os("IOCONTEND_VM").is_some() { beside() } else { build() };
    match PATH.get_or_init(|| find().map_err(|error| format!("{error:#}"))) {
        Ok(path) => Ok(path),
        Err(error) => bail!("no iocontend to test: {error}"),
    }
}

fn beside() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(|deps| deps.parent()).context("no folder above the test")?;
    let found = folder.join("iocontend");
    ensure!(found.exists(), "{} is not there; build it on the host", found.display());
    Ok(found)
}

fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "-p", "iocontend", "--bin", "iocontend"])
        .arg("--message-format=json")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "cargo: {}", output.status);
    let messages = String::from_utf8(output.stdout)?;
    let executable = |line: &str| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message["executable"].as_str()?))
    };
    messages.lines().find_map(executable).context("cargo named no executable")
}

/// Fails with every sum of a report that does not hold.
pub fn consistent(report: &Report) -> Result<()> {
    let wrong = check_consistency(report);
    ensure!(wrong.is_empty(), "the report contradicts itself:\n{}", wrong.join("\n"));
    Ok(())
}
