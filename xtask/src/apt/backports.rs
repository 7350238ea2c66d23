//! Owns packages that the installed release has only in an old version: they come from its backports.
use anyhow::Result;

use super::lists::{Lists, codename};
use super::{available, version};

/// Installs a package in at least this major version where backports have it. Where they have not, or there is no apt,
/// what is installed stays, and it is said.
pub(crate) fn prefer(package: &str, major: u32) {
    let is_new = || version(package).and_then(|text| upstream_major(&text)) >= Some(major);
    if is_new() || !available() {
        return;
    }
    if let Err(error) = install(package) {
        eprintln!(
            "{package} {major} could not be had from backports, so what the release has is used: {error:#}"
        );
    } else if !is_new() {
        eprintln!("backports have no {package} {major}: what they have is used");
    }
}

fn install(package: &str) -> Result<()> {
    let codename = codename()?;
    let suite = format!("{codename}-backports");
    let lists = Lists::of("backports", &[&suite, &codename])?;
    lists.get(&["install", "--yes", "--no-install-recommends", "-t", &suite, package])
}

/// The first number of a Debian version, after its epoch: `1:7.2+dfsg-7` is 7.
fn upstream_major(version: &str) -> Option<u32> {
    let upstream = version.split_once(':').map_or(version, |(_, upstream)| upstream);
    upstream.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Property: the epoch is no part of a version.
    #[test]
    fn the_major_version_is_the_programs() {
        assert_eq!(upstream_major("1:7.2+dfsg-7+deb12u18+b3"), Some(7));
        assert_eq!(upstream_major("1:10.0.2+ds-2~bpo12+1"), Some(10));
        assert_eq!(upstream_major("6.12.1"), Some(6));
        assert_eq!(upstream_major("1:git"), None);
    }
}
