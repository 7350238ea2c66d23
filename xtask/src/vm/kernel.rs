//! Owns which kernel image a VM boots.
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::archive;
use crate::apt;

const BOOT: &str = "/boot";

/// The newest image of a series, installed when there is none; one that this release does not have is unpacked below `folder`.
pub(super) fn find(series: &str, folder: &Path) -> Result<PathBuf> {
    let newest = || newest_in(Path::new(BOOT), series);
    if let Some(image) = newest()? {
        return Ok(image);
    }
    // Debian 12's own series has no number in its package's name; backports and later ones have.
    let package = match series {
        "6.1" => "linux-image-amd64",
        "6.12" => "linux-image-6.12-amd64",
        _ if apt::available() => return archive::find(series, folder),
        _ => bail!("no kernel image {BOOT}/vmlinuz-{series}.*: install one"),
    };
    apt::ensure(&[package])?;
    newest()?.with_context(|| {
        format!("{package} is installed, but there is no {BOOT}/vmlinuz-{series}.*")
    })
}

/// The newest image of a series in a folder like /boot. A folder that is not there has none.
pub(super) fn newest_in(boot: &Path, series: &str) -> Result<Option<PathBuf>> {
    let reading = || format!("reading {}", boot.display());
    let entries = match std::fs::read_dir(boot) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(reading),
    };
    let names = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<Vec<_>>>()
        .with_context(reading)?;
    Ok(choose(series, &names).map(|name| boot.join(name)))
}

/// The name with the highest version among those of the series. 6.1 is not 6.12.
fn choose<'a>(series: &str, names: &'a [String]) -> Option<&'a str> {
    names
        .iter()
        .filter(|name| {
            name.strip_prefix("vmlinuz-")
                .and_then(|version| version.strip_prefix(series))
                .is_some_and(|rest| rest.starts_with(['.', '-']))
        })
        .max_by_key(|name| numbers(name))
        .map(String::as_str)
}

/// The numbers in a name, so that 6.1.0-9 comes before 6.1.0-10.
pub(super) fn numbers(name: &str) -> Vec<u64> {
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_its_own_series() {
        let names = [
            "vmlinuz-6.1.0-9-amd64",
            "vmlinuz-6.1.0-56-amd64",
            "vmlinuz-6.12.117+deb12-amd64",
            "initrd.img-6.1.0-99-amd64",
        ]
        .map(str::to_owned);
        assert_eq!(choose("6.1", &names), Some("vmlinuz-6.1.0-56-amd64"));
        assert_eq!(choose("6.12", &names), Some("vmlinuz-6.12.117+deb12-amd64"));
        assert_eq!(choose("5.10", &names), None);
    }
}
