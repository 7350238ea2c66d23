//! Owns one VM from its shared folder to its end: start, pass output on, time limit, exit code.
use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::disk::serial;
use super::output::{Console, Output};
use super::{Args, process};
use crate::run;

const INIT: &str = include_str!("../vm_init.sh");
const POLL: Duration = Duration::from_millis(50);
/// For what the guest writes beside its disks; with less, its output and its exit code get lost.
const ROOM: u64 = 256 << 20;

/// The guest shows three times a minute that it runs ([`Pulse`]); without that for so long, it does not.
const STILL: Duration = Duration::from_secs(240);

/// Lines of the console that are shown when the VM ends early: an oops and what led to it.
const LAST_WORDS: usize = 80;

/// Parameters of the kernel (Documentation/admin-guide/kernel-parameters.txt); a soft lockup is told after twice the
/// threshold.
const STUCK_IS_THE_END: [&str; 4] = [
    "watchdog_thresh=30",
    "softlockup_panic=1",
    "rcupdate.rcu_cpu_stall_timeout=60",
    "sysctl.kernel.panic_on_rcu_stall=1",
];

/// How a VM ended.
pub(super) enum Outcome {
    Exited(u8),
    /// With what is known of it: where the guest's processes stood, or its last words.
    TimedOut(String),
    /// The guest's kernel gave up over a breakpoint of its own. To change code that runs it puts one there for a moment
    /// (`text_poke_bp_batch`, arch/x86/kernel/alternative.c), and does so whenever something is attached to it; QEMU 7.2, with
    /// a thread for each processor, may still run it from translated code when it is gone (Red Hat's bug 2216496).
    Poked,
    /// A processor of the guest, or all of it, did nothing any more, with its last words. No program does that to a kernel
    /// that works.
    StoodStill(String),
}

/// What the host saw first.
enum End {
    Itself,
    Limit,
    /// With what the emulator's threads did.
    Still(String),
}

/// Whether the guest runs: what it writes again and again.
struct Pulse {
    beat: PathBuf,
    last: String,
    at: Instant,
}

impl Pulse {
    fn of(shared: &Path) -> Self {
        Self { beat: shared.join("beat"), last: String::new(), at: Instant::now() }
    }

    /// Whether nothing was written for a long time.
    fn is_gone(&mut self, now: Instant) -> bool {
        let beat = std::fs::read_to_string(&self.beat).unwrap_or_default();
        if beat != self.last {
            (self.last, self.at) = (beat, now);
        }
        now.duration_since(self.at) >= STILL
    }
}

pub(super) struct Run {
    pub(super) outcome: Outcome,
    /// Until the command started.
    pub(super) boot: Duration,
    /// From there to the end.
    pub(super) command: Duration,
}

/// What a VM needs on the host; removed with it.
pub(super) struct Machine {
    dir: TempDir,
    rwdirs: Vec<PathBuf>,
}

impl Machine {
    /// Makes the folder shared with the guest, and the disk.
    pub(super) fn prepare(args: &Args, command: &[OsString], parent: &Path) -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("run-")
            .tempdir_in(parent)
            .with_context(|| format!("making a folder in {}", parent.display()))?;
        let wanted = ROOM + args.disk.iter().map(super::Disk::size).sum::<u64>();
        let free = free_bytes(dir.path())?;
        if free < wanted {
            bail!(
                "the disks of this VM may need {} MiB in {}, and {} MiB are free there: make room, or \
                 move the target folder with CARGO_TARGET_DIR",
                wanted >> 20,
                parent.display(),
                free >> 20
            );
        }
        let rwdirs = args
            .rwdir
            .iter()
            .map(|dir| dir.canonicalize().with_context(|| format!("--rwdir {}", dir.display())))
            .collect::<Result<Vec<_>>>()?;
        let machine = Self { dir, rwdirs };
        machine.shared_dirs().try_for_each(|dir| check_path(&dir))?;
        machine
            .fill(args, command)
            .with_context(|| format!("writing to {}", machine.dir.path().display()))?;
        Ok(machine)
    }

    /// The folders that the guest may write to.
    fn shared_dirs(&self) -> impl Iterator<Item = PathBuf> {
        std::iter::once(self.shared()).chain(self.rwdirs.iter().cloned())
    }

    fn fill(&self, args: &Args, command: &[OsString]) -> std::io::Result<()> {
        let shared = self.shared();
        std::fs::create_dir(&shared)?;
        let init = shared.join("init.sh");
        std::fs::write(&init, INIT)?;
        std::fs::set_permissions(&init, Permissions::from_mode(0o755))?;
        std::fs::write(shared.join("argv"), argv(command, std::env::vars_os()))?;
        // They exist from the start, so that they can be followed.
        File::create(shared.join("stdout"))?;
        File::create(shared.join("stderr"))?;
        for (index, disk) in args.disk.iter().enumerate() {
            File::create(self.image(index))?.set_len(disk.size())?;
        }
        Ok(())
    }

    fn shared(&self) -> PathBuf {
        self.dir.path().join("shared")
    }

    /// What the command has said so far.
    pub(super) fn said(&self) -> Result<String> {
        let said = std::fs::read(self.shared().join("stdout")).context("reading what it said")?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    fn image(&self, index: usize) -> PathBuf {
        self.dir.path().join(format!("disk{index}.img"))
    }

    /// In a few words, for people.
    pub(super) fn describe(args: &Args) -> String {
        let disks: Vec<_> = args.disk.iter().map(super::Disk::describe).collect();
        let disk = if disks.is_empty() { "no disk".to_owned() } else { disks.join(", ") };
        let fs = args.fs.map_or(String::new(), |fs| format!(", {}", fs.name()));
        let sched = args.sched.map_or(String::new(), |sched| format!(", {}", sched.name()));
        format!("{disk}{fs}{sched}")
    }

    /// Boots, and stays until the command has ended or the time is up.
    pub(super) fn run(&self, vng: &Path, kernel: &Path, args: &Args) -> Result<Run> {
        let start = Instant::now();
        let mut child = self
            .emulator(vng, kernel, args)
            .spawn()
            .with_context(|| format!("cannot start {}", vng.display()))?;
        let console = Console::follow(&mut child, args.verbose);
        let limit = Duration::from_secs(args.timeout);
        let mut output = Output::open(&self.shared())?;
        let mut started = None;
        let mut pulse = Pulse::of(&self.shared());
        let end = loop {
            if started.is_none() && self.shared().join("started").exists() {
                started = Some(Instant::now());
            }
            output.forward()?;
            if child.try_wait().context("waiting for the VM")?.is_some() {
                break End::Itself;
            }
            let is_still = pulse.is_gone(Instant::now());
            if is_still || start.elapsed() >= limit {
                let end =
                    if is_still { End::Still(process::doings(child.id())) } else { End::Limit };
                process::kill_tree(&mut child)?;
                break end;
            }
            std::thread::sleep(POLL);
        };
        output.forward()?;
        let boot = started.map_or(start.elapsed(), |at| at - start);
        let command = started.map_or(Duration::ZERO, |at| at.elapsed());
        let said = console.finish();
        let outcome = match end {
            End::Itself => self.outcome(&said)?,
            End::Limit => self.timed_out(&said),
            End::Still(doings) => Outcome::StoodStill(format!("{}\n{doings}", last_words(&said))),
        };
        Ok(Run { outcome, boot, command })
    }

    fn emulator(&self, vng: &Path, kernel: &Path, args: &Args) -> Command {
        let mut command = Command::new(vng);
        // virtme-ng calls its other programs by name; from a virtual environment they are beside it.
        if let Some(bin) = vng.parent() {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let dirs = std::iter::once(bin.to_path_buf()).chain(std::env::split_paths(&path));
            if let Ok(path) = std::env::join_paths(dirs) {
                command.env("PATH", path);
            }
        }
        command.arg("--run").arg(kernel);
        // Software emulation everywhere: where a hypervisor is missing is no place for surprises.
        if !args.kvm.is_used() {
            command.arg("--disable-kvm");
        }
        command.args(["--user", "root", "--memory", &args.memory]);
        command.arg("--cpus").arg(args.cpus.to_string());
        command.arg("--cwd").arg(run::workspace());
        for dir in self.shared_dirs() {
            command.arg("--rwdir").arg(dir);
        }
        let option = |(index, disk): (usize, &super::Disk)| {
            disk.emulator_options(&self.image(index), &serial(index))
        };
        let options: Vec<_> = args.disk.iter().enumerate().map(option).collect();
        if !options.is_empty() {
            command.arg(format!("--qemu-opts={}", options.join(" ")));
        }
        // Without it the console leads nowhere, also for a kernel that gives up. Printing all else takes long.
        command.arg("--verbose");
        if !args.verbose {
            command.args(["--append", "quiet", "--append", "loglevel=1"]);
        }
        // Else only the process in whose name it happened is killed, and a test fails for no reason that can be seen.
        command.args(["--append", "oops=panic"]);
        // A processor that is stuck for a minute stays so: better an end with words than the whole time and none.
        for option in STUCK_IS_THE_END {
            command.args(["--append", option]);
        }
        // QEMU's controllers say since 9 that they may have several paths; a disk is then a head above its paths, where nobody asked for it.
        let paths = if args.disk.iter().any(super::Disk::has_paths) { "Y" } else { "N" };
        command.args(["--append", &format!("nvme_core.multipath={paths}")]);
        command.arg("--").arg(self.shared().join("init.sh"));
        command.arg(args.fs.map_or("-", super::FileSystem::name));
        command.arg(args.sched.map_or("-", super::Scheduler::name));
        let end = SystemTime::now() + Duration::from_secs(args.timeout);
        let end = end.duration_since(UNIX_EPOCH).unwrap_or_default();
        command.arg(end.as_secs().to_string());
        command.args((0..args.disk.len()).map(serial));
        // Pipes, since the emulator opens its output a second time and truncates it if it is a file.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What is known of a VM that was killed.
    fn timed_out(&self, said: &str) -> Outcome {
        let words = match std::fs::read_to_string(self.shared().join("stuck")) {
            Ok(stuck) => format!("where it stood a minute before:\n{}", stuck.trim()),
            Err(_) => {
                format!(
                    "the guest did not say where it stood; its last words:\n{}",
                    last_words(said)
                )
            }
        };
        Outcome::TimedOut(words)
    }

    /// What the guest left in the shared folder.
    fn outcome(&self, said: &str) -> Result<Outcome> {
        let shared = self.shared();
        if let Ok(reason) = std::fs::read_to_string(shared.join("failed")) {
            bail!("the VM could not be prepared: {}", reason.trim());
        }
        let Ok(code) = std::fs::read_to_string(shared.join("exit")) else {
            if is_poked(said) {
                return Ok(Outcome::Poked);
            }
            if stood_still(said) {
                return Ok(Outcome::StoodStill(last_words(said)));
            }
            let free = free_bytes(&shared)?;
            if free < ROOM {
                bail!(
                    "the VM ended without an exit code, and only {} MiB are free in {}: what it wrote \
                     was lost. Make room and try again",
                    free >> 20,
                    shared.display()
                );
            }
            bail!(
                "the VM ended before the command did. {} MiB of disk were free. Its last words:\n{}",
                free >> 20,
                last_words(said)
            );
        };
        let code = code.trim();
        Ok(Outcome::Exited(code.parse().with_context(|| format!("exit code `{code}`"))?))
    }
}

/// The end of what a console said.
fn last_words(said: &str) -> String {
    let lines: Vec<&str> = said.trim().lines().collect();
    lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n")
}

/// Whether an oops over a breakpoint is what ended the kernel.
fn is_poked(said: &str) -> bool {
    said.contains("int3: 0000 [#1]") && said.contains("Kernel panic")
}

/// Whether a processor that did nothing any more is what ended the kernel ([`STUCK_IS_THE_END`]).
fn stood_still(said: &str) -> bool {
    let panic = "Kernel panic - not syncing: ";
    ["softlockup", "RCU Stall"].iter().any(|why| said.contains(&format!("{panic}{why}")))
}

/// What can still be written below this folder.
fn free_bytes(folder: &Path) -> Result<u64> {
    let stat = rustix::fs::statvfs(folder)
        .with_context(|| format!("asking for free space of {}", folder.display()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// virtme-ng joins its options to one line and splits it again, so a path must be one plain word.
fn check_path(path: &Path) -> Result<()> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(byte);
    if !path.as_os_str().as_bytes().iter().all(plain) {
        bail!(
            "virtme-ng cannot share {}: use a path of letters, digits and / . _ - + \
             (CARGO_TARGET_DIR moves the target folder)",
            path.display()
        );
    }
    Ok(())
}

/// The command as the guest reads it: NUL-separated, preceded by `env` with the variables that go
/// with it, so that nothing is ever quoted.
fn argv(command: &[OsString], variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<u8> {
    let mut bytes = b"env\0".to_vec();
    for (key, value) in variables {
        let name = key.to_string_lossy();
        let ours = name.starts_with("IOCONTEND_") && !name.starts_with("IOCONTEND_VM");
        if ours || name == "PATH" || name.starts_with("RUST_") {
            bytes.extend([key.as_bytes(), b"=", value.as_bytes(), b"\0"].concat());
        }
    }
    // `--` would not stop env from taking a first word with `=` for a variable; no command has one.
    for word in command {
        bytes.extend([word.as_bytes(), b"\0"].concat());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_that_of_df() {
        let folder = tempfile::tempdir().unwrap();
        let said =
            Command::new("df").args(["--output=avail", "-B1"]).arg(folder.path()).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        let df: u64 = said.lines().nth(1).unwrap().trim().parse().unwrap();
        // Others write meanwhile.
        assert!(free_bytes(folder.path()).unwrap().abs_diff(df) < 1 << 30);
    }

    // Property: a guest that writes nothing new for long does not run; one that does, does.
    #[test]
    fn a_guest_without_a_pulse_stands_still() {
        let folder = tempfile::tempdir().unwrap();
        let mut pulse = Pulse::of(folder.path());
        let start = pulse.at;
        assert!(!pulse.is_gone(start + STILL / 2));
        assert!(pulse.is_gone(start + STILL), "none at all");
        std::fs::write(folder.path().join("beat"), "20\n").unwrap();
        assert!(!pulse.is_gone(start + STILL));
        assert!(!pulse.is_gone(start + STILL + STILL / 2));
        assert!(pulse.is_gone(start + 2 * STILL));
    }

    // Property: a processor that stands still is told from what else ends a kernel (kernel/watchdog.c, kernel/rcu/tree_stall.h).
    #[test]
    fn standing_still_is_told_from_other_ends() {
        assert!(stood_still("[ 90.1] Kernel panic - not syncing: softlockup: hung tasks"));
        assert!(stood_still("[ 90.1] Kernel panic - not syncing: RCU Stall"));
        assert!(!stood_still("Kernel panic - not syncing: Fatal exception in interrupt"));
    }

    // Property: of all ways in which a kernel gives up, only the one over a breakpoint is the emulator's.
    #[test]
    fn a_breakpoint_is_told_from_other_ends() {
        let panic = "Kernel panic - not syncing: Fatal exception in interrupt";
        let oops = "[  734.988190] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI";
        assert!(is_poked(&format!("{oops}\nRIP: 0010:blk_mq_start_request+0x16/0x1a0\n{panic}")));
        assert!(!is_poked(oops) && !is_poked(panic));
        assert!(!is_poked(&format!("Oops: general protection fault: 0000 [#1]\n{panic}")));
    }

    #[test]
    fn words_reach_the_guest_as_they_are() {
        let words = ["sh", "-c", "echo \"$1\"; exit 7", "two words", ""].map(OsString::from);
        let variables = [
            ("PATH", "/bin"),
            ("SECRET", "x"),
            ("IOCONTEND_VM", "0"),
            ("IOCONTEND_BPF_OBJECT", "/a b"),
        ]
        .map(|(key, value)| (OsString::from(key), OsString::from(value)));
        let bytes = argv(&words, variables.into_iter());
        assert_eq!(
            bytes,
            b"env\0PATH=/bin\0IOCONTEND_BPF_OBJECT=/a b\0\
              sh\0-c\0echo \"$1\"; exit 7\0two words\0\0"
        );
    }
}
