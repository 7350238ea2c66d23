//! The hand-made report of [`super::sample`] with blame, and what the rules say of it.

use super::sample::{lat, report};
use super::{AloneVsShared, Blame, Mechanism, Report, SELF, StartedBy, Starter, UNEXPLAINED};
use crate::findings;
use crate::ids::{Call, FileClass};

const ETCD: &str = "4711@98765000000";
const ETCDCTL: &str = "5120@4321000000000";
const APISERVER: &str = "3980@97000000000";

/// The report: a snapshot that cron started makes etcd wait, and an audit log a little.
pub(crate) fn judged() -> Report {
    let mut report = blamed();
    findings::judge(&mut report);
    report
}

/// The same before the rules were asked.
pub(crate) fn blamed() -> Report {
    let mut report = report();
    report.actors[1].started_by =
        Some(StartedBy { how: Starter::Cron, name: "cron".into(), pid: Some(812) });
    let backup = Some(FileClass::BackupOutput);
    let thousandths = [
        (FileClass::Wal, ETCDCTL, backup, Mechanism::Queue, 385),
        (FileClass::Wal, ETCDCTL, backup, Mechanism::Journal, 160),
        (FileClass::Wal, APISERVER, Some(FileClass::AuditLog), Mechanism::Queue, 72),
        (FileClass::Wal, SELF, Some(FileClass::Wal), Mechanism::Device, 230),
        (FileClass::Wal, SELF, Some(FileClass::Wal), Mechanism::Flush, 81),
        (FileClass::Wal, UNEXPLAINED, None, Mechanism::Unexplained, 72),
        (FileClass::Db, ETCDCTL, backup, Mechanism::Queue, 410),
        (FileClass::Db, SELF, Some(FileClass::Db), Mechanism::Device, 590),
    ];
    let mut rows: Vec<Blame> = Vec::new();
    for (class, culprit, culprit_class, mechanism, share) in thousandths {
        let waits = report.actors[0].waits.iter().filter(|wait| wait.file_class == class);
        let whole: u64 = waits.map(|wait| wait.latency.sum_ns).sum();
        rows.push(Blame {
            victim: ETCD.into(),
            victim_class: class,
            victim_call: Call::Fdatasync,
            culprit: culprit.into(),
            culprit_class,
            device: Some("vda".into()),
            mechanism,
            wait_ns: whole / 1_000 * share,
            share: f64::from(u32::try_from(share).unwrap()) / 1_000.0,
        });
        // The last row of a class takes what rounding left.
        let of_class = || rows.iter().filter(|row| row.victim_class == class);
        if of_class().map(|row| row.share).sum::<f64>() > 0.999 {
            let left = whole - of_class().map(|row| row.wait_ns).sum::<u64>();
            rows.last_mut().unwrap().wait_ns += left;
        }
    }
    report.blame = Some(rows);
    report.alone_vs_shared = Some(vec![AloneVsShared {
        victim: ETCD.into(),
        call: Call::Fdatasync,
        culprit: ETCDCTL.into(),
        alone: Some(lat(1_200, 2_100_000)),
        shared: Some(lat(800, 9_400_000)),
        baseline: Some(lat(1_000, 2_200_000)),
        baseline_p99_ns: Some(2_100_000),
    }]);
    report
}
