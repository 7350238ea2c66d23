//! What is reported equals what the kernel, fio and the kernel's own trace say.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use iocontend::host::HostRoot;
use iocontend::kernel::facts::KernelPaths;
use iocontend::live::{Live, Settings};
use iocontend_core::ids::Op;
use iocontend_core::report::{Actor, Lat, Report};
use iocontend_core::selector::Selector;
use iocontend_tests::binary;
use iocontend_tests::blockstat::{self, Counts};
use iocontend_tests::fio;
use iocontend_tests::loopdev::{LoopDevice, Mounted, RamDisk};
use iocontend_tests::process::{self, until};
use iocontend_tests::tracefs::BlockTrace;
use iocontend_tests::watch::Watch;
use iocontend_wire::bucket::{bounds, bucket_of};

const MIB: u64 = 1 << 20;

/// Runs something beside `iocontend watch`: the report's counts of the disk equal the kernel's. Gives both.
fn watched(disk: &str, load: impl FnOnce() -> Result<()>) -> Result<(Counts, Report)> {
    let on_init = BlockTrace::completions_on_init(disk)?;
    let before = blockstat::quiet(disk)?;
    let watch = Watch::fio(&[])?;
    load()?;
    let after = blockstat::quiet(disk)?;
    let report = watch.finish()?;
    assert_eq!(blockstat::read(disk)?.done, after, "somebody else uses {disk}");
    let kernel = after.since(&before);
    Counts::of_report(&report, disk).agree(&kernel, &on_init.completions()?)?;
    Ok((kernel, report))
}

// Requests, bytes, discards and flush commands of a device equal the kernel's own counts exactly, over 200,000
// requests of mixed sizes, reads and writes, with fdatasync in between.
#[test]
#[ignore = "needs root and this kernel"]
fn counts_equal_the_kernels_on_a_raw_device() -> Result<()> {
    let disk = RamDisk::new(512 * MIB)?;
    let name = disk.name().to_owned();
    let (kernel, _) = watched(&name, || {
        let target = format!("filename={}", disk.device().node());
        fio::run(&[
            &target,
            "rw=randrw",
            // The largest are more than one request.
            "bssplit=512/10:4k/42:8k/20:16k/20:64k/7:2m/1",
            "blockalign=512",
            "direct=1",
            "ioengine=libaio",
            "iodepth=16",
            "fdatasync=32",
            "number_ios=205000",
            "io_size=1t",
            "norandommap",
            "size=100%",
        ])?;
        process::run("blkdiscard", &["--offset=1048576", "--length=65536", &disk.device().node()])?;
        process::run("blkdiscard", &["--offset=16777216", &disk.device().node()])?;
        Ok(())
    })?;
    println!("{kernel:?}");
    assert!(kernel.requests() >= 200_000, "too few requests: {kernel:?}");
    assert!(kernel.discards > 0 && kernel.flush_commands > 1_000, "{kernel:?}");
    Ok(())
}

// The same through ext4: journal commits (PREFLUSH and FUA), writeback by kernel threads, online discard.
#[test]
#[ignore = "needs root and this kernel"]
fn counts_equal_the_kernels_below_ext4() -> Result<()> {
    let disk = RamDisk::new(512 * MIB)?;
    let name = disk.name().to_owned();
    drop(Mounted::ext4(disk.device())?);
    let (kernel, _) = watched(&name, || {
        let mounted = Mounted::mount(disk.device())?;
        let folder = format!("directory={}", mounted.path().display());
        fio::run(&[
            &folder,
            "rw=randrw",
            "bsrange=4k-64k",
            "fdatasync=16",
            "ioengine=psync",
            "size=64m",
            "numjobs=2",
            "io_size=256m",
        ])?;
        fio::run(&[
            &folder,
            "rw=randwrite",
            "bs=4k",
            "size=64m",
            "direct=1",
            "fsync=8",
            "ioengine=psync",
        ])?;
        for file in fs::read_dir(mounted.path())? {
            let path = file?.path();
            if path.is_file() {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    })?;
    println!("{kernel:?}");
    assert!(kernel.reads > 1_000 && kernel.writes > 10_000, "{kernel:?}");
    assert!(kernel.flush_commands > 1_000 && kernel.discards > 0, "{kernel:?}");
    Ok(())
}

/// A session in this process, for looks at chosen moments.
fn session() -> Result<Live> {
    let settings = Settings {
        selectors: vec![Selector::PidOf("fio".to_owned())],
        wait: true,
        ring_bytes: 4 << 20,
        quiet: true,
        ..Settings::default()
    };
    Live::start(&settings, HostRoot::default(), &KernelPaths::from_environment())
        .map_err(|failure| anyhow::anyhow!("{failure:?}"))
}

/// Counts of a disk at a moment at which it did nothing.
struct Moment {
    kernel: Counts,
    ours: Counts,
    on_init: Counts,
}

fn moment(live: &mut Live, disk: &str, on_init: &BlockTrace) -> Result<Moment> {
    let (kernel, (report, on_init)) =
        blockstat::while_quiet(disk, Duration::from_secs(120), || {
            Ok((live.whole(), on_init.completions()?))
        })?;
    binary::consistent(&report)?;
    Ok(Moment { kernel, ours: Counts::of_report(&report, disk), on_init })
}

/// Runs fio to its end and reads the ring meanwhile.
fn polled(live: &mut Live, options: &[&str]) -> Result<()> {
    let mut load = fio::start(options)?;
    until("fio's end", Duration::from_secs(240), || {
        live.poll();
        Ok(load.has_ended()?.then_some(()))
    })?;
    load.finish()?;
    Ok(())
}

// The same on the disk of the root file system, which others use as well: between two moments at which it did
// nothing, our counts and the kernel's grew by the same.
#[test]
#[ignore = "needs root and this kernel"]
fn counts_equal_the_kernels_on_the_root_disk() -> Result<()> {
    let folder = tempfile::tempdir_in("/var/tmp")?;
    let disk = blockstat::disk_of(folder.path())?;
    let on_init = BlockTrace::completions_on_init(&disk)?;
    let mut live = session()?;
    let before = moment(&mut live, &disk, &on_init)?;
    let directory = format!("directory={}", folder.path().display());
    let common = [directory.as_str(), "size=64m", "rw=randrw"];
    let direct = ["direct=1", "ioengine=libaio", "iodepth=8", "bsrange=4k-128k", "io_size=96m"];
    polled(&mut live, &[&common[..], &direct].concat())?;
    let buffered = ["ioengine=psync", "bs=4k", "fdatasync=8", "io_size=8m"];
    polled(&mut live, &[&common[..], &buffered].concat())?;
    let small = ["direct=1", "ioengine=libaio", "iodepth=16", "bs=4k", "io_size=800m"];
    polled(&mut live, &[&common[..], &small].concat())?;
    let after = moment(&mut live, &disk, &on_init)?;
    let kernel = after.kernel.since(&before.kernel);
    println!("{disk}: {kernel:?}");
    assert!(kernel.reads + kernel.writes >= 200_000, "too little happened: {kernel:?}");
    after.ours.since(&before.ours).agree(&kernel, &after.on_init.since(&before.on_init))?;
    Ok(())
}

/// One operation's total time on a device.
fn q2c(report: &Report, disk: &str, op: Op) -> Result<Lat> {
    let device = report.devices.iter().find(|device| device.name == disk).context("no device")?;
    let row = device.ops.iter().find(|row| row.op == op).context("no such operation")?;
    row.q2c.clone().context("no q2c")
}

/// The exact quantile of sorted values, by the definition that histograms use: the value at rank ceil(q n).
#[expect(
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a rank"
)]
fn exact_quantile(sorted: &[u64], q: f64) -> u64 {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

// Total times of requests equal those of the kernel's own trace: means within 1 %, quantiles within a bucket.
#[test]
#[ignore = "needs root and this kernel"]
#[expect(clippy::cast_precision_loss, reason = "means and ratios")]
fn q2c_equals_the_kernels_trace() -> Result<()> {
    let disk = RamDisk::new(1024 * MIB)?;
    disk.fill()?;
    let name = disk.name().to_owned();
    let mut traced = Vec::new();
    let (kernel, report) = watched(&name, || {
        let trace = BlockTrace::requests(&name)?;
        let target = format!("filename={}", disk.device().node());
        fio::run(&[
            &target,
            "rw=randread",
            // Long requests: the trace's first event is a little earlier in the kernel than ours.
            "bs=256k",
            "direct=1",
            "ioengine=libaio",
            "iodepth=4",
            "size=100%",
        ])?;
        traced = trace.latencies()?;
        Ok(())
    })?;
    traced.sort_unstable();
    let ours = q2c(&report, &name, Op::Read)?;
    assert_eq!(kernel.reads, 4_096);
    assert_eq!(traced.len(), 4_096);
    let theirs = traced.iter().sum::<u64>() as f64 / traced.len() as f64;
    let mean = ours.sum_ns as f64 / ours.count as f64;
    println!(
        "mean: ours {mean:.0} ns, the trace's {theirs:.0} ns ({:+.3} %)",
        100.0 * (mean / theirs - 1.0)
    );
    assert!((mean / theirs - 1.0).abs() <= 0.01, "mean: ours {mean}, the trace's {theirs}");
    for (q, said) in [(0.5, ours.p50_ns), (0.9, ours.p90_ns), (0.99, ours.p99_ns)] {
        let (said, exact) = (said.context("no quantile")?, exact_quantile(&traced, q));
        println!("p{}: ours {said} ns, the trace's {exact} ns", 100.0 * q);
        let apart = bucket_of(said).abs_diff(bucket_of(exact));
        assert!(apart <= 1, "p{}: {said} is {apart} buckets from {exact}", 100.0 * q);
    }
    Ok(())
}

/// fio's percentiles are middles of buckets of 1/64 of their value.
const FIO_BUCKET: f64 = 1.0 / 64.0;

// At depth 1 with O_DIRECT, fio waits for the whole of every request: what we say of a request is never more
// than what fio measured around it.
#[test]
#[ignore = "needs root and this kernel"]
#[expect(clippy::cast_precision_loss, reason = "means")]
fn q2c_is_never_above_fios_own_latency() -> Result<()> {
    let disk = RamDisk::new(256 * MIB)?;
    disk.fill()?;
    let name = disk.name().to_owned();
    for (direction, op) in [("read", Op::Read), ("write", Op::Write)] {
        let mut clat = None;
        let (kernel, report) = watched(&name, || {
            let target = format!("filename={}", disk.device().node());
            let rw = format!("rw=rand{direction}");
            let more = ["bs=4k", "direct=1", "ioengine=psync", "number_ios=20000", "size=100%"];
            clat = Some(
                fio::run(&[&[target.as_str(), rw.as_str()], &more[..]].concat())?
                    .clat(direction)?,
            );
            Ok(())
        })?;
        let clat = clat.context("no latency")?;
        let ours = q2c(&report, &name, op)?;
        let mean = ours.sum_ns as f64 / ours.count as f64;
        println!("{direction} mean: ours {mean:.0} ns, fio's {:.0} ns", clat.mean_ns);
        assert_eq!(kernel.requests(), clat.count);
        assert!(mean <= clat.mean_ns, "{direction}: mean {mean} is above fio's {}", clat.mean_ns);
        for (said, percentile) in [(ours.p50_ns, "50.000000"), (ours.p99_ns, "99.000000")] {
            let said = said.context("no quantile")?;
            let fios = clat.percentile(percentile)?;
            println!("{direction} p{percentile}: ours {said} ns, fio's {fios} ns");
            let (low, _) = bounds(bucket_of(said)).context("no bucket")?;
            assert!(low as f64 <= fios as f64 * (1.0 + FIO_BUCKET), "{direction} p{percentile}");
        }
    }
    Ok(())
}

/// Requests that are held back until watching has begun.
const HELD: u64 = 16;

// Requests in flight when watching begins are counted for their device, as nobody's, and so marked; nothing is
// lost and nothing counted twice. They are held back by freezing the file system below a loop device.
#[test]
#[ignore = "needs root and this kernel"]
fn requests_in_flight_at_attach_are_counted() -> Result<()> {
    let below = RamDisk::new(256 * MIB)?;
    let mounted = Mounted::ext4(below.device())?;
    let device = LoopDevice::new(&mounted.path().join("disk"), 64 * MIB)?;
    let on_init = BlockTrace::completions_on_init(device.name())?;
    let before = blockstat::quiet(device.name())?;
    let frozen = mounted.freeze()?;
    let load = fio::start(&[
        &format!("filename={}", device.node()),
        "rw=randwrite",
        "bs=4k",
        "direct=1",
        "ioengine=libaio",
        &format!("iodepth={HELD}"),
        "size=100%",
        "number_ios=4000",
    ])?;
    until("all requests under way", Duration::from_secs(30), || {
        Ok((blockstat::read(device.name())?.in_flight == HELD).then_some(()))
    })?;
    let watch = Watch::start(&["--pid", &load.pid().to_string()])?;
    let still = blockstat::read(device.name())?;
    assert_eq!((still.done, still.in_flight), (before, HELD), "they were not held back");
    drop(frozen);
    load.finish()?;
    let kernel = blockstat::quiet(device.name())?.since(&before);
    let report = watch.finish()?;
    assert_eq!(kernel.writes, 4_000);
    let unseen = on_init.completions()?;
    let ours = Counts::of_report(&report, device.name());
    ours.agree(&kernel, &unseen)?;
    let id = format!("unattributed:in_flight_at_attach:{}", device.name());
    let nobody = report.actors.iter().find(|actor| actor.id == id).context("no such actor")?;
    let held: u64 = nobody.io.iter().map(|row| row.count).sum();
    let bytes: u64 = nobody.io.iter().map(|row| row.bytes).sum();
    assert_eq!((held, bytes), (HELD, HELD * 4_096));
    let entry = report.devices.iter().find(|found| found.name == device.name());
    let edges = entry.and_then(|entry| entry.in_flight).context("no in_flight")?;
    assert_eq!((edges.start, edges.end), (HELD, 0));
    let (owned, not_seen) = owned_by_fio(&report, device.name(), ours.writes - HELD);
    println!("{owned} of fio, {not_seen} whose start was not seen");
    Ok(())
}

/// One of so many requests may have lost its slot to another: three pointers can share a set of two.
const SLOTS_LOST_ONE_IN: u64 = 1_000;

/// All other requests of the device belong to fio, but for a few whose start is said not to have been seen.
/// Gives how many of each.
fn owned_by_fio(report: &Report, disk: &str, expected: u64) -> (u64, u64) {
    let of = |is_wanted: &dyn Fn(&Actor) -> bool| -> u64 {
        let rows =
            report.actors.iter().filter(|actor| is_wanted(actor)).flat_map(|actor| &actor.io);
        rows.filter(|row| row.device == disk).map(|row| row.count).sum()
    };
    let owned = of(&|actor| actor.comm.as_deref() == Some("fio"));
    let not_seen = of(&|actor| actor.id == format!("unattributed:start_not_seen:{disk}"));
    assert_eq!(owned + not_seen, expected, "requests of fio");
    assert!(not_seen <= expected / SLOTS_LOST_ONE_IN, "{not_seen} starts not seen");
    (owned, not_seen)
}
