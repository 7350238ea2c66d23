//! Mounted file systems.
//!
//! Owns `/proc/PID/mountinfo` (Documentation/filesystems/proc.rst, 3.5).

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

use iocontend_core::facts::FsFacts;
use iocontend_core::ids::Dev;

use super::HostRoot;

/// One line of mountinfo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The file system's device number.
    pub dev: Dev,
    /// The folder of the file system that is mounted; `/` unless it is a bind mount or a subvolume.
    pub root: String,
    /// Where it is mounted.
    pub mount_point: String,
    /// Options of this mount.
    pub options: String,
    /// Type.
    pub fstype: String,
    /// What was mounted.
    pub source: String,
    /// Options of the file system.
    pub super_options: String,
}

/// The host's mounts: those of process 1, which in a container with the host's pids are not our own.
pub fn read_mounts(root: &HostRoot) -> io::Result<Vec<Mount>> {
    let bytes = std::fs::read(root.proc.join("1/mountinfo"))
        .or_else(|_| std::fs::read(root.proc.join("self/mountinfo")))?;
    Ok(parse_mountinfo(&bytes))
}

/// The mounts that this process sees.
pub fn read_own_mounts(root: &HostRoot) -> io::Result<Vec<Mount>> {
    Ok(parse_mountinfo(&std::fs::read(root.proc.join("self/mountinfo"))?))
}

/// The mounts that a process sees.
pub fn read_mounts_of(root: &HostRoot, pid: u32) -> io::Result<Vec<Mount>> {
    Ok(parse_mountinfo(&std::fs::read(root.proc.join(format!("{pid}/mountinfo")))?))
}

/// The mount in whose folder a path lies; links are not followed. Of several mounts at one place the last counts.
pub fn mount_of<'a>(mounts: &'a [Mount], path: &str) -> Option<&'a Mount> {
    let holds = |mount: &&Mount| {
        let point = mount.mount_point.trim_end_matches('/');
        path.strip_prefix(point).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    mounts.iter().filter(holds).max_by_key(|mount| mount.mount_point.trim_end_matches('/').len())
}

/// Parses mountinfo; lines that are not understood are passed over.
pub fn parse_mountinfo(bytes: &[u8]) -> Vec<Mount> {
    bytes.split(|b| *b == b'\n').filter_map(parse_line).collect()
}

/// Types of mounted file systems by the number of the mount.
pub(super) fn mount_types(mountinfo: &Path) -> io::Result<HashMap<u64, String>> {
    let bytes = std::fs::read(mountinfo)?;
    let one = |line: &[u8]| {
        let id = line.split(|b| *b == b' ').next()?;
        Some((std::str::from_utf8(id).ok()?.parse().ok()?, parse_line(line)?.fstype))
    };
    Ok(bytes.split(|b| *b == b'\n').filter_map(one).collect())
}

/// Types of the file systems that lie on block devices, each once.
pub fn mounted_block_filesystems(root: &HostRoot) -> Vec<String> {
    let mounts = read_mounts(root).unwrap_or_default();
    // btrfs has a device number of its own kind, with major 0 like those without a device.
    let on_disk = |mount: &&Mount| mount.dev.major != 0 || mount.fstype == "btrfs";
    let mut types: Vec<String> = mounts.iter().filter(on_disk).map(|m| m.fstype.clone()).collect();
    types.sort_unstable();
    types.dedup();
    types
}

/// One entry for each file system: the mount of its root with the shortest path, else any mount's.
pub fn one_per_filesystem(mounts: &[Mount]) -> Vec<FsFacts> {
    let mut best: BTreeMap<Dev, &Mount> = BTreeMap::new();
    let rank = |m: &Mount| (m.root != "/", m.mount_point.len());
    for mount in mounts {
        let kept = best.entry(mount.dev).or_insert(mount);
        if rank(mount) < rank(kept) {
            *kept = mount;
        }
    }
    best.into_values().map(facts).collect()
}

fn facts(mount: &Mount) -> FsFacts {
    FsFacts {
        dev: mount.dev,
        fstype: mount.fstype.clone(),
        mount_point: mount.mount_point.clone(),
        options: joined(&mount.options, &mount.super_options),
        source: mount.source.clone(),
    }
}

/// Both lists without repetitions. A read-only mount of a writable file system keeps its `ro` first.
fn joined(options: &str, super_options: &str) -> String {
    let mut all: Vec<&str> = options.split(',').collect();
    for option in super_options.split(',') {
        let contradicts = matches!(option, "rw" | "ro") && !options.is_empty();
        if !contradicts && !all.contains(&option) {
            all.push(option);
        }
    }
    all.retain(|o| !o.is_empty());
    all.join(",")
}

/// `36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/sda1 rw,errors=continue`
fn parse_line(line: &[u8]) -> Option<Mount> {
    let fields: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
    // Optional fields of any number end at a lone dash.
    let dash = fields.iter().skip(6).position(|f| *f == b"-")? + 6;
    let text = |at: usize| fields.get(at).map(|f| unescape(f));
    Some(Mount {
        dev: parse_dev(&text(2)?)?,
        root: text(3)?,
        mount_point: text(4)?,
        options: text(5)?,
        fstype: text(dash + 1)?,
        source: text(dash + 2)?,
        super_options: text(dash + 3).unwrap_or_default(),
    })
}

/// `8:1`
pub(super) fn parse_dev(text: &str) -> Option<Dev> {
    let (major, minor) = text.trim().split_once(':')?;
    Some(Dev { major: major.parse().ok()?, minor: minor.parse().ok()? })
}

/// Blank, tab, line end and backslash are written as three octal digits.
fn unescape(field: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'\\').then(|| after.get(..3)).flatten().and_then(octal);
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    super::lossy(&bytes)
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_and_without_optional_fields() {
        let text = b"36 35 98:0 /a /mnt\\040x rw,noatime master:1 shared:2 - ext4 /dev/sda1 rw,data=ordered\n\
                     1 0 0:21 / /proc rw - proc proc rw\njunk\n\n1 2 3";
        let mounts = parse_mountinfo(text);
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[0].mount_point, "/mnt x");
        assert_eq!(mounts[0].root, "/a");
        assert_eq!(mounts[0].dev, Dev { major: 98, minor: 0 });
        assert_eq!(mounts[0].super_options, "rw,data=ordered");
        assert_eq!(mounts[1].fstype, "proc");
    }

    #[test]
    fn bind_mounts_of_a_file_system_are_one_entry_at_its_root() {
        let text = b"1 0 8:1 /pods/x /var/lib/x ro - ext4 /dev/sda1 rw\n\
                     2 0 8:1 / /data/long rw - ext4 /dev/sda1 rw,data=journal\n\
                     3 0 8:1 / /data rw - ext4 /dev/sda1 rw,data=journal\n\
                     4 0 8:2 /@ /home ro,noatime - btrfs /dev/sdb rw,ssd\n";
        let all = one_per_filesystem(&parse_mountinfo(text));
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].mount_point, "/data");
        assert_eq!(all[0].options, "rw,data=journal");
        assert_eq!(all[1].options, "ro,noatime,ssd");
    }

    #[test]
    fn a_path_lies_in_the_deepest_mount_and_there_in_the_newest() {
        let text = b"1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /var rw - ext4 b rw\n\
                     3 1 8:3 / /var/lib rw - ext4 c rw\n4 1 8:4 / /var/lib rw - ext4 d rw\n";
        let mounts = parse_mountinfo(text);
        let source = |path| mount_of(&mounts, path).map(|mount| mount.source.as_str());
        assert_eq!(source("/var/lib/etcd"), Some("d"));
        assert_eq!(source("/var/lib"), Some("d"));
        assert_eq!(source("/var/library"), Some("b"));
        assert_eq!(source("/etc"), Some("a"));
        assert_eq!(source("relative"), None);
    }

    #[test]
    fn odd_escapes_stay_as_they_are() {
        assert_eq!(unescape(b"a\\"), "a\\");
        assert_eq!(unescape(b"a\\04"), "a\\04");
        assert_eq!(unescape(b"\\134\\777\xff"), "\\\\777\u{fffd}");
    }
}
