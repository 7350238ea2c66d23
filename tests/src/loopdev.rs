//! Loop devices of a test's own, on a tmpfs of its own. Everything is removed on drop, after a panic too, and by the janitor when
//! nothing drops any more.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::janitor::{Left, will_leave};
use crate::process::{complain, run, until};

/// Others may hold what is to be removed for a moment.
const REMOVE_LIMIT: Duration = Duration::from_secs(20);

/// A tmpfs in a folder of its own.
pub struct Tmpfs {
    folder: TempDir,
}

impl Tmpfs {
    /// With room for so many bytes.
    pub fn new(bytes: u64) -> Result<Self> {
        let folder = TempDir::with_prefix("iocontend-test-")?;
        let size = format!("size={bytes}");
        will_leave(Left::Mount(folder.path()))?;
        run("mount", &["-t", "tmpfs", "-o", &size, "iocontend-test", text(folder.path())?])?;
        Ok(Self { folder })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        unmount(self.folder.path());
    }
}

/// A loop device.
pub struct LoopDevice {
    path: PathBuf,
    name: String,
}

impl LoopDevice {
    /// On a new, sparse file of so many bytes.
    pub fn new(file: &Path, bytes: u64) -> Result<Self> {
        Self::with(file, bytes, &[])
    }

    /// The same with options of `losetup`.
    pub fn with(file: &Path, bytes: u64, options: &[&str]) -> Result<Self> {
        File::create(file)?.set_len(bytes)?;
        will_leave(Left::LoopFile(file))?;
        let printed = run("losetup", &[options, &["--find", "--show", text(file)?]].concat())?;
        let path = PathBuf::from(printed.trim());
        let name =
            path.file_name().and_then(|name| name.to_str()).context("losetup gave no name")?;
        let device = Self { name: name.to_owned(), path: path.clone() };
        // Random requests that happen to touch each other stay what they are.
        fs::write(format!("/sys/block/{}/queue/nomerges", device.name), "2")?;
        Ok(device)
    }

    /// Its node in /dev.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same as text, for command lines.
    pub fn node(&self) -> String {
        self.path.display().to_string()
    }

    /// Its name, such as `loop3`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl LoopDevice {
    /// Switches merging on, with a scheduler that does it.
    pub fn merge_with(&self, scheduler: &str) -> Result<()> {
        let queue = format!("/sys/block/{}/queue", self.name);
        fs::write(format!("{queue}/scheduler"), scheduler)?;
        Ok(fs::write(format!("{queue}/nomerges"), "0")?)
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let node = self.node();
        let backing = format!("/sys/block/{}/loop", self.name);
        let gone = until("a loop device's end", REMOVE_LIMIT, || {
            if !Path::new(&backing).exists() {
                return Ok(Some(()));
            }
            drop(run("losetup", &["-d", &node]));
            Ok(None)
        });
        complain(gone);
    }
}

/// A loop device on a tmpfs: fast, and nobody else uses it.
pub struct RamDisk {
    // In the order in which they have to go.
    device: LoopDevice,
    _tmpfs: Tmpfs,
}

impl RamDisk {
    /// Of so many bytes.
    pub fn new(bytes: u64) -> Result<Self> {
        let tmpfs = Tmpfs::new(bytes + (16 << 20))?;
        let device = LoopDevice::new(&tmpfs.path().join("disk"), bytes)?;
        Ok(Self { device, _tmpfs: tmpfs })
    }

    /// Its device.
    pub fn device(&self) -> &LoopDevice {
        &self.device
    }

    /// Its device's name.
    pub fn name(&self) -> &str {
        self.device.name()
    }

    /// Writes all of it once, so that the tmpfs has its pages.
    pub fn fill(&self) -> Result<()> {
        let target = format!("of={}", self.device.node());
        // Ends where the device ends: "no space left" is how dd says so.
        drop(run("dd", &["if=/dev/zero", &target, "bs=1M", "oflag=direct", "status=none"]));
        run("sync", &[&self.device.node()])?;
        Ok(())
    }
}

/// A file system in a folder of its own.
pub struct Mounted {
    folder: TempDir,
}

impl Mounted {
    /// A new ext4 on a device, mounted.
    pub fn ext4(device: &LoopDevice) -> Result<Self> {
        Self::new(device, "ext4")
    }

    /// A new ext4, xfs or btrfs on a device, mounted.
    pub fn new(device: &LoopDevice, file_system: &str) -> Result<Self> {
        Self::on(&device.node(), file_system)
    }

    /// The same on any device, by its node.
    pub fn on(node: &str, file_system: &str) -> Result<Self> {
        let lazy = ["-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"];
        let options: &[&str] = if file_system == "ext4" { &lazy } else { &["-f"] };
        run(&format!("mkfs.{file_system}"), &[&["-q"], options, &[node]].concat())?;
        Self::mount_node(node)
    }

    /// The file system that is there, mounted with online discard.
    pub fn mount(device: &LoopDevice) -> Result<Self> {
        Self::mount_node(&device.node())
    }

    fn mount_node(node: &str) -> Result<Self> {
        let folder = TempDir::with_prefix("iocontend-test-")?;
        will_leave(Left::Mount(folder.path()))?;
        run("mount", &["-o", "discard", node, text(folder.path())?])?;
        Ok(Self { folder })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Holds back all writes to it until the guard is dropped.
    pub fn freeze(&self) -> Result<Frozen> {
        run("fsfreeze", &["--freeze", text(self.path())?])?;
        Ok(Frozen { path: self.path().to_owned() })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        unmount(self.folder.path());
    }
}

/// A file system whose writes are held back.
pub struct Frozen {
    path: PathBuf,
}

impl Drop for Frozen {
    fn drop(&mut self) {
        complain(text(&self.path).and_then(|path| run("fsfreeze", &["--unfreeze", path])));
    }
}

fn unmount(path: &Path) {
    complain(until("an unmount", REMOVE_LIMIT, || {
        Ok(text(path).and_then(|path| run("umount", &[path])).ok().map(|_said| ()))
    }));
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is not UTF-8")
}
