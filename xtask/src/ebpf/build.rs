//! Owns one build of the kernel object: flags, remapped paths, stripping, and a look at the result.
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use iocontend_wire::programs;

use super::toolchain::{Toolchain, clean};
use crate::run;

const TARGET: &str = "bpfel-unknown-none";
const BIN: &str = "iocontend-ebpf";

/// What cargo is told. Part of the source hash: another flag is another object.
const CARGO_ARGS: [&str; 12] = [
    "build",
    "--locked",
    "--release",
    "-Zbuild-std=core",
    "--target",
    TARGET,
    "--package",
    BIN,
    "--bin",
    BIN,
    "--features",
    "kernel",
];

/// What clippy is told instead of `build`, before and after the same arguments.
const LINT: &str = "clippy";
const LINTS: [&str; 3] = ["--", "-D", "warnings"];

/// What rustc is told, beside the remapped paths. Debug information is what BTF is made from;
/// it is stripped afterwards. CPU v3 has 32-bit jumps and ALU instructions (Linux 5.1).
const RUSTFLAGS: [&str; 3] = ["-Cdebuginfo=2", "-Clink-arg=--btf", "-Ctarget-cpu=v3"];

/// The workspace's release profile is for the binary people run; none of it serves here.
const PROFILE: [(&str, &str); 8] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "2"),
    ("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "false"),
    ("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "false"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_STRIP", "none"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
];

/// What objcopy is told: debug information has become BTF, and BTF's relocations repeat what its
/// fields already hold; loaders do not read them.
const OBJCOPY: [&str; 3] =
    ["--strip-debug", "--remove-section=.rel.BTF", "--remove-section=.rel.BTF.ext"];

/// A built and stripped object.
pub(super) struct Built {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    /// How many programs and maps it has, for people.
    pub(super) contents: String,
}

/// Every setting that decides the bytes, in a form that knows no folder.
pub(super) fn flags() -> Vec<String> {
    let profile = PROFILE.iter().map(|(key, value)| format!("{key}={value}"));
    let list = CARGO_ARGS.iter().chain(&RUSTFLAGS).chain(&OBJCOPY).map(|flag| (*flag).to_owned());
    list.chain(profile).collect()
}

pub(super) fn object(workspace: &Path, tools: &Toolchain) -> Result<Built> {
    let target_dir = target_dir()?;
    run::run(cargo(&tools.cargo, workspace, tools)?.args(CARGO_ARGS))?;

    let linked = target_dir.join(TARGET).join("release").join(BIN);
    let path = target_dir.join("iocontend.bpf.o");
    run::run(clean(&tools.objcopy).args(OBJCOPY).arg(&linked).arg(&path))?;
    let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let contents = inspect(&bytes).with_context(|| format!("in {}", path.display()))?;
    reject_folders(&bytes, &remaps(workspace, &target_dir, tools)?)?;
    Ok(Built { path, bytes, contents })
}

/// Lints what the object is built from. `clippy` is the `cargo-clippy` beside the compiler.
pub(super) fn lint(workspace: &Path, tools: &Toolchain, clippy: &Path) -> Result<()> {
    let mut command = cargo(clippy, workspace, tools)?;
    // Called directly, it takes its own name first, as cargo itself would pass it on.
    run::run(command.arg(LINT).args(&CARGO_ARGS[1..]).args(LINTS))
}

/// Apart from the workspace's: another compiler works here.
fn target_dir() -> Result<PathBuf> {
    Ok(run::target_dir()?.join("bpf"))
}

/// Cargo, or what takes its arguments, with all that both need: the same flags, so that neither displaces the other's results.
fn cargo(program: &Path, workspace: &Path, tools: &Toolchain) -> Result<Command> {
    let target_dir = target_dir()?;
    let remaps = remaps(workspace, &target_dir, tools)?;
    let mut command = clean(program);
    command
        .current_dir(workspace)
        .envs(PROFILE)
        .env("CARGO_TARGET_DIR", &target_dir)
        // Debian's compiler is a stable one; building core for a new target is a nightly feature.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO", &tools.cargo)
        .env("RUSTC", &tools.rustc)
        // An empty wrapper switches off one that a configuration file asks for.
        .env("RUSTC_WRAPPER", "")
        .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", &tools.linker)
        .env("CARGO_ENCODED_RUSTFLAGS", encoded(&remaps));
    Ok(command)
}

/// Folders of this machine and what stands for them in the object. BTF line information names the
/// source files; where a named file exists its lines are copied in as well, so the names must be
/// ones that exist nowhere.
fn remaps(workspace: &Path, target: &Path, tools: &Toolchain) -> Result<Vec<(PathBuf, String)>> {
    let home = run::cargo_home()?;
    let library = tools.sysroot.join("lib/rustlib/src/rust");
    // The last match wins, so what may contain another comes first.
    let mut list = vec![
        (workspace.to_path_buf(), "/iocontend".to_owned()),
        (target.to_path_buf(), "/iocontend/target".to_owned()),
        (home.clone(), "/cargo".to_owned()),
    ];
    // One folder per registry, named after its host: a mirror must give the same bytes.
    for dir in std::fs::read_dir(home.join("registry/src")).into_iter().flatten() {
        list.push((dir?.path(), "/crates".to_owned()));
    }
    if let Ok(real) = library.canonicalize() {
        list.push((real, "/rust".to_owned()));
    }
    list.push((library, "/rust".to_owned()));
    Ok(list)
}

/// Flags as cargo takes them when they may contain blanks: separated by the unit separator.
fn encoded(remaps: &[(PathBuf, String)]) -> OsString {
    let mut flags = OsString::from(RUSTFLAGS.join("\u{1f}"));
    for (from, to) in remaps {
        flags.push("\u{1f}--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    flags
}

/// The loader's own parser must take the object, with programs in it and BTF kept.
fn inspect(bytes: &[u8]) -> Result<String> {
    let object = aya_obj::Object::parse(bytes).context("the loader cannot read the object")?;
    let mut here: Vec<&str> = object.programs.keys().map(String::as_str).collect();
    here.sort_unstable();
    let mut named = programs::ALL.to_vec();
    named.sort_unstable();
    if here != named {
        bail!("it has the programs {here:?}, and the wire types name {named:?}");
    }
    if object.btf.is_none() || object.btf_ext.is_none() {
        bail!("it has no BTF: bpf-linker was not given --btf, or stripping took it");
    }
    Ok(format!("{} programs, {} maps", object.programs.len(), object.maps.len()))
}

/// A folder of this machine in the object would make its bytes depend on the machine.
fn reject_folders(bytes: &[u8], remaps: &[(PathBuf, String)]) -> Result<()> {
    for (folder, _) in remaps {
        let needle = folder.as_os_str().as_encoded_bytes();
        if bytes.windows(needle.len()).any(|window| window == needle) {
            bail!(
                "the object contains {}: a path escaped --remap-path-prefix, so its bytes depend \
                 on where it is built",
                folder.display()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_in_the_object_are_refused() {
        let remaps = [(PathBuf::from("/some/where"), "/x".to_owned())];
        assert!(reject_folders(b"..../x/main.rs", &remaps).is_ok());
        let error = reject_folders(b"../some/where/main.rs", &remaps).unwrap_err().to_string();
        assert!(error.contains("/some/where"), "{error}");
    }

    #[test]
    fn the_committed_object_has_the_programs_that_the_wire_types_name() {
        let object = std::fs::read(run::workspace().join(super::super::OBJECT)).unwrap();
        let contents = inspect(&object).unwrap();
        assert!(contents.starts_with(&format!("{} programs", programs::ALL.len())), "{contents}");
    }

    #[test]
    fn flags_name_no_folder() {
        assert!(flags().iter().all(|flag| !flag.contains('/')), "{:?}", flags());
    }
}
