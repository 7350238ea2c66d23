//! Reading files below a root, so many and so large at most; what could not be read is kept as problems.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use iocontend_core::schedule::{Problem, Trouble};

use super::{LARGEST, MOST_FILES, MOST_READ};

/// Files below a root.
pub(super) struct Files {
    root: PathBuf,
    read: Cell<usize>,
    problems: RefCell<Vec<Problem>>,
}

impl Files {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), read: Cell::new(0), problems: RefCell::default() }
    }

    /// What could not be read.
    pub(super) fn problems(&self) -> Vec<Problem> {
        self.problems.take()
    }

    fn below(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn problem(&self, path: &str, what: Trouble) {
        self.problems.borrow_mut().push(Problem::new(path, what));
    }

    pub(super) fn is_there(&self, path: &str) -> bool {
        self.below(path).exists()
    }

    /// The bytes of a file; `None` where there is none or it cannot be read.
    pub(super) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        if self.read.get() >= MOST_READ {
            self.problem(path, Trouble::TooLarge);
            return None;
        }
        self.read.set(self.read.get() + 1);
        match read(&self.below(path)) {
            Ok(Some(bytes)) if bytes.len() as u64 > LARGEST => {
                self.problem(path, Trouble::TooLarge);
                None
            }
            Ok(bytes) => bytes,
            Err(error) if is_absence(error.kind()) => None,
            Err(_) => {
                self.problem(path, Trouble::Unreadable);
                None
            }
        }
    }

    /// The text of a file; bytes that are not UTF-8 become U+FFFD.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        self.bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The text of a script: a text file that says who runs it. What cannot be read is no problem: it is only looked
    /// at for what is in it.
    pub(super) fn script(&self, path: &str) -> Option<String> {
        let bytes = read(&self.below(path)).ok().flatten()?;
        let is_script = bytes.starts_with(b"#!") && bytes.len() as u64 <= LARGEST;
        is_script.then(|| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Names in a folder, in order; none where there is no folder.
    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        let entries = match std::fs::read_dir(self.below(folder)) {
            Ok(entries) => entries,
            Err(error) => {
                if !is_absence(error.kind()) {
                    self.problem(folder, Trouble::Unreadable);
                }
                return Vec::new();
            }
        };
        let mut names: Vec<String> = entries
            .flatten()
            .take(MOST_FILES + 1)
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        if names.len() > MOST_FILES {
            names.truncate(MOST_FILES);
            self.problem(folder, Trouble::TooLarge);
        }
        names.sort_unstable();
        names
    }

    /// Names in a folder that may be files, with their paths.
    pub(super) fn files(&self, folder: &str) -> Vec<(String, String)> {
        let with_path = |name: String| {
            let path = format!("{}/{name}", folder.trim_end_matches('/'));
            (name, path)
        };
        let files = self.names(folder).into_iter().map(with_path);
        files.filter(|(_, path)| !self.below(path).is_dir()).collect()
    }
}

/// `None` for what is no plain file: a pipe would never end.
fn read(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    if !std::fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Whether a name has one of these ends, in this case: what reads these files asks for it too.
pub(super) fn ends_in(name: &str, ends: &[&str]) -> bool {
    ends.iter().any(|end| name.ends_with(end))
}

fn is_absence(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}
