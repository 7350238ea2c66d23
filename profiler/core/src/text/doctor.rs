//! What `iocontend doctor` says: problems with what to do, and what things are for.

use super::{Explained, Lang, Problem, explain};
use crate::doctor::Data;
use crate::plan::Loses;

/// Something that is wrong or worth knowing on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble<'a> {
    /// Programs may not be loaded.
    NotPermitted {
        /// Effective user id.
        uid: u32,
        /// Capabilities that are missing.
        missing: &'a str,
    },
    /// Processes of others can be read in part only.
    CannotReadOthers {
        /// Capabilities that are missing.
        missing: &'a str,
    },
    /// The kernel is locked down so far that programs may not read its memory.
    Lockdown,
    /// A pid namespace of our own.
    OtherPids,
    /// No type information.
    NoBtf {
        /// Where it was looked for.
        path: &'a str,
        /// Why it cannot be used.
        error: &'a str,
    },
    /// The kernel lacks something that nothing can replace.
    Unsupported {
        /// Its release.
        kernel: &'a str,
        /// What is missing.
        missing: &'a str,
    },
    /// The object could not be loaded.
    LoadFailed {
        /// The kernel's words.
        error: &'a str,
    },
    /// tracefs is not mounted.
    NoTracefs,
    /// tracefs is mounted and cannot be read.
    TracefsHidden {
        /// Where it is mounted.
        at: &'a str,
    },
    /// Addresses of the kernel's functions are not shown.
    SymbolsHidden,
    /// Hooks are missing.
    Hooks {
        /// Which.
        hooks: &'a str,
        /// Why.
        reason: &'a str,
        /// What is lost.
        loses: &'a str,
    },
    /// Hooks on system calls are used.
    SlowSyscalls,
    /// Nothing looks like etcd.
    NoEtcd,
    /// The disk of a folder could not be told.
    DiskUnknown {
        /// Whose.
        comm: &'a str,
        /// Its process id.
        pid: u32,
        /// The folder.
        path: &'a str,
    },
    /// Others keep data on etcd's disk.
    SharedDisk {
        /// The disk.
        disk: &'a str,
        /// Who else.
        others: &'a str,
        /// Whether some of it is in a file system that etcd uses too.
        same_fs: bool,
        /// Whether that has a journal.
        same_journal: bool,
    },
    /// The kernel does not count the IO of disks.
    NoIostats {
        /// Which.
        disks: &'a str,
    },
    /// No pressure accounting.
    NoPsi,
    /// IO is accounted by version 1.
    CgroupV1,
    /// IO is accounted by no hierarchy.
    NoIoController,
}

impl Trouble<'_> {
    /// The name that stays the same.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::NotPermitted { .. } => "not-permitted",
            Self::CannotReadOthers { .. } => "missing-capability",
            Self::Lockdown => "lockdown",
            Self::OtherPids => "foreign-pid-namespace",
            Self::NoBtf { .. } => "no-btf",
            Self::Unsupported { .. } => "unsupported-kernel",
            Self::LoadFailed { .. } => "load-failed",
            Self::NoTracefs => "no-tracefs",
            Self::TracefsHidden { .. } => "tracefs-unreadable",
            Self::SymbolsHidden => "symbols-hidden",
            Self::Hooks { .. } => "hook-missing",
            Self::SlowSyscalls => "syscall-hooks",
            Self::NoEtcd => "no-etcd",
            Self::DiskUnknown { .. } => "disk-unknown",
            Self::SharedDisk { .. } => "shared-disk",
            Self::NoIostats { .. } => "iostats-off",
            Self::NoPsi => "no-psi",
            Self::CgroupV1 => "cgroup-v1",
            Self::NoIoController => "no-io-controller",
        }
    }

    /// Whether root would not have it.
    pub const fn is_for_lack_of_rights(&self) -> bool {
        matches!(
            self,
            Self::NotPermitted { .. }
                | Self::CannotReadOthers { .. }
                | Self::TracefsHidden { .. }
                | Self::SymbolsHidden
        )
    }
}

/// A problem in words.
pub fn trouble(lang: Lang, trouble: &Trouble<'_>) -> Explained {
    let Lang::En = lang;
    match trouble {
        Trouble::NotPermitted { uid, missing } => {
            explain(lang, &Problem::NotPermitted { uid: *uid, missing })
        }
        Trouble::NoBtf { path, error } => explain(lang, &Problem::NoBtf { path, error }),
        Trouble::Unsupported { kernel, missing } => {
            explain(lang, &Problem::Unsupported { missing, kernel })
        }
        other => Explained { what: what(other), hint: action(other).map(str::to_owned) },
    }
}

fn what(trouble: &Trouble<'_>) -> String {
    match trouble {
        Trouble::CannotReadOthers { missing } => format!(
            "without {missing}, open files, program files and cgroups of other users' processes stay hidden: \
             roles and classes of files are guessed from less"
        ),
        Trouble::Lockdown => {
            "the kernel is locked down to confidentiality: BPF programs may not read its memory".to_owned()
        }
        Trouble::OtherPids => {
            "this is a pid namespace of its own: IO of processes outside has numbers and no names".to_owned()
        }
        Trouble::LoadFailed { error } => format!("the kernel refused the BPF object: {error}"),
        Trouble::NoTracefs => "tracefs is not mounted: no waits in fsync and its like".to_owned(),
        Trouble::TracefsHidden { at } => format!(
            "tracefs is mounted at {at} and cannot be read: whether waits in fsync can be seen is not known"
        ),
        Trouble::SymbolsHidden => {
            "addresses of kernel functions are hidden: direct IO held back by a limit is given to its cgroup only"
                .to_owned()
        }
        Trouble::Hooks { hooks, reason, loses } => format!("{hooks}: {reason}; {loses}"),
        Trouble::SlowSyscalls => {
            "xfs or btrfs is mounted: while watching, every system call of the host takes about 40 ns more".to_owned()
        }
        Trouble::NoEtcd => "no process here looks like etcd".to_owned(),
        Trouble::DiskUnknown { comm, pid, path } => {
            format!("{path} of {comm} {pid} lies on no disk that could be found")
        }
        Trouble::SharedDisk { disk, others, same_fs, same_journal } => {
            let same = match (same_fs, same_journal) {
                (false, _) => "",
                (true, false) => "; some of it is in a file system of etcd's",
                (true, true) => "; some of it is in a file system of etcd's, with one journal",
            };
            format!("etcd shares disk {disk} with {others}{same}")
        }
        Trouble::NoIostats { disks } => format!(
            "the kernel does not count the IO of {disks}: no busy time, and requests that no probe saw go unnoticed"
        ),
        Trouble::NoPsi => "the kernel does not account pressure: reports have none".to_owned(),
        Trouble::CgroupV1 => {
            "IO is accounted by cgroup version 1, which charges buffered writes to the root".to_owned()
        }
        Trouble::NoIoController => "no cgroup hierarchy accounts IO: no owner cgroups, no limits".to_owned(),
        Trouble::NotPermitted { .. } | Trouble::NoBtf { .. } | Trouble::Unsupported { .. } => String::new(),
    }
}

fn action(trouble: &Trouble<'_>) -> Option<&'static str> {
    Some(match trouble {
        Trouble::CannotReadOthers { .. } => "run it as root, or give it these too",
        Trouble::Lockdown => "boot with lockdown=integrity or without",
        Trouble::OtherPids => {
            "run it on the host, or in a container with the host's pids (hostPID: true)"
        }
        Trouble::LoadFailed { .. } | Trouble::Hooks { .. } => {
            "a refusal by a kernel that the README names is worth a bug report; a tracepoint of a module comes with it"
        }
        Trouble::NoTracefs => "mount -t tracefs tracefs /sys/kernel/tracing",
        Trouble::TracefsHidden { .. } => "run it as root, or with CAP_DAC_READ_SEARCH",
        Trouble::SymbolsHidden => "run it with CAP_SYSLOG, or set kernel.kptr_restrict to 0 or 1",
        Trouble::SlowSyscalls => {
            "nothing, but know it before you watch a host that is short of CPU"
        }
        Trouble::NoEtcd => {
            "name what to watch: --pid-of NAME, --unit NAME, --cgroup PATH or --pid N"
        }
        Trouble::SharedDisk { .. } => {
            "watch it under load to see who waits: iocontend watch; a disk of its own is what etcd's manual asks for"
        }
        Trouble::NoIostats { .. } => "echo 1 > /sys/block/DISK/queue/iostats",
        Trouble::NoPsi => "boot with psi=1",
        _ => return None,
    })
}

/// What is lost with a hook without which there is no measurement.
pub fn everything(lang: Lang) -> String {
    super::notes::loses(lang, Loses::Everything)
}

/// Somebody and what they keep.
pub fn keeper(lang: Lang, data: &Data) -> String {
    let Lang::En = lang;
    let class = match data.file_class {
        crate::ids::FileClass::Other => "files",
        class => class.name(),
    };
    format!("{} {} {} ({class} in {})", data.role.name(), data.comm, data.pid, data.path)
}

/// Those that are not named.
pub fn and_more(lang: Lang, more: usize) -> String {
    let Lang::En = lang;
    format!("and {more} more")
}

/// Why hooks were not tried.
pub fn not_tried(lang: Lang, permitted: bool) -> String {
    let Lang::En = lang;
    if permitted {
        "not tried: there is nothing to try".to_owned()
    } else {
        "not tried: needs root, or CAP_BPF and CAP_PERFMON".to_owned()
    }
}

/// A tracepoint that may be there.
pub fn tracefs_hidden(lang: Lang) -> String {
    let Lang::En = lang;
    "tracefs is mounted and cannot be read by this user".to_owned()
}

/// What a capability is for.
pub fn used_for(lang: Lang, capability: &str) -> &'static str {
    let Lang::En = lang;
    match capability {
        "CAP_BPF" => "loading programs and tables",
        "CAP_PERFMON" => "attaching them to tracepoints and reading kernel memory",
        "CAP_SYS_PTRACE" => "program files, open files and folders of other users' processes",
        "CAP_DAC_READ_SEARCH" => "tracefs, and folders that others may not list",
        "CAP_SYSLOG" => "addresses of kernel functions, to know direct IO that was held back",
        _ => "",
    }
}

/// What a group of optional hooks costs.
pub fn cost(lang: Lang, group: &str, used: bool) -> String {
    let Lang::En = lang;
    let cost = match group {
        "syscalls" => {
            "about 40 ns for every system call of the host while watching (6.18, two CPUs)"
        }
        "sched" => {
            "152 ns at every context switch while watching, 263 ns at those of targets (6.18, two CPUs)"
        }
        _ => "",
    };
    let why = match (group, used) {
        ("syscalls", true) => "xfs or btrfs is mounted, whose syncs have no end event",
        ("syscalls", false) => "not used here: neither xfs nor btrfs is mounted",
        (_, true) => "used for waits in write, read and page faults, unless --no-thread-waits",
        (_, false) => "not used here",
    };
    format!("{cost}; {why}")
}

/// What a way of attribution gives to whom.
pub fn attribution(lang: Lang, name: &str) -> &'static str {
    let Lang::En = lang;
    match name {
        "direct" => "direct IO and reads: to the process that submits them",
        "io_uring_aio" => "io_uring (also its threads) and AIO: to the process that asked",
        "device_mapper" => {
            "requests below LVM and other device-mapper devices: to the process above, once"
        }
        "writeback" => "pages that somebody else writes back: to those who dirtied them",
        "journal_ext4" => "blocks of ext4's journal: to those who filled them",
        "log_xfs" => "the log of xfs: to those who filled it",
        "limited_direct" => "direct IO that a limit holds back: to the process that waits for it",
        "owner_cgroup" => "what has no process: to the cgroup it is charged to",
        "dm_crypt" => "what dm-crypt's threads submit: to those who wrote it",
        "loop" => "what a loop device's worker does in its file: to the device's users",
        _ => "",
    }
}

/// Members or addresses that a way of attribution needs are missing.
pub fn no_members(lang: Lang) -> String {
    let Lang::En = lang;
    "this kernel's type information or symbols do not lead there".to_owned()
}

/// A kernel before 6.5.
pub fn no_io_start(lang: Lang) -> String {
    let Lang::En = lang;
    "There is no block_io_start (new in 6.5): block_getrq and block_rq_insert serve instead, and nothing is lost."
        .to_owned()
}

/// A kernel without cgroups at bios.
pub fn no_owner_cgroup(lang: Lang) -> String {
    let Lang::En = lang;
    "Requests carry no owner cgroup: what is held back by a limit may stay unattributed.".to_owned()
}
