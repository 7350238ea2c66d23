//! Blame as people read it: a row for each culprit of each of a victim's waits on a device, the largest first, and the
//! small ones together. How it came about stands in the row; the document has every mechanism and class by itself.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::document::{Cell, Slice};
use crate::diagnosis::Diagnosis;
use crate::ids::{Call, FileClass};
use crate::report::{Blame, Mechanism, Report};

/// Rows that are shown one by one.
const SHOWN: usize = 12;
/// Mechanisms that a row names.
const NAMED: usize = 3;

/// One row.
pub(super) struct MatrixRow<'a> {
    /// Who waited.
    pub(super) victim: &'a str,
    /// In which call.
    victim_call: Call,
    /// On what sort of file.
    victim_class: FileClass,
    /// An actor's id, `self` or `unexplained`; of runs of one program the one that stands for them in findings and advice.
    pub(super) culprit: &'a str,
    /// The runs that it stands for.
    members: BTreeSet<&'a str>,
    /// The device.
    pub(super) device: Option<&'a str>,
    /// How, and how much of it.
    mechanisms: Vec<(Mechanism, u64)>,
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
    let diagnosis = Diagnosis::of(report);
    let mut rows: Vec<MatrixRow<'_>> = Vec::new();
    for row in blame.iter().filter(|row| row.wait_ns > 0) {
        let culprit = diagnosis.stands_for(&row.culprit);
        match rows.iter_mut().find(|known| is_same(known, row, culprit)) {
            Some(known) => known.add(row),
            None => rows.push(one(blame, row, culprit)),
        }
    }
    if rows.is_empty() {
        return None;
    }
    for row in &mut rows {
        row.mechanisms.sort_by_key(|(_, ns)| Reverse(*ns));
    }
    rows.sort_by_key(|row| (Reverse(row.wait_ns), row.culprit));
    let total_ns = sum(&rows);
    let others = rows.split_off(rows.len().min(SHOWN));
    Some(Matrix { rest: (others.len(), sum(&others)), rows, total_ns })
}

fn sum(rows: &[MatrixRow<'_>]) -> u64 {
    rows.iter().map(|row| row.wait_ns).fold(0, u64::saturating_add)
}

fn one<'a>(blame: &'a [Blame], row: &'a Blame, culprit: &'a str) -> MatrixRow<'a> {
    let of = |row: &'a Blame| (&row.victim, row.victim_class, row.victim_call);
    let same = |other: &&'a Blame| of(other) == of(row);
    let whole_ns = blame.iter().filter(same).map(|row| row.wait_ns).fold(0, u64::saturating_add);
    MatrixRow {
        victim: &row.victim,
        victim_call: row.victim_call,
        victim_class: row.victim_class,
        culprit,
        members: BTreeSet::from([row.culprit.as_str()]),
        device: row.device.as_deref(),
        mechanisms: vec![(row.mechanism, row.wait_ns)],
        wait_ns: row.wait_ns,
        whole_ns,
    }
}

fn is_same(known: &MatrixRow<'_>, row: &Blame, culprit: &str) -> bool {
    known.victim == row.victim
        && (known.victim_class, known.victim_call) == (row.victim_class, row.victim_call)
        && known.culprit == culprit
        && known.device == row.device.as_deref()
}

impl<'a> MatrixRow<'a> {
    fn add(&mut self, row: &'a Blame) {
        self.members.insert(&row.culprit);
        self.wait_ns = self.wait_ns.saturating_add(row.wait_ns);
        match self.mechanisms.iter_mut().find(|(known, _)| *known == row.mechanism) {
            Some((_, ns)) => *ns = ns.saturating_add(row.wait_ns),
            None => self.mechanisms.push((row.mechanism, row.wait_ns)),
        }
    }

    /// The culprit's name, that of all where it stands for several, with the number of those who are in the row.
    pub(super) fn due_to(&self, name: impl Fn(&str, bool) -> String) -> String {
        match self.members.len() {
            0 | 1 => name(self.culprit, false),
            several => format!("{} x{several}", name(self.culprit, true)),
        }
    }

    /// What was waited for: what the file is to the victim, and the call.
    pub(super) fn waited_in(&self) -> String {
        format!("{} {}", self.victim_class.name(), self.victim_call.name())
    }

    /// The largest mechanisms, with their shares of the victim's wait where there are several.
    pub(super) fn how(&self) -> Cell {
        if let [(only, _)] = self.mechanisms.as_slice() {
            return Cell::Words(mechanism_name(*only).to_owned());
        }
        let slice = |(of, ns): &(Mechanism, u64)| Slice {
            name: mechanism_name(*of),
            part: *ns,
            whole: self.whole_ns,
        };
        Cell::Slices(self.mechanisms.iter().take(NAMED).map(slice).collect())
    }
}

/// The name of a mechanism in JSON and text.
pub(super) const fn mechanism_name(of: Mechanism) -> &'static str {
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
