//! The host's settings as a lease needs them: each kind of change read and written where it lies.
//!
//! Which files may be written, and what their text means, is the engine's (`lease::kernel_text`).

use std::io;
use std::path::PathBuf;

use iocontend_core::change::Change;
use iocontend_core::lease::floors::memory_in_use;
use iocontend_core::lease::kernel_text::{
    self, BESIDE_SCHEDULER, NotUnderstood, OF_SCHEDULER, is_beside_scheduler, pair_of,
};
use iocontend_core::lease::{Identity, Reading, Values};
use rustix::fs::fstatfs;
use thiserror::Error;

use super::beneath::Folder;
use super::priorities;
use crate::host::{HostRoot, parse_mountinfo};

/// `CGROUP2_SUPER_MAGIC` (include/uapi/linux/magic.h).
const CGROUP2_MAGIC: i64 = 0x6367_7270;

/// Why a setting cannot be read or written.
#[derive(Debug, Error)]
pub enum SettingError {
    /// Not one of the files that may be written, or a name that leads elsewhere.
    #[error("not a setting that iocontend changes")]
    NotAllowed,
    /// Not in a known form.
    #[error(transparent)]
    NotUnderstood(#[from] NotUnderstood),
    /// No cgroup file system of version 2.
    #[error("no cgroup file system of version 2 is mounted")]
    NoCgroup2,
    /// The name is another's by now.
    #[error("another cgroup or disk has that name by now")]
    Another,
    /// The kernel said no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl SettingError {
    /// Whether more rights would help.
    pub fn is_permission(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// Reads and writes settings. A trait, so that tests may crash in the middle. What has the name by now and does not fit the identity
/// is read as [`Reading::Another`] and not written.
pub trait Settings {
    /// Which cgroup and disk have the names of a change now.
    fn identify(&self, change: &Change) -> Result<Identity, SettingError>;
    /// Memory of its cgroup that only swapping could free, bytes: for a change that limits it, where it can be read.
    fn memory_in_use(&self, change: &Change) -> Option<u64>;
    /// What a setting holds now.
    fn read(&self, change: &Change, identity: &Identity) -> Result<Reading, SettingError>;
    /// Writes parts of it.
    fn write(
        &self,
        change: &Change,
        identity: &Identity,
        parts: &Values,
    ) -> Result<(), SettingError>;
}

/// This host's, or those of a tree that stands in for it.
pub struct HostSettings {
    root: HostRoot,
}

/// Where a setting lies, opened: what is compared with an identity is what is read and written then.
struct Opened {
    folder: Folder,
    now: Identity,
}

impl HostSettings {
    /// Of this root.
    pub fn new(root: HostRoot) -> Self {
        Self { root }
    }

    /// The mount of cgroup2 at the file system's root, else any.
    fn cgroup2(&self) -> Result<Folder, SettingError> {
        let text = std::fs::read(self.root.proc.join("self/mountinfo"))?;
        let mounts = parse_mountinfo(&text);
        let mount = mounts.iter().filter(|mount| mount.fstype == "cgroup2");
        let mount = mount.min_by_key(|m| (m.root != "/", m.mount_point.len()));
        let path = PathBuf::from(&mount.ok_or(SettingError::NoCgroup2)?.mount_point);
        if self.root == HostRoot::default() {
            let kind = fstatfs(std::fs::File::open(&path)?).map_err(io::Error::from)?.f_type;
            if kind != CGROUP2_MAGIC {
                return Err(SettingError::NoCgroup2);
            }
        }
        Ok(Folder::open(&path)?)
    }

    fn sysfs(&self) -> Result<Folder, SettingError> {
        Ok(Folder::open(&self.root.sys)?.with_inner_links())
    }

    fn sysctl(&self) -> Result<Folder, SettingError> {
        Ok(Folder::open(&self.root.proc.join("sys"))?)
    }

    /// The folder that a change is made in; nothing when its cgroup or disk is not there.
    fn open(&self, change: &Change) -> Result<Option<Opened>, SettingError> {
        let opened = match change {
            Change::CgroupDevice { cgroup, device, .. } => {
                let folder = self.cgroup2()?.folder(cgroup_folder(cgroup)?)?;
                folder.map(|folder| (folder, self.diskseq(&format!("dev/block/{device}"))))
            }
            Change::Cgroup { cgroup, .. } => {
                self.cgroup2()?.folder(cgroup_folder(cgroup)?)?.map(|folder| (folder, None))
            }
            Change::Queue { device, .. } => {
                let folder = self.sysfs()?.folder(&disk_folder(device)?)?;
                folder.map(|folder| {
                    let diskseq = diskseq_in(&folder, "diskseq");
                    (folder, diskseq)
                })
            }
            Change::Sysctl { .. } => Some((self.sysctl()?, None)),
            Change::IoPriority { .. } => None,
        };
        let Some((folder, diskseq)) = opened else { return Ok(None) };
        let is_cgroup = matches!(change, Change::CgroupDevice { .. } | Change::Cgroup { .. });
        let cgroup_inode = if is_cgroup { Some(folder.inode()?) } else { None };
        Ok(Some(Opened { folder, now: Identity { cgroup_inode, diskseq } }))
    }

    fn diskseq(&self, disk: &str) -> Option<u64> {
        diskseq_in(&self.sysfs().ok()?, &format!("{disk}/diskseq"))
    }
}

/// A number of the kernel's; not before Linux 5.15.
fn diskseq_in(folder: &Folder, name: &str) -> Option<u64> {
    folder.read(name).ok()??.trim().parse().ok()
}

fn queue(folder: &Folder) -> Result<Option<Values>, SettingError> {
    let read = |file: &str| folder.read(&format!("queue/{file}"));
    let Some(text) = read("scheduler")? else { return Ok(None) };
    let mut values = Values::from([(String::new(), kernel_text::read_queue("scheduler", &text)?)]);
    let own = folder.names(&format!("queue/{OF_SCHEDULER}"))?;
    let own = own.into_iter().map(|name| format!("{OF_SCHEDULER}/{name}"));
    let beside = BESIDE_SCHEDULER.map(str::to_owned).into_iter().chain(own);
    for file in beside.filter(|file| is_beside_scheduler(file)) {
        // wbt may be absent or off, and then cannot be read; there is nothing to restore.
        let text = read(&file).ok().flatten();
        let value = text.and_then(|text| kernel_text::read_queue(&file, &text).ok());
        values.extend(value.map(|value| (file, value)));
    }
    Ok(Some(values))
}

impl Settings for HostSettings {
    fn identify(&self, change: &Change) -> Result<Identity, SettingError> {
        if !kernel_text::is_allowed(change) {
            return Err(SettingError::NotAllowed);
        }
        Ok(self.open(change)?.map(|opened| opened.now).unwrap_or_default())
    }

    fn memory_in_use(&self, change: &Change) -> Option<u64> {
        if !matches!(change, Change::Cgroup { file, .. } if file == "memory.high") {
            return None;
        }
        let folder = self.open(change).ok()??.folder;
        let stat = folder.read("memory.stat").ok()?;
        match stat.map(|text| memory_in_use(&text)) {
            Some(Ok(bytes)) => Some(bytes),
            // More than is needed, so rather refused than stalled.
            _ => folder.read("memory.current").ok()??.trim().parse().ok(),
        }
    }

    fn read(&self, change: &Change, identity: &Identity) -> Result<Reading, SettingError> {
        if !kernel_text::is_allowed(change) {
            return Err(SettingError::NotAllowed);
        }
        if let Change::IoPriority { process, .. } = change {
            return Ok(priorities::read(&self.root, *process)?);
        }
        let Some(Opened { folder, now }) = self.open(change)? else { return Ok(Reading::Gone) };
        let one = |value: String| Values::from([(String::new(), value)]);
        let values = match change {
            Change::CgroupDevice { file, device, .. } => {
                let text = folder.read(file)?;
                text.map(|text| kernel_text::read_device(file, *device, &text)).transpose()?
            }
            Change::Cgroup { file, .. } => {
                let text = folder.read(file)?;
                text.map(|text| kernel_text::read_cgroup(file, &text).map(one)).transpose()?
            }
            Change::Queue { file, .. } if file == "scheduler" => queue(&folder)?,
            Change::Queue { file, .. } => {
                let text = folder.read(&format!("queue/{file}"))?;
                text.map(|text| kernel_text::read_queue(file, &text).map(one)).transpose()?
            }
            Change::Sysctl { name, .. } => match pair_of(name) {
                Some(pair) => match (folder.read(pair.bytes)?, folder.read(pair.percent)?) {
                    (Some(bytes), Some(percent)) => {
                        Some(one(kernel_text::read_pair(&bytes, &percent)?))
                    }
                    _ => None,
                },
                None => folder
                    .read(name)?
                    .map(|text| kernel_text::read_sysctl(&text).map(one))
                    .transpose()?,
            },
            Change::IoPriority { .. } => None,
        };
        Ok(match values {
            None => Reading::Gone,
            Some(values) if identity.fits(&now) => Reading::Values(values),
            Some(values) => Reading::Another(values),
        })
    }

    fn write(
        &self,
        change: &Change,
        identity: &Identity,
        parts: &Values,
    ) -> Result<(), SettingError> {
        if !kernel_text::is_allowed(change) {
            return Err(SettingError::NotAllowed);
        }
        if let Change::IoPriority { process, .. } = change {
            return Ok(priorities::write(&self.root, *process, parts)?);
        }
        // Gone meanwhile is no error; the next look tells.
        let Some(Opened { folder, now }) = self.open(change)? else { return Ok(()) };
        if !identity.fits(&now) {
            return Err(SettingError::Another);
        }
        match change {
            Change::CgroupDevice { file, device, .. } => {
                folder.write(file, &kernel_text::device_line(*device, parts))?;
            }
            Change::Cgroup { file, .. } => {
                for value in parts.values() {
                    folder.write(file, value)?;
                }
            }
            Change::Queue { file, .. } => {
                for (part, value) in parts {
                    if !part.is_empty() && !is_beside_scheduler(part) {
                        return Err(SettingError::NotAllowed);
                    }
                    let file = if part.is_empty() { file } else { part };
                    folder.write(&format!("queue/{file}"), value)?;
                }
            }
            Change::Sysctl { name, .. } => {
                for value in parts.values() {
                    write_sysctl(&folder, name, value)?;
                }
            }
            Change::IoPriority { .. } => {}
        }
        Ok(())
    }
}

fn write_sysctl(folder: &Folder, name: &str, value: &str) -> Result<(), SettingError> {
    let Some(pair) = pair_of(name) else { return Ok(folder.write(name, value)?) };
    let (name, value) = kernel_text::write_pair(pair, value).ok_or(NotUnderstood)?;
    // The kernel passes over a number that stands there already, and then the limit in bytes would go on (mm/page-writeback.c).
    if name == pair.percent && value == "0" {
        folder.write(name, "1")?;
    }
    Ok(folder.write(name, value)?)
}

/// Below the mount point. The kernel refuses what leads out; here what was never meant as a cgroup.
fn cgroup_folder(cgroup: &str) -> Result<&str, SettingError> {
    let inner = cgroup.strip_prefix('/').ok_or(SettingError::NotAllowed)?;
    let is_name = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    if inner.split('/').all(is_name) { Ok(inner) } else { Err(SettingError::NotAllowed) }
}

/// Below sysfs.
fn disk_folder(device: &str) -> Result<String, SettingError> {
    if device.is_empty() || device.starts_with('.') || device.contains(['/', '\0']) {
        return Err(SettingError::NotAllowed);
    }
    Ok(format!("block/{device}"))
}
