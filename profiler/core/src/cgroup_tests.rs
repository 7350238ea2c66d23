//! Every form of cgroup path seen on control-plane hosts.

use super::*;

const ID: &str = "823b5a6d9aaa1f0e823b5a6d9aaa1f0e823b5a6d9aaa1f0e823b5a6d9aaa1f0e";
const NODE: &str = "0000aaaa1111bbbb0000aaaa1111bbbb0000aaaa1111bbbb0000aaaa1111bbbb";
const UID: &str = "2d1f4b3c-77aa-4c5e-9d1e-0123456789ab";
const UID_: &str = "2d1f4b3c_77aa_4c5e_9d1e_0123456789ab";
const HASH: &str = "1864dd0546310be9937c37cf88024cb8";

/// Path, uid, class, whether a container is named. `$c` container, `$n` node, `$u` uid, `$_` uid with
/// underscores, `$h` the hash of a static pod.
const POD_PATHS: [(&str, &str, Qos, bool); 19] = [
    // systemd driver, each runtime's prefix
    (
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod$_.slice/cri-containerd-$c.scope",
        UID,
        Qos::Burstable,
        true,
    ),
    (
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod$_.slice/crio-$c.scope",
        UID,
        Qos::BestEffort,
        true,
    ),
    (
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod$_.slice/docker-$c.scope",
        UID,
        Qos::BestEffort,
        true,
    ),
    (
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod$_.slice/libpod-$c.scope",
        UID,
        Qos::Burstable,
        true,
    ),
    // Guaranteed pods have no class in the path
    ("/kubepods.slice/kubepods-pod$_.slice/cri-containerd-$c.scope", UID, Qos::Guaranteed, true),
    ("/kubepods/pod$u/$c", UID, Qos::Guaranteed, true),
    // --cgroup-root prefixes every slice
    (
        "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod$h.slice/cri-containerd-$c.scope",
        HASH,
        Qos::Burstable,
        true,
    ),
    (
        "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod$_.slice/cri-containerd-$c.scope",
        UID,
        Qos::Guaranteed,
        true,
    ),
    // static pods
    (
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod$h.slice/crio-$c.scope",
        HASH,
        Qos::Burstable,
        true,
    ),
    // cgroupfs driver
    ("/kubepods/burstable/pod$h/$c", HASH, Qos::Burstable, true),
    ("/kubepods/besteffort/pod$u/$c", UID, Qos::BestEffort, true),
    ("/kubepods/burstable/pod$u/crio-$c", UID, Qos::Burstable, true),
    // the pod's own level, and a cgroup made inside the container
    ("/kubepods/burstable/pod$u", UID, Qos::Burstable, false),
    ("/kubepods/burstable/pod$u/$c/init", UID, Qos::Burstable, true),
    // seen from inside another cgroup namespace
    ("/../../kubepods-burstable-pod$_.slice/cri-containerd-$c.scope", UID, Qos::Burstable, true),
    // a node that is itself a container or a pod: the inner pod is meant
    (
        "/system.slice/docker-$n.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod$h.slice/cri-containerd-$c.scope",
        HASH,
        Qos::Burstable,
        true,
    ),
    ("/docker/$n/kubepods.slice/kubepods-pod$_.slice/docker-$c.scope", UID, Qos::Guaranteed, true),
    ("/kubepods/burstable/pod$h/$n/kubepods/pod$u/$c", UID, Qos::Guaranteed, true),
    ("/system.slice/k3s.service/kubepods/burstable/pod$u/$c", UID, Qos::Burstable, true),
];

#[test]
fn every_pod_path_form_gives_its_uid_class_and_container() {
    for (template, uid, qos, container) in POD_PATHS {
        let path = [("$c", ID), ("$n", NODE), ("$u", UID), ("$_", UID_), ("$h", HASH)]
            .iter()
            .fold(template.to_owned(), |path, (name, value)| path.replace(name, value));
        let container_id = container.then(|| ID.to_owned());
        assert_eq!(pod(&path), Some(PodIds { uid: uid.to_owned(), qos, container_id }), "{path}");
    }
}

#[test]
fn what_only_looks_like_a_pod_is_none() {
    for path in [
        "/",
        "/podruntime/etcd",
        "/system.slice/podman.service",
        "/system.slice/pod-cleaner.service",
        "/kubepods.slice/kubepods-burstable.slice",
        "/kubepods/burstable/podinfo",
        "/machine.slice/libpod_pod_823b5a6d9aaa1f0e823b5a6d9aaa1f0e823b5a6d9aaa1f0e823b5a6d9aaa1f0e.slice",
        "/kubepods/pod2d1f4b3c-77aa-4c5e-9d1e-0123456789ab-x",
        "/kubepods/podé",
    ] {
        assert_eq!(pod(path), None, "{path}");
    }
}

#[test]
fn a_container_is_found_with_and_without_a_pod() {
    for path in [
        format!("/system.slice/docker-{ID}.scope"),
        format!("/docker/{ID}"),
        format!("/machine.slice/libpod-{ID}.scope/container"),
        format!("/system.slice/containerd.service/kubepods-x:cri-containerd-{ID}"),
    ] {
        assert_eq!(container_id(&path), Some(ID), "{path}");
    }
    for path in ["/system.slice/etcd.service", "/docker/0123456789abcdef", "/"] {
        assert_eq!(container_id(path), None, "{path}");
    }
}

#[test]
fn the_unit_is_the_first_element_below_the_slices() {
    for (path, expected) in [
        ("/system.slice/etcd.service", Some("etcd.service")),
        ("/system.slice/system-etcd.slice/etcd@m1.service", Some("etcd@m1.service")),
        ("/system.slice/rke2-server.service/supervise", Some("rke2-server.service")),
        ("/control.slice/control-plane.slice/etcd.service", Some("etcd.service")),
        (
            "/system.slice/snap.microk8s.daemon-kubelite.service",
            Some("snap.microk8s.daemon-kubelite.service"),
        ),
        ("/user.slice/user-1000.slice/session-3.scope", Some("session-3.scope")),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/sync.service",
            Some("sync.service"),
        ),
        ("/user.slice/user-1000.slice/user@1000.service/init.scope", Some("user@1000.service")),
        ("/system.slice/run-r5f.scope", Some("run-r5f.scope")),
        ("/init.scope", Some("init.scope")),
        ("/../../system.slice/cron.service", Some("cron.service")),
        ("/system.slice/_cpu.service", Some("cpu.service")),
        // Nothing that systemd on this host manages under that name:
        ("/system.slice", None),
        ("/", None),
        ("", None),
        ("/podruntime/etcd", None),
        ("/docker/abc/system.slice/etcd.service", None),
    ] {
        assert_eq!(unit(path), expected, "{path}");
    }
}

/// Property: what the host's systemd is told of is a unit of its own: the first one below the slices, and only when that
/// is the whole path is it the cgroup itself. Whatever a user's manager, a container or a runtime names below is not.
#[test]
fn only_the_hosts_own_units_are_system_units() {
    let own = |name| Some(SystemUnit { name, is_own: true });
    let below = |name| Some(SystemUnit { name, is_own: false });
    for (path, expected) in [
        ("/system.slice/etcd.service", own("etcd.service")),
        ("/system.slice/system-etcd.slice/etcd@m1.service", own("etcd@m1.service")),
        ("/system.slice/_cpu.service", own("cpu.service")),
        ("/user.slice/user-1000.slice/session-3.scope", own("session-3.scope")),
        ("/init.scope", own("init.scope")),
        ("/etcd.service", own("etcd.service")),
        // A user's systemd.
        ("/user.slice/user-1000.slice/user@1000.service", own("user@1000.service")),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/etcd.service",
            below("user@1000.service"),
        ),
        ("/user.slice/user-1000.slice/user@1000.service/init.scope", below("user@1000.service")),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice", below("user@1000.service")),
        // A container's, also of one that has a unit's name.
        (
            "/machine.slice/machine-db.scope/payload/system.slice/etcd.service",
            below("machine-db.scope"),
        ),
        (
            "/machine.slice/systemd-nspawn@db.service/payload/init.scope",
            below("systemd-nspawn@db.service"),
        ),
        ("/system.slice/etcd.service/system.slice/etcd.service", below("etcd.service")),
        ("/docker/0123456789abcdef/system.slice/etcd.service", None),
        ("/lxc.payload.db/system.slice/etcd.service", None),
        ("/lxc.payload.my.service", None),
        ("/lxc.payload.my.service/system.slice/etcd.service", None),
        ("/kubepods/burstable/pod1/c/system.slice/etcd.service", None),
        (
            "/kubepods.slice/kubepods-pod1.slice/cri-containerd-1.scope/system.slice/etcd.service",
            below("cri-containerd-1.scope"),
        ),
        // Slices that systemd would not put there.
        ("/a.slice/b.slice/etcd.service", None),
        ("/a-b.slice/etcd.service", None),
        // Seen from inside another cgroup namespace.
        ("/../../system.slice/etcd.service", None),
        ("/system.slice", None),
        ("/", None),
        ("", None),
    ] {
        assert_eq!(system_unit(path), expected, "{path}");
    }
}

#[test]
fn talos_services_are_named() {
    assert_eq!(talos_service("/podruntime/etcd"), Some("etcd"));
    assert_eq!(talos_service("/podruntime/kubelet"), Some("kubelet"));
    assert_eq!(talos_service("/system.slice/etcd.service"), None);
}

#[test]
fn each_hierarchy_goes_to_its_own_field() {
    let text =
        "12:cpu,cpuacct:/a\n7:blkio:/kubepods/x\n1:name=systemd:/system.slice/etcd.service\n0::/\n";
    let paths = CgroupPaths::parse(text);
    assert_eq!(paths.v2.as_deref(), Some("/"));
    assert_eq!(paths.v1_blkio.as_deref(), Some("/kubepods/x"));
    assert_eq!(paths.v1_systemd.as_deref(), Some("/system.slice/etcd.service"));
    assert_eq!(paths.best(), Some("/system.slice/etcd.service"));
    assert_eq!(paths.unit(), Some("etcd.service"));
}

#[test]
fn colons_in_a_path_and_odd_lines_survive() {
    let paths =
        CgroupPaths::parse("junk\n\n0::/x/kubepods-burstable:cri:1 (deleted)\n3:hugetlb:/\n");
    assert_eq!(paths.v2.as_deref(), Some("/x/kubepods-burstable:cri:1"));
    assert_eq!(paths.v1_blkio, None);
    assert_eq!(CgroupPaths::parse("").best(), None);
    assert_eq!(CgroupPaths::parse("0::/\n").best(), Some("/"));
}

/// Property: limits are looked for from the top down to the cgroup itself, and the root has none.
#[test]
fn cgroups_stand_from_the_top_down() {
    let all: Vec<&str> = with_parents("/kubepods.slice/pod-1/etcd").collect();
    assert_eq!(all, ["/kubepods.slice", "/kubepods.slice/pod-1", "/kubepods.slice/pod-1/etcd"]);
    assert_eq!(with_parents("/a").collect::<Vec<_>>(), ["/a"]);
    assert_eq!(with_parents("/").count(), 0);
}
