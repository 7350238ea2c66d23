//! Who has a role, and who only looks like it.

use super::*;
use crate::test_facts::process;

const DB: &str = "/var/lib/etcd/member/snap/db";
const WAL: &str = "/var/lib/etcd/member/wal/0000000000000001-0000000000000002.wal";

fn role(exe: &str, argv: &[&str]) -> Role {
    role_of(&process(Some(exe), argv)).role
}

#[test]
fn an_etcd_server_is_known_however_it_is_configured() {
    for (exe, argv) in [
        ("/usr/bin/etcd", &["etcd"][..]),
        ("/usr/bin/etcd", &["/usr/bin/etcd", "--config-file", "/etc/etcd.conf.yml"]),
        ("/usr/local/bin/etcd (deleted)", &["etcd", "--data-dir=/var/lib/etcd"]),
        ("/opt/etcd-v3.5.12", &["/opt/etcd-v3.5.12", "-data-dir", "/d"]),
        ("/usr/bin/etcd", &["etcd", "--name", "gateway"]),
        ("/x/bin/k3s", &["/usr/local/bin/k3s server"]),
        ("/x/bin/k3s", &["k3s", "server", "--cluster-init"]),
    ] {
        assert_eq!(role(exe, argv), Role::Etcd, "{argv:?}");
    }
    // Without the right to read exe, argv[0] with comm or a server's flags is enough.
    assert_eq!(role_of(&process(None, &["/usr/bin/etcd"])).role, Role::Etcd);
    let mut renamed = process(None, &["etcd", "--wal-dir=/w"]);
    renamed.comm = "main".to_owned();
    assert_eq!(role_of(&renamed).role, Role::Etcd);
}

#[test]
fn an_open_log_makes_an_etcd_of_any_server() {
    for (exe, argv) in [
        ("/x/bin/k3s", &["/usr/local/bin/k3s server"][..]),
        ("/usr/bin/rke2", &["/usr/local/bin/rke2 server"]),
        ("/usr/bin/vcluster", &["vcluster", "start"]),
    ] {
        let verdict = role_of(&process(Some(exe), argv).writing(&[WAL, DB]));
        assert_eq!(verdict.role, Role::Etcd, "{argv:?}");
        assert!(verdict.reasons.contains(&Reason::WalOpen));
    }
}

#[test]
fn what_only_looks_like_etcd_is_not_etcd() {
    for (exe, argv) in [
        ("/usr/bin/vim", &["vim", "etcd"][..]),
        ("/usr/bin/vim", &["vim", "/etc/etcd/etcd.conf", "--data-dir=/x"]),
        ("/usr/bin/bash", &["bash", "-c", "etcd --data-dir=/x --listen-client-urls=y"]),
        ("/usr/bin/bash", &["bash", "/usr/local/bin/etcd"]),
        ("/usr/bin/docker", &["docker", "run", "etcd", "etcd", "--data-dir=/d"]),
        ("/usr/bin/etcd", &["etcd", "gateway", "start"]),
        ("/usr/bin/etcd", &["etcd", "grpc-proxy", "start"]),
        ("/usr/bin/etcd", &["etcd", "--version"]),
        ("/usr/bin/etcd-exporter", &["etcd-exporter"]),
        ("/usr/bin/etcdctl", &["etcdctl", "endpoint", "status"]),
        ("/x/bin/k3s", &["k3s", "kubectl", "get", "pods"]),
        ("/usr/bin/rke2", &["/usr/local/bin/rke2 server"]),
        ("/usr/bin/tail", &["tail", "-f", "/var/log/etcd.log"]),
    ] {
        assert_ne!(role(exe, argv), Role::Etcd, "{argv:?}");
    }
    // comm alone, in etcd's own cgroup
    let mut comm_only = process(Some("/usr/bin/python3"), &["python3", "x.py"]);
    comm_only.comm = "etcd".to_owned();
    let comm_only = comm_only.in_cgroup("/system.slice/etcd.service");
    assert_eq!(role_of(&comm_only).role, Role::Other);
    // k3s on SQLite, and a restore
    let sqlite =
        process(Some("/x/bin/k3s"), &["k3s", "server"]).writing(&["/v/server/db/state.db"]);
    assert_eq!(role_of(&sqlite).role, Role::Other);
    let restore = process(Some("/usr/bin/tar"), &["tar", "-xf", "b.tgz"]).writing(&[WAL]);
    assert_eq!(role_of(&restore).role, Role::Other);
    // a reader of the log
    let dump = process(Some("/usr/bin/etcd-dump-logs"), &["etcd-dump-logs"]).reading(&[WAL]);
    assert_eq!(role_of(&dump).role, Role::Other);
}

#[test]
fn the_other_programs_of_a_control_plane_are_known() {
    for (exe, argv, expected) in [
        (
            "/usr/bin/kube-apiserver",
            &["kube-apiserver", "--audit-log-path=/a"][..],
            Role::Apiserver,
        ),
        ("/hyperkube", &["/hyperkube", "kube-apiserver"], Role::Apiserver),
        ("/hyperkube", &["/hyperkube", "apiserver", "--etcd-servers=x"], Role::Apiserver),
        ("/hyperkube", &["kube-apiserver"], Role::Apiserver),
        ("/snap/microk8s/1/kubelite", &["kubelite", "--apiserver-args-file=x"], Role::Apiserver),
        ("/usr/bin/kubelet", &["/usr/bin/kubelet", "--config=x"], Role::Kubelet),
        ("/x/bin/k3s", &["/usr/local/bin/k3s agent"], Role::Kubelet),
        ("/usr/bin/containerd", &["containerd"], Role::Runtime),
        (
            "/usr/bin/containerd-shim-runc-v2",
            &["/usr/bin/containerd-shim-runc-v2", "-id", "x"],
            Role::Runtime,
        ),
        ("/usr/bin/crio", &["crio"], Role::Runtime),
        ("/usr/libexec/crio/conmon", &["conmon", "-c", "x"], Role::Runtime),
        ("/usr/bin/dockerd", &["dockerd"], Role::Runtime),
        ("/memfd:runc_cloned:/proc/self/exe (deleted)", &["runc", "init"], Role::Runtime),
        ("/usr/lib/systemd/systemd-journald", &["/lib/systemd/systemd-journald"], Role::Logging),
        ("/fluent-bit/bin/fluent-bit", &["fluent-bit", "-c", "x"], Role::Logging),
        ("/usr/bin/ruby3.1", &["/usr/bin/ruby", "/usr/bin/fluentd", "-c", "x"], Role::Logging),
        ("/usr/bin/ruby", &["worker:fluentd1"], Role::Logging),
        ("/opt/java/bin/java", &["java", "-Xmx1g", "org.logstash.Logstash"], Role::Logging),
        ("/usr/sbin/rsyslogd", &["rsyslogd", "-n"], Role::Logging),
        ("/usr/bin/vector", &["vector"], Role::Logging),
    ] {
        assert_eq!(role(exe, argv), expected, "{argv:?}");
    }
}

#[test]
fn what_only_names_those_programs_is_other() {
    for (exe, argv) in [
        ("/usr/bin/kubectl", &["kubectl", "logs", "kube-apiserver"][..]),
        ("/usr/bin/watch-termination", &["watch-termination", "--", "hyperkube", "kube-apiserver"]),
        ("/usr/bin/tail", &["tail", "-f", "/var/log/kube-apiserver/audit.log"]),
        ("/usr/bin/python3", &["python3", "/opt/vector.py"]),
        ("/usr/bin/bash", &["bash", "/opt/containerd"]),
        ("/usr/bin/vim", &["vim", "kubelet"]),
        (
            "/usr/bin/cluster-kube-apiserver-operator",
            &["cluster-kube-apiserver-operator", "operator"],
        ),
        ("/pause", &["/pause"]),
        ("/usr/bin/openshift-apiserver", &["openshift-apiserver", "start"]),
    ] {
        assert_eq!(role(exe, argv), Role::Other, "{argv:?}");
    }
    let mut thread = process(None, &[]);
    thread.comm = "containerd".to_owned();
    assert_eq!(role_of(&thread).role, Role::Other);
}

#[test]
fn a_kernel_thread_is_nothing_else() {
    let mut facts = process(None, &[]);
    facts.kernel_thread = true;
    assert_eq!(role_of(&facts).role, Role::Kernel);
}

#[test]
fn the_verdict_gives_its_reasons() {
    let facts = process(Some("/usr/bin/etcd"), &["etcd", "--data-dir=/d"])
        .writing(&[WAL])
        .in_cgroup("/podruntime/etcd");
    let verdict = role_of(&facts);
    let expected = [Reason::Program, Reason::Flags, Reason::WalOpen, Reason::Cgroup];
    assert_eq!(verdict.reasons, expected);
    assert_eq!(verdict.score, 150);
    assert_eq!(role_of(&process(None, &["x"])), RoleVerdict::default());
}
