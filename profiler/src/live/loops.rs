//! Keeps the kernel side's table of loop devices up to date: they come and go while watching goes on.

use iocontend_core::report::Note;
use iocontend_core::session::Input;

use super::{Live, now};
use crate::host;

/// How often to look. IO below a device that came since the last look is its worker's.
const PERIOD_NS: u64 = 1_000_000_000;

/// What was seen at the last look.
#[derive(Default)]
pub(super) struct Loops {
    due_ns: u64,
    seen: Vec<(String, String, String)>,
    told: bool,
}

impl Live {
    /// Looks for loop devices that came, went or have another file, when it is time.
    pub(super) fn look_for_loops(&mut self) {
        let at = now().mono_ns;
        if !self.probes.watches_loops || at < self.loops.due_ns {
            return;
        }
        self.loops.due_ns = at + PERIOD_NS;
        let seen = host::loop_files(&self.root);
        if seen == self.loops.seen {
            return;
        }
        self.loops.seen = seen;
        let untold = match self.probes.loops.set(&host::read_loops(&self.root)) {
            Ok(without_room) => without_room > 0,
            Err(_refused) => true,
        };
        if untold && !self.loops.told {
            self.loops.told = true;
            self.apply(Input::Note(Note::NoRoomForLoops));
        }
    }
}
