//! Processes of a fake tree and this very process.

use std::os::unix::ffi::OsStrExt;

use super::*;
use crate::host::fake::FakeHost;
use iocontend_core::facts::FilesSeen;

/// Property: a configuration file is read below the process's own root, where its path is a regular file; of it only what matters is kept.
#[test]
fn etcds_configuration_is_read_below_its_own_root() {
    let host = FakeHost::new();
    host.process(7, b"etcd", 1234, 0x400_100);
    host.write("proc/7/cmdline", b"etcd\0--config-file=/etc/etcd.yaml\0");
    host.link("proc/7/exe", "/usr/bin/etcd");
    let container = tempfile::tempdir().unwrap();
    host.link("proc/7/root", container.path().to_str().unwrap());
    std::fs::create_dir(container.path().join("etc")).unwrap();
    let config = || read_process(&host.root, 7, WithFiles::No).unwrap().unwrap().etcd_config;
    assert_eq!(config(), None);
    let file = container.path().join("etc/etcd.yaml");
    std::fs::write(&file, "heartbeat-interval: 500\ninitial-cluster-token: x\n").unwrap();
    // What the temporary folder's file system is like decides whether it is entered; here the kernel itself answers.
    assert_eq!(config(), Some(vec![("heartbeat-interval".to_owned(), "500".to_owned())]));
    std::fs::remove_file(&file).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &file,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    assert_eq!(config(), None);
}

#[test]
fn everything_that_is_there_is_read() {
    let host = FakeHost::new();
    host.process(7, b"etcd", 1234, 0x400_100);
    host.write("proc/7/cmdline", b"/usr/bin/etcd\0--data-dir\0/d \xff\0");
    host.write("proc/7/cgroup", "0::/system.slice/etcd.service\n");
    host.write("proc/7/environ", b"SECRET=x\0ETCD_NAME=m1\0ETCD_ROOT_PASSWORD=y\0");
    host.link("proc/7/exe", "/usr/bin/etcd (deleted)");
    host.link("proc/7/cwd", "/var/lib");
    let facts = read_process(&host.root, 7, WithFiles::No).unwrap().unwrap();
    assert_eq!(facts.key, ProcessKey { pid: 7, start_ticks: 1234 });
    assert_eq!((facts.comm.as_str(), facts.ppid), ("etcd", 1));
    assert_eq!(facts.argv, ["/usr/bin/etcd", "--data-dir", "/d \u{fffd}"]);
    assert_eq!(facts.exe.as_deref(), Some("/usr/bin/etcd (deleted)"));
    assert_eq!(facts.cwd.as_deref(), Some("/var/lib"));
    assert_eq!(facts.unit(), Some("etcd.service"));
    assert_eq!(facts.etcd_env, [("ETCD_NAME".to_owned(), "m1".to_owned())]);
    assert_eq!(facts.files_seen, FilesSeen::NotRead);
    assert!(!facts.kernel_thread);
}

#[test]
fn names_with_blanks_parentheses_and_foreign_bytes_survive() {
    let host = FakeHost::new();
    host.process(7, b"a) S (b\xff", 9, 0);
    let facts = read_process(&host.root, 7, WithFiles::Yes).unwrap().unwrap();
    assert_eq!(facts.comm, "a) S (b\u{fffd}");
    assert_eq!(facts.key.start_ticks, 9);
    // Nothing else is there, as for a zombie: unknown, not an error and not a kernel thread.
    assert_eq!((facts.exe, facts.argv.len(), facts.kernel_thread), (None, 0, false));
}

#[test]
fn the_environment_of_other_programs_is_not_kept() {
    let host = FakeHost::new();
    host.process(7, b"x", 1, 0);
    host.write("proc/7/cmdline", b"x\0");
    host.write("proc/7/environ", b"ETCD_NAME=m1\0");
    let facts = read_process(&host.root, 7, WithFiles::No).unwrap().unwrap();
    assert!(facts.etcd_env.is_empty());
}

#[test]
fn kernel_threads_are_told_by_their_flag() {
    let host = FakeHost::new();
    host.process(3, b"kworker/u8:1-flush-8:0", 1, PF_KTHREAD | 0x40);
    let facts = read_process(&host.root, 3, WithFiles::Yes).unwrap().unwrap();
    assert!(facts.kernel_thread);
    assert_eq!(facts.comm, "kworker/u8:1-flush-8:0");
}

#[test]
fn a_process_that_is_gone_is_none_and_a_broken_stat_is_an_error() {
    let host = FakeHost::new();
    assert_eq!(read_process(&host.root, 7, WithFiles::Yes).unwrap(), None);
    // The folder is still there but its files are not: the process ended after it was opened.
    std::fs::create_dir_all(host.path("proc/8")).unwrap();
    assert_eq!(read_process(&host.root, 8, WithFiles::Yes).unwrap(), None);
    for text in ["", "9", "9 (x", "9 (x)", "9 (x) S 1", ")9 (x"] {
        host.write("proc/9/stat", text);
        assert!(read_process(&host.root, 9, WithFiles::No).is_err(), "{text}");
    }
}

#[test]
fn a_scan_leaves_out_what_is_no_process() {
    let host = FakeHost::new();
    host.process(2, b"a", 1, 0);
    host.process(11, b"b", 1, 0);
    host.write("proc/12/stat", "broken");
    host.write("proc/self/stat", "x");
    host.write("proc/version", "x");
    let mut pids: Vec<u32> =
        read_processes(&host.root, WithFiles::No).unwrap().iter().map(|p| p.key.pid).collect();
    pids.sort_unstable();
    assert_eq!(pids, [2, 11]);
}

#[test]
fn a_rewritten_title_has_no_empty_arguments() {
    assert_eq!(parse_cmdline(b"k3s server\0\0\0\0"), ["k3s server"]);
    assert_eq!(parse_cmdline(b"a\0\0b\0"), ["a", "", "b"]);
    assert_eq!(parse_cmdline(b"no end"), ["no end"]);
    assert!(parse_cmdline(b"").is_empty());
    assert!(parse_cmdline(b"\0\0").is_empty());
}

#[test]
fn this_process_reads_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("caf\u{e9} x");
    let file = std::fs::File::create(&path).unwrap();
    let facts = read_process(&HostRoot::default(), std::process::id(), WithFiles::Yes);
    let facts = facts.unwrap().unwrap();
    let args: Vec<String> =
        std::env::args_os().map(|a| String::from_utf8_lossy(a.as_bytes()).into_owned()).collect();
    assert_eq!(facts.argv, args);
    assert_eq!(facts.exe.as_deref(), std::env::current_exe().unwrap().to_str());
    assert!(facts.key.start_ticks > 0);
    assert!(facts.cgroup.best().is_some());
    assert_eq!(facts.files_seen, FilesSeen::All);
    let open = facts.open_files.iter().find(|f| f.path == path.to_str().unwrap()).unwrap();
    let metadata = file.metadata().unwrap();
    assert_eq!(open.ino, std::os::unix::fs::MetadataExt::ino(&metadata));
    assert!(open.writable);
}
