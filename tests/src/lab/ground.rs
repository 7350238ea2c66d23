//! The disks of a scenario: partitioned, file systems made and mounted, drained between rounds. In the VM only.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::fs::{Advice, fadvise};

use super::scenario::Place;
use crate::process::{run, until};

/// Where everything is mounted: a tmpfs, since the VM's root cannot be written.
const ROOT: &str = "/mnt/lab";
/// MiB of the partition that etcd's file system is on; the rest of the disk is the other one's.
const MAIN_MIB: u32 = 1536;

/// File systems, mounted, fresh.
pub struct Ground {
    /// Name of etcd's disk, such as `nvme0n1`.
    pub disk: String,
    places: Vec<Place>,
    file_system: String,
}

impl Ground {
    /// Makes everything anew: two file systems on the first disk, one on the second if there is one.
    pub fn prepare(file_system: &str) -> Result<Self> {
        let names = std::env::var("IOCONTEND_VM_DISKS").context("not in the lab's VM")?;
        let mut disks = names.split_whitespace();
        let disk = disks.next().context("the VM has no disk")?.to_owned();
        let mut ground =
            Self { disk: disk.clone(), places: Vec::new(), file_system: file_system.to_owned() };
        ground.root()?;
        partition(&disk)?;
        ground.fresh(Place::Main, &format!("/dev/{}", partition_name(&disk, 1)))?;
        ground.fresh(Place::Other, &format!("/dev/{}", partition_name(&disk, 2)))?;
        if let Some(second) = disks.next() {
            ground.fresh(Place::Second, &format!("/dev/{second}"))?;
        }
        Ok(ground)
    }

    /// A tmpfs for mount points, logs and copies of programs.
    fn root(&self) -> Result<()> {
        if !is_mounted(Path::new("/mnt"))? {
            run("mount", &["-t", "tmpfs", "nodev", "/mnt"])?;
        }
        for place in [Place::Main, Place::Other, Place::Second] {
            fs::create_dir_all(self.path(place))?;
            // Of the scenario before.
            if is_mounted(&self.path(place))? {
                run("umount", &[&self.path(place).display().to_string()])?;
            }
        }
        Ok(())
    }

    fn fresh(&mut self, place: Place, device: &str) -> Result<()> {
        let make = match self.file_system.as_str() {
            // Without these, ext4 writes its inode tables in the background for minutes.
            "ext4" => vec!["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
            "xfs" | "btrfs" => vec!["-q", "-f"],
            other => bail!("no file system `{other}` here"),
        };
        run(&format!("mkfs.{}", self.file_system), &[make, vec![device]].concat())?;
        let point = self.path(place).display().to_string();
        run("mount", &["-t", &self.file_system, device, &point])?;
        self.places.push(place);
        Ok(())
    }

    /// Where a file system is mounted.
    pub fn path(&self, place: Place) -> PathBuf {
        Path::new(ROOT).join(match place {
            Place::Main => "main",
            Place::Other => "other",
            Place::Second => "second",
        })
    }

    /// A folder in memory for what is no part of the measurement.
    pub fn memory(&self) -> PathBuf {
        ROOT.into()
    }

    /// Writes everything that is dirty, and waits for it.
    pub fn drain(&self) -> Result<()> {
        for place in &self.places {
            run("sync", &["--file-system", &self.path(*place).display().to_string()])?;
        }
        Ok(())
    }
}

/// Two partitions; the kernel then shows their devices.
fn partition(disk: &str) -> Result<()> {
    let mut sfdisk = Command::new("sfdisk")
        .args(["--quiet", "--wipe", "always", "--wipe-partitions", "always"])
        .arg(format!("/dev/{disk}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run sfdisk")?;
    let mut script = sfdisk.stdin.take().context("no stdin")?;
    write!(script, "label: gpt\nsize={MAIN_MIB}MiB\nsize=+\n")?;
    drop(script);
    let output = sfdisk.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "sfdisk: {}: {said}", output.status);
    // The kernel takes old partitions away and puts new ones there; who manages /dev follows behind.
    run("udevadm", &["settle", "--timeout=30"])?;
    let there = |number| Path::new("/dev").join(partition_name(disk, number)).exists();
    until("the partitions", std::time::Duration::from_secs(30), || {
        Ok((there(1) && there(2)).then_some(()))
    })
}

/// A digit at the end of the disk's name is set off by a `p`.
fn partition_name(disk: &str, number: u32) -> String {
    let digit = disk.ends_with(|c: char| c.is_ascii_digit());
    format!("{disk}{}{number}", if digit { "p" } else { "" })
}

fn is_mounted(point: &Path) -> Result<bool> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let point = point.display().to_string();
    Ok(mounts.lines().any(|line| line.split(' ').nth(1) == Some(point.as_str())))
}

/// Writes a file of zeros that really stands on the disk, and drops it from the page cache.
pub fn write_file(path: &Path, bytes: u64) -> Result<()> {
    let mut file = File::create(path).with_context(|| path.display().to_string())?;
    let block = vec![0; 1 << 20];
    let mut left = bytes;
    while left > 0 {
        let part = left.min(block.len() as u64);
        // At most a block, which fits.
        file.write_all(&block[..usize::try_from(part)?])?;
        left -= part;
    }
    file.sync_all()?;
    forget(&file)
}

/// Drops a file's clean pages from the page cache.
pub fn forget(file: &File) -> Result<()> {
    Ok(fadvise(file, 0, None, Advice::DontNeed)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_named_as_the_kernel_does() {
        assert_eq!(partition_name("nvme0n1", 2), "nvme0n1p2");
        assert_eq!(partition_name("vda", 1), "vda1");
    }
}
