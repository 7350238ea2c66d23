//! Notes: what a report's numbers do not hold, in a sentence each.

use std::fmt;

use iocontend_wire::count::Count;

use super::{Lang, newer, periods};
use crate::capture::Damage;
use crate::plan::{GapReason, Loses, NoFormats, SyncFs};
use crate::report::{Newer, Note};
use crate::units;

/// Counters that are shown elsewhere or cost nothing.
fn counter(lang: Lang, name: &str) -> Option<&'static str> {
    let Lang::En = lang;
    let count = Count::ALL.into_iter().find(|count| count.name() == name)?;
    Some(match count {
        Count::InFlightAtAttach => {
            "requests were in flight when watching began: their owners are unknown"
        }
        Count::StartNotSeen => "requests completed without their start having been seen",
        Count::SlotOverwritten => "requests in flight lost their place to newer ones",
        Count::StreamTableFull => {
            "requests or waits found the table of streams full and stand under unattributed"
        }
        Count::DeviceTableFull => "requests found the table of devices full",
        Count::FileTableFull => "files found the table of files full and have the class other",
        Count::CgroupTableFull => "requests found the table of cgroups full",
        Count::ArgvUnreadable => "programs started whose arguments could not be read",
        Count::ThreadTableFull => {
            "threads of targets found the table of threads full: waits of others may be missing"
        }
        Count::CommitLost => "commits of a journal could not be followed",
        Count::DirtyFileLost => "files with dirty pages found no room: their writers are not known",
        Count::ExtremeContended => "minima or maxima were not stored because CPUs competed",
        _ => return None,
    })
}

/// A note in words.
pub fn note(lang: Lang, note: &Note) -> String {
    let Lang::En = lang;
    match note {
        Note::Counter { counter: name, value } => {
            counter(lang, name).map_or_else(|| newer(lang, name), |text| format!("{value} {text}."))
        }
        Note::NotAttached { hook, why, loses: lost } => {
            format!("{hook} is not attached ({}): {}.", reason(lang, why), loses(lang, *lost))
        }
        Note::SyscallHooks => {
            "xfs or btrfs is mounted: the end of a sync there is taken from system call exits, which slows every system \
             call of the host a little while watching."
                .to_owned()
        }
        Note::ProcessesHidden => {
            "Open files, program files and folders of other users' processes cannot be read: CAP_SYS_PTRACE is missing. Roles and \
             classes of files are guessed from less, and an etcd may not be recognised. Run it as root, or with CAP_SYS_PTRACE too."
                .to_owned()
        }
        Note::OsyncOnXfs => {
            "O_SYNC writes on xfs are counted as odsync_write: this kernel's type information does not lead to the file's flags."
                .to_owned()
        }
        Note::SyncCalls { everybody: true } => {
            "Waits in sync, syncfs and sync_file_range are those of everybody, from system call tracepoints, which slow \
             every system call of the host a little while watching."
                .to_owned()
        }
        Note::SyncCalls { everybody: false } => {
            "Waits in sync, syncfs and sync_file_range are those of the targets, as long as they were blocked; \
             --sync-calls shows those of everybody."
                .to_owned()
        }
        Note::NoLossCounters { error } => format!(
            "The counters of lost events could not be read ({error}): losses may be missing here."
        ),
        Note::NoRecursionMisses => {
            "This kernel does not say how often it skipped a program that would have interrupted itself."
                .to_owned()
        }
        Note::NoRoomForFiles { pid } => {
            format!("No room to tell the files of process {pid} apart: they have the class other.")
        }
        Note::NoRoomForThreads { pid } => format!(
            "No room to watch the threads of process {pid}: its waits outside syncs are missing. Name fewer targets."
        ),
        Note::NoRoomForLoops => {
            "Not all loop devices are known to the probes: below the others, IO is their workers'."
                .to_owned()
        }
        Note::NotTracked { pid } => format!(
            "Process {pid} was not a target while this was recorded: which files it used, and its threads' waits that \
             only targets have, are not known."
        ),
        Note::CaptureTruncated { seconds } => format!(
            "The capture is truncated. Statistics were last stored {seconds} s after counting began; what came later \
             is missing."
        ),
        Note::CaptureCorrupt { damage: what, seconds } => format!(
            "The capture is corrupt ({}) and was read up to there. Statistics were last stored {seconds} s after \
             counting began; what came later is missing.",
            damage(lang, *what)
        ),
        Note::UnknownItems { kind, count } => format!(
            "{count} items of the capture have a kind that this version does not know ({}) and were left out.",
            kind.escape_debug()
        ),
        Note::RecordingStopped { error } => {
            format!("The recording stopped early ({error}): the capture is truncated.")
        }
        Note::RecordTooShort { record, bytes } => {
            format!("a record of kind {record} has {bytes} bytes")
        }
        Note::UnknownRecord { record } => format!("unknown kind of record {record}"),
        Note::ImpossibleKey { key } => format!("a record has the impossible stream key {key:#x}"),
        Note::SchedulesMissing { entries, count } => periods::missing(lang, entries, *count),
        Note::SecondsForgotten { series, stalls } => forgotten(lang, *series, *stalls),
        Note::HistoryLeftOut { captures } => periods::left_out(lang, *captures),
        Note::Newer(Newer { code }) => newer(lang, code),
        Note::Recorded(text) => text.clone(),
    }
}

/// Seconds and stalls that were given up.
fn forgotten(lang: Lang, series: u64, stalls: u64) -> String {
    let Lang::En = lang;
    let all =
        [(series, "the seconds of", "file", "files"), (stalls, "the oldest", "stall", "stalls")];
    let said = all.iter().filter(|(count, ..)| *count > 0).map(|(count, what, one, many)| {
        format!("{what} {} {}", units::count(*count), if *count == 1 { one } else { many })
    });
    let said: Vec<String> = said.collect();
    format!("Given up for lack of memory: {}.", said.join(", "))
}

/// In which way a capture is damaged.
pub const fn damage(lang: Lang, damage: Damage) -> &'static str {
    let Lang::En = lang;
    match damage {
        Damage::NoOpening => "it does not say who recorded it",
        Damage::BlockMissing => "a block is missing or in the wrong place",
        Damage::BlockHeader => "a block's header is damaged",
        Damage::BlockLength => "a block claims an impossible length",
        Damage::Block => "a block is damaged",
        Damage::BlockDecompresses => "a block does not decompress to its length",
        Damage::BlockCount => "the last block counts otherwise",
        Damage::AfterEnd => "there is more after the last block",
        Damage::TooManyItems => "a block has too many items",
        Damage::BrokenItem => "a block has a broken item",
        Damage::Layout => "its records are laid out otherwise",
        Damage::HalfRecord => "half a record",
        Damage::StreamPlace => "a stream has an impossible place",
        Damage::NoShard => "a change of no shard",
        Damage::UnknownShard => "a stream has no such shard",
        Damage::UnknownWord => "a stream has no such word",
    }
}

/// Errors name it in English, as all errors do.
impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(damage(Lang::En, *self))
    }
}

/// The file systems of syncs.
const fn filesystem(of: SyncFs) -> &'static str {
    match of {
        SyncFs::Ext4 => "ext4",
        SyncFs::Xfs => "xfs",
        SyncFs::Btrfs => "btrfs",
        SyncFs::XfsBtrfs => "xfs, btrfs",
    }
}

/// What is lost without a probe.
pub fn loses(lang: Lang, loses: Loses) -> String {
    let Lang::En = lang;
    match loses {
        Loses::Everything => "nothing can be measured".to_owned(),
        Loses::Merges => "requests merged into others are found late".to_owned(),
        Loses::Requeues => "time after a requeue counts as device time".to_owned(),
        Loses::ShortLived => "short-lived processes may lack their arguments".to_owned(),
        Loses::Exits => "ended processes are noticed late".to_owned(),
        Loses::SyncWaits { filesystem: of } => format!(
            "syncs on {} are not timed and not judged; what is shown of them is how long threads slept in them",
            filesystem(of)
        ),
        Loses::ThreadWaits => {
            "no waits in write, read and page faults, and no run-queue delay".to_owned()
        }
        Loses::RunQueue => {
            "run-queue delay is not known; it counts as part of the wait before it".to_owned()
        }
        Loses::CallWaits => "no waits in sync, syncfs and sync_file_range".to_owned(),
        Loses::UringSyncs => "syncs through io_uring count as long as a worker has them".to_owned(),
        Loses::DirtyPauses => "pauses of writers for too many dirty pages count as lock".to_owned(),
        Loses::Journal => {
            "journal blocks are not given to those who filled them; no phases of commits".to_owned()
        }
        Loses::Writers => {
            "what kernel threads write back is not given to those who wrote it".to_owned()
        }
        Loses::BehindMapper => {
            "what dm-crypt's threads submit is not given to those who wrote it".to_owned()
        }
        Loses::BehindLoops => {
            "below loop devices, IO is their workers' and not their users'".to_owned()
        }
    }
}

/// Why syncs on a file system are not judged, and what to do.
pub(super) fn not_timed(lang: Lang, of: SyncFs, hook: &str, why: Option<&GapReason>) -> String {
    let Lang::En = lang;
    let because = why.map_or_else(String::new, |why| format!(" ({})", reason(lang, why)));
    let what_to_do = match why {
        Some(GapReason::NoTracefs { why: NoFormats::NotMounted }) => {
            " Mount it: mount -t tracefs tracefs /sys/kernel/tracing."
        }
        Some(GapReason::NoTracefs { why: NoFormats::NotPermitted }) => {
            " Run it as root, or with CAP_DAC_READ_SEARCH."
        }
        _ => "",
    };
    format!(
        "Syncs on {} were not timed: {hook} is not attached{because}.{what_to_do}",
        filesystem(of)
    )
}

/// Why a probe is missing.
pub fn reason(lang: Lang, reason: &GapReason) -> String {
    let Lang::En = lang;
    match reason {
        GapReason::NoTracepoint => "this kernel has no such tracepoint".to_owned(),
        GapReason::NoTracefs { why: NoFormats::NotMounted } => "tracefs is not mounted".to_owned(),
        GapReason::NoTracefs { why: NoFormats::NotPermitted } => {
            "not permitted to read tracefs: CAP_DAC_READ_SEARCH is missing".to_owned()
        }
        GapReason::SymbolsHidden => {
            "addresses of kernel functions are hidden: CAP_SYSLOG is missing, or \
             kernel.kptr_restrict is 2"
                .to_owned()
        }
        GapReason::NoSymbol { symbol } => format!("this kernel shows no function {symbol}"),
        GapReason::NoField { field } => format!("its record has no field {field}"),
        GapReason::NoMembers => {
            "this kernel's type information or symbols do not lead there".to_owned()
        }
        GapReason::NotNeeded => "not needed here".to_owned(),
        GapReason::Refused { error } => format!("the kernel refused: {error}"),
        GapReason::Newer { code } => newer(lang, code),
        GapReason::Recorded(words) => words.clone(),
    }
}
