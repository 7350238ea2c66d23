//! What file ids mean.

use std::collections::HashMap;

use iocontend_wire::key::FILES;

/// Paths by file id.
#[derive(Default)]
pub(super) struct Files {
    paths: HashMap<u32, Option<String>>,
    /// Files whose id was given back, counted from [`FILES`] up.
    history: u32,
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

    /// The id is given to another file from now on; gives the number under which this one is kept.
    pub(super) fn freed(&mut self, id: u32) -> u32 {
        let history = FILES.saturating_add(self.history);
        self.history = self.history.saturating_add(1);
        if let Some(path) = self.paths.remove(&id) {
            self.paths.insert(history, path);
        }
        history
    }

    /// The path of a file, if it was found.
    pub(super) fn path(&self, id: u32) -> Option<&str> {
        self.paths.get(&id)?.as_deref()
    }
}
