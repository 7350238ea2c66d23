//! A damaged capture gives what its whole blocks hold, and says so: at every length and for every bit.

use super::super::{CaptureError, End, FILE_HEADER_BYTES, Replay, replay};
use super::{capture, small};
use crate::report::{Note, Report, Tool, check_consistency};

/// Where the blocks end, and the report of everything up to there.
struct Prefixes {
    bytes: Vec<u8>,
    whole: Vec<(u64, Report)>,
}

impl Prefixes {
    fn new() -> Self {
        let parts = capture(&small());
        let bytes = parts.concat();
        let mut end = 0;
        let mut whole = Vec::new();
        for part in &parts {
            end += part.len();
            // The header alone has no report.
            if end > FILE_HEADER_BYTES {
                whole.push((
                    end as u64,
                    replay(&bytes[..end], None, Tool::default()).unwrap().report,
                ));
            }
        }
        Self { bytes, whole }
    }

    /// What was read is exactly what some whole blocks hold, and it does not pass for all.
    fn check(&self, what: &str, outcome: Result<Replay, CaptureError>) {
        let replayed = match outcome {
            Ok(replayed) => replayed,
            Err(CaptureError::Io(error)) => panic!("{what}: {error}"),
            Err(error) => {
                let said = error.to_string();
                assert!(said.contains("truncated") || said.contains("corrupt"), "{what}: {said}");
                return;
            }
        };
        assert_ne!(replayed.end, End::Clean, "{what}");
        let kept = self.whole.iter().find(|(end, _)| *end == replayed.kept_bytes);
        let (_, expected) = kept.unwrap_or_else(|| panic!("{what}: {}", replayed.kept_bytes));
        let report = &replayed.report;
        assert_eq!(report.devices, expected.devices, "{what}");
        assert_eq!(report.actors, expected.actors, "{what}");
        assert_eq!(report.coverage.events_seen, expected.coverage.events_seen, "{what}");
        let is_noted = |note: &Note| match replayed.end {
            End::Truncated => matches!(note, Note::CaptureTruncated { .. }),
            _ => matches!(note, Note::CaptureCorrupt { .. }),
        };
        assert!(report.coverage.notes.iter().any(is_noted), "{what}");
        assert_eq!(check_consistency(report), Vec::<String>::new(), "{what}");
    }
}

/// Cut off anywhere.
#[test]
fn a_capture_of_any_length_is_read_up_to_its_last_whole_block() {
    let prefixes = Prefixes::new();
    assert!(prefixes.whole.len() >= 4, "too few blocks to see something");
    for length in 0..prefixes.bytes.len() {
        let outcome = replay(&prefixes.bytes[..length], None, Tool::default());
        if let Ok(replayed) = &outcome {
            assert_eq!(replayed.end, End::Truncated, "{length}");
            let last =
                prefixes.whole.iter().map(|(end, _)| *end).filter(|end| *end <= length as u64);
            assert_eq!(
                Some(replayed.kept_bytes),
                last.max(),
                "{length}: nothing whole is left out"
            );
        }
        prefixes.check(&format!("{length} bytes"), outcome);
    }
}

/// Any bit wrong.
#[test]
fn any_damaged_bit_is_noticed() {
    let prefixes = Prefixes::new();
    for at in 0..prefixes.bytes.len() {
        for bit in 0..8 {
            let mut bytes = prefixes.bytes.clone();
            bytes[at] ^= 1 << bit;
            let outcome = replay(&bytes[..], None, Tool::default());
            if let Ok(replayed) = &outcome {
                assert!(matches!(replayed.end, End::Corrupt(_)), "byte {at} bit {bit}");
            }
            prefixes.check(&format!("byte {at} bit {bit}"), outcome);
        }
    }
}

/// A block that is missing, comes twice or in another order is noticed, and so is more after the end.
#[test]
fn blocks_in_another_order_are_noticed() {
    let prefixes = Prefixes::new();
    let parts = capture(&small());
    let without = |n: usize| [&parts[..n], &parts[n + 1..]].concat();
    let twice = |n: usize| [&parts[..=n], &parts[n..]].concat();
    for n in 2..parts.len() - 1 {
        let mut swapped = parts.clone();
        swapped.swap(n, n - 1);
        for parts in [without(n), twice(n), swapped] {
            let outcome = replay(&parts.concat()[..], None, Tool::default());
            prefixes.check(&format!("block {n}"), outcome);
        }
    }
    let more = [prefixes.bytes.clone(), vec![0]].concat();
    let end = replay(&more[..], None, Tool::default()).unwrap().end;
    assert!(matches!(end, End::Corrupt(_)), "{end:?}");
}
