//! Open files of a fake tree, and the search for closed ones.

use std::os::unix::fs::MetadataExt;

use iocontend_core::facts::{FilesSeen, OpenFile};

use super::*;
use crate::host::fake::FakeHost;

fn identity(path: &Path) -> (Dev, u64) {
    let metadata = std::fs::metadata(path).unwrap();
    (Dev::from_stat(metadata.dev()), metadata.ino())
}

#[test]
fn only_regular_files_are_listed_with_what_they_are() {
    let host = FakeHost::new();
    host.process(7, b"x", 1, 0);
    let db = host.write("data/db", "x");
    host.link("proc/7/fd/3", &db);
    host.write("proc/7/fdinfo/3", "pos:\t0\nflags:\t0100002\nmnt_id:\t1\n");
    host.link("proc/7/fd/4", "socket:[1]");
    host.link("proc/7/fd/5", host.path("data"));
    host.link("proc/7/fd/6", "/gone/away");
    host.link("proc/7/fd/7", &db);
    let facts = read_process(&host.root, 7, WithFiles::Yes).unwrap().unwrap();
    let mut files = facts.open_files;
    files.sort_by_key(|f| f.fd);
    let (dev, ino) = identity(&db);
    let path = db.to_str().unwrap().to_owned();
    let expected =
        OpenFile { fd: 3, path: path.clone(), dev, ino, writable: true, flags: Some(0o100_002) };
    assert_eq!(files[0], expected);
    // Without fdinfo the flags are unknown, not zero.
    assert_eq!((files[1].fd, files[1].writable, files[1].flags), (7, false, None));
    assert_eq!(files.len(), 2);
    assert_eq!(facts.files_seen, FilesSeen::All);
    assert_eq!(find_file(&host.root, 7, dev, ino).unwrap(), Some(path));
}

#[test]
fn a_list_at_the_limit_says_so() {
    let host = FakeHost::new();
    host.process(7, b"x", 1, 0);
    let file = host.write("f", "");
    for fd in 0..=MAX_ENTRIES {
        host.link(&format!("proc/7/fd/{fd}"), &file);
    }
    let facts = read_process(&host.root, 7, WithFiles::Yes).unwrap().unwrap();
    assert_eq!(facts.open_files.len(), MAX_ENTRIES);
    assert!(facts.open_files_truncated());
}

#[test]
fn a_closed_file_of_a_member_is_found_through_the_processs_own_root() {
    let host = FakeHost::new();
    host.process(7, b"etcd", 1, 0);
    host.write("proc/7/cmdline", "etcd\0--data-dir=/var/lib/etcd\0");
    host.link("proc/7/exe", "/usr/bin/etcd");
    host.link("proc/7/root", host.path("container"));
    let wal = host.write("container/real/member/wal/0.wal", "x");
    let snap = host.write("container/real/member/snap/1.snap", "x");
    // The folder is a link that is absolute inside the container.
    host.link("container/var/lib/etcd", "/real");
    let (dev, ino) = identity(&wal);
    let found = find_file(&host.root, 7, dev, ino).unwrap();
    assert_eq!(found.as_deref(), Some("/var/lib/etcd/member/wal/0.wal"));
    let (dev, ino) = identity(&snap);
    let found = find_file(&host.root, 7, dev, ino).unwrap();
    assert_eq!(found.as_deref(), Some("/var/lib/etcd/member/snap/1.snap"));
    assert_eq!(find_file(&host.root, 7, dev, u64::MAX).unwrap(), None);
    assert_eq!(find_file(&host.root, 8, dev, ino).unwrap(), None);
}

#[test]
fn an_open_file_of_this_process_is_found() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (dev, ino) = identity(file.path());
    let found = find_file(&HostRoot::default(), std::process::id(), dev, ino).unwrap();
    assert_eq!(found.as_deref(), file.path().to_str());
}
