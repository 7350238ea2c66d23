//! The host of a fake tree and this one.

use super::*;
use crate::host::fake::FakeHost;
use crate::host::parse_mountinfo;

#[test]
fn a_host_that_says_nothing_is_unknown_and_not_zero() {
    let host = FakeHost::new();
    std::fs::create_dir_all(host.path("sys/block")).unwrap();
    assert_eq!(read_host(&host.root).unwrap(), HostFacts::default());
    std::fs::remove_dir(host.path("sys/block")).unwrap();
    assert!(read_host(&host.root).is_err());
}

#[test]
fn what_a_host_says_is_read() {
    let host = FakeHost::new();
    std::fs::create_dir_all(host.path("sys/block")).unwrap();
    host.write("proc/sys/kernel/hostname", "cp1\n");
    host.write("proc/sys/kernel/osrelease", "6.1.0-1-amd64\n");
    host.write("proc/sys/kernel/random/boot_id", "2d1f\n");
    host.write("sys/devices/system/cpu/possible", "0-3\n");
    host.write("proc/pressure/io", "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n");
    host.write("proc/self/mountinfo", "1 0 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    let facts = read_host(&host.root).unwrap();
    assert_eq!(facts.hostname.as_deref(), Some("cp1"));
    assert_eq!(facts.kernel_release.as_deref(), Some("6.1.0-1-amd64"));
    assert_eq!(facts.boot_id.as_deref(), Some("2d1f"));
    assert_eq!(facts.cpus_possible, Some(4));
    assert_eq!(facts.cgroup_version, Some(CgroupVersion::V2));
    assert_eq!(facts.psi_io.unwrap().some.total_us, 5);
}

#[test]
fn the_cgroup_version_follows_the_mounts() {
    let v2 = "1 0 0:3 / /c rw - cgroup2 cgroup2 rw\n";
    let v1 = "2 0 0:4 / /b rw - cgroup cgroup rw,blkio\n";
    let named = "3 0 0:5 / /s rw - cgroup cgroup rw,xattr,name=systemd\n";
    let version = |text: &str| cgroup_version(&parse_mountinfo(text.as_bytes()));
    assert_eq!(version(v2), Some(CgroupVersion::V2));
    assert_eq!(version(&format!("{v2}{named}")), Some(CgroupVersion::V2));
    assert_eq!(version(&format!("{v1}{named}")), Some(CgroupVersion::V1));
    assert_eq!(version(&format!("{v1}{v2}")), Some(CgroupVersion::Hybrid));
    assert_eq!(version(""), None);
}

#[test]
fn a_cgroup_has_a_folder_in_the_hierarchy_that_its_path_names() {
    let host = FakeHost::new();
    for folder in ["memory/a", "unified/b", "c"] {
        std::fs::create_dir_all(host.path("cgroup").join(folder)).unwrap();
    }
    host.write(
        "proc/1/mountinfo",
        "1 0 0:3 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
    );
    for (typed, exists) in [
        ("/a", true),
        ("/sys/fs/cgroup/memory/a", true),
        ("/sys/fs/cgroup/a", false),
        ("b", true),
        ("/sys/fs/cgroup/c/", true),
        ("/memory/a", true),
        ("/x", false),
        ("/../proc/1", false),
    ] {
        assert_eq!(cgroup_exists(&host.root, typed), exists, "{typed}");
    }
}

#[test]
fn cpu_lists_are_counted_and_broken_ones_are_unknown() {
    assert_eq!(count("0"), Some(1));
    assert_eq!(count("0-3,8,10-11"), Some(7));
    for list in ["", "3-1", "x", "0-", "0-4294967295,0-9"] {
        assert_eq!(count(list), None, "{list}");
    }
}

#[test]
fn this_host_is_known() {
    let facts = read_host(&HostRoot::default()).unwrap();
    assert!(facts.hostname.is_some() && facts.boot_id.is_some());
    assert!(facts.cpus_possible.unwrap() >= 1);
    assert!(facts.page_size.unwrap() >= 4096);
}
