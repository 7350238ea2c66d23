//! What findings and the verdict say: summaries, caveats, reasons.

use super::names::{Names, percent, safe, time, time_of_day};
use super::{Lang, newer, notes, periods};
use crate::report::{
    Caveat, Conclusion, Culprit, Evidence, Finding, LongestSync, Mostly, Newer, Pattern, Reason,
    Scheduled, Standing,
};
use crate::units;

/// A finding in one sentence, or a few.
pub fn summary(names: &Names<'_>, found: &Finding) -> String {
    let Lang::En = names.lang;
    let Some(evidence) = &found.evidence else { return newer(names.lang, found.id.name()) };
    let victim = names.long(&found.victim);
    let disk = found.device.as_deref().map_or_else(|| "its disk".to_owned(), safe);
    let figures = figures(names.lang, evidence);
    let culprits = || culprits(names, found);
    match &found.id {
        Pattern::ColocatedDisk => {
            format!("{victim} shares {disk} with others, who cause {figures}: {}.", culprits())
        }
        Pattern::SnapshotContention => by_backup(names, found, evidence, &(victim, disk, figures)),
        Pattern::JournalEntanglement => format!(
            "{victim} waits for commits of the journal on {disk} that others fill, {figures}: {}.",
            culprits()
        ),
        Pattern::PreFsyncStall => format!(
            "write(2) of {victim} on its {} blocks before the sync: {} writes (p99 {}, max {}) beside {} syncs that are \
             fine (p99 {}). etcd's own metric of syncs cannot see it.",
            evidence.file_class.name(),
            units::count(evidence.count),
            time(evidence.p99_ns),
            time(evidence.max_ns),
            units::count(evidence.sync_count.unwrap_or(0)),
            time(evidence.sync_p99_ns.unwrap_or(0)),
        ),
        Pattern::SnapshotReadBurst => format!(
            "{victim} reads its own database ({}, as for a snapshot) from {disk} ahead of its log: {figures}.",
            units::bytes(evidence.db_read_bytes.unwrap_or(0))
        ),
        Pattern::DbPageFaults => format!(
            "Pages of the database of {victim} were evicted and come back from the disk: {} page faults took {} in all \
             (max {}).",
            units::count(evidence.count),
            time(evidence.sum_ns),
            time(evidence.max_ns),
        ),
        Pattern::SlowDisk => {
            let depth = evidence.depth_while_busy.map(units::decimal);
            let depth = depth
                .map_or_else(String::new, |depth| format!(" at a mean of {depth} requests in it"));
            let others = percent(found.others_share.unwrap_or_default());
            format!(
                "{disk} is slow by itself: {victim} spends {figures} on it{depth}; others cause {others}."
            )
        }
        Pattern::Throttled => format!("A limit of the kernel's holds {victim} back: {figures}."),
        Pattern::CpuStarved => {
            format!("{victim} waits for CPU: {figures}.")
        }
        Pattern::FlushBound => {
            format!("Flushing the cache of {disk} dominates: {victim} spends {figures} in it.")
        }
        Pattern::Stalls => stalled(names, found, evidence, &victim),
        Pattern::NotTheDisk => format!("Waits of {victim} for the disk are fine."),
        Pattern::Newer(name) => newer(names.lang, name),
    }
}

/// A backup: what it does, what was measured beside it, whether it comes again, and who says so.
fn by_backup(
    names: &Names<'_>,
    found: &Finding,
    evidence: &Evidence,
    (victim, disk, figures): &(String, String, String),
) -> String {
    let Lang::En = names.lang;
    let first = found.culprits.first();
    let backup = first.map(|first| runs_of(names, first)).unwrap_or_default();
    let makes = if first.is_some_and(|first| first.runs > 1) { "make" } else { "makes" };
    let mut said = vec![format!("{backup} {makes} {victim} wait for {disk}: {figures}.")];
    if let (Some(alone), Some(shared)) = (evidence.alone_mean_ns, evidence.shared_mean_ns) {
        let (alone, shared) = (time(alone), time(shared));
        said.push(format!("While it is at work a sync takes {shared} on average, else {alone}."));
    }
    said.extend(comes_again(names, found));
    said.join(" ")
}

/// Stalls: how often, behind whom, how long, whether they come again.
fn stalled(names: &Names<'_>, found: &Finding, evidence: &Evidence, victim: &str) -> String {
    let Lang::En = names.lang;
    let times = match evidence.stalls.unwrap_or_default() {
        1 => "once".to_owned(),
        more => format!("{} times", units::count(more)),
    };
    let (line, longest) = (time(evidence.limit_ns), time(evidence.max_ns));
    let all = time(evidence.stalled_ns.unwrap_or_default());
    let at = time_of_day(evidence.stall_start.as_deref().unwrap_or_default());
    let took =
        format!("syncs of {line} or longer took {all} in all, the longest {longest} at {at}");
    let mut said =
        vec![format!("{victim} stalled {times} behind {}: {took}.", culprits(names, found))];
    said.extend(comes_again(names, found));
    said.join(" ")
}

/// Whether the culprits come again, and who says so.
fn comes_again(names: &Names<'_>, found: &Finding) -> Vec<String> {
    let Lang::En = names.lang;
    let mut said = Vec::new();
    let activity = found.activity.and_then(|at| names.report.activity.as_ref()?.get(at));
    if let Some(period) = activity.and_then(|activity| activity.period.as_ref()) {
        said.push(format!("It comes again {}.", periods::claim(names.lang, period)));
    }
    if let Some(entry) = activity.and_then(|activity| activity.schedule.as_ref()) {
        said.push(periods::entry(names.lang, false, &harmless(entry)));
    }
    said
}

/// Stalls without a culprit, and what held them up.
fn stalls_of_nobody(lang: Lang, count: u64, longest: &LongestSync, mostly: Mostly) -> String {
    let Lang::En = lang;
    let (took, at) = (time(longest.duration_ns), time_of_day(&longest.start));
    let why = held_up(lang, mostly);
    match count {
        1 => format!("1 stall of {took} at {at}: {why}"),
        more => format!("{} stalls, the longest {took} at {at}: {why}", units::count(more)),
    }
}

/// What makes most of a stall's time that has no culprit.
pub fn held_up(lang: Lang, mostly: Mostly) -> &'static str {
    let Lang::En = lang;
    match mostly {
        Mostly::Others => "several causes, none of them most of it",
        Mostly::Disk => "the disk itself",
        Mostly::Cpu => "no CPU, or on one",
        Mostly::Unknown => "cause not known",
    }
}

/// An entry without control characters.
fn harmless(entry: &Scheduled) -> Scheduled {
    Scheduled {
        source: safe(&entry.source),
        entry: safe(&entry.entry),
        command: safe(&entry.command),
        ..entry.clone()
    }
}

/// Those it is about, each with its share of the wait.
fn culprits(names: &Names<'_>, found: &Finding) -> String {
    let one = |culprit: &Culprit| format!("{} {}", runs_of(names, culprit), percent(culprit.share));
    found.culprits.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A culprit by the name of the run with most, and how many others there are.
fn runs_of(names: &Names<'_>, culprit: &Culprit) -> String {
    let Lang::En = names.lang;
    let name = names.long(&culprit.actor);
    match culprit.runs.saturating_sub(1) {
        0 => name,
        1 => format!("{name} and one more run of it"),
        more => format!("{name} and {} more runs of it", units::count(more)),
    }
}

/// A share of waits, and how long they are.
fn figures(lang: Lang, of: &Evidence) -> String {
    let Lang::En = lang;
    let (share, class, kind) = (percent(of.share), of.file_class.name(), of.wait.name());
    let (p99, limit) = (time(of.p99_ns), time(of.limit_ns));
    format!("{share} of the time in its {class} {kind}s (p99 {p99}, limit {limit})")
}

/// What speaks against a finding.
pub fn caveat(lang: Lang, caveat: &Caveat) -> String {
    let Lang::En = lang;
    match caveat {
        Caveat::FewWaits { count } => format!(
            "Only {count} waits: the 99th percentile is little more than the longest of them."
        ),
        Caveat::EventsLost { lost, seen } => events_lost(lang, *lost, *seen),
        Caveat::Unattributed { bytes, io_bytes } => format!(
            "{} of all bytes are unattributed.",
            units::share(*bytes, *io_bytes).unwrap_or_default()
        ),
        Caveat::Unexplained { share } => {
            format!("{} of these waits is unexplained.", percent(*share))
        }
        Caveat::NotLonger => {
            "Measured side by side, waits are no longer beside the first of them than without it."
                .to_owned()
        }
        Caveat::NotCompared => {
            "Waits with and without the first of them could not be compared.".to_owned()
        }
        Caveat::SharedByBlocks => {
            "A commit is shared by the blocks that each put into it; what a block costs may differ."
                .to_owned()
        }
        Caveat::NoPeriod { why: Some(why) } => periods::not_yet(lang, why),
        Caveat::NoPeriod { why: None } => {
            "Whether it comes again, and what starts it then, is not known.".to_owned()
        }
        Caveat::AskerUnseen => {
            "Who asked for the data is not seen here: it may be a backup on another host.".to_owned()
        }
        Caveat::DirtyPages => {
            "Most of it are pauses because of dirty pages: somebody writes faster than the disk takes it."
                .to_owned()
        }
        Caveat::WriterUnknown => "Who filled the page cache is not known.".to_owned(),
        Caveat::MemoryTakerUnseen => "Who took the memory is not seen here.".to_owned(),
        Caveat::LimitUnseen => {
            "Which limit is not seen: io.max, io.weight, io.latency, writeback throttling, or a lack of tags.".to_owned()
        }
        Caveat::WhoRanUnseen => {
            "Who had the CPU is not seen: cpu.max of its own cgroup, other processes, or steal by a hypervisor. cpu.stat and \
             top tell them apart."
                .to_owned()
        }
        Caveat::BelowDeviceUnseen => {
            "Below the device nothing is seen: a hypervisor's limit or a neighbour on the same storage looks the same."
                .to_owned()
        }
        Caveat::LimitSet { file, cgroup, device, value } => {
            format!("{file} of {cgroup} limits it on {device}: {value}.")
        }
        Caveat::IocostOn { device } => {
            format!("iocost is on for {device}, and may hold it back for others with more weight.")
        }
        Caveat::LimitOfDisk { device, wbt_us, nr_requests } => {
            limit_of_disk(lang, device, *wbt_us, *nr_requests)
        }
        Caveat::Newer(Newer { code }) => newer(lang, code),
    }
}

/// No cgroup of it limits it. `wbt_us` is the goal of writeback throttling, 0 where it is off, `None` where that is not known.
fn limit_of_disk(lang: Lang, disk: &str, wbt_us: Option<u64>, nr_requests: Option<u32>) -> String {
    let Lang::En = lang;
    let wbt = match wbt_us {
        Some(0) => None,
        Some(us) => Some(format!("writeback throttling (wbt_lat_usec {us})")),
        None => Some("writeback throttling, if it is on".to_owned()),
    };
    let requests = nr_requests.map_or_else(
        || "all requests of the queue being taken".to_owned(),
        |count| format!("all requests of the queue being taken (nr_requests {count})"),
    );
    let peers = "an io.latency goal of another cgroup".to_owned();
    let left: Vec<String> = wbt.into_iter().chain([requests, peers]).collect();
    format!("io.max limits none of its cgroups on {disk}: what is left is {}.", left.join(", or "))
}

fn events_lost(lang: Lang, lost: u64, seen: u64) -> String {
    let Lang::En = lang;
    format!("{} of {} events were lost.", units::count(lost), units::count(seen))
}

/// Where waits stand.
fn stands(names: &Names<'_>, of: &Standing) -> String {
    let Lang::En = names.lang;
    let (class, kind) = (of.file_class.name(), of.wait.map_or("", |kind| kind.name()));
    let (p99, max, limit) = (time(of.p99_ns), time(of.max_ns), time(of.limit_ns));
    format!("{class} {kind} of {}: p99 {p99}, max {max}, limit {limit}", names.long(&of.victim))
}

/// The verdict in one sentence.
pub fn conclusion(names: &Names<'_>, conclusion: &Conclusion) -> String {
    let Lang::En = names.lang;
    match conclusion {
        Conclusion::OthersCause { share, culprits, worst } => format!(
            "others cause {} of the waits that are too long: {} ({}).",
            percent(*share),
            names.list(culprits),
            stands(names, worst)
        ),
        Conclusion::AtTimes { finding } => {
            let found = names.report.findings.as_ref().and_then(|all| all.get(*finding));
            let found = found.map(|found| summary(names, found)).unwrap_or_default();
            format!("fine on the whole, but at times: {found}")
        }
        Conclusion::CpuStarved { ready, others, worst } => {
            let others = others.map_or_else(String::new, |others| {
                format!("; others on the disk cause {}", percent(others))
            });
            format!(
                "waiting for CPU causes {} of the waits that are too long{others} ({}).",
                percent(*ready),
                stands(names, worst)
            )
        }
        Conclusion::NoCpu { worst } => {
            format!("most of the waits' time the thread was on a CPU ({}).", stands(names, worst))
        }
        Conclusion::DiskItself { disk, others, worst } => format!(
            "the disk itself causes {} of the waits that are too long, others {} ({}).",
            percent(*disk),
            percent(*others),
            stands(names, worst)
        ),
        Conclusion::LimitHolds { limit, others, worst } => format!(
            "a limit on their own IO causes {} of the waits that are too long, others {} ({}).",
            percent(*limit),
            percent(*others),
            stands(names, worst)
        ),
        Conclusion::WaitsFine { worst } => {
            format!("waits for the disk are fine ({}).", stands(names, worst))
        }
        Conclusion::Stalls { finding } => {
            let found = names.report.findings.as_ref().and_then(|all| all.get(*finding));
            found.map(|found| summary(names, found)).unwrap_or_default()
        }
        Conclusion::FineButStalls { worst, stalls, longest, mostly } => format!(
            "waits for the disk are fine on the whole ({}), but for {}.",
            stands(names, worst),
            stalls_of_nobody(names.lang, *stalls, longest, *mostly)
        ),
        Conclusion::Missing { reason: missing } => reason(names, missing),
        Conclusion::Newer(Newer { code }) => newer(names.lang, code),
    }
}

/// What a verdict rests on, or why something cannot be said.
pub fn reason(names: &Names<'_>, reason: &Reason) -> String {
    let Lang::En = names.lang;
    match reason {
        Reason::Stands(standing) => stands(names, standing),
        Reason::Shares { named, unnamed, disk, cpu, unexplained } => format!(
            "Of the waits that are too long, others are charged with {}, IO that nobody could be named for with {}, the \
             disk itself with {}, the CPU or a lack of it with {}; {} is not explained.",
            percent(*named),
            percent(*unnamed),
            percent(*disk),
            percent(*cpu),
            percent(*unexplained),
        ),
        Reason::NoTarget => "No target was there.".to_owned(),
        Reason::NoWaits => "No target waited on files that a limit is known for.".to_owned(),
        Reason::TooFewWaits { count, needed } => {
            format!("There were only {count} waits; it takes {needed}.")
        }
        Reason::NoBlame { file_class: None } => {
            "Who caused the waits was not computed.".to_owned()
        }
        Reason::NoBlame { file_class: Some(class) } => {
            format!("Who caused the waits on {} was not computed.", class.name())
        }
        Reason::EventsLost { lost, seen } => events_lost(names.lang, *lost, *seen),
        Reason::StallsOfNobody { count, longest, mostly } => {
            let said = stalls_of_nobody(names.lang, *count, longest, *mostly);
            format!("Nobody was found for {said}. That is not that there was no cause.")
        }
        Reason::NoTimeline => "Single seconds were not looked at.".to_owned(),
        Reason::NotTakenApart => "The waits have no breakdown.".to_owned(),
        Reason::NoThreadWaits => "Waits in write(2) and in page faults were not watched.".to_owned(),
        Reason::SyncsNotTimed { filesystem, hook, why } => {
            notes::not_timed(names.lang, *filesystem, hook, why.as_ref())
        }
        Reason::LogsNotRead => {
            "Whether requests are slow all the same stands in logs and metrics, which this version does not read."
                .to_owned()
        }
        Reason::Newer(Newer { code }) => newer(names.lang, code),
    }
}

/// What this version does not look at.
pub fn not_looked_at(lang: Lang) -> [&'static str; 4] {
    let Lang::En = lang;
    [
        "Logs of etcd, of the API server and of backups are not read, nor are metrics beyond the second source.",
        "Other members, the network between them, and who leads are not looked at.",
        "Below the block device nothing is seen: firmware, a hypervisor, a neighbour on the same storage.",
        "Pressure is that of the whole host's IO; that of single cgroups, of memory and of the CPU is not read.",
    ]
}
