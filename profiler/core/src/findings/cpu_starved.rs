//! `cpu-starved`: the victim's threads are ready and have no CPU for a part of its syncs that matters (manual §2). Less IO of others does not help.

use super::Ruling;
use super::case;
use crate::diagnosis::kinds::Kind;
use crate::diagnosis::limits::{self, Level};
use crate::diagnosis::{Diagnosis, Victim};
use crate::report::{Caveat, Finding, Part, Pattern, Reason};

pub(super) const ID: Pattern = Pattern::CpuStarved;

pub(super) fn ask(diagnosis: &Diagnosis<'_>, victim: &Victim<'_>) -> Ruling {
    let mut worst: Option<Finding> = None;
    for waiting in victim.judged()? {
        let Some(syncs) = waiting.sort(Kind::Sync).filter(|syncs| syncs.level > Level::Fine) else {
            continue;
        };
        let Some(share) = syncs.share_of(&[Part::Runnable]) else {
            return Err(Reason::NotTakenApart);
        };
        let Some(severity) = limits::severity(syncs.level, share, syncs.mean_ns()) else {
            continue;
        };
        if worst.as_ref().is_none_or(|known| severity > known.severity) {
            let numbers = (ID, share, severity, 0.0);
            let found = case::simple(diagnosis, victim, (waiting, syncs), numbers);
            worst = Some(found.with_caveats(vec![Caveat::WhoRanUnseen]));
        }
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::super::build::{APISERVER, Scene};
    use super::ID;
    use crate::ids::{Call, FileClass};
    use crate::report::{Mechanism, Part, Reason, Severity, UNEXPLAINED, VictimState};

    fn syncs(ms: u64, part: Part) -> Scene {
        Scene::new().waits(Call::Fdatasync, FileClass::Wal, 500, ms, part)
    }

    #[test]
    fn syncs_without_a_cpu_fire() {
        assert_eq!(syncs(40, Part::Runnable).finding(&ID).severity, Severity::Warning);
        assert_eq!(syncs(300, Part::Runnable).finding(&ID).severity, Severity::Critical);
        assert_eq!(syncs(40, Part::Runnable).verdict().answer, VictimState::CpuStarved);
    }

    /// Own work on a CPU is not a lack of one, and short waits are fine whatever they are made of.
    #[test]
    fn time_on_a_cpu_other_parts_and_fine_waits_do_not() {
        syncs(40, Part::Cpu).is_quiet(&ID);
        assert_eq!(syncs(40, Part::Cpu).verdict().answer, VictimState::NotTheDisk);
        syncs(40, Part::Device).is_quiet(&ID);
        syncs(2, Part::Runnable).is_quiet(&ID);
        assert_eq!(syncs(2, Part::Runnable).verdict().answer, VictimState::Fine);
    }

    #[test]
    fn what_has_no_breakdown_says_nothing() {
        syncs(40, Part::Runnable).not_apart().not_yet(&ID, Reason::NotTakenApart);
    }

    /// Property: the largest cause decides. A CPU that is short too makes a neighbour's waits no matter of the CPU.
    #[test]
    fn the_largest_of_cpu_and_neighbours_decides() {
        let of = |cpu: f64, others: f64, device: f64| {
            let scene = syncs(40, Part::Device).apiserver();
            let scene = scene.blame(FileClass::Wal, UNEXPLAINED, None, Mechanism::Cpu, cpu);
            let scene = scene.blame(FileClass::Wal, APISERVER, None, Mechanism::Queue, others);
            let scene = scene.blame(FileClass::Wal, "self", None, Mechanism::Device, device);
            scene.verdict().answer
        };
        assert_eq!(of(0.6, 0.3, 0.1), VictimState::CpuStarved);
        assert_eq!(of(0.4, 0.5, 0.1), VictimState::Contended);
        assert_eq!(of(0.3, 0.1, 0.6), VictimState::SlowDisk);
    }
}
