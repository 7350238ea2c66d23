//! Builds the binary and runs it.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Nobody: a user without any right.
pub(crate) const NOBODY: u32 = 65_534;

/// The binary, built if need be: `cargo test` builds the tests of its package, but not the program itself.
pub(crate) fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    // Another build: to see that a test fails without what it is for.
    let given = || std::env::var_os("IOCONTEND_TEST_PROGRAM").map(PathBuf::from);
    PATH.get_or_init(|| given().unwrap_or_else(build))
}

/// In the profile of these tests, and with the features of the whole workspace, so that little is left to build.
fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--workspace", "--bin", "iocontend", "--message-format=json"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo, to build the binary under test");
    assert!(output.status.success(), "cannot build iocontend: {}", output.status);
    let executable = |line: &str| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message["executable"].as_str()?))
    };
    let messages = String::from_utf8(output.stdout).expect("cargo's messages");
    messages.lines().find_map(executable).expect("the name of the executable from cargo")
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
        Run::of(output_when_free(&mut command))
    }
}

/// Another test that forks at this moment holds our copy open for writing until its child is another program.
fn output_when_free(command: &mut Command) -> Output {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match command.output() {
            Err(error)
                if error.kind() == ErrorKind::ExecutableFileBusy && Instant::now() < deadline =>
            {
                std::thread::yield_now();
            }
            output => return output.unwrap(),
        }
    }
}
