//! `apply`, `undo` and `status` from outside: reports whose advice sets something, and runs on them.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use iocontend_core::change::Change;
use iocontend_core::report::{
    Action, Advice, AdviceId, Host, Report, Target, Tool, Verdict, Why, Window,
};
use rustix::process::{Pid, Signal, kill_process};

use crate::janitor::{Left, will_leave};

/// Loading the probes takes a second, under emulation some ten times as long.
const LIMIT: Duration = Duration::from_secs(120);

/// A report that recommends these changes, about these targets (selectors as they are shown), as JSON.
pub fn advice(changes: Vec<Change>, targets: &[&str]) -> Result<String> {
    let advice = Advice {
        id: AdviceId::Newer("test".to_owned()),
        action: Action::LimitsUnchanged,
        verdict: Verdict::Recommended,
        reason: Why::SingleMember,
        nothing_here_helps: false,
        culprit: None,
        expected: None,
        effect: None,
        risks: Vec::new(),
        changes,
        apply: Vec::new(),
        undo: Vec::new(),
        verify: None,
    };
    let mut report = Report::new(Tool::default(), Host::default(), Window::default());
    let target = |shown: &&str| Target { selector: (*shown).to_owned(), actors: Vec::new() };
    report.targets = targets.iter().map(target).collect();
    report.advice = Some(vec![advice]);
    Ok(serde_json::to_string(&report)?)
}

/// A file of a cgroup of version 2.
pub fn cgroup(cgroup: &str, file: &str, value: &str) -> Change {
    Change::Cgroup { cgroup: cgroup.to_owned(), file: file.to_owned(), value: value.to_owned() }
}

/// Guardians of leases in this folder, by their command lines.
pub fn guardians(state: &Path) -> Result<Vec<u32>> {
    processes(&["lease-guardian", &state.display().to_string()])
}

/// Kills them all: what they would still do in this folder is none of the next test's business.
pub fn end_guardians(state: &Path) -> Result<()> {
    loop {
        let all = guardians(state)?;
        if all.is_empty() {
            return Ok(());
        }
        // A stopped one starts no other.
        all.iter().try_for_each(|pid| send(*pid, Signal::STOP))?;
        all.iter().try_for_each(|pid| send(*pid, Signal::KILL))?;
    }
}

/// Processes with all these words in their command lines; of the words the others may be parts.
pub fn processes(words: &[&str]) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // One that ended meanwhile is none, and a killed one has no command line any more.
        let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else { continue };
        let line = String::from_utf8_lossy(&line).into_owned();
        if words.iter().all(|word| line.contains(word)) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// Sends a signal to a process that may have ended.
pub fn send(pid: u32, signal: Signal) -> Result<()> {
    let pid = Pid::from_raw(i32::try_from(pid)?).context("no pid")?;
    match kill_process(pid, signal) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        other => Ok(other?),
    }
}

/// Runs of one program with one folder of leases and one report.
pub struct Leases {
    program: PathBuf,
    report: PathBuf,
    /// The folder of leases.
    pub state: PathBuf,
}

/// How a run ended.
#[derive(Debug)]
pub struct Run {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it said on stderr.
    pub said: String,
}

impl Run {
    /// What a command left.
    pub fn of(output: Output) -> Result<Self> {
        Ok(Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout)?,
            said: String::from_utf8(output.stderr)?,
        })
    }

    /// Fails with everything that was said unless it ended with this code.
    pub fn ended(self, code: i32) -> Result<Self> {
        if self.code != Some(code) {
            bail!("expected exit code {code}: {self:?}");
        }
        Ok(self)
    }

    /// Fails unless it said this on stderr.
    pub fn said(self, words: &str) -> Result<Self> {
        if !self.said.contains(words) {
            bail!("did not say {words:?}: {self:?}");
        }
        Ok(self)
    }
}

impl Leases {
    /// In a folder of their own; nothing is advised yet.
    pub fn new(program: &Path, folder: &Path) -> Self {
        Self {
            program: program.to_owned(),
            report: folder.join("advice.json"),
            state: folder.join("state"),
        }
    }

    /// From now on these changes are recommended.
    pub fn advise(&self, changes: Vec<Change>, targets: &[&str]) -> Result<()> {
        Ok(fs::write(&self.report, advice(changes, targets)?)?)
    }

    /// A command: `apply` gets the report.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words);
        if words.first() == Some(&"apply") {
            command.arg(&self.report);
        }
        command.arg("--state-dir").arg(&self.state).stdin(Stdio::null());
        command
    }

    /// A run to its end.
    pub fn run(&self, words: &[&str]) -> Result<Run> {
        Run::of(self.command(words).output()?)
    }

    /// Changes what is advised, and does not stay.
    pub fn apply(&self) -> Result<()> {
        self.run(&["apply", "--yes", "--leave"])?.ended(0)?;
        Ok(())
    }

    /// A run that goes on; its lines on stderr can be waited for.
    pub fn start(&self, words: &[&str]) -> Result<Started> {
        let mut command = self.command(words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        will_leave(Left::Process(child.id()))?;
        let err = BufReader::new(child.stderr.take().context("no stderr")?);
        let (sender, lines) = channel();
        thread::spawn(move || {
            err.lines()
                .map_while(Result::ok)
                .take_while(|line| sender.send(line.clone()).is_ok())
                .count()
        });
        Ok(Started { child, lines, said: String::new() })
    }

    /// Ids of leases that are on record.
    pub fn ids(&self) -> Result<Vec<String>> {
        let entries = match fs::read_dir(&self.state) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let names: Vec<String> = names.collect::<Result<_>>()?;
        Ok(names.iter().filter_map(|name| name.strip_suffix(".json")).map(str::to_owned).collect())
    }
}

/// A run that goes on, killed when dropped.
pub struct Started {
    child: Child,
    lines: Receiver<String>,
    said: String,
}

impl Started {
    /// Waits for a line on stderr that contains these words.
    pub fn wait_for(&mut self, words: &str) -> Result<()> {
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) => {
                    self.said += &(line.clone() + "\n");
                    if line.contains(words) {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Timeout) => bail!("{words:?} not said: {}", self.said),
                Err(RecvTimeoutError::Disconnected) => bail!("ended: {}", self.said),
            }
        }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.child.id())?).context("no pid")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Kills it and its guardians as `kill -9` does, before one of them can act.
    pub fn kill_with_guardians(self, state: &Path) -> Result<()> {
        // A stopped one starts no other guardian.
        self.signal(Signal::STOP)?;
        end_guardians(state)?;
        self.kill()
    }

    /// Kills it as `kill -9` does.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Result<Run> {
        let mut out = String::new();
        self.child.stdout.take().context("no stdout")?.read_to_string(&mut out)?;
        let status = self.child.wait()?;
        self.lines.iter().for_each(|line| self.said += &(line + "\n"));
        Ok(Run { code: status.code(), out, said: std::mem::take(&mut self.said) })
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
