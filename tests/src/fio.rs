//! Runs fio and reads what it measured itself.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::janitor::{Left, will_leave};
use crate::process::{self, wait_for};

/// No job here takes longer.
const LIMIT: Duration = Duration::from_secs(300);

/// A running fio.
pub struct Fio {
    child: Child,
    output: tempfile::NamedTempFile,
}

/// What fio printed.
pub struct FioResult {
    json: Value,
}

/// fio's completion latency (submission to completion) of one direction, ns.
#[derive(Clone, Debug)]
pub struct Clat {
    /// Number of values.
    pub count: u64,
    /// Mean.
    pub mean_ns: f64,
    /// Percentiles.
    percentiles: Value,
}

impl Clat {
    /// A percentile that was asked for, as fio writes it (`99.000000`).
    pub fn percentile(&self, name: &str) -> Result<u64> {
        self.percentiles[name].as_u64().with_context(|| format!("fio has no percentile {name}"))
    }
}

/// A job: options as on fio's command line, without the dashes.
pub fn start(options: &[&str]) -> Result<Fio> {
    spawn(Command::new("fio"), Stdio::null(), options)
}

/// The same, that is a process already and begins when it is told to.
pub fn start_held(options: &[&str]) -> Result<Held> {
    let mut shell = Command::new("sh");
    shell.args(["-c", "read go && exec fio \"$@\"", "sh"]);
    Ok(Held(spawn(shell, Stdio::piped(), options)?))
}

fn spawn(mut program: Command, stdin: Stdio, options: &[&str]) -> Result<Fio> {
    let output = tempfile::NamedTempFile::new()?;
    let child = program
        .args(["--name=load", "--output-format=json", "--thread"])
        .arg(format!("--output={}", output.path().display()))
        .args(options.iter().map(|option| format!("--{option}")))
        // Its state files.
        .current_dir(std::env::temp_dir())
        .stdin(stdin)
        .stdout(Stdio::null())
        .spawn()
        .context("cannot run fio")?;
    let fio = Fio { child, output };
    will_leave(Left::Process(fio.pid()))?;
    Ok(fio)
}

/// Runs a job to its end.
pub fn run(options: &[&str]) -> Result<FioResult> {
    start(options)?.finish()
}

/// A job that has not begun.
pub struct Held(Fio);

impl Held {
    /// The process id that it has and keeps.
    pub fn pid(&self) -> u32 {
        self.0.pid()
    }

    /// Begins.
    pub fn go(mut self) -> Result<Fio> {
        let mut order = self.0.child.stdin.take().context("no stdin")?;
        order.write_all(b"go\n")?;
        Ok(self.0)
    }
}

impl Fio {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Result<FioResult> {
        let status = wait_for(&mut self.child, LIMIT)?;
        let text = std::fs::read_to_string(self.output.path())?;
        ensure!(status.success(), "fio: {status}: {text}");
        // Warnings may stand before the document.
        let begin = text.find('{').with_context(|| format!("fio printed no JSON: {text}"))?;
        Ok(FioResult { json: serde_json::from_str(&text[begin..])? })
    }
}

impl Drop for Fio {
    fn drop(&mut self) {
        process::kill(&mut self.child);
    }
}

impl FioResult {
    fn jobs(&self) -> impl Iterator<Item = &Value> {
        self.json["jobs"].as_array().into_iter().flatten()
    }

    /// Requests per second of all jobs, reads and writes.
    pub fn iops(&self) -> f64 {
        let of = |job: &Value| {
            job["read"]["iops"].as_f64().unwrap_or(0.0)
                + job["write"]["iops"].as_f64().unwrap_or(0.0)
        };
        self.jobs().map(of).sum()
    }

    /// Completion latency of `read` or `write`, of the only job.
    pub fn clat(&self, direction: &str) -> Result<Clat> {
        let clat = &self.jobs().next().context("fio had no job")?[direction]["clat_ns"];
        Ok(Clat {
            count: clat["N"].as_u64().context("no count")?,
            mean_ns: clat["mean"].as_f64().context("no mean")?,
            percentiles: clat["percentile"].clone(),
        })
    }
}
