//! Each class by the paths that have it, and by those that only look like it.

use super::*;
use crate::test_facts::process;

#[test]
fn an_etcd_members_files_have_their_classes() {
    let argv = ["etcd", "--data-dir=/var/lib/etcd", "--wal-dir=/fast"];
    let owner = process(Some("/usr/bin/etcd"), &argv);
    for (path, class) in [
        ("/fast/0000000000000001-0000000000000002.wal", FileClass::Wal),
        ("/fast/1.tmp", FileClass::Wal),
        ("/fast/0.tmp (deleted)", FileClass::Wal),
        ("/fast/sub/1.tmp", FileClass::Other),
        ("/fast/notes.txt", FileClass::Other),
        ("/var/lib/etcd/member/snap/db", FileClass::Db),
        ("/var/lib/etcd/member/snap/db (deleted)", FileClass::Db),
        ("/var/lib/etcd/member/snap/db.tmp.4242", FileClass::Db),
        ("/var/lib/etcd/member/snap/0000000000000002-00000000000186a1.snap", FileClass::Snap),
        ("/var/lib/etcd/member/snap/00000000000186a1.snap.db", FileClass::Snap),
        ("/var/lib/etcd/member/snap/tmp77", FileClass::Snap),
        // the same member through another path than the flag's
        ("/data/etcd/member/wal/2.tmp", FileClass::Wal),
        ("/etc/ssl/cert.pem", FileClass::Other),
    ] {
        assert_eq!(classify(path, &owner, Role::Etcd, false), class, "{path}");
    }
}

#[test]
fn a_target_is_a_member_by_its_data_dir_whatever_its_role() {
    let owner =
        process(Some("/bin/iocontend"), &["iocontend", "demo-victim", "--data-dir", "/t/d"]);
    for (path, class) in [
        ("/t/d/member/wal/demo.wal", FileClass::Wal),
        ("/t/d/member/wal/0.tmp", FileClass::Wal),
        ("/t/d/member/snap/db", FileClass::Db),
        ("/t/d/other", FileClass::Other),
    ] {
        assert_eq!(classify(path, &owner, Role::Other, true), class, "{path}");
    }
    assert_eq!(classify("/t/d/member/wal/0.tmp", &owner, Role::Other, false), FileClass::Other);
}

#[test]
fn a_backup_reads_a_db_and_writes_an_output() {
    let owner = process(Some("/bin/cp"), &["cp", "/var/lib/etcd/member/snap/db", "/mnt/x"])
        .reading(&["/var/lib/etcd/member/snap/db", "/srv/source"])
        .writing(&["/mnt/x"]);
    for (path, class) in [
        ("/var/lib/etcd/member/snap/db", FileClass::Db),
        ("/mnt/x", FileClass::BackupOutput),
        ("/srv/source", FileClass::Other),
        ("/mnt/not-seen-open", FileClass::BackupOutput),
        ("/backup/etcd.db.part", FileClass::BackupOutput),
        ("/etc/ld.so.cache", FileClass::Other),
        ("/var/log/backup.log", FileClass::BackupOutput),
        ("/var/log/cron", FileClass::Other),
    ] {
        assert_eq!(classify(path, &owner, Role::Backup, false), class, "{path}");
    }
}

#[test]
fn the_audit_log_is_the_one_of_the_flags_and_its_rotated_siblings() {
    let argv = ["kube-apiserver", "--audit-log-path=/var/log/kubernetes/audit.log"];
    let owner = process(Some("/usr/bin/kube-apiserver"), &argv);
    for (path, class) in [
        ("/var/log/kubernetes/audit.log", FileClass::AuditLog),
        ("/var/log/kubernetes/audit-2024-05-01T10-00-00.000.log", FileClass::AuditLog),
        ("/var/log/kubernetes/audit-policy.yaml", FileClass::Other),
        ("/var/log/kubernetes/kube-apiserver.log", FileClass::Other),
    ] {
        assert_eq!(classify(path, &owner, Role::Apiserver, false), class, "{path}");
    }
    // Another process that happens to read it owns no audit log.
    let path = "/var/log/kubernetes/audit.log";
    assert_eq!(classify(path, &owner, Role::Logging, false), FileClass::Other);
}

#[test]
fn one_k3s_process_has_several_streams() {
    let owner = process(Some("/x/bin/k3s"), &["/usr/local/bin/k3s server"]);
    for (path, class) in [
        ("/var/lib/rancher/k3s/server/db/etcd/member/wal/0.tmp", FileClass::Wal),
        ("/var/lib/rancher/k3s/server/db/etcd/member/snap/db", FileClass::Db),
        ("/var/lib/rancher/k3s/server/logs/audit.log", FileClass::AuditLog),
        (
            "/var/lib/rancher/k3s/server/db/snapshots/etcd-snapshot-n1-1.part",
            FileClass::BackupOutput,
        ),
        ("/var/lib/rancher/k3s/server/db/snapshots/etcd-snapshot-n1-1", FileClass::BackupOutput),
        ("/var/log/pods/kube-system_a_b/c/0.log", FileClass::ContainerLog),
        ("/var/lib/rancher/k3s/server/db/state.db", FileClass::Other),
    ] {
        assert_eq!(classify(path, &owner, Role::Etcd, false), class, "{path}");
    }
}

#[test]
fn container_logs_are_known_whoever_has_them() {
    let owner = process(Some("/usr/bin/containerd-shim-runc-v2"), &["containerd-shim-runc-v2"]);
    let path = "/var/log/pods/ns_pod_uid/app/0.log";
    for role in [Role::Runtime, Role::Kubelet, Role::Logging, Role::Other] {
        assert_eq!(classify(path, &owner, role, false), FileClass::ContainerLog);
    }
}

#[test]
fn odd_paths_are_other() {
    let owner = process(None, &[]);
    for path in ["", "/", " (deleted)", "db", "/member/snap/", "\u{fffd}/x", "é"] {
        for role in [Role::Other, Role::Etcd] {
            assert_eq!(classify(path, &owner, role, true), FileClass::Other, "{path}");
        }
    }
}
