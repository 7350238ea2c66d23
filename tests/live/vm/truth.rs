//! Every byte to the process that caused it, on the VM's disk.

use std::path::Path;

use iocontend_tests::truth::{Place, mix};
use iocontend_tests::{forced, journal};

fn place<'a>(folder: &'a Path, disk: &'a str) -> Place<'a> {
    Place { folder, disk, writer: super::WRITER.as_ref() }
}

/// How old dirty pages get before the kernel writes them, hundredths of a second.
const EXPIRE: &str = "/proc/sys/vm/dirty_expire_centisecs";

/// Keeps dirty pages dirty until somebody syncs, as long as this lives: an emulator may take longer to load the probes than
/// the kernel waits (30 s).
struct NoExpiry(String);

impl NoExpiry {
    fn new() -> Self {
        let before = std::fs::read_to_string(EXPIRE).unwrap();
        std::fs::write(EXPIRE, "360000").unwrap();
        Self(before)
    }
}

impl Drop for NoExpiry {
    fn drop(&mut self) {
        std::fs::write(EXPIRE, self.0.trim()).unwrap();
    }
}

// Property: direct bytes (99 %) and buffered bytes (97 %) are charged to who caused them, whoever writes them back
// and whoever syncs; at most 1 % is charged to somebody else; what was dirty before is nobody's.
#[test]
#[ignore = "needs the VM"]
fn vm_truth_bytes_go_to_who_caused_them() {
    let folder = super::folder();
    let _no_expiry = NoExpiry::new();
    let mixed = mix(&place(folder.path(), &super::disk())).unwrap();
    println!("{}\n{}", super::file_system(), mixed.table());
    mixed.check().unwrap();
}

// Property: of ext4's journal, or the log of xfs, a process that alone changes metadata has 90 %; of two, each has its share within 15
// points of what each causes alone; the journal's thread has nothing.
#[test]
#[ignore = "needs the VM with ext4 or xfs"]
fn vm_truth_a_journal_is_of_those_who_fill_it() {
    let folder = super::folder();
    println!("{}", journal::check(&place(folder.path(), &super::disk())).unwrap());
}

// Property: who wrote out what another had dirtied stands beside the cause.
#[test]
#[ignore = "needs the VM"]
fn vm_truth_who_synced_stands_beside_who_wrote() {
    let folder = super::folder();
    println!("{}: {}", super::file_system(), forced::check(folder.path(), &super::disk()).unwrap());
}
