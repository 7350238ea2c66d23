//! Every byte to the process that caused it, on a file system of our own in a file on the disk.

use anyhow::Result;
use iocontend_tests::loopdev::{LoopDevice, Mounted};
use iocontend_tests::truth::{Mixed, Place, mix};
use iocontend_tests::{forced, journal};
use tempfile::TempDir;

const MIB: u64 = 1 << 20;
/// The helper program beside the tests.
const WRITER: &str = env!("CARGO_BIN_EXE_writer");

/// A new file system. Dropped from the first to the last.
struct Disk {
    mounted: Mounted,
    device: LoopDevice,
    _folder: TempDir,
}

impl Disk {
    fn new(file_system: &str) -> Result<Self> {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let device = LoopDevice::new(&folder.path().join("disk"), 512 * MIB)?;
        let mounted = Mounted::new(&device, file_system)?;
        Ok(Self { mounted, device, _folder: folder })
    }

    fn place(&self) -> Place<'_> {
        let disk = self.device.name();
        Place { folder: self.mounted.path(), disk, writer: WRITER.as_ref() }
    }
}

fn mix_on(file_system: &str) -> Result<Mixed> {
    mix(&Disk::new(file_system)?.place())
}

// Property: direct bytes (99 %) and buffered bytes (97 %) are charged to who caused them, whoever writes them back
// and whoever syncs; at most 1 % is charged to somebody else; what was dirty before is nobody's.
#[test]
#[ignore = "needs root and this kernel"]
fn bytes_go_to_who_caused_them_on_ext4() -> Result<()> {
    let mixed = mix_on("ext4")?;
    println!("ext4\n{}", mixed.table());
    mixed.check()
}

// Property: the same on xfs.
#[test]
#[ignore = "needs root and this kernel"]
fn bytes_go_to_who_caused_them_on_xfs() -> Result<()> {
    let mixed = mix_on("xfs")?;
    println!("xfs\n{}", mixed.table());
    mixed.check()
}

// Property: the same on btrfs.
#[test]
#[ignore = "needs root and this kernel"]
fn bytes_go_to_who_caused_them_on_btrfs() -> Result<()> {
    let mixed = mix_on("btrfs")?;
    println!("btrfs\n{}", mixed.table());
    mixed.check()
}

// Property: of ext4's journal, a process that alone changes metadata has 90 %; of two, each has its share within 15
// points of what each causes alone; the journal's thread has nothing.
#[test]
#[ignore = "needs root and this kernel"]
fn a_journal_is_of_those_who_fill_it() -> Result<()> {
    println!("{}", journal::check(&Disk::new("ext4")?.place())?);
    Ok(())
}

// Property: the same of the log of xfs, by the kernel's own count of what was written to it.
#[test]
#[ignore = "needs root and this kernel"]
fn the_log_of_xfs_is_of_those_who_fill_it() -> Result<()> {
    println!("{}", journal::check(&Disk::new("xfs")?.place())?);
    Ok(())
}

// Property: who wrote out what another had dirtied stands beside the cause, on each file system.
#[test]
#[ignore = "needs root and this kernel"]
fn who_synced_stands_beside_who_wrote() -> Result<()> {
    for file_system in ["ext4", "xfs", "btrfs"] {
        let disk = Disk::new(file_system)?;
        println!("{file_system}: {}", forced::check(disk.mounted.path(), disk.device.name())?);
    }
    Ok(())
}
