//! Bad ground: kernels that show less, targets that are not there or leave, signals, nobody reading, several at once.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use iocontend_core::doctor::{Ability, Doctor};
use iocontend_core::ids::Op;
use iocontend_core::plan::{GapReason, Loses, NoFormats, SyncFs};
use iocontend_core::report::{
    self, Conclusion, Note, Reason, Report, VictimState, check_consistency,
};
use iocontend_tests::binary;
use iocontend_tests::janitor::{Left, will_leave};
use iocontend_tests::loopdev::{Mounted, RamDisk};
use iocontend_tests::process::{run, until, wait_for};
use iocontend_tests::tracefs::BlockTrace;
use iocontend_tests::watch::Watch;
use iocontend_tests::writer::Writer;
use iocontend_wire::programs;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

/// The helper program.
const WRITER: &str = env!("CARGO_BIN_EXE_writer");
/// Longest a run here may take beyond its duration.
pub(super) const LIMIT: Duration = Duration::from_secs(60);
/// From a signal to the report.
const REPORT_WITHIN: Duration = Duration::from_millis(500);
/// From a signal to the end: nobody waits for the kernel's grace periods, some 35 of up to 80 ms each.
const END_WITHIN: Duration = Duration::from_secs(1);
/// Bytes in a pipe that another line finds no room in: it has 64 KiB, in pages.
const FULL: u64 = 48 << 10;
/// From the start of the program to the moment at which everything counts.
const ATTACH_WITHIN: Duration = Duration::from_millis(500);

/// The program with these arguments; nothing is inherited from the caller's settings of ours.
pub(super) fn command(args: &[&str]) -> Result<Command> {
    let mut command = Command::new(binary::path()?);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("IOCONTEND_BTF").env_remove("IOCONTEND_TRACEFS");
    Ok(command)
}

pub(super) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A document whose sums agree, after a good end.
pub(super) fn document(output: &Output) -> Result<Report> {
    ensure!(output.status.code() == Some(0), "{}: {}", output.status, stderr(output));
    ensure!(!stderr(output).contains("panicked"), "{}", stderr(output));
    let report = Report::from_json(&output.stdout)?;
    binary::consistent(&report)?;
    Ok(report)
}

pub(super) fn signal(child: &Child, signal: Signal) -> Result<()> {
    let pid = Pid::from_raw(i32::try_from(child.id())?).context("no pid")?;
    Ok(kill_process(pid, signal)?)
}

/// A process that does nothing, ended and reaped on drop.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Result<Self> {
        Ok(Self(Command::new("sleep").arg("600").spawn()?))
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A running watch of a process, attached.
struct Attached {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    /// From start to attached.
    took: Duration,
}

impl Attached {
    fn start(args: &[&str]) -> Result<Self> {
        let begin = Instant::now();
        let mut child = command(args)?.spawn()?;
        will_leave(Left::Process(child.id()))?;
        let mut stderr = BufReader::new(child.stderr.take().context("no stderr")?);
        let mut line = String::new();
        while stderr.read_line(&mut line)? > 0 {
            if line.trim_end() == "iocontend: watching" {
                return Ok(Self { child, stderr, took: begin.elapsed() });
            }
            line.clear();
        }
        let status = wait_for(&mut child, LIMIT)?;
        anyhow::bail!("it never said that it is watching: {status}")
    }

    /// Waits until something stands on stdout, and leaves it there; gives how long that took.
    fn says_something(&self) -> Result<Duration> {
        let begin = Instant::now();
        let stdout = self.child.stdout.as_ref().context("no stdout")?;
        let limit = Timespec { tv_sec: LIMIT.as_secs().try_into()?, tv_nsec: 0 };
        let ready = poll(&mut [PollFd::new(stdout, PollFlags::IN)], Some(&limit))?;
        ensure!(ready == 1, "nothing on stdout within {LIMIT:?}");
        Ok(begin.elapsed())
    }

    /// Waits until a line on stderr has these words.
    fn says(&mut self, words: &str) -> Result<()> {
        let limit = Timespec { tv_sec: LIMIT.as_secs().try_into()?, tv_nsec: 0 };
        let mut line = String::new();
        while !line.contains(words) {
            if self.stderr.buffer().is_empty() {
                let from = PollFd::new(self.stderr.get_ref(), PollFlags::IN);
                ensure!(poll(&mut [from], Some(&limit))? == 1, "not within {LIMIT:?}: {words}");
            }
            line.clear();
            ensure!(self.stderr.read_line(&mut line)? > 0, "it ended and never said: {words}");
        }
        Ok(())
    }

    /// The end: what came on stdout, and what more was said.
    fn end(mut self) -> Result<(Option<i32>, Vec<u8>, String)> {
        let mut out = Vec::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_end(&mut out)?;
        }
        let mut said = String::new();
        self.stderr.read_to_string(&mut said)?;
        Ok((wait_for(&mut self.child, LIMIT)?.code(), out, said))
    }

    fn report(self) -> Result<Report> {
        let (code, out, said) = self.end()?;
        ensure!(code == Some(0), "{code:?}: {said}");
        let report = Report::from_json(&out)?;
        binary::consistent(&report)?;
        Ok(report)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Without type information nothing can be read safely: refused, with the place and the remedy.
#[test]
#[ignore = "needs root and this kernel"]
fn without_btf_it_refuses_and_says_why() -> Result<()> {
    let output =
        command(&["watch", "--pid", "1"])?.env("IOCONTEND_BTF", "/nonexistent").output()?;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("/nonexistent") && said.contains("CONFIG_DEBUG_INFO_BTF"), "{said}");
    assert!(output.stdout.is_empty());
    Ok(())
}

/// The same for a file that is no type information.
#[test]
#[ignore = "needs root and this kernel"]
fn broken_btf_is_refused_too() -> Result<()> {
    for path in ["/proc/version", "/dev/null"] {
        let output = command(&["watch", "--pid", "1"])?.env("IOCONTEND_BTF", path).output()?;
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(path) && !said.contains("panicked"), "{said}");
    }
    Ok(())
}

/// Without tracefs there are no waits; block IO is measured all the same, and what is lost is said.
#[test]
#[ignore = "needs root and this kernel"]
fn without_tracefs_it_works_and_says_what_is_lost() -> Result<()> {
    let sleeper = Sleeper::start()?;
    let args = ["watch", "--json", "--duration", "1s", "--pid", &sleeper.pid()];
    let output = command(&args)?.env("IOCONTEND_TRACEFS", "/nonexistent").output()?;
    let report = document(&output)?;
    let said = stderr(&output);
    assert!(said.contains("/nonexistent") && said.contains("mount -t tracefs"), "{said}");
    let notes = &report.coverage.notes;
    let no_ext4 = Loses::SyncWaits { filesystem: SyncFs::Ext4 };
    let lost = |note: &Note| matches!(note, Note::NotAttached { loses, .. } if *loses == no_ext4);
    assert!(notes.iter().any(lost), "{notes:?}");
    let missing = report.coverage.attached.iter().filter(|hook| !hook.attached);
    assert!(missing.clone().count() > 0);
    for hook in missing {
        assert!(hook.reason.is_some(), "{hook:?}");
    }
    Ok(())
}

/// Without tracefs an etcd's syncs on ext4 are only seen as sleeps: the verdict is that it cannot be told, and why.
#[test]
#[ignore = "needs root and this kernel, and ext4 below /var/tmp"]
fn without_tracefs_syncs_are_not_judged() -> Result<()> {
    let folder = tempfile::tempdir_in("/var/tmp")?;
    let wal = folder.path().join("data/member/wal");
    fs::create_dir_all(&wal)?;
    let program = Writer::copy_as(WRITER.as_ref(), folder.path(), "etcd")?;
    let data = format!("--data-dir={}", folder.path().join("data").display());
    let mut etcd = Writer::start(&program, &[data])?;
    etcd.order(&format!("open {}", wal.join("0.wal").display()))?;
    // In mounts of its own, so that it is the machine that has no tracefs, and not a path that is told.
    let script = "umount -a -l -t tracefs,debugfs; exec \"$0\" \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", script]);
    command.arg(binary::path()?);
    let watch = Watch::spawn(command, "json", &["--pid", &etcd.pid().to_string()])?;
    for _ in 0..200 {
        etcd.order("write 4096 1")?;
        etcd.order("fdatasync 1")?;
    }
    let verdict = watch.finish()?.verdict.context("no verdict")?;
    println!("{verdict:?}");
    assert_eq!(verdict.answer, VictimState::CannotTell);
    let not_mounted = GapReason::NoTracefs { why: NoFormats::NotMounted };
    let is_it = |reason: &Reason| matches!(reason, Reason::SyncsNotTimed { filesystem: SyncFs::Ext4, why: Some(why), .. } if *why == not_mounted);
    assert!(matches!(&verdict.conclusion, Conclusion::Missing { reason } if is_it(reason)));
    Ok(())
}

/// No such target: exit code 4, with what was asked for.
#[test]
#[ignore = "needs root and this kernel"]
fn a_target_that_is_not_there_ends_with_4() -> Result<()> {
    // The largest process id there can be; pid_max is far below it on most hosts.
    for target in [["--pid-of", "no-such-process-name"], ["--pid", "4194303"]] {
        let output = command(&["watch", "--json", target[0], target[1]])?.output()?;
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(said.contains(target[1]) && said.contains("--wait"), "{said}");
        assert!(output.stdout.is_empty());
    }
    Ok(())
}

/// With `--wait`, a target that never came in the whole watch is not found either: exit code 4, with the report of what
/// was seen. The time counts from the moment everything is attached, the waiting with it.
#[test]
#[ignore = "needs root and this kernel"]
fn a_target_that_never_comes_ends_with_4() -> Result<()> {
    let args = ["watch", "--json", "--wait", "--duration", "1s", "--pid-of"];
    let output = command(&[&args[..], &["no-such-process-name"]].concat())?.output()?;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("no-such-process-name") && !said.contains("add --wait"), "{said}");
    let report = Report::from_json(&output.stdout)?;
    assert!(report.window.duration_ns >= 1_000_000_000, "{:?}", report.window);
    // The same at Ctrl-C.
    let watch =
        Attached::start(&["watch", "--json", "--wait", "--pid-of", "no-such-process-name"])?;
    signal(&watch.child, Signal::INT)?;
    let (code, _, said) = watch.end()?;
    assert_eq!(code, Some(4), "{said}");
    Ok(())
}

/// The program under a limit of the shell.
fn limited(limit: &str, args: &[&str]) -> Result<Output> {
    let script = format!("ulimit {limit} || exit 99; exec \"$0\" \"$@\"");
    Ok(Command::new("sh").args(["-c", &script]).arg(binary::path()?).args(args).output()?)
}

/// A low limit of open files is raised as far as permitted; where that is not enough, it is what is said, and not that
/// processes or tracepoints are not there.
#[test]
#[ignore = "needs root and this kernel"]
fn a_low_limit_of_open_files_is_raised_or_said() -> Result<()> {
    let sleeper = Sleeper::start()?;
    let args = ["watch", "--json", "--duration", "1s", "--pid", &sleeper.pid()];
    document(&limited("-S -n 64", &args)?)?;
    for hard in ["-n 64", "-n 40"] {
        let output = limited(hard, &args)?;
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("open files") && said.contains("ulimit -Hn"), "{said}");
        assert!(!said.contains("target not found") && output.stdout.is_empty(), "{said}");
        let output = limited(hard, &["doctor", "-o", "json"])?;
        let doctor: Doctor = serde_json::from_slice(&output.stdout)?;
        assert_eq!((output.status.code(), doctor.ability), (Some(3), Ability::None));
        assert_eq!(doctor.problems[0].trouble.id(), "few-descriptors");
        assert!(doctor.problems.iter().all(|problem| problem.trouble.id() != "hook-missing"));
    }
    Ok(())
}

/// In mounts of its own without tracefs, root lacks a mount and not a right: the doctor says that.
#[test]
#[ignore = "needs root and this kernel"]
fn tracefs_that_is_not_mounted_here_is_not_called_unreadable() -> Result<()> {
    let script = "umount -a -l -t tracefs,debugfs; exec \"$0\" doctor -o json";
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", script])
        .arg(binary::path()?)
        .env_remove("IOCONTEND_TRACEFS")
        .output()?;
    let doctor: Doctor = serde_json::from_slice(&output.stdout).with_context(|| stderr(&output))?;
    let ids: Vec<&str> = doctor.problems.iter().map(|problem| problem.trouble.id()).collect();
    assert!(ids.contains(&"no-tracefs") && !ids.contains(&"tracefs-unreadable"), "{ids:?}");
    assert!(doctor.tracefs.mounted_at.is_empty() && !doctor.tracefs.readable);
    assert!(!doctor.tracefs.on_host_at.is_empty(), "{:?}", doctor.tracefs);
    Ok(())
}

/// With `--wait` it watches until the target comes.
#[test]
#[ignore = "needs root and this kernel"]
fn with_wait_a_target_may_come_later() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("late-comer");
    fs::copy("/bin/sleep", &program)?;
    let mut watch = Attached::start(&["watch", "--json", "--wait", "--pid-of", "late-comer"])?;
    let mut late = Command::new(&program).arg("0.3").spawn()?;
    let pid = late.id();
    wait_for(&mut late, LIMIT)?;
    watch.says("target exited: --pid-of late-comer")?;
    signal(&watch.child, Signal::INT)?;
    let report = watch.report()?;
    let [target] = &report.targets[..] else { panic!("{:?}", report.targets) };
    let [actor] = &target.actors[..] else { panic!("{target:?}") };
    let actor =
        report.actors.iter().find(|one| one.id == *actor).context("not among the actors")?;
    assert_eq!((actor.pid, actor.exited), (Some(pid), true));
    assert_eq!(actor.comm.as_deref(), Some("late-comer"));
    Ok(())
}

/// A target that ends does not end the watch: it goes on to its duration, and says so.
#[test]
#[ignore = "needs root and this kernel"]
fn a_target_that_ends_does_not_end_the_watch() -> Result<()> {
    let mut sleeper = Sleeper::start()?;
    let pid = sleeper.pid();
    let watch = Attached::start(&["watch", "--json", "--duration", "2s", "--pid", &pid])?;
    let begin = Instant::now();
    sleeper.0.kill()?;
    sleeper.0.wait()?;
    let (code, out, said) = watch.end()?;
    assert_eq!(code, Some(0), "{said}");
    assert!(begin.elapsed() >= Duration::from_millis(1900), "{:?}", begin.elapsed());
    assert!(said.contains(&format!("target exited: --pid {pid}")), "{said}");
    let report = Report::from_json(&out)?;
    assert!(report.actors.iter().any(|actor| actor.pid == sleeper.0.id().into() && actor.exited));
    Ok(())
}

/// Ctrl-C and SIGTERM end in a report, and at once: taking the probes out, which takes the kernel long where an xfs is mounted,
/// is not waited for.
#[test]
#[ignore = "needs root and this kernel"]
fn signals_end_in_a_report() -> Result<()> {
    let sleeper = Sleeper::start()?;
    let (watches_exits, took) = ends_in_a_report(&sleeper, Signal::INT, "json")?;
    let ramdisk = RamDisk::new(512 << 20)?;
    let _xfs = Mounted::new(ramdisk.device(), "xfs")?;
    println!("exits of system calls watched: {watches_exits}: {took}; with an xfs mounted:");
    for end in [Signal::INT, Signal::TERM, Signal::HUP] {
        let (watches_exits, took) = ends_in_a_report(&sleeper, end, "json")?;
        assert!(watches_exits, "nothing of xfs is attached");
        println!("{end:?}: {took}, as text {}", ends_in_a_report(&sleeper, end, "text")?.1);
    }
    Ok(())
}

/// A watch that a signal ends: whether exits of system calls were watched, where the output says so, and how long the end took.
fn ends_in_a_report(sleeper: &Sleeper, end: Signal, output: &str) -> Result<(bool, String)> {
    let watch = Attached::start(&["watch", "-o", output, "--pid", &sleeper.pid()])?;
    signal(&watch.child, end)?;
    let begin = Instant::now();
    let said_after = watch.says_something()?;
    let (code, out, said) = watch.end()?;
    let took = format!("report after {said_after:?}, over after {:?}", begin.elapsed());
    assert_eq!(code, Some(0), "{end:?}: {said}");
    assert!(said_after < REPORT_WITHIN, "{said_after:?}");
    assert!(begin.elapsed() < END_WITHIN, "{:?}", begin.elapsed());
    if output != "json" {
        assert!(!out.is_empty(), "{end:?}: no summary");
        return Ok((false, took));
    }
    let report = Report::from_json(&out)?;
    assert!(check_consistency(&report).is_empty());
    let on_calls =
        |hook: &report::Attached| hook.attached && hook.hook.starts_with("syscalls:sys_exit");
    Ok((report.coverage.attached.iter().any(on_calls), took))
}

/// That a target is not there is said before the probes are taken out, too.
#[test]
#[ignore = "needs root and this kernel"]
fn a_target_that_is_not_there_is_said_at_once() -> Result<()> {
    let ramdisk = RamDisk::new(512 << 20)?;
    let _xfs = Mounted::new(ramdisk.device(), "xfs")?;
    let begin = Instant::now();
    let mut child = command(&["watch", "--pid-of", "no-such-process-name"])?.spawn()?;
    let stderr = BufReader::new(child.stderr.take().context("no stderr")?);
    let mut lines = stderr.lines();
    let is_said = |line: &std::io::Result<String>| {
        line.as_ref().is_ok_and(|line| line.contains("target not found"))
    };
    let is_said = lines.any(|line| is_said(&line));
    let said_after = begin.elapsed();
    let code = wait_for(&mut child, LIMIT)?.code();
    println!("said after {said_after:?}, over after {:?}", begin.elapsed());
    assert!(is_said && said_after < ATTACH_WITHIN + REPORT_WITHIN, "{said_after:?}");
    assert_eq!(code, Some(4));
    Ok(())
}

/// Two at the same time both count the same writes.
#[test]
#[ignore = "needs root and this kernel"]
fn two_at_the_same_time_both_report() -> Result<()> {
    let sleeper = Sleeper::start()?;
    let args = ["watch", "--json", "--pid", &sleeper.pid()];
    let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR"))?;
    let on_init = BlockTrace::on_init_below(folder.path())?;
    let (first, second) = (Attached::start(&args)?, Attached::start(&args)?);
    let file = format!("of={}", folder.path().join("x").display());
    let mut dd = Command::new("dd")
        .args(["if=/dev/zero", &file, "bs=64k", "count=64", "oflag=direct", "conv=fsync"])
        .stderr(Stdio::null())
        .spawn()?;
    assert!(wait_for(&mut dd, LIMIT)?.success());
    for watch in [first, second] {
        signal(&watch.child, Signal::INT)?;
        let report = watch.report()?;
        let found = report.actors.iter().find(|actor| actor.pid == Some(dd.id()));
        let rows = &found.context("no dd in the report")?.io;
        let written = rows.iter().filter(|row| row.op == Op::Write);
        let written = written.map(|row| row.bytes).sum::<u64>();
        let unseen = on_init.out_of_sight(&report)?.write_bytes;
        assert!(written + unseen >= 64 * 65_536, "{unseen} unseen: {report:#?}");
    }
    Ok(())
}

/// Numbers of the programs in the kernel that have names of ours, which it cuts to 15 bytes.
fn loaded() -> Result<BTreeSet<u64>> {
    let listed = run("bpftool", &["prog", "list", "-j"])?;
    let listed: serde_json::Value = serde_json::from_str(&listed)?;
    let ours: BTreeSet<&str> =
        programs::ALL.iter().map(|name| &name[..name.len().min(15)]).collect();
    let is_ours =
        |one: &&serde_json::Value| one["name"].as_str().is_some_and(|it| ours.contains(it));
    let listed = listed.as_array().into_iter().flatten().filter(is_ours);
    Ok(listed.filter_map(|one| one["id"].as_u64()).collect())
}

/// Killed without a chance to clean up, it leaves nothing in the kernel.
#[test]
#[ignore = "needs root and this kernel"]
fn killed_it_leaves_nothing_attached() -> Result<()> {
    let sleeper = Sleeper::start()?;
    // Of an earlier watch some may be left: programs are freed after a grace period.
    let before = loaded()?;
    let watch = Attached::start(&["watch", "--json", "--pid", &sleeper.pid()])?;
    let ours: BTreeSet<u64> = loaded()?.difference(&before).copied().collect();
    assert!(ours.len() > 4, "{ours:?}");
    signal(&watch.child, Signal::KILL)?;
    let (code, out, _) = watch.end()?;
    assert_eq!((code, out.is_empty()), (None, true));
    until("our programs to leave the kernel", LIMIT, || {
        Ok(loaded()?.is_disjoint(&ours).then_some(()))
    })
}

/// `| head -1`: one line is read, then nobody reads; a good end without a word.
#[test]
#[ignore = "needs root and this kernel"]
fn a_reader_that_leaves_is_no_error() -> Result<()> {
    let sleeper = Sleeper::start()?;
    let args = ["watch", "-o", "jsonl", "--interval", "100ms", "--pid", &sleeper.pid()];
    let mut watch = Attached::start(&args)?;
    let mut stdout = BufReader::new(watch.child.stdout.take().context("no stdout")?);
    let mut line = Vec::new();
    stdout.read_until(b'\n', &mut line)?;
    drop(stdout);
    let report = Report::from_json(&line)?;
    assert!(check_consistency(&report).is_empty());
    let (code, _, said) = watch.end()?;
    assert_eq!((code, said.as_str()), (Some(0), ""));
    Ok(())
}

/// A reader that stops reading keeps neither the loop nor the probes: events are read on, a signal is answered, and what is left
/// to say comes whole when it reads again.
#[test]
#[ignore = "needs root and this kernel"]
fn a_reader_that_stops_reading_holds_nothing() -> Result<()> {
    let sleeper = Sleeper::start()?;
    let args = ["watch", "-o", "jsonl", "--interval", "100ms", "--pid", &sleeper.pid()];
    let mut watch = Attached::start(&args)?;
    let stdout = watch.child.stdout.take().context("no stdout")?;
    let waiting = || Ok((rustix::io::ioctl_fionread(&stdout)? >= FULL).then_some(()));
    until("a pipe that is full", LIMIT, waiting)?;
    signal(&watch.child, Signal::INT)?;
    let pid = watch.child.id();
    let detached = || {
        let open = fs::read_dir(format!("/proc/{pid}/fd"))?;
        let targets = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        let probes = targets.filter(|target| target.to_string_lossy().contains("bpf-prog")).count();
        Ok((probes == 0).then_some(()))
    };
    until("the probes gone while nobody reads", LIMIT, detached)?;
    let lines: Vec<Report> = BufReader::new(stdout)
        .lines()
        .map(|line| Ok(Report::from_json(line?.as_bytes())?))
        .collect::<Result<_>>()?;
    assert!(lines.len() > 1, "{}", lines.len());
    assert_eq!(wait_for(&mut watch.child, LIMIT)?.code(), Some(0));
    Ok(())
}

/// From the start to everything attached: the best of five, since the tests' own host may be busy.
#[test]
#[ignore = "needs root and this kernel"]
fn it_is_attached_within_half_a_second() -> Result<()> {
    let sleeper = Sleeper::start()?;
    let mut took = Vec::new();
    for _ in 0..5 {
        let watch = Attached::start(&["watch", "--json", "--pid", &sleeper.pid()])?;
        took.push(watch.took);
        signal(&watch.child, Signal::INT)?;
        watch.report()?;
    }
    eprintln!("start to attached: {took:?}");
    let best = took.iter().min().context("no run")?;
    assert!(*best <= ATTACH_WITHIN, "start to attached: {took:?}");
    Ok(())
}
