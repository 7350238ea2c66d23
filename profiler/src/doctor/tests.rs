//! What is gathered on a fake host and on this one.

use super::*;
use crate::host::fake::FakeHost;
use iocontend_core::ids::{Dev, FileClass, Role};

fn host() -> FakeHost {
    let host = FakeHost::new();
    for (path, content) in [
        ("sys/block/sda/dev", "8:0\n"),
        ("sys/block/sda/queue/iostats", "0\n"),
        ("sys/block/sda/sda1/partition", "1\n"),
        ("sys/block/sda/sda1/dev", "8:1\n"),
        ("sys/block/loop0/dev", "7:0\n"),
        ("sys/block/loop0/loop/backing_file", "/no/such/image\n"),
        ("sys/fs/ext4/sda1/journal_task", "77\n"),
        ("sys/fs/ext4/loop0/journal_task", "<none>\n"),
        ("sys/kernel/security/lockdown", "none [integrity] confidentiality\n"),
        ("proc/77/comm", "jbd2/sda1-8\n"),
        ("proc/fs/ext4/sda1/options", "rw\ndata=ordered\n"),
        ("proc/fs/jbd2/sda1-8/info", ""),
        ("cgroup/unified/cgroup.controllers", "cpu io\n"),
    ] {
        host.write(path, content);
    }
    let mounts = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
                  2 1 7:0 / /img rw - ext4 /dev/loop0 rw\n\
                  3 1 0:9 / /c/blkio rw - cgroup cgroup rw,xattr,blkio\n\
                  4 1 0:8 / /c/systemd rw - cgroup cgroup rw,name=systemd\n\
                  5 1 0:7 / /c/unified rw - cgroup2 cgroup2 rw\n\
                  6 1 0:6 / /t rw - tracefs t rw\n";
    for pid in ["1", "9"] {
        host.write(&format!("proc/{pid}/mountinfo"), mounts);
    }
    host.process(9, b"etcd", 1, 0);
    host.link("proc/9/exe", "/usr/bin/etcd");
    host.write("proc/9/cmdline", "/usr/bin/etcd\0--data-dir=/img/etcd\0--wal-dir=/wal\0");
    host.write("proc/9/cgroup", "0::/system.slice/etcd.service\n");
    host
}

/// Nothing of the kernel: these paths lead nowhere.
fn no_kernel() -> KernelPaths {
    KernelPaths { btf: "/no/btf".into(), tracefs: Vec::new(), kallsyms: "/no/kallsyms".into() }
}

/// Property: disks, journals, hierarchies and who keeps data where are read from the host's files, by the mounts where
/// a process's root may not be looked into.
#[test]
fn everything_is_read_from_the_hosts_files() {
    let host = host();
    let seen = look(&host.root, &no_kernel());
    let [loop0, sda] = &seen.disks[..] else { panic!("{:?}", seen.disks) };
    assert_eq!((loop0.loop_fs, sda.iostats), (Some(Dev { major: 8, minor: 1 }), Some(false)));
    let [loop_fs, sda1] = &seen.filesystems[..] else { panic!("{:?}", seen.filesystems) };
    assert_eq!(loop_fs.journal_thread.as_deref(), Some(""));
    assert_eq!(sda1.journal_thread.as_deref(), Some("jbd2/sda1-8"));
    assert!(sda1.internal_journal && sda1.all_options.contains(&"data=ordered".to_owned()));
    assert_eq!(seen.cgroups.v1_controllers, ["blkio"]);
    assert_eq!(seen.cgroups.v2_controllers, ["cpu", "io"]);
    assert_eq!(seen.cgroups.v2_mount.as_deref(), Some("/c/unified"));
    assert_eq!(seen.tracefs_mounts, ["/t"]);
    assert_eq!(seen.asker.lockdown.as_deref(), Some("integrity"));
    assert!(seen.btf.error.is_some() && seen.plan.is_none());
    let found: Vec<_> = seen
        .data
        .iter()
        .map(|d| (d.role, d.file_class, d.path.as_str(), d.fs.map(|f| f.major)))
        .collect();
    let expected = [
        (Role::Etcd, FileClass::Wal, "/wal", Some(8)),
        (Role::Etcd, FileClass::Db, "/img/etcd/member/snap", Some(7)),
    ];
    assert_eq!(found, expected);
    assert_eq!(seen.data[0].unit.as_deref(), Some("etcd.service"));
}

/// Property: an empty host is unknown, and nothing panics.
#[test]
fn a_host_that_says_nothing_is_unknown() {
    let host = FakeHost::new();
    let seen = look(&host.root, &no_kernel());
    assert!(seen.data.is_empty() && seen.disks.is_empty() && seen.tracefs_mounts.is_empty());
    assert_eq!((seen.asker.host_pids, seen.asker.lockdown), (None, None));
}
