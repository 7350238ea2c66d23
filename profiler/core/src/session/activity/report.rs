//! The report's part: windows, periods, and the schedule entries they belong to.

use std::collections::{BTreeMap, BTreeSet};

use super::super::input::Now;
use super::{Activities, Beside, Group, Origin, Peaks};
use crate::activity::{Window, Windows};
use crate::ids::Role;
use crate::period::{Claim, NotYet, Watched, Zone, find};
use crate::report::{
    Activity, ActivityKind, ActivityWindow, MissingEntry, NotYet as Unclaimed, Note, Period,
    Scheduled, rfc3339,
};
use crate::schedule::{Entry, Observed, Tie, names_it, tie};

/// A peak has so many long waits, or one that is [`PEAK_WORST_NS`] long: a single one of 10 ms is no peak.
const PEAK_WAITS: u64 = 3;
/// etcd's heartbeat interval: a sync of that length is felt by the whole cluster.
const PEAK_WORST_NS: u64 = 100_000_000;
/// A peak that begins this long after a backup's last IO is still its: the disk has a queue to work off, ns.
const AFTER_NS: i64 = 5_000_000_000;
/// Schedule entries that are missing and named; of more, their number.
const NAMED: usize = 5;
/// What is under way when watching begins has no begin that was seen, seconds.
const BEGIN_S: f64 = 2.0;

/// What all activities of a report share.
struct Frame<'a> {
    activities: &'a Activities,
    zone: Zone,
    watched: Vec<Watched>,
    now_s: f64,
}

/// What was seen of one activity.
struct Seen {
    starts: Vec<f64>,
    watched: Vec<Watched>,
    /// How long it takes in the middle, seconds.
    takes_s: f64,
    found: Result<Vec<Claim>, NotYet>,
}

impl Seen {
    fn observed<'a>(&'a self, origin: &'a Origin) -> Observed<'a> {
        Observed {
            starts: &self.starts,
            claims: self.found.as_deref().unwrap_or_default(),
            watched: &self.watched,
            takes_s: self.takes_s,
            names: &origin.names,
            texts: &origin.texts,
            units: &origin.units,
        }
    }
}

impl Activities {
    /// All activities: backups by their bytes, then peaks, then backups that were only heard of.
    pub(in super::super) fn report(&self, beside: &Beside<'_>, now: Now) -> Vec<Activity> {
        let frame = Frame {
            activities: self,
            zone: self.zone(beside),
            watched: self.watched(beside, now),
            now_s: seconds(now.unix_ns),
        };
        let (mut groups, mut peaks) = (self.all_groups(beside), self.all_peaks(beside));
        for past in self.usable_past(beside, now) {
            add_past(&mut groups, &mut peaks, past);
        }
        let peaks: BTreeMap<String, (Peaks, Vec<Window>)> = peaks
            .into_iter()
            .map(|(name, peaks)| {
                let strong = peaks.windows.iter().filter(|peak| is_strong(peak)).copied().collect();
                (name, (peaks, strong))
            })
            .collect();
        let knows_waits = !peaks.is_empty();
        let peak_times: Vec<i64> =
            peaks.values().flat_map(|(_, strong)| strong).map(|peak| peak.start_ns).collect();
        let mut known: BTreeSet<usize> = BTreeSet::new();
        let mut backups: Vec<Activity> = Vec::new();
        for (name, group) in &groups {
            let (mut activity, entries) = frame.backup(name, group);
            known.extend(entries);
            activity.windows_with_peaks =
                knows_waits.then(|| with_peaks(&group.windows, &peak_times));
            backups.push(activity);
        }
        let bytes = |activity: &Activity| -> u64 {
            activity.windows.iter().filter_map(|window| window.bytes).fold(0, u64::wrapping_add)
        };
        backups.sort_by_key(|activity| std::cmp::Reverse(bytes(activity)));
        let peaks = peaks.iter().filter(|(_, (_, strong))| !strong.is_empty());
        backups.extend(peaks.map(|(name, (peaks, strong))| frame.peaks(name, peaks, strong)));
        backups.extend(frame.unseen(&known));
        backups
    }

    /// What is missing of the host's schedules and of the history.
    pub(in super::super) fn notes(&self, beside: &Beside<'_>, now: Now) -> Vec<Note> {
        let mut notes = Vec::new();
        if let Some(schedules) = &self.schedules {
            let kept = u64::try_from(schedules.problems.len()).unwrap_or(u64::MAX);
            let all = kept.saturating_add(schedules.left_out);
            if all > 0 {
                let named = schedules.problems.iter().take(NAMED);
                let entries = named.map(MissingEntry::from).collect();
                notes.push(Note::SchedulesMissing { entries, count: all });
            }
        }
        let left_out = self.past.len() - self.usable_past(beside, now).len();
        if left_out > 0 {
            let captures = u64::try_from(left_out).unwrap_or(u64::MAX);
            notes.push(Note::HistoryLeftOut { captures });
        }
        notes
    }

    fn zone(&self, beside: &Beside<'_>) -> Zone {
        let rules = self.schedules.as_ref().and_then(|schedules| schedules.zone.as_deref());
        Zone::new(rules, beside.options.utc_offset_seconds)
    }

    fn watched(&self, beside: &Beside<'_>, now: Now) -> Vec<Watched> {
        let own = (beside.started.unix_ns, now.unix_ns);
        let past = self.usable_past(beside, now);
        let all = past.into_iter().map(|past| past.watched).chain([own]);
        all.map(|(from, to)| Watched { from: seconds(from), to: seconds(to) }).collect()
    }
}

impl Frame<'_> {
    /// A backup, and the entries that name its command.
    fn backup(&self, name: &str, group: &Group) -> (Activity, Vec<usize>) {
        let windows: Vec<Window> = group.windows.iter().copied().collect();
        let seen = self.seen(&windows, group.windows.forgotten());
        let observed = seen.observed(&group.origin);
        let entries = self.activities.schedules.iter().flat_map(|all| all.entries.iter());
        let named = entries.enumerate().filter(|(_, entry)| names_it(&observed, entry));
        let named = named.map(|(index, _)| index).collect();
        let shown =
            |window: &Window| ActivityWindow { bytes: Some(window.bytes), ..self.window(window) };
        let activity = Activity {
            kind: ActivityKind::Backup,
            name: name.to_owned(),
            role: group.role,
            actors: group.actors.iter().map(ToString::to_string).collect(),
            windows: windows.iter().map(shown).collect(),
            forgotten: Some(group.windows.forgotten()).filter(|count| *count > 0),
            schedule: self.tie(&observed).map(|tie| self.scheduled(&tie)),
            ..Self::rhythm(&seen.found)
        };
        (activity, named)
    }

    fn peaks(&self, name: &str, peaks: &Peaks, strong: &[Window]) -> Activity {
        let seen = self.seen(strong, peaks.windows.forgotten());
        let nobody = Origin::default();
        let shown = |window: &Window| ActivityWindow {
            waits: Some(window.waits),
            worst_ns: Some(window.worst_ns),
            ..self.window(window)
        };
        Activity {
            kind: ActivityKind::Peaks,
            name: name.to_owned(),
            role: peaks.role,
            actors: peaks.actors.iter().map(ToString::to_string).collect(),
            windows: strong.iter().map(shown).collect(),
            forgotten: Some(peaks.windows.forgotten()).filter(|count| *count > 0),
            schedule: self.tie(&seen.observed(&nobody)).map(|tie| self.scheduled(&tie)),
            ..Self::rhythm(&seen.found)
        }
    }

    /// Backups among the schedules whose command was not seen.
    fn unseen(&self, known: &BTreeSet<usize>) -> Vec<Activity> {
        let entries = self.activities.schedules.iter().flat_map(|all| all.entries.iter());
        let unseen = entries.enumerate().filter(|(at, entry)| entry.backup && !known.contains(at));
        unseen
            .map(|(_, entry)| Activity {
                kind: ActivityKind::Scheduled,
                name: entry.names.first().cloned().unwrap_or_else(|| entry.command.clone()),
                role: Role::Backup,
                not_yet: Some(Unclaimed::NotSeen),
                schedule: Some(self.entry(entry, None, false)),
                ..Activity::default()
            })
            .collect()
    }

    /// Begins that were seen, and their periods.
    fn seen(&self, windows: &[Window], forgotten: u64) -> Seen {
        let mut watched = self.watched.clone();
        // Of the time of what was forgotten nothing is known any more.
        if let Some(first) = windows.first().filter(|_| forgotten > 0) {
            let from = seconds(first.start_ns) - BEGIN_S;
            watched.retain(|span| span.to > from);
            for span in &mut watched {
                span.from = span.from.max(from);
            }
        }
        let is_seen = |at: &f64| {
            !self.watched.iter().any(|span| (span.from..span.from + BEGIN_S).contains(at))
        };
        let starts = windows.iter().map(|window| seconds(window.start_ns));
        let starts: Vec<f64> = starts.filter(is_seen).collect();
        let mut lengths: Vec<i64> =
            windows.iter().map(|one| one.end_ns.saturating_sub(one.start_ns)).collect();
        lengths.sort_unstable();
        let takes_s = lengths.get(lengths.len() / 2).map_or(0.0, |length| seconds(*length));
        let found = find(&starts, &watched, &self.zone);
        Seen { starts, watched, takes_s, found }
    }

    fn tie(&self, observed: &Observed<'_>) -> Option<Tie<'_>> {
        tie(observed, self.activities.schedules.as_deref()?, &self.zone)
    }

    fn scheduled(&self, tie: &Tie<'_>) -> Scheduled {
        self.entry(tie.entry, tie.agrees.times, tie.agrees.command)
    }

    fn entry(&self, entry: &Entry, times_agree: Option<bool>, command_agrees: bool) -> Scheduled {
        let next = entry.next(self.now_s, &self.zone);
        Scheduled {
            source: entry.source.clone(),
            entry: entry.text.clone(),
            command: entry.command.clone(),
            times_agree,
            command_agrees,
            next: next.map(|at| self.time(nanoseconds(at))),
        }
    }

    /// The part that is about periods.
    fn rhythm(found: &Result<Vec<Claim>, NotYet>) -> Activity {
        let mut periods: Vec<Period> = found.iter().flatten().map(shown).collect();
        let further = periods.split_off(periods.len().min(1));
        Activity {
            period: periods.pop(),
            further_periods: further,
            not_yet: found.as_ref().err().map(|why| Unclaimed::from(*why)),
            ..Activity::default()
        }
    }

    fn window(&self, window: &Window) -> ActivityWindow {
        ActivityWindow {
            start: self.time(window.start_ns),
            end: self.time(window.end_ns),
            ..ActivityWindow::default()
        }
    }

    fn time(&self, unix_ns: i64) -> String {
        rfc3339(unix_ns, self.zone.offset(seconds(unix_ns)))
    }
}

fn shown(claim: &Claim) -> Period {
    // As many digits as mean something.
    let rounded = |value: f64, digits: f64| (value * digits).round() / digits;
    Period {
        seconds: claim.period_s,
        phase_seconds: claim.phase_s,
        spread_seconds: rounded(claim.spread_s, 10.0),
        cycles: claim.seen,
        missed: claim.missed,
        others: claim.others,
        confidence: rounded(claim.confidence(), 1_000.0),
        significance: claim.significance,
    }
}

fn is_strong(peak: &Window) -> bool {
    peak.waits >= PEAK_WAITS || peak.worst_ns >= PEAK_WORST_NS
}

/// Windows in which a peak began.
fn with_peaks(windows: &Windows, peaks: &[i64]) -> u64 {
    let has_peak = |window: &&Window| {
        let during = window.start_ns..=window.end_ns.saturating_add(AFTER_NS);
        peaks.iter().any(|peak| during.contains(peak))
    };
    windows.iter().filter(has_peak).map(|_| 1).sum()
}

fn add_past(
    groups: &mut BTreeMap<String, Group>,
    peaks: &mut BTreeMap<String, Peaks>,
    past: &super::Past,
) {
    for (name, group) in &past.groups {
        groups.entry(name.clone()).or_insert_with(|| Group::new(group.role)).take_in(group);
    }
    for (name, old) in &past.peaks {
        let own = peaks.entry(name.clone()).or_insert_with(|| Peaks::new(old.role));
        old.windows.iter().for_each(|window| own.windows.add(*window));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a microsecond in these centuries")]
fn seconds(unix_ns: i64) -> f64 {
    unix_ns as f64 / 1e9
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast of a float stops at the ends of the type"
)]
fn nanoseconds(unix_s: f64) -> i64 {
    (unix_s * 1e9) as i64
}
