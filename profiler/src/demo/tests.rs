//! Short real runs of both workloads on a real directory: what they report is what is on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::*;

/// A directory beside the test binary: a build directory is on a disk more often than /tmp.
fn temp_dir() -> tempfile::TempDir {
    let exe = std::env::current_exe().unwrap();
    tempfile::tempdir_in(exe.parent().unwrap()).unwrap()
}

fn victim_args(dir: &Path) -> VictimArgs {
    VictimArgs {
        data_dir: dir.to_owned(),
        rate: 100,
        duration: Duration::from_secs(1),
        split_at: Some(Duration::from_millis(500)),
    }
}

/// The numbers of the records found in a segment, up to the preallocated rest.
fn records_in(segment: &Path) -> Vec<u64> {
    let bytes = fs::read(segment).unwrap();
    let numbers = bytes
        .chunks_exact(RECORD_BYTES)
        .map(|record| u64::from_le_bytes(record[..8].try_into().unwrap()));
    numbers.take_while(|&number| number != 0).collect()
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("member/wal")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().unwrap() == "wal").collect();
    paths.sort();
    paths
}

/// One result as the process would print it, read back as the demo would.
fn through_json<T>(result: &T) -> T
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let mut line = Vec::new();
    write_json_line(&mut line, result).unwrap();
    let text = String::from_utf8(line).unwrap();
    assert_eq!(text.matches('\n').count(), 1);
    serde_json::from_str(&text).unwrap()
}

/// Records, bytes, calls and segments of the result equal what the files hold, over several segments.
#[test]
fn victim_reports_what_is_on_disk() {
    let dir = temp_dir();
    let args = victim_args(dir.path());
    let result = victim::run(&args, 20 * 2300, &Stop::new()).unwrap();
    assert_eq!(through_json(&result), result);
    assert_eq!(result.scheduled, 100);
    assert_eq!(result.records + result.not_issued, result.scheduled);
    assert!(result.records > 0);

    let segments = segments(dir.path());
    let found: Vec<u64> = segments.iter().flat_map(|segment| records_in(segment)).collect();
    assert_eq!(found, (1..=result.records).collect::<Vec<_>>());
    assert_eq!(result.bytes, result.records * 2300);
    assert_eq!(result.segments, u64::try_from(segments.len()).unwrap());
    let full: u64 = segments.iter().rev().skip(1).map(|s| fs::metadata(s).unwrap().len()).sum();
    assert_eq!(full, (result.segments - 1) * 20 * 2300);

    let (write, fdatasync) = (result.write.unwrap(), result.fdatasync.unwrap());
    assert_eq!(write.count, result.records);
    assert_eq!(fdatasync.count, result.records + result.segments - 1);
    let split = result.split.unwrap();
    let count = |phase: PhaseLatency| phase.fdatasync.map_or(0, |latency| latency.count);
    assert_eq!(count(split.before) + count(split.after), fdatasync.count);
}

/// On a disk that keeps up, the rate is the one asked for and the run lasts its time.
#[test]
fn victim_keeps_its_schedule() {
    let dir = temp_dir();
    let args = VictimArgs { rate: 20, ..victim_args(dir.path()) };
    let started = Instant::now();
    let result = victim::run(&args, SEGMENT_BYTES, &Stop::new()).unwrap();
    assert_eq!(result.scheduled, 20);
    // The last of 20 records is due at 0.95 s; before that no run can have issued them all.
    assert!(result.not_issued > 0 || result.elapsed_ns >= 950_000_000, "{result:?}");
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// A stop ends the victim between two records, with a result of what was done so far.
#[test]
fn victim_stops_when_asked() {
    let dir = temp_dir();
    let args = VictimArgs { duration: Duration::from_secs(600), ..victim_args(dir.path()) };
    let stop = Stop::new();
    let other = stop.clone();
    let asker = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        other.request();
    });
    let started = Instant::now();
    let result = victim::run(&args, SEGMENT_BYTES, &stop).unwrap();
    asker.join().unwrap();
    assert!(started.elapsed() < Duration::from_secs(60));
    assert_eq!(result.records + result.not_issued, 60_000);
}

fn copier_args(dir: &Path) -> CopierArgs {
    CopierArgs {
        source: dir.join("member/snap/db"),
        dest: dir.join("backup/snapshot.db"),
        pause: Duration::from_millis(100),
        delay: Duration::from_millis(100),
        duration: Duration::from_secs(1),
    }
}

/// Whole copies only: the destination equals the source, counts and bytes agree, no part is left.
#[test]
fn copier_reports_what_it_copied() {
    let dir = temp_dir();
    let args = copier_args(dir.path());
    let bytes = (1 << 20) + 777;
    source::write_source(&args.source, bytes, &Stop::new()).unwrap();
    let args = CopierArgs { duration: Duration::from_secs(60), ..args };
    let stop = Stop::new();
    let (asker, dest) = (stop.clone(), args.dest.clone());
    let asker = std::thread::spawn(move || {
        while !dest.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(300));
        asker.request();
    });
    let result = copier::run(&args, &stop).unwrap();
    asker.join().unwrap();
    assert_eq!(through_json(&result), result);
    assert!(result.copies >= 1, "{result:?}");
    assert_eq!(result.bytes, result.copies * bytes);
    assert_eq!(result.copy.unwrap().count, result.copies);
    assert_eq!(result.fsync.unwrap().count, result.copies);
    assert_eq!(fs::read(&args.dest).unwrap(), fs::read(&args.source).unwrap());
    assert!(!args.dest.with_extension("db.part").exists());
}

/// A copier whose time is over before its delay copies nothing, and absent is not zero.
#[test]
fn copier_without_time_copies_nothing() {
    let dir = temp_dir();
    let args = CopierArgs { duration: Duration::from_millis(50), ..copier_args(dir.path()) };
    let result = copier::run(&args, &Stop::new()).unwrap();
    assert_eq!((result.copies, result.bytes, result.copy, result.fsync), (0, 0, None, None));
    assert!(!args.dest.exists());
}

/// A destination that exists is somebody else's and stays as it is.
#[test]
fn copier_never_overwrites_a_strange_file() {
    let dir = temp_dir();
    let args = copier_args(dir.path());
    for name in ["snapshot.db", "snapshot.db.part"] {
        let strange = args.dest.with_file_name(name);
        fs::create_dir_all(strange.parent().unwrap()).unwrap();
        fs::write(&strange, "mine").unwrap();
        let error = copier::run(&args, &Stop::new()).unwrap_err();
        assert!(error.to_string().contains("exists"), "{error}");
        assert_eq!(fs::read_to_string(&strange).unwrap(), "mine");
        fs::remove_file(strange).unwrap();
    }
}
