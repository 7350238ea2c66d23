//! What the numbers of files mean.

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::HashMap;
use iocontend_wire::key::FILE_NUMBERS;

use crate::ids::FileClass;

/// Rows of so many files whose number was given back are kept one by one; of more, the oldest are put together by
/// class.
const FREED_LISTED: usize = 256;
/// Paths of so many of them are kept: a request may be late to finish.
const FREED_KNOWN: usize = 2048;
/// How many files are put together at a time: all rows are looked at for that.
const TOGETHER: usize = 64;

/// In place of a file's number: files of one class, put together.
pub(super) const fn together(class: FileClass) -> u32 {
    FILE_NUMBERS + class as u32
}

/// The class of files that were put together.
pub(super) fn class_together(file: u32) -> Option<FileClass> {
    FileClass::ALL.into_iter().find(|class| together(*class) == file)
}

/// Paths by number. Everything here is learnt.
#[derive(Clone, Default)]
pub(super) struct Files {
    paths: HashMap<u32, Option<Arc<str>>>,
    /// Numbers that were given back, the oldest first.
    freed: VecDeque<u32>,
    /// How many of these, from the front, were put together.
    together: usize,
}

impl Files {
    /// Whether this number was not seen before; from now on it was.
    pub(super) fn is_new(&mut self, number: u32) -> bool {
        let mut new = false;
        self.paths.entry(number).or_insert_with(|| {
            new = true;
            None
        });
        new
    }

    /// The edge has looked.
    pub(super) fn resolved(&mut self, number: u32, path: Option<String>) {
        let known = self.paths.entry(number).or_default();
        // A path that was found once is not lost because the file is gone now.
        if let Some(path) = path {
            *known = Some(path.into());
        }
    }

    /// No new request or wait gets this number (for a long time). Gives the numbers of the files that are to be put
    /// together now; what of them is forgotten afterwards is not known any more.
    pub(super) fn freed(&mut self, number: u32) -> Vec<u32> {
        self.freed.push_back(number);
        if self.freed.len() - self.together < FREED_LISTED + TOGETHER {
            return Vec::new();
        }
        let old = self.together;
        self.together = self.freed.len() - FREED_LISTED;
        // Those about to be forgotten once more: something may have come late.
        let due = |at: &usize| *at >= old || *at < TOGETHER;
        (0..self.together).filter(due).map(|at| self.freed[at]).collect()
    }

    /// After that: paths of files that ended long ago are forgotten.
    pub(super) fn forget_oldest(&mut self) {
        while self.freed.len() > FREED_KNOWN {
            let Some(number) = self.freed.pop_front() else { return };
            self.together = self.together.saturating_sub(1);
            self.paths.remove(&number);
        }
    }

    /// The path of a file, if it was found.
    pub(super) fn path(&self, number: u32) -> Option<&str> {
        self.paths.get(&number)?.as_deref()
    }

    /// How many paths are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.paths.len()
    }
}
