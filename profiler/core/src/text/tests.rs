//! The words of everything that is typed, in one place: each code has a sample, and its sentence stands in `samples.txt`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::names::Names;
use super::{Lang, advice, doctor, findings, notes, periods};
use crate::capture::Damage;
use crate::plan::{GapReason, Loses};
use crate::report::{Advice, AdviceId, Report, Verdict, Why, judged_sample};

const ETCD: &str = "4711@98765000000";
const BACKUP: &str = "5120@4321000000000";
const LANG: Lang = Lang::En;

/// The codes that a type's schema names.
fn codes<T: JsonSchema>() -> BTreeSet<String> {
    fn collect(schema: &Value, found: &mut BTreeSet<String>) {
        let code = &schema["properties"]["code"]["const"];
        found.extend(code.as_str().map(str::to_owned));
        for of in ["oneOf", "anyOf"] {
            schema[of].as_array().into_iter().flatten().for_each(|one| collect(one, found));
        }
    }
    let mut found = BTreeSet::new();
    collect(&schemars::schema_for!(T).to_value(), &mut found);
    assert!(!found.is_empty(), "no codes in {}", T::schema_name());
    found
}

/// Samples of a type, which have to be one for each of its codes and to survive being written.
fn samples<T>(name: &str, all: &Value, out: &mut String, say: impl Fn(&T) -> String)
where
    T: JsonSchema + Serialize + DeserializeOwned,
{
    writeln!(out, "\n# {name}").unwrap();
    let mut sampled = BTreeSet::new();
    for json in all.as_array().unwrap() {
        let one: T = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&one).unwrap(), *json);
        let code = json["code"].as_str().unwrap();
        sampled.insert(code.to_owned());
        let said = say(&one);
        assert!(said.len() > 3 && !said.contains(['\n', '{', '}']), "{code}: {said}");
        let is_known = !said.starts_with("Not known to this version");
        assert_eq!(is_known, code != "later", "{code}: {said}");
        writeln!(out, "{code}: {said}").unwrap();
    }
    let mut expected = codes::<T>();
    expected.insert("later".to_owned());
    assert_eq!(sampled, expected, "{name}: a sample for each code and one of a newer version");
}

fn findings_and_verdict(report: &Report, out: &mut String) {
    let names = &Names::of(report, LANG);
    let stands = json!({"victim": ETCD, "file_class": "wal", "wait": "sync", "p99_ns": 58_700_000,
        "max_ns": 79_300_000, "limit_ns": 10_000_000});
    let mut with_code = stands.clone();
    with_code["code"] = "stands".into();
    let longest = json!({"start": "2026-03-01T13:00:12.345+01:00", "duration_ns": 131_000_000});
    let reasons = json!([
        with_code,
        {"code": "shares", "named": 0.5, "unnamed": 0.1, "disk": 0.2, "cpu": 0.1, "unexplained": 0.1},
        {"code": "no_target"}, {"code": "no_waits"},
        {"code": "too_few_waits", "count": 7, "needed": 30},
        {"code": "no_blame"}, {"code": "no_blame", "file_class": "db"},
        {"code": "events_lost", "lost": 12, "seen": 7_010},
        {"code": "not_taken_apart"}, {"code": "no_thread_waits"}, {"code": "logs_not_read"},
        {"code": "stalls_of_nobody", "count": 1, "longest": longest, "mostly": "unknown"},
        {"code": "stalls_of_nobody", "count": 3, "longest": longest, "mostly": "disk"},
        {"code": "no_timeline"},
        {"code": "syncs_not_timed", "filesystem": "ext4", "hook": "ext4:ext4_sync_file_exit", "why": {"code": "no_tracefs", "why": "not_mounted"}},
        {"code": "later"}
    ]);
    samples("reasons", &reasons, out, |one| findings::reason(names, one));
    let conclusions = json!([
        {"code": "others_cause", "share": 0.558, "culprits": [BACKUP], "worst": stands},
        {"code": "at_times", "finding": 0}, {"code": "no_cpu", "worst": stands},
        {"code": "cpu_starved", "ready": 0.8, "worst": stands},
        {"code": "cpu_starved", "ready": 0.6, "others": 0.1, "worst": stands},
        {"code": "disk_itself", "disk": 0.9, "others": 0.1, "worst": stands},
        {"code": "stalls", "finding": 0},
        {"code": "limit_holds", "limit": 0.9, "others": 0.1, "worst": stands},
        {"code": "waits_fine", "worst": stands},
        {"code": "fine_but_stalls", "worst": stands, "stalls": 1, "longest": longest, "mostly": "cpu"},
        {"code": "missing", "reason": {"code": "no_waits"}}, {"code": "later"}
    ]);
    samples("verdicts", &conclusions, out, |one| findings::conclusion(names, one));
    let caveats = json!([
        {"code": "few_waits", "count": 40}, {"code": "events_lost", "lost": 12, "seen": 7_010},
        {"code": "unattributed", "bytes": 1, "io_bytes": 8}, {"code": "unexplained", "share": 0.25},
        {"code": "not_longer"}, {"code": "not_compared"}, {"code": "shared_by_blocks"},
        {"code": "no_period"}, {"code": "no_period", "why": {"code": "irregular", "starts": 40}},
        {"code": "asker_unseen"}, {"code": "dirty_pages"}, {"code": "writer_unknown"},
        {"code": "memory_taker_unseen"}, {"code": "limit_unseen"}, {"code": "below_device_unseen"}, {"code": "who_ran_unseen"},
        {"code": "limit_set", "file": "io.max", "cgroup": "/a", "device": "vda", "value": "wbps=1"},
        {"code": "iocost_on", "device": "vda"},
        {"code": "limit_of_disk", "device": "vda", "wbt_us": 2_000, "nr_requests": 64},
        {"code": "limit_of_disk", "device": "vda"}, {"code": "later"}
    ]);
    samples("caveats", &caveats, out, |one| findings::caveat(LANG, one));
    writeln!(out, "\n# findings").unwrap();
    let mut found = report.findings.as_ref().unwrap()[0].clone();
    let numbers = found.evidence.as_mut().unwrap();
    (numbers.sync_count, numbers.sync_p99_ns) = (Some(1_000), Some(2_000_000));
    (numbers.stalls, numbers.stalled_ns) = (Some(2), Some(260_000_000));
    numbers.stall_start = Some("2026-03-01T13:00:12.345+01:00".into());
    (numbers.db_read_bytes, numbers.depth_while_busy) = (Some(40 << 20), Some(1.25));
    for id in crate::report::Pattern::ALL {
        found.id = id.clone();
        writeln!(out, "{}: {}", id.name(), findings::summary(names, &found)).unwrap();
    }
}

#[expect(clippy::too_many_lines, reason = "a list of samples")]
fn of_advice(report: &Report, out: &mut String) {
    let names = &Names::of(report, LANG);
    let (bytes, share) = (4_u64 << 20, 0.563);
    let actions = json!([
        {"code": "ionice", "actor": BACKUP},
        {"code": "io_max", "actor": BACKUP, "read_bytes_per_s": bytes, "write_bytes_per_s": bytes,
            "device": "vda"},
        {"code": "io_max", "actor": BACKUP, "write_bytes_per_s": bytes, "device": "vda"},
        {"code": "some_io_max", "actor": BACKUP},
        {"code": "io_weight", "actor": BACKUP, "weight": 10, "file": "io.bfq.weight"},
        {"code": "some_io_weight", "actor": BACKUP},
        {"code": "io_latency", "victim": ETCD, "target_ns": 1_150_000, "device": "vda"},
        {"code": "io_prio_class", "actor": BACKUP},
        {"code": "scheduler", "device": "vda", "scheduler": "mq-deadline"},
        {"code": "dirty_limit", "bytes": bytes},
        {"code": "memory_high", "actor": BACKUP, "bytes": bytes},
        {"code": "pace_by_option", "actor": BACKUP, "bytes_per_s": bytes, "option": "--bwlimit=4096"},
        {"code": "pace_by_pv", "actor": BACKUP, "bytes_per_s": bytes}, {"code": "pace_pipe"},
        {"code": "direct_io", "actor": BACKUP},
        {"code": "move_output", "actor": BACKUP, "device": "vda"},
        {"code": "move_audit_log", "actor": "3980@97000000000", "device": "vda"},
        {"code": "move_wal", "victim": ETCD, "device": "vda"},
        {"code": "separate_disk", "victim": ETCD, "device": "vda"},
        {"code": "stagger", "programs": ["etcdctl", "restic"]}, {"code": "follower"},
        {"code": "memory_mlock", "victim": ETCD}, {"code": "limits_unchanged"}, {"code": "later"}
    ]);
    samples("actions", &actions, out, |one| advice::action(names, one));
    let waits = json!({"victim": ETCD, "call": "fdatasync", "file_class": "wal"});
    let whys = json!([
        {"code": "no_priorities", "scheduler": "none", "device": "vda"},
        {"code": "old_deadline", "device": "vda"}, {"code": "written_by_others", "actor": BACKUP},
        {"code": "client_only", "actor": BACKUP}, {"code": "behind_scheduler", "device": "vda"},
        {"code": "in_queue", "share": share, "device": "vda"},
        {"code": "already_idle", "actor": BACKUP}, {"code": "scheduler_unknown", "device": "vda"},
        {"code": "journal_shared", "actor": BACKUP, "fstype": "ext4", "mount_point": "/"},
        {"code": "journal_shared", "actor": BACKUP},
        {"code": "writeback_elsewhere", "actor": BACKUP}, {"code": "v1_writeback", "actor": BACKUP},
        {"code": "v1_io"}, {"code": "no_controller", "controller": "memory"},
        {"code": "root_cgroup", "actor": BACKUP},
        {"code": "in_launcher", "actor": BACKUP, "unit": "cron.service"},
        {"code": "with_victim", "actor": BACKUP, "victim": ETCD},
        {"code": "cgroup_gone", "actor": BACKUP}, {"code": "not_passed_on", "parent": "/jobs"},
        {"code": "no_file", "file": "io.max"}, {"code": "cgroup_unknown", "actor": BACKUP},
        {"code": "cgroup_not_plain", "actor": BACKUP},
        {"code": "below_ceiling", "actor": BACKUP, "bytes_per_s": bytes},
        {"code": "not_worth", "waits": waits, "before_ns": 33_000_000, "after_ns": 30_000_000},
        {"code": "takes_device", "actor": BACKUP, "share": share, "bytes_per_s": bytes,
            "capability_bytes_per_s": 5 * bytes},
        {"code": "no_weights", "device": "vda", "scheduler": "none"},
        {"code": "iocost_on", "device": "vda"}, {"code": "holds_peers"},
        {"code": "covers_writeback", "actor": BACKUP},
        {"code": "backlog", "actor": BACKUP, "share": share}, {"code": "limit_is_low", "bytes": bytes},
        {"code": "cgroup_shared", "actor": BACKUP}, {"code": "pipe_renames"},
        {"code": "has_option", "actor": BACKUP, "share": share},
        {"code": "can_write_direct", "actor": BACKUP, "share": share},
        {"code": "output_beside", "actor": BACKUP, "share": share},
        {"code": "audit_beside", "share": share},
        {"code": "shares_disk", "actor": BACKUP, "share": share}, {"code": "overlap", "backups": 2},
        {"code": "follower_has_time", "share": share}, {"code": "single_member"},
        {"code": "db_faults", "share": share}, {"code": "nobody_to_blame", "p99_ns": 2_000_000},
        {"code": "later"}
    ]);
    let mut one = Advice {
        id: AdviceId::MoveWal,
        action: crate::report::Action::Follower,
        verdict: Verdict::Recommended,
        reason: Why::V1Io,
        nothing_here_helps: false,
        culprit: None,
        expected: None,
        effect: Some(crate::report::Effect {
            victim: ETCD.into(),
            call: crate::ids::Call::Fdatasync,
            file_class: None,
            p99_before_ns: 33_000_000,
            p99_expected_ns: 16_000_000,
            error_factor: 1.5,
            culprit_duration_factor: Some(5.0),
        }),
        risks: Vec::new(),
        changes: Vec::new(),
        apply: Vec::new(),
        undo: Vec::new(),
        verify: None,
    };
    let because = |why: &Why| advice::reason(names, &Advice { reason: why.clone(), ..one.clone() });
    samples("reasons of advice", &whys, out, because);
    let expected = json!([
        {"code": "effect"}, {"code": "too_few_waits", "waits": waits, "count": 65},
        {"code": "not_measured", "waits": waits}, {"code": "nothing"}, {"code": "later"}
    ]);
    samples("expected", &expected, out, |expected: &crate::report::Expected| {
        let one = Advice { expected: Some(expected.clone()), ..one.clone() };
        advice::expected(names, &one).unwrap()
    });
    let risks = json!([
        {"code": "culprit_slower"}, {"code": "cgroup_slower", "cgroup": "/a"},
        {"code": "not_conserving"}, {"code": "forgotten_by_runtime", "kubelet": true},
        {"code": "forgotten_by_runtime", "kubelet": false},
        {"code": "forgotten_by_unit", "unit": "user@1000.service"}, {"code": "may_starve"},
        {"code": "all_writers"}, {"code": "reclaim_stalls"}, {"code": "pages_of_others"},
        {"code": "commit_waits"}, {"code": "disk_cost"}, {"code": "peers"}, {"code": "restart"},
        {"code": "move_data"}, {"code": "backlog_stays"}, {"code": "memory"}, {"code": "stale"},
        {"code": "plan"}, {"code": "stacked"}, {"code": "none"}, {"code": "later"}
    ]);
    samples("risks", &risks, out, |risk: &crate::report::Risk| {
        advice::risks(LANG, std::slice::from_ref(risk)).unwrap()
    });
    let verify = json!([
        {"code": "compare", "waits": waits}, {"code": "follower_fresh"}, {"code": "watch_longer"},
        {"code": "later"}
    ]);
    samples("verify", &verify, out, |one| advice::verify(names, one));
    (one.nothing_here_helps, one.reason) = (true, Why::SingleMember);
    writeln!(out, "\n# nothing here helps\n{}", advice::reason(names, &one)).unwrap();
}

fn of_notes(out: &mut String) {
    let gap = json!({"code": "no_tracepoint"});
    let all = json!([
        {"code": "counter", "counter": "commit_lost", "value": 3},
        {"code": "not_attached", "hook": "xfs:xfs_file_fsync", "why": gap,
            "loses": {"code": "sync_waits", "filesystem": "xfs"}},
        {"code": "syscall_hooks"}, {"code": "osync_on_xfs"}, {"code": "processes_hidden"},
        {"code": "sync_calls", "everybody": true}, {"code": "sync_calls", "everybody": false},
        {"code": "no_loss_counters", "error": "EPERM"}, {"code": "no_recursion_misses"},
        {"code": "no_room_for_files", "pid": 7}, {"code": "no_room_for_threads", "pid": 7},
        {"code": "no_room_for_loops"}, {"code": "not_tracked", "pid": 7},
        {"code": "capture_truncated", "seconds": 9},
        {"code": "capture_corrupt", "damage": "block", "seconds": 9},
        {"code": "unknown_items", "kind": "future", "count": 2},
        {"code": "recording_stopped", "error": "ENOSPC"},
        {"code": "record_too_short", "record": 1, "bytes": 3}, {"code": "unknown_record", "record": 9},
        {"code": "impossible_key", "key": 255},
        {"code": "schedules_missing", "entries": [{"source": "/etc/crontab:3", "why": "times"}],
            "count": 4},
        {"code": "history_left_out", "captures": 3},
        {"code": "seconds_forgotten", "series": 1, "stalls": 0},
        {"code": "seconds_forgotten", "series": 2_000, "stalls": 7}, {"code": "later"}
    ]);
    samples("notes", &all, out, |one| notes::note(LANG, one));
    let gaps = json!([
        gap, {"code": "no_tracefs", "why": "not_mounted"},
        {"code": "no_tracefs", "why": "not_permitted"}, {"code": "symbols_hidden"},
        {"code": "no_symbol", "symbol": "xlog_bio_end_io"}, {"code": "no_field", "field": "ino"},
        {"code": "no_members"}, {"code": "not_needed"}, {"code": "refused", "error": "EINVAL"},
        {"code": "later"}
    ]);
    samples("gaps", &gaps, out, |one: &GapReason| notes::reason(LANG, one));
    writeln!(out, "\n# losses").unwrap();
    for loses in Loses::ALL {
        writeln!(out, "{}", notes::loses(LANG, loses)).unwrap();
    }
    writeln!(out, "\n# damage").unwrap();
    for damage in [Damage::NoOpening, Damage::BlockMissing, Damage::AfterEnd, Damage::HalfRecord] {
        writeln!(out, "{damage}").unwrap();
    }
    let not_yet = json!([
        {"code": "too_few", "starts": 0}, {"code": "too_few", "starts": 1},
        {"code": "too_few", "starts": 3, "closest": {"seconds": 3_600, "cycles": 2}},
        {"code": "not_significant", "seconds": 3_600, "cycles": 5, "missed": 1},
        {"code": "irregular", "starts": 40}, {"code": "not_seen"}, {"code": "later"}
    ]);
    samples("no period", &not_yet, out, |one| periods::not_yet(LANG, one));
}

fn of_doctor(out: &mut String) {
    let troubles = json!([
        {"code": "not-permitted", "uid": 1_000, "missing": ["CAP_BPF", "CAP_PERFMON"]},
        {"code": "missing-capability", "missing": ["CAP_SYS_PTRACE"]}, {"code": "lockdown"},
        {"code": "foreign-pid-namespace"}, {"code": "no-btf", "path": "/sys/x", "error": "ENOENT"},
        {"code": "unsupported-kernel", "kernel": "4.19.0",
            "lack": {"code": "no_tracepoint", "tracepoint": "block_rq_issue"}},
        {"code": "unsupported-kernel", "kernel": "4.19.0", "lack": {"code": "other_arguments",
            "tracepoint": "block_rq_issue", "found": "int", "expected": "request*"}},
        {"code": "unsupported-kernel", "kernel": "4.19.0",
            "lack": {"code": "no_member", "member": "request.q"}},
        {"code": "load-failed", "error": "EPERM"}, {"code": "few-descriptors", "limit": 64},
        {"code": "no-tracefs", "elsewhere": [], "on_host": false},
        {"code": "no-tracefs", "elsewhere": ["/sys/kernel/tracing"], "on_host": true},
        {"code": "no-tracefs", "elsewhere": ["/odd"], "on_host": false},
        {"code": "tracefs-unreadable", "mounted_at": ["/sys/kernel/tracing"]},
        {"code": "tracefs-unreadable", "mounted_at": []},
        {"code": "symbols-hidden"},
        {"code": "hook-missing", "hooks": ["a", "b"], "why": {"code": "no_tracepoint"},
            "loses": {"code": "merges"}},
        {"code": "syscall-hooks"}, {"code": "no-etcd"},
        {"code": "disk-unknown", "comm": "etcd", "pid": 1, "path": "/d"},
        {"code": "shared-disk", "device": "sda", "others": [{"role": "backup", "comm": "restic",
            "pid": 3, "file_class": "other", "path": "/b"}], "more": 2, "same_filesystem": true,
            "same_journal": true},
        {"code": "iostats-off", "devices": ["sda"]}, {"code": "no-psi"}, {"code": "cgroup-v1"},
        {"code": "no-io-controller"}, {"code": "later"}
    ]);
    samples("troubles", &troubles, out, |one| {
        let explained = doctor::trouble(LANG, one);
        match explained.hint {
            Some(hint) => format!("{} (do: {hint})", explained.what),
            None => explained.what,
        }
    });
    let not_tried = json!([
        {"code": "nothing_to_try"}, {"code": "not_permitted"},
        {"code": "few_descriptors", "limit": 64},
        {"code": "load_failed", "error": "EPERM"}, {"code": "later"}
    ]);
    samples("not tried", &not_tried, out, |one| doctor::not_tried(LANG, one));
    let quirks = json!([{"code": "no_io_start"}, {"code": "no_owner_cgroup"}, {"code": "later"}]);
    samples("quirks", &quirks, out, |one| doctor::quirk(LANG, one));
}

#[test]
fn every_code_has_its_sentence() {
    let report = judged_sample::judged();
    let mut said = String::from("What is said of each code, by `text/tests.rs`.\n");
    findings_and_verdict(&report, &mut said);
    of_advice(&report, &mut said);
    of_notes(&mut said);
    of_doctor(&mut said);
    let known = include_str!("samples.txt");
    assert!(said == known, "put this into samples.txt after reading the difference:\n{said}");
}
