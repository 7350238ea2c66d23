//! Which entry of the host's schedules what was seen belongs to.
//!
//! Two things may agree, and it is said which did: the times, and the command. Times agree when what was seen began when
//! the entry was due, and was seen nearly each time the entry was due; an entry that is due so often that anything would
//! agree has no times in this sense. Times alone are believed only of a period that is claimed.

use std::collections::BTreeSet;

use super::due::{first_due, is_due_more_than};
use super::{Entry, Kind, Schedules, When, due};
use crate::period::{Claim, Watched, Zone};

/// A run may begin this much before it is due (clocks differ), seconds.
const EARLY_S: f64 = 10.0;
/// It may begin this much after, beside what the entry delays on purpose: cron looks once a minute, and the first IO of
/// a process is not its begin.
const LATE_S: f64 = 90.0;
/// This share of the runs must have been due.
const RUNS_DUE: f64 = 0.8;
/// This share of the times at which it was due must have a run.
const DUE_RUNS: f64 = 0.6;
/// An entry whose times cover more than this share of the time agrees with anything.
const MOST_COVERED: f64 = 0.25;

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// When it began, seconds since 1970.
    pub starts: &'a [f64],
    /// Periods that are claimed of it.
    pub claims: &'a [Claim],
    /// The time in which a begin would have been seen.
    pub watched: &'a [Watched],
    /// How long a run takes in the middle, seconds.
    pub takes_s: f64,
    /// Names of its program and of those that started it.
    pub names: &'a BTreeSet<String>,
    /// Shell texts of those that started it.
    pub texts: &'a BTreeSet<String>,
    /// Its systemd units.
    pub units: &'a BTreeSet<String>,
}

/// What agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agrees {
    /// The times; `None` when that cannot be told yet: no begin was seen, or the entry has no time of the clock and there
    /// is no period.
    pub times: Option<bool>,
    /// The command, or the unit.
    pub command: bool,
}

/// An entry that what was seen belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tie<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// Why.
    pub agrees: Agrees,
}

/// The entry that fits best: times and command before times alone (of a claimed period) before command alone.
pub fn tie<'a>(seen: &Observed<'_>, schedules: &'a Schedules, zone: &Zone) -> Option<Tie<'a>> {
    let judged = schedules.entries.iter().filter_map(|entry| {
        let command = names_it(seen, entry);
        if !command && seen.claims.is_empty() {
            return None;
        }
        let times = times_agree(seen, entry, command, zone);
        let rank = match (times, command) {
            (Some(true), true) => 4,
            (Some(true), false) => 3,
            (None, true) if entry.backup => 2,
            (Some(false), true) if entry.backup => 1,
            _ => return None,
        };
        // Of equals, the one that looks like a backup; then the first.
        Some(((rank, entry.backup), Tie { entry, agrees: Agrees { times, command } }))
    });
    let best = judged.reduce(|best, one| if one.0 > best.0 { one } else { best });
    best.map(|(_, tie)| tie)
}

/// Whether the entry's command (or its unit, or the shell that it starts) is what was seen.
pub fn names_it(seen: &Observed<'_>, entry: &Entry) -> bool {
    let is_unit = entry.unit.as_ref().is_some_and(|unit| seen.units.contains(unit));
    let command = plain(&entry.command);
    let is_text = !command.is_empty() && seen.texts.iter().any(|text| plain(text) == command);
    // Of scripts and plain commands the name says little; of entries, only names that can be told from others count.
    let is_name = entry.names.iter().any(|name| seen.names.contains(name) && is_telling(name));
    is_unit || is_text || is_name
}

/// Whether a name is more than a tool of everybody's.
fn is_telling(name: &str) -> bool {
    const COMMON: [&str; 22] = [
        "cat",
        "cd",
        "chmod",
        "chown",
        "cp",
        "date",
        "dd",
        "echo",
        "find",
        "gzip",
        "logger",
        "ls",
        "mkdir",
        "mv",
        "rm",
        "run-parts",
        "set",
        "sleep",
        "tar",
        "test",
        "touch",
        "true",
    ];
    let program = name.split(' ').next().unwrap_or(name);
    !COMMON.contains(&program) && !program.is_empty()
}

/// Without differences of blanks.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn times_agree(seen: &Observed<'_>, entry: &Entry, command: bool, zone: &Zone) -> Option<bool> {
    #[expect(clippy::cast_precision_loss, reason = "at most a few days")]
    let late = LATE_S + entry.delay_s as f64;
    let mut said = Some(false);
    for when in &entry.when {
        let agrees = match when {
            When::Every(_) if seen.claims.is_empty() => None,
            // Counted from the last begin or the last end.
            When::Every(every) => Some(seen.claims.iter().any(|claim| {
                #[expect(clippy::cast_precision_loss, reason = "below some weeks")]
                let longer = claim.period_s as f64 - *every as f64;
                (-EARLY_S..=late + seen.takes_s).contains(&longer)
            })),
            When::Clock { .. } => continue,
        };
        said = either(said, agrees);
    }
    if entry.when.iter().any(|when| matches!(when, When::Clock { .. })) {
        said = either(said, clock_agrees(seen, entry, late, command, zone));
    }
    said
}

/// One of two is enough; none that is not known is a no.
const fn either(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (None, _) | (_, None) => None,
        _ => Some(false),
    }
}

fn clock_agrees(
    seen: &Observed<'_>,
    entry: &Entry,
    late: f64,
    command: bool,
    zone: &Zone,
) -> Option<bool> {
    // With a claim, only its runs are to be explained.
    let runs: Vec<f64> = match seen.claims.first() {
        Some(claim) => claim.runs.iter().filter_map(|run| seen.starts.get(*run)).copied().collect(),
        None => seen.starts.to_vec(),
    };
    if runs.is_empty() {
        return None;
    }
    let mut times: Vec<f64> = Vec::new();
    // Times at which a run would have been seen.
    let mut expected: Vec<f64> = Vec::new();
    for span in seen.watched {
        // Of the same command, that there is a run each time says enough.
        if !command && is_too_often(entry, span.from, late, zone) {
            return Some(false);
        }
        let mut due_here: Vec<f64> = entry
            .when
            .iter()
            .flat_map(|when| due(when, span.from - late, span.to + EARLY_S, zone))
            .collect();
        due_here.sort_by(f64::total_cmp);
        due_here.dedup();
        let is_whole = |at: &&f64| **at >= span.from && **at + late <= span.to;
        expected.extend(due_here.iter().filter(is_whole));
        times.extend(due_here);
    }
    times.sort_by(f64::total_cmp);
    // The last time before a run is its own, however late it may be.
    let due_at = |start: f64| {
        let at = times.partition_point(|due| *due <= start + EARLY_S);
        at.checked_sub(1).and_then(|at| times.get(at)).copied().filter(|due| start - due <= late)
    };
    let hits: BTreeSet<u64> =
        runs.iter().filter_map(|run| due_at(*run)).map(f64::to_bits).collect();
    let on_time = runs.iter().filter(|run| due_at(**run).is_some()).count();
    let kept = expected.iter().filter(|due| hits.contains(&due.to_bits())).count();
    Some(
        number(on_time) >= RUNS_DUE * number(runs.len())
            && number(kept) >= DUE_RUNS * number(expected.len()),
    )
}

/// Whether on the first day already its times cover too much; so not all times of long watches need to be worked out.
fn is_too_often(entry: &Entry, from: f64, late: f64, zone: &Zone) -> bool {
    const DAY: f64 = 86_400.0;
    let most = DAY * MOST_COVERED / (late + EARLY_S);
    is_due_more_than(&entry.when, from, from + DAY, zone, most)
}

#[expect(clippy::cast_precision_loss, reason = "at most some ten thousand")]
fn number(n: usize) -> f64 {
    n as f64
}

impl Entry {
    /// When it is due next after a time (seconds since 1970), within a year; `None` for what has no time of the clock.
    pub fn next(&self, after: f64, zone: &Zone) -> Option<f64> {
        const YEAR: f64 = 366.0 * 86_400.0;
        // Soon first: most are due within a day, and a year of minutes is long.
        [90_000.0, YEAR].into_iter().find_map(|reach| {
            let times =
                self.when.iter().filter_map(|when| first_due(when, after, after + reach, zone));
            times.min_by(f64::total_cmp)
        })
    }

    /// Whether a server of this kind takes its snapshots inside its own process.
    pub fn is_in_process(&self) -> bool {
        matches!(self.kind, Kind::K3s | Kind::Rke2)
    }
}
