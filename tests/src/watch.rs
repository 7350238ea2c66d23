//! The program under test on the host or inside the VM: started, known to count, what it says on stderr, its report.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use iocontend_core::ids::{Call, FileClass, Op, Role};
use iocontend_core::report::{Actor, Lat, Report};
use rustix::process::{Pid, Signal, kill_process};

use crate::binary;
use crate::janitor::{Left, will_leave};
use crate::process::{self, until, wait_for};

/// Loading takes a second, under emulation some ten times as long.
const ATTACH_LIMIT: Duration = Duration::from_secs(120);
/// So does the end.
const END_LIMIT: Duration = Duration::from_secs(120);
/// Its exit code where nobody came whom it waited for.
const NO_TARGET: i32 = 4;
/// What it says when everything is attached and counting has begun.
const WATCHING: &str = "iocontend: watching";

/// A running `iocontend watch`.
pub struct Watch {
    child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Watch {
    /// Starts it for processes named `fio`, present or not, and waits until it counts.
    pub fn fio(more: &[&str]) -> Result<Self> {
        let args = ["--pid-of", "fio", "--wait"];
        Self::start(&args.iter().chain(more).collect::<Vec<_>>())
    }

    /// Starts it, for one document at the end, and waits until it counts.
    pub fn start(args: &[impl AsRef<OsStr>]) -> Result<Self> {
        Self::spawn(Command::new(binary::path()?), "json", args)
    }

    /// Starts it, for one document per line and interval, and waits until it counts.
    pub fn start_lines(args: &[impl AsRef<OsStr>]) -> Result<Self> {
        Self::spawn(Command::new(binary::path()?), "jsonl", args)
    }

    /// The same with an output and a command that is the program, prepared by the caller.
    pub fn spawn(mut command: Command, format: &str, args: &[impl AsRef<OsStr>]) -> Result<Self> {
        let mut child = command
            .args(["watch", "-o", format])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        will_leave(Left::Process(child.id()))?;
        let mut out = child.stdout.take().context("no stdout")?;
        let err = child.stderr.take().context("no stderr")?;
        let stdout = thread::spawn(move || {
            let mut bytes = Vec::new();
            // A broken pipe shows in the document.
            drop(out.read_to_end(&mut bytes));
            bytes
        });
        let said = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&said);
        thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        let mut watch = Self { child, stdout: Some(stdout), said };
        watch.wait_until_watching()?;
        Ok(watch)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait_until_watching(&mut self) -> Result<()> {
        until("the program counts", ATTACH_LIMIT, || {
            if self.said().iter().any(|line| line == WATCHING) {
                return Ok(Some(()));
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("iocontend: {status}: {}", self.said().join("\n"));
            }
            Ok(None)
        })
    }

    /// The lines on stderr so far.
    pub fn said(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a line on stderr contains some words.
    pub fn wait_for_words(&self, words: &str) -> Result<()> {
        until(words, END_LIMIT, || {
            Ok(self.said().iter().any(|line| line.contains(words)).then_some(()))
        })
    }

    /// Ends it as Ctrl-C does; gives its report, whose sums agree.
    pub fn finish(self) -> Result<Report> {
        checked(&self.end()?)
    }

    /// Ends it as Ctrl-C does, and expects that it says that nobody came whom it waited for; gives its report.
    pub fn finish_without_target(self) -> Result<Report> {
        checked(&self.end_with(NO_TARGET)?)
    }

    /// Ends it as Ctrl-C does; gives its lines, each with sums that agree.
    pub fn finish_lines(self) -> Result<Vec<Report>> {
        let bytes = self.end()?;
        bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(checked).collect()
    }

    /// Ends it as Ctrl-C does; gives what it wrote.
    fn end(self) -> Result<Vec<u8>> {
        self.end_with(0)
    }

    fn end_with(mut self, code: i32) -> Result<Vec<u8>> {
        let pid = Pid::from_raw(i32::try_from(self.child.id())?).context("no pid")?;
        kill_process(pid, Signal::INT)?;
        let status = wait_for(&mut self.child, END_LIMIT)?;
        let reader = self.stdout.take().context("no stdout")?;
        let Ok(written) = reader.join() else { bail!("reading the report failed") };
        ensure!(status.code() == Some(code), "iocontend: {status}: {}", self.said().join("\n"));
        Ok(written)
    }
}

/// A report whose sums agree.
fn checked(document: &[u8]) -> Result<Report> {
    let report = Report::from_json(document)?;
    binary::consistent(&report)?;
    Ok(report)
}

impl Drop for Watch {
    fn drop(&mut self) {
        process::kill(&mut self.child);
    }
}

/// The actor with this process id; the newest when the id was used twice.
pub fn actor(report: &Report, pid: u32) -> Result<&Actor> {
    let found = report.actors.iter().filter(|actor| actor.pid == Some(pid));
    found.max_by_key(|actor| actor.start_ns).with_context(|| format!("process {pid} is not there"))
}

/// The actor with this process id, which must have this role.
pub fn actor_as(report: &Report, pid: u32, role: Role) -> Result<&Actor> {
    let found = actor(report, pid)?;
    ensure!(found.role == role, "process {pid}, expected {role:?}: {found:?}");
    Ok(found)
}

/// How often an actor waited in a call on files of a class; all classes when none is given.
pub fn waits(actor: &Actor, call: Call, class: Option<FileClass>) -> u64 {
    let rows = actor.waits.iter().filter(|wait| wait.call == call);
    rows.filter(|wait| class.is_none_or(|class| wait.file_class == class))
        .map(|wait| wait.latency.count)
        .sum()
}

/// How long an actor waited in a call on files of a class.
pub fn latency(actor: &Actor, call: Call, class: FileClass) -> Result<&Lat> {
    let mut rows = actor.waits.iter().filter(|w| w.call == call && w.file_class == class);
    let row =
        rows.next().with_context(|| format!("no {call:?} on {class:?}: {:?}", actor.waits))?;
    Ok(&row.latency)
}

/// Bytes of an actor's IO of one kind, by class; all classes when none is given.
pub fn bytes(actor: &Actor, op: Op, class: Option<FileClass>) -> u64 {
    let rows = actor.io.iter().filter(|row| row.op == op);
    rows.filter(|row| class.is_none_or(|class| row.file_class == class)).map(|row| row.bytes).sum()
}

/// Whether a report's targets hold this process.
pub fn is_target(report: &Report, pid: u32) -> bool {
    let ids = report.actors.iter().filter(|actor| actor.pid == Some(pid)).map(|actor| &actor.id);
    ids.into_iter().any(|id| report.is_target(id))
}

/// Who wrote what, for messages.
pub fn writes(report: &Report) -> String {
    let of_actor = |actor: &Actor| {
        let name = actor.comm.clone().unwrap_or_else(|| actor.id.clone());
        let rows = actor.io.clone().into_iter().filter(|row| row.op == Op::Write);
        rows.map(move |row| (name.clone(), row.file_class, row.method, row.count, row.bytes))
            .collect::<Vec<_>>()
    };
    let rows: Vec<_> = report.actors.iter().flat_map(of_actor).collect();
    format!("{rows:#?}")
}
