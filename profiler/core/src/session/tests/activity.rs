//! Backups across restarts, peaks of a target, their rhythm, and the schedule entry behind them.

use std::sync::Arc;

use bytemuck::bytes_of;
use iocontend_wire::key::{Key, Kind};
use iocontend_wire::record::{IoRecord, tag};

use super::super::{HostSample, Input, Intervals, Now, Options, Past, Session, report_between};
use super::host::{facts, process};
use super::kernel::{direct, exec_record, exit_record, fork_record, on_file, wait};
use crate::ids::Role;
use crate::report::{Activity, ActivityKind, Closest, NotYet, Note, Report};
use crate::schedule::{Crontab, Schedules, crontab};
use crate::text::Lang;
use crate::text::periods::rhythm_of;

const ETCD: u32 = 100;
const CRON: u32 = 50;
const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;
/// Sunday, the 1st of March 2026, 00:00 UTC.
const MIDNIGHT: i64 = 1_772_323_200;

/// A host on which time passes, in seconds after the midnight.
struct Day {
    session: Session,
    now: u64,
    pid: u32,
}

impl Day {
    /// With an etcd and a cron, from this second on.
    fn from(second: u64) -> Self {
        let session = Session::new(Options::default(), at(second));
        let mut day = Self { session, now: second, pid: 1_000 };
        day.tell(process(facts(ETCD, 5, "etcd", &["etcd", "--data-dir=/d"])));
        day.tell(process(facts(CRON, 4, "cron", &["/usr/sbin/cron", "-f"])));
        day.tell(Input::Started(HostSample::default()));
        day
    }

    fn tell(&mut self, input: Input<'_>) {
        self.session.apply(input, at(self.now));
    }

    fn table(&mut self, text: &str) {
        let (entries, problems) =
            crontab("/etc/crontab", text, Crontab::System, &|_| None, &|_| None, &|| true);
        let mut schedules = Schedules::default();
        schedules.add(entries, problems);
        self.tell(Input::Schedules(Box::new(schedules)));
    }

    fn io(&mut self, key: Key, bytes: u32, ended_ms_ago: u64) {
        let record = IoRecord {
            head: tag::IO.into(),
            bytes,
            key: key.0,
            sector: 0,
            complete_ns: at(self.now).mono_ns - ended_ms_ago * MS,
            q2c_ns: MS,
            d2c_ns: MS,
        };
        self.tell(Input::Record(bytes_of(&record)));
    }

    /// The etcd syncs its log once a second until then, each this long.
    fn syncs_until(&mut self, second: u64, ns: u64) {
        while self.now < second {
            self.now += 1;
            let key = on_file(ETCD, 0, Kind::Fdatasync, 1);
            let record = wait(key.0, at(self.now).mono_ns - ns, ns);
            self.tell(Input::Record(bytes_of(&record)));
        }
    }

    /// Cron starts a shell, which becomes a backup that takes ten seconds; half of what it wrote is written after its end.
    fn backup(&mut self, slow_ns: u64) {
        self.pid += 2;
        let (pid, ticks) = (self.pid, self.now * 100);
        let file = format!("/b/etcd-{}.db", self.now);
        let text = format!("etcdctl snapshot save {file}");
        self.tell(Input::Record(&fork_record(CRON, pid, ticks)));
        self.tell(Input::Record(&exec_record(pid, ticks, "sh", &["/bin/sh", "-c", &text])));
        let argv = ["etcdctl", "--endpoints=127.0.0.1:2379", "snapshot", "save", &file];
        self.tell(Input::Record(&exec_record(pid, ticks, "etcdctl", &argv)));
        let key = direct(pid, 0, Kind::Write);
        self.syncs_until(self.now + 6, slow_ns);
        self.io(key, 1 << 20, 0);
        // Records of another CPU come late.
        self.io(key, 1 << 20, 500);
        self.syncs_until(self.now + 4, slow_ns);
        self.tell(Input::Record(&exit_record(pid, ticks, "etcdctl")));
        self.syncs_until(self.now + 25, MS);
        self.io(key, 2 << 20, 0);
    }

    fn report(&mut self) -> Report {
        self.session.apply(Input::Over(HostSample::default()), at(self.now));
        report_between(None, &self.session.snapshot(at(self.now)))
    }
}

fn at(second: u64) -> Now {
    let unix_ns = (MIDNIGHT + i64::try_from(second).unwrap()) * 1_000_000_000;
    Now { mono_ns: (second + 10_000) * S, unix_ns }
}

fn of_kind(report: &Report, kind: ActivityKind) -> Vec<&Activity> {
    report.activity.iter().flatten().filter(|activity| activity.kind == kind).collect()
}

const TABLE: &str = "5 * * * * root etcdctl snapshot save /b/etcd-$(date +\\%s).db\n\
    30 3 * * * root restic backup /\n17 * * * * root /usr/bin/other\n";

/// Hours, each with a backup at its minute, from the one of `first` on.
fn hours(day: &mut Day, first: u64, last: u64) {
    for hour in first..=last {
        day.syncs_until(hour * 3_600 + 302, MS);
        day.backup(40 * MS);
    }
    day.syncs_until(last * 3_600 + 600, MS);
}

/// Property: an hourly backup, a new process each time, is one activity with its minute, its entry, and etcd's peaks in
/// its windows; the peaks have the same rhythm; a backup that only the crontab names is told apart.
#[test]
fn an_hourly_backup_is_found_with_its_entry_and_its_peaks() {
    let mut day = Day::from(60);
    day.table(TABLE);
    hours(&mut day, 0, 4);
    let report = day.report();
    let backups = of_kind(&report, ActivityKind::Backup);
    let [backup] = backups[..] else { panic!("{backups:#?}") };
    assert_eq!((backup.name.as_str(), backup.role), ("etcdctl snapshot save", Role::Backup));
    assert_eq!((backup.windows.len(), backup.actors.len()), (5, 5));
    assert_eq!(backup.windows[0].start, "2026-03-01T00:05:02.000+00:00");
    assert_eq!(backup.windows[0].end, "2026-03-01T00:05:37.000+00:00");
    assert_eq!(backup.windows[0].bytes, Some(4 << 20));
    let period = backup.period.as_ref().unwrap();
    assert_eq!((period.seconds, period.phase_seconds, period.cycles), (3_600, Some(302), 5));
    assert_eq!(rhythm_of(Lang::En, period), "every hour at :05");
    assert_eq!(backup.windows_with_peaks, Some(5));
    let entry = backup.schedule.as_ref().unwrap();
    assert_eq!((entry.source.as_str(), entry.entry.as_str()), ("/etc/crontab:1", "5 * * * *"));
    assert!(entry.times_agree == Some(true) && entry.command_agrees);
    assert_eq!(entry.next.as_deref(), Some("2026-03-01T05:05:00.000+00:00"));
    let peaks = of_kind(&report, ActivityKind::Peaks);
    assert_eq!((peaks.len(), peaks[0].name.as_str(), peaks[0].windows.len()), (1, "etcd", 5));
    assert_eq!(
        (peaks[0].windows[0].waits, peaks[0].windows[0].worst_ns),
        (Some(10), Some(40 * MS))
    );
    assert_eq!(rhythm_of(Lang::En, peaks[0].period.as_ref().unwrap()), "every hour at :05");
    let heard = of_kind(&report, ActivityKind::Scheduled);
    assert_eq!((heard.len(), heard[0].name.as_str()), (1, "restic backup"));
}

/// Property: two cycles are not enough, and it is said how many are; the entry is tied all the same.
#[test]
fn two_cycles_make_no_claim() {
    let mut day = Day::from(60);
    day.table(TABLE);
    hours(&mut day, 0, 2);
    let report = day.report();
    let backup = of_kind(&report, ActivityKind::Backup)[0];
    assert_eq!(backup.period, None);
    let closest = Some(Closest { seconds: 3_600, cycles: 2 });
    assert_eq!(backup.not_yet, Some(NotYet::TooFew { starts: 3, closest }));
    assert!(
        backup
            .schedule
            .as_ref()
            .is_some_and(|entry| entry.times_agree == Some(true) && entry.command_agrees)
    );
}

/// Property: earlier captures count as if they had been watched in one go, without their processes.
#[test]
fn earlier_captures_count() {
    let past = |first, last| -> Past {
        let mut day = Day::from(first * 3_600 + 60);
        hours(&mut day, first, last);
        day.session.past(at(day.now))
    };
    let mut day = Day::from(20 * 3_600 + 60);
    day.session.remember(past(8, 9));
    day.session.remember(past(2, 3));
    hours(&mut day, 20, 21);
    let report = day.report();
    let backup = of_kind(&report, ActivityKind::Backup)[0];
    let period = backup.period.as_ref().unwrap();
    let rhythm = rhythm_of(Lang::En, period);
    assert_eq!((rhythm.as_str(), period.cycles, period.missed), ("every hour at :05", 6, 0));
    assert_eq!((backup.windows.len(), backup.actors.len()), (6, 2));
    assert_eq!(backup.windows_with_peaks, Some(6));
}

/// Property: a capture of another host, or of a time that counts already, does not count, and that is said.
#[test]
fn what_does_not_fit_is_left_out_of_the_history() {
    let past = |host: &str| -> Past {
        let mut day = Day::from(60);
        Arc::make_mut(&mut day.session.options).host.hostname = Some(host.to_owned());
        hours(&mut day, 0, 1);
        day.session.past(at(day.now))
    };
    let mut day = Day::from(20 * 3_600 + 60);
    Arc::make_mut(&mut day.session.options).host.hostname = Some("a".to_owned());
    for host in ["a", "a", "b"] {
        day.session.remember(past(host));
    }
    day.session.remember(day.session.past(at(day.now + 1)));
    hours(&mut day, 20, 20);
    let report = day.report();
    assert_eq!(of_kind(&report, ActivityKind::Backup)[0].windows.len(), 3);
    let said = report.coverage.notes.contains(&Note::HistoryLeftOut { captures: 3 });
    assert!(said, "{:?}", report.coverage.notes);
}

/// A file that is open for writing.
fn written(path: impl Into<String>) -> crate::facts::OpenFile {
    crate::facts::OpenFile {
        fd: 3,
        path: path.into(),
        dev: crate::ids::Dev { major: 8, minor: 0 },
        ino: 5,
        writable: true,
        flags: Some(1),
    }
}

/// Property: a snapshot inside the server's own process is told by its file.
#[test]
fn a_snapshot_within_the_server_is_told_by_its_file() {
    let mut day = Day::from(60);
    let mut k3s = facts(200, 9, "k3s-server", &["/usr/local/bin/k3s server"]);
    k3s.open_files = vec![written(
        "/var/lib/rancher/k3s/server/db/etcd/member/wal/0000000000000000-0000000000000000.wal",
    )];
    k3s.files_seen = crate::facts::FilesSeen::All;
    day.tell(process(k3s));
    let path = "/var/lib/rancher/k3s/server/db/snapshots/etcd-snapshot-node-1772323500";
    day.tell(Input::File { id: 7, path: Some(path.to_owned()) });
    day.now = 300;
    day.io(on_file(200, 0, Kind::Write, 7), 1 << 20, 0);
    day.io(on_file(200, 0, Kind::Write, 8), 1 << 20, 0);
    day.now = 310;
    let report = day.report();
    let backups = of_kind(&report, ActivityKind::Backup);
    assert_eq!((backups.len(), backups[0].name.as_str()), (1, "k3s server"));
    assert_eq!(backups[0].windows[0].bytes, Some(1 << 20));
}

/// Property: rke2's server, whose etcd is another process, takes them as well; what else it writes is no backup, whichever of its files
/// are open when it is looked at.
#[test]
fn a_snapshot_of_rke2_is_told_by_its_file() {
    let mut day = Day::from(60);
    let mut rke2 = facts(200, 9, "rke2", &["/usr/local/bin/rke2", "server"]);
    let folder = "/var/lib/rancher/rke2/server/db/snapshots";
    rke2.open_files = vec![written(format!("{folder}/etcd-snapshot-node-1772323500.part"))];
    rke2.files_seen = crate::facts::FilesSeen::All;
    day.tell(process(rke2));
    for (id, path) in [
        (7, format!("{folder}/etcd-snapshot-node-1772323500.part")),
        (8, "/var/lib/rancher/rke2/agent/etc/rke2-agent-load-balancer.json".to_owned()),
    ] {
        day.tell(Input::File { id, path: Some(path) });
    }
    day.now = 300;
    day.io(on_file(200, 0, Kind::Write, 7), 1 << 20, 0);
    day.io(on_file(200, 0, Kind::Write, 8), 1 << 20, 0);
    day.now = 310;
    let report = day.report();
    let backups = of_kind(&report, ActivityKind::Backup);
    assert_eq!((backups.len(), backups[0].name.as_str()), (1, "rke2 server"));
    assert_eq!(backups[0].windows[0].bytes, Some(1 << 20));
}

/// Property: who is no backup has no windows, and reports of intervals have none at all.
#[test]
fn others_have_no_windows() {
    let mut day = Day::from(60);
    day.tell(process(facts(300, 7, "postgres", &["postgres"])));
    for second in 100..160 {
        day.now = second;
        day.io(direct(300, 0, Kind::Write), 4096, 0);
        day.io(direct(301, 0, Kind::Write), 4096, 0);
    }
    assert_eq!(day.report().activity, Some(Vec::new()));
    let interval = Intervals::default().next(day.session.snapshot(at(200)));
    assert_eq!(interval.activity, None);
}

/// Property: weeks of backups, each a new process, keep a bounded number of runs and windows, and the newest.
#[test]
fn weeks_are_bounded() {
    let mut day = Day::from(60);
    for n in 0..4_000_u64 {
        day.now = 600 + n * 600;
        day.pid += 1;
        let argv = ["etcdctl", "snapshot", "save", "/b"];
        day.tell(Input::Record(&exec_record(day.pid, day.now * 100, "etcdctl", &argv)));
        day.io(direct(day.pid, 0, Kind::Write), 1 << 20, 0);
        day.tell(Input::Record(&exit_record(day.pid, day.now * 100, "etcdctl")));
    }
    let (runs, windows) = day.session.activities.sizes();
    assert!(runs <= 1_024 && windows <= 1_000, "{runs} {windows}");
    let report = day.report();
    let backup = of_kind(&report, ActivityKind::Backup)[0];
    assert_eq!((backup.windows.len(), backup.forgotten), (1_000, Some(3_000)));
    assert_eq!(backup.period.as_ref().unwrap().seconds, 600);
}
