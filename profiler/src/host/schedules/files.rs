//! Reading files below a root, so many, so large and so long at most, and each once; what could not be read is kept as
//! problems.
//!
//! Everything that is opened goes through here and is counted here, scripts too. No name makes it wait (`host::tree`).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use iocontend_core::schedule::{Problem, Script, Trouble};
use rustix::io::Errno;

use super::progress::Progress;
use super::{LARGEST, MOST_BYTES, MOST_FILES, MOST_READ};
use crate::host::proc_dir::entries;
use crate::host::tree::Tree;

/// Files below a root.
pub(super) struct Files<'a> {
    tree: Option<Tree>,
    progress: &'a Progress,
    deadline: Instant,
    left: Cell<usize>,
    left_bytes: Cell<u64>,
    /// Why nothing more is read, once that was told.
    over: Cell<Option<Trouble>>,
    known: RefCell<HashMap<String, Result<Rc<Found>, Miss>>>,
    folders: RefCell<HashMap<String, Rc<[String]>>>,
    scripts: RefCell<HashMap<String, Option<Rc<Script>>>>,
}

/// A file's bytes and whose it is.
pub(super) struct Found {
    bytes: Vec<u8>,
    owner: u32,
    is_public: bool,
}

/// Why there are no bytes.
#[derive(Clone, Copy)]
enum Miss {
    /// Not there, or no file: that is no problem.
    Absent,
    Problem(Trouble),
    /// Told as such already.
    Over,
}

/// Whose words name a script: who wrote the file in which it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Author(u32);

impl Author {
    /// Units and folders that only root fills.
    pub(super) const ROOT: Self = Self(0);
}

impl Found {
    /// The text; bytes that are not UTF-8 become U+FFFD.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn author(&self) -> Author {
        Author(self.owner)
    }
}

impl<'a> Files<'a> {
    /// What is read goes below this root, and ends at this time.
    pub(super) fn new(root: &Path, deadline: Instant, progress: &'a Progress) -> Self {
        Self {
            tree: Tree::of_host(root).ok(),
            progress,
            deadline,
            left: Cell::new(MOST_READ),
            left_bytes: Cell::new(MOST_BYTES),
            over: Cell::new(None),
            known: RefCell::default(),
            folders: RefCell::default(),
            scripts: RefCell::default(),
        }
    }

    fn problem(&self, path: &str, what: Trouble) {
        self.progress.add(Vec::new(), vec![Problem::new(path, what)]);
    }

    /// Whether there is time left.
    pub(super) fn has_time(&self) -> bool {
        Instant::now() < self.deadline
    }

    /// Whether nothing more is read; the first path that is left out for it is told.
    fn is_over(&self, path: &str) -> bool {
        if self.over.get().is_none() {
            let used_up = self.left.get() == 0 || self.left_bytes.get() == 0;
            let over = if self.has_time() {
                used_up.then_some(Trouble::TooLarge)
            } else {
                Some(Trouble::Late)
            };
            let Some(why) = over else { return false };
            self.over.set(Some(why));
            self.problem(path, why);
        }
        true
    }

    pub(super) fn is_there(&self, path: &str) -> bool {
        !self.is_over(path)
            && self.tree.as_ref().is_some_and(|tree| tree.find(path.as_bytes()).is_ok())
    }

    pub(super) fn is_folder(&self, path: &str) -> bool {
        let find = |tree: &Tree| tree.find(path.as_bytes());
        self.tree.as_ref().is_some_and(|tree| find(tree).is_ok_and(|place| place.is_folder()))
    }

    /// A file; `None` where there is none or it cannot be read, which is told the first time.
    pub(super) fn file(&self, path: &str) -> Option<Rc<Found>> {
        let is_new = !self.known.borrow().contains_key(path);
        match self.look(path) {
            Ok(found) => Some(found),
            Err(Miss::Problem(what)) if is_new => {
                self.problem(path, what);
                None
            }
            Err(_) => None,
        }
    }

    /// The text of a file.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        self.file(path).map(|file| file.text())
    }

    /// A script: a text file that says who runs it. What cannot be read is no problem: it is only looked at for what is in
    /// it.
    ///
    /// Root reads it only where it tells something of what its author runs: a user's crontab runs nothing that this user
    /// cannot read.
    pub(super) fn script(&self, path: &str, named_by: Author) -> Option<Rc<Script>> {
        let found = self.look(path).ok()?;
        if !is_readable_by(named_by, found.owner, found.is_public) {
            return None;
        }
        if let Some(known) = self.scripts.borrow().get(path) {
            return known.clone();
        }
        let is_script = found.bytes.starts_with(b"#!");
        let script = is_script.then(|| Rc::new(Script::new(&found.text())));
        self.scripts.borrow_mut().insert(path.to_owned(), script.clone());
        script
    }

    fn look(&self, path: &str) -> Result<Rc<Found>, Miss> {
        if let Some(known) = self.known.borrow().get(path) {
            return known.clone();
        }
        if self.is_over(path) {
            return Err(Miss::Over);
        }
        self.left.set(self.left.get() - 1);
        self.progress.at(path);
        let found = self.read(path).map(Rc::new);
        self.known.borrow_mut().insert(path.to_owned(), found.clone());
        found
    }

    fn read(&self, path: &str) -> Result<Found, Miss> {
        let tree = self.tree.as_ref().ok_or(Miss::Absent)?;
        let place = tree.find(path.as_bytes()).map_err(missed)?;
        if !place.is_file() {
            return Err(Miss::Absent);
        }
        let most = LARGEST.min(self.left_bytes.get());
        let mut bytes = Vec::new();
        let read = place.open().map_err(missed)?.take(most + 1).read_to_end(&mut bytes);
        let length = read.map_err(|_error| Miss::Problem(Trouble::Unreadable))? as u64;
        self.left_bytes.set(self.left_bytes.get().saturating_sub(length));
        if length > most {
            return Err(Miss::Problem(Trouble::TooLarge));
        }
        Ok(Found { bytes, owner: place.owner(), is_public: place.is_public() })
    }

    /// Names in a folder, in order; none where there is no folder.
    pub(super) fn names(&self, folder: &str) -> Rc<[String]> {
        if let Some(known) = self.folders.borrow().get(folder) {
            return Rc::clone(known);
        }
        let names: Rc<[String]> = self.list(folder).into();
        self.folders.borrow_mut().insert(folder.to_owned(), Rc::clone(&names));
        names
    }

    fn list(&self, folder: &str) -> Vec<String> {
        if self.is_over(folder) {
            return Vec::new();
        }
        self.progress.at(folder);
        let Some(tree) = &self.tree else { return Vec::new() };
        let place = tree.find(folder.as_bytes());
        let opened = match place.and_then(|place| place.folder()) {
            Ok(opened) => opened,
            Err(error) => {
                if let Miss::Problem(what) = missed(error) {
                    self.problem(folder, what);
                }
                return Vec::new();
            }
        };
        let mut names: Vec<String> = entries(opened.as_fd())
            .take(MOST_FILES + 1)
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        if names.len() > MOST_FILES {
            names.truncate(MOST_FILES);
            self.problem(folder, Trouble::TooLarge);
        }
        names.sort_unstable();
        names
    }

    /// Names in a folder with their paths, folders too: what is no file has no text.
    pub(super) fn files(&self, folder: &str) -> Vec<(String, String)> {
        let with_path = |name: &String| {
            let path = format!("{}/{name}", folder.trim_end_matches('/'));
            (name.clone(), path)
        };
        self.names(folder).iter().map(with_path).collect()
    }
}

/// Root, and who runs this, read everything; others their own files and those that everybody may read.
fn is_readable_by(Author(reader): Author, owner: u32, is_public: bool) -> bool {
    let own = rustix::process::geteuid().as_raw();
    reader == 0 || reader == own || reader == owner || is_public
}

fn missed(error: Errno) -> Miss {
    match error {
        Errno::NOENT | Errno::NOTDIR => Miss::Absent,
        _ => Miss::Problem(Trouble::Unreadable),
    }
}

/// Whether a name has one of these ends, in this case: what reads these files asks for it too.
pub(super) fn ends_in(name: &str, ends: &[&str]) -> bool {
    ends.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Property: what a user's crontab names is read only where that user could read it.
    #[test]
    fn a_script_is_read_where_its_author_could() {
        let own = rustix::process::geteuid().as_raw();
        let [user, other] = [own + 1, own + 2];
        for (reader, owner, is_public, is_read) in [
            (0, other, false, true),
            (own, other, false, true),
            (user, user, false, true),
            (user, other, true, true),
            (user, other, false, false),
            (user, 0, false, false),
        ] {
            let case = (reader, owner, is_public);
            assert_eq!(is_readable_by(Author(reader), owner, is_public), is_read, "{case:?}");
        }
    }
}
