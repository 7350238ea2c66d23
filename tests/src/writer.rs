//! A process whose system calls are known exactly: the helper program `writer` takes one order a line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::process;

/// A running helper program, ended when dropped.
pub struct Writer {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Writer {
    /// Starts a program file that is the helper program or a copy of it. It ignores its arguments.
    pub fn start(program: &Path, args: &[String]) -> Result<Self> {
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let orders = child.stdin.take().context("no stdin")?;
        let answers = BufReader::new(child.stdout.take().context("no stdout")?);
        Ok(Self { child, orders, answers })
    }

    /// Copies the helper program under another name.
    pub fn copy_as(program: &Path, folder: &Path, name: &str) -> Result<PathBuf> {
        let copy = folder.join(name);
        std::fs::copy(program, &copy)?;
        Ok(copy)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives one order and waits until it is done: `open PATH FLAG…`, `write BYTES TIMES`, `direct BYTES TIMES`,
    /// `direct-read BYTES TIMES`, `read`, `touch`, `fsync TIMES`, `fdatasync TIMES`, `msync TIMES`, `sync TIMES`,
    /// `syncfs TIMES`, `sync-file-range TIMES`, `rwf-sync TIMES`, `rwf-dsync TIMES`, `forget`,
    /// `write-mapped BYTES`, `only-fsync`, `only-syncfs`, `create FOLDER FIRST COUNT`,
    /// `churn FOLDER KEPT FILES PER_SECOND`.
    pub fn order(&mut self, order: &str) -> Result<()> {
        let answer = self.answer(order)?;
        ensure!(answer == "ok\n", "the helper program on `{order}`: {answer:?}");
        Ok(())
    }

    /// Gives an order that is answered by a number: `ping-pong CPU ROUNDS` (CPU time, ns), `spin CPU MILLISECONDS`
    /// (what the kernel says two threads waited for their CPU, ns).
    pub fn ask(&mut self, order: &str) -> Result<u64> {
        let answer = self.answer(order)?;
        let number = answer.strip_prefix("ok ").map(str::trim_end);
        let number =
            number.with_context(|| format!("the helper program on `{order}`: {answer:?}"))?;
        Ok(number.parse()?)
    }

    fn answer(&mut self, order: &str) -> Result<String> {
        writeln!(self.orders, "{order}")?;
        self.orders.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        process::kill(&mut self.child);
    }
}
