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
use crate::ids::Role;
use crate::report::Actor;
use crate::text::advice::{Action, Risk, Why};

/// Share of a wait from which a backup counts.
const COUNTS: f64 = 0.03;

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    let rows = case.report.blame.iter().flatten().filter(|row| {
        (row.victim.as_str(), row.victim_call, row.victim_class)
            == (case.victim.id.as_str(), case.call, case.class)
            && row.share >= COUNTS
    });
    let backups: Vec<&Actor> = rows
        .filter_map(|row| case.report.actor(&row.culprit))
        .filter(|actor| actor.role == Role::Backup)
        .collect();
    let names: BTreeSet<&str> = backups.iter().filter_map(|actor| actor.comm.as_deref()).collect();
    let places: BTreeSet<_> = backups.iter().map(|actor| (&actor.comm, &actor.cgroup)).collect();
    if places.len() < 2 {
        return Judgement::Silent;
    }
    let who = names.into_iter().collect::<Vec<_>>().join(", ");
    let count = places.len().to_string();
    let mut one = structural(
        case,
        &Action::Stagger { who: &who },
        &Why::Overlap { count: &count },
        None,
        &Risk::Plan,
    );
    one.culprit = None;
    Judgement::Recommended(Box::new(one))
}
