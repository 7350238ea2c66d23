//! What is of use in a script that an entry runs, worked out once, however many entries name it.

use std::rc::Rc;

use super::MOST_NAMES;
use crate::activity::names_in;
use crate::redact;
use crate::role::text_runs_backup;

/// Gives a script by its path; `None` where it is not read.
pub type Scripts<'a> = &'a dyn Fn(&str) -> Option<Rc<Script>>;

/// A script without its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Names of the programs in it, at most [`MOST_NAMES`].
    pub(super) names: Vec<String>,
    /// Whether it looks like a backup.
    pub(super) backup: bool,
}

impl Script {
    /// By its text.
    pub fn new(text: &str) -> Self {
        // A name is never made of a password, shown or not.
        let mut names = names_in(&redact::shell_text(text, false));
        names.truncate(MOST_NAMES);
        Self { names, backup: text_runs_backup(text) }
    }
}
