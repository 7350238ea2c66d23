//! How sure a finding can be, and what speaks against it whatever it says.

use crate::diagnosis::Diagnosis;
use crate::diagnosis::limits;
use crate::diagnosis::waits::Waiting;
use crate::report::{Caveat, Share};

/// How sure: lowered by few waits, lost events, what is unknown of the waits, and bytes that are nobody's.
pub(super) fn confidence(diagnosis: &Diagnosis<'_>, waiting: &Waiting<'_>, unknown: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a number from 0 to 1")]
    let enough = (waiting.count() as f64 / limits::MANY as f64).min(1.0).sqrt();
    // A lost event takes a wait's request or its end with it, so it counts twice.
    let kept = (1.0 - 2.0 * diagnosis.lost()).max(0.0);
    let sure =
        limits::AT_BEST * enough * kept * (1.0 - unknown) * (1.0 - diagnosis.unattributed() / 2.0);
    (sure * 100.0).round() / 100.0
}

/// What was lost, is unknown or rests on few numbers.
pub(super) fn caveats(
    diagnosis: &Diagnosis<'_>,
    waiting: &Waiting<'_>,
    unknown: f64,
) -> Vec<Caveat> {
    let coverage = &diagnosis.report.coverage;
    let mut caveats = Vec::new();
    if waiting.count() < limits::MANY {
        caveats.push(Caveat::FewWaits { count: waiting.count() });
    }
    let (lost, seen) = (coverage.lost_total(), coverage.events_seen);
    if lost > 0 {
        caveats.push(Caveat::EventsLost { lost, seen });
    }
    if diagnosis.unattributed() >= limits::UNATTRIBUTED {
        let (bytes, io_bytes) = (coverage.attribution.unattributed, coverage.io_bytes);
        caveats.push(Caveat::Unattributed { bytes, io_bytes });
    }
    if unknown >= limits::UNKNOWN {
        caveats.push(Caveat::Unexplained { share: Share::rounded(unknown) });
    }
    caveats
}
