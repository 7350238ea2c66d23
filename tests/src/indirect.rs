//! IO that reaches a disk through somebody else's hands: io_uring's threads, AIO, device-mapper, loop devices. Loads of
//! known size, and what a report says of them at each disk on the way.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use iocontend_core::ids::{Method, Op, Role};
use iocontend_core::report::{Actor, Report};

use crate::blockstat::{self, Counts};
use crate::fio;
use crate::process::{complain, run, until};
use crate::tracefs::BlockTrace;
use crate::watch::Watch;

/// What a load moves, and in which pieces.
pub const SIZE: u64 = 8 << 20;
/// No request here is larger.
const LARGEST: u64 = 4 << 20;
/// How long others may look at a new device.
const OTHERS_LIMIT: Duration = Duration::from_secs(120);
/// Options of all loads: the size, no preparation that does IO itself.
const COMMON: [&str; 4] = ["size=8m", "bs=64k", "fallocate=none", "overwrite=0"];

/// Runs fio on a file or device to its end; gives its process id.
pub fn load(target: &Path, options: &[&str]) -> Result<u32> {
    let target = format!("filename={}", target.display());
    let job = fio::start(&[&COMMON, &[target.as_str()][..], options].concat())?;
    let pid = job.pid();
    job.finish()?;
    Ok(pid)
}

/// Writes out everything of the file system that holds a path, as a process of its own.
pub fn flush(path: &Path) -> Result<()> {
    run("sync", &["-f", &path.display().to_string()]).map(|_said| ())
}

/// Loads through io_uring and AIO in a folder of a disk: 99 % of direct bytes are the process's and 97 % of buffered ones,
/// whichever thread submits or dirties them; every request is counted once. Gives a table.
pub fn check_threads(folder: &Path, disk: &str) -> Result<String> {
    let uring = ["rw=write", "ioengine=io_uring", "iodepth=4"];
    let aio = ["rw=write", "ioengine=libaio", "iodepth=4", "direct=1"];
    let cases: [(&str, &[&str], &[&str], u64); 5] = [
        ("io_uring, polled by a thread", &uring, &["direct=1", "sqthread_poll=1"], 99),
        ("io_uring, by workers", &uring, &["direct=1", "force_async=1"], 99),
        ("io_uring, buffered, by workers", &uring, &["force_async=1"], 97),
        ("io_uring, buffered, polled by a thread", &uring, &["sqthread_poll=1"], 97),
        ("AIO", &aio, &[], 99),
    ];
    let mut table = String::new();
    for (name, engine, options, percent) in cases {
        let file = folder.join(name.replace([' ', ','], "-"));
        let on_init = BlockTrace::completions_on_init(disk)?;
        let (report, pid) = watched(&[disk], || {
            let pid = load(&file, &[engine, options].concat())?;
            flush(&file)?;
            Ok(pid)
        })?;
        let charged = Charged::of(&report, disk, Op::Write, pid);
        table.push_str(&charged.line(&format!("{name}, {disk}")));
        table.push('\n');
        charged
            .check(percent, on_init.out_of_sight(&report)?.write_bytes)
            .with_context(|| table.clone())?;
    }
    Ok(table)
}

/// Runs a load beside `iocontend watch`. Of each of the disks all requests and bytes are in the report, as the kernel
/// counts them: none is missing, none is there twice. Who looks at a device that was just written to (udev, after the last
/// writer has closed it) may do so while the watch ends: such requests may be in the report, or not.
pub fn watched<T>(disks: &[&str], load: impl FnOnce() -> Result<T>) -> Result<(Report, T)> {
    let on_init = disks.iter().map(|disk| BlockTrace::completions_on_init(disk));
    let on_init = on_init.collect::<Result<Vec<_>>>()?;
    let look = || disks.iter().map(|disk| blockstat::quiet(disk)).collect::<Result<Vec<_>>>();
    // What a journal would commit a few seconds later happens before and after, not in between.
    let quiet = || run("sync", &[]).and_then(|_said| look());
    let (before, watch) = until("nobody else uses the disks", OTHERS_LIMIT, || {
        let before = quiet()?;
        let watch = Watch::fio(&[])?;
        // Whoever looks at a new device may have done so while the programs were being attached.
        Ok((look()? == before).then_some((before, watch)))
    })?;
    let done = load()?;
    let after = quiet()?;
    let report = watch.finish()?;
    let ended = look()?;
    let counts = before.into_iter().zip(after).zip(ended);
    for ((disk, on_init), ((before, after), ended)) in disks.iter().zip(on_init).zip(counts) {
        let kernel = ended.since(&before);
        let unseen = skipped(&report, &kernel).plus(&ended.since(&after));
        let unseen = unseen.plus(&on_init.out_of_sight(&report)?);
        Counts::of_report(&report, disk)
            .agree(&kernel, &unseen.at_most(&kernel))
            .with_context(|| format!("{disk}: {:?}", report.coverage.lost))?;
    }
    Ok((report, done))
}

/// What the report itself counts as lost because the kernel skipped a program that an interrupt would have run within
/// itself: a loop device's requests complete with interrupts on, and those of the disk below may interrupt that.
fn skipped(report: &Report, kernel: &Counts) -> Counts {
    let lost = report.coverage.lost.get("recursion").copied().unwrap_or(0);
    let bytes = lost * LARGEST;
    Counts {
        reads: kernel.reads.min(lost),
        read_bytes: kernel.read_bytes.min(bytes),
        writes: kernel.writes.min(lost),
        write_bytes: kernel.write_bytes.min(bytes),
        flush_commands: kernel.flush_commands.min(lost),
        ..Counts::default()
    }
}

/// Whose bytes of one kind a disk's are.
#[derive(Clone, Copy, Debug)]
pub struct Charged {
    /// All.
    pub all: u64,
    /// The process's that caused them.
    pub own: u64,
    /// Of these, known by the page that was written.
    pub by_page: u64,
    /// Kernel threads'.
    pub kernel: u64,
    /// Known by their cgroup only.
    pub cgroup: u64,
    /// Nobody's.
    pub nobody: u64,
}

impl Charged {
    /// Of a report, for a disk.
    pub fn of(report: &Report, disk: &str, op: Op, pid: u32) -> Self {
        let sum = |who: &dyn Fn(&Actor) -> bool, which: &dyn Fn(Method) -> bool| -> u64 {
            let actors = report.actors.iter().filter(|actor| who(actor));
            let rows = actors.flat_map(|actor| &actor.io);
            let rows = rows.filter(|row| row.device == disk && row.op == op && which(row.method));
            rows.map(|row| row.bytes).sum()
        };
        let any = |_: Method| true;
        let own = |actor: &Actor| actor.pid == Some(pid);
        Self {
            all: sum(&|_| true, &any),
            own: sum(&own, &any),
            by_page: sum(&own, &|method| method == Method::Writeback),
            kernel: sum(&|actor| actor.pid.is_some() && actor.role == Role::Kernel, &any),
            cgroup: sum(&|actor| actor.id.starts_with("cgroup:"), &any),
            nobody: sum(&|actor| actor.id.starts_with("unattributed:"), &any),
        }
    }

    /// A line of a table: all, the process's, of these by page, kernel threads', cgroups', nobody's; the process's in
    /// percent of what it moved.
    pub fn line(&self, name: &str) -> String {
        let Self { all, own, by_page, kernel, cgroup, nobody } = self;
        let percent = own * 10_000 / SIZE;
        format!(
            "| {name} | {all} | {own} | {by_page} | {kernel} | {cgroup} | {nobody} | {}.{:02} % |",
            percent / 100,
            percent % 100
        )
    }

    /// So much of what was moved is the process's, and at most 2 % more: metadata that it caused. What the page cache
    /// still has of a loop device's file is not read again, which may be a tenth of it. `unseen` bytes were out of sight.
    pub fn check(&self, percent: u64, unseen: u64) -> Result<()> {
        let all = self.all + unseen;
        ensure!(all >= SIZE / 10 * 9, "too little came to the disk: {self:?}, {unseen} unseen");
        let moved = self.all.min(SIZE.saturating_sub(unseen));
        ensure!(self.own >= moved / 100 * percent, "too little is its own: {self:?}");
        ensure!(self.own <= SIZE / 100 * 102, "more than it caused: {self:?}");
        Ok(())
    }
}

/// A device-mapper device, removed when dropped.
pub struct Mapped {
    name: &'static str,
    disk: String,
}

impl Mapped {
    /// With the whole of a disk below: `linear` or `crypt`.
    pub fn new(name: &'static str, target: &str, below: &str) -> Result<Self> {
        run("modprobe", &["dm-mod"])?;
        let sectors = run("blockdev", &["--getsz", below])?;
        let sectors = sectors.trim();
        let table = match target {
            // No cipher: its threads do what they do with one.
            "crypt" => format!("0 {sectors} crypt cipher_null-ecb - 0 {below} 0"),
            _ => format!("0 {sectors} linear {below} 0"),
        };
        run("dmsetup", &["create", "--noudevsync", "--noudevrules", name, "--table", &table])?;
        let columns = ["info", "-c", "--noheadings", "-o", "blkdevname", name];
        let disk = run("dmsetup", &columns)?.trim().to_owned();
        Ok(Self { name, disk })
    }

    /// Its kernel name.
    pub fn disk(&self) -> &str {
        &self.disk
    }

    /// Its node.
    pub fn node(&self) -> String {
        format!("/dev/{}", self.disk)
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        complain(run("dmsetup", &["remove", "--retry", "--noudevsync", self.name]));
    }
}
