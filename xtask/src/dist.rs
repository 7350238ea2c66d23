//! Owns `cargo xtask dist`: one binary that runs on any Linux of this architecture.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::run;

const PACKAGE: &str = "iocontend";

/// Builds the binary, proves that it needs no library, and puts it at dist/ below the target folder.
pub(crate) fn run() -> Result<()> {
    let target = target()?;
    run::run(
        run::cargo()
            .args(["build", "--release", "--locked", "--package", PACKAGE, "--bin", PACKAGE])
            // Naming the target, even the host's own, keeps the flag away from macros and build
            // scripts, which cannot be static.
            .args(["--target", &target])
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("RUSTFLAGS", "-C target-feature=+crt-static"),
    )?;
    let target_dir = run::target_dir()?;
    let built = target_dir.join(&target).join("release").join(PACKAGE);
    check_static(&built)?;

    let dist = target_dir.join("dist").join(PACKAGE);
    let bytes = std::fs::read(&built).with_context(|| format!("reading {}", built.display()))?;
    put(&built, &dist)?;
    let version = run::output(Command::new(&dist).arg("--version"))
        .context("the static binary does not start")?;
    eprintln!("{}: {target}, static, `--version` says `{version}`", dist.display());
    eprintln!("{} bytes, sha256 {}", bytes.len(), run::sha256(&bytes));
    Ok(())
}

/// musl when rustup has it, since it is made for static programs; the GNU C library otherwise.
fn target() -> Result<String> {
    let musl = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let libdir =
        run::output(Command::new("rustc").args(["--print", "target-libdir", "--target", &musl]))?;
    Ok(if Path::new(&libdir).is_dir() {
        musl
    } else {
        format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
    })
}

/// Fails unless the file is an executable that asks for no loader and no library.
fn check_static(binary: &Path) -> Result<()> {
    let report = run::output(
        Command::new("readelf")
            .args(["--wide", "--file-header", "--program-headers", "--dynamic"])
            .arg(binary)
            .env("LC_ALL", "C"),
    )?;
    let needs = needs(&report);
    if !needs.is_empty() {
        bail!("{} is not static: {}", binary.display(), needs.join(", "));
    }
    Ok(())
}

/// What a binary needs from the system it runs on, in the words of `readelf`.
fn needs(report: &str) -> Vec<&str> {
    let marks = ["Requesting program interpreter", "(NEEDED)"];
    report.lines().map(str::trim).filter(|l| marks.iter().any(|mark| l.contains(mark))).collect()
}

fn put(from: &Path, to: &PathBuf) -> Result<()> {
    let dir = to.parent().context("the binary's path has no folder")?;
    std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    // Removed first: a running copy cannot be written to.
    if to.exists() {
        std::fs::remove_file(to).with_context(|| format!("removing {}", to.display()))?;
    }
    std::fs::copy(from, to).map(drop).with_context(|| format!("writing {}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_not_static_and_that_is_seen() {
        let error = check_static(&std::env::current_exe().unwrap()).unwrap_err().to_string();
        assert!(error.contains("is not static"), "{error}");
    }

    #[test]
    fn a_position_independent_static_binary_is_static() {
        let report = "Type: DYN\n  LOAD 0x0\n  DYNAMIC 0x1\n 0x0e (SONAME) [x]";
        assert!(needs(report).is_empty());
    }
}
