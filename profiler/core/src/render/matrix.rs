//! The rows of blame as people read them: the largest first, what is the victim's own or nobody's in one row each, and
//! the small ones together.

use std::cmp::Reverse;

use crate::ids::{Call, FileClass};
use crate::report::{Blame, Mechanism, Report, SELF, UNEXPLAINED};

/// Rows that are shown one by one.
const SHOWN: usize = 12;

/// One row.
pub(super) struct MatrixRow<'a> {
    /// Who waited.
    pub(super) victim: &'a str,
    /// In which call.
    pub(super) victim_call: Call,
    /// On what sort of file.
    pub(super) victim_class: FileClass,
    /// An actor's id, `self` or `unexplained`.
    pub(super) culprit: &'a str,
    /// The culprit's sort of file.
    pub(super) culprit_class: Option<FileClass>,
    /// The device.
    pub(super) device: Option<&'a str>,
    /// How; several of what is the victim's own or nobody's.
    pub(super) mechanisms: Vec<Mechanism>,
    /// The time charged.
    pub(super) wait_ns: u64,
    /// The victim's whole wait in this call on this class.
    pub(super) whole_ns: u64,
}

/// All of it.
pub(super) struct Matrix<'a> {
    /// The largest rows.
    pub(super) rows: Vec<MatrixRow<'a>>,
    /// How many others there are, and their time.
    pub(super) rest: (usize, u64),
    /// The time of all rows.
    pub(super) total_ns: u64,
}

/// The matrix; `None` when blame was not computed or there is none.
pub(super) fn of(report: &Report) -> Option<Matrix<'_>> {
    let blame = report.blame.as_ref()?;
    let mut rows: Vec<MatrixRow<'_>> = Vec::new();
    for row in blame.iter().filter(|row| row.wait_ns > 0) {
        match rows.iter_mut().find(|known| is_same(known, row)) {
            Some(known) => {
                known.wait_ns = known.wait_ns.saturating_add(row.wait_ns);
                if !known.mechanisms.contains(&row.mechanism) {
                    known.mechanisms.push(row.mechanism);
                }
            }
            None => rows.push(one(blame, row)),
        }
    }
    if rows.is_empty() {
        return None;
    }
    rows.sort_by_key(|row| Reverse(row.wait_ns));
    let total_ns = sum(&rows);
    let others = rows.split_off(rows.len().min(SHOWN));
    Some(Matrix { rest: (others.len(), sum(&others)), rows, total_ns })
}

fn sum(rows: &[MatrixRow<'_>]) -> u64 {
    rows.iter().map(|row| row.wait_ns).fold(0, u64::saturating_add)
}

fn one<'a>(blame: &'a [Blame], row: &'a Blame) -> MatrixRow<'a> {
    let of = |row: &'a Blame| (&row.victim, row.victim_class, row.victim_call);
    let same = |other: &&'a Blame| of(other) == of(row);
    let whole_ns = blame.iter().filter(same).map(|row| row.wait_ns).fold(0, u64::saturating_add);
    MatrixRow {
        victim: &row.victim,
        victim_call: row.victim_call,
        victim_class: row.victim_class,
        culprit: &row.culprit,
        culprit_class: row.culprit_class.filter(|_| !is_nobody_else(&row.culprit)),
        device: row.device.as_deref(),
        mechanisms: vec![row.mechanism],
        wait_ns: row.wait_ns,
        whole_ns,
    }
}

fn is_same(known: &MatrixRow<'_>, row: &Blame) -> bool {
    known.victim == row.victim
        && (known.victim_class, known.victim_call) == (row.victim_class, row.victim_call)
        && known.culprit == row.culprit
        && known.device == row.device.as_deref()
        && (is_nobody_else(&row.culprit)
            || known.culprit_class == row.culprit_class && known.mechanisms == [row.mechanism])
}

fn is_nobody_else(culprit: &str) -> bool {
    culprit == SELF || culprit == UNEXPLAINED
}

/// The name of a mechanism in JSON and text.
pub(super) const fn mechanism(of: Mechanism) -> &'static str {
    match of {
        Mechanism::Queue => "queue",
        Mechanism::Device => "device",
        Mechanism::Journal => "journal",
        Mechanism::Flush => "flush",
        Mechanism::Throttle => "throttle",
        Mechanism::Cpu => "cpu",
        Mechanism::Unexplained => "unexplained",
    }
}

/// What was waited for: the call, and what the file is to the victim.
pub(super) fn waited_in(row: &MatrixRow<'_>) -> String {
    format!("{} {}", row.victim_class.name(), row.victim_call.name())
}

/// All mechanisms of a row.
pub(super) fn mechanisms(row: &MatrixRow<'_>) -> String {
    row.mechanisms.iter().map(|one| mechanism(*one)).collect::<Vec<_>>().join("+")
}
