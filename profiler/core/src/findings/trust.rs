//! How sure a finding can be, and what speaks against it whatever it says.

use super::context::Context;
use super::lines;
use super::waiting::Waiting;
use super::who;
use crate::render::units;
use crate::text::{Lang, findings as words};

/// Nothing measured on a running host is certain.
const AT_BEST: f64 = 0.95;
/// Nobody's bytes below this share are not worth a caveat.
const UNATTRIBUTED: f64 = 0.05;
/// An unknown share of a wait below this is not worth a caveat.
const UNKNOWN: f64 = 0.2;

/// How sure: lowered by few waits, lost events, what is unknown of the waits, and bytes that are nobody's.
pub(super) fn confidence(context: &Context<'_>, waiting: &Waiting<'_>, unknown: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a number from 0 to 1")]
    let enough = (waiting.count() as f64 / lines::MANY as f64).min(1.0).sqrt();
    // A lost event takes a wait's request or its end with it, so it counts twice.
    let kept = (1.0 - 2.0 * context.lost()).max(0.0);
    let sure = AT_BEST * enough * kept * (1.0 - unknown) * (1.0 - context.unattributed() / 2.0);
    (sure * 100.0).round() / 100.0
}

/// What was lost, is unknown or rests on few numbers.
pub(super) fn caveats(context: &Context<'_>, waiting: &Waiting<'_>, unknown: f64) -> Vec<String> {
    let coverage = &context.report.coverage;
    let mut caveats = Vec::new();
    if waiting.count() < lines::MANY {
        caveats.push(words::few_waits(Lang::En, waiting.count()));
    }
    if coverage.lost_total() > 0 {
        caveats.push(who::lost(coverage));
    }
    if context.unattributed() >= UNATTRIBUTED
        && let Some(share) = units::share(coverage.attribution.unattributed, coverage.io_bytes)
    {
        caveats.push(words::unattributed(Lang::En, &share));
    }
    if unknown >= UNKNOWN {
        caveats.push(words::unknown(Lang::En, &percent(unknown)));
    }
    caveats
}

/// A share for people.
pub(super) fn percent(share: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1")]
    let thousandths = (share * 1_000.0).round() as u64;
    units::share(thousandths, 1_000).unwrap_or_default()
}
