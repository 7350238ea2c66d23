//! A host made of files in a temporary folder.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::HostRoot;

pub(crate) struct FakeHost {
    pub(crate) root: HostRoot,
    dir: tempfile::TempDir,
}

impl FakeHost {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let below = |name| dir.path().join(name);
        let root = HostRoot { proc: below("proc"), sys: below("sys"), cgroup: below("cgroup") };
        std::fs::create_dir_all(&root.proc).unwrap();
        std::fs::create_dir_all(&root.sys).unwrap();
        Self { root, dir }
    }

    /// Writes a file below the fake root, with its folders.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn link(&self, path: &str, target: impl AsRef<Path>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// A process with the given name bytes, start time and flags.
    pub(crate) fn process(&self, pid: u32, comm: &[u8], start: u64, flags: u64) {
        let mut stat = format!("{pid} (").into_bytes();
        stat.extend_from_slice(comm);
        let zeros = "0 ".repeat(12);
        stat.extend_from_slice(format!(") S 1 1 1 0 -1 {flags} {zeros}{start} 0 0\n").as_bytes());
        self.write(&format!("proc/{pid}/stat"), stat);
    }
}
