//! Owns the record beside the kernel object: what it was built from, with what, and what came out.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::build;
use super::toolchain::{Toolchain, Versions};
use crate::run;

/// The package whose dependencies count.
const PACKAGE: &str = "iocontend-ebpf";

#[derive(Serialize, Deserialize)]
pub(super) struct Provenance {
    pub(super) object_sha256: String,
    pub(super) object_bytes: usize,
    /// Over the files, crates and flags below.
    pub(super) source_sha256: String,
    /// SHA-256 of every source file, by its path below the workspace.
    files: BTreeMap<String, String>,
    /// The locked crates that are compiled into the object, and the macros that write parts of it.
    crates: BTreeSet<String>,
    flags: Vec<String>,
    pub(super) toolchain: Versions,
}

impl Provenance {
    pub(super) fn new(tools: &Toolchain, sources: &Sources, object: &[u8]) -> Self {
        Self {
            object_sha256: run::sha256(object),
            object_bytes: object.len(),
            source_sha256: sources.sha256.clone(),
            files: sources.files.clone(),
            crates: sources.crates.clone(),
            flags: sources.flags.clone(),
            toolchain: tools.versions.clone(),
        }
    }

    pub(super) fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is not valid", path.display()))
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).context("writing the provenance")?;
        text.push('\n');
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    }
}

/// What the object is built from.
pub(super) struct Sources {
    files: BTreeMap<String, String>,
    crates: BTreeSet<String>,
    flags: Vec<String>,
    pub(super) sha256: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    edition: String,
    /// Absent for a crate of this workspace.
    source: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dep>,
}

#[derive(Deserialize)]
struct Dep {
    pkg: String,
    dep_kinds: Vec<DepKind>,
}

#[derive(Deserialize)]
struct DepKind {
    kind: Option<String>,
}

impl Sources {
    pub(super) fn read(workspace: &Path) -> Result<Self> {
        let text = run::output(
            run::cargo()
                .args(["metadata", "--locked", "--format-version", "1"])
                .args(["--filter-platform", "bpfel-unknown-none"]),
        )?;
        let metadata: Metadata =
            serde_json::from_str(&text).context("reading the answer of `cargo metadata`")?;
        let mut files = BTreeMap::new();
        let mut crates = BTreeSet::new();
        for package in closure(&metadata)? {
            crates.insert(format!(
                "{} {} (edition {})",
                package.name, package.version, package.edition
            ));
            if package.source.is_none() {
                let dir = package.manifest_path.parent().context("a manifest without a folder")?;
                hash_file(workspace, &package.manifest_path, &mut files)?;
                hash_folder(workspace, &dir.join("src"), &mut files)?;
            }
        }
        Ok(Self::new(files, crates, build::flags()))
    }

    fn new(files: BTreeMap<String, String>, crates: BTreeSet<String>, flags: Vec<String>) -> Self {
        let lines: Vec<String> = files
            .iter()
            .map(|(path, sum)| format!("file {path} {sum}\n"))
            .chain(crates.iter().map(|name| format!("crate {name}\n")))
            .chain(flags.iter().map(|flag| format!("flag {flag}\n")))
            .collect();
        let text = lines.concat();
        let sha256 = run::sha256(text.as_bytes());
        Self { files, crates, flags, sha256 }
    }

    /// In one line, what differs from the source of the committed object.
    pub(super) fn difference(&self, committed: &Provenance) -> String {
        let paths: BTreeSet<&String> = self.files.keys().chain(committed.files.keys()).collect();
        let mut changed: Vec<String> = paths
            .into_iter()
            .filter(|path| self.files.get(*path) != committed.files.get(*path))
            .cloned()
            .collect();
        changed.extend(self.crates.symmetric_difference(&committed.crates).cloned());
        if self.flags != committed.flags {
            changed.push("the build flags".to_owned());
        }
        format!("changed since it was built: {}", changed.join(", "))
    }
}

/// The package and what is compiled into it. Build scripts only set cfgs, and a macro's own
/// dependencies change often without changing what it writes: neither is followed. Should one of
/// them matter after all, the comparison of bytes tells.
fn closure(metadata: &Metadata) -> Result<Vec<&Package>> {
    let packages: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let root = metadata
        .packages
        .iter()
        .find(|package| package.name == PACKAGE && package.source.is_none())
        .with_context(|| format!("the workspace has no package {PACKAGE}"))?;
    let mut todo = vec![root.id.as_str()];
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    while let Some(id) = todo.pop() {
        if !seen.insert(id) {
            continue;
        }
        let package = *packages.get(id).with_context(|| format!("no package {id}"))?;
        found.push(package);
        let is_macro =
            package.targets.iter().any(|target| target.kind.iter().any(|k| k == "proc-macro"));
        let node = nodes.get(id).filter(|_| !is_macro);
        todo.extend(
            node.iter()
                .flat_map(|node| &node.deps)
                .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind.is_none()))
                .map(|dep| dep.pkg.as_str()),
        );
    }
    Ok(found)
}

fn hash_folder(root: &Path, dir: &Path, files: &mut BTreeMap<String, String>) -> Result<()> {
    let entries =
        std::fs::read_dir(dir).with_context(|| format!("reading the folder {}", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            hash_folder(root, &path, files)?;
        } else {
            hash_file(root, &path, files)?;
        }
    }
    Ok(())
}

fn hash_file(root: &Path, path: &Path, files: &mut BTreeMap<String, String>) -> Result<()> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    files.insert(name, run::sha256(&bytes));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_ours_and_the_crates_are_the_kernel_sides() {
        let sources = Sources::read(&run::workspace()).unwrap();
        assert!(sources.files.contains_key("profiler-ebpf/wire/src/lib.rs"));
        assert!(sources.crates.iter().any(|name| name.starts_with("aya-ebpf 0.2")));
        let host_only = ["proptest", "bytemuck", "syn", "anyhow"];
        assert!(
            !sources.crates.iter().any(|name| host_only.iter().any(|h| name.starts_with(h))),
            "{:?}",
            sources.crates
        );
    }

    #[test]
    fn every_kind_of_input_changes_the_hash() {
        let files = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let crates = BTreeSet::from(["c 1".to_owned()]);
        let flags = vec!["f".to_owned()];
        let base = Sources::new(files.clone(), crates.clone(), flags.clone()).sha256;
        assert_ne!(Sources::new(BTreeMap::new(), crates.clone(), flags.clone()).sha256, base);
        assert_ne!(Sources::new(files.clone(), BTreeSet::new(), flags).sha256, base);
        assert_ne!(Sources::new(files, crates, Vec::new()).sha256, base);
    }
}
