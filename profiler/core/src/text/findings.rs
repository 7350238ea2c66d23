//! What findings and the verdict say: summaries, caveats, reasons. Names and numbers arrive formatted and made safe.

use super::Lang;
use crate::ids::Role;
use crate::report::Starter;

/// A process in a sentence.
pub struct Somebody<'a> {
    /// What part it plays.
    pub role: Role,
    /// Its name.
    pub name: &'a str,
    /// Its command line, where that says more than its name.
    pub command: Option<&'a str>,
    /// Its process id.
    pub pid: u32,
    /// Who started it.
    pub started_by: Option<(Starter, &'a str)>,
}

/// Numbers about a share of waits.
pub struct Figures<'a> {
    /// The share.
    pub share: &'a str,
    /// The class of file that was waited for.
    pub class: &'a str,
    /// The sort of call.
    pub kind: &'a str,
    /// Their 99th percentile.
    pub p99: &'a str,
    /// The line.
    pub line: &'a str,
}

/// A process: ``the backup `etcdctl snapshot save /b` (pid 7) started by cron``.
pub fn somebody(lang: Lang, who: &Somebody<'_>) -> String {
    let Lang::En = lang;
    let Somebody { role, name, command, pid, started_by } = who;
    let mut text = match (role, command) {
        (Role::Backup, Some(command)) => format!("the backup `{command}` (pid {pid})"),
        (Role::Backup, None) => format!("the backup {name} (pid {pid})"),
        (Role::Kernel, _) => format!("kernel thread {name} (pid {pid})"),
        (_, Some(command)) => format!("`{command}` (pid {pid})"),
        (_, None) => format!("{name} (pid {pid})"),
    };
    if let Some((how, name)) = started_by {
        text.push_str(" started by ");
        text.push_str(&starter(lang, *how, name));
    }
    text
}

/// Who started a process.
pub fn starter(lang: Lang, how: Starter, name: &str) -> String {
    let Lang::En = lang;
    match how {
        Starter::Cron => name.to_owned(),
        Starter::Systemd => format!("systemd ({name})"),
        Starter::Container => format!("a container runtime ({name})"),
        Starter::Ssh => format!("a session over the network ({name})"),
        Starter::Login => format!("a session on a console ({name})"),
    }
}

/// IO that was given to nobody, by its id in the report.
pub fn nobodys(lang: Lang, id: &str) -> String {
    let Lang::En = lang;
    format!("IO that nobody could be named for ({id})")
}

/// In place of a device that is not known.
pub fn its_disk(lang: Lang) -> String {
    let Lang::En = lang;
    "its disk".to_owned()
}

/// Somebody with a share.
pub fn with_share(lang: Lang, who: &str, share: &str) -> String {
    let Lang::En = lang;
    format!("{who} {share}")
}

/// Several in a row.
pub fn list(lang: Lang, all: &[String]) -> String {
    let Lang::En = lang;
    all.join(", ")
}

/// A share of waits, and how long they are.
pub fn figures(lang: Lang, of: &Figures<'_>) -> String {
    let Lang::En = lang;
    let Figures { share, class, kind, p99, line } = of;
    format!("{share} of the time in its {class} {kind}s (p99 {p99}, line {line})")
}

/// `colocated-disk`.
pub fn colocated(lang: Lang, victim: &str, disk: &str, figures: &str, culprits: &str) -> String {
    let Lang::En = lang;
    format!("{victim} shares {disk} with others, who cause {figures}: {culprits}.")
}

/// `snapshot-contention`.
pub fn by_backup(lang: Lang, backup: &str, victim: &str, disk: &str, figures: &str) -> String {
    let Lang::En = lang;
    format!("{backup} makes {victim} wait for {disk}: {figures}.")
}

/// The mean wait without and with a culprit.
pub fn beside(lang: Lang, alone: &str, shared: &str) -> String {
    let Lang::En = lang;
    format!("While it is at work a sync takes {shared} on average, else {alone}.")
}

/// `journal-entanglement`.
pub fn in_journal(lang: Lang, victim: &str, disk: &str, figures: &str, culprits: &str) -> String {
    let Lang::En = lang;
    format!(
        "{victim} waits for commits of the journal on {disk} that others fill, {figures}: {culprits}."
    )
}

/// `pre-fsync-stall`.
pub fn before_sync(
    lang: Lang,
    victim: &str,
    class: &str,
    (writes, write_p99, write_max): (&str, &str, &str),
    (syncs, sync_p99): (&str, &str),
) -> String {
    let Lang::En = lang;
    format!(
        "write(2) of {victim} on its {class} blocks before the sync: {writes} writes (p99 {write_p99}, max \
         {write_max}) beside {syncs} syncs that are fine (p99 {sync_p99}). etcd's own metric of syncs cannot see it."
    )
}

/// `snapshot-read-burst`.
pub fn own_reads(lang: Lang, victim: &str, read: &str, disk: &str, figures: &str) -> String {
    let Lang::En = lang;
    format!(
        "{victim} reads its own database ({read}, as for a snapshot) from {disk} ahead of its log: {figures}."
    )
}

/// `db-page-faults`.
pub fn page_faults(lang: Lang, victim: &str, count: &str, sum: &str, max: &str) -> String {
    let Lang::En = lang;
    format!(
        "Pages of the database of {victim} were evicted and come back from the disk: {count} page faults took {sum} \
         in all (max {max})."
    )
}

/// `slow-disk`.
pub fn slow(
    lang: Lang,
    disk: &str,
    victim: &str,
    figures: &str,
    depth: Option<&str>,
    others: &str,
) -> String {
    let Lang::En = lang;
    let depth =
        depth.map_or_else(String::new, |depth| format!(" at a mean of {depth} requests in it"));
    format!(
        "{disk} is slow by itself: {victim} spends {figures} on it{depth}; others cause {others}."
    )
}

/// `throttled`.
pub fn throttled(lang: Lang, victim: &str, figures: &str) -> String {
    let Lang::En = lang;
    format!("A limit of the kernel's holds {victim} back: {figures}.")
}

/// `flush-bound`.
pub fn flushes(lang: Lang, disk: &str, victim: &str, figures: &str) -> String {
    let Lang::En = lang;
    format!("Flushing the cache of {disk} dominates: {victim} spends {figures} in it.")
}

/// Where waits stand.
pub fn stands(
    lang: Lang,
    victim: &str,
    (class, kind): (&str, &str),
    (p99, max): (&str, &str),
    line: &str,
) -> String {
    let Lang::En = lang;
    format!("{class} {kind} of {victim}: p99 {p99}, max {max}, line {line}")
}

/// Verdict: contended.
pub fn contended(lang: Lang, stands: &str, share: &str, culprits: &str) -> String {
    let Lang::En = lang;
    format!("others cause {share} of the waits that are too long: {culprits} ({stands}).")
}

/// Verdict: contended for a part of the window only.
pub fn at_times(lang: Lang, finding: &str) -> String {
    let Lang::En = lang;
    format!("fine on the whole, but at times: {finding}")
}

/// Verdict: slow.
pub fn slow_verdict(lang: Lang, disk: &str, others: &str, stands: &str) -> String {
    let Lang::En = lang;
    format!(
        "the disk itself causes {disk} of the waits that are too long, others {others} ({stands})."
    )
}

/// Verdict: not the disk, for waits are fine.
pub fn fine(lang: Lang, stands: &str) -> String {
    let Lang::En = lang;
    format!("waits for the disk are fine ({stands}).")
}

/// Verdict: not the disk, for it is the CPU.
pub fn no_cpu(lang: Lang, stands: &str) -> String {
    let Lang::En = lang;
    format!("most of the waits' time the thread had no CPU, or was on one ({stands}).")
}

/// Verdict: cannot tell. What is missing is a sentence.
pub fn cannot_tell(lang: Lang, missing: &str) -> String {
    let Lang::En = lang;
    missing.to_owned()
}

/// Of the waits that are too long, by whom they are charged to: others with a name, others without, the disk itself, the
/// CPU, and what is not known.
pub fn shares(lang: Lang, shares: &[String; 5]) -> String {
    let Lang::En = lang;
    let [named, unnamed, disk, cpu, unknown] = shares;
    format!(
        "Of the waits that are too long, others are charged with {named}, IO that nobody could be named for with \
         {unnamed}, the disk itself with {disk}, the CPU or a lack of it with {cpu}; {unknown} is not explained."
    )
}

/// There is no target.
pub fn no_target(lang: Lang) -> String {
    let Lang::En = lang;
    "No target was there.".to_owned()
}

/// Targets did not wait.
pub fn no_waits(lang: Lang) -> String {
    let Lang::En = lang;
    "No target waited on files that a line is known for.".to_owned()
}

/// Too few waits.
pub fn too_few(lang: Lang, count: u64, needed: u64) -> String {
    let Lang::En = lang;
    format!("There were only {count} waits; it takes {needed}.")
}

/// Nobody was asked about blame.
pub fn no_blame(lang: Lang) -> String {
    let Lang::En = lang;
    "Whom the waits are due to was not computed.".to_owned()
}

/// Blame has no rows for some waits.
pub fn no_blame_of(lang: Lang, class: &str) -> String {
    let Lang::En = lang;
    format!("Whom the waits on {class} are due to was not computed.")
}

/// Events were lost.
pub fn lost(lang: Lang, lost: &str, seen: &str) -> String {
    let Lang::En = lang;
    format!("{lost} of {seen} events were lost.")
}

/// Waits were not taken apart.
pub fn not_apart(lang: Lang) -> String {
    let Lang::En = lang;
    "The waits were not taken apart.".to_owned()
}

/// The hook at the scheduler is missing.
pub fn no_thread_waits(lang: Lang) -> String {
    let Lang::En = lang;
    "Waits in write(2) and in page faults were not watched.".to_owned()
}

/// Logs and metrics are not read.
pub fn logs_not_read(lang: Lang) -> String {
    let Lang::En = lang;
    "Whether requests are slow all the same stands in logs and metrics, which this version does not read.".to_owned()
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

/// Caveat: few waits.
pub fn few_waits(lang: Lang, count: u64) -> String {
    let Lang::En = lang;
    format!("Only {count} waits: the 99th percentile is little more than the longest of them.")
}

/// Caveat: bytes of nobody.
pub fn unattributed(lang: Lang, share: &str) -> String {
    let Lang::En = lang;
    format!("{share} of all bytes could be given to nobody.")
}

/// Caveat: a part of the waits is not explained.
pub fn unknown(lang: Lang, share: &str) -> String {
    let Lang::En = lang;
    format!("{share} of these waits is not explained.")
}

/// Caveat: the other check says otherwise.
pub fn not_longer(lang: Lang) -> String {
    let Lang::En = lang;
    "Measured side by side, waits are no longer beside the first of them than without it."
        .to_owned()
}

/// Caveat: the other check is missing.
pub fn not_compared(lang: Lang) -> String {
    let Lang::En = lang;
    "Waits with and without the first of them could not be compared.".to_owned()
}

/// Caveat: contributions to a commit.
pub fn by_blocks(lang: Lang) -> String {
    let Lang::En = lang;
    "A commit is shared by the blocks that each put into it; what a block costs may differ."
        .to_owned()
}

/// The rhythm of a backup.
pub fn comes_again(lang: Lang, claim: &str) -> String {
    let Lang::En = lang;
    format!("It comes again {claim}.")
}

/// Caveat: not looked for.
pub fn not_periodic(lang: Lang) -> String {
    let Lang::En = lang;
    "Whether it comes again, and what starts it then, is not known.".to_owned()
}

/// Caveat: who asked for a snapshot.
pub fn who_asked(lang: Lang) -> String {
    let Lang::En = lang;
    "Who asked for the data is not seen here: it may be a backup on another host.".to_owned()
}

/// Caveat: dirty pages.
pub fn dirty_pages(lang: Lang) -> String {
    let Lang::En = lang;
    "Most of it are pauses because of dirty pages: somebody writes faster than the disk takes it."
        .to_owned()
}

/// Caveat: nobody is named.
pub fn nobody_named(lang: Lang) -> String {
    let Lang::En = lang;
    "Who filled the page cache is not known.".to_owned()
}

/// Caveat: who took the memory.
pub fn who_evicted(lang: Lang) -> String {
    let Lang::En = lang;
    "Who took the memory is not seen here.".to_owned()
}

/// A limit that is set.
pub fn limited_by(lang: Lang, file: &str, cgroup: &str, disk: &str, values: &str) -> String {
    let Lang::En = lang;
    format!("{file} of {cgroup} limits it on {disk}: {values}.")
}

/// iocost may hold it back.
pub fn iocost_is_on(lang: Lang, disk: &str) -> String {
    let Lang::En = lang;
    format!("iocost is on for {disk}, and may hold it back for others with more weight.")
}

/// No cgroup of it limits it. `wbt_us` is the goal of writeback throttling, 0 where it is off, `None` where that is not known.
pub fn limit_of_disk(
    lang: Lang,
    disk: &str,
    wbt_us: Option<u64>,
    nr_requests: Option<u32>,
) -> String {
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

/// Caveat: which of several limits.
pub fn which_limit(lang: Lang) -> String {
    let Lang::En = lang;
    "Which limit is not seen: io.max, io.weight, io.latency, writeback throttling, or a lack of tags.".to_owned()
}

/// Caveat: nothing below the device is seen.
pub fn below_the_device(lang: Lang) -> String {
    let Lang::En = lang;
    "Below the device nothing is seen: a hypervisor's limit or a neighbour on the same storage looks the same."
        .to_owned()
}
