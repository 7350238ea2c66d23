//! Fixed words: column heads, titles, and the like.

use super::Lang;

/// Declares the labels with their English text, so that none can lack it.
macro_rules! labels {
    ($($name:ident = $english:literal, $what:literal;)*) => {
        /// A fixed word or phrase.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Label {
            $(#[doc = $what] $name,)*
        }

        impl Label {
            /// All labels.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }

        /// The text of a label.
        pub const fn label(lang: Lang, label: Label) -> &'static str {
            match (lang, label) {
                $((Lang::En, Label::$name) => $english,)*
            }
        }
    };
}

labels! {
    Actor = "ACTOR", "Column: who.";
    Class = "CLASS", "Column: class of file.";
    Device = "DEV", "Column: device.";
    Op = "OP", "Column: operation.";
    Method = "METHOD", "Column: how requests were given to the actor.";
    Iops = "IOPS", "Column: requests per second.";
    Rate = "BYTES/s", "Column: bytes per second.";
    Requests = "REQUESTS", "Column: number of requests.";
    Bytes = "BYTES", "Column: number of bytes.";
    DeviceTime = "DEV\nTIME", "Column: sum of device time.";
    Q2dP99 = "q2d\np99", "Column: queue time.";
    D2cP99 = "d2c\np99", "Column: device time.";
    Q2cP50 = "q2c\np50", "Column: median total time.";
    Q2cP99 = "q2c\np99", "Column: total time.";
    Q2cMax = "q2c\nmax", "Column: longest total time.";
    Call = "WAITED IN", "Column: system call.";
    RunQueue = "run queue", "In place of a call: ready, and without a CPU.";
    Count = "COUNT", "Column: number of calls.";
    Waits = "WAITS", "Column: which measure of the waits.";
    Before = "BEFORE", "Column: before a change.";
    After = "WITH IT", "Column: with the change.";
    Ratio = "WITH / BEFORE", "Column: by which factor it changed.";
    Calls = "calls", "Row: number of calls, with their rate.";
    OthersMoved = "others moved", "Row: bytes of the culprit, or of everybody else, with their rate.";
    UpTo = "UP TO", "Column: upper edge of a histogram's row.";
    Bar = "", "Column: the bars of a histogram.";
    Cumulative = "SO FAR", "Column: share of all up to here.";
    P50 = "p50", "Column: median.";
    P99 = "p99", "Column: 99th percentile.";
    Max = "max", "Column: maximum.";
    Scheduler = "SCHED", "Column: IO scheduler.";
    Filesystems = "FILE SYSTEMS", "Column: file systems.";
    Busy = "BUSY", "Column: share of time with a request in the device.";
    Depth = "DEPTH", "Column: mean number of requests in the device.";
    Flushes = "FLUSHES", "Column: cache-flush commands.";
    FactsTitle = "Window and host", "Title: what was looked at.";
    Window = "window", "Head of the line with the time covered.";
    Host = "host", "Head of the line about the host.";
    WrittenBy = "written by", "Head of the line with the program.";
    Targets = "targets", "Head of the line with the targets.";
    Pressure = "pressure", "Head of the line with the kernel's IO pressure.";
    Verdict = "verdict", "Head of the line with the verdict.";
    Fine = "fine", "Verdict: no wait above its limit.";
    SlowDisk = "slow disk", "Verdict: the disk itself.";
    Throttled = "throttled", "Verdict: a limit on the target's own IO.";
    ContendedDisk = "contended disk", "Verdict: others on the disk.";
    CpuStarved = "CPU-starved", "Verdict: no CPU for the target.";
    NotTheDisk = "not the disk", "Verdict: something else.";
    CannotTell = "cannot tell", "Verdict: something is missing.";
    BriefWindow = "time", "Head of the line with the time covered.";
    BriefWaits = "waits", "Head of the lines with how long the waits are.";
    BriefWhy = "why", "Head of the line that says why.";
    BriefStalls = "stalls", "Head of the line about stalls.";
    BriefRepeats = "repeats", "Head of the line about a rhythm.";
    BriefWho = "WHO CAUSED THE WAIT", "Column: who or what took a victim's time.";
    BriefWait = "WAIT", "Column: the time taken.";
    BriefSeen = "SEEN", "Column: what was seen of it.";
    BriefUnseen = "not seen", "Head of the line about what is missing.";
    BriefDo = "do", "Head of the lines about what to do first.";
    BriefMore = "more", "Head of the line that says where the rest is.";
    FindingsTitle = "Findings", "Title: named patterns.";
    CausesTitle = "Causes", "Title: who or what took the time.";
    VerdictTitle = "Verdict", "Title: the verdict in full.";
    DoFirst = "What to do first", "Title: the first action, and what was not seen.";
    BlameTitle = "Who caused the wait", "Title: blame.";
    DueTo = "CULPRIT", "Column: who is charged.";
    Victim = "VICTIM", "Column: who waited.";
    How = "HOW", "Column: mechanisms.";
    TimeWaited = "WAITED", "Column: time charged.";
    Share = "SHARE", "Column: share of the victim's wait.";
    BesideTitle = "Latency without and with each culprit", "Title: alone versus shared.";
    Culprit = "CULPRIT", "Column: who was at work or not.";
    AloneCount = "without\ncount", "Column: number of waits without it.";
    AloneMean = "without\nmean", "Column: mean without it.";
    AloneP99 = "without\np99", "Column: 99th percentile without it.";
    SharedCount = "with\ncount", "Column: number of waits with it.";
    SharedMean = "with\nmean", "Column: mean with it.";
    SharedP99 = "with\np99", "Column: 99th percentile with it.";
    Mean = "mean", "Column: mean.";
    Rotational = "ROTATES", "Column: a rotating disk.";
    Yes = "yes", "Yes.";
    No = "no", "No.";
    DevicesTitle = "Devices", "Title: devices.";
    WaitsTitle = "Waits of the targets", "Title: waits.";
    WorstTitle = "Longest syncs of the targets", "Title: single waits with their breakdown.";
    StallsTitle = "Stalls", "Title: runs of syncs that took the heartbeat interval or longer.";
    At = "AT", "Column: when it began.";
    Lasted = "LASTED", "Column: from the first long sync to the end of the last.";
    WorstSync = "WORST\nSYNC", "Column: the longest sync.";
    LongSyncs = "LONG\nSYNCS", "Column: number of syncs that long.";
    Behind = "BEHIND", "Column: who or what caused it.";
    SeveralCauses = "several causes", "In place of a culprit: none has most of it.";
    DiskItself = "the disk itself", "In place of a culprit: the disk.";
    NoCpu = "no CPU", "In place of a culprit: the thread had no CPU, or was on one.";
    CauseUnknown = "not known", "In place of a culprit: it is not known.";
    ActivityTitle = "Backups and peaks", "Title: when backups ran and targets waited long.";
    IoTitle = "IO by actor", "Title: IO by actor.";
    IoOrder = "longest device time first", "Behind that title: the order of rows.";
    WhoTitle = "Who they are", "Title: the actors' command lines.";
    CoverageTitle = "Coverage", "Title: coverage.";
    AdviceTitle = "Advice", "Title: what to do.";
    AdviceWhy = "why", "Head of the line with an action's reason.";
    AdviceExpect = "expect", "Head of the line with an action's effect.";
    AdviceRisk = "risk", "Head of the line with what may go wrong.";
    AdviceDo = "do", "Head of a command.";
    AdviceUndo = "undo", "Head of a command that takes an action back.";
    AdviceVerify = "verify", "Head of the line that says how to see whether it helped.";
    Refused = "refused", "Head of an action that is refused.";
    NotesTitle = "Notes", "Title: notes.";
    Throttle = "throttle", "Part of a wait: held back by a limit.";
    Flush = "flush", "Part of a wait: the device's cache was flushed.";
    InDevice = "device", "Part of a wait: an own request was in the device.";
    Queue = "queue", "Part of a wait: an own request was queued.";
    JournalEarlier = "earlier commit", "Part of a wait: the journal was busy with an earlier commit.";
    JournalBegin = "journal begin", "Part of a wait: data was written, the commit had not begun.";
    JournalLocked = "journal locked", "Part of a wait: the commit waited for open handles.";
    JournalData = "journal data", "Part of a wait: the commit wrote other files' data.";
    JournalLog = "journal log", "Part of a wait: the commit wrote its log.";
    Runnable = "runnable", "Part of a wait: ready to run, and no CPU.";
    Cpu = "cpu", "Part of a wait: on a CPU.";
    Lock = "lock", "Part of a wait: blocked on something else.";
    Unexplained = "unexplained", "Part of a wait: not known.";
    Rest = "rest", "All small parts of a wait together.";
    Total = "total", "The last row of a table.";
    Unknown = "unknown", "In place of a value that is not known.";
    KernelThread = "kernel thread", "In place of a command line.";
    Exited = "exited", "Behind an actor that is gone.";
    Ability = "doctor", "Head of the line with what can be done.";
    AbilityFull = "everything", "What can be done: all.";
    AbilityPartial = "a part; the problems say what is lost", "What can be done: a part.";
    AbilityNone = "nothing", "What can be done: nothing.";
    ProblemsTitle = "Problems", "Title: problems.";
    HereTitle = "What this host offers", "Title: kernel and rights.";
    DataTitle = "Who keeps data where", "Title: data of those with a role.";
    Critical = "critical", "Severity: nothing works.";
    WarningWord = "warning", "Severity: something is lost.";
    Info = "info", "Severity: worth knowing.";
    Hooks = "hooks", "Head of the line about hooks.";
    HookAttaches = "attach", "Hooks that were attached.";
    HookPlanned = "would be attached", "Hooks that were not tried.";
    HookUnknown = "not known", "Hooks of which nothing is known.";
    HookMissing = "missing", "Hooks that the kernel does not have.";
    HookRefused = "refused", "Hooks that the kernel refused.";
    HookNotNeeded = "not needed here", "Hooks that are not wanted.";
    Rights = "rights", "Head of the line about capabilities.";
    Tracefs = "tracefs", "Head of the line about tracefs.";
    Readable = "readable", "tracefs can be read.";
    NotReadable = "not readable", "tracefs cannot be read.";
    NotMounted = "not mounted", "tracefs is not there.";
    Attributed = "attributed", "Head of the line about ways of attribution.";
    MapMemory = "memory", "Head of the line about maps.";
    Cgroups = "cgroups", "Head of the line about cgroups.";
    Accounted = "accounted by the kernel", "Pressure is there.";
    NotAccounted = "not accounted by this kernel", "Pressure is not there.";
    Cost = "cost", "Head of the line about optional hooks.";
    Quirk = "kernel", "Head of the line about a kernel's peculiarity.";
    Below = "ON", "Column: disks at the bottom.";
    Cache = "WRITE CACHE", "Column: write cache.";
    Wbt = "WBT", "Column: writeback throttling.";
    Journal = "JOURNAL", "Column: journal.";
    WriteBack = "back", "A volatile write cache.";
    WriteBackFua = "back, FUA", "A volatile write cache and FUA.";
    WriteThrough = "through", "No volatile write cache.";
    Off = "off", "Switched off.";
    JournalInternal = "internal", "A journal in the file system.";
    JournalExternal = "on", "A journal on the device that follows.";
    JournalNone = "none", "No journal.";
    JournalLogTree = "log tree", "btrfs has a log tree.";
    Path = "PATH", "Column: path.";
    MountPoint = "FILE SYSTEM", "Column: where it is mounted.";
    Hint = "hint:", "Before what to do about an error.";
    Error = "error:", "Before an error.";
    Warning = "warning:", "Before a warning.";
}

#[cfg(test)]
mod tests {
    use super::{Label, Lang, label};

    #[test]
    fn every_label_says_something() {
        let mut texts = Label::ALL.iter().filter(|one| **one != Label::Bar);
        assert!(texts.all(|one| !label(Lang::En, *one).trim().is_empty()));
    }
}
