//! The finding that a case of the diagnosis makes, and one about waits without a case.

use super::confidence;
use crate::diagnosis::case::Case;
use crate::diagnosis::charges;
use crate::diagnosis::kinds::{Kind, share};
use crate::diagnosis::waits::{Sort, Waiting};
use crate::diagnosis::{Diagnosis, Victim, is_longer};
use crate::ids::FileClass;
use crate::report::{
    AloneVsShared, Caveat, Culprit, Evidence, Finding, Lat, Pattern, Severity, Share,
};

/// The finding with what every case has: numbers, caveats, confidence. `caveats` are its own.
pub(super) fn of(case: &Case<'_, '_>, id: Pattern, caveats: Vec<Caveat>) -> Finding {
    let numbers = (id, case.share, case.severity, case.unknown);
    let mut all = caveats;
    match case.beside.and_then(is_longer) {
        Some(false) => all.push(Caveat::NotLonger),
        None if !case.culprits.is_empty() => all.push(Caveat::NotCompared),
        Some(true) | None => {}
    }
    let mut found =
        simple(case.diagnosis, case.victim, (case.waiting, case.sort), numbers).with_caveats(all);
    found.culprits = case.culprits.iter().map(|one| culprit(one, case.whole_ns)).collect();
    found.device = case.device.map(str::to_owned);
    if let Some(evidence) = &mut found.evidence {
        evidence.charged_ns = Some(case.ns);
        if let Some(row) = case.beside {
            sides(evidence, row);
        }
    }
    found
}

/// A culprit as reports have it: the one with most stands for the group, with the share of all.
pub(super) fn culprit(of: &charges::Culprit<'_>, whole_ns: u64) -> Culprit {
    let share = Share::rounded(share(of.ns, whole_ns));
    Culprit { actor: of.id.to_owned(), runs: of.runs(), share }
}

/// A finding about a victim's waits of one sort: the pattern, the part of their time that it makes, how much that matters,
/// and which part of them is not explained.
pub(super) fn simple(
    diagnosis: &Diagnosis<'_>,
    victim: &Victim<'_>,
    (waiting, sort): (&Waiting<'_>, &Sort<'_>),
    (id, share, severity, unknown): (Pattern, f64, Severity, f64),
) -> Finding {
    Finding {
        id,
        severity,
        confidence: confidence::confidence(diagnosis, waiting, unknown),
        subject: victim.actor.id.clone(),
        victim: victim.actor.id.clone(),
        device: None,
        culprits: Vec::new(),
        evidence: Some(evidence(waiting, sort, share)),
        others_share: None,
        activity: None,
        caveats: confidence::caveats(diagnosis, waiting, unknown),
    }
}

impl Finding {
    /// The same with these caveats before its own.
    pub(super) fn with_caveats(self, first: Vec<Caveat>) -> Self {
        let caveats = first.into_iter().chain(self.caveats).collect();
        Self { caveats, ..self }
    }

    /// The same about a device, where that is known.
    pub(super) fn on_device(self, device: Option<&str>) -> Self {
        let device = device.map(str::to_owned);
        Self { subject: device.clone().unwrap_or(self.subject), device, ..self }
    }
}

/// What every finding about waits has: the file, and numbers.
fn evidence(waiting: &Waiting<'_>, sort: &Sort<'_>, share: f64) -> Evidence {
    Evidence {
        path: waiting.path.map(str::to_owned),
        share: Share::rounded(share),
        ..numbers((waiting.class, sort.kind), waiting.limit_ns, &sort.lat)
    }
}

/// Numbers of waits of one sort, and the line they are held against.
pub(super) fn numbers((file_class, wait): (FileClass, Kind), limit_ns: u64, lat: &Lat) -> Evidence {
    Evidence {
        alone_count: None,
        alone_mean_ns: None,
        alone_p99_ns: None,
        busy_share: None,
        charged_ns: None,
        count: lat.count,
        d2c_p99_ns: None,
        db_read_bytes: None,
        depth_while_busy: None,
        file_class,
        flush_commands: None,
        limit_ns,
        max_ns: lat.max_ns.unwrap_or(0),
        mean_ns: lat.mean_ns.unwrap_or(0),
        p99_ns: lat.p99_ns.unwrap_or(0),
        path: None,
        share: Share::default(),
        shared_count: None,
        shared_mean_ns: None,
        shared_p99_ns: None,
        sum_ns: lat.sum_ns,
        stall_start: None,
        stalled_ns: None,
        stalls: None,
        sync_count: None,
        sync_p99_ns: None,
        throttle_ns: None,
        wait,
    }
}

fn sides(evidence: &mut Evidence, row: &AloneVsShared) {
    let numbers = |lat: &Option<Lat>| {
        lat.as_ref().map_or((None, None, None), |lat| (Some(lat.count), lat.mean_ns, lat.p99_ns))
    };
    (evidence.alone_count, evidence.alone_mean_ns, evidence.alone_p99_ns) = numbers(&row.alone);
    (evidence.shared_count, evidence.shared_mean_ns, evidence.shared_p99_ns) = numbers(&row.shared);
}
