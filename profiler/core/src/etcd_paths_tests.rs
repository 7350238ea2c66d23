//! Where a member's folders are read from, and in which order.

use super::*;
use crate::test_facts::process;

fn dirs(facts: &ProcessFacts) -> (Option<String>, Option<String>) {
    let paths = etcd_paths(facts);
    (paths.data_dir, paths.wal_dir)
}

fn some(data: &str, wal: &str) -> (Option<String>, Option<String>) {
    (Some(data.to_owned()), Some(wal.to_owned()))
}

#[test]
fn flags_in_every_spelling_name_the_folders() {
    for argv in [
        &["etcd", "--data-dir=/d"][..],
        &["etcd", "--data-dir", "/d/"],
        &["etcd", "-data-dir", "/d"],
        &["etcd", "-data-dir=/d"],
    ] {
        let found = etcd_paths(&process(Some("/bin/etcd"), argv));
        assert_eq!(found.wal_dir.as_deref(), Some("/d/member/wal"), "{argv:?}");
    }
    let facts = process(Some("/bin/etcd"), &["etcd", "--data-dir=/d", "--wal-dir", "/fast/wal"]);
    assert_eq!(dirs(&facts), some("/d", "/fast/wal"));
}

#[test]
fn environment_stands_in_for_flags_and_flags_win() {
    let mut facts = process(Some("/bin/etcd"), &["etcd"]);
    facts.etcd_env =
        vec![("ETCD_DATA_DIR".into(), "/e".into()), ("ETCD_WAL_DIR".into(), "/w".into())];
    assert_eq!(dirs(&facts), some("/e", "/w"));
    facts.argv.push("--data-dir=/f".to_owned());
    assert_eq!(dirs(&facts), some("/f", "/w"));
}

#[test]
fn open_files_tell_when_nothing_else_does() {
    let facts = process(Some("/bin/etcd"), &["etcd", "--config-file=/etc/etcd.yaml"])
        .writing(&["/x/member/snap/db", "/y/0000000000000001-0000000000000002.wal"]);
    assert_eq!(dirs(&facts), some("/x", "/y"));
    let wal_only = process(None, &["thing"]).writing(&["/x/member/wal/1.wal"]);
    assert_eq!(dirs(&wal_only), some("/x", "/x/member/wal"));
}

#[test]
fn the_default_folder_has_the_members_name_and_lies_in_the_working_directory() {
    let mut facts = process(Some("/bin/etcd"), &["etcd"]);
    assert_eq!(dirs(&facts), some("default.etcd", "default.etcd/member/wal"));
    facts.cwd = Some("/home/x".to_owned());
    facts.argv.push("--name=m1".to_owned());
    assert_eq!(dirs(&facts), some("/home/x/m1.etcd", "/home/x/m1.etcd/member/wal"));
}

#[test]
fn distributions_put_the_folder_below_their_own() {
    let k3s = process(Some("/x/k3s"), &["k3s", "server", "-d", "/data/k3s"]);
    assert_eq!(etcd_paths(&k3s).data_dir.as_deref(), Some("/data/k3s/server/db/etcd"));
    let config = "--config-file=/var/lib/rancher/rke2/server/db/etcd/config";
    let rke2 = process(Some("/bin/etcd"), &["etcd", config]);
    assert_eq!(etcd_paths(&rke2).data_dir.as_deref(), Some("/var/lib/rancher/rke2/server/db/etcd"));
}

#[test]
fn a_process_that_hints_at_nothing_has_no_folders() {
    assert_eq!(etcd_paths(&process(Some("/bin/cp"), &["cp", "a", "b"])), EtcdPaths::default());
    let unknown = process(Some("/bin/etcd"), &["etcd", "--config-file=/etc/etcd.yaml"]);
    assert_eq!(etcd_paths(&unknown), EtcdPaths::default());
}

#[test]
fn the_audit_log_is_found_in_own_and_in_passed_on_flags() {
    for argv in [
        &["kube-apiserver", "--audit-log-path=/a/audit.log"][..],
        &["kube-apiserver", "--audit-log-path", "/a/audit.log"],
        &["k3s", "server", "--kube-apiserver-arg=audit-log-path=/a/audit.log"],
        &["k3s", "server", "--kube-apiserver-arg", "audit-log-path=/a/audit.log"],
    ] {
        let found = audit_log_path(&process(None, argv));
        assert_eq!(found.as_deref(), Some("/a/audit.log"), "{argv:?}");
    }
    for argv in [&["kube-apiserver", "--audit-log-path=-"][..], &["kube-apiserver"], &[]] {
        assert_eq!(audit_log_path(&process(None, argv)), None, "{argv:?}");
    }
}

#[test]
fn rotated_logs_are_siblings_with_a_time_or_a_number() {
    for file in [
        "/a/audit.log",
        "/a/audit-2024-05-01T10-00-00.000.log",
        "/a/audit-2024-05-01T10-00-00.000.log.gz",
        "/a/audit.log.1",
        "/a/audit.log.2.gz",
        "/a/audit.log (deleted)",
    ] {
        assert!(is_log_or_rotated(file, "/a/audit.log"), "{file}");
    }
    for file in
        ["/a/audit-policy.log", "/a/audit.logs", "/b/audit.log", "/a/x/audit.log", "/a/audit.yaml"]
    {
        assert!(!is_log_or_rotated(file, "/a/audit.log"), "{file}");
    }
}
