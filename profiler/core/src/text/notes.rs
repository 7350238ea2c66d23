//! Notes: what a report's numbers do not hold, in a sentence each.

use iocontend_wire::count::Count;

use super::Lang;
use crate::plan::{Gap, GapReason, Loses};

/// The note of a counter that is not zero; `None` for counters that are shown elsewhere or cost nothing.
pub fn counter(lang: Lang, count: Count, value: u64) -> Option<String> {
    let Lang::En = lang;
    let text = match count {
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
    };
    Some(format!("{value} {text}."))
}

/// What a missing probe costs.
pub fn gap(lang: Lang, gap: &Gap) -> Option<String> {
    let Lang::En = lang;
    if gap.reason == GapReason::NotNeeded {
        return None;
    }
    let lost = loses(lang, gap.loses);
    Some(format!("{} is not attached ({}): {lost}.", gap.hook.name(), reason(lang, &gap.reason)))
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
        Loses::SyncWaits(filesystem) => format!("no fsync waits on {filesystem}"),
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

/// xfs does not tell which kind of synchronous write it was, and the file's flags are out of reach.
pub fn o_sync_on_xfs(lang: Lang) -> String {
    let Lang::En = lang;
    "O_SYNC writes on xfs are counted as odsync_write: this kernel's type information does not lead to the file's flags."
        .to_owned()
}

/// Why a probe is missing.
pub fn reason(lang: Lang, reason: &GapReason) -> String {
    let Lang::En = lang;
    match reason {
        GapReason::NoTracepoint => "this kernel has no such tracepoint".to_owned(),
        GapReason::NoTracefs => "tracefs is not mounted".to_owned(),
        GapReason::NoField(name) => format!("its record has no field {name}"),
        GapReason::NotNeeded => "not needed here".to_owned(),
        GapReason::Refused(why) => format!("the kernel refused: {why}"),
    }
}

/// The counters of what was lost are not known.
pub fn no_loss_counters(lang: Lang, error: &str) -> String {
    let Lang::En = lang;
    format!("The counters of lost events could not be read ({error}): losses may be missing here.")
}

/// The kernel does not say how often it left a program out.
pub fn no_recursion_misses(lang: Lang) -> String {
    let Lang::En = lang;
    "This kernel does not say how often it skipped a program that would have interrupted itself."
        .to_owned()
}

/// A process whose files have the class `other`, for the table of such processes is full.
pub fn no_room_for_files(lang: Lang, pid: u32) -> String {
    let Lang::En = lang;
    format!("No room to tell the files of process {pid} apart: they have the class other.")
}

/// A target whose threads are not watched, for the table of targets is full.
pub fn no_room_for_threads(lang: Lang, pid: u32) -> String {
    let Lang::En = lang;
    format!(
        "No room to watch the threads of process {pid}: its waits outside syncs are missing. Name fewer targets."
    )
}

/// There are more loop devices than the kernel side has room for, or it refused one.
pub fn no_room_for_loops(lang: Lang) -> String {
    let Lang::En = lang;
    "Not all loop devices are known to the probes: below the others, IO is their workers'."
        .to_owned()
}

/// Where waits in `sync` and its like come from.
pub fn sync_calls(lang: Lang, everybody: bool) -> String {
    let Lang::En = lang;
    if everybody {
        "Waits in sync, syncfs and sync_file_range are those of everybody, from system call tracepoints, which slow \
         every system call of the host a little while watching."
            .to_owned()
    } else {
        "Waits in sync, syncfs and sync_file_range are those of the targets, as long as they were blocked; \
         --sync-calls shows those of everybody."
            .to_owned()
    }
}

/// System calls are slowed a little.
pub fn syscall_probes(lang: Lang) -> String {
    let Lang::En = lang;
    "xfs or btrfs is mounted: the end of a sync there is taken from system call exits, which slows every system \
     call of the host a little while watching."
        .to_owned()
}

/// A target of a replay was none while it was recorded.
pub fn not_tracked(lang: Lang, pid: u32) -> String {
    let Lang::En = lang;
    format!(
        "Process {pid} was not a target while this was recorded: which files it used, and its threads' waits that \
         only targets have, are not known."
    )
}

/// A capture was cut off.
pub fn truncated(lang: Lang, seconds: u64) -> String {
    let Lang::En = lang;
    format!(
        "The capture is truncated. Statistics were last stored {seconds} s after counting began; what came later \
         is missing."
    )
}

/// A capture is damaged.
pub fn corrupt(lang: Lang, what: &str, seconds: u64) -> String {
    let Lang::En = lang;
    format!(
        "The capture is corrupt ({what}) and was read up to there. Statistics were last stored {seconds} s after \
         counting began; what came later is missing."
    )
}

/// A capture of a newer version.
pub fn unknown_items(lang: Lang, kind: &str, count: u64) -> String {
    let Lang::En = lang;
    let kind = kind.escape_debug();
    format!(
        "{count} items of the capture have a kind that this version does not know ({kind}) and were left out."
    )
}

/// Recording ended before the watch.
pub fn recording_stopped(lang: Lang, error: &str) -> String {
    let Lang::En = lang;
    format!("The recording stopped early ({error}): the capture is truncated.")
}
