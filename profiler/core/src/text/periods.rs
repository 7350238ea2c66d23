//! Rhythms in words: every hour at :05, or why none is claimed.

use super::{Lang, newer};
use crate::period::{MIN_GAPS, clock_minute};
use crate::report::{Closest, MissingEntry, Newer, NotYet, Period, Scheduled};
use crate::schedule::{Problem, Trouble};

const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;
const WEEK: u64 = 604_800;
const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The rhythm of a period.
pub fn rhythm_of(lang: Lang, period: &Period) -> String {
    rhythm(lang, period.seconds, clock_minute(period.seconds, period.phase_seconds))
}

/// A period in seconds and, where it is at a fixed time of the clock, its minute (after midnight; of a week after
/// Monday's midnight).
fn rhythm(lang: Lang, period_s: u64, minute: Option<u64>) -> String {
    let Lang::En = lang;
    let every = every(period_s);
    let Some(minute) = minute else {
        return format!("{every}, at no fixed time of the clock");
    };
    match period_s {
        60 => every,
        HOUR => format!("{every} at :{minute:02}"),
        DAY => format!("{every} at {}", clock(minute)),
        WEEK => {
            let day = usize::try_from(minute / 1_440).ok().and_then(|day| DAYS.get(day));
            format!("every {} at {}", day.copied().unwrap_or("week"), clock(minute % 1_440))
        }
        _ if period_s < HOUR => {
            let step = period_s / 60;
            let minutes: Vec<String> = (0..60 / step.max(1))
                .map(|n| format!(":{:02}", (minute + n * step) % 60))
                .collect();
            if minutes.len() <= 4 {
                format!("{every} at {}", minutes.join(", "))
            } else {
                format!("{every} from :{minute:02} on")
            }
        }
        _ => {
            let step = period_s / 60;
            let times: Vec<String> =
                (0..1_440 / step.max(1)).map(|n| clock(minute + n * step)).collect();
            if times.len() <= 4 {
                format!("{every} at {}", times.join(", "))
            } else {
                format!("{every} from {} on", clock(minute))
            }
        }
    }
}

fn every(period_s: u64) -> String {
    match period_s {
        60 => "every minute".to_owned(),
        HOUR => "every hour".to_owned(),
        DAY => "every day".to_owned(),
        WEEK => "every week".to_owned(),
        other => format!("every {}", length(other)),
    }
}

fn clock(minute: u64) -> String {
    format!("{:02}:{:02}", minute / 60 % 24, minute % 60)
}

/// `1 h 20 s`
fn length(seconds: u64) -> String {
    let parts = [
        (seconds / DAY, "d"),
        (seconds / HOUR % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let shown: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if shown.is_empty() { "0 s".to_owned() } else { shown.join(" ") }
}

/// Why no period is claimed.
pub fn not_yet(lang: Lang, why: &NotYet) -> String {
    let Lang::En = lang;
    match why {
        NotYet::TooFew { starts: 0, .. } => "No begin of it was seen.".to_owned(),
        NotYet::TooFew { starts, closest: Some(Closest { seconds, cycles }) } => format!(
            "No period yet: it began {starts} times, {cycles} {} of {} apart; it needs {MIN_GAPS} to infer a period.",
            if *cycles == 1 { "cycle" } else { "cycles" },
            length(*seconds)
        ),
        NotYet::TooFew { starts: 1, .. } => {
            format!("No period yet: 1 run; it needs {} runs to infer a period.", MIN_GAPS + 1)
        }
        NotYet::TooFew { starts, closest: None } => format!(
            "No period yet: it began {starts} times, not the same time apart; it needs {} to infer a period.",
            MIN_GAPS + 1
        ),
        NotYet::NotSignificant { seconds, cycles, missed } => format!(
            "No period yet: {} fits {cycles} of {} cycles, which is not significant.",
            length(*seconds),
            cycles.saturating_add(*missed)
        ),
        NotYet::Irregular { starts } => {
            format!("No period: it began {starts} times, and none fits.")
        }
        NotYet::NotSeen => "It was not seen at work in this window.".to_owned(),
        NotYet::Newer(Newer { code }) => newer(lang, code),
    }
}

/// A backup, and how often it ran: in so many windows, and as so many processes. Runs close together are one window; of a process that
/// goes on, several may be.
pub fn ran(lang: Lang, name: &str, windows: usize, processes: usize) -> String {
    let Lang::En = lang;
    let together = match windows {
        _ if processes <= windows => String::new(),
        0 | 1 => ", close together".to_owned(),
        more => format!(", in {more} groups"),
    };
    format!("The backup `{name}` ran {}{together}", how_often(windows.max(processes)))
}

/// A target's peaks.
pub fn peaks(lang: Lang, name: &str, times: usize, worst: &str) -> String {
    let Lang::En = lang;
    format!("{name} had waits far above its baseline {} (at most {worst})", how_often(times))
}

/// A backup that only the schedules name.
pub fn scheduled(lang: Lang, name: &str) -> String {
    let Lang::En = lang;
    format!("The backup `{name}` was not seen at work")
}

fn how_often(times: usize) -> String {
    match times {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

/// A period that is claimed, behind what has it.
pub fn claim(lang: Lang, period: &Period) -> String {
    let Lang::En = lang;
    let cycles = period.cycles.saturating_add(period.missed);
    format!(
        "{} ({} of {cycles} cycles, confidence {:.0}%)",
        rhythm_of(lang, period),
        period.cycles,
        period.confidence * 100.0
    )
}

/// The entry it belongs to, or (of a backup that was not seen) that names it.
pub fn entry(lang: Lang, only_heard_of: bool, entry: &Scheduled) -> String {
    let Lang::En = lang;
    let Scheduled { source, entry: times, command, .. } = entry;
    if only_heard_of {
        let next = entry.next.as_ref().map(|next| format!(", next at {next}"));
        return format!("{source} schedules it: `{times}` {command}{}.", next.unwrap_or_default());
    }
    match (entry.times_agree, entry.command_agrees) {
        (Some(true), true) => format!("{source} says so: `{times}` {command}."),
        (Some(true), false) => format!("These are the times of {source}: `{times}` {command}."),
        (None, _) => format!("{source} names the same command: `{times}` {command}."),
        _ => format!("{source} names the same command for other times: `{times}` {command}."),
    }
}

/// In how many of a backup's windows waits were far longer than usual.
pub fn with_peaks(lang: Lang, with_peaks: u64, windows: usize) -> String {
    let Lang::En = lang;
    match (with_peaks, windows) {
        (0, _) => "No peak of the targets' waits began in its time.".to_owned(),
        (_, 1) => "A peak of the targets' waits began in its time.".to_owned(),
        _ => format!("Peaks of the targets' waits began in {with_peaks} of its {windows} windows."),
    }
}

/// Schedules that were not understood: the first few by name.
pub(super) fn missing(lang: Lang, entries: &[MissingEntry], all: u64) -> String {
    let Lang::En = lang;
    let one = |entry: &MissingEntry| {
        let what = match entry.why {
            Trouble::Unreadable => "not readable",
            Trouble::TooLarge => "too large, or too many",
            Trouble::Malformed => "not well formed",
            Trouble::Times => "times not understood",
            Trouble::Zone => "time zone not known",
            Trouble::Late => "not read in time",
        };
        format!("{} ({what})", entry.source.escape_debug())
    };
    let named: Vec<String> = entries.iter().map(one).collect();
    format!("{all} of the host's schedule entries are missing here: {}.", named.join(", "))
}

/// Reading the schedules took too long, as watching begins.
pub fn late(lang: Lang, problem: &Problem, limit_ms: u128) -> String {
    let Lang::En = lang;
    format!(
        "the host's schedules were not read within {limit_ms} ms: from {} on they are missing",
        problem.source.escape_debug()
    )
}

/// Parts of the history that were not used.
pub(super) fn left_out(lang: Lang, captures: u64) -> String {
    let Lang::En = lang;
    format!(
        "{captures} of the other captures are of another host, or of a time that is in two of them: they are left out of \
         the history."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Property: rhythms read as people write them down.
    #[test]
    fn rhythms_are_as_people_say_them() {
        let say = |period, minute| rhythm(Lang::En, period, minute);
        assert_eq!(say(HOUR, Some(5)), "every hour at :05");
        assert_eq!(say(43_200, Some(5)), "every 12 h at 00:05, 12:05");
        assert_eq!(say(DAY, Some(150)), "every day at 02:30");
        assert_eq!(say(WEEK, Some(6 * 1_440 + 150)), "every Sunday at 02:30");
        assert_eq!(say(900, Some(5)), "every 15 min at :05, :20, :35, :50");
        assert_eq!(say(300, Some(2)), "every 5 min from :02 on");
        assert_eq!(say(7_200, Some(65)), "every 2 h from 01:05 on");
        assert_eq!(say(60, Some(0)), "every minute");
        assert_eq!(say(3_620, None), "every 1 h 20 s, at no fixed time of the clock");
    }

    /// Property: runs are counted, not the times that they are close together in.
    #[test]
    fn runs_are_counted_one_by_one() {
        let say = |windows, processes| ran(Lang::En, "x", windows, processes);
        assert_eq!(say(1, 1), "The backup `x` ran once");
        assert_eq!(say(1, 6), "The backup `x` ran 6 times, close together");
        assert_eq!(say(4, 13), "The backup `x` ran 13 times, in 4 groups");
        assert_eq!(say(4, 4), "The backup `x` ran 4 times");
        assert_eq!(say(5, 1), "The backup `x` ran 5 times", "one process that goes on");
    }

    /// Property: what is missing is said with numbers.
    #[test]
    fn what_is_missing_is_said() {
        let say = |why| not_yet(Lang::En, &why);
        let closest = Some(Closest { seconds: 3_600, cycles: 2 });
        assert_eq!(
            say(NotYet::TooFew { starts: 3, closest }),
            "No period yet: it began 3 times, 2 cycles of 1 h apart; it needs 3 to infer a period."
        );
        assert!(say(NotYet::TooFew { starts: 1, closest: None }).contains("it needs 4 runs"));
        assert!(
            say(NotYet::NotSignificant { seconds: 3_600, cycles: 5, missed: 1 }).contains("5 of 6")
        );
        assert!(say(NotYet::Irregular { starts: 40 }).contains("40 times"));
    }
}
