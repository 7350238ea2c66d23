//! Owns `cargo xtask fuzz`: arbitrary bytes through the reader of captures and the engine.
//!
//! libFuzzer with stable Rust: the compiler's coverage pass is reached by stable flags, and without sanitizers
//! nothing else is needed. A crash leaves its input below the target folder, and the task fails.
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::{apt, run};

/// As cargo-fuzz sets them, without a sanitizer.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";
/// Largest input, bytes.
const MAX_LEN: u32 = 1 << 16;
/// Most memory a single input may take, MiB.
const MEMORY: u32 = 2048;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

impl Args {
    /// As CI runs it.
    pub(crate) const fn for_ci() -> Self {
        Self { seconds: 60 }
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    // libFuzzer is C++, built from its crate.
    if run::find(&["c++", "g++", "clang++"], &[]).is_none() {
        apt::ensure(&["g++"])?;
    }
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let folder = run::target_dir()?.join("fuzz");
    let manifest = run::workspace().join("tests/fuzz/Cargo.toml");
    run::run(
        run::cargo()
            .args(["build", "--release", "--locked", "--target", &target, "--manifest-path"])
            .arg(&manifest)
            .arg("--target-dir")
            .arg(&folder)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("RUSTFLAGS", FLAGS),
    )?;
    let built = folder.join(&target).join("release");
    let (seeds, corpus) = (folder.join("seeds"), folder.join("corpus"));
    let crashes = folder.join("crashes");
    if seeds.exists() {
        std::fs::remove_dir_all(&seeds)?;
    }
    for made in [&seeds, &corpus, &crashes] {
        std::fs::create_dir_all(made).with_context(|| format!("creating {}", made.display()))?;
    }
    run::run(
        run::cargo()
            .args(["run", "--quiet", "--package", "iocontend-tests", "--bin", "seeds", "--"])
            .arg(&seeds)
            .args(captures()?),
    )?;
    run::run(
        std::process::Command::new(built.join("capture"))
            .arg(format!("-max_total_time={}", args.seconds))
            .arg(format!("-max_len={MAX_LEN}"))
            .arg(format!("-rss_limit_mb={MEMORY}"))
            .arg("-timeout=10")
            .arg("-print_final_stats=1")
            .arg(format!("-artifact_prefix={}/", crashes.display()))
            .args([&corpus, &seeds]),
    )
}

/// The captures of the tests: what they hold is where mutation begins.
fn captures() -> Result<Vec<PathBuf>> {
    let folder = run::workspace().join("tests/replay");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "iocap") {
            found.push(path);
        }
    }
    if found.is_empty() {
        bail!("no capture in {}: the fuzzer would find nothing from nothing", folder.display());
    }
    Ok(found)
}
