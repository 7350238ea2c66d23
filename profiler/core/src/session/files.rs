//! What file ids mean.

use std::collections::HashMap;

/// Paths by file id.
#[derive(Default)]
pub(super) struct Files {
    paths: HashMap<u32, Option<String>>,
}

impl Files {
    /// Whether this id was not seen before; from now on it was.
    pub(super) fn is_new(&mut self, id: u32) -> bool {
        let mut new = false;
        self.paths.entry(id).or_insert_with(|| {
            new = true;
            None
        });
        new
    }

    /// The edge has looked.
    pub(super) fn resolved(&mut self, id: u32, path: Option<String>) {
        let known = self.paths.entry(id).or_default();
        // A path that was found once is not lost because the file is gone now.
        if path.is_some() {
            *known = path;
        }
    }

    /// The path of a file, if it was found.
    pub(super) fn path(&self, id: u32) -> Option<&str> {
        self.paths.get(&id)?.as_deref()
    }
}
