//! `move-output`: a backup goes to another disk or host.
//!
//! - *Applies when* a backup writes to the victim's disk. Seen most often of all cures in public reports (etcd #3777, rke2 #6385).
//! - *Inert when* it only reads (`separate-disk` stays).
//! - *Harmful when* the way to the other place is the network of the API server's, or the place is not safe: snapshots hold all secrets.

use super::common::{gone, share, structural};
use crate::advice::case::Case;
use crate::advice::judgement::Judgement;
use crate::report::{Action, Risk, Why};

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    if !case.is_backup() || !(case.demand.writes_buffered() || case.demand.writes_direct()) {
        return Judgement::Silent;
    }
    let action = Action::MoveOutput { actor: case.actor(), device: case.disk_name() };
    let why = Why::OutputBeside { actor: case.actor(), share: share(case) };
    Judgement::Recommended(Box::new(structural(case, action, why, gone(case), Risk::Plan)))
}
