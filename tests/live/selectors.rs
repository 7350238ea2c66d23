//! Targets by cgroup, on a host whose cgroups are only read.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use iocontend_core::report::Report;
use iocontend_tests::binary;
use iocontend_tests::watch::{Watch, is_target};
use iocontend_tests::writer::Writer;

/// The helper program beside the tests.
const WRITER: &str = env!("CARGO_BIN_EXE_writer");

/// A cgroup that this test and so its children are in: controllers and path, below a root where there is such a one.
fn own_cgroup() -> Result<(String, String)> {
    let text = fs::read_to_string("/proc/self/cgroup")?;
    let mut all: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
        })
        .collect();
    all.sort_by_key(|(_, path)| path == "/");
    all.into_iter().next().context("no cgroup")
}

fn target_of(report: &Report, selector: &str) -> Result<usize> {
    let mut targets = report.targets.iter();
    let found = targets.find(|target| target.selector == selector);
    Ok(found.with_context(|| format!("{selector}: {:?}", report.targets))?.actors.len())
}

// Property: whoever is in a cgroup when the watch begins, or starts in it later, is a target of it, beside targets
// that are named otherwise; with and without the mount point, on version 1 and 2.
#[test]
#[ignore = "needs root and this kernel"]
fn processes_of_a_cgroup_are_targets_and_those_that_start_later_too() -> Result<()> {
    let (controllers, path) = own_cgroup()?;
    let folder = match controllers.as_str() {
        "" if Path::new("/sys/fs/cgroup/unified").is_dir() => "/unified".to_owned(),
        "" => String::new(),
        named => format!("/{}", named.trim_start_matches("name=")),
    };
    let mounted = format!("/sys/fs/cgroup{folder}{path}");
    let early = Writer::start(WRITER.as_ref(), &[])?;
    let args = ["--cgroup", path.as_str(), "--cgroup", mounted.as_str(), "--pid", "1"];
    let watch = Watch::start(&args)?;
    let late = Writer::start(WRITER.as_ref(), &[])?;
    // A copier that lives for a moment only.
    let short = Command::new("true").spawn()?;
    let pids = [early.pid(), late.pid(), short.id()];
    let output = short.wait_with_output()?;
    anyhow::ensure!(output.status.success());
    let report = watch.finish()?;
    for pid in pids {
        assert!(is_target(&report, pid), "process {pid} of {pids:?}: {:?}", report.targets);
    }
    let (plain, named) = (format!("--cgroup {path}"), format!("--cgroup {mounted}"));
    assert!(target_of(&report, &plain)? >= target_of(&report, &named)?);
    assert!(target_of(&report, &named)? >= pids.len());
    assert_eq!(target_of(&report, "--pid 1")?, 1);
    Ok(())
}

// Property: a cgroup or unit that holds nobody is exit code 4 with the reason and what to do; `--wait` waits for it.
#[test]
#[ignore = "needs root and this kernel"]
fn a_cgroup_or_unit_without_processes_is_said_with_the_reason() -> Result<()> {
    let run = |args: &[&str]| -> Result<(Option<i32>, String)> {
        let output = Command::new(binary::path()?).arg("watch").args(args).output()?;
        assert!(output.stdout.is_empty());
        Ok((output.status.code(), String::from_utf8(output.stderr)?))
    };
    let (code, said) = run(&["--cgroup", "/no/such/cgroup", "--unit", "no-such-unit"])?;
    assert_eq!(code, Some(4), "{said}");
    for part in [
        "target not found: --cgroup /no/such/cgroup (there is no such cgroup)",
        "--unit no-such-unit (no process is in such a unit)",
        "--wait",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let watch = Watch::start(&["--wait", "--cgroup", "/no/such/cgroup"])?;
    assert_eq!(target_of(&watch.finish_without_target()?, "--cgroup /no/such/cgroup")?, 0);
    let (_, path) = own_cgroup()?;
    if path != "/" {
        let (code, said) = run(&["--cgroup", &format!("{path}x")])?;
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains(&format!("near it: --cgroup {path}")), "{said}");
    }
    Ok(())
}
