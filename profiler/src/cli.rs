//! The command line: types only, no environment.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use iocontend_core::cgroup::type_without_cgroup;
use iocontend_core::redact::CommandLines;
use iocontend_core::selector::Selector;

use crate::live::RING_BYTES;
use crate::output::{DetailArgs, Format, ReportFormat};

/// Who makes etcd wait for the disk, by how many milliseconds, and through which mechanism.
#[derive(Debug, Parser)]
#[command(name = "iocontend", version, about, after_help = CLI_HELP)]
pub struct Cli {
    /// Show command lines whole, passwords and tokens too, in everything that is written, a recording as well.
    #[arg(long, global = true)]
    pub show_args: bool,
    /// What to do; nothing: look at the etcd of this host for 30 seconds, and say.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const CLI_HELP: &str = "Examples:
  iocontend                             look at the etcd of this host for 30 s, and say (as root)
  iocontend watch etcd                  until Ctrl-C: a line every 5 s, the answer at the end
  iocontend report night.iocap          the answer of a recording";

impl Cli {
    /// How command lines are shown.
    pub const fn command_lines(&self) -> CommandLines {
        if self.show_args { CommandLines::Whole } else { CommandLines::Hidden }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch processes and everything that shares their disks.
    #[command(after_help = WATCH_HELP)]
    Watch(WatchArgs),
    /// Report what a recording holds, also for other targets.
    #[command(after_help = REPORT_HELP)]
    Report(ReportArgs),
    /// Say what to do about contention here, and what not: from a live look or a recording. Changes nothing.
    #[command(after_help = ADVISE_HELP)]
    Advise(AdviseArgs),
    /// See it work without etcd: a built-in WAL writer and a snapshot copier, watched for 20 seconds.
    Demo(DemoArgs),
    /// Say what can and cannot be measured on this host, and who shares what. Changes nothing.
    #[command(after_help = DOCTOR_HELP)]
    Doctor(DoctorArgs),
    /// Apply recommended advice for a time: shows, asks, and takes it back at the end or at Ctrl-C, also when it is killed.
    #[command(after_help = APPLY_HELP)]
    Apply(ApplyArgs),
    /// Take applied changes back.
    Undo(UndoArgs),
    /// List what is applied, until when, and who takes it back. Changes nothing.
    Status(StatusArgs),
    /// Print the JSON Schema of a document.
    Schema {
        /// The document.
        #[arg(value_enum, default_value_t = Document::Report)]
        document: Document,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Man,
    /// The demo's victim.
    #[command(hide = true, name = crate::demo::VICTIM_COMMAND)]
    DemoVictim(VictimCli),
    /// The demo's copier.
    #[command(hide = true, name = crate::demo::COPIER_COMMAND)]
    DemoCopier(CopierCli),
    /// Ends a lease whatever becomes of who made it.
    #[command(hide = true, name = crate::lease::guardian::COMMAND)]
    LeaseGuardian(GuardianArgs),
}

const WATCH_HELP: &str = "Examples:
  iocontend watch etcd                                until Ctrl-C
  iocontend watch etcd --full                         with all tables
  iocontend watch etcd --duration 1m --fail-on contended,slow-disk  an exit code to alert on
  iocontend watch --pid-of etcd --duration 1m --json  one JSON document at the end
  iocontend watch --wait --pid-of etcd                wait until it starts
  iocontend watch --unit etcd --cgroup /kubepods.slice  a service, and all pods
  iocontend watch --pid-of etcd --record night.iocap  keep it for `iocontend report`
  iocontend watch --duration 1m -o markdown           a ticket, ready to paste

Exit codes: 0 done, 1 failed, 2 usage, 3 not permitted or not supported here, 4 target not found, 5 a state of --fail-on";

const REPORT_HELP: &str = "Examples:
  iocontend watch --pid-of etcd --record night.iocap    record until Ctrl-C
  iocontend report night.iocap                          the summary again
  iocontend report night.iocap --full                   with all tables
  iocontend report night.iocap --pid-of postgres --json another target of the same time
  iocontend report night.iocap -o markdown > ticket.md  to paste into a ticket
  iocontend report today.iocap --history week/*.iocap   in which rhythm backups ran and etcd waited, over all of them

A recording that was cut off is read up to its last whole block, and `truncated` (or `corrupt`) stands on stderr.

Exit codes: 0 done, 1 failed, 2 usage, 4 target not found in the recording, 5 a state of --fail-on";

const ADVISE_HELP: &str = "Examples:
  iocontend advise --duration 2m                     watch what is recognised as etcd, then say what to do
  iocontend advise --pid-of postgres --duration 2m   another target
  iocontend advise night.iocap                       from a recording, on any machine, without root
  iocontend advise night.iocap -o shell > do.sh      as a script; also -o systemd and -o kubernetes

What is recommended comes best first; --why-not says why the rest is not. profiler/docs/advice.md has the whole catalogue.

Exit codes: 0 done, 1 failed, 2 usage, 3 not permitted or not supported here, 4 target not found";

const APPLY_HELP: &str = "Examples:
  iocontend advise --duration 2m --json > advice.json
  iocontend apply advice.json --dry-run             what it would change
  iocontend apply advice.json --lease 30m           asks, applies, stays, takes it back after half an hour or at Ctrl-C
  iocontend apply advice.json --yes --verify        watches before and with it; stays only if it helped
  iocontend apply advice.json --yes --leave         does not stay; it is taken back by itself after an hour

Exit codes: 0 done, 1 failed, not wholly taken back, or did not help, 2 usage, 3 not permitted";

const DOCTOR_HELP: &str = "Examples:
  iocontend doctor          as root: every hook is attached for a moment and detached again
  iocontend doctor -o json  the same as a document (iocontend schema doctor)

Exit codes: 0 something can be measured here, 3 nothing can";

/// A document with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// What `watch` and `demo` print.
    Report,
    /// What `doctor` prints.
    Doctor,
    /// What `apply --verify` prints.
    Verify,
}

/// Where leases and settings are.
#[derive(Clone, Debug, Args)]
pub struct LeaseArgs {
    /// Where applied changes are recorded; must belong to whoever runs this [default: /run/iocontend].
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// A folder that stands in for the host, with proc, sys and cgroup.
    #[arg(long, value_name = "DIR", hide = true)]
    pub root: Option<PathBuf>,
}

/// `apply`.
#[derive(Clone, Debug, Args)]
pub struct ApplyArgs {
    /// A report with advice, as JSON.
    pub file: PathBuf,
    /// The advice's id; without it the first that is recommended and changes settings.
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    /// Only show what would be changed.
    #[arg(long)]
    pub dry_run: bool,
    /// How long.
    #[arg(long, value_name = "T", value_parser = duration, default_value = "1h")]
    pub lease: Duration,
    /// Do not stay: a timer of systemd, or two small processes, take it back when the time is over.
    #[arg(long)]
    pub leave: bool,
    /// Watch before the change and with it, on the same load; take it back unless it certainly helped.
    #[arg(long)]
    pub verify: bool,
    /// How long each of the two looks is, at least 20s.
    #[arg(long, value_name = "T", value_parser = window, default_value = "1m", requires = "verify")]
    pub window: Duration,
    /// Print whether it helped as one JSON document.
    #[arg(long, requires = "verify")]
    pub json: bool,
    /// With --verify, whose waits are to become shorter; none: the targets of the report.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Where.
    #[command(flatten)]
    pub lease_args: LeaseArgs,
}

/// `undo`.
#[derive(Clone, Debug, Args)]
pub struct UndoArgs {
    /// The lease; without it all of them.
    pub id: Option<String>,
    /// Change nothing, and forget the lease: for values that somebody else has changed.
    #[arg(long, requires = "id")]
    pub forget: bool,
    /// A lease that is not there any more is no failure: for its timer.
    #[arg(long, requires = "id", hide = true)]
    pub if_there: bool,
    /// The lease is also on stdin, in case that its record is lost.
    #[arg(long, requires = "id", hide = true)]
    pub record_on_stdin: bool,
    /// Where.
    #[command(flatten)]
    pub lease_args: LeaseArgs,
}

/// A guardian: what it ends it gets through its stdin.
#[derive(Clone, Debug, Args)]
pub struct GuardianArgs {
    /// The lease, so that it is seen in a list of processes.
    pub id: String,
    /// Where.
    #[command(flatten)]
    pub lease_args: LeaseArgs,
}

/// `status`.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub lease_args: LeaseArgs,
}

/// `doctor`.
#[derive(Clone, Debug, Args)]
pub struct DoctorArgs {
    /// What to print.
    #[arg(short, long, value_enum, default_value_t = DoctorFormat::Text)]
    pub output: DoctorFormat,
}

/// How `doctor` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// About one screen.
    Text,
    /// One JSON document.
    Json,
}

/// Whom to watch.
#[derive(Clone, Debug, Default, Args)]
pub struct TargetArgs {
    /// Processes whose command, program file or argv[0] has this name; new ones as they start.
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub pid_of: Vec<String>,
    /// Processes in this systemd unit (a service with or without `.service`, a slice, a scope); new ones as they come.
    #[arg(long, value_name = "NAME", value_parser = unit)]
    pub unit: Vec<String>,
    /// Processes in this cgroup or below it, of version 1 or 2, with or without /sys/fs/cgroup; new ones as they come.
    #[arg(long, value_name = "PATH", value_parser = cgroup)]
    pub cgroup: Vec<String>,
    /// One process.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub pid: Vec<u32>,
}

impl TargetArgs {
    /// As the engine wants them.
    pub fn selectors(&self) -> Vec<Selector> {
        let by_name = self.pid_of.iter().cloned().map(Selector::PidOf);
        let by_pid = self.pid.iter().copied().map(Selector::Pid);
        let by_cgroup = self.cgroup.iter().cloned().map(Selector::Cgroup);
        let by_unit = self.unit.iter().cloned().map(Selector::Unit);
        by_name.chain(by_pid).chain(by_cgroup).chain(by_unit).collect()
    }
}

/// `watch`.
#[derive(Clone, Debug, Args)]
pub struct WatchArgs {
    /// Names, as with --pid-of.
    #[arg(value_name = "NAME", value_parser = name)]
    pub names: Vec<String>,
    /// Targets; none: whatever is recognised as etcd.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Wait for a target that is not there yet; when none comes in the whole watch, the exit code is 4.
    #[arg(long)]
    pub wait: bool,
    /// Record everything into a file that `iocontend report` reads; replaces an older capture, and nothing else.
    #[arg(long, value_name = "FILE", value_parser = file)]
    pub record: Option<PathBuf>,
    /// How long, from the moment everything is attached (20s, 5m, 1h), also while waiting; without it until Ctrl-C.
    #[arg(long, value_name = "T", value_parser = duration)]
    pub duration: Option<Duration>,
    /// How often to report.
    #[arg(long, value_name = "T", value_parser = interval, default_value = "5s")]
    pub interval: Duration,
    /// What to print.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// Short for `-o json`.
    #[arg(long, conflicts_with = "output")]
    pub json: bool,
    /// What is printed of it.
    #[command(flatten)]
    pub detail: DetailArgs,
    /// Let the kernel time the BPF programs while watching (adds some 100 ns to each of their runs).
    #[arg(long)]
    pub bpf_stats: bool,
    /// Print log messages of the BPF programs (rare events only) on stderr.
    #[arg(long)]
    pub bpf_log: bool,
    /// Do not watch the targets' threads at the scheduler: no waits in write, read and page faults, no run-queue delay.
    #[arg(long)]
    pub no_thread_waits: bool,
    /// Show waits in sync, syncfs and sync_file_range of everybody; slows every system call of the host a little.
    #[arg(long)]
    pub sync_calls: bool,
    /// Size of the event buffer, a power of two.
    #[arg(long, value_name = "BYTES", value_parser = ring_size, default_value_t = RING_BYTES, hide = true)]
    pub ring_size: u32,
}

impl WatchArgs {
    /// As without any argument.
    pub fn of_etcd() -> Self {
        Self {
            names: Vec::new(),
            target: TargetArgs::default(),
            wait: false,
            record: None,
            duration: None,
            interval: Duration::from_secs(5),
            output: Format::Text,
            json: false,
            detail: DetailArgs::default(),
            bpf_stats: false,
            bpf_log: false,
            no_thread_waits: false,
            sync_calls: false,
            ring_size: RING_BYTES,
        }
    }

    /// Whom to watch, as the engine wants it.
    pub fn selectors(&self) -> Vec<Selector> {
        let by_name = self.names.iter().cloned().map(Selector::PidOf);
        by_name.chain(self.target.selectors()).collect()
    }

    /// The output that was asked for.
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { self.output }
    }
}

/// `report`.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// The recording.
    #[arg(value_parser = file)]
    pub file: PathBuf,
    /// Targets; none: those it was recorded with.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Other recordings of the same host: when backups ran and etcd waited long in them counts too, for periods.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub history: Vec<PathBuf>,
    /// What to print.
    #[arg(short, long, value_enum, default_value_t = ReportFormat::Text)]
    pub output: ReportFormat,
    /// Short for `-o json`.
    #[arg(long, conflicts_with = "output")]
    pub json: bool,
    /// What is printed of it.
    #[command(flatten)]
    pub detail: DetailArgs,
}

impl ReportArgs {
    /// The output that was asked for.
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { self.output.into() }
    }
}

/// `advise`.
#[derive(Clone, Debug, Args)]
pub struct AdviseArgs {
    /// A recording; without one the host is watched.
    #[arg(conflicts_with = "duration", value_parser = file)]
    pub file: Option<PathBuf>,
    /// How long to watch, from the moment everything is attached (20s, 5m, 1h): best over the time of a backup.
    #[arg(long, value_name = "T", value_parser = duration, default_value = "1m")]
    pub duration: Duration,
    /// Targets; none: whatever is recognised as etcd, or those of the recording.
    #[command(flatten)]
    pub target: TargetArgs,
    /// What to print.
    #[arg(short, long, value_enum, default_value_t = AdviceFormat::Text)]
    pub output: AdviceFormat,
    /// As text: also what is not useful here, each with the reason.
    #[arg(long)]
    pub why_not: bool,
    /// Short for `-o json`.
    #[arg(long, conflicts_with = "output")]
    pub json: bool,
}

impl AdviseArgs {
    /// The output that was asked for.
    pub fn format(&self) -> AdviceFormat {
        if self.json { AdviceFormat::Json } else { self.output }
    }
}

/// How `advise` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AdviceFormat {
    /// For people.
    Text,
    /// The whole report as one document, advice in `advice`.
    Json,
    /// A script: the best action's commands, the others' as comments.
    Shell,
    /// systemctl set-property lines, and drop-ins.
    Systemd,
    /// Classes for the container runtime and a pod's annotation.
    Kubernetes,
}

/// `demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Where to write; a new folder is made in it and removed at the end.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// How long.
    #[arg(long, value_name = "T", value_parser = duration, default_value = "20s")]
    pub duration: Duration,
    /// What to print at the end.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// As text: all tables, in each interval too, instead of a screen and a line.
    #[arg(long)]
    pub full: bool,
}

/// The demo's victim.
#[derive(Clone, Debug, Args)]
pub struct VictimCli {
    /// Data directory.
    #[arg(long)]
    pub data_dir: PathBuf,
    /// Records per second.
    #[arg(long)]
    pub rate: u32,
    /// Seconds.
    #[arg(long, value_parser = seconds)]
    pub duration: Duration,
    /// Seconds after which latencies are kept apart.
    #[arg(long, value_parser = seconds)]
    pub split_at: Option<Duration>,
}

/// The demo's copier.
#[derive(Clone, Debug, Args)]
pub struct CopierCli {
    /// What to copy.
    #[arg(long)]
    pub source: PathBuf,
    /// Where to.
    #[arg(long)]
    pub dest: PathBuf,
    /// Seconds between copies.
    #[arg(long, value_parser = seconds)]
    pub pause: Duration,
    /// Seconds before the first copy.
    #[arg(long, value_parser = seconds)]
    pub delay: Duration,
    /// Seconds.
    #[arg(long, value_parser = seconds)]
    pub duration: Duration,
}

fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains('/') {
        return Err("expected a name such as etcd, without a path".to_owned());
    }
    Ok(text.to_owned())
}

fn unit(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains('/') {
        return Err("expected the name of a unit such as etcd or etcd.service".to_owned());
    }
    match type_without_cgroup(text) {
        Some(kind) => Err(format!("a {kind} has no processes: name the service that it starts")),
        None => Ok(text.to_owned()),
    }
}

fn cgroup(text: &str) -> Result<String, String> {
    if text.trim_matches(['.', ' ']).is_empty() {
        return Err("expected a path such as /system.slice/etcd.service".to_owned());
    }
    Ok(text.to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a duration such as 20s, 5m or 1h30m".to_owned();
    let parsed: jiff::SignedDuration = text.parse().map_err(|_no_duration| expected())?;
    match Duration::try_from(parsed) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(expected()),
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text)?;
    if interval < Duration::from_millis(100) {
        return Err("expected at least 100ms".to_owned());
    }
    Ok(interval)
}

/// Intervals are drawn from pieces of five seconds: fewer than four of them tell nothing about chance.
fn window(text: &str) -> Result<Duration, String> {
    let window = duration(text)?;
    if window < Duration::from_secs(20) {
        return Err("expected at least 20s".to_owned());
    }
    Ok(window)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_no_number| "expected seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// A file by name. `-` is stdin or stdout to most programs, and here a file of that name would be made or read.
fn file(text: &str) -> Result<PathBuf, String> {
    match text {
        "-" => Err("a recording is a file, not a stream; ./- is one of that name".to_owned()),
        text => Ok(text.into()),
    }
}

fn ring_size(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(bytes) if bytes.is_power_of_two() && (4096..=1 << 30).contains(&bytes) => Ok(bytes),
        _ => Err("expected a power of two from 4096 to 1073741824".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_are_as_people_write_them() {
        assert_eq!(duration("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        for bad in ["", "20", "-5s", "0s", "soon"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert!(interval("10ms").is_err());
    }

    #[test]
    fn selectors_keep_what_was_typed() {
        let cli = Cli::try_parse_from([
            "iocontend",
            "watch",
            "--pid-of",
            "etcd",
            "k3s",
            "--pid",
            "7",
            "--unit",
            "a",
            "--cgroup",
            "/b",
        ]);
        let Ok(Cli { command: Some(Command::Watch(args)), .. }) = cli else { panic!("not watch") };
        let typed: Vec<String> = args.selectors().iter().map(ToString::to_string).collect();
        assert_eq!(typed, ["--pid-of k3s", "--pid-of etcd", "--pid 7", "--cgroup /b", "--unit a"]);
        assert!(Cli::try_parse_from(["iocontend", "watch", "--pid", "0"]).is_err());
    }
}
