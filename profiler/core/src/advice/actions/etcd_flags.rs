//! `etcd-flags`: etcd keeps its database in memory.
//!
//! - *Applies when* an etcd waits in page faults and reads of its database (users: pages pushed out by a backup's page cache, etcd
//!   #10799). `--experimental-memory-mlock` in etcd 3.5, `--memory-mlock` since 3.6.
//! - *Inert when* its waits are syncs.
//! - *Harmful when* memory is short: what is locked is taken from others.

use crate::advice::case::Case;
use crate::advice::judgement::{Danger, Judgement, Recommendation};
use crate::argv::has_flag;
use crate::diagnosis::limits;
use crate::ids::{Call, FileClass, Role};
use crate::report::{Action, Actor, Expected, Report, Risk, Share, Verify, Waits, Why};

pub(in crate::advice) fn judge(case: &Case<'_>) -> Judgement {
    of_victim(case.victim).map_or(Judgement::Silent, |one| Judgement::Recommended(Box::new(one)))
}

/// The same where nobody is to blame.
pub(in crate::advice) fn without_case(report: &Report) -> Option<Recommendation> {
    report.actors.iter().filter(|actor| report.is_target(&actor.id)).find_map(of_victim)
}

fn of_victim(victim: &Actor) -> Option<Recommendation> {
    let argv = victim.argv.as_deref().unwrap_or_default();
    let has = ["memory-mlock", "experimental-memory-mlock"].iter().any(|flag| has_flag(argv, flag));
    let is_lookup = |call| matches!(call, Call::Fault | Call::Read);
    let all = victim.waits.iter().fold(0, |sum: u64, one| sum.saturating_add(one.latency.sum_ns));
    let lookups = victim.waits.iter().filter(|one| {
        one.call == Call::Fault || (is_lookup(one.call) && one.file_class == FileClass::Db)
    });
    let lookups = lookups.fold(0, |sum: u64, one| sum.saturating_add(one.latency.sum_ns));
    let part = super::io_max::ratio(lookups, all);
    if victim.role != Role::Etcd || has || lookups < limits::LOOKUPS_NS || part < limits::LOOKUPS {
        return None;
    }
    let waits =
        Waits { victim: victim.id.clone(), call: Call::Fault, file_class: Some(FileClass::Db) };
    Some(Recommendation {
        action: Action::MemoryMlock { victim: victim.id.clone() },
        reason: Why::DbFaults { share: Share::of(part) },
        culprit: None,
        expected: Expected::NotMeasured { waits: waits.clone() },
        effect: None,
        risks: vec![Risk::Memory],
        danger: Danger::High,
        changes: Vec::new(),
        apply: Vec::new(),
        undo: Vec::new(),
        verify: Verify::Compare { waits },
        structural: true,
    })
}
