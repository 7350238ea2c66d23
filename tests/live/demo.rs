//! The demo on this kernel.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use iocontend_core::ids::{Call, FileClass, Op};
use iocontend_core::report::Report;
use iocontend_tests::binary;
use iocontend_tests::process::{until, wait_for};
use iocontend_tests::schema::violations;
use rustix::process::Signal;

use super::ground::{LIMIT, command, document, signal, stderr};

/// The demo's report names its victim and the waits on its WAL, fits the schema, and nothing is left behind.
#[test]
#[ignore = "needs root and this kernel"]
fn the_demo_shows_its_victims_waits_and_cleans_up() -> Result<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR"))?;
    let output = command(&["demo", "--duration", "6s", "-o", "json", "--dir"])?
        .arg(folder.path())
        .output()?;
    let report = document(&output)?;
    let schema: serde_json::Value =
        serde_json::from_slice(&command(&["schema"])?.output()?.stdout)?;
    let wrong = violations(&schema, &serde_json::from_slice(&output.stdout)?);
    assert!(wrong.is_empty(), "{wrong:?}");
    let [target] = &report.targets[..] else { panic!("{:?}", report.targets) };
    let victim = report.actors.iter().find(|actor| target.actors.contains(&actor.id));
    let waits = &victim.context("no victim")?.waits;
    let on_wal = waits
        .iter()
        .find(|wait| wait.call == Call::Fdatasync && wait.file_class == FileClass::Wal)
        .with_context(|| format!("no fdatasync on a WAL: {waits:?}"))?;
    // 50 a second; attaching takes a part of the six seconds, and a slow disk makes fewer.
    assert!(on_wal.latency.count >= 100, "{} calls", on_wal.latency.count);
    let copier = report.actors.iter().filter(|actor| !target.actors.contains(&actor.id));
    let read: u64 = copier
        .flat_map(|actor| &actor.io)
        .filter(|row| row.op == Op::Read)
        .map(|row| row.bytes)
        .sum();
    assert!(read >= 32 << 20, "{read} bytes read beside the victim");
    is_empty(folder.path())
}

/// A signal ends the demo at once, with a report and without remains.
#[test]
#[ignore = "needs root and this kernel"]
fn a_signal_ends_the_demo_at_once() -> Result<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR"))?;
    let report = tempfile::NamedTempFile::new()?;
    let mut child = command(&["demo", "--duration", "5m", "-o", "json", "--dir"])?
        .arg(folder.path())
        .stdout(report.reopen()?)
        .stderr(Stdio::null())
        .spawn()?;
    until("the demo's first record", LIMIT, || Ok(has_record(folder.path()).then_some(())))?;
    signal(&child, Signal::TERM)?;
    let status = wait_for(&mut child, Duration::from_secs(10));
    if status.is_err() {
        child.kill()?;
    }
    assert_eq!(status?.code(), Some(0));
    binary::consistent(&Report::from_json(&fs::read(report.path())?)?)?;
    is_empty(folder.path())
}

/// Whether the demo's victim wrote: its log is preallocated, so what is not zero is a record.
fn has_record(folder: &Path) -> bool {
    let inside = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let logs = inside(folder).flat_map(|data| inside(&data.path().join("member/wal")));
    logs.into_iter().any(|log| {
        let mut first = [0; 4096];
        let read = fs::File::open(log.path()).and_then(|mut file| file.read(&mut first));
        read.is_ok() && first != [0; 4096]
    })
}

fn is_empty(folder: &Path) -> Result<()> {
    let left: Vec<_> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

/// In memory no disk would be seen: refused before anything is written.
#[test]
#[ignore = "needs root and this kernel"]
fn the_demo_refuses_a_folder_in_memory() -> Result<()> {
    let folder = tempfile::tempdir_in("/dev/shm")?;
    let output = command(&["demo", "--dir"])?.arg(folder.path()).output()?;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("in memory") && said.contains("choose a directory"), "{said}");
    is_empty(folder.path())
}

/// A folder that is none is a mistake in the arguments.
#[test]
#[ignore = "needs root and this kernel"]
fn the_demo_refuses_what_is_no_folder() -> Result<()> {
    for path in ["/nonexistent/x", "/proc/version"] {
        let output = command(&["demo", "--dir", path])?.output()?;
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(path), "{}", stderr(&output));
    }
    Ok(())
}
