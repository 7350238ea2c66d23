//! The program under test: built once, started, known to be attached, ended, its report read and checked.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use iocontend_core::report::{Report, check_consistency};
use rustix::process::{Pid, Signal, kill_process};

use crate::process::wait_for;

/// Loading and attaching takes a second on a busy machine.
const ATTACH_LIMIT: Duration = Duration::from_secs(60);
/// So does the end.
const END_LIMIT: Duration = Duration::from_secs(60);
/// What it says when everything is attached and counting has begun.
const WATCHING: &str = "iocontend: watching";

/// The release binary, built if need be.
pub fn path() -> Result<&'static Path> {
    static PATH: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match PATH.get_or_init(|| build().map_err(|error| format!("{error:#}"))) {
        Ok(path) => Ok(path),
        Err(error) => bail!("cannot build iocontend: {error}"),
    }
}

fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "-p", "iocontend", "--bin", "iocontend"])
        .arg("--message-format=json")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "cargo: {}", output.status);
    let messages = String::from_utf8(output.stdout)?;
    let executable = |line: &str| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message["executable"].as_str()?))
    };
    messages.lines().find_map(executable).context("cargo named no executable")
}

/// A running `iocontend watch --json`.
pub struct Watch {
    child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Receiver<String>,
}

impl Watch {
    /// Starts it for processes named `fio`, present or not, and waits until it counts.
    pub fn fio(more: &[&str]) -> Result<Self> {
        let args = ["--pid-of", "fio", "--wait"];
        Self::start(&args.iter().chain(more).collect::<Vec<_>>())
    }

    /// Starts it and waits until it counts.
    pub fn start(args: &[impl AsRef<OsStr>]) -> Result<Self> {
        let mut child = Command::new(path()?)
            .args(["watch", "--json"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().map(read_all);
        let (lines, stderr) = channel();
        let pipe = child.stderr.take().context("no stderr")?;
        thread::spawn(move || {
            let lines_of_text = BufReader::new(pipe).lines();
            // Ends when the other side is gone, on either side.
            lines_of_text.map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        let watch = Self { child, stdout, stderr };
        watch.wait_until_attached()?;
        Ok(watch)
    }

    fn wait_until_attached(&self) -> Result<()> {
        let mut said = Vec::new();
        loop {
            match self.stderr.recv_timeout(ATTACH_LIMIT) {
                Ok(line) if line == WATCHING => return Ok(()),
                Ok(line) => said.push(line),
                Err(error) => bail!("iocontend is not watching ({error}): {}", said.join("\n")),
            }
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it; gives its report, whose sums agree.
    pub fn finish(mut self) -> Result<Report> {
        let pid = Pid::from_raw(i32::try_from(self.child.id())?).context("no pid")?;
        kill_process(pid, Signal::INT)?;
        let status = wait_for(&mut self.child, END_LIMIT)?;
        let reader = self.stdout.take().context("no stdout")?;
        let Ok(document) = reader.join() else { bail!("reading the report failed") };
        ensure!(status.success(), "iocontend: {status}");
        let report = Report::from_json(&document)?;
        consistent(&report)?;
        Ok(report)
    }
}

/// Fails with every sum of a report that does not hold.
pub fn consistent(report: &Report) -> Result<()> {
    let wrong = check_consistency(report);
    ensure!(wrong.is_empty(), "the report contradicts itself:\n{}", wrong.join("\n"));
    Ok(())
}

fn read_all(mut pipe: ChildStdout) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A broken pipe shows in the document.
        drop(pipe.read_to_end(&mut bytes));
        bytes
    })
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
