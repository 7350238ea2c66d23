//! Reports made by hand for the rules' tests: an etcd on `vda` for 30 s, and what is put beside it.

use std::collections::BTreeMap;

use super::judge;
use crate::hist::Dist;
use crate::ids::{Call, FileClass, Method, Op, Role};
use crate::plan::{GapReason, NoFormats};
use crate::report::{
    Activity, Actor, AloneVsShared, Answer, Attached, Blame, Depth, Device, Evidence, Filesystem,
    Finding, HookKind, Host, Io, Judgement, Lat, LongestSync, Mechanism, Part, Pattern, Reason,
    Report, Stall, StallCause, StartedBy, Starter, Target, Tool, Wait, Window, rfc3339,
};

/// The victim.
pub(super) const ETCD: &str = "4711@100";
/// The API server of [`Scene::apiserver`].
pub(super) const APISERVER: &str = "3980@90";

const MS: u64 = 1_000_000;

/// A report that grows.
#[derive(Clone)]
pub(super) struct Scene(Report);

impl Scene {
    /// An etcd that did nothing yet.
    pub(super) fn new() -> Self {
        let window = Window::new(0, 30_000 * 1_000_000, 0, 30_000 * MS);
        let mut report = Report::new(Tool::default(), Host::default(), window);
        report.targets = vec![Target { selector: "auto".into(), actors: vec![ETCD.into()] }];
        let argv = Some(vec!["/usr/bin/etcd".into(), "--data-dir=/var/lib/etcd".into()]);
        let etcd = process(ETCD, 4711, "etcd", argv, Role::Etcd);
        report.actors = vec![etcd];
        let depth = Some(Depth { mean: 1.0, max: None });
        report.devices = vec![Device { name: "vda".into(), depth, ..Device::default() }];
        report.coverage.events_seen = 10_000;
        report.coverage.events_kept = 10_000;
        report.coverage.attached = vec![Attached {
            program: "switch".into(),
            hook: "sched_switch".into(),
            kind: HookKind::TpBtf,
            attached: true,
            reason: None,
        }];
        Self(report)
    }

    /// So many syncs of `ms`, every 25th three times as long (so that is their 99th percentile); all in the device.
    pub(super) fn syncs(self, class: FileClass, count: u64, ms: u64) -> Self {
        let mut dist = Dist::new();
        for index in 0..count {
            dist.record(if index % 25 == 0 { 3 * ms * MS } else { ms * MS });
        }
        self.wait(Call::Fdatasync, class, &dist, Part::Device)
    }

    /// So many syncs of 100 µs.
    pub(super) fn tiny_syncs(self, class: FileClass, count: u64) -> Self {
        let mut dist = Dist::new();
        (0..count).for_each(|_| dist.record(MS / 10));
        self.wait(Call::Fdatasync, class, &dist, Part::Device)
    }

    /// So many waits of this length, made of this part.
    pub(super) fn waits(
        self,
        call: Call,
        class: FileClass,
        count: u64,
        ms: u64,
        part: Part,
    ) -> Self {
        let mut dist = Dist::new();
        (0..count).for_each(|_| dist.record(ms * MS));
        self.wait(call, class, &dist, part)
    }

    fn wait(mut self, call: Call, file_class: FileClass, dist: &Dist, part: Part) -> Self {
        let latency = Lat::from(dist);
        let anatomy = Some(BTreeMap::from([(part, latency.sum_ns)]));
        let path = Some(format!("/var/lib/etcd/{}", file_class.name()));
        self.0.actors[0].waits.push(Wait { call, file_class, path, latency, anatomy });
        self
    }

    /// Waits are not taken apart.
    pub(super) fn not_apart(mut self) -> Self {
        self.0.actors[0].waits.iter_mut().for_each(|wait| wait.anatomy = None);
        self
    }

    /// The victim plays another part.
    pub(super) fn victim_role(mut self, role: Role) -> Self {
        self.0.actors[0].role = role;
        self
    }

    /// The victim read so much of its database from the disk.
    pub(super) fn db_reads(mut self, bytes: u64) -> Self {
        let row = Io {
            device: "vda".into(),
            op: Op::Read,
            file_class: FileClass::Db,
            method: Method::Direct,
            count: 1,
            bytes,
            q2d: None,
            d2c: None,
            q2c: None,
        };
        self.0.actors[0].io.push(row);
        self
    }

    /// An API server.
    pub(super) fn apiserver(mut self) -> Self {
        let argv =
            Some(vec!["kube-apiserver".into(), "--audit-log-path=/var/log/audit.log".into()]);
        self.0.actors.push(process(APISERVER, 3980, "kube-apiserver", argv, Role::Apiserver));
        self
    }

    /// A backup that cron started.
    pub(super) fn backup(mut self) -> Self {
        let argv = ["/usr/bin/etcdctl", "snapshot", "save", "/backup/hourly.db"];
        let argv = Some(argv.map(str::to_owned).to_vec());
        let mut backup = process(&self.backup_id(), 5120, "etcdctl", argv, Role::Backup);
        backup.started_by =
            Some(StartedBy { how: Starter::Cron, name: "cron".into(), pid: Some(812) });
        self.0.actors.push(backup);
        self
    }

    /// When somebody was at work.
    pub(super) fn activity(mut self, activity: Activity) -> Self {
        self.0.activity = Some(vec![activity]);
        self
    }

    /// Id of the backup.
    #[expect(clippy::unused_self, reason = "reads as part of the scene")]
    pub(super) fn backup_id(&self) -> String {
        "5120@7000".to_owned()
    }

    /// Somebody else, `PID@PID`.
    pub(super) fn other(mut self, pid: u32, role: Role, argv: &[&str]) -> Self {
        let (id, name) = (format!("{pid}@{pid}"), argv.first().copied().unwrap_or_default());
        let argv = Some(argv.iter().map(|&word| word.to_owned()).collect());
        self.0.actors.push(process(&id, pid, name, argv, role));
        self
    }

    /// This share of the victim's first waits on a class is charged to somebody.
    pub(super) fn blame(
        mut self,
        victim_class: FileClass,
        culprit: &str,
        culprit_class: Option<FileClass>,
        mechanism: Mechanism,
        share: f64,
    ) -> Self {
        let (victim_call, whole) = self.first(victim_class);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a made-up time"
        )]
        let wait_ns = (whole as f64 * share).round() as u64;
        let row = Blame {
            victim: ETCD.into(),
            victim_class,
            victim_call,
            culprit: culprit.into(),
            culprit_class,
            device: Some("vda".into()),
            mechanism,
            wait_ns,
            share,
        };
        self.0.blame.get_or_insert_default().push(row);
        self
    }

    /// What is left of the waits on a class is the victim's own time in the device.
    pub(super) fn rest(self, class: FileClass) -> Self {
        let blamed = self.0.blame.iter().flatten().filter(|row| row.victim_class == class);
        let left: f64 = 1.0 - blamed.map(|row| row.share).sum::<f64>();
        self.blame(class, "self", None, Mechanism::Device, left.max(0.0))
    }

    /// The call of the first waits on a class, and their time.
    fn first(&self, class: FileClass) -> (Call, u64) {
        let mut waits = self.0.actors[0].waits.iter();
        let wait = waits.find(|wait| wait.file_class == class).unwrap();
        (wait.call, wait.latency.sum_ns)
    }

    /// Syncs without and with a culprit at work, each so many of so many ms.
    pub(super) fn beside(mut self, culprit: &str, alone: (u64, u64), shared: (u64, u64)) -> Self {
        let lat = |(count, ms): (u64, u64)| {
            let mut dist = Dist::new();
            (0..count).for_each(|_| dist.record(ms * MS));
            Lat::non_empty(&dist)
        };
        let row = AloneVsShared {
            victim: ETCD.into(),
            call: Call::Fdatasync,
            culprit: culprit.into(),
            alone: lat(alone),
            shared: lat(shared),
            baseline: None,
            baseline_p99_ns: None,
        };
        self.0.alone_vs_shared.get_or_insert_default().push(row);
        self
    }

    /// A stall of one sync of so many ms, that many seconds after the begin, charged to these: id, how, ms.
    pub(super) fn stall(
        mut self,
        file_class: FileClass,
        at_s: u64,
        ms: u64,
        causes: &[(&str, Mechanism, u64)],
    ) -> Self {
        let start = rfc3339(i64::try_from(at_s).unwrap() * 1_000_000_000, 0);
        let cause = |(culprit, mechanism, ms): &(&str, Mechanism, u64)| StallCause {
            culprit: (*culprit).to_owned(),
            mechanism: Some(*mechanism),
            device: Some("vda".into()),
            wait_ns: ms * MS,
        };
        let stall = Stall {
            victim: ETCD.into(),
            file_class,
            start: start.clone(),
            duration_ns: ms * MS,
            limit_ns: 100 * MS,
            syncs: 1,
            wait_ns: ms * MS,
            worst: LongestSync { start, duration_ns: ms * MS },
            causes: causes.iter().map(cause).collect(),
            ..Stall::default()
        };
        self.0.stalls.get_or_insert_default().push(stall);
        self
    }

    /// So many requests in the disk at a time.
    pub(super) fn depth(mut self, mean: f64) -> Self {
        self.0.devices[0].depth = Some(Depth { mean, max: None });
        self
    }

    /// A fifth of the events was lost.
    pub(super) fn lossy(mut self) -> Self {
        self.0.coverage.events_kept = 8_000;
        self.0.coverage.lost = BTreeMap::from([("ring_full_io".into(), 2_000)]);
        self
    }

    /// A hook is missing.
    pub(super) fn without_hook(mut self, hook: &str) -> Self {
        self.0.coverage.attached.retain(|one| one.hook != hook);
        self
    }

    /// The victim's files are on a file system of this type, mounted at `/`.
    pub(super) fn on(mut self, fstype: &str) -> Self {
        let (mount_point, fstype) = ("/".to_owned(), fstype.to_owned());
        let mount = Filesystem { mount_point, fstype, options: None };
        self.0.devices[0].filesystems = Some(vec![mount]);
        self
    }

    /// A hook could not be put in place, because tracefs is not mounted.
    pub(super) fn missed(mut self, program: &str, hook: &str) -> Self {
        self.0.coverage.attached.push(Attached {
            program: program.into(),
            hook: hook.into(),
            kind: HookKind::Tracepoint,
            attached: false,
            reason: Some(GapReason::NoTracefs { why: NoFormats::NotMounted }),
        });
        self
    }

    /// Something else of the report is changed.
    pub(super) fn with(mut self, change: impl FnOnce(&mut Report)) -> Self {
        change(&mut self.0);
        self
    }

    /// The report with what the rules say of it.
    pub(super) fn judged(&self) -> Report {
        let mut report = self.0.clone();
        judge(&mut report);
        report
    }

    /// The verdict.
    pub(super) fn verdict(&self) -> Judgement {
        self.judged().verdict.unwrap()
    }

    /// The finding of a rule that has to fire.
    pub(super) fn finding(&self, id: &Pattern) -> Finding {
        let report = self.judged();
        let found = report.findings.iter().flatten().find(|found| found.id == *id).cloned();
        found.unwrap_or_else(|| panic!("{id:?} does not fire: {:?}", answer(&report, id)))
    }

    /// A rule has to say that there is nothing.
    pub(super) fn is_quiet(&self, id: &Pattern) {
        let report = self.judged();
        assert_eq!(answer(&report, id), (Answer::Quiet, None), "{id:?}");
        assert!(report.findings.iter().flatten().all(|found| found.id != *id));
    }

    /// A rule has to say that it cannot say, and why.
    pub(super) fn not_yet(&self, id: &Pattern, why: Reason) {
        assert_eq!(answer(&self.judged(), id), (Answer::NotYet, Some(why)), "{id:?}");
    }
}

/// Ids of those a finding is about.
pub(super) fn actors(found: &Finding) -> Vec<&str> {
    found.culprits.iter().map(|culprit| culprit.actor.as_str()).collect()
}

/// A finding's numbers.
pub(super) fn numbers(found: &Finding) -> &Evidence {
    found.evidence.as_ref().unwrap()
}

fn answer(report: &Report, id: &Pattern) -> (Answer, Option<Reason>) {
    let rule = report.rules.iter().flatten().find(|rule| rule.id == *id).unwrap();
    (rule.answer, rule.reason.clone())
}

fn process(id: &str, pid: u32, comm: &str, argv: Option<Vec<String>>, role: Role) -> Actor {
    let comm = Some(comm.to_owned());
    Actor { id: id.into(), pid: Some(pid), comm, argv, role, ..Actor::default() }
}
