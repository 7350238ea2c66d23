//! Sentences with values in them. Values arrive formatted (`units`); names in them as they came from outside: writers make them safe.

use super::Lang;
use crate::etcd_heartbeat::HeartbeatSource;
use crate::units;

/// A sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Msg<'a> {
    /// Everything is attached and counting has begun.
    Watching,
    /// The verdict.
    Verdict {
        /// In a word or two.
        answer: &'a str,
        /// In a sentence.
        summary: &'a str,
    },
    /// How sure a finding is.
    Confidence {
        /// Its pattern.
        id: &'a str,
        /// How sure.
        sure: &'a str,
    },
    /// Patterns that could not be looked for.
    Unasked {
        /// Which.
        rules: &'a str,
        /// Why, a sentence.
        reason: &'a str,
    },
    /// Of stalls.
    OfStalls(OfStalls<'a>),
    /// Small rows of blame, put together.
    SmallRows(&'a str),
    /// Title of a ticket.
    TicketTitle {
        /// The host.
        host: &'a str,
        /// The verdict in a word or two; empty without one.
        answer: &'a str,
    },
    /// Command lines are as they were: in this report, or only in the recording.
    Secrets {
        /// In this report.
        is_here: bool,
    },
    /// Which program wrote a ticket.
    Version(&'a str),
    /// No rule fired.
    NothingFound,
    /// The numbers of a finding.
    Evidence(&'a str),
    /// A file system on a device.
    Mounted {
        /// The device.
        device: &'a str,
        /// The file system's type.
        fstype: &'a str,
        /// Where it is mounted.
        point: &'a str,
        /// Its options.
        options: &'a str,
    },
    /// Who started a process.
    StartedBy(&'a str),
    /// The time a report covers.
    Window {
        /// Its start.
        start: &'a str,
        /// Its end.
        end: &'a str,
        /// Its length.
        duration: &'a str,
    },
    /// Number of CPUs.
    Cpus(&'a str),
    /// The cgroup hierarchy.
    Cgroups(&'a str),
    /// IO pressure as shares of the window.
    Pressure {
        /// Share of time with at least one task waiting.
        some: &'a str,
        /// Share of time with all tasks waiting.
        full: &'a str,
    },
    /// One device's line in an interval.
    DeviceLine {
        /// Its name.
        name: &'a str,
        /// Requests per second.
        iops: &'a str,
        /// Bytes per second.
        rate: &'a str,
    },
    /// Share of time with a request in the device.
    Busy(&'a str),
    /// Mean number of requests in the device.
    Depth(&'a str),
    /// Cache flushes per second.
    FlushRate(&'a str),
    /// An actor's waits in one call.
    Waits {
        /// The actor.
        actor: &'a str,
        /// The call.
        call: &'a str,
        /// The class of file, with its path where known.
        file: &'a str,
        /// Number of calls.
        count: &'a str,
    },
    /// How often an actor's threads were ready to run and waited for a CPU.
    RunQueue {
        /// The actor.
        actor: &'a str,
        /// Number of times a thread got a CPU.
        count: &'a str,
    },
    /// A distribution in a line.
    Quantiles {
        /// Mean.
        mean: &'a str,
        /// Median.
        p50: &'a str,
        /// 99th percentile.
        p99: &'a str,
        /// Maximum.
        max: &'a str,
    },
    /// What waits were made of.
    MadeOf(&'a str),
    /// One wait.
    OneWait {
        /// The actor.
        actor: &'a str,
        /// The call.
        call: &'a str,
        /// The class of file, with its path where known.
        file: &'a str,
        /// The time of day at its begin.
        at: &'a str,
        /// Its length.
        took: &'a str,
    },
    /// Rows that a table leaves out.
    AndMore {
        /// Number of rows.
        rows: &'a str,
        /// Their requests.
        requests: &'a str,
        /// Their bytes.
        bytes: &'a str,
    },
    /// All rows of a table.
    InAll {
        /// Their requests.
        requests: &'a str,
        /// Their bytes.
        bytes: &'a str,
    },
    /// Nothing happened.
    NoIo,
    /// No target waited.
    NoWaits,
    /// A selector that matched nobody.
    NoMatch(&'a str),
    /// Events seen, and all of them kept.
    AllKept {
        /// Seen.
        seen: &'a str,
    },
    /// Events that were lost.
    Lost {
        /// How many.
        lost: &'a str,
        /// Of how many.
        seen: &'a str,
        /// By reason.
        reasons: &'a str,
    },
    /// Bytes by method.
    AttributedBytes {
        /// All bytes.
        bytes: &'a str,
        /// Share by method.
        shares: &'a str,
    },
    /// What watching cost.
    Cost {
        /// Run time of all programs.
        total: &'a str,
        /// The same per request.
        per_io: &'a str,
    },
    /// Memory of the kernel-side maps.
    Maps(&'a str),
    /// Our waits beside etcd's metric.
    SelfCheck {
        /// Calls, ours and theirs.
        counts: (&'a str, &'a str),
        /// Means, ours and theirs.
        means: (&'a str, &'a str),
        /// The etcd.
        actor: &'a str,
    },
    /// What iocontend can do here.
    CanDo(&'a str),
    /// What it could do as root.
    RootCanDo(&'a str),
    /// Rows that a table leaves out, where only their number is of interest.
    MoreRows(&'a str),
    /// Nothing is wrong.
    NoProblems,
    /// There is no advice.
    NoAdvice,
    /// Advice that is left out.
    MoreAdvice(&'a str),
    /// Something with its reason.
    Because {
        /// What.
        what: &'a str,
        /// Why.
        why: &'a str,
    },
    /// What to do about a problem.
    ToDo(&'a str),
    /// Who asked.
    Rights {
        /// Effective user id.
        uid: &'a str,
        /// Capabilities that are missing; empty when none is.
        missing: &'a str,
    },
    /// The cgroup hierarchies.
    CgroupsHere {
        /// The version.
        version: &'a str,
        /// The version that accounts IO; empty when none does.
        io: &'a str,
    },
    /// Ways of attribution by what is known of them; lists, empty when there are none.
    Attributions {
        /// Those that work.
        yes: &'a str,
        /// Those that nothing here needs.
        not_needed: &'a str,
        /// Those that cannot be looked at.
        unknown: &'a str,
        /// Those that do not work.
        no: &'a str,
    },
    /// A hook that is not in place.
    NotAttached {
        /// The program.
        program: &'a str,
        /// The hook.
        hook: &'a str,
        /// Why.
        reason: &'a str,
    },
}

/// What is said of stalls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfStalls<'a> {
    /// How many stalls there were, and what one is.
    Stalls {
        /// How many.
        count: u64,
        /// A sync of this length is one.
        limit: &'a str,
        /// Where the limit is known from.
        source: HeartbeatSource,
    },
    /// No sync was a stall.
    NoStalls,
    /// Stalls that a table leaves out.
    MoreStalls(&'a str),
    /// A culprit with its share, and how many runs of it there are.
    CulpritShare {
        /// Its name.
        name: &'a str,
        /// How many runs it stands for.
        runs: &'a str,
        /// Its share.
        share: &'a str,
    },
}

/// The text of a message, without a line end.
pub fn text(lang: Lang, msg: &Msg<'_>) -> String {
    match lang {
        Lang::En => english(msg),
    }
}

fn secrets(is_here: bool) -> &'static str {
    if is_here {
        "Command lines are whole (--show-args): they may hold passwords and tokens."
    } else {
        "The recording holds whole command lines, which may hold passwords and tokens; this report hides them."
    }
}

/// Title of a ticket; `answer` is empty without a verdict.
fn ticket_title(host: &str, answer: &str) -> String {
    if answer.is_empty() {
        format!("iocontend on {host}")
    } else {
        format!("iocontend on {host}: {answer}")
    }
}

fn english(msg: &Msg<'_>) -> String {
    match msg {
        Msg::Watching => "watching".to_owned(),
        Msg::Verdict { answer, summary } => format!("{answer}: {summary}"),
        Msg::Confidence { id, sure } => format!("({id}, confidence {sure})"),
        Msg::Unasked { rules, reason } => format!("Not answered: {rules}. {reason}"),
        Msg::OfStalls(msg) => of_stalls(msg),
        Msg::SmallRows(rows) => format!("{rows} smaller ones"),
        Msg::TicketTitle { host, answer } => ticket_title(host, answer),
        Msg::Secrets { is_here } => secrets(*is_here).to_owned(),
        Msg::Version(version) => format!("iocontend {version}"),
        Msg::NothingFound => "No pattern was found.".to_owned(),
        Msg::Evidence(numbers) => format!("numbers: {numbers}"),
        Msg::Mounted { device, fstype, point, options } => {
            format!("{device}: {fstype} on {point}, {options}")
        }
        Msg::StartedBy(starter) => format!("started by {starter}"),
        Msg::Window { start, end, duration } => format!("{start} to {end}, {duration}"),
        Msg::Cpus(count) => format!("{count} CPUs"),
        Msg::Cgroups(version) => format!("cgroup {version}"),
        Msg::Pressure { some, full } => {
            format!("IO held up some task {some} and all tasks {full} of the time")
        }
        Msg::DeviceLine { name, iops, rate } => format!("{name}: {iops} IOPS, {rate}/s"),
        Msg::Busy(share) => format!("busy {share}"),
        Msg::Depth(depth) => format!("depth {depth}"),
        Msg::FlushRate(rate) => format!("{rate} flushes/s"),
        Msg::Waits { actor, call, file, count } => {
            format!("{actor}, {call} of {file}: {count} times")
        }
        Msg::RunQueue { actor, count } => {
            format!("{actor}, waiting for CPU: {count} times")
        }
        Msg::Quantiles { mean, p50, p99, max } => {
            format!("mean {mean}, p50 {p50}, p99 {p99}, max {max}")
        }
        Msg::MadeOf(parts) => format!("breakdown: {parts}"),
        Msg::OneWait { actor, call, file, at, took } => {
            format!("{actor}, at {at}, {call} of {file}: {took}")
        }
        Msg::AndMore { rows, requests, bytes } => {
            format!("and {rows} more: {requests} requests, {bytes}")
        }
        Msg::InAll { requests, bytes } => format!("total: {requests} requests, {bytes}"),
        Msg::NoIo => "No block IO in this window.".to_owned(),
        Msg::NoWaits => "No target waited for storage in a call that is watched.".to_owned(),
        Msg::NoMatch(selector) => format!("{selector}: nothing matched"),
        Msg::AllKept { seen } => format!("{seen} events seen, none lost."),
        Msg::Lost { lost, seen, reasons } => {
            format!("{lost} of {seen} events lost ({reasons}).")
        }
        Msg::AttributedBytes { bytes, shares } => format!("{bytes} attributed: {shares}."),
        Msg::Cost { total, per_io } => {
            format!("The kernel side ran {total} in all, {per_io} per request.")
        }
        Msg::SelfCheck { counts: (ours, theirs), means: (mean, their_mean), actor } => format!(
            "Second source: {actor} itself counts {theirs} syncs of its log with a mean of {their_mean}; here they \
             are {ours} with a mean of {mean}."
        ),
        Msg::Maps(bytes) => format!("Its maps hold {bytes}."),
        Msg::CanDo(what) => format!("iocontend can measure here: {what}"),
        Msg::RootCanDo(what) => format!("as root: {what}"),
        Msg::MoreRows(rows) => format!("and {rows} more: -o json has them all"),
        Msg::NoProblems => "None found.".to_owned(),
        Msg::NoAdvice => {
            "No advice: no action is known to help here; the verdict says why.".to_owned()
        }
        Msg::MoreAdvice(count) => {
            format!("and {count} more: iocontend advise shows them, with risks and how to undo")
        }
        Msg::Because { what, why } => format!("{what}: {why}"),
        Msg::ToDo(action) => format!("do: {action}"),
        Msg::Rights { uid, missing: "" } => format!("uid {uid}, all that is needed"),
        Msg::Rights { uid, missing } => format!("uid {uid}, lacks {missing}"),
        Msg::CgroupsHere { version, io: "" } => format!("{version}; no hierarchy accounts IO"),
        Msg::CgroupsHere { version, io } => format!("{version}; version {io} accounts IO"),
        Msg::Attributions { yes, not_needed, unknown, no } => ways(yes, not_needed, unknown, no),
        Msg::NotAttached { program, hook, reason } => {
            format!("{program} is not attached to {hook}: {reason}.")
        }
    }
}

/// What is said of stalls.
fn of_stalls(msg: &OfStalls<'_>) -> String {
    match msg {
        OfStalls::Stalls { count, limit, source } => stalls(*count, limit, *source),
        OfStalls::NoStalls => "No sync took the heartbeat interval or longer.".to_owned(),
        OfStalls::MoreStalls(count) => format!("and {count} shorter ones: -o json has them"),
        OfStalls::CulpritShare { name, runs, share } => culprit(name, runs, share),
    }
}

/// A culprit with its share; `runs` is empty where it is one process.
fn culprit(name: &str, runs: &str, share: &str) -> String {
    if runs.is_empty() {
        format!("{name} {share}")
    } else {
        format!("{name} ({runs} runs) {share}")
    }
}

/// How many stalls, and what one is.
fn stalls(count: u64, limit: &str, source: HeartbeatSource) -> String {
    let of = match source {
        HeartbeatSource::Default => "etcd's default heartbeat interval",
        HeartbeatSource::Argv => "the heartbeat interval on the command line",
        HeartbeatSource::Environment => "the heartbeat interval in the environment",
        HeartbeatSource::ConfigFile => "the heartbeat interval in etcd's configuration file",
    };
    let stalls = if count == 1 { "stall" } else { "stalls" };
    format!("{} {stalls} with a sync of {limit} or longer ({of}):", units::count(count))
}

/// Ways of attribution; what there is none of is left out.
fn ways(yes: &str, not_needed: &str, unknown: &str, no: &str) -> String {
    let parts = [
        (yes, ""),
        (not_needed, "nothing here needs: "),
        (unknown, "not known: "),
        (no, "not here: "),
    ];
    let said = parts.iter().filter(|(names, _)| !names.is_empty());
    said.map(|(names, before)| format!("{before}{names}")).collect::<Vec<_>>().join("; ")
}
