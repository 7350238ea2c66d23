//! What the plan promises before anything is written.

use std::path::Path;

use super::*;

const GIB: u64 = 1 << 30;

fn host(free_bytes: fn(&Path) -> std::io::Result<u64>) -> Host {
    Host { free_bytes, fs_magic: |_| Ok(0xef53) }
}

fn roomy() -> Host {
    host(|_| Ok(100 * GIB))
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Too little space is refused with the needed and the found bytes, and nothing is created.
#[test]
fn short_space_is_refused_by_number() {
    let dir = tempfile::tempdir().unwrap();
    let short = host(|_| Ok(GIB));
    let error = DemoPlan::with_host(dir.path(), DemoOpts::default(), short).unwrap_err();
    let wal = 2 * (SEGMENT_BYTES + 2300);
    let expected = 3 * SOURCE_SIZES[2] + wal + GIB;
    let DemoError::SpaceShort { needed, reserve, found, .. } = &error else { panic!("{error}") };
    assert_eq!((*needed, *reserve, *found), (expected, GIB, GIB));
    let text = error.to_string();
    assert!(text.contains(&expected.to_string()) && text.contains(&GIB.to_string()), "{text}");
    assert_eq!(names_in(dir.path()), Vec::<String>::new());
}

/// The default size shrinks to fit; a size asked for does not.
#[test]
fn only_the_default_size_shrinks() {
    let dir = tempfile::tempdir().unwrap();
    let tight = host(|_| Ok(GIB + 330_000_000));
    let plan = DemoPlan::with_host(dir.path(), DemoOpts::default(), tight).unwrap();
    assert_eq!(plan.source_bytes(), 64 << 20);
    let asked = DemoOpts { source_bytes: Some(128 << 20), ..DemoOpts::default() };
    let error = DemoPlan::with_host(dir.path(), asked, tight).unwrap_err();
    assert!(matches!(error, DemoError::SpaceShort { .. }), "{error}");
}

/// Where no disk would be seen, the demo says so instead of showing nothing.
#[test]
fn memory_and_overlay_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let cases: [fn(&Path) -> std::io::Result<u64>; 3] =
        [|_| Ok(0x0102_1994), |_| Ok(0x8584_58f6), |_| Ok(0x794c_7630)];
    for fs_magic in cases {
        let host = Host { fs_magic, ..roomy() };
        let error = DemoPlan::with_host(dir.path(), DemoOpts::default(), host).unwrap_err();
        assert!(error.to_string().contains("no disk would be seen"), "{error}");
    }
    assert_eq!(names_in(dir.path()), Vec::<String>::new());
}

/// A missing directory, a file and a read-only place each get their own words.
#[test]
fn unusable_places_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let plan = |path: &Path| DemoPlan::with_host(path, DemoOpts::default(), roomy()).unwrap_err();
    assert!(matches!(plan(&dir.path().join("missing")), DemoError::Inspect { .. }));
    assert!(matches!(plan(&file), DemoError::NotADirectory(_)));
    // Refuses new entries even to root.
    assert!(matches!(plan(Path::new("/proc/self")), DemoError::NotWritable { .. }));
}

/// Options that contradict each other are refused before the directory is looked at.
#[test]
fn bad_options_are_refused() {
    let default = DemoOpts::default;
    let cases = [
        DemoOpts { rate: 0, ..default() },
        DemoOpts { rate: MOST_RATE + 1, ..default() },
        DemoOpts { alone: default().duration, ..default() },
        DemoOpts { pause: Duration::ZERO, ..default() },
        DemoOpts { source_bytes: Some(0), ..default() },
    ];
    for opts in cases {
        let error = DemoPlan::with_host(Path::new("/missing"), opts.clone(), roomy()).unwrap_err();
        assert!(matches!(error, DemoError::Options(_)), "{opts:?}: {error}");
    }
}

/// The description names the place, the sizes and the times.
#[test]
fn description_says_what_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let plan = DemoPlan::with_host(dir.path(), DemoOpts::default(), roomy()).unwrap();
    let text = plan.describe().join("\n");
    let place = plan.data_dir().display().to_string();
    for part in [&*place, "128 MiB", "20s", "7s", "50 records of 2300 bytes", "at most 14 copies"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert!(plan.most_bytes_written() >= plan.most_bytes_used() - (128 << 20));
}

/// Setting up writes the file of the promised size, and stopping it leaves nothing after the drop.
#[test]
fn prepare_writes_the_source_or_stops() {
    let dir = tempfile::tempdir().unwrap();
    let opts = DemoOpts { source_bytes: Some(3 << 20), ..DemoOpts::default() };
    let plan = DemoPlan::with_host(dir.path(), opts.clone(), roomy()).unwrap();
    plan.prepare(&Stop::new()).unwrap();
    assert_eq!(fs::metadata(plan.source_file()).unwrap().len(), 3 << 20);
    plan.cleanup().unwrap();

    let plan = DemoPlan::with_host(dir.path(), opts, roomy()).unwrap();
    let stop = Stop::new();
    stop.request();
    assert!(matches!(plan.prepare(&stop), Err(DemoError::Stopped)));
    drop(plan);
    assert_eq!(names_in(dir.path()), Vec::<String>::new());
}
