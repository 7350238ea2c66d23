//! Finds the binary that `cargo test --workspace` built and runs it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Nobody: a user without any right.
pub(crate) const NOBODY: u32 = 65_534;

/// `target/PROFILE/iocontend`, beside the folder of this test.
pub(crate) fn path() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let path = profile.join("iocontend");
    assert!(
        path.is_file(),
        "{} is missing: `cargo test --workspace` or `cargo build` builds it",
        path.display()
    );
    path
}

/// A run's end: exit code and texts.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Fails with everything that was said, unless it ended with this code and without a panic.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }
}

/// The binary with these arguments, its output not going anywhere yet.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(path());
    command.args(args).stdin(Stdio::null()).env("LANG", "C.UTF-8").env_remove("LC_ALL");
    command
}

/// Runs it to its end.
pub(crate) fn run(args: &[&str]) -> Run {
    Run::of(command(args).output().unwrap())
}

/// The binary where a user without rights can reach it.
pub(crate) struct Public {
    folder: tempfile::TempDir,
}

impl Public {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::copy(path(), folder.path().join("iocontend")).unwrap();
        Self { folder }
    }

    /// Runs it without rights, whoever runs the tests.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        let mut command = Command::new(self.folder.path().join("iocontend"));
        command.args(args).stdin(Stdio::null()).current_dir(self.folder.path());
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        Run::of(command.output().unwrap())
    }
}
