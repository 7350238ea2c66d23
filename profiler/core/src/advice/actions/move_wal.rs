//! `move-wal`: etcd's WAL goes to a disk of its own.
//!
//! - *Applies when* an etcd waits for its WAL on a disk that others use, and has no `--wal-dir` yet (etcd, tuning: "a dedicated
//!   WAL directory").
//! - *Inert when* the other place is another partition or volume of the same disk.
//! - *Harmful when* the move is done with the member running, or the database's disk becomes the slow one: commits of the database are
//!   waited for as well.

use super::common::{elsewhere, share, structural};
use crate::advice::case::Case;
use crate::advice::judgement::Judgement;
use crate::argv::has_flag;
use crate::ids::{FileClass, Role};
use crate::report::{Action, Risk, Why};

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    let has_own = case.victim.argv.as_ref().is_some_and(|argv| has_flag(argv, "wal-dir"));
    if case.victim.role != Role::Etcd || case.class != FileClass::Wal || has_own {
        return Judgement::Silent;
    }
    let action = Action::MoveWal { victim: case.victim_id(), device: case.disk_name() };
    let why = Why::SharesDisk { actor: case.actor(), share: share(case) };
    let mut one = structural(case, action, why, elsewhere(case), Risk::MoveData);
    one.culprit = None;
    Judgement::Recommended(Box::new(one))
}
