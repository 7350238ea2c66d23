//! Owns `cargo xtask ci --full`: every test there is, part by part, each kept with its result, so that it can be stopped and gone on
//! with; the table in the documents says what was seen when, on which source.
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::{BY_HAND, ON_BOTH, OVER_PATHS, SLOW, Step, tests_in_vm};
use crate::{apt, lab, run};

/// The table, below the workspace.
const TABLE: &str = "profiler/docs/results/full.md";
/// Kernels that only have to watch or refuse: the oldest in reach and the newest.
const SMOKE: [&str; 2] = ["5.10", "7.3"];
/// A test of those by hand takes up to a quarter of an hour under emulation.
const BY_HAND_S: u64 = 2 * 3600;
const SMOKE_S: u64 = 900;
/// How many runs are killed in all: 300 that apply, stay, leave and guard, and 60 that verify.
const KILLS: &str = "300";
const KILLS_VERIFYING: &str = "60";

/// What is run in one go.
#[derive(Clone, Copy)]
enum Part {
    /// A step of CI.
    Step(Step),
    /// What CI leaves out on one kernel.
    ByHand(&'static str),
    Smoke(&'static str),
    /// Tests of a disk behind NVMe multipath.
    Paths(&'static str),
    Kills,
    /// All scenarios of the lab.
    Lab,
}

impl Part {
    fn all() -> Vec<Self> {
        let steps = Step::ALL.into_iter().map(Self::Step);
        let vm = ["6.1", "6.12"].into_iter().map(Self::ByHand);
        let smoke = SMOKE.into_iter().map(Self::Smoke);
        let paths = ["6.1", "6.12"].into_iter().map(Self::Paths);
        steps.chain(smoke).chain(paths).chain([Self::Kills]).chain(vm).chain([Self::Lab]).collect()
    }

    fn name(self) -> String {
        match self {
            Self::Step(step) => step.name().to_owned(),
            Self::ByHand(kernel) => format!("vm-{kernel}-by-hand"),
            Self::Smoke(kernel) => format!("smoke-{kernel}"),
            Self::Paths(kernel) => format!("paths-{kernel}"),
            Self::Kills => "kills".to_owned(),
            Self::Lab => "lab-all".to_owned(),
        }
    }

    /// The kernel it runs on; none where no program is loaded.
    fn kernel(self) -> Option<String> {
        match self {
            Self::Step(Step::Vm61) => Some("6.1".to_owned()),
            Self::Step(Step::Vm612 | Step::Lab) | Self::Lab => Some("6.12".to_owned()),
            Self::Step(Step::Live) | Self::Kills => {
                Some(rustix::system::uname().release().to_string_lossy().into_owned())
            }
            Self::Step(_) => None,
            Self::ByHand(kernel) | Self::Smoke(kernel) | Self::Paths(kernel) => {
                Some(kernel.to_owned())
            }
        }
    }

    fn run(self) -> Result<()> {
        match self {
            Self::Step(step) => step.run(),
            // On 6.1 CI runs a few.
            Self::ByHand(kernel @ "6.1") => {
                let skip: Vec<&str> = ON_BOTH.into_iter().chain([OVER_PATHS]).collect();
                tests_in_vm(kernel, SLOW, &["vm_"], &skip, BY_HAND_S)
            }
            Self::ByHand(kernel) => tests_in_vm(kernel, SLOW, &BY_HAND, &[], BY_HAND_S),
            Self::Smoke(kernel) => tests_in_vm(kernel, SLOW, &["vm_smoke_"], &[], SMOKE_S),
            Self::Paths(kernel) => {
                let disk = format!("{SLOW},dev=paths");
                tests_in_vm(kernel, &disk, &[OVER_PATHS], &[], SMOKE_S)
            }
            Self::Kills => kills(),
            Self::Lab => lab::run(&lab::Args::all()),
        }
    }
}

/// Runs that are killed, in numbers that take too long for every change.
fn kills() -> Result<()> {
    let tests = |package: &str, test: &str| {
        let mut command = run::cargo();
        command.args(["test", "-p", package, "--test", test, "--"]);
        command
    };
    let mut applied = tests("iocontend-tests", "cli");
    applied.env("IOCONTEND_KILLS", KILLS).args(["lease_kills", "--nocapture"]);
    run::run(&mut applied)?;
    let mut verifying = tests("iocontend-tests", "live");
    verifying.env("IOCONTEND_KILLS", KILLS_VERIFYING);
    run::run(verifying.args(["killed_while_it_verifies", "--ignored", "--nocapture"]))
}

/// How a part came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    part: String,
    kernel: Option<String>,
    passed: bool,
    seconds: u64,
    /// Day, UTC.
    day: String,
    /// Of all files that a result depends on.
    source: String,
    /// SHA-256 of the kernel object.
    object: String,
    /// The VM's emulator, where there was one.
    emulator: Option<String>,
}

pub(super) fn run() -> Result<()> {
    let source = source()?;
    let kept = run::target_dir()?.join("ci-full.json");
    let mut all = read(&kept)?;
    let mut failed = Vec::new();
    for part in Part::all() {
        let name = part.name();
        let has_passed = |seen: &Seen| seen.part == name && seen.source == source && seen.passed;
        if all.iter().any(has_passed) {
            eprintln!("=== {name}: passed on this source already ===");
            continue;
        }
        eprintln!("\n=== {name} ===");
        let began = Instant::now();
        let outcome = part.run();
        if let Err(error) = &outcome {
            eprintln!("=== {name} failed: {error:#} ===");
            failed.push(name.clone());
        }
        let seen = Seen {
            kernel: part.kernel(),
            passed: outcome.is_ok(),
            seconds: began.elapsed().as_secs(),
            day: day()?,
            source: source.clone(),
            object: object()?,
            emulator: in_vm(part).then(|| apt::version("qemu-system-x86")).flatten(),
            part: name.clone(),
        };
        all.retain(|old| old.part != name);
        all.push(seen);
        std::fs::write(&kept, serde_json::to_vec_pretty(&all)?)
            .with_context(|| format!("writing {}", kept.display()))?;
        let table = run::workspace().join(TABLE);
        std::fs::write(&table, page(&all))
            .with_context(|| format!("writing {}", table.display()))?;
    }
    if !failed.is_empty() {
        bail!("failed: {}; the same command goes on with them", failed.join(", "));
    }
    Ok(())
}

fn in_vm(part: Part) -> bool {
    let is_step = matches!(part, Part::Step(Step::Vm61 | Step::Vm612 | Step::Lab));
    is_step || matches!(part, Part::ByHand(_) | Part::Smoke(_) | Part::Paths(_) | Part::Lab)
}

fn read(kept: &Path) -> Result<Vec<Seen>> {
    match std::fs::read(kept) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is none of ours: remove it", kept.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("reading {}", kept.display())),
    }
}

/// One hash over all files that are committed but for pages: those do not change what a test gives.
fn source() -> Result<String> {
    let git =
        |words: &[&str]| run::output(Command::new("git").current_dir(run::workspace()).args(words));
    let is_code = |line: &&str| Path::new(line).extension().is_none_or(|end| end != "md");
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    if changed.lines().any(|line| is_code(&line)) {
        bail!(
            "files have changed since the last commit, so no result could be given to a source: commit first"
        );
    }
    let listed = git(&["ls-tree", "-r", "HEAD"])?;
    let code: Vec<&str> = listed.lines().filter(is_code).collect();
    Ok(run::sha256(code.join("\n").as_bytes()))
}

fn object() -> Result<String> {
    let path: PathBuf = run::workspace().join("profiler/ebpf/iocontend.bpf.o");
    let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(run::sha256(&bytes))
}

fn day() -> Result<String> {
    run::output(Command::new("date").args(["-u", "+%Y-%m-%d"]))
}

/// The page with the table: every part, also those that were not run.
fn page(all: &[Seen]) -> String {
    let page = String::from(
        "# Everything that is tested, and when it was seen\n\n\
         Written by `cargo xtask ci --full` ([developing.md](../developing.md#ci)). A result belongs to its source (a hash over\n\
         all committed files but pages) and to the kernel object.\n\n\
         | part | kernel | result | minutes | day | source | object | emulator |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    let rows = Part::all().into_iter().map(|part| {
        let name = part.name();
        let seen = all.iter().find(|seen| seen.part == name);
        seen.map_or_else(|| format!("| {name} | | not run | | | | | |\n"), row)
    });
    page + &rows.collect::<Vec<_>>().concat()
}

fn row(seen: &Seen) -> String {
    let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_owned();
    format!(
        "| {} | {} | {} | {:.1} | {} | {} | {} | {} |\n",
        seen.part,
        seen.kernel.as_deref().unwrap_or(""),
        if seen.passed { "passed" } else { "failed" },
        minutes(seen.seconds),
        seen.day,
        short(&seen.source),
        short(&seen.object),
        seen.emulator.as_deref().unwrap_or("")
    )
}

fn minutes(seconds: u64) -> f64 {
    u32::try_from(seconds).map_or(f64::INFINITY, f64::from) / 60.0
}

#[cfg(test)]
mod tests {
    use super::*;

    // Property: what was not run stands in the table as that, and a failure as one.
    #[test]
    fn the_table_hides_nothing() {
        let seen = Seen {
            part: "smoke-5.10".to_owned(),
            kernel: Some("5.10".to_owned()),
            passed: false,
            seconds: 90,
            day: "2026-01-02".to_owned(),
            source: "0123456789abcdef".to_owned(),
            object: "fedcba9876543210".to_owned(),
            emulator: Some("1:7.2".to_owned()),
        };
        let page = page(&[seen]);
        let row = "| smoke-5.10 | 5.10 | failed | 1.5 | 2026-01-02 | 0123456789ab | fedcba987654 | 1:7.2 |\n";
        assert!(page.contains(row), "{page}");
        assert_eq!(page.matches("| not run |").count(), Part::all().len() - 1);
    }
}
