//! How sure a finding can be, and what speaks against it whatever it says.

use crate::diagnosis::Diagnosis;
use crate::diagnosis::limits;
use crate::diagnosis::waits::Waiting;
use crate::report::{Caveat, Share};

/// How sure one can be of what is no percentile: how few waits there are is no matter.
pub(super) fn sure(diagnosis: &Diagnosis<'_>, unknown: f64) -> f64 {
    // A lost event takes a wait's request or its end with it, so it counts twice.
    let kept = (1.0 - 2.0 * diagnosis.lost()).max(0.0);
    limits::AT_BEST * kept * (1.0 - unknown) * (1.0 - diagnosis.unattributed() / 2.0)
}

/// A confidence with as many digits as it deserves.
pub(super) fn rounded(sure: f64) -> f64 {
    (sure * 100.0).round() / 100.0
}

/// How sure: lowered by few waits, lost events, what is unknown of the waits, and bytes that are nobody's.
pub(super) fn confidence(diagnosis: &Diagnosis<'_>, waiting: &Waiting<'_>, unknown: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a number from 0 to 1")]
    let enough = (waiting.count() as f64 / limits::MANY as f64).min(1.0).sqrt();
    rounded(enough * sure(diagnosis, unknown))
}

/// What was lost, is unknown or rests on few numbers.
pub(super) fn caveats(
    diagnosis: &Diagnosis<'_>,
    waiting: &Waiting<'_>,
    unknown: f64,
) -> Vec<Caveat> {
    let few = (waiting.count() < limits::MANY).then(|| Caveat::FewWaits { count: waiting.count() });
    few.into_iter().chain(missing(diagnosis, unknown)).collect()
}

/// What was lost or is unknown.
pub(super) fn missing(diagnosis: &Diagnosis<'_>, unknown: f64) -> Vec<Caveat> {
    let coverage = &diagnosis.report.coverage;
    let mut caveats = Vec::new();
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
