//! What the waits of a report are looked up in.

use std::collections::BTreeMap;

use super::charges::Charges;
use super::groups::Group;
use super::kinds::{Kind, share};
use super::limits;
use crate::ids::FileClass;
use crate::report::{Reason, Report};

/// Share of events that were lost.
pub(super) fn lost(report: &Report) -> f64 {
    share(report.coverage.lost_total(), report.coverage.events_seen)
}

/// That so many were.
pub(super) fn events_lost(report: &Report) -> Reason {
    let coverage = &report.coverage;
    Reason::EventsLost { lost: coverage.lost_total(), seen: coverage.events_seen }
}

/// What waits are looked up in.
pub(super) struct Source<'a, 'g> {
    pub(super) report: &'a Report,
    pub(super) groups: &'g BTreeMap<&'a str, Group<'a>>,
}

impl<'a> Source<'a, '_> {
    /// Whom a victim's waits are charged to; or why nobody can say. That nobody was asked is not that it was nobody.
    pub(super) fn charges(
        &self,
        victim: &str,
        (class, kind): (FileClass, Kind),
        sum_ns: u64,
    ) -> Result<Charges<'a>, Reason> {
        let Some(rows) = &self.report.blame else {
            return Err(Reason::NoBlame { file_class: None });
        };
        if lost(self.report) >= limits::LOST {
            return Err(events_lost(self.report));
        }
        let charges = Charges::of((self.groups, rows), victim, (class, kind), sum_ns);
        if charges.is_empty() {
            return Err(Reason::NoBlame { file_class: Some(class) });
        }
        Ok(charges)
    }
}
