//! Owns lists of packages of other suites than the host's own, which stay as they are. Where the archive is stands in the
//! host's already.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{LOCK_WAIT, apt_get};
use crate::run;

/// The keys that Debian signs all suites with; without the file apt's own keys are asked.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Lists of some suites, fetched.
pub(crate) struct Lists {
    options: Vec<String>,
}

impl Lists {
    /// Fetches the lists of suites of the archive that this host's packages come from. They are kept below `name`.
    pub(crate) fn of(name: &str, suites: &[&str]) -> Result<Self> {
        let archive = archive()?;
        let folder = run::target_dir()?.join("apt").join(name);
        std::fs::create_dir_all(folder.join("lists/partial"))
            .with_context(|| format!("making {}", folder.display()))?;
        let list = folder.join("sources.list");
        std::fs::write(&list, sources(&archive, suites, Path::new(KEYS).exists()))
            .with_context(|| format!("writing {}", list.display()))?;
        let options = [
            format!("Dir::Etc::sourcelist={}", list.display()),
            "Dir::Etc::sourceparts=-".to_owned(),
            format!("Dir::State::Lists={}", folder.join("lists").display()),
            // The host's caches are of the host's lists.
            "Dir::Cache::pkgcache=".to_owned(),
            "Dir::Cache::srcpkgcache=".to_owned(),
        ];
        let lists = Self { options: options.into() };
        lists.get(&["update"])?;
        Ok(lists)
    }

    /// `apt-get` with these lists.
    pub(crate) fn get(&self, words: &[&str]) -> Result<()> {
        run::run(self.asks(apt_get()?).args(words))
    }

    /// Names of packages that begin so.
    pub(crate) fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let said = run::output(self.asks(Command::new("apt-cache")).args(["pkgnames", prefix]))?;
        Ok(said.lines().map(str::to_owned).collect())
    }

    /// Downloads a package into an empty folder, and says where it is.
    pub(crate) fn download(&self, package: &str, folder: &Path) -> Result<PathBuf> {
        let mut command = self.asks(Command::new("apt-get"));
        // apt would download as a user of its own, who may not write there.
        command.args(["-o", "APT::Sandbox::User=root", "download", package]);
        run::run(command.current_dir(folder))?;
        let entries = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
        let begin = format!("{package}_");
        let file = entries.iter().map(std::fs::DirEntry::path).find(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&begin))
        });
        file.with_context(|| format!("apt-get left no {package} in {}", folder.display()))
    }

    fn asks(&self, mut command: Command) -> Command {
        for option in &self.options {
            command.args(["-o", option]);
        }
        command
    }
}

/// Where this host gets its release's packages.
fn archive() -> Result<String> {
    let format = "$(REPO_URI) $(RELEASE) $(ORIGIN)";
    let targets = run::output(Command::new("apt-get").args([
        "-o",
        LOCK_WAIT,
        "indextargets",
        "--format",
        format,
        "Created-By: Packages",
    ]))?;
    let codename = codename()?;
    match of_release(&targets, &codename) {
        Some(archive) => Ok(archive.to_owned()),
        None => bail!("apt's sources have no suite `{codename}` of Debian's"),
    }
}

/// What this host's release is called.
pub(crate) fn codename() -> Result<String> {
    let release = std::fs::read_to_string("/etc/os-release").context("reading /etc/os-release")?;
    codename_in(&release).map(str::to_owned).context("/etc/os-release has no VERSION_CODENAME")
}

fn codename_in(os_release: &str) -> Option<&str> {
    let line = os_release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(line.trim_matches('"'))
}

fn of_release<'a>(targets: &'a str, codename: &str) -> Option<&'a str> {
    targets.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (archive, release, origin) = (words.next()?, words.next()?, words.next()?);
        (release == codename && origin == "Debian").then_some(archive)
    })
}

fn sources(archive: &str, suites: &[&str], has_keys: bool) -> String {
    let keys = if has_keys { format!("[signed-by={KEYS}] ") } else { String::new() };
    let line = |suite: &&str| format!("deb {keys}{archive} {suite} main\n");
    suites.iter().map(line).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Property: the archive is the one of this release, not its updates' nor somebody else's.
    #[test]
    fn the_archive_is_the_releases_own() {
        let targets = "http://a/other/ stable Elsewhere\nhttp://b/debian/ bookworm-updates Debian\n\
            http://c/debian/ bookworm Debian\n";
        assert_eq!(of_release(targets, "bookworm"), Some("http://c/debian/"));
        assert_eq!(of_release(targets, "trixie"), None);
        assert_eq!(codename_in("ID=debian\nVERSION_CODENAME=bookworm\n"), Some("bookworm"));
    }

    // Property: every suite is asked, with the keys where they are.
    #[test]
    fn all_suites_are_asked() {
        let suites = ["bookworm-backports", "bookworm"];
        assert_eq!(
            sources("http://c/debian/", &suites, false),
            "deb http://c/debian/ bookworm-backports main\ndeb http://c/debian/ bookworm main\n"
        );
        assert!(sources("http://c/", &suites, true).contains("[signed-by=/"));
    }
}
