//! The documents can be found: every page stands in an index, every link leads somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiler/docs").canonicalize().unwrap()
}

/// Markdown pages of a folder, not of those below it.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// Files that a page links to, as they are written, without anchors and addresses elsewhere.
fn links(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let inside = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = inside.map(|link| link.split('#').next().unwrap_or_default().to_owned());
    files.filter(|file| !file.is_empty() && !file.contains("://")).collect()
}

fn linked(index: &Path) -> BTreeSet<PathBuf> {
    let folder = index.parent().unwrap();
    links(index).iter().filter_map(|link| folder.join(link).canonicalize().ok()).collect()
}

// Property: a page that is in no index is found by nobody.
#[test]
fn every_page_is_in_an_index() {
    for folder in [docs(), docs().join("decisions")] {
        let index = folder.join("README.md");
        let known = linked(&index);
        let missing: Vec<_> = pages(&folder)
            .into_iter()
            .filter(|page| *page != index && !known.contains(page))
            .collect();
        assert!(missing.is_empty(), "not in {}: {missing:?}", index.display());
    }
    let results = pages(&docs().join("results"));
    assert!(!results.is_empty());
    let mut known = linked(&docs().join("lab.md"));
    known.extend(linked(&docs().join("developing.md")));
    let missing: Vec<_> = results.iter().filter(|page| !known.contains(*page)).collect();
    assert!(missing.is_empty(), "neither in lab.md nor in developing.md: {missing:?}");
}

// Property: a link to a file of this repository leads to one.
#[test]
fn links_lead_somewhere() {
    let folders = [docs(), docs().join("decisions"), docs().join("results")];
    let mut seen = 0;
    for page in folders.iter().flat_map(|folder| pages(folder)) {
        for link in links(&page) {
            seen += 1;
            let target = page.parent().unwrap().join(&link);
            assert!(target.exists(), "{} links to {link}", page.display());
        }
    }
    assert!(seen > 50, "{seen}");
}
