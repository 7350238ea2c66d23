//! `follower`: the snapshot is taken from another member than the leader.
//!
//! - *Applies when* a snapshot through etcd's API makes the member it is taken from wait (manual, §8.4).
//! - *Inert when* the cluster has one member.
//! - *Harmful when* the follower lags: a snapshot is as old as what the follower has applied, so its raft index is compared first. With
//!   `snapshot save` from all members in turn the work only moves.

use super::common::{share, structural};
use super::ionice::is_client;
use crate::advice::case::Case;
use crate::advice::judgement::{Judgement, Refusal};
use crate::argv::flag_value;
use crate::ids::Role;
use crate::report::{Action, Risk, Verify, Why};

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    if case.victim.role != Role::Etcd || !case.is_backup() || !is_client(case) {
        return Judgement::Silent;
    }
    let argv = case.victim.argv.as_deref().unwrap_or_default();
    let members = flag_value(argv, "initial-cluster").map(|list| list.split(',').count());
    if members == Some(1) {
        return Judgement::Refused(Refusal {
            action: Action::Follower,
            reason: Why::SingleMember,
            culprit: None,
        });
    }
    let why = Why::FollowerHasTime { share: share(case) };
    let mut one = structural(case, Action::Follower, why, None, Risk::Stale);
    one.verify = Verify::FollowerFresh;
    one.culprit = None;
    Judgement::Recommended(Box::new(one))
}
