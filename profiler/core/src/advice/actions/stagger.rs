//! `stagger`: backups do not run at the same time.
//!
//! - *Applies when* more than one backup makes the victim wait in the window (rke2 #6385: all servers at once, nodes unusable for 10 to 15
//!   minutes). Other members' schedules are not seen from here.
//! - *Inert when* only one does.
//! - *Harmful* never, but for the longer time of all together.

use std::collections::BTreeSet;

use super::common::structural;
use crate::advice::case::Case;
use crate::advice::judgement::Judgement;
use crate::report::{Action, Risk, Why};

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    let names: BTreeSet<&str> =
        case.backups.iter().filter_map(|actor| actor.comm.as_deref()).collect();
    if case.backups.len() < 2 {
        return Judgement::Silent;
    }
    let programs = names.into_iter().map(str::to_owned).collect();
    let backups = case.backups.len() as u64;
    let why = Why::Overlap { backups };
    let mut one = structural(case, Action::Stagger { programs }, why, None, Risk::Plan);
    one.culprit = None;
    Judgement::Recommended(Box::new(one))
}
