//! What the chosen directory stands on: the kind of file system, and room enough. Owns the questions
//! to the kernel (behind [`Host`], so that tests can answer them) and the rules; writes nothing.

use std::fmt;
use std::io;
use std::path::Path;

/// The least that stays free, however small the disk.
const LEAST_RESERVE_BYTES: u64 = 1 << 30;

/// Where a file system keeps its data, as far as it matters to the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backing {
    /// A local disk, as far as can be told.
    Disk,
    /// Memory: tmpfs, ramfs.
    Memory,
    /// An overlay, as under a container's root.
    Overlay,
    /// Another machine.
    Network,
    /// A user-space process.
    UserSpace,
}

/// Magic numbers from the kernel's `include/uapi/linux/magic.h` and, where it lacks them, the file
/// system's own header.
const NOT_A_DISK: [(u64, Backing); 10] = [
    (0x0102_1994, Backing::Memory),    // tmpfs, devtmpfs
    (0x8584_58f6, Backing::Memory),    // ramfs
    (0x794c_7630, Backing::Overlay),   // overlay
    (0x6969, Backing::Network),        // nfs
    (0xff53_4d42, Backing::Network),   // cifs
    (0xfe53_4d42, Backing::Network),   // smb2
    (0x00c3_6400, Backing::Network),   // ceph
    (0x0bd0_0bd0, Backing::Network),   // lustre
    (0x0102_1997, Backing::Network),   // 9p
    (0x6573_5546, Backing::UserSpace), // fuse, virtiofs
];

impl Backing {
    /// The kind that belongs to a `statfs` magic number; unknown ones pass as disks.
    pub fn from_magic(magic: u64) -> Self {
        NOT_A_DISK
            .iter()
            .find(|(known, _)| *known == magic)
            .map_or(Self::Disk, |(_, backing)| *backing)
    }
}

impl fmt::Display for Backing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disk => "a disk",
            Self::Memory => "a file system in memory, where no disk would be seen",
            Self::Overlay => {
                "an overlay file system (a container's root), whose files belong to no disk of \
                 their own, so no disk would be seen"
            }
            Self::Network => "a network file system, where no disk of this host would be seen",
            Self::UserSpace => {
                "a file system in user space, where another process writes and no disk would be seen"
            }
        })
    }
}

/// The two questions the checks ask the host.
#[derive(Debug, Clone, Copy)]
pub struct Host {
    /// Bytes an unprivileged user may still write to the file system of a path.
    pub free_bytes: fn(&Path) -> io::Result<u64>,
    /// The `statfs` magic number of the file system of a path.
    pub fs_magic: fn(&Path) -> io::Result<u64>,
}

impl Host {
    /// Asks the running kernel.
    pub fn real() -> Self {
        Self { free_bytes: statvfs_free, fs_magic: statfs_magic }
    }
}

fn statvfs_free(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

fn statfs_magic(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statfs(path)?;
    // The kernel's field is a signed long on most machines; every magic number has 32 bits.
    #[allow(clippy::unnecessary_cast, reason = "the field's type differs between machines")]
    #[allow(clippy::cast_sign_loss, reason = "only the low 32 bits are kept")]
    Ok(found.f_type as u64 & 0xffff_ffff)
}

/// What the demo leaves free: a tenth of what is free now, and at least 1 GiB.
pub(super) fn reserve_bytes(free: u64) -> u64 {
    (free / 10).max(LEAST_RESERVE_BYTES)
}

/// Bytes in the unit that reads best, with one decimal where it says something.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut unit, mut size) = (0, 1024_u64);
    while unit + 1 < UNITS.len() && bytes / size >= 1024 {
        (unit, size) = (unit + 1, size * 1024);
    }
    let tenths = u128::from(bytes) * 10 / u128::from(size);
    match tenths % 10 {
        0 => format!("{} {}", tenths / 10, UNITS[unit]),
        tenth => format!("{}.{tenth} {}", tenths / 10, UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory, overlay, network and user space are told from disks.
    #[test]
    fn magic_numbers() {
        assert_eq!(Backing::from_magic(0x0102_1994), Backing::Memory);
        assert_eq!(Backing::from_magic(0x8584_58f6), Backing::Memory);
        assert_eq!(Backing::from_magic(0x794c_7630), Backing::Overlay);
        assert_eq!(Backing::from_magic(0x6969), Backing::Network);
        for disk in [0xef53, 0x5846_5342, 0x9123_683e] {
            assert_eq!(Backing::from_magic(disk), Backing::Disk);
        }
    }

    /// The kernel's own proc file system answers with its magic number: the call is the right one.
    #[test]
    fn real_magic_is_read() {
        assert_eq!((Host::real().fs_magic)(Path::new("/proc")).unwrap(), 0x9fa0);
    }

    /// The reserve is a tenth, but never below 1 GiB.
    #[test]
    fn reserve() {
        assert_eq!(reserve_bytes(0), 1 << 30);
        assert_eq!(reserve_bytes(5 << 30), 1 << 30);
        assert_eq!(reserve_bytes(100 << 30), 10 << 30);
    }

    /// Sizes read as people write them.
    #[test]
    fn sizes() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (2300, "2.2 KiB"),
            (128 << 20, "128 MiB"),
            ((3 << 30) / 2, "1.5 GiB"),
            (u64::MAX, "16777215.9 TiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(human_bytes(bytes), text);
        }
    }
}
