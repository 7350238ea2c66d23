//! cgroup v2's `io.max`: what it holds back is submitted by a kernel thread, and must keep its owner.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use iocontend_core::ids::{Op, Role};
use iocontend_core::report::{Actor, Report};
use iocontend_tests::watch::{Watch, actor, bytes};
use iocontend_tests::writer::Writer;

/// Bytes per second that `io.max` lets through: well below what the disk does.
const RATE: u64 = 4_000_000;
/// What is moved: some three seconds.
const SIZE: u64 = 12 << 20;

/// A cgroup with a limit, removed when dropped.
struct Limited {
    path: PathBuf,
}

impl Limited {
    fn new(name: &str) -> Self {
        let path = PathBuf::from("/sys/fs/cgroup").join(name);
        fs::create_dir(&path).unwrap();
        let number = fs::read_to_string(format!("/sys/block/{}/dev", super::disk())).unwrap();
        let limit = format!("{} rbps={RATE} wbps={RATE}", number.trim());
        fs::write(path.join("io.max"), limit).unwrap();
        Self { path }
    }

    fn take(&self, pid: u32) {
        fs::write(self.path.join("cgroup.procs"), pid.to_string()).unwrap();
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        // Its process has been killed, which a cgroup may notice a little later; the VM ends anyway.
        drop(fs::remove_dir(&self.path));
    }
}

/// Bytes of which only the owning cgroup is known.
fn of_cgroup(report: &Report, op: Op, path: &str) -> u64 {
    let is_it =
        |actor: &Actor| actor.id.starts_with("cgroup:") && actor.cgroup.as_deref() == Some(path);
    sum(report, op, is_it)
}

/// A writer whose file is there and on the disk, then limited, then watched while it does something.
fn limited(name: &str, flags: &str, orders: &[&str]) -> (Report, u32) {
    let folder = super::folder();
    let file = folder.path().join("file").display().to_string();
    let group = Limited::new(name);
    let mut writer = Writer::start(super::WRITER.as_ref(), &[]).unwrap();
    writer.order(&format!("open {file}")).unwrap();
    writer.order(&format!("write 65536 {}", SIZE >> 16)).unwrap();
    writer.order("forget").unwrap();
    writer.order(&format!("open {file} {flags}")).unwrap();
    let pid = writer.pid();
    group.take(pid);
    let watch = Watch::start(&["--pid", &pid.to_string()]).unwrap();
    let begin = Instant::now();
    for order in orders {
        writer.order(order).unwrap();
    }
    // Half of what the limit asks for, and more than twice what the disk would take.
    assert!(begin.elapsed().as_secs() >= SIZE / RATE / 2, "the limit did nothing");
    let report = watch.finish().unwrap();
    drop(writer);
    (report, pid)
}

/// Bytes of one kind of IO of actors of some kind.
fn sum(report: &Report, op: Op, which: impl Fn(&Actor) -> bool) -> u64 {
    report.actors.iter().filter(|actor| which(actor)).map(|actor| bytes(actor, op, None)).sum()
}

// Property: a direct writer under io.max keeps at least 99 % of the bytes it wrote, although a kernel thread submits
// what was held back. On btrfs, whose bios do not lead to the one who waits, the part that was held back is its
// cgroup's; nowhere is any of it a kernel thread's.
#[test]
#[ignore = "needs the VM"]
fn vm_a_limited_direct_writer_keeps_its_bytes() {
    let order = format!("direct 65536 {}", SIZE >> 16);
    let (report, pid) = limited("direct-writer", "direct", &[&order]);
    let own = bytes(actor(&report, pid).unwrap(), Op::Write, None);
    let group = of_cgroup(&report, Op::Write, "/direct-writer");
    let kernel = sum(&report, Op::Write, |actor| actor.role == Role::Kernel);
    println!(
        "{}: {SIZE} written, own {own}, its cgroup's {group}, kernel threads {kernel}",
        super::file_system()
    );
    let kept = if super::file_system() == "btrfs" { own + group } else { own };
    assert!(kept >= SIZE / 100 * 99, "{:?}", report.actors);
}

// A page that is read was dirtied by nobody: what the limit holds back has only its cgroup.
// Property: buffered reads under io.max belong to the reader or to its cgroup, never to a kernel thread.
#[test]
#[ignore = "needs the VM"]
fn vm_limited_buffered_reads_are_never_a_kernel_threads() {
    let (report, pid) = limited("buffered-reader", "", &["read"]);
    let own = bytes(actor(&report, pid).unwrap(), Op::Read, None);
    let group = of_cgroup(&report, Op::Read, "/buffered-reader");
    let kernel = sum(&report, Op::Read, |actor| actor.role == Role::Kernel);
    println!(
        "{}: {SIZE} read, own {own}, its cgroup's {group}, kernel threads {kernel}",
        super::file_system()
    );
    assert!(own + group >= SIZE / 100 * 99, "{:?}", report.actors);
    assert_eq!(kernel, 0, "{:?}", report.actors);
}
