//! Texts as hosts have them, what is due when, and what is tied to what.

use std::collections::BTreeSet;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::period::{Watched, Zone, find};

const HOUR: f64 = 3_600.0;
/// Sunday, the 1st of March 2026, 00:00 UTC.
const MIDNIGHT: f64 = 1_772_323_200.0;
const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

fn no_script(_: &str) -> Option<Rc<Script>> {
    None
}

fn zone(name: &str) -> Option<String> {
    match name {
        "Europe/Berlin" => Some(BERLIN.to_owned()),
        "UTC" | "Etc/UTC" => Some("UTC0".to_owned()),
        _ => None,
    }
}

/// Minutes after the midnight of the first of March at which it is due that day.
fn minutes(when: &When) -> Vec<f64> {
    let times = due(when, MIDNIGHT, MIDNIGHT + 24.0 * HOUR - 1.0, &Zone::UTC);
    times.into_iter().map(|at| (at - MIDNIGHT) / 60.0).collect()
}

fn system(text: &str) -> (Vec<Entry>, Vec<Problem>) {
    crontab("/etc/crontab", text, Crontab::System, &no_script, &zone, &|| true)
}

/// Property: a system crontab's lines become entries with their line, and what is none is told.
#[test]
fn a_system_crontab_is_read() {
    let text = "SHELL=/bin/sh\n# a comment\n\n\
        5 * * * *\troot  etcdctl snapshot save /b/$(date +\\%s).db % input\n\
        @daily root /usr/bin/updatedb\n@reboot root /bin/true\n\
        nonsense\n99 * * * * root x\n0 3 * * sun,wed root test -x /usr/bin/x || x\n";
    let (entries, problems) = system(text);
    let sources: Vec<&str> = entries.iter().map(|entry| entry.source.as_str()).collect();
    assert_eq!(sources, ["/etc/crontab:4", "/etc/crontab:5", "/etc/crontab:9"]);
    assert_eq!(entries[0].command, "etcdctl snapshot save /b/$(date +%s).db");
    assert_eq!(entries[0].names, ["etcdctl snapshot save", "date"]);
    assert_eq!(entries.iter().map(|entry| entry.backup).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(minutes(&entries[0].when[0])[..2], [5.0, 65.0]);
    assert_eq!(
        (minutes(&entries[1].when[0]), minutes(&entries[2].when[0])),
        (vec![0.0], vec![180.0])
    );
    let told: Vec<(&str, Trouble)> =
        problems.iter().map(|problem| (problem.source.as_str(), problem.what)).collect();
    assert_eq!(told, [("/etc/crontab:7", Trouble::Malformed), ("/etc/crontab:8", Trouble::Times)]);
}

/// Property: cron's day of the month and weekday are "or", systemd's are "and".
#[test]
fn days_are_or_in_cron_and_and_in_systemd() {
    let (entries, _) = system("0 0 13 * 5 root x\n");
    let week = |when: &When| due(when, MIDNIGHT, MIDNIGHT + 31.0 * 24.0 * HOUR, &Zone::UTC).len();
    // Fridays: 6, 13, 20 and 27 March 2026.
    assert_eq!(week(&entries[0].when[0]), 4);
    let (entries, _) = system("0 0 14 * 5 root x\n");
    assert_eq!(week(&entries[0].when[0]), 5);
    let timer = calendar::calendar("Fri *-*-14", &zone).unwrap();
    assert_eq!(week(&timer), 0);
    assert_eq!(week(&calendar::calendar("Fri *-*-13", &zone).unwrap()), 1);
}

/// Property: a user's crontab has no user, and its time zone may be its own.
#[test]
fn a_users_crontab_may_have_its_own_zone() {
    let text =
        "CRON_TZ=Europe/Berlin\n30 2 * * * restic backup /\nCRON_TZ=Mars/Base\n30 2 * * * x\n";
    let (entries, problems) = crontab("/c", text, Crontab::User, &no_script, &zone, &|| true);
    assert_eq!(minutes(&entries[0].when[0]), [90.0]);
    assert_eq!(minutes(&entries[1].when[0]), [150.0]);
    assert_eq!(problems, [Problem::new("/c:3", Trouble::Zone)]);
}

/// Property: the folders of cron have the times of the line that runs them; anacron's have none of the clock.
#[test]
fn folders_have_the_time_of_their_line() {
    let text = "17 * * * * root cd / && run-parts --report /etc/cron.hourly\n\
        25 6 * * * root test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }\n";
    let folders = periodic_folders(&system(text).0);
    let names: Vec<&str> = folders.iter().map(|(folder, _)| folder.as_str()).collect();
    assert_eq!(names, ["/etc/cron.hourly", "/etc/cron.daily"]);
    let script = "#!/bin/sh\nset -e\netcdctl snapshot save /b/x.db\n";
    let entry =
        Entry::of_folder("/etc/cron.hourly/etcd", Some(&Script::new(script)), &folders[0].1);
    assert!(entry.backup && entry.names.contains(&"etcdctl snapshot save".to_owned()), "{entry:?}");
    assert_eq!(minutes(&entry.when[0])[..2], [17.0, 77.0]);
    let text = "START_HOURS_RANGE=3-22\n1 5 cron.daily nice run-parts /etc/cron.daily\n\
        @monthly 45 cron.monthly run-parts /etc/cron.monthly\nx\n0 5 a b\n";
    let (folders, problems) = anacrontab("/etc/anacrontab", text);
    assert_eq!(folders[0].1.when, [When::Every(86_400)]);
    assert_eq!((folders.len(), problems.len()), (2, 2));
}

/// Property: the usual forms of OnCalendar are due when systemd says, others are not understood.
#[test]
fn calendar_events_are_due_when_systemd_says() {
    let at = |text: &str| minutes(&calendar::calendar(text, &zone).unwrap());
    assert_eq!(at("hourly")[..3], [0.0, 60.0, 120.0]);
    assert_eq!(at("*-*-* *:05:00").len(), 24);
    assert_eq!(at("*:0/15")[..3], [0.0, 15.0, 30.0]);
    assert_eq!(at("00/12:30"), [30.0, 750.0]);
    assert_eq!(at("02:30"), [150.0]);
    assert_eq!(at("*-*-* 02:30:00 Europe/Berlin"), [90.0]);
    assert_eq!(at("03-01 01:00 UTC"), [60.0]);
    assert_eq!(at("Mon..Fri 02:30"), [0.0; 0]);
    assert_eq!(at("Sat,Sun *-*-01..07 02:30:15"), [150.25]);
    assert_eq!(at("Sat..Mon 4:00"), [240.0]);
    assert_eq!(at("2026-03-* 4,5:00"), [240.0, 300.0]);
    for odd in
        ["", "*-*~01", "soon", "25:00", "1:2:3:4", "02:30 Mars/Base", "Mon Mon 1:00", "*:0/0", "-"]
    {
        assert_eq!(calendar::calendar(odd, &zone), None, "{odd}");
    }
    assert_eq!(calendar::span("1h 30min"), Some(5_400));
    assert_eq!(
        (calendar::span("90"), calendar::span("1d12h"), calendar::span("2 fortnights")),
        (Some(90), Some(129_600), None)
    );
}

/// Property: a timer is due as it and its drop-ins say, and knows its service's command.
#[test]
fn a_timer_knows_its_service() {
    let service = "[Service]\nExecStart=-/usr/local/bin/etcd-backup.sh \\\n  --all\n".to_owned();
    let command = |name: &str| {
        (name == "etcd-backup.service").then(|| exec_start(std::slice::from_ref(&service)))?
    };
    let own = "[Unit]\nOnCalendar=x\n[Timer]\nOnCalendar=daily\nRandomizedDelaySec=5min\nAccuracySec=1s\n";
    let drop_in = "[Timer]\nOnCalendar=\nOnCalendar=*:05\n";
    let texts = [own.to_owned(), drop_in.to_owned()];
    let (entry, problems) = timer("/t", "etcd-backup.timer", &texts, &command, &no_script, &zone);
    let entry = entry.unwrap();
    assert_eq!((problems.len(), entry.delay_s, entry.backup), (0, 301, true));
    assert_eq!(entry.command, "/usr/local/bin/etcd-backup.sh    --all");
    assert_eq!(
        (entry.text.as_str(), entry.unit.as_deref()),
        ("OnCalendar=*:05", Some("etcd-backup.service"))
    );
    let every = "[Timer]\nOnBootSec=5min\nOnUnitActiveSec=1h\n".to_owned();
    let (entry, _) = timer("/t", "a.timer", &[every], &|_| None, &no_script, &zone);
    assert_eq!(entry.unwrap().when, [When::Every(3_600)]);
    let once = "[Timer]\nOnBootSec=5min\n".to_owned();
    assert_eq!(timer("/t", "a.timer", &[once], &|_| None, &no_script, &zone), (None, vec![]));
    let odd = "[Timer]\nOnCalendar=*-*~3\n".to_owned();
    let (entry, problems) = timer("/t", "a.timer", &[odd], &|_| None, &no_script, &zone);
    assert_eq!((entry, problems), (None, vec![Problem::new("/t", Trouble::Times)]));
}

const CRON_JOB: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: etcd-backup, namespace: kube-system}
spec:
  schedule: \"0 */6 * * *\"
  timeZone: Europe/Berlin
  jobTemplate:
    spec:
      template:
        spec:
          containers:
          - name: a
            command: [/bin/sh, -c, \"etcdctl snapshot save /b/$(date +%s).db\"]
";

/// Property: CronJobs are found among other documents, in their zone; suspended ones and bad ones are not due.
#[test]
fn cron_jobs_are_found() {
    let (entries, problems) = manifest("/m.yaml", CRON_JOB, &zone);
    assert_eq!(problems, []);
    assert_eq!(entries[0].source, "/m.yaml (CronJob etcd-backup)");
    assert_eq!(minutes(&entries[0].when[0]), [300.0, 660.0, 1_020.0, 1_380.0]);
    assert!(entries[0].backup, "{:?}", entries[0]);
    let suspended = CRON_JOB.replace("  schedule", "  suspend: true\n  schedule");
    assert_eq!(manifest("/m", &suspended, &zone), (vec![], vec![]));
    let elsewhere = CRON_JOB.replace("Europe/Berlin", "Mars/Base");
    assert_eq!(manifest("/m", &elsewhere, &zone).1, [Problem::new("/m", Trouble::Zone)]);
    let template = "kind: CronJob\n{{ if }}: [";
    assert_eq!(manifest("/m", template, &zone).1, [Problem::new("/m", Trouble::Malformed)]);
    let deep = format!("kind: CronJob\nx: {}", "[".repeat(50_000));
    assert_eq!(manifest("/m", &deep, &zone).1.len(), 1);
}

/// Property: a server with an embedded etcd takes snapshots at its default times, at others, or not at all.
#[test]
fn servers_take_snapshots_unless_told_otherwise() {
    let read = |texts: &[&str], etcd: Option<&str>| {
        let configs: Vec<(String, String)> = texts
            .iter()
            .enumerate()
            .map(|(n, text)| (format!("/etc/rancher/rke2/config{n}.yaml"), (*text).to_owned()))
            .collect();
        distribution(&Distribution { kind: Kind::Rke2, configs: &configs, etcd }, &zone)
    };
    let data = Some("/var/lib/rancher/rke2/server/db/etcd");
    let (entry, _) = read(&[], data);
    let entry = entry.unwrap();
    assert_eq!(minutes(&entry.when[0]), [0.0, 720.0]);
    assert_eq!(entry.text, "etcd-snapshot-schedule-cron: 0 */12 * * * (default)");
    let own = "etcd-snapshot-schedule-cron: \"30 4 * * *\"\nwrite-kubeconfig-mode: \"0644\"\n";
    let (entry, _) = read(&[own, "tls-san: [a]\n"], data);
    let entry = entry.unwrap();
    assert_eq!(
        (minutes(&entry.when[0]), entry.source.as_str()),
        (vec![270.0], "/etc/rancher/rke2/config0.yaml")
    );
    assert_eq!(read(&["etcd-disable-snapshots: true\n"], data).0, None);
    assert_eq!(read(&[own], None).0, None);
    assert_eq!(read(&["a: [\n"], data).1.len(), 1);
    assert_eq!(read(&["etcd-snapshot-schedule-cron: soon\n"], data).1.len(), 1);
}

/// What was seen of a backup that began at these times.
struct Seen {
    starts: Vec<f64>,
    watched: Vec<Watched>,
    names: BTreeSet<String>,
    texts: BTreeSet<String>,
    units: BTreeSet<String>,
}

impl Seen {
    fn new(starts: Vec<f64>, hours: f64, name: &str) -> Self {
        let watched = vec![Watched { from: MIDNIGHT, to: MIDNIGHT + hours * HOUR }];
        let empty = BTreeSet::new;
        Self { starts, watched, names: [name.to_owned()].into(), texts: empty(), units: empty() }
    }

    fn tie(&self, entries: Vec<Entry>) -> Option<(String, Option<bool>, bool)> {
        let claims = find(&self.starts, &self.watched, &Zone::UTC).unwrap_or_default();
        let schedules = Schedules { entries, ..Schedules::default() };
        let seen = Observed {
            starts: &self.starts,
            claims: &claims,
            watched: &self.watched,
            takes_s: 20.0,
            names: &self.names,
            texts: &self.texts,
            units: &self.units,
        };
        let tie = tie(&seen, &schedules, &Zone::UTC)?;
        Some((tie.entry.source.clone(), tie.agrees.times, tie.agrees.command))
    }
}

fn hourly(minute: f64, n: u32) -> Vec<f64> {
    (0..n).map(|k| MIDNIGHT + f64::from(k) * HOUR + minute * 60.0 + 1.5).collect()
}

const TABLE: &str = "* * * * * root /usr/bin/healthcheck\n5 * * * * root etcdctl snapshot save /b/x\n\
    35 * * * * root etcdctl snapshot save /b/y\n17 * * * * root run-parts /etc/cron.hourly\n\
    */5 * * * * root /usr/bin/collect\n";

/// Property: times and command tie the entry that agrees in both, also when others agree in one.
#[test]
fn an_entry_is_tied_by_what_agrees() {
    let table = || system(TABLE).0;
    let save = "etcdctl snapshot save";
    let line = |n: u32, times, command| Some((format!("/etc/crontab:{n}"), Some(times), command));
    assert_eq!(Seen::new(hourly(5.0, 6), 6.2, save).tie(table()), line(2, true, true));
    assert_eq!(Seen::new(hourly(35.0, 6), 6.2, save).tie(table()), line(3, true, true));
    // One run: the times decide between two of the same command.
    assert_eq!(Seen::new(hourly(35.0, 1), 0.8, save).tie(table()), line(3, true, true));
    // At another time: the command alone.
    assert_eq!(Seen::new(hourly(50.0, 6), 6.9, save).tie(table()), line(2, false, true));
    // Another program at the times of an entry: only with a claim.
    assert_eq!(Seen::new(hourly(17.0, 6), 6.5, "peaks").tie(table()), line(4, true, false));
    assert_eq!(Seen::new(hourly(17.0, 2), 2.5, "peaks").tie(table()), None);
    // What is due every minute or every five agrees with anything, and so with nothing.
    assert_eq!(Seen::new(hourly(42.0, 6), 6.9, "peaks").tie(table()), None);
    assert_eq!(Seen::new(hourly(40.0, 6), 6.9, "peaks").tie(table()), None);
}

/// Property: what runs every five minutes, or every minute, is tied to its line, and not when it runs each hour.
#[test]
fn a_frequent_command_has_its_line() {
    let every = |step: u32, n: u32| -> Vec<f64> {
        (0..n).map(|k| MIDNIGHT + 60.0 + f64::from(k * step) * 60.0 + 4.0).collect()
    };
    for (line, step) in [("1-59/5 * * * *", 5), ("* * * * *", 1)] {
        let table = || system(&format!("{line} root restic backup /\n")).0;
        let agrees =
            |starts, hours| Seen::new(starts, hours, "restic backup").tie(table()).unwrap().1;
        assert_eq!(agrees(every(step, 12), f64::from(step) / 5.0 + 0.05), Some(true), "{line}");
        assert_eq!(agrees(every(60, 6), 6.1), Some(false), "{line}");
        // No begin was seen.
        assert_eq!(agrees(vec![], 1.0), None, "{line}");
    }
}

/// Property: a shell text of an ancestor, and the unit of a timer, are the command.
#[test]
fn ancestors_and_units_count_as_the_command() {
    let (entries, _) = system("5 * * * * root  cd /x &&  ./save-it\n");
    let mut seen = Seen::new(hourly(5.0, 2), 2.5, "cp");
    assert_eq!(seen.tie(entries.clone()), None);
    seen.texts.insert("cd /x && ./save-it".to_owned());
    assert_eq!(seen.tie(entries), Some(("/etc/crontab:1".to_owned(), Some(true), true)));
    let every = "[Timer]\nOnUnitActiveSec=1h\n".to_owned();
    let (entry, _) =
        timer("/t", "a.timer", &[every], &|_| Some("/opt/x".into()), &no_script, &zone);
    let starts = (0..8).map(|k| MIDNIGHT + f64::from(k) * 3_640.0).collect();
    let mut seen = Seen::new(starts, 9.0, "x-of-another-name");
    seen.units.insert("a.service".to_owned());
    assert_eq!(seen.tie(vec![entry.unwrap()]), Some(("/t".to_owned(), Some(true), true)));
}

/// Property: days that never come are not searched for long.
#[test]
fn days_that_never_come_are_never_due() {
    let (entries, _) = system("0 0 31 2 * root x\n0 0 30 2 * root x\n");
    for when in entries.iter().flat_map(|entry| &entry.when) {
        assert_eq!(due(when, MIDNIGHT, MIDNIGHT + 1e9, &Zone::UTC), [0.0; 0]);
    }
}

/// Property: what is due next is after now.
#[test]
fn the_next_time_is_after_now() {
    let (entries, _) = system("5 4 * * * root x\n0 0 29 2 * root y\n");
    assert_eq!(entries[0].next(MIDNIGHT, &Zone::UTC), Some(MIDNIGHT + 4.0 * HOUR + 300.0));
    assert_eq!(entries[1].next(MIDNIGHT, &Zone::UTC), None);
}

/// Property: of too many entries, backups stay; the rest is counted.
#[test]
fn of_too_many_entries_backups_stay() {
    let text = "1 1 * * * root x\n".repeat(MOST_ENTRIES + 5) + "2 2 * * * root restic backup /\n";
    let (entries, problems) = system(&text);
    let mut schedules = Schedules::default();
    schedules.add(entries, problems);
    assert_eq!((schedules.entries.len(), schedules.left_out), (MOST_ENTRIES, 6));
    assert_eq!(schedules.entries.iter().filter(|entry| entry.backup).count(), 1);
    let json = serde_json::to_string(&schedules).unwrap();
    assert_eq!(serde_json::from_str::<Schedules>(&json).unwrap(), schedules);
}

proptest! {
    // Property: no text panics, whatever it is taken for.
    #[test]
    fn no_text_panics(text in "(?s)[ -~\n\t=%@\\[\\]äß*/,.:~-]{0,200}") {
        let _unused = system(&text);
        let _unused = crontab("/c", &text, Crontab::User, &no_script, &zone, &|| true);
        let _unused = anacrontab("/a", &text);
        let _unused = calendar::calendar(&text, &zone);
        let _unused = calendar::span(&text);
        let _unused = timer("/t", "a", &[format!("[Timer]\nOnCalendar={text}")], &|_| None, &no_script, &zone);
        let _unused = exec_start(std::slice::from_ref(&text));
        let _unused = manifest("/m", &format!("kind: CronJob\n{text}"), &zone);
        let configs = [("/k".to_owned(), text)];
        let _unused = distribution(&Distribution { kind: Kind::K3s, configs: &configs, etcd: Some("/d") }, &zone);
    }

    // Property: no pattern of a capture, whoever wrote it, panics or takes long.
    #[test]
    fn no_pattern_panics(
        pattern in "(([0-9*/,LW#+-]{1,6}|MON|JAN|@daily) ?){1,8}", both_days: bool, rules in prop::option::of("[ -~]{0,30}"),
        from in -1e12..1e12_f64, days in 0.0..100.0_f64,
    ) {
        let when = When::Clock { pattern, both_days, zone: rules };
        let times = due(&when, from, from + days * 24.0 * HOUR, &Zone::UTC);
        prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", times);
    }

    // Property: whatever is understood as times is due within its span, in order.
    #[test]
    fn due_times_are_in_order(
        minute in 0_u32..60, hour in "(\\*|[0-9]|1[0-9])(/[1-9])?", day in "(\\*|[1-9])", weekday in "(\\*|[0-7])",
    ) {
        let (entries, _) = system(&format!("{minute} {hour} {day} * {weekday} root x\n"));
        for when in entries.iter().flat_map(|entry| &entry.when) {
            let span = (MIDNIGHT + 20.0 * 24.0 * HOUR, MIDNIGHT + 40.0 * 24.0 * HOUR);
            let times = due(when, span.0, span.1, &Zone::new(Some(BERLIN), 0));
            prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", times);
            prop_assert!(times.iter().all(|at| (span.0..=span.1).contains(at)));
        }
    }
}

/// Property: however many lines name one script, only so many are looked at, and the rest is told.
#[test]
fn a_crontab_of_thousands_of_lines_is_cut_off_and_says_so() {
    let text = "* * * * * /opt/x\n".repeat(8_700);
    let (entries, problems) = crontab("/c", &text, Crontab::User, &no_script, &zone, &|| true);
    assert_eq!(entries.len(), 2_048);
    assert_eq!(problems, [Problem::new("/c:2049", Trouble::TooLarge)]);
    let left = std::cell::Cell::new(3);
    let goes_on = || left.replace(left.get() - 1) > 0;
    let (entries, problems) = crontab("/c", &text, Crontab::User, &no_script, &zone, &goes_on);
    assert_eq!(entries.len(), 3);
    assert_eq!(problems, [Problem::new("/c:4", Trouble::Late)]);
}
