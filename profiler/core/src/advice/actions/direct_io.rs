//! `direct-io`: the culprit writes past the page cache, in small pieces.
//!
//! - *Applies when* the program can: dd. D11, same ext4: 64 KiB at a time, p99 from 2,048 to 32 ms; 1 MiB at a time 128 ms, since a
//!   large request stands in the way of a small one.
//! - *Inert when* it writes so already, or only reads.
//! - *Harmful when* pieces are small on a disk with few IOPS: the culprit becomes slower than it has to.

use super::common::{not_worth, recommended, share};
use crate::advice::case::Case;
use crate::advice::expect::{self, Held};
use crate::advice::judgement::{Danger, Judgement};
use crate::report::{Action, Why};

/// A piece.
const PIECE: u64 = 64 << 10;
/// What such a writer leaves of the disk: half (D11: 57 of 99 puts).
const LOAD: f64 = 0.5;

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    let is_direct =
        case.argv().iter().any(|arg| arg.starts_with("oflag=") && arg.contains("direct"));
    if case.program() != "dd" || is_direct || !case.demand.writes_buffered() {
        return Judgement::Silent;
    }
    let effect = expect::effect(case, Held { load: LOAD, ahead_bytes: PIECE, ..Held::default() });
    let action = Action::DirectIo { actor: case.actor() };
    if let Some(refusal) = not_worth(case, &action, effect.as_ref()) {
        return refusal;
    }
    let why = Why::CanWriteDirect { actor: case.actor(), share: share(case) };
    Judgement::Recommended(Box::new(recommended(case, action, why, effect, Danger::Low)))
}
