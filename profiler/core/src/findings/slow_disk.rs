//! `slow-disk`: waits are long though the device has little to do, and nobody is to blame (manual §2): firmware, a
//! hypervisor's limit, a neighbour on the same storage elsewhere.

use super::Ruling;
use super::case;
use crate::diagnosis::charges::{Charges, To};
use crate::diagnosis::kinds::share;
use crate::diagnosis::limits::{self, Level};
use crate::diagnosis::waits::{Sort, Waiting};
use crate::diagnosis::{Diagnosis, Victim};
use crate::report::{Blame, Caveat, Device, Finding, Mechanism, Pattern, Severity, Share};

pub(super) const ID: Pattern = Pattern::SlowDisk;

/// Requests in a device that is at work, at most, for it to have little to do: a disk that needs more at a time to be
/// quick is slow for a log, which writes one after the other. Our own choice.
const LOW_DEPTH: f64 = 4.0;

pub(super) fn ask(diagnosis: &Diagnosis<'_>, victim: &Victim<'_>) -> Ruling {
    let mut worst: Option<Finding> = None;
    for waiting in victim.judged()?.iter().filter(|waiting| waiting.level() > Level::Fine) {
        let Some(sort) = waiting.worst() else { continue };
        let charges = sort.charges()?;
        let is_flush = |to, row: &Blame| in_device(to, row) && row.mechanism == Mechanism::Flush;
        if charges.others() >= limits::SHARE
            || charges.share(in_device) < limits::MOST
            // `flush-bound` tells of it.
            || charges.share(is_flush) >= limits::MOST
        {
            continue;
        }
        // The disk's own part of the waits has to be too long, not what the CPU adds to it.
        let part = charges.share(in_device);
        let (p99_ns, max_ns) = (scaled(sort.p99_ns(), part), scaled(sort.max_ns(), part));
        let level = limits::level(waiting.limit_ns, p99_ns, max_ns);
        if level == Level::Fine {
            continue;
        }
        let device = charges
            .device(in_device)
            .and_then(|name| diagnosis.report.devices.iter().find(|device| device.name == name));
        let depth = device.and_then(depth);
        if depth.is_some_and(|depth| depth >= LOW_DEPTH) {
            continue;
        }
        let found = finding(diagnosis, victim, (waiting, sort, charges), (level, device, depth));
        if worst.as_ref().is_none_or(|known| found.severity > known.severity) {
            worst = Some(found);
        }
    }
    Ok(worst)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time of about this length"
)]
fn scaled(ns: u64, share: f64) -> u64 {
    (ns as f64 * share) as u64
}

/// Time for the device that nobody else is charged with: in it, in its queue, for its cache, for the own commit.
fn in_device(to: To<'_>, row: &Blame) -> bool {
    let for_device = matches!(
        row.mechanism,
        Mechanism::Device | Mechanism::Queue | Mechanism::Flush | Mechanism::Journal
    );
    for_device && !matches!(to, To::Other(_))
}

/// Requests in a device while there were any; over the whole window where that time is not known.
#[expect(clippy::cast_precision_loss, reason = "a mean")]
pub(super) fn depth(device: &Device) -> Option<f64> {
    let busy = device.busy_ns.filter(|busy| *busy > 0);
    match (device.d2c.as_ref(), busy) {
        (Some(d2c), Some(busy)) => Some(d2c.sum_ns as f64 / busy as f64),
        _ => device.depth.map(|depth| depth.mean),
    }
}

fn finding(
    diagnosis: &Diagnosis<'_>,
    victim: &Victim<'_>,
    (waiting, sort, charges): (&Waiting<'_>, &Sort<'_>, &Charges<'_>),
    (level, device, depth): (Level, Option<&Device>, Option<f64>),
) -> Finding {
    let part = charges.share(in_device);
    let severity = if level == Level::Far { Severity::Critical } else { Severity::Warning };
    let numbers = (ID, part, severity, charges.unknown());
    let mut found = case::simple(diagnosis, victim, (waiting, sort), numbers)
        .on_device(device.map(|device| device.name.as_str()))
        .with_caveats(vec![Caveat::BelowDeviceUnseen]);
    found.others_share = Some(Share::rounded(charges.others()));
    if let Some(evidence) = &mut found.evidence {
        evidence.depth_while_busy = depth;
        evidence.d2c_p99_ns = device.and_then(|device| device.d2c.as_ref()?.p99_ns);
        let busy = device.and_then(|device| device.busy_ns);
        let busy = busy.map(|busy| share(busy, diagnosis.report.window.duration_ns));
        evidence.busy_share = busy.map(Share::rounded);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::build::{APISERVER, Scene};
    use super::{ID, LOW_DEPTH};
    use crate::diagnosis::limits::on_the_page;
    use crate::ids::FileClass;
    use crate::report::{Caveat, Mechanism, Reason, Severity, UNEXPLAINED};

    fn scene(ms: u64) -> Scene {
        Scene::new().syncs(FileClass::Wal, 1_000, ms).depth(1.2)
    }

    fn charged(scene: Scene, culprit: &str, mechanism: Mechanism) -> Scene {
        scene.blame(FileClass::Wal, "self", None, Mechanism::Flush, 0.3).blame(
            FileClass::Wal,
            culprit,
            None,
            mechanism,
            0.7,
        )
    }

    #[test]
    fn long_waits_with_nobody_to_blame_fire() {
        for culprit in ["self", UNEXPLAINED] {
            let found = charged(scene(20), culprit, Mechanism::Device).finding(&ID);
            assert_eq!((found.severity, found.subject.as_str()), (Severity::Warning, "vda"));
            assert!(found.caveats.contains(&Caveat::BelowDeviceUnseen), "{:?}", found.caveats);
        }
        let far = charged(scene(200), UNEXPLAINED, Mechanism::Device).finding(&ID);
        assert_eq!(far.severity, Severity::Critical);
    }

    #[test]
    fn fine_waits_culprits_and_a_deep_queue_do_not() {
        charged(scene(2), "self", Mechanism::Device).is_quiet(&ID);
        charged(scene(20).apiserver(), APISERVER, Mechanism::Device).is_quiet(&ID);
        charged(scene(20).depth(12.0), "self", Mechanism::Device).is_quiet(&ID);
        let with_cpu = scene(5).blame(FileClass::Wal, "self", None, Mechanism::Cpu, 0.4);
        with_cpu.rest(FileClass::Wal).is_quiet(&ID);
        charged(scene(20), UNEXPLAINED, Mechanism::Unexplained).is_quiet(&ID);
        let flushed = scene(20).blame(FileClass::Wal, "self", None, Mechanism::Flush, 0.6);
        flushed.rest(FileClass::Wal).is_quiet(&ID);
    }

    #[test]
    fn the_page_has_its_limit() {
        let requests = format!("fewer than {LOW_DEPTH} requests in it");
        on_the_page("a disk with little to do", &requests);
    }

    /// That nobody was asked is not that it was nobody.
    #[test]
    fn without_blame_it_cannot_say() {
        scene(20).not_yet(&ID, Reason::NoBlame { file_class: None });
        scene(2).is_quiet(&ID);
    }
}
