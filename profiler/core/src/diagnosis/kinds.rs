//! Sorts of calls, and parts of wholes.

use crate::ids::Call;
pub(crate) use crate::report::WaitKind as Kind;

/// All sorts of calls.
pub(super) const KINDS: [Kind; 3] = [Kind::Sync, Kind::Write, Kind::Fault];

/// The sort of a call. Reads are no sort: etcd's clients wait for none, since its database is mapped.
pub(crate) const fn kind_of(call: Call) -> Option<Kind> {
    match call {
        _ if call.syncs_a_file() => Some(Kind::Sync),
        Call::Write => Some(Kind::Write),
        Call::Fault => Some(Kind::Fault),
        _ => None,
    }
}

/// A part of a whole, 0 to 1; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "a share")]
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
}
