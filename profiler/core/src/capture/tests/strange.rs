//! Captures of other versions, and bytes that claim what they are not.

use proptest::prelude::*;

use super::super::frame::{BlockHeader, ITEMS, MAX_BLOCK_BYTES, block};
use super::super::{CaptureError, End, Reader, Step, file_header, replay};
use super::{at, capture, live, small};
use crate::report::{Newer, Note, Tool};

/// A file of these blocks of items.
fn file(blocks: &[Vec<u8>]) -> Vec<u8> {
    let blocks = (0..).zip(blocks).flat_map(|(number, raw)| block(number, ITEMS, raw));
    file_header().into_iter().chain(blocks).collect()
}

/// The first item of a good capture.
fn opening() -> Vec<u8> {
    let writer = super::Writer::new(&crate::session::Options::default(), at(0));
    let mut writer = writer.unwrap();
    writer.take(at(2000)).unwrap()[0].raw().to_vec()
}

fn item(kind: &str, body: impl serde::Serialize) -> Vec<u8> {
    minicbor_serde::to_vec((kind, 0_u64, 0_i64, body)).unwrap()
}

fn fields<const N: usize>(all: [(&str, &str); N]) -> std::collections::BTreeMap<String, String> {
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Items, fields, notes and counters of a newer version are passed over, counted, and said.
#[test]
fn what_is_not_known_is_said() {
    let mut newer = opening();
    newer.extend(item("future", [("a", vec![1, 2])]));
    newer.extend(item("future", ()));
    newer.extend(item("counts", std::collections::BTreeMap::from([("new", 1_u64), ("merged", 2)])));
    newer.extend(item("note", "still read"));
    newer.extend(item("note", fields([("code", "future")])));
    newer.extend(item("note", fields([("code", "future")])));
    // One that is known, with values that are not.
    newer.extend(item("note", fields([("code", "no_room_for_files"), ("pid", "seven")])));
    // One more field at the end of an item.
    newer.extend(minicbor_serde::to_vec(("note", 0_u64, 0_i64, "longer", 5)).unwrap());
    let replayed = replay(&file(&[newer])[..], None, Tool::default()).unwrap();
    let unknown: Vec<_> = replayed.unknown.iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
    let counted =
        [("counts.new", 1), ("future", 2), ("note.future", 2), ("note.no_room_for_files", 1)];
    assert_eq!(unknown, counted);
    let notes = &replayed.report.coverage.notes;
    let newer = |code: &str| Note::Newer(Newer { code: code.to_owned() });
    for note in [
        Note::Recorded("still read".to_owned()),
        Note::Recorded("longer".to_owned()),
        Note::UnknownItems { kind: "future".to_owned(), count: 2 },
        newer("future"),
        newer("no_room_for_files"),
    ] {
        assert!(notes.contains(&note), "{note:?}: {notes:?}");
    }
}

/// A block of a newer kind is passed over too.
#[test]
fn blocks_of_a_newer_kind_are_passed_over() {
    let mut parts = capture(&small());
    let last = u32::try_from(parts.len()).unwrap() - 2;
    let end = parts.pop().unwrap();
    let raw = BlockHeader::parse(end[..24].try_into().unwrap()).unwrap().open(&end[24..]).unwrap();
    parts.extend([block(last, 77, b"?"), block(last + 1, 2, &raw)]);
    let replayed = replay(&parts.concat()[..], None, Tool::default()).unwrap();
    assert_eq!((replayed.end, replayed.unknown.get("block.77")), (End::Clean, Some(&1)));
    assert_eq!(replayed.report.devices, live(small()).devices);
}

/// Another version is refused by its number, another kind of file by what it is not.
#[test]
fn another_version_is_refused() {
    let with = |at: usize, value: u8| {
        let mut header = file_header();
        header[at] = value;
        let sum = crc32fast::hash(&header[..20]);
        header[20..].copy_from_slice(&sum.to_le_bytes());
        replay(&header[..], None, Tool::default()).unwrap_err()
    };
    assert!(matches!(with(8, 200), CaptureError::Version { found: 200 }));
    assert!(matches!(with(12, 200), CaptureError::Abi { found: 200 }));
    assert!(matches!(with(0, b'x'), CaptureError::NotOne));
    assert!(matches!(replay(&[][..], None, Tool::default()), Err(CaptureError::Truncated)));
}

/// A header with a good checksum may still claim anything: nothing is allocated for it.
#[test]
fn impossible_lengths_are_refused() {
    let claim = |stored: u32, raw: u32| {
        let mut header = [0; 24];
        header[4..8].copy_from_slice(&ITEMS.to_le_bytes());
        header[8..12].copy_from_slice(&stored.to_le_bytes());
        header[12..16].copy_from_slice(&raw.to_le_bytes());
        let sum = crc32fast::hash(&header[..20]);
        header[20..].copy_from_slice(&sum.to_le_bytes());
        BlockHeader::parse(&header).is_ok()
    };
    let most = u32::try_from(MAX_BLOCK_BYTES).unwrap();
    assert!(claim(100, 100) && claim(most, most));
    for (stored, raw) in [(100, most + 1), (100, u32::MAX), (u32::MAX, 100), (10, 10_000), (0, 1)] {
        assert!(!claim(stored, raw), "{stored} {raw}");
    }
}

/// Items that are none: the block does not count, what stands before it does.
#[test]
fn a_block_with_a_broken_item_does_not_count() {
    let broken = [
        vec![0xff],
        vec![0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        minicbor_serde::to_vec(("note", 0_u64)).unwrap(),
        item("note", 5),
        item("process", ()),
        item("stream", [("index", 1)]),
        item("end", ()),
        [vec![0x84, 0x62, b'i', b'o', 0, 0, 0x5b], vec![0xff; 8]].concat(),
        [vec![0x84, 0x62, b'i', b'o', 0, 0, 0x43], vec![1; 3]].concat(),
    ];
    for bytes in broken {
        let mut second = item("note", "lost with its block");
        second.extend(&bytes);
        let replayed = replay(&file(&[opening(), second])[..], None, Tool::default()).unwrap();
        assert!(matches!(replayed.end, End::Corrupt(_)), "{bytes:x?}");
        let notes = replayed.report.coverage.notes;
        let lost = Note::Recorded("lost with its block".to_owned());
        assert!(!notes.contains(&lost), "{bytes:x?} {notes:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), framed: bool) {
        let bytes = if framed { file(&[bytes]) } else { [&file_header()[..], &bytes].concat() };
        if let Ok(mut reader) = Reader::new(&bytes[..]) {
            while let Ok(Step::Items(_)) = reader.step() {}
        }
        drop(replay(&bytes[..], None, Tool::default()));
    }
}
