//! The host's settings as a lease needs them: each kind of change read and written where it lies.
//!
//! Which files may be written, and what their text means, is the engine's (`lease::kernel_text`).

use std::io;
use std::path::PathBuf;

use iocontend_core::change::Change;
use iocontend_core::lease::kernel_text::{
    self, BESIDE_SCHEDULER, NotUnderstood, OF_SCHEDULER, is_beside_scheduler, pair_of,
};
use iocontend_core::lease::{Reading, Values};
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

/// Reads and writes settings. A trait, so that tests may crash in the middle.
pub trait Settings {
    /// What a setting holds now.
    fn read(&self, change: &Change) -> Result<Reading, SettingError>;
    /// Writes parts of it.
    fn write(&self, change: &Change, parts: &Values) -> Result<(), SettingError>;
}

/// This host's, or those of a tree that stands in for it.
pub struct HostSettings {
    root: HostRoot,
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

    fn queue(&self, device: &str) -> Result<Option<Values>, SettingError> {
        let folder = self.sysfs()?;
        let read = |file: &str| folder.read(&queue_file(device, file)?).map_err(SettingError::from);
        let Some(text) = read("scheduler")? else { return Ok(None) };
        let mut values =
            Values::from([(String::new(), kernel_text::read_queue("scheduler", &text)?)]);
        let own = folder.names(&queue_file(device, OF_SCHEDULER)?)?;
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
}

impl Settings for HostSettings {
    fn read(&self, change: &Change) -> Result<Reading, SettingError> {
        if !kernel_text::is_allowed(change) {
            return Err(SettingError::NotAllowed);
        }
        let one = |value: String| Values::from([(String::new(), value)]);
        let values = match change {
            Change::CgroupDevice { cgroup, file, device, .. } => {
                let text = self.cgroup2()?.read(&cgroup_file(cgroup, file)?)?;
                text.map(|text| kernel_text::read_device(file, *device, &text)).transpose()?
            }
            Change::Cgroup { cgroup, file, .. } => {
                let text = self.cgroup2()?.read(&cgroup_file(cgroup, file)?)?;
                text.map(|text| kernel_text::read_cgroup(file, &text).map(one)).transpose()?
            }
            Change::Queue { device, file, .. } if file == "scheduler" => self.queue(device)?,
            Change::Queue { device, file, .. } => {
                let text = self.sysfs()?.read(&queue_file(device, file)?)?;
                text.map(|text| kernel_text::read_queue(file, &text).map(one)).transpose()?
            }
            Change::Sysctl { name, .. } => {
                let folder = self.sysctl()?;
                match pair_of(name) {
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
                }
            }
            Change::IoPriority { process, .. } => {
                return Ok(priorities::read(&self.root, *process)?);
            }
        };
        Ok(values.map_or(Reading::Gone, Reading::Values))
    }

    fn write(&self, change: &Change, parts: &Values) -> Result<(), SettingError> {
        if !kernel_text::is_allowed(change) {
            return Err(SettingError::NotAllowed);
        }
        match change {
            Change::CgroupDevice { cgroup, file, device, .. } => {
                let line = kernel_text::device_line(*device, parts);
                self.cgroup2()?.write(&cgroup_file(cgroup, file)?, &line)?;
            }
            Change::Cgroup { cgroup, file, .. } => {
                let folder = self.cgroup2()?;
                for value in parts.values() {
                    folder.write(&cgroup_file(cgroup, file)?, value)?;
                }
            }
            Change::Queue { device, file, .. } => {
                let folder = self.sysfs()?;
                for (part, value) in parts {
                    if !part.is_empty() && !is_beside_scheduler(part) {
                        return Err(SettingError::NotAllowed);
                    }
                    let file = if part.is_empty() { file } else { part };
                    folder.write(&queue_file(device, file)?, value)?;
                }
            }
            Change::Sysctl { name, .. } => {
                let folder = self.sysctl()?;
                for value in parts.values() {
                    match pair_of(name) {
                        Some(pair) => {
                            let (name, value) =
                                kernel_text::write_pair(pair, value).ok_or(NotUnderstood)?;
                            // The kernel passes over a number that stands there already, and then the limit in bytes would
                            // go on (mm/page-writeback.c).
                            if name == pair.percent && value == "0" {
                                folder.write(name, "1")?;
                            }
                            folder.write(name, value)?;
                        }
                        None => folder.write(name, value)?,
                    }
                }
            }
            Change::IoPriority { process, .. } => priorities::write(&self.root, *process, parts)?,
        }
        Ok(())
    }
}

/// Below the mount point. The kernel refuses what leads out; here what was never meant as a cgroup.
fn cgroup_file(cgroup: &str, file: &str) -> Result<String, SettingError> {
    let inner = cgroup.strip_prefix('/').ok_or(SettingError::NotAllowed)?;
    let is_name = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    if inner.split('/').all(is_name) {
        Ok(format!("{inner}/{file}"))
    } else {
        Err(SettingError::NotAllowed)
    }
}

/// Below sysfs.
fn queue_file(device: &str, file: &str) -> Result<String, SettingError> {
    if device.is_empty() || device.starts_with('.') || device.contains(['/', '\0']) {
        return Err(SettingError::NotAllowed);
    }
    Ok(format!("block/{device}/queue/{file}"))
}
