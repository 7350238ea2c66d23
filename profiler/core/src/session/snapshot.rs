//! Snapshots, and the reports of the time between two of them.
//!
//! Whoever wants to know what happened takes a snapshot now and then, keeps its last one, and asks for the difference.
//! Nothing of the session changes by that, so any number of them may look at it, each at its own pace.

use std::collections::BTreeMap;

use super::assemble::{self, Extent};
use super::blame::Cells;
use super::books::Books;
use super::since::Since as _;
use super::{HostSample, Now, judge};
use crate::report::Report;

/// All that a session knew at one moment. It shares with the session, and with other snapshots, what has not changed since.
///
/// A second ends with its host sample ([`super::Input::Host`]); a snapshot taken then, before anything else is told, is
/// exactly of its end. One taken later in a second has all counts so far; the charges of waits that were told in it and
/// are not settled, and the host, are known again when it is over.
#[derive(Clone)]
pub struct Snapshot {
    books: Books,
    at: Now,
}

impl Snapshot {
    pub(super) const fn new(books: Books, at: Now) -> Self {
        Self { books, at }
    }

    /// When it was taken.
    pub const fn at(&self) -> Now {
        self.at
    }

    /// The session when counting began: nothing had happened.
    #[must_use]
    pub fn beginning(&self) -> Self {
        Self { books: self.books.beginning(), at: self.books.started }
    }

    /// The host at the end of the last second.
    pub fn host(&self) -> &HostSample {
        &self.books.sample
    }

    /// Time that is charged for good since an older snapshot (`None`: since the beginning), by victim, ns. What is charged
    /// for good is never charged otherwise, so windows that follow each other sum to the whole.
    pub fn settled_ns(&self, older: Option<&Self>) -> BTreeMap<String, u64> {
        let cells = self.settled_since(older.unwrap_or(&self.beginning()));
        let mut by_victim: BTreeMap<String, u64> = BTreeMap::new();
        for ((victim, _), ns) in &cells {
            let name = assemble::describe(&self.books, victim.owner, 0).id;
            let sum = by_victim.entry(name).or_default();
            *sum = sum.saturating_add(*ns);
        }
        by_victim
    }

    /// The same by cell.
    pub(super) fn settled_since(&self, older: &Self) -> Cells {
        let renamed = older.books.renamed(&self.books);
        let older = renamed.as_ref().unwrap_or(&older.books);
        self.books.blame.settled_since(&older.blame)
    }
}

/// The report of the time between two snapshots of a session; without an older one, of the whole time since counting began.
/// Of the whole alone is told what only the whole has: activity, alone and shared, advice, what etcd says of itself.
pub fn report_between(older: Option<&Snapshot>, newer: &Snapshot) -> Report {
    let (to, after) = (newer.at, &*newer.books.sample);
    let of_window;
    let (books, extent) = match older {
        None => {
            let (from, before) = (newer.books.started, &*newer.books.first_sample);
            (&newer.books, Extent { from, to, before, after, is_whole: true })
        }
        Some(older) => {
            of_window = newer.books.since(&older.books);
            let (from, before) = (older.at, &*older.books.sample);
            (&of_window, Extent { from, to, before, after, is_whole: false })
        }
    };
    let mut report = assemble::report(books, extent);
    judge::complete(books, &mut report);
    report
}

/// Somebody who looks at a session again and again: each report is of the time since the last one.
#[derive(Default)]
pub struct Intervals {
    last: Option<Snapshot>,
}

impl Intervals {
    /// The report of the time since the last one, in the beginning since counting began. The next one begins here.
    pub fn next(&mut self, newer: Snapshot) -> Report {
        let older = self.last.take().unwrap_or_else(|| newer.beginning());
        let report = report_between(Some(&older), &newer);
        self.last = Some(newer);
        report
    }

    /// The next report begins here.
    pub fn begin(&mut self, at: Snapshot) {
        self.last = Some(at);
    }
}
