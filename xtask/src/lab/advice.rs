//! Owns `cargo xtask lab advice`: one VM for each case, until all are complete or the time is over.
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};

use super::{BOOT_S, Boot, Programs};
use crate::{apt, run, vm};

/// Seconds in which a VM mostly boots.
const BOOT_MOSTLY_S: u64 = 40;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Names of cases (tests/lab/advice); all when none is given
    cases: Vec<String>,
    /// Rounds of each setting
    #[arg(long, default_value_t = 1)]
    repeats: u32,
    /// Rounds again of the best and the advice, which are judged
    #[arg(long, default_value_t = 2)]
    fresh: u32,
    /// Seconds that a window lasts at most, instead of each case's own; it ends with enough syncs
    #[arg(long)]
    window: Option<u32>,
    /// Begin no round after so many minutes; --resume goes on there
    #[arg(long)]
    minutes: Option<u64>,
    /// Folder for results and reports [default: a new one below target/lab]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Go on in this folder: rounds whose results are there are not run again
    #[arg(long, conflicts_with = "out")]
    resume: Option<PathBuf>,
    /// Of the random order of the rounds
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(serde::Deserialize)]
struct CaseBoot {
    kernel: String,
    #[serde(flatten)]
    boot: Boot,
}

pub(super) fn run(args: &Args) -> Result<()> {
    apt::ensure(&["etcd-server", "etcd-client", "fio", "fdisk", "e2fsprogs", "pv"])?;
    let begin = Instant::now();
    let programs = Programs::build()?;
    let driver = programs.path("lab");
    let now =
        SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    let out = match args.resume.as_ref().or(args.out.as_ref()) {
        Some(out) => out.clone(),
        None => run::target_dir()?.join("lab").join(format!("advice-{}", now.as_secs())),
    };
    if args.resume.is_none() && out.join("results.jsonl").exists() {
        bail!("results are in {} already; --resume goes on there", out.display());
    }
    std::fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    let out = out.canonicalize()?;

    let choice = || {
        let mut words = vec![
            format!("--repeats={}", args.repeats),
            format!("--fresh={}", args.fresh),
            format!("--seed={}", args.seed),
        ];
        words.extend(args.window.map(|seconds| format!("--window={seconds}")));
        words.push(format!("--out={}", out.display()));
        words
    };
    let plan = Command::new(&driver).arg("advice-plan").args(choice()).args(&args.cases).output();
    let plan = plan.with_context(|| format!("cannot start {}", driver.display()))?;
    if !plan.status.success() {
        bail!("{}", String::from_utf8_lossy(&plan.stderr).trim());
    }
    let boots: Vec<CaseBoot> = serde_json::from_slice(&plan.stdout).context("reading the plan")?;
    let all: u64 = boots.iter().map(|one| one.boot.seconds + BOOT_MOSTLY_S).sum();
    eprintln!("at most about {} minutes; results in {}", all.div_ceil(60), out.display());

    let mut failed = false;
    for CaseBoot { kernel, boot } in &boots {
        let limit = args.minutes.map(|minutes| Duration::from_secs(60 * minutes));
        let left = limit.map(|limit| limit.saturating_sub(begin.elapsed()).as_secs());
        let left = left.map(|left| left.saturating_sub(BOOT_MOSTLY_S));
        if left.is_some_and(|left| left == 0) {
            eprintln!("the time is over; --resume {} goes on", out.display());
            break;
        }
        let mut command: Vec<OsString> = vec![driver.clone().into(), "advice-run".into()];
        command.extend(choice().into_iter().map(OsString::from));
        command.extend(["--iocontend".into(), programs.path("iocontend").into()]);
        command.extend(left.map(|left| format!("--seconds={left}").into()));
        command.extend(boot.scenarios.iter().map(OsString::from));
        let machine = vm::LabMachine {
            disks: &boot.disks,
            sched: &boot.sched,
            memory: &boot.memory,
            timeout_s: BOOT_S + boot.seconds * 3,
            resumes: true,
        };
        failed |= vm::run(&vm::Args::lab(kernel, &machine, &out, command)?)? != 0;
    }
    // Also of what there is when something failed.
    run::run(Command::new(&driver).arg("advice-tables").arg(&out))?;
    if failed {
        bail!("not all cases could be run; the words are above");
    }
    Ok(())
}
