//! Owns `cargo xtask lab`: builds what runs in the VMs, boots one for each machine that the scenarios ask for, prints the tables.
//!
//! The driver (`tests/bin/lab.rs`) knows the scenarios; here stands only how it is built, asked and given a VM.
mod advice;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::{apt, run, vm};

/// The newer one of those that are tested.
const KERNEL: &str = "6.12";
/// Of a CI run: enough to see the effect, few enough for five minutes.
const CI_REPEATS: u32 = 2;
/// Seconds that count in a round of a CI run.
const CI_WINDOW_S: u32 = 10;
/// Seconds in which a VM boots.
const BOOT_S: u64 = 180;

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    task: Option<Task>,
    /// Names of scenarios (tests/lab/scenarios); all when none is given
    scenarios: Vec<String>,
    /// Debian's kernel to boot: 6.1 or 6.12
    #[arg(long, default_value = KERNEL)]
    kernel: String,
    /// How often each subset of the suspects is run [default: 5; 2 with --ci]
    #[arg(long)]
    repeats: Option<u32>,
    /// Seconds that count in a round, instead of each scenario's own
    #[arg(long)]
    window: Option<u32>,
    /// File system of all disks, instead of each scenario's own: ext4, xfs or btrfs
    #[arg(long)]
    fs: Option<String>,
    /// IO scheduler of all disks, instead of each scenario's own: none, mq-deadline, bfq or kyber
    #[arg(long)]
    sched: Option<String>,
    /// Instead of rounds: advise beside all suspects of each scenario, apply what is advised first, verify it, undo it; in
    /// windows of so many seconds
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["ci", "record"])]
    advice: Option<u64>,
    /// Folder for results, reports and captures [default: a new one below target/lab]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Of the random order of the rounds [default: the time]
    #[arg(long)]
    seed: Option<u64>,
    /// Leave a capture of each round
    #[arg(long)]
    record: bool,
    /// Run only the few short scenarios with bounds, and fail when the bounds do not hold
    #[arg(long)]
    ci: bool,
}

#[derive(clap::Subcommand)]
enum Task {
    /// Compare what iocontend advises with the measured best of many settings
    Advice(advice::Args),
}

/// One VM, as the driver's `plan` says.
#[derive(serde::Deserialize)]
struct Boot {
    disks: Vec<String>,
    sched: String,
    fs: String,
    memory: String,
    scenarios: Vec<String>,
    seconds: u64,
}

impl Args {
    /// What CI asks for.
    pub(crate) fn ci() -> Self {
        Self {
            task: None,
            scenarios: Vec::new(),
            kernel: KERNEL.to_owned(),
            repeats: None,
            window: None,
            fs: None,
            sched: None,
            advice: None,
            out: None,
            seed: None,
            record: false,
            ci: true,
        }
    }

    /// All scenarios, as often as their figures need.
    pub(crate) fn all() -> Self {
        Self { ci: false, ..Self::ci() }
    }

    fn repeats(&self) -> u32 {
        self.repeats.unwrap_or(if self.ci { CI_REPEATS } else { 5 })
    }

    /// Options of the driver that say what is run.
    fn choice(&self) -> Vec<String> {
        let mut words = vec!["--repeats".to_owned(), self.repeats().to_string()];
        let window = self.window.or(self.ci.then_some(CI_WINDOW_S));
        words.extend(window.map(|seconds| format!("--window={seconds}")));
        words.extend(self.fs.iter().map(|fs| format!("--fs={fs}")));
        words.extend(self.sched.iter().map(|sched| format!("--sched={sched}")));
        words.extend(self.ci.then(|| "--ci".to_owned()));
        words
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if let Some(Task::Advice(args)) = &args.task {
        return advice::run(args);
    }
    apt::ensure(&["etcd-server", "etcd-client", "fio", "fdisk", "e2fsprogs"])?;
    let programs = Programs::build()?;
    let driver = programs.path("lab");
    let now =
        SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    let seed = args.seed.unwrap_or(now.as_secs());
    let out = match &args.out {
        Some(out) => out.clone(),
        None => run::target_dir()?.join("lab").join(now.as_secs().to_string()),
    };
    std::fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    let out = out.canonicalize()?;

    let plan = Command::new(&driver).arg("plan").args(args.choice()).args(&args.scenarios).output();
    let plan = plan.with_context(|| format!("cannot start {}", driver.display()))?;
    if !plan.status.success() {
        bail!("{}", String::from_utf8_lossy(&plan.stderr).trim());
    }
    let boots: Vec<Boot> = serde_json::from_slice(&plan.stdout).context("reading the plan")?;
    let all: u64 = boots.iter().map(|boot| boot.seconds + 40).sum();
    eprintln!("about {} minutes; seed {seed}; results in {}", all.div_ceil(60), out.display());
    let failed: Vec<u8> = boots
        .iter()
        .map(|boot| in_vm(args, boot, &programs, &out, seed))
        .collect::<Result<Vec<u8>>>()?
        .into_iter()
        .filter(|code| *code != 0)
        .collect();

    // Also of what there is when something failed.
    let table = if args.advice.is_some() { "advised" } else { "tables" };
    run::run(Command::new(&driver).arg(table).arg(&out))?;
    if let Some(code) = failed.first() {
        bail!("not all scenarios could be run (exit code {code}); the words are above");
    }
    if args.ci {
        run::run(Command::new(&driver).arg("verdict").arg(&out))?;
    }
    Ok(())
}

fn in_vm(args: &Args, boot: &Boot, programs: &Programs, out: &Path, seed: u64) -> Result<u8> {
    if boot.fs == "xfs" {
        apt::ensure(&["xfsprogs"])?;
    } else if boot.fs == "btrfs" {
        apt::ensure(&["btrfs-progs"])?;
    }
    let mut command: Vec<OsString> = vec![programs.path("lab").into(), "run".into()];
    command.extend(args.choice().into_iter().map(OsString::from));
    command.extend(["--seed".into(), seed.to_string().into(), "--out".into(), out.into()]);
    command.extend(["--iocontend".into(), programs.path("iocontend").into()]);
    command.extend(args.record.then(|| "--record".into()));
    command.extend(args.advice.map(|seconds| format!("--advice={seconds}").into()));
    command.extend(boot.scenarios.iter().map(OsString::from));
    let machine = vm::LabMachine {
        disks: &boot.disks,
        sched: &boot.sched,
        memory: &boot.memory,
        // A busy host makes everything slower; a VM that hangs must end all the same.
        timeout_s: BOOT_S + boot.seconds * 3,
        // Advice that was tried is tried anew.
        resumes: args.advice.is_none(),
    };
    vm::run(&vm::Args::lab(&args.kernel, &machine, out, command)?)
}

/// The product and the programs of the lab, built with optimisation, since the VM is slow enough; copied, so that a build
/// meanwhile does not change what the rest of a run starts. Removed with this.
struct Programs {
    dir: TempDir,
}

impl Programs {
    const NAMES: [&str; 4] = ["iocontend", "lab", "load", "audit"];

    fn build() -> Result<Self> {
        run::run(run::cargo().args(["build", "--release", "--bins"]).args([
            "--package",
            "iocontend",
            "--package",
            "iocontend-tests",
        ]))?;
        let target = run::target_dir()?;
        let parent = target.join("lab");
        std::fs::create_dir_all(&parent)?;
        let dir = tempfile::Builder::new().prefix("programs-").tempdir_in(&parent)?;
        for name in Self::NAMES {
            let built = target.join("release").join(name);
            std::fs::copy(&built, dir.path().join(name))
                .with_context(|| format!("copying {}", built.display()))?;
        }
        Ok(Self { dir })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}
