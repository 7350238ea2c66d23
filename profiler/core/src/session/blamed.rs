//! Blame as the report has it: rows of names instead of numbers, that sum to the measured waits.

use std::collections::BTreeMap;

use super::actors::Owned;
use super::assemble::{describe, device_name};
use super::blame::{Charge, Culprit};
use super::books::Books;
use super::streams::{Row, RowKey, What};
use crate::ids::{Call, FileClass};
use crate::report::{
    ANYBODY, AloneVsShared, Blame, BlameCoverage, Lat, Mechanism, SELF, UNEXPLAINED,
};
use foldhash::HashMap;

/// Fewer waits than this on either side say nothing about a distribution, so they are not compared.
const ENOUGH: u64 = 20;

/// Whose waits, in which call, on files of which class.
type Victim = (Owned, FileClass, Call);

/// Who is charged; the class is absent where the file is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Charged {
    culprit: Culprit,
    class: Option<FileClass>,
    dev: Option<u32>,
    mechanism: Mechanism,
}

/// What no record told of.
const UNTOLD: Charged =
    Charged { culprit: Culprit::Nobody, class: None, dev: None, mechanism: Mechanism::Unexplained };

/// The rows of the matrix; `None` without anybody to be a victim.
pub(super) fn blame(books: &Books, rows: &HashMap<RowKey, Row>) -> Option<Vec<Blame>> {
    if !books.actors.has_targets() {
        return None;
    }
    let mut charged: BTreeMap<Victim, BTreeMap<Charged, u64>> = BTreeMap::new();
    for ((row, charge), ns) in &*books.blame.cells() {
        let What::Wait(call) = row.what else { continue };
        let victim = (row.owner, books.class_of(row.owner, row.file), call);
        let charges = charged.entry(victim).or_default();
        let sum = charges.entry(named(books, row.owner, *charge)).or_default();
        *sum = sum.saturating_add(*ns);
    }
    let measured = measured(books, rows);
    let rows = measured.into_iter().flat_map(|(victim, measured)| {
        let charges = charged.remove(&victim).unwrap_or_default();
        let mut rows: Vec<(Charged, u64)> = fitted(charges, measured);
        rows.sort_by_key(|(_, ns)| std::cmp::Reverse(*ns));
        rows.into_iter().map(move |(charged, ns)| row(books, victim, charged, ns, measured))
    });
    Some(rows.collect())
}

/// The measured waits of targets, ns.
fn measured(books: &Books, rows: &HashMap<RowKey, Row>) -> BTreeMap<Victim, u64> {
    let mut measured: BTreeMap<Victim, u64> = BTreeMap::new();
    for (key, row) in rows {
        let What::Wait(call) = key.what else { continue };
        let is_target = match key.owner {
            Owned::Actor(id) => {
                books.actors.get(id).is_some_and(|known| !known.selected_by.is_empty())
            }
            _ => false,
        };
        if is_target && row.q2c.sum_ns() > 0 {
            let victim = (key.owner, books.class_of(key.owner, key.file), call);
            let sum = measured.entry(victim).or_default();
            *sum = sum.saturating_add(row.q2c.sum_ns());
        }
    }
    measured
}

fn named(books: &Books, victim: Owned, charge: Charge) -> Charged {
    let Charge { culprit, file, dev, mechanism } = charge;
    let owner = match culprit {
        Culprit::Other(owner) => owner,
        Culprit::Own | Culprit::Nobody => victim,
    };
    let class = (file != 0).then(|| books.class_of(owner, file));
    Charged { culprit, class, dev, mechanism }
}

/// Charges that sum to what was measured. Waits whose records were lost are nobody's; where records are ahead of the
/// statistics, everybody has a little less.
fn fitted(charges: BTreeMap<Charged, u64>, measured: u64) -> Vec<(Charged, u64)> {
    let sum: u128 = charges.values().copied().map(u128::from).sum();
    let mut charges = charges;
    if sum < u128::from(measured) {
        let missing = u64::try_from(u128::from(measured) - sum).unwrap_or(u64::MAX);
        *charges.entry(UNTOLD).or_default() += missing;
        return charges.into_iter().filter(|(_, ns)| *ns > 0).collect();
    }
    let (mut passed, mut before, mut fitted) = (0_u128, 0_u64, Vec::new());
    for (charged, ns) in charges {
        passed += u128::from(ns);
        let upto = u64::try_from(passed * u128::from(measured) / sum.max(1)).unwrap_or(measured);
        fitted.push((charged, upto - before));
        before = upto;
    }
    fitted.retain(|(_, ns)| *ns > 0);
    fitted
}

#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn row(
    books: &Books,
    (owner, victim_class, victim_call): Victim,
    charged: Charged,
    wait_ns: u64,
    measured: u64,
) -> Blame {
    let culprit = match charged.culprit {
        Culprit::Own => SELF.to_owned(),
        Culprit::Nobody => UNEXPLAINED.to_owned(),
        Culprit::Other(owner) => describe(books, owner, charged.dev.unwrap_or(0)).id,
    };
    Blame {
        victim: describe(books, owner, 0).id,
        victim_class,
        victim_call,
        culprit,
        culprit_class: charged.class,
        device: charged.dev.map(|dev| device_name(books, dev)),
        mechanism: charged.mechanism,
        wait_ns,
        share: wait_ns as f64 / measured.max(1) as f64,
    }
}

/// Victims' waits with and without each of the others, where there are enough of both.
pub(super) fn alone_vs_shared(books: &Books) -> Option<Vec<AloneVsShared>> {
    if !books.actors.has_targets() {
        return None;
    }
    let enough = books
        .blame
        .pairs()
        .filter(|(.., pair)| pair.alone.count() >= ENOUGH && pair.shared.count() >= ENOUGH);
    let mut pairs: Vec<AloneVsShared> = enough
        .map(|(victim, call, culprit, pair)| AloneVsShared {
            victim: describe(books, victim, 0).id,
            call,
            culprit: culprit
                .map_or_else(|| ANYBODY.to_owned(), |culprit| describe(books, culprit, 0).id),
            alone: Lat::non_empty(&pair.alone),
            shared: Lat::non_empty(&pair.shared),
            baseline: Some(&pair.baseline.all)
                .filter(|baseline| baseline.count() >= ENOUGH)
                .map(Lat::from),
            baseline_p99_ns: pair.baseline.typical_p99_ns(),
        })
        .collect();
    let order = |one: &AloneVsShared| (one.victim.clone(), one.call, one.culprit.clone());
    pairs.sort_by_key(order);
    Some(pairs)
}

/// How much of the waits blame could look at.
pub(super) fn coverage(books: &Books, lost_io: u64, seen_io: u64) -> Option<BlameCoverage> {
    let covered = books.blame.covered();
    books.actors.has_targets().then_some(BlameCoverage {
        waits: covered.waits,
        forgotten_ns: covered.forgotten_ns,
        requests_without_times: covered.untimed,
        requests_lost: lost_io,
        requests: seen_io,
    })
}
