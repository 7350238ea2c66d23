//! Owns the compiler, linker and stripper of the kernel object: finding them, installing what is
//! missing, and naming their versions.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::{apt, run};

/// Debian's compiler, standard library source and LLVM. `-web` is the current Rust that Debian keeps
/// for browsers, in stable releases too.
const PACKAGES: [&str; 5] =
    ["rustc-web", "cargo-web", "rust-web-src", "llvm-22-dev", "libpolly-22-dev"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
/// Debian's clippy of the same compiler.
const CLIPPY_PACKAGE: &str = "rust-web-clippy";
/// The LLVM that `PACKAGES` names; it must be the compiler's own major version.
const LLVM_PREFIX: &str = "/usr/lib/llvm-22";
const LINKER_VERSION: &str = "0.13.0";

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Choice {
    /// Debian's packages when installed, else a nightly with rust-src, else install the packages
    Auto,
    /// Debian's rustc-web, cargo-web and rust-web-src
    Debian,
    /// rustup's nightly with the rust-src component
    Nightly,
}

/// Programs to build with, all of them present.
pub(crate) struct Toolchain {
    pub(crate) cargo: PathBuf,
    pub(crate) rustc: PathBuf,
    pub(crate) linker: PathBuf,
    pub(crate) objcopy: PathBuf,
    pub(crate) sysroot: PathBuf,
    pub(crate) versions: Versions,
}

/// What decides the bytes besides the source.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Versions {
    pub(crate) rustc: String,
    pub(crate) rustc_llvm: String,
    pub(crate) rust_src: String,
    pub(crate) cargo: String,
    pub(crate) bpf_linker: String,
    pub(crate) llvm: String,
}

impl Versions {
    /// One line for each version that is not the same, empty when all are.
    pub(crate) fn differences(&self, here: &Self) -> Vec<String> {
        [
            ("rustc", &self.rustc, &here.rustc),
            ("rustc's LLVM", &self.rustc_llvm, &here.rustc_llvm),
            ("rust-src", &self.rust_src, &here.rust_src),
            ("cargo", &self.cargo, &here.cargo),
            ("bpf-linker", &self.bpf_linker, &here.bpf_linker),
            ("LLVM", &self.llvm, &here.llvm),
        ]
        .into_iter()
        .filter(|(_, committed, here)| committed != here)
        .map(|(what, committed, here)| format!("{what}: {committed} committed, {here} here"))
        .collect()
    }
}

impl Toolchain {
    /// Finds the toolchain, installing what is missing.
    pub(crate) fn ready(choice: Choice) -> Result<Self> {
        let (cargo, rustc, rust_src) = match choice {
            Choice::Debian => debian()?,
            Choice::Nightly => nightly()?,
            Choice::Auto if apt::missing(&PACKAGES).is_empty() => debian()?,
            Choice::Auto => match nightly() {
                Ok(found) => found,
                Err(_) if apt::available() => debian()?,
                Err(error) => return Err(error),
            },
        };
        let sysroot = PathBuf::from(run::output(clean(&rustc).args(["--print", "sysroot"]))?);
        let linker = linker()?;
        let objcopy = objcopy(&sysroot)?;
        let verbose = run::output(clean(&rustc).arg("-Vv"))?;
        let line = |start: &str| verbose.lines().find_map(|line| line.strip_prefix(start));
        let versions = Versions {
            rustc: verbose.lines().next().unwrap_or_default().to_owned(),
            rustc_llvm: line("LLVM version: ").unwrap_or("unknown").to_owned(),
            // rustup's rust-src comes with its compiler and has no version of its own.
            rust_src: rust_src
                .or_else(|| line("commit-hash: ").map(str::to_owned))
                .unwrap_or_else(|| "unknown".to_owned()),
            cargo: run::output(clean(&cargo).arg("-V"))?,
            bpf_linker: linker_version(&linker)?,
            llvm: objcopy_version(&objcopy)?,
        };
        Ok(Self { cargo, rustc, linker, objcopy, sysroot, versions })
    }
}

/// A command that the toolchain running this task does not lean on: `cargo run` puts its own
/// library folder first, where another compiler would find the wrong libraries.
pub(crate) fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        let spoils = ["CARGO_PROFILE_", "CARGO_BUILD_", "CARGO_TARGET_", "CARGO_PKG_", "RUSTC_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            || ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"]
                .contains(&name.as_ref())
            || ["LD_LIBRARY_PATH", "CARGO_INCREMENTAL", "CARGO_MANIFEST_DIR"]
                .contains(&name.as_ref());
        if spoils {
            command.env_remove(&key);
        }
    }
    command
}

/// The compiler's paths, and the version of its library source where that has one of its own.
type Compiler = (PathBuf, PathBuf, Option<String>);

fn debian() -> Result<Compiler> {
    apt::ensure(&PACKAGES)?;
    Ok((DEBIAN_CARGO.into(), "/usr/bin/rustc".into(), apt::version("rust-web-src")))
}

fn nightly() -> Result<Compiler> {
    let which = |tool| {
        run::output(Command::new("rustup").args(["which", "--toolchain", "nightly", tool]))
            .map(PathBuf::from)
    };
    let rustc = which("rustc").context("no rustup nightly toolchain")?;
    let sysroot = run::output(clean(&rustc).args(["--print", "sysroot"]))?;
    let core = Path::new(&sysroot).join("lib/rustlib/src/rust/library/core/Cargo.toml");
    if !core.is_file() {
        bail!(
            "the nightly toolchain has no standard library source ({} is not there): \
             run `rustup component add --toolchain nightly rust-src llvm-tools`",
            core.display()
        );
    }
    Ok((which("cargo")?, rustc, None))
}

/// The `cargo-clippy` that stands beside the compiler, installed where it is Debian's.
pub(super) fn clippy(tools: &Toolchain) -> Result<PathBuf> {
    let found = tools.cargo.with_file_name("cargo-clippy");
    if tools.cargo == Path::new(DEBIAN_CARGO) {
        apt::ensure(&[CLIPPY_PACKAGE])?;
    }
    if !found.is_file() {
        bail!(
            "the compiler has no clippy ({} is not there): \
             run `rustup component add --toolchain nightly clippy`",
            found.display()
        );
    }
    Ok(found)
}

/// bpf-linker of the one version that is known to work, installed when it is missing.
fn linker() -> Result<PathBuf> {
    let dirs = [run::cargo_home()?.join("bin")];
    if let Some(found) = run::find(&["bpf-linker"], &dirs)
        && linker_version(&found).is_ok_and(|version| version == LINKER_VERSION)
    {
        return Ok(found);
    }
    if !Path::new(LLVM_PREFIX).join("bin/llvm-config").exists() {
        if !apt::available() {
            bail!(
                "bpf-linker {LINKER_VERSION} is not installed, and building it needs LLVM 22 below \
                 {LLVM_PREFIX}: install it with `cargo install bpf-linker --version {LINKER_VERSION}`"
            );
        }
        apt::ensure(&["llvm-22-dev", "libpolly-22-dev"])?;
    }
    run::run(
        Command::new("cargo")
            .args(["install", "bpf-linker", "--version", LINKER_VERSION, "--force"])
            .args(["--no-default-features", "--features", "llvm-22"])
            // Outside the workspace its configuration and target folder do not count.
            .current_dir(std::env::temp_dir())
            .env_remove("CARGO_TARGET_DIR")
            .env("LLVM_PREFIX", LLVM_PREFIX)
            .env("LLVM_SYS_221_PREFIX", LLVM_PREFIX)
            .env("RUSTFLAGS", format!("-L {LLVM_PREFIX}/lib")),
    )?;
    let installed = dirs[0].join("bpf-linker");
    let version = linker_version(&installed)?;
    if version != LINKER_VERSION {
        bail!("{} is {version} after installing {LINKER_VERSION}", installed.display());
    }
    Ok(installed)
}

fn linker_version(linker: &Path) -> Result<String> {
    let answer = run::output(clean(linker).arg("--version"))?;
    Ok(answer.rsplit(' ').next().unwrap_or_default().to_owned())
}

/// LLVM's objcopy: Debian's, or the one of the toolchain's llvm-tools component.
fn objcopy(sysroot: &Path) -> Result<PathBuf> {
    let dirs = [
        Path::new(LLVM_PREFIX).join("bin"),
        sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu/bin"),
        sysroot.join("lib/rustlib/aarch64-unknown-linux-gnu/bin"),
    ];
    run::find(&["llvm-objcopy-22", "llvm-objcopy", "rust-objcopy"], &dirs).context(
        "no llvm-objcopy, which strips the object: install Debian's llvm-22, or run \
         `rustup component add --toolchain nightly llvm-tools`",
    )
}

fn objcopy_version(objcopy: &Path) -> Result<String> {
    let answer = run::output(clean(objcopy).arg("--version"))?;
    let version = answer.lines().find_map(|line| line.split_once("LLVM version "));
    Ok(version.map_or("unknown", |(_, version)| version.trim()).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions() -> Versions {
        let text = |text: &str| text.to_owned();
        Versions {
            rustc: text("rustc 1"),
            rustc_llvm: text("22"),
            rust_src: text("1"),
            cargo: text("cargo 1"),
            bpf_linker: text("0.13.0"),
            llvm: text("22"),
        }
    }

    #[test]
    fn only_what_differs_is_named() {
        let mut here = versions();
        assert!(versions().differences(&here).is_empty());
        here.llvm = "23".to_owned();
        assert_eq!(versions().differences(&here), ["LLVM: 22 committed, 23 here"]);
    }
}
