//! The modules of a crate, as its files and `mod` items make them, each with the names it has and the paths it uses.
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use syn::{Expr, Item, ItemMod, Lit, Meta};

use super::names::Names;
use super::order::Crate;
use super::uses::{self, Used, is_for_tests};

/// What the crate's root is called in findings.
pub(super) const ROOT: &str = "crate";

/// A module, inline ones too: these have their own names, and are part of their file for the order.
pub(super) struct Module {
    /// The module whose file this one stands in.
    pub(super) file: String,
    pub(super) parent: Option<usize>,
    /// The module that `crate` is here.
    pub(super) root: usize,
    pub(super) children: BTreeMap<String, usize>,
    pub(super) names: Names,
    source: PathBuf,
    used: Vec<Used>,
}

/// The modules of a crate; the first is its root.
pub(super) struct Tree {
    pub(super) modules: Vec<Module>,
    /// The name by which programs of the package use its library.
    pub(super) library: Option<String>,
}

/// A line of a file, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    file: PathBuf,
    line: usize,
    path: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.path)
    }
}

/// Uses between files' modules, each with the first place where it stands.
pub(super) type Edges = BTreeMap<(String, String), Place>;

/// Where a module is being read.
struct At<'a> {
    workspace: &'a Path,
    /// Its file, below the workspace.
    source: PathBuf,
    /// Where files of its children are.
    dir: PathBuf,
    /// The path that its file's module has.
    file: String,
    /// Its own path; empty for the root.
    path: Vec<String>,
    root: Option<usize>,
    parent: Option<usize>,
}

impl Tree {
    pub(super) fn read(workspace: &Path, one: &Crate) -> Result<Self> {
        let mut tree = Self { modules: Vec::new(), library: one.library.clone() };
        for (index, root) in one.roots.iter().enumerate() {
            let path = if index == 0 { Vec::new() } else { vec![stem(root)] };
            let file = path.first().cloned().unwrap_or_else(|| ROOT.to_owned());
            let dir = root.parent().unwrap_or(Path::new("")).to_path_buf();
            let source = root.clone();
            tree.file(&At { workspace, source, dir, file, path, root: None, parent: None })?;
        }
        Ok(tree)
    }

    /// Reads a module that has a file of its own.
    fn file(&mut self, at: &At<'_>) -> Result<usize> {
        let path = at.workspace.join(&at.source);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        let file = syn::parse_file(&text)
            .with_context(|| format!("{} cannot be parsed", at.source.display()))?;
        self.module(at, &file.items)
    }

    fn module(&mut self, at: &At<'_>, items: &[Item]) -> Result<usize> {
        let index = self.modules.len();
        let root = at.root.unwrap_or(index);
        let (names, used) = uses::of(items);
        self.modules.push(Module {
            file: at.file.clone(),
            parent: at.parent,
            root,
            children: BTreeMap::new(),
            names,
            source: at.source.clone(),
            used,
        });
        for item in items {
            if let Item::Mod(child) = item
                && !is_for_tests(&child.attrs)
            {
                let name = child.ident.to_string();
                let found = self.child(at, root, index, child)?;
                self.modules[index].children.insert(name, found);
            }
        }
        Ok(index)
    }

    fn child(&mut self, at: &At<'_>, root: usize, parent: usize, item: &ItemMod) -> Result<usize> {
        let name = item.ident.to_string();
        let mut path = at.path.clone();
        path.push(name.clone());
        let (root, parent) = (Some(root), Some(parent));
        let At { workspace, .. } = *at;
        if let Some((_, items)) = &item.content {
            let dir = at.dir.join(&name);
            let (source, file) = (at.source.clone(), at.file.clone());
            return self.module(&At { workspace, source, dir, file, path, root, parent }, items);
        }
        let (source, dir) = source_of(at, item)?;
        let file = path.join("::");
        self.file(&At { workspace, source, dir, file, path, root, parent })
    }

    /// The modules that have files, the root aside, which only says what there is.
    pub(super) fn files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = self.modules.iter().map(|module| module.file.as_str()).collect();
        files.sort_unstable();
        files.dedup();
        files.retain(|file| *file != ROOT);
        files
    }

    /// Which file's module uses which.
    pub(super) fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (index, module) in self.modules.iter().enumerate() {
            for used in &module.used {
                for target in self.resolve(index, used) {
                    let target = &self.modules[target].file;
                    if *target == module.file {
                        continue;
                    }
                    let place = Place {
                        file: module.source.clone(),
                        line: used.line,
                        path: used.to_string(),
                    };
                    edges.entry((module.file.clone(), target.clone())).or_insert(place);
                }
            }
        }
        edges
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The file of a `mod name;`, and the folder of its children's files.
fn source_of(at: &At<'_>, item: &ItemMod) -> Result<(PathBuf, PathBuf)> {
    let name = item.ident.to_string();
    if let Some(path) = path_attribute(item) {
        let beside = at.source.parent().unwrap_or(Path::new(""));
        let source = beside.join(path);
        let dir = source.parent().unwrap_or(Path::new("")).to_path_buf();
        return Ok((source, dir));
    }
    let dir = at.dir.join(&name);
    let candidates = [at.dir.join(format!("{name}.rs")), dir.join("mod.rs")];
    let found = candidates.into_iter().find(|source| at.workspace.join(source).is_file());
    match found {
        Some(source) => Ok((source, dir)),
        None => bail!("{} has `mod {name};`, and there is no such file", at.source.display()),
    }
}

/// The file that `#[path = "…"]` names.
fn path_attribute(item: &ItemMod) -> Option<String> {
    item.attrs.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}
