//! Owns a loop device on a tmpfs of its own; both are gone when it is dropped.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::run;

/// The device.
pub(super) struct LoopDevice {
    path: PathBuf,
    mount: PathBuf,
}

impl LoopDevice {
    pub(super) fn new(bytes: u64) -> Result<Self> {
        let mount = run::target_dir()?.join("bench-tmpfs");
        std::fs::create_dir_all(&mount).context("cannot make the folder for a tmpfs")?;
        let size = format!("size={}", bytes + (64 << 20));
        run::output(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&mount))?;
        let mut device = Self { path: PathBuf::new(), mount };
        let image = device.mount.join("image");
        // Written, not sparse: reads of holes would be another load.
        std::io::copy(
            &mut std::io::Read::take(std::io::repeat(0x5a), bytes),
            &mut std::fs::File::create(&image)?,
        )?;
        device.path =
            run::output(Command::new("losetup").args(["-f", "--show"]).arg(&image))?.into();
        Ok(device)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let undone = [
            (!self.path.as_os_str().is_empty())
                .then(|| run::output(Command::new("losetup").arg("-d").arg(&self.path))),
            Some(run::output(Command::new("umount").arg(&self.mount))),
        ];
        for error in undone.into_iter().flatten().filter_map(Result::err) {
            eprintln!("not undone: {error:#}");
        }
    }
}
