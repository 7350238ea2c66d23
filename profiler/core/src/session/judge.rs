//! The last step of a report: who started whom, and what the rules say of all of it.

use super::books::Books;
use super::limits;
use crate::findings;
use crate::report::Report;

/// Adds to a finished report what follows from it.
pub(super) fn complete(books: &Books, report: &mut Report) {
    for actor in &mut report.actors {
        if let Some(pid) = actor.pid {
            let start_ns = actor.start_ns.unwrap_or_default();
            actor.started_by = books.actors.started_by(pid, start_ns);
        }
    }
    findings::judge(report);
    limits::name(books, report);
}
