//! The paths of NVMe multipath: hidden disks that requests go to, below the disk that everybody opens.
//!
//! Owns their numbers and which disk they belong to. A hidden disk has no `dev` in sysfs (block/genhd.c, `device_add_disk`), but
//! `/proc/diskstats` has it with its number (`diskstats_show`). Names are the kernel's: `nvme0c1n2` is what controller 1 has of
//! `nvme0n2` (drivers/nvme/host/core.c and multipath.c, `nvme_mpath_set_disk_name`).

use std::collections::BTreeMap;

use iocontend_core::facts::DeviceFacts;
use iocontend_core::ids::Dev;

use super::{HostRoot, text};

/// Numbers of disks as the kernel lists them, by name.
pub(super) struct PathDevices(BTreeMap<String, Dev>);

impl PathDevices {
    /// What is listed now; nothing where the list cannot be read.
    pub(super) fn read(root: &HostRoot) -> Self {
        let list = text(root.proc.join("diskstats")).unwrap_or_default();
        Self(list.lines().filter_map(parse_line).collect())
    }

    /// The number of a path. Other disks say theirs themselves.
    pub(super) fn dev(&self, name: &str) -> Option<Dev> {
        head_of(name)?;
        self.0.get(name).copied()
    }
}

/// Gives each path the disk above it, and that its paths.
pub(super) fn join_paths(devices: &mut [DeviceFacts]) {
    let names: Vec<String> = devices.iter().map(|device| device.name.clone()).collect();
    let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for device in devices.iter_mut() {
        let Some(head) = head_of(&device.name).filter(|head| names.contains(head)) else {
            continue;
        };
        paths.entry(head.clone()).or_default().push(device.name.clone());
        device.holders.push(head.clone());
        device.path_of = Some(head);
    }
    for (head, below) in paths {
        let head = devices.iter_mut().find(|device| device.name == head);
        if let Some(head) = head {
            head.slaves.extend(below.iter().cloned());
        }
    }
}

/// `259 2 nvme0c0n1 …`
fn parse_line(line: &str) -> Option<(String, Dev)> {
    let mut words = line.split_ascii_whitespace();
    let major = words.next()?.parse().ok()?;
    let minor = words.next()?.parse().ok()?;
    Some((words.next()?.to_owned(), Dev { major, minor }))
}

/// The name of the disk above a path, by the path's name.
fn head_of(name: &str) -> Option<String> {
    let (subsystem, rest) = name.strip_prefix("nvme")?.split_once('c')?;
    let (controller, namespace) = rest.split_once('n')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let all = [subsystem, controller, namespace];
    all.into_iter().all(is_number).then(|| format!("nvme{subsystem}n{namespace}"))
}

#[cfg(test)]
mod tests {
    use super::super::{fake::FakeHost, read_devices};
    use super::*;

    /// Property: a path has its number, its disk and that disk's file systems, though sysfs does not number it.
    #[test]
    fn a_path_belongs_to_the_disk_above_it() {
        let host = FakeHost::new();
        for (path, content) in [
            ("sys/block/nvme0n1/dev", "259:1\n"),
            ("sys/block/nvme0c0n1/size", "2097152\n"),
            ("sys/block/nvme0c0n1/queue/scheduler", "[none] mq-deadline\n"),
            ("sys/block/nvme0c1n1/size", "2097152\n"),
            ("sys/block/nvme1c0n1/size", "2097152\n"),
            ("proc/1/mountinfo", "1 0 259:1 / / rw - ext4 /dev/nvme0n1 rw\n"),
            (
                "proc/diskstats",
                " 259       1 nvme0n1 0 0 0 0 0 0 0 0 0 0 0\n 259       0 nvme0c0n1 1 0 8 0\n\
                 259 2 nvme0c1n1 0\nshort\n259 x nvme9c0n1 0\n",
            ),
        ] {
            host.write(path, content);
        }
        let devices = read_devices(&host.root).unwrap();
        let names: Vec<_> = devices.iter().map(|one| (one.name.as_str(), one.dev.minor)).collect();
        assert_eq!(names, [("nvme0c0n1", 0), ("nvme0c1n1", 2), ("nvme0n1", 1)]);
        let [first, second, head] = &devices[..] else { panic!("{devices:?}") };
        for path in [first, second] {
            assert_eq!(path.path_of.as_deref(), Some("nvme0n1"));
            assert_eq!(path.holders, ["nvme0n1"]);
            assert_eq!(path.filesystems, head.filesystems);
        }
        assert_eq!(head.slaves, ["nvme0c0n1", "nvme0c1n1"]);
        assert_eq!((head.path_of.as_deref(), head.filesystems.len()), (None, 1));
    }

    /// Property: only the kernel's names of paths are taken for one.
    #[test]
    fn other_names_are_no_paths() {
        assert_eq!(head_of("nvme10c2n13").as_deref(), Some("nvme10n13"));
        for name in
            ["nvme0n1", "nvme0n1p1", "nvmec0n1", "nvme0cn1", "nvme0c0n", "sda", "nvme0c0n1p1"]
        {
            assert_eq!(head_of(name), None, "{name}");
        }
    }
}
