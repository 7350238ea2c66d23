//! Owns the description of a VM's disk: parsing `iops=600,bps=20M,…` and the emulator's options.
use std::path::Path;
use std::str::FromStr;

/// How the guest finds a disk among others; they are numbered from 0.
pub(super) fn serial(index: usize) -> String {
    format!("iocontend{index}")
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disk {
    iops: Option<u64>,
    bps: Option<u64>,
    size: u64,
    device: Device,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Device {
    Nvme,
    /// NVMe whose controller says that it may have several: the guest's disk is a head above its path.
    Paths,
    Virtio,
}

impl FromStr for Disk {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut disk = Self { iops: None, bps: None, size: 2 << 30, device: Device::Nvme };
        for part in text.split(',') {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` is not KEY=VALUE (iops, bps, size, dev)"))?;
            match key {
                "iops" => disk.iops = Some(number(value, 1000)?),
                // Rates are decimal as data sheets have them, sizes binary.
                "bps" => disk.bps = Some(number(value, 1000)?),
                "size" => disk.size = number(value, 1024)?,
                "dev" if value == "nvme" => disk.device = Device::Nvme,
                "dev" if value == "paths" => disk.device = Device::Paths,
                "dev" if value == "virtio" => disk.device = Device::Virtio,
                "dev" => return Err(format!("dev is nvme, paths or virtio, not `{value}`")),
                _ => return Err(format!("`{key}` is none of iops, bps, size, dev")),
            }
        }
        Ok(disk)
    }
}

/// A positive number with an optional K, M or G, which stand for powers of `unit`.
fn number(text: &str, unit: u64) -> Result<u64, String> {
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], unit),
        Some(b'M' | b'm') => (&text[..text.len() - 1], unit.pow(2)),
        Some(b'G' | b'g') => (&text[..text.len() - 1], unit.pow(3)),
        _ => (text, 1),
    };
    digits
        .parse::<u64>()
        .ok()
        .filter(|n| *n > 0)
        .and_then(|n| n.checked_mul(factor))
        .ok_or_else(|| format!("`{text}` is not a positive number such as 600, 20M or 2G"))
}

impl Disk {
    /// Bytes of the image; the file is sparse.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// In a few words, for people.
    pub(super) fn describe(&self) -> String {
        let device = match self.device {
            Device::Nvme => "nvme",
            Device::Paths => "nvme multipath",
            Device::Virtio => "virtio",
        };
        let limit = |name: &str, limit: Option<u64>| {
            limit.map_or(String::new(), |limit| format!(" {name}={limit}"))
        };
        format!("{device} disk{}{}", limit("iops", self.iops), limit("bps", self.bps))
    }

    /// Whether the guest's kernel has to look for several paths.
    pub(super) fn has_paths(&self) -> bool {
        self.device == Device::Paths
    }

    /// Options for the emulator. `cache=none` keeps the host's page cache out of the measurement.
    pub(super) fn emulator_options(&self, image: &Path, serial: &str) -> String {
        let limit = |name: &str, limit: Option<u64>| {
            limit.map_or(String::new(), |limit| format!(",throttling.{name}-total={limit}"))
        };
        let device = match self.device {
            Device::Nvme => format!("nvme,drive={serial},serial={serial}"),
            Device::Paths => format!(
                "nvme-subsys,id={serial}s -device nvme,id={serial}c,subsys={serial}s,serial={serial} \
                 -device nvme-ns,drive={serial},bus={serial}c,nsid=1"
            ),
            Device::Virtio => format!("virtio-blk-pci,drive={serial},serial={serial}"),
        };
        format!(
            "-drive file={},if=none,id={serial},format=raw,cache=none{}{} \
             -device {device}",
            image.display(),
            limit("iops", self.iops),
            limit("bps", self.bps)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_decimal_and_sizes_binary() {
        let disk: Disk = "iops=600,bps=20M,size=1G,dev=virtio".parse().unwrap();
        assert_eq!(disk.size(), 1 << 30);
        let options = disk.emulator_options(Path::new("/x/disk.img"), "iocontend0");
        assert_eq!(
            options,
            "-drive file=/x/disk.img,if=none,id=iocontend0,format=raw,cache=none,\
             throttling.iops-total=600,throttling.bps-total=20000000 \
             -device virtio-blk-pci,drive=iocontend0,serial=iocontend0"
        );
    }

    #[test]
    fn a_disk_with_paths_has_a_subsystem() {
        let disk: Disk = "size=1G,dev=paths".parse().unwrap();
        assert!(disk.has_paths());
        let options = disk.emulator_options(Path::new("/x"), "d0");
        let of_disk = options.split_once("cache=none ").unwrap().1;
        assert_eq!(
            of_disk,
            "-device nvme-subsys,id=d0s -device nvme,id=d0c,subsys=d0s,serial=d0 \
             -device nvme-ns,drive=d0,bus=d0c,nsid=1"
        );
    }

    #[test]
    fn an_unlimited_disk_has_no_throttling() {
        let disk: Disk = "size=1G".parse().unwrap();
        assert!(!disk.emulator_options(Path::new("/x"), "s").contains("throttling"));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, word) in [
            ("iops", "KEY=VALUE"),
            ("iops=0", "positive"),
            ("bps=20X", "20X"),
            ("bps=99999999999G", "positive"),
            ("dev=sata", "sata"),
            ("speed=1", "speed"),
        ] {
            let error = text.parse::<Disk>().unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
