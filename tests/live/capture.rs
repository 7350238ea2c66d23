//! What is recorded gives the same report again; a recording that is cut off or finds no room does no harm.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use iocontend_core::ids::{Call, FileClass, Role};
use iocontend_core::report::{Note, Report};
use iocontend_tests::binary::path as program;
use iocontend_tests::etcd::Etcd;
use iocontend_tests::fio;
use iocontend_tests::janitor::{Left, will_leave};
use iocontend_tests::loopdev::Tmpfs;
use iocontend_tests::process::{self, until};
use iocontend_tests::watch::{Watch, actor, waits};
use iocontend_tests::writer::Writer;

const WRITER: &str = env!("CARGO_BIN_EXE_writer");

fn folder() -> Result<tempfile::TempDir> {
    Ok(tempfile::Builder::new().prefix("iocontend-").tempdir_in("/var/tmp")?)
}

fn report(file: &Path, more: &[&str]) -> Result<Output> {
    Ok(Command::new(program()?).args(["report", "--json"]).arg(file).args(more).output()?)
}

/// The report of a recording that is whole.
fn replayed(file: &Path, more: &[&str]) -> Result<Report> {
    let output = report(file, more)?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && stderr.is_empty(), "{}: {stderr}", output.status);
    Ok(Report::from_json(&output.stdout)?)
}

// Property: the report of a recording is the report of the watch that wrote it: coverage, devices, actors, waits, host,
// window; over some intervals, with etcd, its snapshot, short-lived processes and a busy writer beside it.
#[test]
#[ignore = "needs root"]
fn a_replay_gives_the_report_of_the_watch() -> Result<()> {
    let folder = folder()?;
    let file = folder.path().join("whole.iocap");
    let etcd = Etcd::start(folder.path())?;
    let args = ["--pid-of", "etcd", "--interval", "500ms", "--record"];
    let watch = Watch::start(&[&args[..], &[file.to_str().context("a path")?]].concat())?;
    let target = format!("directory={}", folder.path().display());
    let load = fio::start(&[&target, "rw=randwrite", "bs=4k", "size=8m", "direct=1", "fsync=4"])?;
    etcd.puts(100, 50, 1000)?;
    for _ in 0..20 {
        process::run("sync", &["-d", file.to_str().context("a path")?])?;
    }
    etcd.idle()?;
    drop(load);
    let live = watch.finish()?;
    let again = replayed(&file, &[])?;
    assert_eq!(again, live);
    assert!(live.actors.len() > 5 && live.coverage.events_seen > 500, "{:?}", live.coverage);
    assert!(waits(actor(&live, etcd.pid())?, Call::Fdatasync, Some(FileClass::Wal)) > 50);
    Ok(())
}

// Property: a recording without targets answers for any: the same devices and actors, other targets. An etcd's files
// are known in it, another process's are said not to be.
#[test]
#[ignore = "needs root"]
fn a_recording_answers_for_other_targets() -> Result<()> {
    let folder = folder()?;
    let file = folder.path().join("other.iocap");
    let etcd = Etcd::start(folder.path())?;
    let watch = Watch::start(&["--record", file.to_str().context("a path")?])?;
    let program = Writer::copy_as(WRITER.as_ref(), folder.path(), "iocontend-other")?;
    let mut other = Writer::start(&program, &[])?;
    other.order(&format!("open {}", folder.path().join("file").display()))?;
    other.order("fsync 20")?;
    etcd.puts(20, 50, 100)?;
    let live = watch.finish()?;

    let as_etcd = replayed(&file, &["--pid-of", "etcd"])?;
    assert_eq!((&as_etcd.devices, &as_etcd.actors), (&live.devices, &live.actors));
    assert_eq!(as_etcd.coverage, live.coverage);
    let as_other = replayed(&file, &["--pid-of", "iocontend-other"])?;
    let found = actor(&as_other, other.pid())?;
    assert!(as_other.is_target(&found.id));
    assert_eq!(waits(found, Call::Fsync, None), 20);
    let notes = &as_other.coverage.notes;
    assert!(notes.contains(&Note::NotTracked { pid: other.pid() }), "{notes:?}");
    assert_eq!(actor(&as_other, etcd.pid())?.role, Role::Etcd);
    Ok(())
}

// Property: after `kill -9` the recording holds everything up to a second or an interval before, and says `truncated`.
#[test]
#[ignore = "needs root"]
fn a_killed_recording_is_read_as_far_as_it_goes() -> Result<()> {
    let folder = folder()?;
    let file = folder.path().join("killed.iocap");
    let mut other = Writer::start(WRITER.as_ref(), &[])?;
    let pid = other.pid();
    let mut watch = Command::new(program()?)
        .args(["watch", "--interval", "500ms", "--pid", &pid.to_string(), "--record"])
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    will_leave(Left::Process(watch.id()))?;
    until("the recording begins", Duration::from_secs(60), || Ok(file.exists().then_some(())))?;
    other.order(&format!("open {}", folder.path().join("file").display()))?;
    // It counts from some moment on; what is synced after that has to be there.
    let synced = || -> Result<u64> {
        let output = report(&file, &[])?;
        let Ok(report) = Report::from_json(&output.stdout) else { return Ok(0) };
        Ok(actor(&report, pid).map_or(0, |actor| waits(actor, Call::Fsync, None)))
    };
    let seen = until("syncs are recorded", Duration::from_secs(60), || {
        other.order("fsync 5")?;
        let seen = synced()?;
        Ok((seen > 0).then_some(seen))
    })?;
    watch.kill()?;
    watch.wait()?;
    assert!(synced()? >= seen);
    let output = report(&file, &[])?;
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("truncated"), "{output:?}");
    Ok(())
}

// Property: no room for the recording ends the recording, not the watch: its report is whole and says so, the exit
// code is 1, and what was written can be read.
#[test]
#[ignore = "needs root"]
fn a_full_disk_ends_the_recording_only() -> Result<()> {
    let folder = folder()?;
    let small = Tmpfs::new(64 << 10)?;
    let file = small.path().join("full.iocap");
    // It may have to be built first, which takes longer than the load.
    let program = program()?;
    let mut load = fio::start(&[
        "rw=randread",
        "bs=4k",
        "size=64m",
        "direct=1",
        "time_based",
        "runtime=5",
        &format!("directory={}", folder.path().display()),
    ])?;
    let output = Command::new(program)
        .args(["watch", "--json", "--wait", "--pid-of", "fio", "--duration", "6s", "--record"])
        .arg(&file)
        .output()?;
    until("the load ends", Duration::from_secs(60), || Ok(load.has_ended()?.then_some(())))?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("recording stopped: No space left"), "{said}");
    let live = Report::from_json(&output.stdout)?;
    let stopped = |note: &Note| matches!(note, Note::RecordingStopped { .. });
    assert!(live.coverage.notes.iter().any(stopped), "{:?}", live.coverage.notes);
    assert!(live.window.duration_ns >= 6_000_000_000, "{:?}", live.window);
    let rest = report(&file, &[])?;
    assert!(String::from_utf8_lossy(&rest.stderr).contains("truncated"), "{rest:?}");
    Ok(())
}

// Property: a file at the size that the shell allows (`ulimit -f`, in blocks of 512 bytes, POSIX) ends the recording like a full disk, not the
// program: its report is whole and says so, the exit code is 1, and what was written can be read.
#[test]
#[ignore = "needs root"]
fn a_file_at_its_limit_ends_the_recording_only() -> Result<()> {
    let folder = folder()?;
    let file = folder.path().join("limited.iocap");
    let output = Command::new("sh")
        .args(["-c", "ulimit -f 4; exec \"$0\" \"$@\""])
        .arg(program()?)
        .args(["watch", "--json", "--pid", "1", "--duration", "2s", "--interval", "500ms"])
        .arg("--record")
        .arg(&file)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{}: {said}", output.status);
    assert!(said.contains("recording stopped: File too large"), "{said}");
    let live = Report::from_json(&output.stdout)?;
    assert!(live.coverage.notes.iter().any(|note| matches!(note, Note::RecordingStopped { .. })));
    assert!(live.window.duration_ns >= 2_000_000_000, "{:?}", live.window);
    assert_eq!(file.metadata()?.len(), 4 * 512);
    Ok(())
}

// Property: a recording goes over nothing but an older capture, which it replaces, and is its owner's alone; a FIFO does
// not hold the program. Refused at once, with exit code 1, and nothing is changed.
#[test]
#[ignore = "needs root"]
fn a_recording_replaces_nothing_but_captures() -> Result<()> {
    let folder = folder()?;
    let at = |name: &str| folder.path().join(name);
    let record = |file: &Path| -> Result<Output> {
        let args = ["watch", "--json", "--pid", "1", "--duration", "1s", "--record"];
        // A program that hangs is killed, and then has no exit code of its own.
        let output = Command::new("timeout")
            .args(["-s", "KILL", "30"])
            .arg(program()?)
            .args(args)
            .arg(file)
            .output()?;
        Ok(output)
    };
    std::fs::write(at("precious.txt"), "precious")?;
    std::os::unix::fs::symlink(at("elsewhere"), at("link"))?;
    process::run("mkfifo", &[at("fifo").to_str().context("a path")?])?;
    for (name, why) in [("precious.txt", "not a capture"), ("link", "link"), ("fifo", "FIFO")] {
        let output = record(&at(name))?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {}: {said}", output.status);
        assert!(said.contains(why) && output.stdout.is_empty(), "{name}: {said}");
    }
    assert_eq!(std::fs::read(at("precious.txt"))?, b"precious");
    assert!(!at("elsewhere").exists());
    let mut inodes = Vec::new();
    for _ in 0..2 {
        let output = record(&at("a.iocap"))?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let meta = at("a.iocap").metadata()?;
        assert_eq!(meta.mode() & 0o7777, 0o600);
        inodes.push(meta.ino());
        replayed(&at("a.iocap"), &[])?;
    }
    assert_ne!(inodes[0], inodes[1]);
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 4, "nothing temporary stays");
    Ok(())
}

// Property: a file that cannot be written is an error before anything is watched.
#[test]
#[ignore = "needs root"]
fn a_recording_that_cannot_begin_is_an_error() -> Result<()> {
    for (file, why) in [("/dev/full", "a device"), ("/no/such/folder/x", "cannot write to")] {
        let output = Command::new(program()?)
            .args(["watch", "--json", "--wait", "--duration", "1s", "--record", file])
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(why) && output.stdout.is_empty(), "{said}");
    }
    Ok(())
}
