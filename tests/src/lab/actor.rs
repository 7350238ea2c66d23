//! Those beside etcd: real programs, each in a cgroup of its own, over and over until they are stopped. In the VM only.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::ground::{Ground, forget, write_file};
use super::result::ActorSeen;
use super::scenario::{Actor, Does, Rw};
use crate::cgroup::Cgroup;
use crate::process::{LOOK, until};

/// Starting fio takes a second, under emulation on a busy host half a minute.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How long the processes of an actor may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// What an actor needs to know of the others.
#[derive(Clone)]
pub struct Stage {
    /// etcd's address.
    pub endpoint: String,
    /// etcd's cgroup, whose pages are evicted.
    pub etcd: Arc<Cgroup>,
    /// The folder of the helper programs.
    pub programs: PathBuf,
}

/// Makes the files that an actor finds: written, on the disk, not cached but where it says so.
pub fn prepare(actor: &Actor, ground: &Ground) -> Result<()> {
    for folder in folders(actor, ground) {
        fs::create_dir_all(folder)?;
    }
    let file = folders(actor, ground).first().map(|folder| folder.join("file"));
    match (&actor.does, file) {
        (Does::Direct { mib, .. }, Some(file)) => write_file(&file, u64::from(*mib) << 20),
        (Does::CachedReader { mib, .. }, Some(file)) => {
            write_file(&file, u64::from(*mib) << 20)?;
            drop(fs::read(&file)?);
            Ok(())
        }
        (Does::Tar { files, file_kib, .. }, Some(file)) => (0..*files).try_for_each(|number| {
            write_file(&file.with_file_name(format!("{number:04}")), u64::from(*file_kib) << 10)
        }),
        _ => Ok(()),
    }
}

/// Its folder on each of its file systems.
fn folders(actor: &Actor, ground: &Ground) -> Vec<PathBuf> {
    let places = actor.does.places().into_iter();
    let name =
        |index: usize| if index == 0 { actor.name.clone() } else { format!("{}-out", actor.name) };
    places.enumerate().map(|(index, place)| ground.path(place).join(name(index))).collect()
}

/// Removes what it has written, so that what is dirty need not be written back.
fn clean(actor: &Actor, ground: &Ground) -> Result<()> {
    let written = match actor.does {
        Does::Snapshot { .. } | Does::Buffered { .. } | Does::AuditLog { .. } => 0,
        Does::Tar { .. } => 1,
        Does::Direct { .. } | Does::CpuHog {} | Does::CachedReader { .. } => return Ok(()),
    };
    for entry in folders(actor, ground).get(written).map(fs::read_dir).context("no folder")?? {
        fs::remove_file(entry?.path())?;
    }
    Ok(())
}

/// An actor at work.
pub struct Running {
    actor: Actor,
    cgroup: Arc<Cgroup>,
    stop: Arc<AtomicBool>,
    passes: Arc<AtomicU64>,
    since: Instant,
    /// Gone when it has been joined.
    thread: Option<JoinHandle<Result<()>>>,
}

/// Starts an actor whose files have been prepared.
pub fn start(actor: &Actor, ground: &Ground, stage: &Stage) -> Result<Running> {
    let cgroup = Arc::new(Cgroup::new(&format!("lab-{}", actor.name))?);
    let (stop, passes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let log = ground.memory().join(format!("{}.log", actor.name));
    let mut pass = pass(actor, ground, stage)?;
    let thread = {
        let (actor, cgroup) = (actor.clone(), Arc::clone(&cgroup));
        let (stop, passes) = (Arc::clone(&stop), Arc::clone(&passes));
        thread::spawn(move || {
            pause(Duration::from_secs(actor.delay_s.unwrap_or(0).into()), &stop);
            while !stop.load(Ordering::Relaxed) {
                let outcome = pass(&cgroup, &log);
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                outcome.with_context(|| format!("actor {}", actor.name))?;
                passes.fetch_add(1, Ordering::Relaxed);
                pause(pause_of(&actor.does), &stop);
            }
            Ok(())
        })
    };
    let (actor, since) = (actor.clone(), Instant::now());
    Ok(Running { actor, cgroup, stop, passes, since, thread: Some(thread) })
}

impl Running {
    /// The actor's name.
    pub fn name(&self) -> &str {
        &self.actor.name
    }

    /// Bytes that its cgroup has read and written.
    pub fn io(&self) -> Result<(u64, u64)> {
        self.cgroup.io()
    }

    /// Waits until it is at work: it has run, and where it is to use a disk all the time, it does so.
    pub fn at_work(&self) -> Result<()> {
        let what = format!("actor {} is at work", self.name());
        until(&what, START_LIMIT, || {
            let works = match self.actor.does {
                Does::Direct { .. } => self.cgroup.io()? != (0, 0),
                _ => !self.cgroup.cpu()?.is_zero(),
            };
            let ended = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
            // What it failed with is said when it is stopped.
            Ok((works || ended).then_some(()))
        })
    }

    /// Ends it and removes what it wrote; fails when it had not worked until then.
    pub fn stop(mut self, ground: &Ground) -> Result<ActorSeen> {
        self.end()?;
        let at_work_ms = u64::try_from(self.since.elapsed().as_millis()).ok();
        let (read_bytes, write_bytes) = self.cgroup.io()?;
        clean(&self.actor, ground)?;
        let passes = self.passes.load(Ordering::Relaxed);
        Ok(ActorSeen { passes, read_bytes, write_bytes, at_work_ms })
    }

    fn end(&mut self) -> Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        self.stop.store(true, Ordering::Relaxed);
        let end = Instant::now() + STOP_LIMIT;
        // A process may be started just after the first kill.
        while !thread.is_finished() {
            ensure!(Instant::now() < end, "actor {} does not end", self.actor.name);
            self.cgroup.kill()?;
            thread::sleep(LOOK);
        }
        thread.join().unwrap_or_else(|_| bail!("actor {} panicked", self.actor.name))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only after an error elsewhere, which is the one that is reported.
        drop(self.end());
    }
}

/// Sleeps unless it is stopped.
fn pause(time: Duration, stop: &AtomicBool) {
    let end = Instant::now() + time;
    while Instant::now() < end && !stop.load(Ordering::Relaxed) {
        thread::sleep(LOOK.min(end.saturating_duration_since(Instant::now())));
    }
}

fn pause_of(does: &Does) -> Duration {
    match does {
        Does::Snapshot { pause_s, .. } | Does::Buffered { pause_s, .. } => {
            Duration::from_secs((*pause_s).into())
        }
        Does::CachedReader { pause_ms, .. } => Duration::from_millis((*pause_ms).into()),
        _ => Duration::ZERO,
    }
}

type Pass = Box<dyn FnMut(&Cgroup, &Path) -> Result<()> + Send>;

/// What an actor does once; endless programs end only when they are killed.
fn pass(actor: &Actor, ground: &Ground, stage: &Stage) -> Result<Pass> {
    let folders = folders(actor, ground);
    let folder = folders.first().cloned().unwrap_or_default();
    let (program, words): (PathBuf, Vec<String>) = match &actor.does {
        Does::Snapshot { .. } => ("etcdctl".into(), snapshot(&stage.endpoint, &folder)),
        Does::Buffered { mib, direct_kib, pv_kib_per_s, .. } => {
            buffered(&folder, *mib, *direct_kib, *pv_kib_per_s)
        }
        Does::Direct { .. } => ("fio".into(), direct(actor, &folder)),
        Does::Tar { .. } => {
            let archive = folders.get(1).context("no folder for the archive")?.join("archive.tar");
            let words = ["-cf", &text(&archive), "-C", &text(&folder), "."];
            ("tar".into(), words.map(str::to_owned).to_vec())
        }
        Does::AuditLog { rate, line_bytes, rotate_mib, .. } => {
            let program = ground.memory().join("kube-apiserver");
            fs::copy(stage.programs.join("audit"), &program)?;
            let log = folder.join("audit.log");
            let words = vec![
                format!("--etcd-servers={}", stage.endpoint),
                format!("--audit-log-path={}", log.display()),
                format!("--audit-log-maxsize={rotate_mib}"),
                format!("--rate={rate}"),
                format!("--line-bytes={line_bytes}"),
            ];
            (program, words)
        }
        Does::CpuHog {} => ("sh".into(), ["-c", "while :; do :; done"].map(str::to_owned).to_vec()),
        Does::CachedReader { .. } => {
            let from = format!("if={}", folder.join("file").display());
            ("dd".into(), vec![from, "of=/dev/null".to_owned(), "bs=1M".to_owned()])
        }
    };
    let before = before(actor, folder, stage);
    let (program, words) = if actor.idle { idle(&program, words) } else { (program, words) };
    Ok(Box::new(move |cgroup, log| {
        before()?;
        run(cgroup.command(&program)?.env("ETCDCTL_API", "3").args(&words), log)
    }))
}

/// What has to be uncached before each pass.
fn before(actor: &Actor, folder: PathBuf, stage: &Stage) -> Box<dyn Fn() -> Result<()> + Send> {
    let etcd = Arc::clone(&stage.etcd);
    match actor.does {
        Does::Snapshot { evict_db: true, .. } => Box::new(move || etcd.reclaim()),
        Does::Tar { .. } => Box::new(move || {
            for entry in fs::read_dir(&folder)? {
                forget(&File::open(entry?.path())?)?;
            }
            Ok(())
        }),
        _ => Box::new(|| Ok(())),
    }
}

fn snapshot(endpoint: &str, folder: &Path) -> Vec<String> {
    let copy = text(&folder.join("copy.db"));
    vec![format!("--endpoints={endpoint}"), "snapshot".to_owned(), "save".to_owned(), copy]
}

/// Writes `$1` MiB to `$3` at `$2` KiB a second.
const THROUGH_PV: &str = "dd if=/dev/zero bs=1M count=\"$1\" status=none | pv -q -L \"$2k\" | \
                          dd of=\"$3\" bs=1M iflag=fullblock conv=fsync status=none";

fn buffered(
    folder: &Path,
    mib: u32,
    direct_kib: Option<u32>,
    pv_kib_per_s: Option<u32>,
) -> (PathBuf, Vec<String>) {
    let file = text(&folder.join("file"));
    if let Some(rate) = pv_kib_per_s {
        let words = ["-c", THROUGH_PV, "sh", &mib.to_string(), &rate.to_string(), &file];
        return ("sh".into(), words.map(str::to_owned).to_vec());
    }
    let kib = direct_kib.unwrap_or(1024);
    let count = format!("count={}", mib * 1024 / kib);
    let words =
        ["if=/dev/zero", &format!("of={file}"), &format!("bs={kib}k"), &count, "conv=fsync"];
    let mut words = words.map(str::to_owned).to_vec();
    words.extend(direct_kib.map(|_| "oflag=direct".to_owned()));
    ("dd".into(), words)
}

/// The same with the idle IO priority from its first request on.
fn idle(program: &Path, words: Vec<String>) -> (PathBuf, Vec<String>) {
    let before = ["-c".to_owned(), "3".to_owned(), text(program)];
    ("ionice".into(), before.into_iter().chain(words).collect())
}

fn direct(actor: &Actor, folder: &Path) -> Vec<String> {
    let Does::Direct { mib, rw, block, depth, random, rate_iops, .. } = &actor.does else {
        return Vec::new();
    };
    let rw = match rw {
        Rw::Read => "read",
        Rw::Write => "write",
    };
    let mut words = vec![
        format!("--name={}", actor.name),
        format!("--filename={}", folder.join("file").display()),
        format!("--rw={}{rw}", if *random { "rand" } else { "" }),
        format!("--size={mib}m"),
        format!("--bs={block}"),
        format!("--iodepth={depth}"),
        // Longer than any round.
        "--runtime=3600".to_owned(),
    ];
    words
        .extend(["--ioengine=libaio", "--direct=1", "--time_based", "--thread"].map(str::to_owned));
    words.extend(rate_iops.map(|rate| format!("--rate_iops={rate}")));
    words
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Runs a program to its end; a failure comes with what it said.
fn run(command: &mut Command, log: &Path) -> Result<()> {
    let file = File::create(log)?;
    let folder = log.parent().unwrap_or(Path::new("/"));
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .status()
        .with_context(|| format!("cannot run {program}"))?;
    ensure!(status.success(), "{program}: {status}: {}", fs::read_to_string(log)?.trim());
    Ok(())
}
