//! What was read so far, so that whoever waits for it can go on without the rest.

use std::sync::{Mutex, MutexGuard, PoisonError};

use iocontend_core::schedule::{Entry, Problem, Schedules, Trouble};

/// Schedules that grow while they are read.
#[derive(Default)]
pub(super) struct Progress(Mutex<State>);

#[derive(Default)]
struct State {
    schedules: Schedules,
    at: String,
}

impl Progress {
    /// The rules of the host's local time.
    pub(super) fn zone(&self, zone: Option<String>) {
        self.lock().schedules.zone = zone;
    }

    /// Takes in what a file gave.
    pub(super) fn add(&self, entries: Vec<Entry>, problems: Vec<Problem>) {
        self.lock().schedules.add(entries, problems);
    }

    /// This is what is looked at now.
    pub(super) fn at(&self, path: &str) {
        path.clone_into(&mut self.lock().at);
    }

    /// What there is; when nobody waits for the rest, what was looked at is told as late.
    pub(super) fn take(&self, is_complete: bool) -> Schedules {
        let State { mut schedules, at } = std::mem::take(&mut *self.lock());
        if !is_complete {
            schedules.add(Vec::new(), vec![Problem::new(at, Trouble::Late)]);
        }
        schedules
    }

    /// Each change is whole, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
