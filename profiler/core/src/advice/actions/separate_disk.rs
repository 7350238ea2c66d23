//! `separate-disk`: the victim has a disk of its own.
//!
//! - *Applies always* when somebody else's use of the disk makes it wait (manual, §5.2: etcd on a disk of its own). Where nothing that can be
//!   set helps, it is what is left.
//! - *Inert when* the "other disk" is a volume on the same storage.
//! - *Harmful when* done in haste: a member is stopped and its files moved.

use super::common::{elsewhere, share, structural};
use crate::advice::case::Case;
use crate::advice::judgement::Judgement;
use crate::report::{Action, Risk, Why};

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    let action = Action::SeparateDisk { victim: case.victim_id(), device: case.disk_name() };
    let why = Why::SharesDisk { actor: case.actor(), share: share(case) };
    let mut one = structural(case, action, why, elsewhere(case), Risk::MoveData);
    one.culprit = None;
    Judgement::Recommended(Box::new(one))
}
