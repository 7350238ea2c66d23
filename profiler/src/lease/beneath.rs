//! Files below a folder that no name can lead out of.
//!
//! `openat2(2)` resolves every name in the kernel with `RESOLVE_BENEATH`: no `..`, no link and no other mount leads out, whoever
//! renames or links what meanwhile. So a name is not checked first and opened later.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Dir, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

/// More than any file here holds; `io.max` has a line for each disk.
const LIMIT: usize = 1 << 20;

/// A folder held open.
pub(super) struct Folder {
    fd: OwnedFd,
    resolve: ResolveFlags,
}

impl Folder {
    /// A folder in which links are not followed at all.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat(CWD, path, flags, Mode::empty())?;
        let resolve = ResolveFlags::BENEATH
            | ResolveFlags::NO_XDEV
            | ResolveFlags::NO_MAGICLINKS
            | ResolveFlags::NO_SYMLINKS;
        Ok(Self { fd, resolve })
    }

    /// The same with links that stay in it, which is what `/sys/block` is made of.
    pub(super) fn with_inner_links(mut self) -> Self {
        self.resolve = self.resolve.difference(ResolveFlags::NO_SYMLINKS);
        self
    }

    /// A folder below, held open as well; `None` when it is not there.
    pub(super) fn folder(&self, name: &str) -> io::Result<Option<Self>> {
        match self.resolved(name, OFlags::PATH | OFlags::DIRECTORY) {
            Ok(fd) => Ok(Some(Self { fd, resolve: self.resolve })),
            Err(error) if is_gone(error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Its inode.
    pub(super) fn inode(&self) -> io::Result<u64> {
        Ok(fstat(&self.fd)?.st_ino)
    }

    /// A file's text; `None` when it is not there.
    pub(super) fn read(&self, name: &str) -> io::Result<Option<String>> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        let fd = match self.file(name, OFlags::RDONLY) {
            Ok(fd) => fd,
            Err(error) if is_gone(error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        while bytes.len() < LIMIT {
            match rustix::io::read(&fd, &mut chunk) {
                Ok(0) => break,
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(Errno::INTR) => {}
                // A cgroup that was removed while its file was open.
                Err(error) if is_gone(error) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        let text = String::from_utf8(bytes);
        text.map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Names of the files in a folder below; none when it is not there.
    pub(super) fn names(&self, name: &str) -> io::Result<Vec<String>> {
        let fd = match self.file(name, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(fd) => fd,
            Err(error) if is_gone(error) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut names = Vec::new();
        for entry in Dir::read_from(&fd)? {
            let entry = entry?;
            let name = entry.file_name().to_str().ok();
            names.extend(name.filter(|name| !matches!(*name, "." | "..")).map(str::to_owned));
        }
        Ok(names)
    }

    /// Writes a file that is there, in one call: such files take a value per call. One that is gone meanwhile is no error;
    /// the next look tells.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        // What a shell's `>` does: these file systems ignore the truncation.
        let fd = match self.file(name, OFlags::WRONLY | OFlags::TRUNC) {
            Ok(fd) => fd,
            Err(error) if is_gone(error) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        loop {
            match rustix::io::write(&fd, text.as_bytes()) {
                Ok(count) if count == text.len() => return Ok(()),
                Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn file(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        self.resolved(name, flags | OFlags::NOCTTY)
    }

    fn resolved(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        loop {
            match openat2(&self.fd, name, flags | OFlags::CLOEXEC, Mode::empty(), self.resolve) {
                // Something was renamed meanwhile, and the kernel could not be sure.
                Err(Errno::AGAIN | Errno::INTR) => {}
                other => return other,
            }
        }
    }
}

fn is_gone(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::NODEV | Errno::NOTDIR)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_name_leads_out() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner");
        std::fs::create_dir_all(inner.join("sub")).unwrap();
        std::fs::write(outer.path().join("secret"), "no").unwrap();
        std::fs::write(inner.join("value"), "1").unwrap();
        symlink("../secret", inner.join("out")).unwrap();
        symlink(outer.path().join("secret"), inner.join("absolute")).unwrap();
        symlink("../value", inner.join("sub/within")).unwrap();
        let strict = Folder::open(&inner).unwrap();
        let linked = Folder::open(&inner).unwrap().with_inner_links();
        for name in ["../secret", "sub/../../secret", "/etc/hostname", "out", "absolute"] {
            assert!(strict.read(name).is_err(), "{name}");
            assert!(linked.read(name).is_err(), "{name}");
            assert!(linked.write(name, "x").is_err(), "{name}");
        }
        assert!(strict.read("sub/within").is_err());
        assert_eq!(linked.read("sub/within").unwrap().as_deref(), Some("1"));
        assert_eq!(strict.read("absent").unwrap(), None);
        strict.write("value", "2").unwrap();
        assert_eq!(strict.read("value").unwrap().as_deref(), Some("2"));
        assert_eq!(strict.names("absent").unwrap(), [""; 0]);
        assert!(strict.names("..").is_err() && linked.names("sub/../..").is_err());
        std::fs::write(inner.join("sub/second"), "1").unwrap();
        let mut names = strict.names("sub").unwrap();
        names.sort();
        assert_eq!(names, ["second", "within"]);
        strict.write("absent", "2").unwrap();
        assert!(!inner.join("absent").exists());
    }
}
