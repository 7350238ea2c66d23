//! What people type for a cgroup or a unit, on v1, v2 and both.

use super::*;

/// A host with v1 controllers and the unified hierarchy beside them.
const HYBRID: &str = "12:cpu,cpuacct:/k8s/pod1\n11:memory:/mem/a\n4:blkio:/io/a\n\
                      2:misc:/\n1:name=systemd:/system.slice/etcd.service\n0::/u/etcd.service\n";
/// Version 1 alone, as old distributions have it.
const V1: &str = "4:memory:/system.slice/etcd.service\n3:blkio:/system.slice/etcd.service\n\
                  1:name=systemd:/system.slice/etcd.service\n";
const V2: &str = "0::/system.slice/etcd.service/sub\n";

/// Property: a path means the cgroup and everything below it in any hierarchy, or in the one it names.
#[test]
fn a_path_means_what_is_at_or_below_it() {
    for (text, typed, expected) in [
        (V2, "/system.slice/etcd.service", true),
        (V2, "system.slice/etcd.service/", true),
        (V2, "/system.slice", true),
        (V2, "/", true),
        (V2, "/sys/fs/cgroup", true),
        (V2, "/sys/fs/cgroup/system.slice//etcd.service", true),
        (V2, "/sys/fs/cgroup/unified/system.slice", true),
        (V2, "/system.slice/etcd", false),
        (V2, "/system.slice/etcd.service/sub/deeper", false),
        (V2, "/etcd.service", false),
        (V2, "/sys/fs/cgroupx/system.slice", false),
        // Without a v1 hierarchy of that name it is a cgroup's own name.
        (V2, "/sys/fs/cgroup/memory/system.slice", false),
        ("0::/memory/a\n", "/sys/fs/cgroup/memory/a", true),
        (V1, "/system.slice/etcd.service", true),
        (V1, "/sys/fs/cgroup/memory/system.slice", true),
        (V1, "/sys/fs/cgroup/systemd/system.slice", true),
        (V1, "/sys/fs/cgroup/cpu/system.slice", false),
        (V1, "/sys/fs/cgroup/unified/system.slice", false),
        (HYBRID, "/mem", true),
        (HYBRID, "/k8s/pod1", true),
        (HYBRID, "/u", true),
        (HYBRID, "/sys/fs/cgroup/memory/mem/a", true),
        (HYBRID, "/sys/fs/cgroup/memory/io", false),
        (HYBRID, "/sys/fs/cgroup/cpu/k8s", true),
        (HYBRID, "/sys/fs/cgroup/cpuacct/k8s", true),
        (HYBRID, "/sys/fs/cgroup/cpu,cpuacct/k8s", true),
        (HYBRID, "/sys/fs/cgroup/blkio/io/a", true),
        (HYBRID, "/sys/fs/cgroup/unified/u", true),
        // Outside the reader's cgroup namespace.
        ("0::/../outer\n", "/../outer", true),
        ("0::/../outer\n", "/outer", false),
    ] {
        let found = CgroupPaths::parse(text).is_at_or_below(typed);
        assert_eq!(found, expected, "{typed} in {text}");
    }
}

/// Property: a unit is found with and without `.service`, by any slice above it, and never by a part of a name.
#[test]
fn a_unit_is_found_by_its_name_and_its_slices() {
    let user = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/backup.service\n";
    for (text, name, expected) in [
        (V2, "etcd", true),
        (V2, "etcd.service", true),
        (V2, "system.slice", true),
        (V2, "system", false),
        (V2, "etc", false),
        (V2, "sub", false),
        (V1, "etcd", true),
        (HYBRID, "etcd", true),
        (user, "backup", true),
        (user, "user@1000", true),
        (user, "app.slice", true),
        ("0::/system.slice/system-etcd.slice/etcd@a.service\n", "etcd@a", true),
        ("0::/system.slice/system-etcd.slice/etcd@a.service\n", "etcd", false),
        ("0::/machine.slice/docker-1.scope\n", "docker-1.scope", true),
        // systemd's escape of a name that the file system would take for its own.
        ("0::/system.slice/_memory.service\n", "memory", true),
    ] {
        assert_eq!(CgroupPaths::parse(text).is_in_unit(name), expected, "{name} in {text}");
    }
}

#[test]
fn names_are_completed_as_systemctl_does() {
    for (typed, full) in [
        ("etcd", "etcd.service"),
        ("etcd.service", "etcd.service"),
        ("a.b", "a.b.service"),
        ("system.slice", "system.slice"),
        ("slice", "slice.service"),
        (".slice", ".slice.service"),
    ] {
        assert_eq!(full_unit_name(typed), full);
    }
    assert_eq!(type_without_cgroup("backup.timer"), Some("timer"));
    assert_eq!(type_without_cgroup("timer"), None);
    let units: Vec<String> = CgroupPaths::parse(V2).units().map(ToOwned::to_owned).collect();
    assert_eq!(units, ["system.slice", "etcd.service"]);
}

/// Property: where to look for a cgroup's folder follows what the path names.
#[test]
fn a_cgroup_may_have_a_folder_in_every_hierarchy() {
    let v1 = ["memory".to_owned(), "blkio".to_owned()];
    assert_eq!(folders("/a/b", &[]), ["a/b", "unified/a/b"]);
    assert_eq!(folders("a", &v1), ["a", "unified/a", "memory/a", "blkio/a"]);
    assert_eq!(folders("/sys/fs/cgroup/memory/a", &v1), ["memory/a"]);
    assert_eq!(folders("/sys/fs/cgroup/memory/a", &[]), ["memory/a"]);
    assert_eq!(folders("/sys/fs/cgroup/a", &v1), ["a"]);
    // Nothing may lead out of the folder of hierarchies.
    assert_eq!(folders("/../../etc", &[]), ["etc", "unified/etc"]);
}
