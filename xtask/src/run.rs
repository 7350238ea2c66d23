//! Owns how tasks find the workspace and run other programs: argument lists only, no shell strings.
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn workspace() -> PathBuf {
    // This crate's folder is directly below the workspace. The variable of the running cargo wins
    // over the one of compile time, so that a copied tree with a shared target folder finds itself.
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.parent().map_or(own.clone(), Path::to_path_buf)
}

/// The host's cargo: the one that started this task, where there is one.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace());
    command
}

/// The folder cargo builds into, as cargo itself sees it (`CARGO_TARGET_DIR` and configuration
/// files count).
pub(crate) fn target_dir() -> Result<PathBuf> {
    #[derive(serde::Deserialize)]
    struct Metadata {
        target_directory: PathBuf,
    }
    let text = output(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Metadata =
        serde_json::from_str(&text).context("reading the answer of `cargo metadata`")?;
    Ok(metadata.target_directory)
}

/// Runs a program with the terminal of the task; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    eprintln!("+ {}", display(command));
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`: is it installed?", program(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", display(command));
    }
    Ok(())
}

/// Runs a program and returns what it wrote to stdout, trimmed; anything but success is an error
/// that carries its stderr.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot start `{}`: is it installed?", program(command)))?;
    if !output.status.success() {
        bail!(
            "`{}` failed: {}\n{}",
            display(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let text = String::from_utf8(output.stdout)
        .with_context(|| format!("the output of `{}` is not UTF-8", display(command)))?;
    Ok(text.trim().to_owned())
}

/// The first of `names` that is an executable in one of the folders of `PATH` or in `extra`.
pub(crate) fn find(names: &[&str], extra: &[PathBuf]) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).chain(extra.iter().cloned()).collect();
    names.iter().flat_map(|name| dirs.iter().map(move |dir| dir.join(name))).find(|file| {
        file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    })
}

/// Where cargo keeps registries and installed programs.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("CARGO_HOME") {
        return Ok(PathBuf::from(dir));
    }
    let home = std::env::var_os("HOME").context("neither CARGO_HOME nor HOME is set: set one")?;
    Ok(Path::new(&home).join(".cargo"))
}

/// SHA-256 of `bytes` in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes);
    digits.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

/// The command as a person would type it; for reading only, never for a shell.
fn display(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_where_the_lock_file_is() {
        assert!(workspace().join("Cargo.lock").is_file());
    }

    #[test]
    fn sha256_is_the_published_one() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn find_looks_in_the_extra_folders_too() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a-program-nobody-has");
        std::fs::write(&file, "").unwrap();
        let dirs = [dir.path().to_path_buf()];
        assert_eq!(find(&["a-program-nobody-has"], &dirs), None, "not executable");
        run(Command::new("chmod").arg("755").arg(&file)).unwrap();
        assert_eq!(find(&["a-program-nobody-has"], &dirs), Some(file));
    }

    #[test]
    fn a_failing_program_names_itself_and_its_words() {
        let error = output(Command::new("ls").arg("/nowhere-at-all")).unwrap_err().to_string();
        assert!(error.contains("ls /nowhere-at-all") && error.contains("No such file"), "{error}");
    }
}
