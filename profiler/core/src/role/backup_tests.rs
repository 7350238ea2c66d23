//! Who takes a backup, and who only looks like it.

use crate::ids::Role;
use crate::role::role_of;
use crate::test_facts::process;

const DB: &str = "/var/lib/etcd/member/snap/db";

fn role(exe: &str, argv: &[&str]) -> Role {
    role_of(&process(Some(exe), argv)).role
}

#[test]
fn commands_that_take_backups() {
    for (exe, argv) in [
        ("/usr/bin/etcdctl", &["etcdctl", "snapshot", "save", "/b/x.db"][..]),
        (
            "/usr/bin/etcdctl",
            &["etcdctl", "--endpoints", "https://a:2379", "snapshot", "save", "x"],
        ),
        ("/usr/bin/etcdctl", &["etcdctl", "snapshot", "--cacert=x", "save", "x"]),
        ("/usr/bin/etcdctl", &["etcdctl", "backup", "--data-dir", "/d", "--backup-dir", "/b"]),
        ("/usr/bin/etcdctl", &["etcdctl", "snapshot", "status", "x"]),
        ("/usr/bin/etcdutl", &["etcdutl", "snapshot", "status", "x"]),
        ("/usr/bin/etcdutl", &["etcdutl", "backup", "--data-dir", "/d"]),
        ("/usr/bin/env", &["env", "ETCDCTL_API=3", "etcdctl", "snapshot", "save", "x"]),
        ("/usr/bin/dash", &["sh", "-c", "ETCDCTL_API=3 etcdctl snapshot save /b/$(date +%F).db"]),
        ("/usr/bin/bash", &["/bin/bash", "-ec", "cd /b && etcdctl \\\n snapshot save x && gzip x"]),
        ("/usr/bin/dash", &["sh", "-c", "docker exec etcd1 sh -c 'etcdctl snapshot save /x'"]),
        ("/usr/bin/docker", &["docker", "exec", "etcd1", "etcdctl", "snapshot", "save", "/x"]),
        (
            "/usr/bin/kubectl",
            &["kubectl", "exec", "-n", "s", "etcd-0", "--", "sh", "-c", "etcdctl snapshot save x"],
        ),
        ("/usr/bin/ionice", &["ionice", "-c", "3", "/opt/etcdctl", "snapshot", "save", "x"]),
        ("/x/bin/k3s", &["k3s", "etcd-snapshot", "save"]),
        ("/usr/bin/rke2", &["rke2", "etcd-snapshot", "save", "--name", "x"]),
        ("/usr/bin/talosctl", &["talosctl", "-n", "1.2.3.4", "etcd", "snapshot", "x"]),
        ("/usr/bin/bash", &["bash", "/usr/local/bin/cluster-backup.sh", "/home/core/assets"]),
        ("/usr/bin/bash", &["/bin/bash", "/opt/etcd_backup.sh"]),
        ("/usr/bin/python3.11", &["python3", "/opt/backup-etcd.py"]),
        ("/usr/bin/cluster-etcd-operator", &["cluster-etcd-operator", "cluster-backup"]),
        ("/etcdbrctl", &["etcdbrctl", "server"]),
        ("/etcd-manager", &["/etcd-manager", "--backup-store=s3://x"]),
        ("/velero", &["/velero", "node-agent", "server"]),
        ("/usr/bin/restic", &["restic", "backup", "/"]),
        ("/usr/bin/python3", &["/usr/bin/python3", "/usr/bin/borg", "create"]),
        ("/usr/bin/rclone", &["rclone", "sync", "/a", "r:b"]),
        ("/usr/bin/iocontend", &["iocontend", "demo-copier", "--source", "x"]),
    ] {
        assert_eq!(role(exe, argv), Role::Backup, "{argv:?}");
    }
}

#[test]
fn generic_tools_are_backups_by_what_they_are_given() {
    for (exe, argv) in [
        ("/bin/cp", &["cp", "-a", DB, "/mnt"][..]),
        ("/bin/cp", &["cp", "-a", "/srv/data", "/mnt/Backups/"]),
        ("/bin/cp", &["cp", "-t", "/backup", "a", "b"]),
        ("/bin/tar", &["tar", "czf", "/mnt/e.tgz", "/var/lib/etcd"]),
        ("/bin/tar", &["tar", "-cpzf", "/home/core/backup/static.tgz", "x"]),
        ("/bin/dd", &["dd", "if=/var/lib/etcd/member/snap/db", "of=/mnt/x"]),
        ("/bin/dd", &["dd", "if=/dev/sda", "of=/backup/sda.img"]),
        ("/usr/bin/rsync", &["rsync", "-a", "/var/lib/etcd/", "host:/x"]),
        ("/usr/bin/gzip", &["gzip", "/backup/etcd.db"]),
        ("/bin/busybox", &["gzip", "/backup/etcd.db"]),
        ("/usr/bin/aws", &["aws", "s3", "cp", "x", "s3://b/etcd-backup/x"]),
    ] {
        assert_eq!(role(exe, argv), Role::Backup, "{argv:?}");
    }
    let gzip = process(Some("/usr/bin/gzip"), &["gzip", "-c"]);
    assert_eq!(role_of(&gzip.clone().writing(&["/var/backups/e.gz"])).role, Role::Backup);
    assert_eq!(role_of(&gzip.reading(&[DB])).role, Role::Backup);
}

#[test]
fn an_unknown_program_needs_two_signs() {
    let tool = process(Some("/opt/our-tool"), &["our-tool"]);
    let part = "/backup/etcd-1.db.part";
    assert_eq!(role_of(&tool.clone().writing(&[part])).role, Role::Backup);
    assert_eq!(role_of(&tool.clone().reading(&[DB]).writing(&["/backup/x"])).role, Role::Backup);
    assert_eq!(role_of(&tool.clone().reading(&[DB])).role, Role::Other);
    assert_eq!(role_of(&tool.clone().writing(&["/data/snapshots/1"])).role, Role::Other);
    assert_eq!(role_of(&tool.writing(&["/home/x/Downloads/snapshot.iso.part"])).role, Role::Other);
    // RKE2's supervisor is a backup while it writes one.
    let rke2 = process(Some("/usr/bin/rke2"), &["/usr/local/bin/rke2 server"]);
    let part = "/var/lib/rancher/rke2/server/db/snapshots/etcd-snapshot-n-1.part";
    assert_eq!(role_of(&rke2.writing(&[part])).role, Role::Backup);
}

#[test]
fn a_server_that_writes_a_snapshot_stays_etcd() {
    let k3s = process(Some("/x/bin/k3s"), &["/usr/local/bin/k3s server"]).writing(&[
        "/v/server/db/etcd/member/wal/0000000000000001-0000000000000002.wal",
        "/v/server/db/snapshots/etcd-snapshot-n-1.part",
    ]);
    assert_eq!(role_of(&k3s).role, Role::Etcd);
    let etcd = process(Some("/bin/etcd"), &["etcd", "--data-dir=/backup/etcd"])
        .writing(&["/backup/etcd/member/snap/db"]);
    assert_eq!(role_of(&etcd).role, Role::Etcd);
}

#[test]
fn what_only_looks_like_a_backup_is_other() {
    for (exe, argv) in [
        ("/usr/bin/etcdctl", &["etcdctl", "put", "a", "b"][..]),
        ("/usr/bin/etcdctl", &["etcdctl", "put", "snapshot", "save"]),
        ("/usr/bin/etcdctl", &["etcdctl", "endpoint", "status"]),
        ("/usr/bin/etcdctl", &["etcdctl", "get", "/backup"]),
        ("/usr/bin/etcdctl", &["etcdctl", "defrag"]),
        ("/usr/bin/etcdutl", &["etcdutl", "defrag", "--data-dir", "/d"]),
        ("/bin/cp", &["cp", "a", "b"]),
        ("/bin/cp", &["cp", "/backup/etcd.conf", "/etc/etcd.conf"]),
        ("/bin/cp", &["cp", "/mnt/x", "/var/lib/etcd/member/snap/db"]),
        ("/usr/bin/gzip", &["gzip", "/var/log/syslog.1"]),
        ("/usr/bin/gzip", &["gzip", "-d", "/backup/x.gz"]),
        ("/bin/tar", &["tar", "xzf", "/backup/x.tgz", "-C", "/var/lib/etcd"]),
        ("/bin/tar", &["tar", "-czf", "/tmp/src.tgz", "/src"]),
        ("/bin/dd", &["dd", "if=/dev/zero", "of=/tmp/x"]),
        ("/usr/bin/dash", &["sh", "-c", "echo etcdctl snapshot save"]),
        ("/usr/bin/dash", &["sh", "-c", "etcdctl endpoint status"]),
        ("/usr/bin/grep", &["grep", "-r", "etcdctl snapshot save", "/etc"]),
        ("/usr/bin/kubectl", &["kubectl", "-n", "velero", "get", "pods"]),
        ("/usr/bin/docker", &["docker", "logs", "velero"]),
        ("/usr/bin/vim", &["vim", "/opt/etcd-backup.sh"]),
        ("/usr/bin/rclone", &["rclone", "mount", "r:b", "/m"]),
        ("/usr/bin/iocontend", &["iocontend", "watch", "demo-copier"]),
        ("/x/bin/k3s", &["k3s", "etcd-snapshot", "ls"]),
        ("/usr/bin/bash", &["bash", "/opt/rotate.sh"]),
        ("/usr/bin/cluster-etcd-operator", &["cluster-etcd-operator", "operator"]),
    ] {
        assert_eq!(role(exe, argv), Role::Other, "{argv:?}");
    }
    let firefox = process(Some("/usr/bin/firefox"), &["firefox"]).writing(&["/home/x/a.iso.part"]);
    assert_eq!(role_of(&firefox).role, Role::Other);
    let layer = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/1/fs/x";
    let unpack = process(Some("/usr/bin/tar"), &["tar", "-x"]).writing(&[layer]);
    assert_eq!(role_of(&unpack).role, Role::Other);
}
