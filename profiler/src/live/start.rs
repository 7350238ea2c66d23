//! How a live session begins: permission, kernel facts, plan, attach, scan, count.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use iocontend_core::btf::Btf;
use iocontend_core::plan::{Facts, Formats, GapReason, Hook, NoFormats, Plan, PlanError, plan};
use iocontend_core::redact::CommandLines;
use iocontend_core::report::{Attached, CgroupVersion, HookKind, Host, Note, Tool};
use iocontend_core::schedule::{Schedules, Trouble};
use iocontend_core::selector::Selector;
use iocontend_core::session::{Input, Options};
use iocontend_core::text::{Lang, Problem, doctor as doctor_words, notes, periods};
use iocontend_wire::programs;
use iocontend_wire::tables::IO_RECORDS;

use super::etcds::Etcds;
use super::lookup::Lookup;
use super::loops::Loops;
use super::members::Members;
use super::reclaim::Reclaim;
use super::recorded::{self, Recorded};
use super::streams::StreamReader;
use super::{Live, now};
use crate::error::{Failure, tell, warn};
use crate::host::{self, HostRoot, WithFiles};
use crate::kernel::facts::{Ends, KernelPaths};
use crate::kernel::handover::hand_over;
use crate::kernel::permission;
use crate::kernel::probes::{ProbeError, ProbeOptions, Probes, large_blocks_apart};
use crate::limits;

/// Size of the event ring where nobody asks for another, bytes.
pub const RING_BYTES: u32 = 4 << 20;

/// Reading the host's schedules delays counting by no more: a thousand files take some 50 ms.
const SCHEDULES_LIMIT: Duration = Duration::from_secs(1);

/// What a live session is asked for.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whom to watch; empty: what is recognised as etcd.
    pub selectors: Vec<Selector>,
    /// Wait for targets that are not there.
    pub wait: bool,
    /// Let the kernel time the programs.
    pub bpf_stats: bool,
    /// Log messages of the programs.
    pub bpf_log: bool,
    /// Size of the event ring, bytes.
    pub ring_bytes: u32,
    /// Say nothing on stderr about targets.
    pub quiet: bool,
    /// Record into this file.
    pub record: Option<PathBuf>,
    /// Do not watch the targets' threads at the scheduler.
    pub no_thread_waits: bool,
    /// Waits in `sync` and its like of everybody.
    pub sync_calls: bool,
    /// Whether secrets are hidden in what is told, reported and recorded.
    pub command_lines: CommandLines,
}

pub(super) fn start(
    settings: &Settings,
    root: HostRoot,
    kernel: &KernelPaths,
) -> Result<Live, Failure> {
    permission::check()?;
    if let Some(file) = &settings.record {
        recorded::check(file)?;
    }
    let (schedules, probes) = thread::scope(|scope| {
        // All names of the kernel take as long as everything else that is asked first.
        let ends = thread::Builder::new().spawn_scoped(scope, || kernel.read_ends()).ok();
        // Where no thread can be had, or it failed, this one asks.
        let ends =
            || ends.and_then(|thread| thread.join().ok()).unwrap_or_else(|| kernel.read_ends());
        // Before anything is attached: nothing that users wrote may be waited for with probes in the kernel.
        let schedules = read_schedules();
        let probes = attach(settings, &root, kernel, ends)?;
        Ok::<_, Failure>((schedules, probes))
    })?;
    // Without them processes would not be found, and targets not be there.
    if !limits::has_spare_descriptors() {
        hand_over();
        std::mem::forget(probes);
        return Err(limits::few_descriptors());
    }
    let stats = if settings.bpf_stats {
        aya::sys::enable_stats(aya::sys::Stats::RunTime).ok()
    } else {
        None
    };
    let host = host::read_host(&root).ok();
    let options = Options {
        selectors: settings.selectors.clone(),
        tool: Tool { version: env!("CARGO_PKG_VERSION").to_owned(), bpf_object_sha256: None },
        host: host.as_ref().map(host_of_report).unwrap_or_default(),
        utc_offset_seconds: utc_offset(),
        command_lines: settings.command_lines,
        recorded_command_lines: None,
    };
    let mut live = Live {
        probes,
        session: Recorded::new(options, settings.record.is_some(), now())?,
        root,
        lookup: Lookup::default(),
        reader: StreamReader::default(),
        members: Members::default(),
        loops: Loops::default(),
        etcds: Etcds::default(),
        reclaim: Reclaim::default(),
        effects: VecDeque::new(),
        retiring: VecDeque::new(),
        known_devices: Vec::new(),
        completed_at_start: Vec::new(),
        quiet: settings.quiet,
        _stats: stats,
    };
    if let Some(host) = host {
        live.apply(Input::Devices(host.devices));
    }
    live.tell_what_is_attached();
    live.scan();
    live.apply(Input::Schedules(Box::new(schedules)));
    if !settings.wait && !live.has_targets() {
        let failure = live.no_target();
        // Whoever called ends now, and the kernel takes the probes out behind it. To do it here would keep the message for some seconds.
        hand_over();
        std::mem::forget(live);
        return Err(failure);
    }
    if let Some(file) = &settings.record {
        live.session.record_to(file)?;
    }
    live.look_for_loops();
    let sample = live.host_sample();
    let began = now();
    live.probes.count_since(began.mono_ns);
    live.session.apply(Input::Started(sample), began);
    live.completed_at_start = live.kernel_completed();
    live.ask_etcds();
    live.look_at_controls();
    Ok(live)
}

impl Live {
    /// Whom the selectors meant, and why nobody was it in the whole watch; nothing when somebody was.
    pub fn never_came(&self) -> Option<Failure> {
        if self.has_targets() {
            return None;
        }
        let absent = self.session.absent(|path| Some(host::cgroup_exists(&self.root, path)));
        Some(Failure::no_target(&Problem::NeverCame { absent: &absent }))
    }

    /// Whom the selectors meant, and why nobody is it.
    fn no_target(&self) -> Failure {
        let absent = self.session.absent(|path| Some(host::cgroup_exists(&self.root, path)));
        if absent.is_empty() {
            return Failure::no_target(&Problem::NoEtcd);
        }
        Failure::no_target(&Problem::TargetNotFound { absent: &absent })
    }

    /// Every process on the host, so that all have names.
    fn scan(&mut self) {
        let Ok(processes) = host::read_processes(&self.root, WithFiles::No) else { return };
        for facts in processes {
            self.apply(Input::Process(Box::new(facts)));
        }
    }

    fn tell_what_is_attached(&mut self) {
        let present = self.probes.attached.iter().map(|program| Attached {
            program: program.program.to_owned(),
            hook: program.hook.name(),
            kind: kind(program.hook.kind()),
            attached: true,
            reason: None,
        });
        let missing =
            self.probes.gaps.iter().filter(|gap| gap.reason != GapReason::NotNeeded).map(|gap| {
                Attached {
                    program: gap.program.to_owned(),
                    hook: gap.hook.name(),
                    kind: kind(gap.hook.kind()),
                    attached: false,
                    reason: Some(gap.reason.clone()),
                }
            });
        let attached = present.chain(missing).collect();
        let mut noted: Vec<Note> = self.probes.gaps.iter().filter_map(Note::not_attached).collect();
        let ends = Hook::Classic("syscalls", "sys_exit_fsync");
        if self.probes.attached.iter().any(|probe| probe.hook == ends) {
            noted.push(Note::SyscallHooks);
        }
        if permission::hides_processes() {
            noted.push(Note::ProcessesHidden);
        }
        let on_xfs =
            self.probes.attached.iter().any(|program| program.program == programs::XFS_SYNC_ENTER);
        if on_xfs && !self.probes.tells_o_sync {
            noted.push(Note::OsyncOnXfs);
        }
        let is_attached = |name| self.probes.attached.iter().any(|probe| probe.program == name);
        if is_attached(programs::SWITCH) {
            let everybody = is_attached(programs::SYNC_CALL_ENTER);
            self.apply(Input::Note(Note::SyncCalls { everybody }));
        }
        let bytes = self.probes.map_bytes;
        self.apply(Input::Attached(attached));
        self.apply(Input::MapBytes(bytes));
        for note in noted {
            tell(&notes::note(Lang::En, &note));
            self.apply(Input::Note(note));
        }
    }
}

/// The host's schedules, as far as they are read in time.
fn read_schedules() -> Schedules {
    let schedules = host::read_schedules(Path::new("/"), SCHEDULES_LIMIT);
    let late = schedules.problems.iter().find(|problem| problem.what == Trouble::Late);
    if let Some(problem) = late {
        tell(&periods::late(Lang::En, problem, SCHEDULES_LIMIT.as_millis()));
    }
    schedules
}

fn kind(name: &str) -> HookKind {
    if name == "tp_btf" { HookKind::TpBtf } else { HookKind::Tracepoint }
}

/// Loads and attaches what this kernel offers.
fn attach(
    settings: &Settings,
    root: &HostRoot,
    kernel: &KernelPaths,
    ends: impl FnOnce() -> Ends,
) -> Result<Probes, Failure> {
    large_blocks_apart();
    let path = kernel.btf.display().to_string();
    let no_btf = |error: String| Failure::not_here(&Problem::NoBtf { path: &path, error: &error });
    let bytes = kernel.read_btf().map_err(|error| no_btf(error.to_string()))?;
    // Gone before the object is loaded: it takes several times the memory of the bytes.
    let (plan, tracepoints) = {
        let btf = Btf::parse(&bytes).map_err(|error| no_btf(error.to_string()))?;
        let formats = kernel.read_formats();
        if let Err(why) = formats {
            let looked: Vec<String> =
                kernel.tracefs.iter().map(|path| path.display().to_string()).collect();
            let looked = &looked.join(" or ");
            warn(&match why {
                NoFormats::NotMounted => Problem::TracefsNotMounted { looked },
                NoFormats::NotPermitted => Problem::TracefsNotPermitted { looked },
            });
        }
        let plan = make_plan(&btf, formats.as_ref(), root, ends(), settings)
            .map_err(|error| unsupported(&error))?;
        let tracepoints = btf.of_tracepoints(plan.tracepoints());
        (plan, tracepoints)
    };
    drop(bytes);
    let options = ProbeOptions { ring_bytes: settings.ring_bytes, log: settings.bpf_log };
    Probes::attach(&plan, &tracepoints, options).map_err(|error| refused(&error))
}

/// What a session with these settings attaches here.
pub(crate) fn make_plan(
    btf: &Btf<'_>,
    formats: Result<&Formats, &NoFormats>,
    root: &HostRoot,
    ends: Ends,
    settings: &Settings,
) -> Result<Plan, PlanError> {
    let filesystems = host::mounted_block_filesystems(root);
    let facts = Facts {
        btf,
        formats: formats.map_err(|why| *why),
        dio_ends: ends.dio,
        xlog_end: ends.xlog,
        symbols_hidden: ends.are_hidden,
        cpus: host::read_cpus_possible(root).unwrap_or(1),
        filesystems: &filesystems,
        io_events: true,
        io_records: (settings.ring_bytes / 64).clamp(2, IO_RECORDS),
        thread_waits: !settings.no_thread_waits,
        sync_calls: settings.sync_calls,
        mapper_major: host::read_carrying_mapper(root),
        has_loops: !host::read_loops(root).is_empty(),
    };
    plan(&facts)
}

fn unsupported(error: &PlanError) -> Failure {
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    let missing = doctor_words::lack(Lang::En, &error.into());
    Failure::not_here(&Problem::Unsupported { missing: &missing, kernel: &kernel })
}

/// A refusal by the kernel: not permitted, or not supported.
fn refused(error: &ProbeError) -> Failure {
    if limits::is_for_lack_of_descriptors(error) {
        return limits::few_descriptors();
    }
    if error.is_permission() {
        let uid = rustix::process::geteuid().as_raw();
        return Failure::not_here(&Problem::NotPermitted { uid, missing: "" });
    }
    let text = format!("{:#}", anyhow::anyhow!(error.to_string()));
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let program = error.program().unwrap_or("object");
    Failure::not_here(&Problem::LoadFailed { program, error: &format!("{text}: {cause}") })
}

fn host_of_report(facts: &iocontend_core::facts::HostFacts) -> Host {
    use iocontend_core::facts::CgroupVersion as Found;
    Host {
        hostname: facts.hostname.clone(),
        kernel: facts.kernel_release.clone(),
        machine: Some(rustix::system::uname().machine().to_string_lossy().into_owned()),
        cpus: facts.cpus_possible,
        cgroup_version: facts.cgroup_version.map(|version| match version {
            Found::V1 => CgroupVersion::V1,
            Found::V2 => CgroupVersion::V2,
            Found::Hybrid => CgroupVersion::Hybrid,
        }),
        psi_io: None,
    }
}

/// Local time's distance from UTC now.
fn utc_offset() -> i32 {
    jiff::Zoned::now().offset().seconds()
}
