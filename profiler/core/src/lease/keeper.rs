//! What a keeper does next: a process that ends a lease when its time is over or its maker was killed.
//!
//! Owns the rules; looking, waiting and writing are the edge's. Two processes know a lease and watch each other: the one that made it
//! and a keeper, and after `--leave` two keepers.

use super::Due;

/// What the record of a lease looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// It is there and whole.
    Intact,
    /// Somebody ended the lease, and said so.
    Ended,
    /// It is gone or garbled, and nobody said that the lease ended.
    Lost,
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partner {
    /// The process that made the lease.
    Maker,
    /// Another keeper.
    Keeper,
    /// Nobody any more.
    Nobody,
}

/// What a keeper sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The record.
    pub record: Record,
    /// Whether the record says that its time alone ends it.
    pub is_left: bool,
    /// Who watches with it.
    pub partner: Partner,
    /// Whether its time is over.
    pub is_over: bool,
    /// Whether it was asked to end (SIGTERM).
    pub is_stopped: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Look again later.
    Wait,
    /// Start another keeper, so that there are two again.
    Pair,
    /// Take the lease back.
    TakeBack(Due),
    /// Nothing is left to do.
    End,
}

/// The next step. What ends a lease goes before what keeps it.
pub fn next(view: View) -> Step {
    match view {
        View { record: Record::Ended, .. } => Step::End,
        View { is_over: true, .. } => Step::TakeBack(Due::Expired),
        View { is_stopped: true, .. } => Step::TakeBack(Due::Interrupted),
        // Also without a record: it knows the lease as well, and can say what happened.
        View { partner: Partner::Maker, .. } => Step::Wait,
        View { record: Record::Lost, .. } => Step::TakeBack(Due::Unrecorded),
        // Also an undo that was killed half way: it had said before that the lease is no longer meant to stay.
        View { is_left: false, .. } => Step::TakeBack(Due::Interrupted),
        View { partner: Partner::Nobody, .. } => Step::Pair,
        View { partner: Partner::Keeper, .. } => Step::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = View> {
        let records = [Record::Intact, Record::Ended, Record::Lost];
        let partners = [Partner::Maker, Partner::Keeper, Partner::Nobody];
        records.into_iter().flat_map(move |record| {
            partners.into_iter().flat_map(move |partner| {
                (0..8).map(move |bits| View {
                    record,
                    is_left: bits & 1 != 0,
                    partner,
                    is_over: bits & 2 != 0,
                    is_stopped: bits & 4 != 0,
                })
            })
        })
    }

    // Property: a lease that was ended is never touched; one whose time is over is always taken back, and without its maker also one
    // whose record is lost or that nobody meant to leave; one that was left has two keepers.
    #[test]
    fn every_view_has_the_step_that_keeps_the_promise() {
        for view in all() {
            let step = next(view);
            let is_known = view.record == Record::Intact || view.partner == Partner::Maker;
            let goes_on = is_known && !view.is_over && !view.is_stopped;
            if view.record == Record::Ended {
                assert_eq!(step, Step::End, "{view:?}");
            } else if !goes_on {
                assert!(matches!(step, Step::TakeBack(_)), "{view:?}");
            } else if view.partner == Partner::Maker {
                assert_eq!(step, Step::Wait, "{view:?}");
            } else if !view.is_left {
                assert_eq!(step, Step::TakeBack(Due::Interrupted), "{view:?}");
            } else {
                let alone = view.partner == Partner::Nobody;
                assert_eq!(step, if alone { Step::Pair } else { Step::Wait }, "{view:?}");
            }
        }
    }
}
