//! Paths that others choose, resolved and opened by root without ever waiting for them.
//!
//! A user names a script in a crontab, a process a folder in its arguments. Behind such a name may be a pipe, a device that
//! does something when it is opened, `/proc/kmsg`, or a file system whose server is that user's own process. So a path is
//! walked name by name with `O_PATH`, which opens nothing; a mount is entered only when its type says that the kernel
//! itself answers; and what is opened at the end is the very file that was looked at, when it is a regular one.
//!
//! `fstatfs` could tell types as well, but it asks the server of a FUSE or NFS file system and waits for it; `statx` with
//! `AT_STATX_DONT_SYNC` gives the mount's number without asking anybody, and mountinfo has its type.
//!
//! What is left to wait for is a disk that does not answer: whoever cannot wait for that reads in a thread of its own.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use iocontend_core::ids::Dev;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Statx, StatxFlags};
use rustix::io::Errno;

use super::HostRoot;
use super::mounts::mount_types;
use super::proc_dir::ProcDir;

/// Most links in a path (`MAXSYMLINKS`, include/linux/namei.h).
const MOST_LINKS: usize = 40;
/// Most names in a path with those of its links: `PATH_MAX` has no more.
const MOST_NAMES: usize = 2048;

/// File systems without a block device that the kernel answers for by itself, or a hypervisor. Those with a device always
/// are: only root mounts them. FUSE's servers are users' processes, those of NFS, SMB and Ceph other hosts; proc, sysfs,
/// cgroup and their like hold files that act, or wait, when they are read.
const OWN_TYPES: [&str; 11] = [
    "9p", "aufs", "bcachefs", "btrfs", "erofs", "ramfs", "rootfs", "tmpfs", "ubifs", "virtiofs",
    "zfs",
];
/// One that stands on others, and is asked with the rights of whoever mounted it.
const OVERLAY: &str = "overlay";

const NO_OPEN: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const TO_READ: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Everything below a root folder.
pub(super) struct Tree {
    root: OwnedFd,
    root_mount: Option<u64>,
    /// Where the types of the mounts stand.
    mountinfo: PathBuf,
    types: OnceCell<HashMap<u64, String>>,
    /// Whether the root's own file system is entered whatever it is.
    trusts_root: bool,
    /// Whether an overlay is entered: in a user's own namespace it may stand on that user's FUSE.
    trusts_overlays: bool,
}

/// What a path led to, not opened.
pub(super) struct Place {
    fd: OwnedFd,
    stat: Statx,
}

impl Tree {
    /// A folder of this host: its own file system is the one that this program stands on, and is entered whatever it is.
    pub(super) fn of_host(root: &Path) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::openat(CWD, root, flags, Mode::empty())?;
        let root_mount = mount_of(&look(root.as_fd())?);
        let mountinfo = "/proc/self/mountinfo".into();
        let types = OnceCell::new();
        Ok(Self { root, root_mount, mountinfo, types, trusts_root: true, trusts_overlays: true })
    }

    /// What a process sees: links are resolved below its root, so a container cannot lead us to a file of the host.
    pub(super) fn of_process(root: &HostRoot, dir: &ProcDir, pid: u32) -> Result<Self, Errno> {
        let fd = dir.place("root")?;
        let stat = look(fd.as_fd())?;
        let ours = rustix::fs::readlinkat(CWD, root.proc.join("self/ns/user"), Vec::new());
        let is_ours = match (ours, dir.link("ns/user")) {
            (Ok(ours), Ok(theirs)) => ours.as_bytes() == theirs,
            // Without namespaces everybody is in ours.
            _ => true,
        };
        let tree = Self {
            root: fd,
            root_mount: mount_of(&stat),
            mountinfo: root.proc.join(format!("{pid}/mountinfo")),
            types: OnceCell::new(),
            trusts_root: false,
            trusts_overlays: is_ours,
        };
        if tree.may_enter(&stat) { Ok(tree) } else { Err(Errno::XDEV) }
    }

    /// Follows a path from the root; `XDEV` where it leads into a file system that is not entered.
    pub(super) fn find(&self, path: &[u8]) -> Result<Place, Errno> {
        let mut left: Vec<Vec<u8>> = names(path);
        let mut above: Vec<Place> = Vec::new();
        let (mut links, mut steps) = (0, 0);
        while let Some(name) = left.pop() {
            steps += 1;
            if steps > MOST_NAMES {
                return Err(Errno::NAMETOOLONG);
            }
            if name == b".." {
                above.pop();
                continue;
            }
            let place = self.enter(above.last(), &name)?;
            match place.kind() {
                FileType::Symlink => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Errno::LOOP);
                    }
                    let target = rustix::fs::readlinkat(&place.fd, "", Vec::new())?.into_bytes();
                    if target.starts_with(b"/") {
                        above.clear();
                    }
                    left.extend(names(&target));
                }
                FileType::Directory => above.push(place),
                _ if left.is_empty() => return Ok(place),
                _ => return Err(Errno::NOTDIR),
            }
        }
        match above.pop() {
            Some(place) => Ok(place),
            None => Ok(Place {
                stat: look(self.root.as_fd())?,
                fd: self.root.try_clone().map_err(|error| errno(&error))?,
            }),
        }
    }

    /// One name further.
    fn enter(&self, from: Option<&Place>, name: &[u8]) -> Result<Place, Errno> {
        let (folder, mount) = match from {
            Some(place) => (place.fd.as_fd(), mount_of(&place.stat)),
            None => (self.root.as_fd(), self.root_mount),
        };
        let fd = rustix::fs::openat(folder, name, NO_OPEN, Mode::empty())?;
        let stat = look(fd.as_fd())?;
        let is_same = mount.is_some() && mount_of(&stat) == mount;
        if is_same || self.may_enter(&stat) { Ok(Place { fd, stat }) } else { Err(Errno::XDEV) }
    }

    fn may_enter(&self, stat: &Statx) -> bool {
        if stat.stx_dev_major != 0 {
            return true;
        }
        let Some(mount) = mount_of(stat) else { return false };
        if self.trusts_root && self.root_mount == Some(mount) {
            return true;
        }
        let types = self.types.get_or_init(|| mount_types(&self.mountinfo).unwrap_or_default());
        types.get(&mount).is_some_and(|fstype| {
            OWN_TYPES.contains(&fstype.as_str()) || (fstype == OVERLAY && self.trusts_overlays)
        })
    }
}

impl Place {
    fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.stx_mode.into())
    }

    pub(super) fn is_file(&self) -> bool {
        self.kind().is_file()
    }

    pub(super) fn is_folder(&self) -> bool {
        self.kind().is_dir()
    }

    /// Device as `stat` gives it, and inode number.
    pub(super) fn identity(&self) -> (Dev, u64) {
        let (major, minor) = (self.stat.stx_dev_major, self.stat.stx_dev_minor);
        (Dev { major, minor }, self.stat.stx_ino)
    }

    /// The user whose it is.
    pub(super) fn owner(&self) -> u32 {
        self.stat.stx_uid
    }

    /// Whether everybody may read it.
    pub(super) fn is_public(&self) -> bool {
        Mode::from_raw_mode(self.stat.stx_mode.into()).contains(Mode::ROTH)
    }

    /// Opens a regular file for reading: this one, whatever stands at its name by now. One that somebody holds a lease on
    /// (fcntl(2)) fails with `AGAIN`.
    pub(super) fn open(&self) -> Result<File, Errno> {
        if !self.is_file() {
            return Err(Errno::INVAL);
        }
        let path = format!("/proc/self/fd/{}", self.fd.as_raw_fd());
        Ok(File::from(rustix::fs::openat(CWD, path, TO_READ, Mode::empty())?))
    }

    /// Opens a folder to list it.
    pub(super) fn folder(&self) -> Result<OwnedFd, Errno> {
        rustix::fs::openat(&self.fd, ".", TO_READ | OFlags::DIRECTORY, Mode::empty())
    }
}

/// The device and inode number of a regular file of the host by its path.
pub(crate) fn host_file(path: &str) -> Option<(Dev, u64)> {
    let place = Tree::of_host(Path::new("/")).ok()?.find(path.as_bytes()).ok()?;
    place.is_file().then(|| place.identity())
}

/// Names of a path, the last one first.
fn names(path: &[u8]) -> Vec<Vec<u8>> {
    let names = path.split(|byte| *byte == b'/').rev();
    names.filter(|name| !matches!(*name, b"" | b".")).map(<[u8]>::to_vec).collect()
}

fn look(fd: BorrowedFd<'_>) -> Result<Statx, Errno> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
    let wanted = StatxFlags::TYPE
        | StatxFlags::MODE
        | StatxFlags::UID
        | StatxFlags::INO
        | StatxFlags::MNT_ID;
    rustix::fs::statx(fd, "", flags, wanted)
}

/// The number that mountinfo begins with; `None` before kernel 5.8.
fn mount_of(stat: &Statx) -> Option<u64> {
    let mask = StatxFlags::from_bits_retain(stat.stx_mask);
    mask.contains(StatxFlags::MNT_ID).then_some(stat.stx_mnt_id)
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
