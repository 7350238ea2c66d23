//! Owns `cargo xtask ci`: all that CI runs, in its order, each step with its time.
mod full;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::{dist, ebpf, fuzz, lab, layers, run, vm};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave the first step out: `cargo test --workspace` has just been run
    #[arg(long)]
    after_tests: bool,
    /// Run these steps only, in CI's order
    #[arg(long, value_enum, value_name = "STEP", value_delimiter = ',')]
    only: Vec<Step>,
    /// Run everything, also what takes hours (`xtask/src/ci/full.rs`): what has passed on this source already is not run
    /// again, and the table in the documents is written anew after each part
    #[arg(long, conflicts_with_all = ["after_tests", "only"])]
    full: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Step {
    /// The README's test command
    Test,
    /// Formatting
    Fmt,
    /// Lints, warnings are errors
    Clippy,
    /// Lints of the programs in the kernel, for their target
    EbpfClippy,
    /// Modules use each other in the one written order
    Layers,
    /// The kernel object is what its source gives
    Ebpf,
    /// A minute of arbitrary captures
    Fuzz,
    /// Tests on this kernel (root)
    Live,
    /// Tests on Debian's 6.1 that depend on the kernel most
    #[value(name = "vm-6.1")]
    Vm61,
    /// Tests on Debian's 6.12
    #[value(name = "vm-6.12")]
    Vm612,
    /// The lab's short scenarios, on Debian's 6.12
    Lab,
    /// The static binary
    Dist,
}

impl Step {
    pub(crate) const ALL: [Self; 12] = [
        Self::Test,
        Self::Fmt,
        Self::Clippy,
        Self::EbpfClippy,
        Self::Layers,
        Self::Ebpf,
        Self::Fuzz,
        Self::Live,
        Self::Vm61,
        Self::Vm612,
        Self::Lab,
        Self::Dist,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::EbpfClippy => "ebpf-clippy",
            Self::Layers => "layers",
            Self::Ebpf => "ebpf",
            Self::Fuzz => "fuzz",
            Self::Live => "live",
            Self::Vm61 => "vm-6.1",
            Self::Vm612 => "vm-6.12",
            Self::Lab => "lab",
            Self::Dist => "dist",
        }
    }

    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::Test => run::run(run::cargo().args(["test", "--workspace"])),
            Self::Fmt => run::run(run::cargo().args(["fmt", "--all", "--check"])),
            Self::Clippy => run::run(
                run::cargo()
                    .args(["clippy", "--workspace", "--all-targets"])
                    .args(["--", "-D", "warnings"]),
            ),
            Self::EbpfClippy => ebpf::run(&ebpf::Args::lint()),
            Self::Layers => layers::run(&layers::Args::check()),
            Self::Ebpf => ebpf::run(&ebpf::Args::check()),
            Self::Fuzz => fuzz::run(&fuzz::Args::for_ci()),
            Self::Live => live(),
            Self::Vm61 => tests_in_vm("6.1", SLOW, &ON_BOTH, &[], STEP_S),
            Self::Vm612 => {
                let skip: Vec<&str> = BY_HAND.into_iter().chain([OVER_PATHS]).collect();
                tests_in_vm("6.12", SLOW, &["vm_"], &skip, STEP_S)
            }
            Self::Lab => lab::run(&lab::Args::ci()),
            Self::Dist => dist::run(),
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.full {
        return full::run();
    }
    let start = Instant::now();
    let mut times = Vec::new();
    for step in Step::ALL.into_iter().filter(|step| args.wants(*step)) {
        eprintln!("\n=== {} ===", step.name());
        let began = Instant::now();
        let outcome = step.run();
        let took = began.elapsed();
        times.push((step.name(), took));
        if let Err(error) = outcome {
            summary(&times, start.elapsed());
            return Err(error.context(format!("ci step `{}` failed", step.name())));
        }
        eprintln!("=== {}: {:.1} s ===", step.name(), took.as_secs_f64());
    }
    summary(&times, start.elapsed());
    Ok(())
}

impl Args {
    fn wants(&self, step: Step) -> bool {
        let chosen = self.only.is_empty() || self.only.contains(&step);
        chosen && !(self.after_tests && step == Step::Test)
    }
}

fn summary(times: &[(&str, Duration)], total: Duration) {
    eprintln!("\n--- times ---");
    for (name, took) in times {
        eprintln!("{name:>11} {:>8.1} s", took.as_secs_f64());
    }
    eprintln!("{:>11} {:>8.1} s", "all", total.as_secs_f64());
}

fn live() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("the live tests load programs into the kernel: run this as root");
    }
    expect_tests(&live_tests()?, &[])?;
    // The first test would build it in the middle of its load.
    run::run(run::cargo().args(["build", "--release", "--package", "iocontend"]))?;
    run::run(
        run::cargo()
            .args(["test", "-p", "iocontend-tests", "--test", "live"])
            .args(["--", "--ignored", "--test-threads=1"])
            // Those need the VM, and fail elsewhere.
            .args(["--skip", "vm_"]),
    )
}

/// Tests in a VM that take more minutes than they tell in every run, or judge shares of time, which an emulator on a busy host
/// distorts: `cargo xtask ci --full` runs them. A watch alone takes 11 to 21 s there, most of it in the emulated verifier.
const BY_HAND: [&str; 19] = [
    "vm_anatomy_alone",
    "vm_anatomy_beside_a_buffered_writer",
    "vm_anatomy_beside_a_direct_reader",
    "vm_anatomy_of_evicted_pages",
    "vm_anatomy_of_a_write_that_pauses",
    "vm_anatomy_of_slow_flushes",
    "vm_a_write_that_blocks_is_no_slow_sync",
    "vm_a_path_names_a_cgroup",
    "vm_an_idle_process_that_is_moved_in",
    "vm_counts_are_exact_with_mq_deadline",
    "vm_doctor_knows_the_disk",
    "vm_doctor_looks_at_loop_devices",
    "vm_doctor_names_who_shares",
    "vm_indirect_below_a_loop_device_is_its_user",
    "vm_indirect_below_dm_linear_is_the_process_above",
    "vm_indirect_reads_of_the_same_place",
    "vm_indirect_threads_of_io_uring",
    "vm_lease_verify_keeps_what_helps_and_nothing_else",
    // etcd counts its own wait for an emulated processor, too.
    "vm_wal_quantiles_are_etcds",
];

/// What depends on the kernel most, so that it runs on the older one too; the rest of that one by `cargo xtask ci --full`.
const ON_BOTH: [&str; 8] = [
    "vm_counts_equal_the_kernels",
    "vm_doctor_says_what_attaches",
    "vm_requeued_requests_are_counted_once",
    "vm_smoke_it_watches",
    "vm_syncs_are_counted_by_call",
    "vm_truth_a_journal_is_of_those_who_fill_it",
    "vm_truth_bytes_go_to_who_caused_them",
    "vm_a_throttled_cpu_is_no_slow_disk",
];

/// Begin of the names of tests that want a disk behind NVMe multipath.
const OVER_PATHS: &str = "vm_over_paths_";

/// The disk of tests in a VM: etcd on it waits for itself already.
const SLOW: &str = "iops=600,bps=20M";

/// As long as a VM with the tests of a step may take, seconds.
const STEP_S: u64 = 2700;

/// Builds on the host, where it is fast, and runs the tests whose names have one of these parts in the VM, without those to skip.
fn tests_in_vm(
    kernel: &str,
    disk: &str,
    parts: &[&str],
    skip: &[&str],
    timeout_s: u64,
) -> Result<()> {
    let tests = live_tests()?;
    let names = expect_tests(&tests, parts)?;
    // The tests start the product; it is built here for the same reason.
    run::run(run::cargo().args(["build", "--package", "iocontend"]))?;
    let mut command = vec![tests.into_os_string()];
    command.extend(["--ignored", "--test-threads=1"].map(Into::into));
    command.extend(parts.iter().map(Into::into));
    command.extend(skip.iter().flat_map(|test| ["--skip".into(), (*test).into()]));
    let code = vm::run(&vm::Args::tests(kernel, disk, command, names, timeout_s)?)?;
    if code != 0 {
        bail!("the tests on kernel {kernel} ended with exit code {code}");
    }
    Ok(())
}

/// Builds the live tests and says where their executable is.
fn live_tests() -> Result<PathBuf> {
    let messages = run::output(
        run::cargo()
            .args(["test", "-p", "iocontend-tests", "--test", "live", "--no-run"])
            .args(["--message-format", "json-render-diagnostics"])
            // Errors of the compiler are for people to read while it runs.
            .stderr(std::process::Stdio::inherit()),
    )?;
    executable(&messages, "live").context("cargo built no executable for the test target `live`")
}

/// The executable of a test target among cargo's messages, one JSON document a line.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    #[derive(serde::Deserialize)]
    struct Artifact {
        target: Target,
        executable: Option<PathBuf>,
    }
    #[derive(serde::Deserialize)]
    struct Target {
        name: String,
        kind: Vec<String>,
    }
    messages
        .lines()
        // Other messages have no target.
        .filter_map(|line| serde_json::from_str::<Artifact>(line).ok())
        .find(|a| a.target.name == name && a.target.kind.iter().any(|kind| kind == "test"))
        .and_then(|artifact| artifact.executable)
}

/// The tests that a filter selects. One that matches nothing would pass: here it fails.
fn expect_tests(executable: &PathBuf, filters: &[&str]) -> Result<Vec<String>> {
    let mut command = std::process::Command::new(executable);
    let list = run::output(command.args(["--list", "--ignored"]).args(filters))?;
    let names: Vec<String> =
        list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect();
    if names.is_empty() {
        bail!(
            "{} has no ignored test whose name contains `{}`, so nothing would be proved",
            executable.display(),
            filters.join("` or `")
        );
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_the_test_targets() {
        let messages = r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"live"},"executable":null}
not json
{"reason":"compiler-artifact","target":{"kind":["test"],"name":"live"},"executable":"/t/live-1"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages, "live"), Some(PathBuf::from("/t/live-1")));
        assert_eq!(executable(messages, "cli"), None);
    }

    #[test]
    fn nothing_to_run_is_a_failure() {
        let own = std::env::current_exe().unwrap();
        let error = expect_tests(&own, &["no_such_test"]).unwrap_err().to_string();
        assert!(error.contains("no_such_test"), "{error}");
    }

    #[test]
    fn only_the_first_step_is_left_out_after_tests() {
        let args = Args { after_tests: true, only: Vec::new(), full: false };
        let left: Vec<_> = Step::ALL.into_iter().filter(|step| !args.wants(*step)).collect();
        assert!(left == [Step::Test]);
    }
}
