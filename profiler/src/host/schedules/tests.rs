//! A host's tree in a temporary folder.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use iocontend_core::schedule::{Kind, Problem, Schedules, Trouble, When};

use super::*;

/// Far more than any of these takes.
const LIMIT: Duration = Duration::from_secs(60);

struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    fn read(&self) -> Schedules {
        read_schedules(self.0.path(), LIMIT)
    }
}

fn sources(schedules: &Schedules) -> Vec<&str> {
    schedules.entries.iter().map(|entry| entry.source.as_str()).collect()
}

/// Property: all crontabs are read, in folders too, and what editors leave is not.
#[test]
fn crontabs_and_their_folders_are_read() {
    let tree = Tree::new();
    tree.write(
        "etc/crontab",
        "17 * * * * root run-parts /etc/cron.hourly\n1 2 * * * root /opt/save.sh\n",
    );
    tree.write("etc/cron.d/etcd", "5 * * * * root etcdctl snapshot save /b\n");
    tree.write("etc/cron.d/.hidden", "5 * * * * root x\n");
    tree.write("etc/cron.d/old~", "5 * * * * root x\n");
    tree.write("var/spool/cron/crontabs/root", "0 3 * * * restic backup /\n");
    tree.write("var/spool/cron/admin", "0 4 * * * borg create /r::x /\n");
    tree.write("etc/cron.hourly/etcd-save", "#!/bin/sh\netcdctl snapshot save /b\n");
    tree.write("etc/cron.daily/nobody-runs-this", "#!/bin/sh\n");
    tree.write("opt/save.sh", "#!/bin/bash\ncd /\netcdctl snapshot save /b/x.db\n");
    let schedules = tree.read();
    assert_eq!(
        sources(&schedules),
        [
            "/etc/crontab:2",
            "/etc/cron.d/etcd:1",
            "/etc/cron.hourly/etcd-save",
            "/var/spool/cron/crontabs/root:1",
            "/var/spool/cron/admin:1"
        ]
    );
    assert_eq!(schedules.problems, []);
    assert!(schedules.entries.iter().all(|entry| entry.backup), "{:#?}", schedules.entries);
    assert_eq!(schedules.entries[2].kind, Kind::CronFolder);
}

/// Property: where there is anacron, its folders have its times.
#[test]
fn anacron_runs_its_folders() {
    let tree = Tree::new();
    tree.write(
        "etc/crontab",
        "25 6 * * * root test -x /usr/sbin/anacron || run-parts /etc/cron.daily\n",
    );
    tree.write("etc/anacrontab", "1\t5\tcron.daily\trun-parts --report /etc/cron.daily\n");
    tree.write("etc/cron.daily/etcd-backup", "#!/bin/sh\ntrue\n");
    let schedules = tree.read();
    assert_eq!(schedules.entries.len(), 1);
    assert_eq!(schedules.entries[0].when, [When::Every(86_400)]);
}

/// Property: enabled timers are read with their drop-ins and their services; others are not due.
#[test]
fn enabled_timers_are_read() {
    let tree = Tree::new();
    tree.write("usr/lib/systemd/system/etcd-backup.timer", "[Timer]\nOnCalendar=daily\n");
    tree.write(
        "etc/systemd/system/etcd-backup.timer.d/10-own.conf",
        "[Timer]\nOnCalendar=\nOnCalendar=*:05\n",
    );
    tree.write(
        "usr/lib/systemd/system/etcd-backup.service",
        "[Service]\nExecStart=/usr/bin/etcdctl snapshot save /b\n",
    );
    tree.link(
        "etc/systemd/system/timers.target.wants/etcd-backup.timer",
        "/usr/lib/systemd/system/etcd-backup.timer",
    );
    tree.write("usr/lib/systemd/system/off.timer", "[Timer]\nOnCalendar=daily\n");
    tree.write("usr/lib/systemd/system/odd.timer", "[Timer]\nOnCalendar=*-*~1\n");
    tree.link("etc/systemd/system/timers.target.wants/odd.timer", "/nowhere");
    let schedules = tree.read();
    let [entry] = &schedules.entries[..] else { panic!("{schedules:#?}") };
    assert_eq!((entry.text.as_str(), entry.backup), ("OnCalendar=*:05", true));
    assert_eq!(entry.unit.as_deref(), Some("etcd-backup.service"));
    assert_eq!(
        schedules.problems,
        [Problem::new("/usr/lib/systemd/system/odd.timer", Trouble::Times)]
    );
}

/// Property: servers that keep an etcd take snapshots; manifests are looked through.
#[test]
fn clusters_are_read() {
    let tree = Tree::new();
    tree.write("var/lib/rancher/rke2/server/db/etcd/name", "x");
    tree.write("etc/rancher/rke2/config.yaml", "token: x\n");
    tree.write(
        "etc/rancher/rke2/config.yaml.d/50.yaml",
        "etcd-snapshot-schedule-cron: \"15 */2 * * *\"\n",
    );
    tree.write("etc/rancher/k3s/config.yaml", "etcd-snapshot-schedule-cron: \"15 */2 * * *\"\n");
    let job = "kind: CronJob\nmetadata: {name: b}\nspec: {schedule: '0 1 * * *', jobTemplate: {spec: {template: {spec: \
               {containers: [{args: [etcdctl, snapshot, save, /b]}]}}}}}\n";
    tree.write("etc/kubernetes/manifests/job.yaml", job);
    tree.write("etc/kubernetes/manifests/readme.txt", "kind: CronJob\n[");
    let schedules = tree.read();
    assert_eq!(
        sources(&schedules),
        [
            "/etc/kubernetes/manifests/job.yaml (CronJob b)",
            "/etc/rancher/rke2/config.yaml.d/50.yaml"
        ]
    );
    assert!(schedules.entries.iter().all(|entry| entry.backup));
}

/// Property: what cannot be read or is too large is told; links in circles, pipes and folders are none of these.
#[test]
fn what_cannot_be_read_is_told() {
    let tree = Tree::new();
    let large = "# x\n".repeat(100_000);
    tree.write("etc/crontab", &large);
    tree.link("etc/cron.d/circle", "circle");
    std::fs::create_dir_all(tree.0.path().join("etc/cron.d/folder")).unwrap();
    let path = tree.0.path().join("etc/cron.d/pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let schedules = tree.read();
    assert_eq!(schedules.entries, []);
    let circle = Problem::new("/etc/cron.d/circle", Trouble::Unreadable);
    assert_eq!(schedules.problems, [Problem::new("/etc/crontab", Trouble::TooLarge), circle]);
    assert_eq!(read_schedules(Path::new("/nonexistent"), LIMIT), Schedules::default());
}

/// Property: local time and named zones are known by the rules at the end of their files.
#[test]
fn zones_are_known_by_their_rules() {
    let tree = Tree::new();
    let rules = b"TZif2...\0\0binary\nCET-1CEST,M3.5.0,M10.5.0/3\n";
    tree.write("etc/localtime", rules);
    tree.write("usr/share/zoneinfo/Europe/Berlin", rules);
    tree.write(
        "etc/cron.d/a",
        "CRON_TZ=Europe/Berlin\n5 4 * * * root x\nCRON_TZ=../../etc/passwd\n",
    );
    let schedules = tree.read();
    assert_eq!(schedules.zone.as_deref(), Some("CET-1CEST,M3.5.0,M10.5.0/3"));
    let When::Clock { zone, .. } = &schedules.entries[0].when[0] else { panic!() };
    assert_eq!(zone.as_deref(), Some("CET-1CEST,M3.5.0,M10.5.0/3"));
    assert_eq!(schedules.problems, [Problem::new("/etc/cron.d/a:3", Trouble::Zone)]);
    tree.write("etc/localtime", b"TZif");
    assert_eq!(tree.read().zone, None);
}

/// Property: a script is read once, however often it is named, and counts as a file that is read.
#[test]
fn a_script_that_thousands_of_lines_name_costs_one_read() {
    let tree = Tree::new();
    let script = format!("#!/bin/sh\n{}", "true; etcdctl snapshot save /b\n".repeat(8_000));
    tree.write("opt/x", &script);
    tree.write("var/spool/cron/crontabs/user", "* * * * * /opt/x\n".repeat(8_700));
    let begin = Instant::now();
    let schedules = tree.read();
    let took = begin.elapsed();
    assert_eq!(schedules.entries.len(), iocontend_core::schedule::MOST_ENTRIES);
    assert!(schedules.entries.iter().all(|entry| entry.backup));
    // Without a build's optimizations too; to read it for each line takes minutes.
    assert!(took < Duration::from_secs(10), "{took:?}");
}

/// Property: scripts are in the budget of files, and what is beyond it is told once.
#[test]
fn scripts_are_in_the_budget() {
    let tree = Tree::new();
    for user in 0..10 {
        let lines = (0..500).map(|n| format!("* * * * * /opt/{user}/{n}\n"));
        tree.write(&format!("var/spool/cron/crontabs/{user}"), lines.collect::<String>());
    }
    let schedules = tree.read();
    let [problem] = &schedules.problems[..] else { panic!("{:#?}", schedules.problems) };
    assert!(problem.source.starts_with("/opt/8/"), "{problem:?}");
    assert_eq!(problem.what, Trouble::TooLarge);
}

/// Property: pipes and kernel files that scripts or crontabs turn out to be are passed over, and the rest is read.
#[test]
fn what_would_be_waited_for_is_passed_over() {
    let tree = Tree::new();
    let folder = tree.0.path().join("var/spool/cron/crontabs");
    tree.write("var/spool/cron/crontabs/user", "1 * * * * /opt/pipe\n2 * * * * /opt/kernel\n");
    std::fs::create_dir_all(tree.0.path().join("opt")).unwrap();
    for path in [folder.join("pipe"), tree.0.path().join("opt/pipe")] {
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0)
            .unwrap();
    }
    let schedules = tree.read();
    assert_eq!(schedules.entries.len(), 2);
    assert_eq!(schedules.problems, []);
}

/// Property: when the time is over, what was not read is told by its first path, and what was read is there.
#[test]
fn what_is_not_read_in_time_is_told() {
    let tree = Tree::new();
    tree.write("etc/crontab", "1 2 * * * root /opt/save.sh\n");
    let late = read_schedules(tree.0.path(), Duration::ZERO);
    assert!(late.entries.is_empty());
    let [problem] = &late.problems[..] else { panic!("{late:#?}") };
    assert_eq!(problem.what, Trouble::Late);
    // Whoever reads and whoever waits find the same: one of them tells.
    let progress = Progress::default();
    progress.at("/var/spool/cron/x");
    let taken = progress.take(false);
    assert_eq!(taken.problems, [Problem::new("/var/spool/cron/x", Trouble::Late)]);
}
