//! Any kernel at all: either everything works, or the refusal is one and clear.
//!
//! Run on kernels far from those that are tested wholly, by `cargo xtask ci --full`.

use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use iocontend_core::report::Report;
use iocontend_tests::binary;

/// Not permitted or not supported here (README, exit codes).
const NOT_HERE: i32 = 3;

fn run(words: &[&str]) -> Result<Output> {
    Ok(Command::new(binary::path()?).args(words).output()?)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The last two lines that were said.
fn refusal(output: &Output) -> String {
    let said = said(output);
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(2)..].join("\n")
}

fn code(output: &Output) -> Result<i32> {
    output.status.code().with_context(|| format!("{}: {}", output.status, said(output)))
}

/// Property: `watch`, `demo` and `doctor` agree whether this kernel can be watched; where it can, the demo's waits are in its
/// report; where it cannot, one line says what is missing, with the exit code for that.
#[test]
#[ignore = "needs the VM: cargo xtask vm"]
fn vm_smoke_it_watches_or_says_why_not() -> Result<()> {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let folder = super::folder();
    let folder = folder.path().display().to_string();
    let doctor = run(&["doctor", "-o", "json"])?;
    ensure!(!said(&doctor).contains("panicked"), "{}", said(&doctor));
    let watch = run(&["watch", "--pid", "1", "--duration", "2s", "--json"])?;
    let demo = run(&["demo", "--duration", "8s", "-o", "json", "--dir", &folder])?;
    ensure!(code(&demo)? == code(&watch)?, "demo: {}\nwatch: {}", said(&demo), said(&watch));
    if code(&watch)? == NOT_HERE {
        ensure!(watch.stdout.is_empty() && demo.stdout.is_empty(), "a report beside a refusal");
        // Both end in the same two lines: what is missing, and what to do.
        ensure!(refusal(&watch) == refusal(&demo), "{}\n{}", said(&watch), said(&demo));
        let words = refusal(&watch);
        ensure!(words.contains(&release) && words.contains("\n  "), "{words}");
        ensure!(code(&doctor)? != 0, "the doctor has nothing to say on {release}");
        println!("{release}: refused: {words}");
        return Ok(());
    }
    ensure!(code(&watch)? == 0, "{}", said(&watch));
    let report = Report::from_json(&demo.stdout)?;
    binary::consistent(&report)?;
    let waits: u64 =
        report.actors.iter().flat_map(|actor| &actor.waits).map(|wait| wait.latency.count).sum();
    ensure!(waits > 0, "the demo's waits are not in its report: {}", said(&demo));
    let missing: Vec<_> = report.coverage.attached.iter().filter(|hook| !hook.attached).collect();
    println!("{release}: attached, {waits} waits; not attached: {missing:?}");
    Ok(())
}
