//! Segments look like etcd's: names, space, order.

use std::os::unix::fs::MetadataExt;

use super::*;

fn segment_names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| has_extension(name, "wal")).collect();
    names.sort();
    names
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == extension)
}

/// Number and first index, sixteen hexadecimal digits each.
#[test]
fn names() {
    assert_eq!(segment_name(0, 0), "0000000000000000-0000000000000000.wal");
    assert_eq!(segment_name(26, 0xabc), "000000000000001a-0000000000000abc.wal");
}

/// The first segment has its 64 MB on disk before the first record.
#[test]
fn first_segment_is_preallocated() {
    let dir = tempfile::tempdir().unwrap();
    let wal = Wal::create(dir.path(), SEGMENT_BYTES).unwrap();
    let found = wal.tail.metadata().unwrap();
    assert_eq!(found.len(), SEGMENT_BYTES);
    assert!(found.blocks() * 512 >= SEGMENT_BYTES, "{} blocks", found.blocks());
}

/// Where the file system cannot preallocate, zeros take the space and the first write starts at 0.
#[test]
fn zeros_preallocate_too() {
    let file = tempfile::tempfile().unwrap();
    let bytes = 3 * (1 << 20) + 17;
    write_zeros(&file, bytes).unwrap();
    let found = file.metadata().unwrap();
    assert_eq!(found.len(), bytes);
    assert!(found.blocks() * 512 >= bytes);
    assert_eq!(io::Seek::stream_position(&mut &file).unwrap(), 0);
}

/// A full segment is cut to what was written, and the next one is named after its first record.
#[test]
fn roll_over_names_and_cuts() {
    let dir = tempfile::tempdir().unwrap();
    let mut wal = Wal::create(dir.path(), 4096).unwrap();
    wal.append(&[1; 4000]).unwrap();
    assert!(!wal.is_full());
    wal.append(&[1; 4000]).unwrap();
    assert!(wal.is_full());
    wal.cut().unwrap();
    wal.sync().unwrap();
    wal.roll_over(3).unwrap();
    assert_eq!((wal.segments(), wal.is_full()), (2, false));
    let wal_dir = dir.path().join("member/wal");
    assert_eq!(segment_names(&wal_dir), [segment_name(0, 0), segment_name(1, 3)]);
    assert_eq!(fs::metadata(wal_dir.join(segment_name(0, 0))).unwrap().len(), 8000);
    assert_eq!(fs::metadata(wal_dir.join(segment_name(1, 3))).unwrap().len(), 4096);
}

/// A WAL that exists, which may be a real etcd's, is never written to.
#[test]
fn an_existing_wal_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("member/wal")).unwrap();
    let error = Wal::create(dir.path(), 4096).unwrap_err();
    assert!(error.to_string().contains("choose a data directory without a WAL"), "{error}");
    assert_eq!(fs::read_dir(dir.path().join("member/wal")).unwrap().count(), 0);
}
