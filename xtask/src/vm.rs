//! Owns `cargo xtask vm`: run a command under another kernel, with a throttled disk when asked.
mod archive;
mod disk;
mod kernel;
mod machine;
mod output;
mod process;

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::{apt, run};
use disk::Disk;
use machine::{Machine, Outcome};

/// What `timeout` returns too.
const TIMED_OUT: u8 = 124;
/// Of tests and of the lab, see [`Args::again`]. One run of 40 tests lost four VMs, after 17, 16, 1 and 0 further
/// tests, so they are not counted over all.
const AGAIN: u32 = 3;
const POKED: &str =
    "the emulator ran into a breakpoint that the guest's kernel had already taken away";
const STILL: &str = "the guest, or one of its processors, stood still; above are its last words";
const EMULATOR: &str = "qemu-system-x86";
/// 7.2 loses VMs, see `profiler/docs/developing.md`.
const GOOD_EMULATOR: u32 = 10;
/// Who sets it gets that one from backports.
const NEW_EMULATOR: &str = "IOCONTEND_NEW_EMULATOR";
/// The version this was measured with.
const VIRTME_NG: &str = "virtme-ng==1.42";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Debian's kernel to boot, the newest of a series: 6.1 and 6.12 from /boot, others, such as 5.10 or 7.3, from the archive
    #[arg(long)]
    kernel: String,
    /// Attach an empty disk, throttled by the emulator: iops=600,bps=20M[,size=2G][,dev=nvme|paths|virtio], where `paths` is NVMe
    /// behind multipath (repeatable)
    #[arg(long, value_name = "SPEC")]
    disk: Vec<Disk>,
    /// Make this file system on the first disk and mount it at /mnt/iocontend
    #[arg(long, value_enum, requires = "disk")]
    fs: Option<FileSystem>,
    /// IO scheduler of the disks
    #[arg(long, value_enum, requires = "disk")]
    sched: Option<Scheduler>,
    /// Kill the VM after this many seconds, boot included (exit code 124)
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    timeout: u64,
    /// CPUs of the VM
    #[arg(long, default_value_t = 2)]
    cpus: u16,
    /// Memory of the VM
    #[arg(long, default_value = "3G")]
    memory: String,
    /// A folder of the host that the command may write to; everything else it writes is dropped
    #[arg(long, value_name = "DIR")]
    rwdir: Vec<PathBuf>,
    /// Whether the processor's own virtualisation is used: `auto` where this host offers it (/dev/kvm)
    #[arg(long, value_enum, default_value_t = Kvm::Off)]
    kvm: Kvm,
    /// Show what the emulator and the kernel say (boot takes longer)
    #[arg(long)]
    verbose: bool,
    /// How often in a row, without a further test that passed, a VM that the emulator ended ([`Outcome::Poked`]) or that
    /// stood still is started again.
    #[arg(skip)]
    again: u32,
    /// Where the command is a test program, all its tests: one that passed is not run again then.
    #[arg(skip)]
    tests: Vec<String>,
    /// The command and its arguments. It runs as root in the workspace's folder, and sees
    /// IOCONTEND_VM=1, IOCONTEND_VM_DISK (such as nvme0n1), IOCONTEND_VM_DISKS (all of them) and
    /// IOCONTEND_VM_DIR (where the first one is mounted)
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// The machine of some scenarios of the lab.
pub(crate) struct LabMachine<'a> {
    /// As `--disk` has them.
    pub(crate) disks: &'a [String],
    pub(crate) sched: &'a str,
    pub(crate) memory: &'a str,
    /// Boot included.
    pub(crate) timeout_s: u64,
    /// The command does not do again what it has results of.
    pub(crate) resumes: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kvm {
    /// Emulation everywhere: the same on every host
    #[default]
    Off,
    /// Where /dev/kvm can be opened
    Auto,
}

/// `ci --full --kvm auto` says it to all VMs that it starts.
pub(crate) const KVM: &str = "IOCONTEND_KVM";

impl Kvm {
    fn of_environment() -> Self {
        if std::env::var_os(KVM).is_some_and(|value| value == "auto") {
            Self::Auto
        } else {
            Self::Off
        }
    }

    fn is_used(self) -> bool {
        let opens = || std::fs::File::options().read(true).write(true).open("/dev/kvm").is_ok();
        self == Self::Auto && opens()
    }
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum FileSystem {
    Ext4,
    Xfs,
    Btrfs,
}

impl FileSystem {
    fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
        }
    }

    /// The package that makes it.
    fn package(self) -> &'static str {
        match self {
            Self::Ext4 => "e2fsprogs",
            Self::Xfs => "xfsprogs",
            Self::Btrfs => "btrfs-progs",
        }
    }
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Scheduler {
    None,
    MqDeadline,
    Bfq,
    Kyber,
}

impl Scheduler {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::MqDeadline => "mq-deadline",
            Self::Bfq => "bfq",
            Self::Kyber => "kyber",
        }
    }
}

impl Args {
    /// What CI asks for: a slow disk with the file system that etcd mostly has, and a spare one to build upon.
    pub(crate) fn tests(
        kernel: &str,
        slow: &str,
        command: Vec<OsString>,
        tests: Vec<String>,
        timeout_s: u64,
    ) -> Result<Self> {
        Ok(Self {
            kernel: kernel.to_owned(),
            disk: [slow, "size=512M"]
                .into_iter()
                .map(|spec| spec.parse::<Disk>().map_err(anyhow::Error::msg))
                .collect::<Result<_>>()?,
            fs: Some(FileSystem::Ext4),
            sched: None,
            // Everything is several times slower under emulation.
            timeout: timeout_s,
            cpus: 2,
            memory: "3G".to_owned(),
            rwdir: Vec::new(),
            kvm: Kvm::of_environment(),
            verbose: false,
            again: AGAIN,
            tests,
            command,
        })
    }

    /// What the lab asks for: disks without file systems, and a folder for results.
    pub(crate) fn lab(
        kernel: &str,
        machine: &LabMachine<'_>,
        out: &Path,
        command: Vec<OsString>,
    ) -> Result<Self> {
        let parse = |spec: &String| spec.parse::<Disk>().map_err(anyhow::Error::msg);
        let sched = <Scheduler as clap::ValueEnum>::from_str(machine.sched, false);
        Ok(Self {
            kernel: kernel.to_owned(),
            disk: machine.disks.iter().map(parse).collect::<Result<_>>()?,
            fs: None,
            sched: Some(sched.map_err(anyhow::Error::msg)?),
            timeout: machine.timeout_s,
            cpus: 2,
            memory: machine.memory.to_owned(),
            rwdir: vec![out.to_owned()],
            kvm: Kvm::of_environment(),
            verbose: false,
            again: if machine.resumes { AGAIN } else { 0 },
            tests: Vec::new(),
            command,
        })
    }
}

/// Runs the command in the VM; the answer is its exit code.
pub(crate) fn run(args: &Args) -> Result<u8> {
    // Not everything that runs in VMs has been seen on it yet.
    if std::env::var_os(NEW_EMULATOR).is_some() {
        apt::backports::prefer(EMULATOR, GOOD_EMULATOR);
    }
    let mut packages = vec![EMULATOR, "udev", "busybox-static"];
    packages.extend(args.fs.map(FileSystem::package));
    apt::ensure(&packages)?;
    let target = run::target_dir()?.join("vm");
    let kernel = kernel::find(&args.kernel, &target.join("kernels"))?;
    let vng = virtme_ng(&target)?;

    std::fs::create_dir_all(&target).with_context(|| format!("creating {}", target.display()))?;
    let (mut left, mut command) = (args.again, args.command.clone());
    let began = Instant::now();
    let run = loop {
        let machine = Machine::prepare(args, &command, &target)?;
        let emulator = apt::version(EMULATOR).unwrap_or_else(|| "of unknown version".to_owned());
        let what = Machine::describe(args);
        eprintln!("booting {} ({what}; emulator {emulator})", kernel.display());
        let run = machine.run(&vng, &kernel, args)?;
        match run.outcome {
            Outcome::Poked if left > 0 => {
                left -= 1;
                eprintln!("{POKED}; once more");
            }
            Outcome::StoodStill(words) if left > 0 => {
                left -= 1;
                eprintln!("{words}\n{STILL}; once more");
            }
            _ => break run,
        }
        let said = machine.said()?;
        if let Some(failed) = failed(&said, &args.tests) {
            bail!("{failed} had failed before");
        }
        let passed = passed(&said, &args.tests);
        let is_in_time = began.elapsed() < Duration::from_secs(args.timeout);
        left = lives(left, args.again, passed.len(), is_in_time);
        for test in passed {
            command.extend(["--skip".into(), test.into()]);
        }
    };
    let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
    match run.outcome {
        Outcome::Exited(code) => {
            eprintln!("boot {}, command {}, exit {code}", seconds(run.boot), seconds(run.command));
            Ok(code)
        }
        Outcome::Poked => bail!("{POKED}; try again"),
        Outcome::StoodStill(words) => bail!("{words}\n{STILL}"),
        Outcome::TimedOut(words) => {
            eprintln!(
                "{words}\nkilled after {} s: boot {}, command {}; --timeout allows more, --verbose \
                 shows the kernel's messages",
                args.timeout,
                seconds(run.boot),
                seconds(run.command)
            );
            Ok(TIMED_OUT)
        }
    }
}

/// How many VMs may still be lost: all of them again when this one brought something, until the time is up that one may take.
fn lives(left: u32, all: u32, passed: usize, is_in_time: bool) -> u32 {
    if passed > 0 && is_in_time { all } else { left }
}

/// A test that failed, by what a test program said: it does not get a second try.
fn failed<'a>(said: &str, tests: &'a [String]) -> Option<&'a str> {
    let failed = |name: &&String| said.contains(&format!("test {name} ... FAILED\n"));
    tests.iter().find(failed).map(String::as_str)
}

/// The tests that passed, by what a test program said. Left out are those whose names begin another's: the program skips by
/// parts of names.
fn passed<'a>(said: &str, tests: &'a [String]) -> Vec<&'a str> {
    let lines: HashSet<&str> = said.lines().collect();
    let is_part = |name: &str| tests.iter().any(|other| other != name && other.contains(name));
    let passed = |name: &&str| lines.contains(format!("test {name} ... ok").as_str());
    tests.iter().map(String::as_str).filter(passed).filter(|name| !is_part(name)).collect()
}

/// virtme-ng's command: the one on PATH, else one installed into a virtual environment of its own
/// (Debian's Python does not let pip install for the whole system).
fn virtme_ng(target: &Path) -> Result<PathBuf> {
    let environment = target.join("virtme-ng");
    let bin = environment.join("bin");
    if let Some(found) = run::find(&["vng"], std::slice::from_ref(&bin)) {
        return Ok(found);
    }
    if apt::available() {
        apt::ensure(&["python3-venv"])?;
    }
    run::run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    run::run(Command::new(bin.join("python")).args(["-m", "pip", "install", "--quiet", VIRTME_NG]))
        .context("installing virtme-ng from the Python package index")?;
    let vng = bin.join("vng");
    if !vng.exists() {
        bail!("{VIRTME_NG} was installed, but {} is not there", vng.display());
    }
    Ok(vng)
}

#[cfg(test)]
mod tests {
    use super::{failed, lives, passed};

    // Property: only a test that said so has passed, and none is left out that another one's name would take along.
    #[test]
    fn what_passed_is_not_run_again_and_everything_else_is() {
        let tests = ["a::one", "a::one_more", "a::two", "a::three", "a::four"].map(str::to_owned);
        let said = "running 5 tests\ntest a::one ... ok\ntest a::one_more ... ok\ntest a::two ... FAILED\n\
            test a::three ... some words\nok\ntest a::four ... ok\ntest b::no ... ok\n";
        assert_eq!(passed(said, &tests), ["a::one_more", "a::four"]);
        assert_eq!(failed(said, &tests), Some("a::two"));
        assert!(passed("test a::two ... ", &tests).is_empty());
        assert_eq!(failed("test a::two ... ", &tests), None);
    }

    // Property: VMs that are lost one after the other without a test that passed are as many as allowed; one that brought a
    // test gives all lives back, but not for ever.
    #[test]
    fn a_vm_that_brings_nothing_costs_a_life() {
        assert_eq!([lives(2, 3, 0, true), lives(0, 3, 0, true)], [2, 0]);
        assert_eq!([lives(2, 3, 1, true), lives(0, 3, 16, true)], [3, 3]);
        assert_eq!([lives(2, 3, 1, false), lives(0, 3, 16, false)], [2, 0]);
    }
}
