//! `slow-disk`: waits are long though the device has little to do, and nobody is to blame (manual §2): firmware, a
//! hypervisor's limit, a neighbour on the same storage elsewhere.

use super::case::{self, put};
use super::charges::{Charges, To};
use super::context::{Context, Victim};
use super::lines::{self, Level};
use super::waiting::{Sort, Waiting, share};
use super::{Ruling, trust, who};
use crate::render::units;
use crate::report::{Blame, Device, Finding, Mechanism, Severity};
use crate::text::{Lang, findings as words};

pub(super) const ID: &str = "slow-disk";

/// Requests in a device that is at work, at most, for it to have little to do: a disk that needs more at a time to be
/// quick is slow for a log, which writes one after the other. Our own choice.
const LOW_DEPTH: f64 = 4.0;

pub(super) fn ask(context: &Context<'_>, victim: &Victim<'_>) -> Ruling {
    let mut worst: Option<Finding> = None;
    for waiting in victim.judged()?.iter().filter(|waiting| waiting.level() > Level::Fine) {
        let Some(sort) = waiting.worst() else { continue };
        let charges = context.charges(victim, waiting.class, sort)?;
        let is_flush = |to, row: &Blame| in_device(to, row) && row.mechanism == Mechanism::Flush;
        if charges.others() >= lines::SHARE
            || charges.share(in_device) < lines::MOST
            // `flush-bound` tells of it.
            || charges.share(is_flush) >= lines::MOST
        {
            continue;
        }
        // The disk's own part of the waits has to be too long, not what the CPU adds to it.
        let part = charges.share(in_device);
        let (p99_ns, max_ns) = (scaled(sort.p99_ns(), part), scaled(sort.max_ns(), part));
        let level = lines::level(waiting.line_ns, p99_ns, max_ns);
        if level == Level::Fine {
            continue;
        }
        let device = charges
            .devices(in_device)
            .first()
            .and_then(|name| context.report.devices.iter().find(|device| device.name == *name));
        let depth = device.and_then(depth);
        if depth.is_some_and(|depth| depth >= LOW_DEPTH) {
            continue;
        }
        let found = finding(context, victim, (waiting, sort, &charges), (level, device, depth));
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
    context: &Context<'_>,
    victim: &Victim<'_>,
    (waiting, sort, charges): (&Waiting<'_>, &Sort, &Charges<'_>),
    (level, device, depth): (Level, Option<&Device>, Option<f64>),
) -> Finding {
    let part = charges.share(in_device);
    let name = device.map_or_else(|| words::its_disk(Lang::En), |device| who::safe(&device.name));
    let depth_in_words = depth.map(units::decimal);
    let summary = words::slow(
        Lang::En,
        &name,
        &who::actor(victim.actor),
        &case::figures(waiting, sort, part),
        depth_in_words.as_deref(),
        &trust::percent(charges.others()),
    );
    let mut evidence = case::evidence(waiting, sort, part);
    if let Some(depth) = depth {
        evidence.insert("depth_while_busy".to_owned(), ((depth * 100.0).round() / 100.0).into());
    }
    let d2c = device.and_then(|device| device.d2c.as_ref());
    if let Some(p99) = d2c.and_then(|d2c| d2c.p99_ns) {
        put(&mut evidence, "d2c_p99_ns", p99);
    }
    if let Some(busy) = device.and_then(|device| device.busy_ns) {
        let busy = share(busy, context.report.window.duration_ns);
        evidence.insert("busy_share".to_owned(), ((busy * 1_000.0).round() / 1_000.0).into());
    }
    let mut caveats = vec![words::below_the_device(Lang::En)];
    caveats.extend(trust::caveats(context, waiting, charges.unknown()));
    let severity = if level == Level::Far { Severity::Critical } else { Severity::Warning };
    Finding {
        id: ID.to_owned(),
        severity,
        confidence: trust::confidence(context, waiting, charges.unknown()),
        subject: device.map_or_else(|| victim.actor.id.clone(), |device| device.name.clone()),
        culprits: Vec::new(),
        summary,
        evidence,
        caveats,
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::{APISERVER, Scene};
    use super::ID;
    use crate::ids::FileClass;
    use crate::report::{Mechanism, Severity, UNEXPLAINED};

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
            let found = charged(scene(20), culprit, Mechanism::Device).finding(ID);
            assert_eq!((found.severity, found.subject.as_str()), (Severity::Warning, "vda"));
            assert!(
                found.caveats.iter().any(|one| one.contains("hypervisor")),
                "{:?}",
                found.caveats
            );
        }
        let far = charged(scene(200), UNEXPLAINED, Mechanism::Device).finding(ID);
        assert_eq!(far.severity, Severity::Critical);
    }

    #[test]
    fn fine_waits_culprits_and_a_deep_queue_do_not() {
        charged(scene(2), "self", Mechanism::Device).is_quiet(ID);
        charged(scene(20).apiserver(), APISERVER, Mechanism::Device).is_quiet(ID);
        charged(scene(20).depth(12.0), "self", Mechanism::Device).is_quiet(ID);
        let with_cpu = scene(5).blame(FileClass::Wal, "self", None, Mechanism::Cpu, 0.4);
        with_cpu.rest(FileClass::Wal).is_quiet(ID);
        charged(scene(20), UNEXPLAINED, Mechanism::Unexplained).is_quiet(ID);
        let flushed = scene(20).blame(FileClass::Wal, "self", None, Mechanism::Flush, 0.6);
        flushed.rest(FileClass::Wal).is_quiet(ID);
    }

    /// That nobody was asked is not that it was nobody.
    #[test]
    fn without_blame_it_cannot_say() {
        scene(20).not_yet(ID, "not computed");
        scene(2).is_quiet(ID);
    }
}
