//! What unprivileged users can put in the way of a watch, and signals that arrive at any time.

#![expect(clippy::print_stdout, reason = "the figures are what whoever runs it wants")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use iocontend_tests::binary;
use iocontend_tests::process::{self, until, wait_for};
use rustix::fs::{CWD, FileType, RenameFlags, mknodat, renameat_with};
use rustix::process::{Pid, Signal, kill_process};

/// How much later an attack may make counting begin, and how long Ctrl-C may take to be answered.
const SECOND: Duration = Duration::from_secs(1);
/// Attaching takes seconds in a build without optimizations.
const BEGIN_LIMIT: Duration = Duration::from_secs(60);
/// Who hangs is killed after this time.
const END_LIMIT: Duration = Duration::from_secs(20);

/// A program that is run, with when it said what.
struct Run {
    child: Child,
    begin: Instant,
    watching: Receiver<Instant>,
    written: Receiver<Instant>,
}

impl Run {
    fn spawn(mut command: Command) -> Result<Self> {
        let begin = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run it")?;
        let err = BufReader::new(child.stderr.take().context("no stderr")?);
        let mut out = child.stdout.take().context("no stdout")?;
        let (said, watching) = channel();
        thread::spawn(move || {
            for line in err.lines().map_while(Result::ok) {
                println!("{line}");
                if line == "iocontend: watching" {
                    said.send(Instant::now()).ok();
                }
            }
        });
        let (wrote, written) = channel();
        thread::spawn(move || {
            let mut bytes = vec![0; 65_536];
            while matches!(out.read(&mut bytes), Ok(read) if read > 0) {
                wrote.send(Instant::now()).ok();
            }
        });
        Ok(Self { child, begin, watching, written })
    }

    /// How long it took until it counted.
    fn began(&self) -> Result<Duration> {
        let at = self.watching.recv_timeout(BEGIN_LIMIT).context("it does not begin to count")?;
        Ok(at - self.begin)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.child.id())?).context("no pid")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Sends Ctrl-C; gives how long it took until the whole report was there.
    fn answered(mut self) -> Result<Duration> {
        let asked = Instant::now();
        self.signal(Signal::INT)?;
        let status = wait_for(&mut self.child, END_LIMIT)?;
        ensure!(status.success(), "{status}");
        let last = self.written.iter().last().context("no report")?;
        Ok(last.saturating_duration_since(asked))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        process::kill(&mut self.child);
    }
}

/// A watch of this process.
fn watch(mut command: Command) -> Result<Run> {
    command.args(["watch", "-o", "json", "--pid", &std::process::id().to_string()]);
    Run::spawn(command)
}

/// The program where users' crontabs are those of a folder: in a mount namespace of its own, so nobody else sees them.
fn with_crontabs(folder: &Path) -> Result<Command> {
    let script = "mount -t tmpfs none /var/spool; mkdir -p /var/spool/cron/crontabs; \
                  mount --bind \"$1\" /var/spool/cron/crontabs; shift; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-ec", script, "sh"]);
    command.arg(folder).arg(binary::path()?);
    Ok(command)
}

/// Counting begins at most a second later than without the attack, and Ctrl-C is answered within a second.
fn holds(attack: &str, attacked: Result<Run>) -> Result<()> {
    let attacked = attacked?;
    let began = attacked.began()?;
    let answered = attacked.answered()?;
    let calm = watch(Command::new(binary::path()?))?;
    let usual = calm.began()?;
    calm.answered()?;
    println!(
        "{attack}: counts after {began:?}, without it after {usual:?}; answered after {answered:?}"
    );
    ensure!(began <= usual + SECOND, "{attack}: counting began late");
    ensure!(answered <= SECOND, "{attack}: Ctrl-C was answered late");
    Ok(())
}

// Property: a crontab that names a kernel file, and one that becomes a pipe between two looks at it, are not waited for.
#[test]
#[ignore = "needs root"]
fn crontabs_that_would_never_end_do_not_hold_a_watch() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("user"), "* * * * * /proc/kmsg\n")?;
    let (tab, pipe) = (folder.path().join("swapped"), folder.path().join(".pipe"));
    fs::write(&tab, "1 * * * * true\n")?;
    mknodat(CWD, &pipe, FileType::Fifo, 0o600.into(), 0)?;
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                renameat_with(CWD, &tab, CWD, &pipe, RenameFlags::EXCHANGE).ok();
                // The machine has few CPUs.
                thread::sleep(Duration::from_micros(50));
            }
        });
        let held = holds("kernel file and pipe", with_crontabs(folder.path()).and_then(watch));
        ends.store(true, Ordering::Relaxed);
        held
    })
}

// Property: a crontab of 256 KiB that names one script 8,700 times costs less than a second.
#[test]
#[ignore = "needs root"]
fn a_script_that_is_named_thousands_of_times_does_not_hold_a_watch() -> Result<()> {
    let (folder, scripts) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let script = scripts.path().join("s");
    let mut text = format!("#!/bin/sh\n{}", "true; etcdctl snapshot save /b\n".repeat(9_000));
    text.truncate(256 << 10);
    fs::write(&script, text)?;
    let lines = format!("* * * * * {}\n", script.display()).repeat(8_700);
    ensure!(lines.len() <= 256 << 10, "longer than what is read: {}", lines.len());
    fs::write(folder.path().join("user"), lines)?;
    holds("one script 8,700 times", with_crontabs(folder.path()).and_then(watch))
}

// Property: 60 listeners of one process that accept and never answer are not waited for.
#[test]
#[ignore = "needs root"]
fn listeners_that_never_answer_do_not_hold_a_watch() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    // A shell by another name, which is what makes an etcd. It ends with its input, which ends with this test.
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("etcd");
    fs::copy("/bin/sh", &program)?;
    let urls = format!("--listen-client-urls={}", vec![url; 60].join(","));
    let mut etcd = Command::new(&program)
        .args(["-c", "read x", "etcd", &urls])
        .stdin(Stdio::piped())
        .spawn()?;
    let mut command = Command::new(binary::path()?);
    command.args(["watch", "-o", "json", "--pid", &etcd.id().to_string()]);
    let held = holds("60 listeners", Run::spawn(command));
    process::kill(&mut etcd);
    held
}

/// Whether nobody runs the program any more: a copy that holds the probes for the kernel ends with them.
fn nobody_runs(program: &Path) -> Result<Option<()>> {
    let runs = |entry: fs::DirEntry| {
        fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == program)
    };
    Ok((!fs::read_dir("/proc")?.flatten().any(runs)).then_some(()))
}

// Property: each of the three signals ends each command within a second, whenever it comes, and nothing of it stays.
#[test]
#[ignore = "needs root"]
fn signals_end_commands_at_any_time() -> Result<()> {
    let own = std::process::id().to_string();
    let folder = tempfile::tempdir_in("/var/tmp")?;
    let demo = folder.path().display().to_string();
    let commands: [&[&str]; 4] = [
        &["watch", "--pid", &own],
        &["advise", "--pid", &own],
        &["doctor"],
        &["demo", "--dir", &demo],
    ];
    let signals = [Signal::INT, Signal::TERM, Signal::HUP].into_iter().cycle();
    let moments = [20, 100, 300, 700, 1_500];
    let mut late = Vec::new();
    for (words, signal) in
        commands.into_iter().flat_map(|words| moments.map(|moment| (words, moment))).zip(signals)
    {
        let (words, moment) = words;
        let mut command = Command::new(binary::path()?);
        command.args(words);
        let mut run = Run::spawn(command)?;
        thread::sleep(Duration::from_millis(moment));
        let asked = Instant::now();
        run.signal(signal)?;
        wait_for(&mut run.child, END_LIMIT)?;
        let took = asked.elapsed();
        println!("{} after {moment} ms, {signal:?}: {took:?}", words[0]);
        if took > SECOND {
            late.push((words[0], moment, took));
        }
    }
    ensure!(late.is_empty(), "late: {late:?}");
    let program = binary::path()?.canonicalize()?;
    until("no copy of the program is left", END_LIMIT, || nobody_runs(&program))?;
    let left: Vec<_> = fs::read_dir(folder.path())?.flatten().map(|entry| entry.path()).collect();
    ensure!(left.is_empty(), "the demo left {left:?}");
    Ok(())
}

/// Whether one of a process's threads waits for the other end of a pipe (fs/pipe.c, `fifo_open`).
fn opens_a_pipe(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut places =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("wchan")).ok());
    places.any(|place| ["wait_for_partner", "fifo_open"].contains(&place.as_str()))
}

// Property: a recording into a pipe that nobody reads can be interrupted.
#[test]
#[ignore = "needs root"]
fn a_signal_ends_a_recording_that_cannot_begin() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let pipe = folder.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, 0o600.into(), 0)?;
    let mut command = Command::new(binary::path()?);
    command.args(["watch", "--pid", &std::process::id().to_string(), "--record"]).arg(&pipe);
    let mut run = Run::spawn(command)?;
    until("it opens the pipe", BEGIN_LIMIT, || Ok(opens_a_pipe(run.child.id()).then_some(())))?;
    let asked = Instant::now();
    run.signal(Signal::INT)?;
    wait_for(&mut run.child, END_LIMIT)?;
    let took = asked.elapsed();
    println!("ended after {took:?}");
    ensure!(took <= SECOND, "{took:?}");
    Ok(())
}
