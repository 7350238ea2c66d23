//! Owns `cargo xtask ebpf`: build the kernel object from source, or check the committed one.
mod build;
mod provenance;
mod toolchain;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::run;
use provenance::{Provenance, Sources};
use toolchain::{Choice, Toolchain};

/// The committed object, below the workspace.
const OBJECT: &str = "profiler/ebpf/iocontend.bpf.o";
/// Where it came from, beside it.
const PROVENANCE: &str = "profiler/ebpf/PROVENANCE.json";
/// The command that makes both.
const REMEDY: &str = "run `cargo xtask ebpf` and commit profiler/ebpf/";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Change nothing: rebuild below target/ and fail when the committed object is stale or is not
    /// what the source gives. With other toolchain versions than the committed object's, bytes
    /// cannot be compared; the live tests then run against the fresh object (needs root)
    #[arg(long)]
    check: bool,
    /// Change nothing: lint the programs and the wire types for their target; warnings are errors
    #[arg(long, conflicts_with = "check")]
    clippy: bool,
    /// Which compiler to use
    #[arg(long, value_enum, default_value_t = Choice::Auto)]
    toolchain: Choice,
}

impl Args {
    /// What CI asks for.
    pub(crate) fn check() -> Self {
        Self { check: true, clippy: false, toolchain: Choice::Auto }
    }

    /// The same, for the lints.
    pub(crate) fn lint() -> Self {
        Self { check: false, clippy: true, toolchain: Choice::Auto }
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = run::workspace();
    if args.clippy {
        lint(&workspace, args.toolchain)
    } else if args.check {
        check(&workspace, args.toolchain)
    } else {
        make(&workspace, args.toolchain)
    }
}

/// Builds, and replaces the committed object and its provenance.
fn make(workspace: &Path, choice: Choice) -> Result<()> {
    let tools = Toolchain::ready(choice)?;
    let sources = Sources::read(workspace)?;
    let built = build::object(workspace, &tools)?;
    let provenance = Provenance::new(&tools, &sources, &built.bytes);

    let object = workspace.join(OBJECT);
    let dir = object.parent().context("the object's path has no folder")?;
    std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    std::fs::write(&object, &built.bytes)
        .with_context(|| format!("writing {}", object.display()))?;
    provenance.write(&workspace.join(PROVENANCE))?;
    eprintln!(
        "{OBJECT}: {} bytes, {}, sha256 {}",
        provenance.object_bytes, built.contents, provenance.object_sha256
    );
    Ok(())
}

/// Clippy of the compiler that builds the object: another one does not know the target.
fn lint(workspace: &Path, choice: Choice) -> Result<()> {
    let tools = Toolchain::ready(choice)?;
    let clippy = toolchain::clippy(&tools)?;
    build::lint(workspace, &tools, &clippy)
}

/// Three questions, cheapest first: is the object the one its provenance speaks of, is the source
/// the one it was built from, and does that source give these bytes.
fn check(workspace: &Path, choice: Choice) -> Result<()> {
    let committed = Provenance::read(&workspace.join(PROVENANCE)).context(REMEDY)?;
    let object = workspace.join(OBJECT);
    let bytes = std::fs::read(&object)
        .with_context(|| format!("reading {}", object.display()))
        .context(REMEDY)?;
    let sum = run::sha256(&bytes);
    if sum != committed.object_sha256 {
        bail!(
            "{OBJECT} has sha256 {sum}, its provenance says {}: one was committed without the \
             other; {REMEDY}",
            committed.object_sha256
        );
    }
    let sources = Sources::read(workspace)?;
    if sources.sha256 != committed.source_sha256 {
        bail!("{OBJECT} is stale: {}; {REMEDY}", sources.difference(&committed));
    }

    let tools = Toolchain::ready(choice)?;
    let built = build::object(workspace, &tools)?;
    if built.bytes == bytes {
        eprintln!("{OBJECT}: same bytes from source ({sum})");
        return Ok(());
    }
    let differences = committed.toolchain.differences(&tools.versions);
    if differences.is_empty() {
        bail!(
            "{OBJECT} is not what its source gives with the same toolchain: {} bytes committed, \
             {} built, kept at {}; {REMEDY}",
            bytes.len(),
            built.bytes.len(),
            built.path.display()
        );
    }
    eprintln!("other toolchain than the committed object's, so bytes say nothing:");
    for line in differences {
        eprintln!("  {line}");
    }
    live_tests(&built.path)
}

/// What stands in for the comparison of bytes: the fresh object must pass the live tests.
fn live_tests(object: &PathBuf) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!(
            "the fresh object at {} has to pass the live tests, which need root: run this as root, \
             or with the toolchain that {PROVENANCE} names",
            object.display()
        );
    }
    run::run(
        run::cargo()
            .args(["test", "-p", "iocontend-tests", "--test", "live"])
            .args(["--", "--ignored", "--test-threads=1"])
            .env("IOCONTEND_BPF_OBJECT", object),
    )
}
