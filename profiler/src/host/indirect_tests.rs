//! Loop devices and device-mapper of a fake host.

use std::os::linux::fs::MetadataExt as _;

use iocontend_core::ids::Dev;

use super::*;
use crate::host::fake::FakeHost;

/// A host with one file system, of the temporary folder's type and number.
fn host(fstype: &str) -> (FakeHost, String) {
    let host = FakeHost::new();
    let file = host.write("data/disk", "x").display().to_string();
    let dev = Dev::from_stat(std::fs::metadata(&file).unwrap().st_dev());
    let line = format!("1 0 {}:{} / / rw - {fstype} /dev/x rw\n", dev.major, dev.minor);
    host.write("proc/self/mountinfo", &line);
    host.write("proc/1/mountinfo", line);
    host.write("sys/block/loop3/dev", "7:3\n");
    host.write("sys/block/loop3/loop/offset", "1048576\n");
    host.write("sys/block/loop3/loop/backing_file", format!("{file}\n"));
    // Not set up.
    host.write("sys/block/loop4/dev", "7:4\n");
    (host, file)
}

#[test]
fn a_loop_device_has_its_file_and_where_it_begins() {
    let (host, file) = host("ext4");
    let meta = std::fs::metadata(&file).unwrap();
    let expected = LoopBacking {
        disk: 7 << 20 | 3,
        dev: Dev::from_stat(meta.st_dev()).to_kernel().unwrap(),
        ino: meta.st_ino(),
        offset: 1 << 20,
    };
    assert_eq!(read_loops(&host.root), [expected]);
}

/// Property: what the cheap look sees is another thing whenever a device has another file.
#[test]
fn a_device_with_another_file_is_seen() {
    let (host, file) = host("ext4");
    let before = loop_files(&host.root);
    assert_eq!(before, [("loop3".to_owned(), file.clone(), "1048576".to_owned())]);
    host.write("sys/block/loop3/loop/backing_file", "/other\n");
    assert_ne!(loop_files(&host.root), before);
}

#[test]
fn files_that_are_gone_or_in_memory_are_left_out() {
    let (in_memory, _) = host("tmpfs");
    assert_eq!(read_loops(&in_memory.root), []);
    let (gone, file) = host("ext4");
    gone.write("sys/block/loop3/loop/backing_file", format!("{file} (deleted)\n"));
    assert_eq!(read_loops(&gone.root), []);
}

#[test]
fn only_a_dm_crypt_device_needs_its_causes_carried() {
    let host = FakeHost::new();
    assert_eq!(read_carrying_mapper(&host.root), None);
    host.write("sys/block/dm-0/dev", "253:0\n");
    host.write("sys/block/dm-0/dm/uuid", "LVM-abc\n");
    assert_eq!(read_carrying_mapper(&host.root), None);
    host.write("sys/module/dm_crypt/refcnt", "0\n");
    assert_eq!(read_carrying_mapper(&host.root), None);
    host.write("sys/module/dm_crypt/refcnt", "1\n");
    assert_eq!(read_carrying_mapper(&host.root), Some(253));
    let host = FakeHost::new();
    host.write("sys/block/dm-7/dev", "252:7\n");
    host.write("sys/block/dm-7/dm/uuid", "CRYPT-LUKS2-abc\n");
    assert_eq!(read_carrying_mapper(&host.root), Some(252));
}
