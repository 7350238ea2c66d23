//! Owns kernels that are not this release's: from other suites of Debian's archive, unpacked and never installed.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::kernel::numbers;
use crate::apt::lists::Lists;
use crate::run;

/// Suites that have kernels which the installed release has not: the oldest in reach, and the newest.
const SUITES: [&str; 2] = ["bullseye", "trixie-backports"];

/// The newest image of a series, unpacked once below `folder`, with its modules beside it as virtme-ng looks for them:
/// `boot/vmlinuz-VERSION` and `lib/modules/VERSION`.
pub(super) fn find(series: &str, folder: &Path) -> Result<PathBuf> {
    let root = folder.join(series);
    if let Some(image) = super::kernel::newest_in(&root.join("boot"), series)? {
        return Ok(image);
    }
    let lists = Lists::of("kernels", &SUITES)?;
    let names = lists.names("linux-")?;
    let version = newest(series, &names).with_context(|| {
        format!("no kernel {series} in /boot, nor in the archive's {}", SUITES.join(" and "))
    })?;
    // Whatever an interrupted run left is begun again; the image's name in boot/ comes last.
    let fresh = folder.join(format!("{series}.new"));
    for old in [&fresh, &root] {
        if old.exists() {
            std::fs::remove_dir_all(old).with_context(|| format!("removing {}", old.display()))?;
        }
    }
    std::fs::create_dir_all(fresh.join("boot"))
        .with_context(|| format!("making {}", fresh.display()))?;
    for package in packages(version, &names) {
        let file = lists.download(&package, &fresh)?;
        run::run(Command::new("dpkg-deb").arg("-x").arg(&file).arg(&fresh))?;
        std::fs::remove_file(&file)?;
    }
    // From 7.0 on everything is below usr/lib/modules.
    let (merged, image) = (fresh.join("lib"), fresh.join(format!("boot/vmlinuz-{version}")));
    if !merged.exists() {
        std::os::unix::fs::symlink("usr/lib", &merged)?;
    }
    let beside = fresh.join(format!("lib/modules/{version}/vmlinuz"));
    if !image.exists() {
        std::fs::copy(&beside, &image)
            .with_context(|| format!("the package has no {}", beside.display()))?;
    }
    std::fs::rename(&fresh, &root)?;
    Ok(root.join(format!("boot/vmlinuz-{version}")))
}

/// The newest version of a series among names of packages, as `uname -r` has it.
fn newest<'a>(series: &str, names: &'a [String]) -> Option<&'a str> {
    let plain = |version: &&str| {
        version.ends_with("-amd64") && !version.contains("-rt-") && !version.contains("-cloud-")
    };
    names
        .iter()
        .filter_map(|name| name.strip_prefix("linux-image-"))
        .filter(|version| {
            version.strip_prefix(series).is_some_and(|rest| rest.starts_with(['.', '-']))
        })
        .filter(plain)
        .max_by_key(|version| numbers(version))
}

/// The packages that hold a version: from 7.0 on `linux-image` only names the others.
fn packages(version: &str, names: &[String]) -> Vec<String> {
    let split = ["binary", "modules"].map(|part| format!("linux-{part}-{version}"));
    if split.iter().all(|name| names.contains(name)) {
        split.into()
    } else {
        vec![format!("linux-image-{version}")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        [
            "linux-image-5.10.0-9-amd64",
            "linux-image-5.10.0-32-amd64",
            "linux-image-5.10.0-33-amd64-unsigned",
            "linux-image-5.10.0-40-rt-amd64",
            "linux-image-7.3.4+deb13-amd64",
            "linux-image-7.3.4+deb13-cloud-amd64",
            "linux-binary-7.3.4+deb13-amd64",
            "linux-modules-7.3.4+deb13-amd64",
        ]
        .map(str::to_owned)
        .into()
    }

    // Property: the newest plain kernel of its own series, in one package or in two.
    #[test]
    fn a_kernel_is_found_in_either_shape() {
        let names = names();
        assert_eq!(newest("5.10", &names), Some("5.10.0-32-amd64"));
        assert_eq!(newest("5.1", &names), None);
        assert_eq!(newest("7.3", &names), Some("7.3.4+deb13-amd64"));
        assert_eq!(packages("5.10.0-32-amd64", &names), ["linux-image-5.10.0-32-amd64"]);
        let split = ["linux-binary-7.3.4+deb13-amd64", "linux-modules-7.3.4+deb13-amd64"];
        assert_eq!(packages("7.3.4+deb13-amd64", &names), split);
    }
}
