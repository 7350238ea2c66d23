//! The short summary in words: the state, why, who, what to do first, what was not seen.

use super::names::{Names, time_of_day};
use super::{Lang, findings, newer};
use crate::ids::FileClass;
use crate::report::{Advice, Conclusion, Effect, Newer, Share, VictimState, WaitKind};
use crate::style::Style;
use crate::units;

/// A time, and no more digits than a person reads.
fn time(ns: u64) -> String {
    units::duration(ns, &Style::default())
}

/// The state of some victims in one line.
pub fn state(lang: Lang, who: &str, device: Option<&str>, answer: &str) -> String {
    let Lang::En = lang;
    let device = device.map(|device| format!(" on {device}")).unwrap_or_default();
    format!("{who}{device}: {answer}")
}

/// Several names as one.
pub fn names(lang: Lang, first: &str, more: usize) -> String {
    let Lang::En = lang;
    if more == 0 { first.to_owned() } else { format!("{first} and {more} more") }
}

/// In place of victims.
pub fn nobody(lang: Lang) -> &'static str {
    let Lang::En = lang;
    "no target"
}

/// How long waits of one sort are, against their limit. `who` is empty where there is one victim.
pub fn stands(
    lang: Lang,
    who: &str,
    (class, kind): (FileClass, Option<WaitKind>),
    [p99_ns, limit_ns, worst_ns]: [u64; 3],
) -> String {
    let Lang::En = lang;
    let who = if who.is_empty() { String::new() } else { format!("{who} ") };
    let kind = kind.map_or("", |kind| kind.name());
    format!(
        "{who}{} {kind} p99 {} (limit {}), worst {}",
        class.name(),
        time(p99_ns),
        time(limit_ns),
        time(worst_ns)
    )
}

/// Waits too few to be judged.
pub fn too_few(lang: Lang, who: &str, count: u64, worst_ns: u64) -> String {
    let Lang::En = lang;
    let waits = if count == 1 { "wait" } else { "waits" };
    format!("{who}: {} {waits}, worst {}", units::count(count), time(worst_ns))
}

/// Victims that are left out.
pub fn more_waits(lang: Lang, count: usize) -> String {
    let Lang::En = lang;
    format!("and {count} more")
}

/// Why the state is what it is, without the numbers of the waits.
pub fn why(names: &Names<'_>, conclusion: &Conclusion) -> String {
    let Lang::En = names.lang;
    match conclusion {
        Conclusion::OthersCause { share, .. } => {
            format!("neighbours cause {} of the waits above their limit", whole_percent(*share))
        }
        Conclusion::AtTimes { .. } => {
            "fine over the whole time, but not while a neighbour is at work".to_owned()
        }
        Conclusion::Stalls { .. } => "neighbours stall it now and then".to_owned(),
        Conclusion::FineButStalls { .. } => {
            "no wait is above its limit, but for stalls without a culprit".to_owned()
        }
        Conclusion::CpuStarved { ready, others, .. } => {
            let others = others.map_or_else(String::new, |others| {
                format!(", neighbours on the disk {}", whole_percent(others))
            });
            format!(
                "waiting for CPU takes {} of the waits above their limit{others}",
                whole_percent(*ready)
            )
        }
        Conclusion::NoCpu { .. } => "most of the time its threads were on a CPU".to_owned(),
        Conclusion::DiskItself { disk, others, .. } => format!(
            "own IO and the disk itself take {} of the waits above their limit, neighbours {}",
            whole_percent(*disk),
            whole_percent(*others)
        ),
        Conclusion::LimitHolds { limit, others, .. } => format!(
            "a limit on its own IO takes {} of the waits above their limit, neighbours {}",
            whole_percent(*limit),
            whole_percent(*others)
        ),
        Conclusion::WaitsFine { .. } => "no wait for the disk is above its limit".to_owned(),
        Conclusion::Missing { reason } => findings::reason(names, reason),
        Conclusion::Newer(Newer { code }) => newer(names.lang, code),
    }
}

/// Without decimals from 1 % on.
fn whole_percent(share: Share) -> String {
    share_of(share.millionths(), Share::WHOLE)
}

/// A part of a whole without decimals, unless it is below 1 %.
pub fn share_of(part: u64, whole: u64) -> String {
    if whole == 0 || part.saturating_mul(100) < whole {
        return units::share(part, whole).unwrap_or_default();
    }
    let hundredths = (u128::from(part) * 100 + u128::from(whole) / 2) / u128::from(whole);
    format!("{hundredths} %")
}

/// Stalls: how many, from which length on, the longest sync in them, when that was, and by whom or what.
pub fn stalls(
    lang: Lang,
    count: u64,
    [limit_ns, worst_ns]: [u64; 2],
    start: &str,
    by: &str,
) -> String {
    let Lang::En = lang;
    format!(
        "{} of {} or longer, worst {} at {}: {by}",
        units::count(count),
        time(limit_ns),
        time(worst_ns),
        time_of_day(start)
    )
}

/// Mean and 99th percentile of waits beside somebody, and without.
pub fn beside(lang: Lang, who: &str, with: [u64; 2], without: [u64; 2]) -> String {
    let Lang::En = lang;
    let [[with_mean, with_p99], [mean, p99]] = [with.map(time), without.map(time)];
    format!("beside {who}: mean {with_mean}, p99 {with_p99}; without {mean} and {p99}")
}

/// In place of a culprit's name: whoever else used the disk.
pub fn anybody(lang: Lang) -> &'static str {
    let Lang::En = lang;
    "other IO"
}

/// What took time and is nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nobody {
    /// IO of which nothing is known.
    Unattributed,
    /// The victim's own IO, and the disk.
    Device,
    /// A limit on the victim's own IO.
    Limit,
    /// No CPU for a thread that was ready.
    NoCpu,
    /// The victim's own time on a CPU.
    OwnWork,
    /// It is not known.
    Unexplained,
    /// All that is small.
    Others(usize),
}

/// Its name.
pub fn nobody_named(lang: Lang, what: Nobody) -> String {
    let Lang::En = lang;
    match what {
        Nobody::Unattributed => "unattributed IO".to_owned(),
        Nobody::Device => "own IO and the disk".to_owned(),
        Nobody::Limit => "a limit on its own IO".to_owned(),
        Nobody::NoCpu => "waiting for CPU".to_owned(),
        Nobody::OwnWork => "on a CPU itself".to_owned(),
        Nobody::Unexplained => "unexplained".to_owned(),
        Nobody::Others(count) => format!("others ({count})"),
    }
}

/// What was seen of somebody: its runs where there are several, and its bytes.
pub fn seen(lang: Lang, count: usize, are_runs: bool, bytes: u64) -> String {
    let Lang::En = lang;
    let what = if are_runs { "runs" } else { "processes" };
    let runs =
        if count > 1 { format!("{} {what}", units::count(count as u64)) } else { String::new() };
    let bytes = if bytes > 0 { units::bytes(bytes) } else { String::new() };
    let both = [runs, bytes];
    both.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// What was not seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unseen<'a> {
    /// Events that were lost.
    Lost {
        /// How many.
        lost: u64,
        /// Of how many.
        seen: u64,
    },
    /// A part of the bytes that belongs to nobody.
    Unattributed {
        /// Bytes.
        bytes: u64,
        /// Of so many.
        of: u64,
    },
    /// Patterns that could not be looked for.
    Unasked(usize),
    /// What never is.
    Always {
        /// The disk.
        device: Option<&'a str>,
    },
}

/// It in words.
pub fn unseen(lang: Lang, what: Unseen<'_>) -> String {
    let Lang::En = lang;
    match what {
        Unseen::Lost { lost, seen } => {
            format!("{} of {} events (lost)", units::count(lost), units::count(seen))
        }
        Unseen::Unattributed { bytes, of } => format!("who did {} of the IO", share_of(bytes, of)),
        Unseen::Unasked(1) => "1 pattern (too little to say)".to_owned(),
        Unseen::Unasked(count) => format!("{count} patterns (too little to say)"),
        Unseen::Always { device: Some(device) } => {
            format!("below {device}, other members, the network, logs")
        }
        Unseen::Always { device: None } => "other members, the network, logs".to_owned(),
    }
}

/// What an action should do, in numbers; nothing where there are none.
pub fn expected(lang: Lang, advice: &Advice) -> Option<String> {
    let Lang::En = lang;
    let Effect { p99_before_ns, p99_expected_ns, error_factor, .. } = advice.effect.as_ref()?;
    Some(format!(
        "expected p99 {} (now {}, within a factor of {})",
        time(*p99_expected_ns),
        time(*p99_before_ns),
        units::decimal(*error_factor)
    ))
}

/// What to do where nothing is recommended.
pub fn nothing_to_do(lang: Lang, answer: Option<VictimState>) -> &'static str {
    let Lang::En = lang;
    match answer {
        Some(VictimState::SlowDisk) => {
            "no setting here helps: look at the disk itself, its limits and its cache flushes"
        }
        Some(VictimState::Contended) => {
            "no setting here is known to help: move one of them to another disk"
        }
        Some(VictimState::Throttled) => {
            "find what holds it back: io.max, io.latency and iocost of its cgroup, wbt and tags of the disk"
        }
        Some(VictimState::CpuStarved) => {
            "give it CPU: cpu.weight and cpu.max of its cgroup, or move what else runs on its CPUs"
        }
        Some(VictimState::Fine) => "nothing: leave the limits as they are",
        Some(VictimState::NotTheDisk) => "look elsewhere: CPU, network, other members, clients",
        Some(VictimState::CannotTell) | None => {
            "watch longer, or while it is slow; iocontend doctor says what is missing"
        }
    }
}

/// What to do about a limit of a cgroup that is known.
pub fn lift(lang: Lang, file: &str, value: &str, cgroup: &str) -> String {
    let Lang::En = lang;
    format!("raise or lift {file} of {cgroup}: {value}")
}

/// Further actions.
pub fn more_advice(lang: Lang, recommended: usize, refused: usize) -> Option<String> {
    let Lang::En = lang;
    Some(match (recommended, refused) {
        (0, 0) => return None,
        (more, 0) => format!("{more} more: iocontend advise"),
        (0, refused) => format!("not useful here ({refused}): iocontend advise --why-not"),
        (more, refused) => {
            format!("{more} more: iocontend advise; not useful here ({refused}): --why-not")
        }
    })
}

/// What is not useful here, in one line.
pub fn not_useful(lang: Lang, count: usize, ids: &str) -> String {
    let Lang::En = lang;
    format!("Not useful here ({count}): {ids}. --why-not says why.")
}

/// Commands that are too long for a line.
pub fn commands_elsewhere(lang: Lang) -> &'static str {
    let Lang::En = lang;
    "its commands: iocontend advise"
}

/// Where the rest is.
pub fn rest(lang: Lang) -> &'static str {
    let Lang::En = lang;
    "--full shows all tables, -o json all numbers"
}

/// An interval of one victim, in one line.
pub fn interval(lang: Lang, at: &str, said: &str) -> String {
    let Lang::En = lang;
    format!("{at} {said}")
}

/// What an interval says of a victim.
pub fn interval_state(
    lang: Lang,
    (who, answer): (&str, &str),
    [p99_ns, worst_ns]: [u64; 2],
    cause: Option<(&str, u64)>,
) -> String {
    let Lang::En = lang;
    let cause = cause.map(|(name, ns)| format!("; {name} {}", time(ns))).unwrap_or_default();
    format!("{who} {answer}: p99 {}, worst {}{cause}", time(p99_ns), time(worst_ns))
}

/// An interval in which nobody waited.
pub fn no_waits(lang: Lang) -> &'static str {
    let Lang::En = lang;
    "no target waited for the disk"
}
