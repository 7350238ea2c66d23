//! What is set up stands in folders of TOML files, one for each, called as it is.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

/// What a file of a folder holds.
pub trait InFile: Clone {
    /// What people call one.
    const WHAT: &str;

    /// Reads one from text.
    fn parse(text: &str) -> Result<Self>;

    /// Its name, and its file's.
    fn name(&self) -> &str;
}

/// All of a folder, by name.
pub fn load_all<T: InFile>(folder: &Path) -> Result<Vec<T>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    ensure!(!paths.is_empty(), "no {} in {}", T::WHAT, folder.display());
    paths.iter().map(|path| load(path)).collect()
}

fn load<T: InFile>(path: &Path) -> Result<T> {
    let whole = || {
        let one = T::parse(&std::fs::read_to_string(path)?)?;
        let stem = path.file_stem().unwrap_or_default();
        ensure!(stem == one.name(), "it is called {} inside", one.name());
        Ok(one)
    };
    whole().with_context(|| path.display().to_string())
}

/// Those with these names, in the order of the names; all when no name is given.
pub fn choose<T: InFile>(all: Vec<T>, names: &[String]) -> Result<Vec<T>> {
    if names.is_empty() {
        return Ok(all);
    }
    let find = |name: &String| match all.iter().find(|one| one.name() == name) {
        Some(one) => Ok(one.clone()),
        None => bail!(
            "no {} `{name}`; there is: {}",
            T::WHAT,
            all.iter().map(InFile::name).collect::<Vec<_>>().join(" ")
        ),
    };
    names.iter().map(find).collect()
}
