//! What `/sys/block`, `/sys/fs/ext4` and `/proc/fs` say about disks and journals.

use iocontend_core::doctor::{DiskSeen, FsSeen};
use iocontend_core::facts::{DeviceFacts, FsFacts};
use iocontend_core::ids::Dev;

use crate::host::{self, HostRoot, Mount};

/// What ext4 writes for a file system without a journal (fs/ext4/sysfs.c).
const NO_JOURNAL: &str = "<none>";

pub(super) fn read_disks(
    root: &HostRoot,
    devices: &[DeviceFacts],
    mounts: &[Mount],
) -> Vec<DiskSeen> {
    let one = |device: &DeviceFacts| {
        let folder = root.sys.join("block").join(&device.name);
        let loop_file = host::text(folder.join("loop/backing_file"));
        let iostats = host::text(folder.join("queue/iostats"));
        DiskSeen {
            name: device.name.clone(),
            iostats: iostats.map(|text| text != "0"),
            loop_fs: loop_file.as_deref().and_then(|file| file_system_of(file, mounts)),
            loop_file,
        }
    };
    devices.iter().map(one).collect()
}

/// The file system of a file of the host, by its own word, else by the mounts.
fn file_system_of(file: &str, mounts: &[Mount]) -> Option<Dev> {
    let dev = host::host_file(file).map(|(dev, _ino)| dev);
    dev.filter(|dev| mounts.iter().any(|mount| mount.dev == *dev))
        .or_else(|| host::mount_of(mounts, file).map(|mount| mount.dev))
}

pub(super) fn read_filesystems(root: &HostRoot, devices: &[DeviceFacts]) -> Vec<FsSeen> {
    let mut seen: Vec<FsSeen> = Vec::new();
    for fs in devices.iter().flat_map(|device| &device.filesystems) {
        if !seen.iter().any(|one| one.dev == Some(fs.dev)) {
            seen.push(read_filesystem(root, devices, fs));
        }
    }
    seen
}

fn read_filesystem(root: &HostRoot, devices: &[DeviceFacts], fs: &FsFacts) -> FsSeen {
    let mut seen = FsSeen { dev: Some(fs.dev), ..FsSeen::default() };
    let Some(device) = name_of(devices, fs.dev) else { return seen };
    if matches!(fs.fstype.as_str(), "ext4" | "ext3" | "ext2") {
        let options = host::text(root.proc.join("fs/ext4").join(&device).join("options"));
        seen.all_options =
            options.map(|text| text.lines().map(str::to_owned).collect()).unwrap_or_default();
        seen.journal_thread = journal_thread(root, &device);
        // A journal in the file system is named after its inode, 8 as mke2fs makes it.
        seen.internal_journal = root.proc.join(format!("fs/jbd2/{device}-8")).is_dir();
    }
    seen.device = Some(device);
    seen
}

/// The kernel's name of the block device with this number.
fn name_of(devices: &[DeviceFacts], dev: Dev) -> Option<String> {
    devices.iter().find_map(|device| {
        let part = device.partitions.iter().find(|part| part.dev == dev);
        let whole = (device.dev == dev).then_some(&device.name);
        whole.or(part.map(|part| &part.name)).cloned()
    })
}

/// The name of the thread that commits ext4's journal; empty when there is no journal.
fn journal_thread(root: &HostRoot, device: &str) -> Option<String> {
    let task = host::text(root.sys.join("fs/ext4").join(device).join("journal_task"))?;
    if task == NO_JOURNAL {
        return Some(String::new());
    }
    host::text(root.proc.join(task.parse::<u32>().ok()?.to_string()).join("comm"))
}
