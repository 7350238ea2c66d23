//! What `iocontend doctor` says: problems with what to do, and what things are for.

use super::{Explained, Lang, Problem, explain, newer, notes};
use crate::doctor::{
    HookGroup, Keeper, Lack, NotTried, Quirk, SWITCH_NS, SYSCALL_NS, TARGET_SWITCH_NS, Trouble, Way,
};
use crate::ids::FileClass;
use crate::report::Newer;

/// A problem in words.
pub fn trouble(lang: Lang, trouble: &Trouble) -> Explained {
    let Lang::En = lang;
    match trouble {
        Trouble::NotPermitted { uid, missing } => {
            explain(lang, &Problem::NotPermitted { uid: *uid, missing: &missing.join(", ") })
        }
        Trouble::NoBtf { path, error } => explain(lang, &Problem::NoBtf { path, error }),
        Trouble::UnsupportedKernel { kernel, lack: missing } => {
            explain(lang, &Problem::Unsupported { missing: &lack(lang, missing), kernel })
        }
        Trouble::FewDescriptors { limit } => {
            explain(lang, &Problem::FewDescriptors { limit: *limit })
        }
        other => {
            Explained { what: what(lang, other), hint: action(lang, other).map(str::to_owned) }
        }
    }
}

fn what(lang: Lang, trouble: &Trouble) -> String {
    let Lang::En = lang;
    match trouble {
        Trouble::MissingCapability { missing } => format!(
            "without {}, open files, program files and cgroups of other users' processes stay hidden: \
             roles and classes of files are guessed from less",
            missing.join(", ")
        ),
        Trouble::Lockdown => {
            "the kernel is locked down to confidentiality: BPF programs may not read its memory".to_owned()
        }
        Trouble::ForeignPidNamespace => {
            "this is a pid namespace of its own: IO of processes outside has numbers and no names".to_owned()
        }
        Trouble::LoadFailed { error } => format!("the kernel refused the BPF object: {error}"),
        Trouble::NoTracefs { elsewhere, .. } if elsewhere.is_empty() => {
            "tracefs is not mounted: no waits in fsync and its like".to_owned()
        }
        Trouble::NoTracefs { elsewhere, on_host: true } => format!(
            "tracefs is not mounted in this mount namespace (the host has it at {}): no waits in fsync and its like",
            elsewhere.join(", ")
        ),
        Trouble::NoTracefs { elsewhere, on_host: false } => format!(
            "tracefs is mounted at {} only, where it is not looked for: no waits in fsync and its like",
            elsewhere.join(", ")
        ),
        Trouble::TracefsUnreadable { mounted_at } if mounted_at.is_empty() => {
            "tracefs cannot be read: whether waits in fsync can be seen is not known".to_owned()
        }
        Trouble::TracefsUnreadable { mounted_at } => format!(
            "tracefs is mounted at {} and cannot be read: whether waits in fsync can be seen is not known",
            mounted_at.join(", ")
        ),
        Trouble::SymbolsHidden => {
            "addresses of kernel functions are hidden: writeback and the journal are not given to those who wrote, and \
             direct IO throttled by a limit to its cgroup only"
                .to_owned()
        }
        Trouble::HookMissing { hooks, why, loses } => {
            let why = why.as_ref().map(|why| notes::reason(lang, why)).unwrap_or_default();
            format!("{}: {why}; {}", hooks.join(", "), notes::loses(lang, *loses))
        }
        Trouble::SyscallHooks => {
            format!("xfs or btrfs is mounted: while watching, every system call of the host takes about {SYSCALL_NS} ns more")
        }
        Trouble::NoEtcd => "no process here looks like etcd".to_owned(),
        Trouble::DiskUnknown { comm, pid, path } => {
            format!("{path} of {comm} {pid} lies on no disk that could be found")
        }
        Trouble::SharedDisk { device, others, more, same_filesystem, same_journal } => {
            let same = match (same_filesystem, same_journal) {
                (false, _) => "",
                (true, false) => "; some of it is in a file system of etcd's",
                (true, true) => "; some of it is in a file system of etcd's, with one journal",
            };
            let mut names: Vec<String> = others.iter().map(|one| keeper(lang, one)).collect();
            if *more > 0 {
                names.push(format!("and {more} more"));
            }
            format!("etcd shares disk {device} with {}{same}", names.join(", "))
        }
        Trouble::IostatsOff { devices } => format!(
            "the kernel does not count the IO of {}: no busy time, and requests that no probe saw go unnoticed",
            devices.join(", ")
        ),
        Trouble::NoPsi => "the kernel does not account pressure: reports have none".to_owned(),
        Trouble::CgroupV1 => {
            "IO is accounted by cgroup version 1, which charges buffered writes to the root".to_owned()
        }
        Trouble::NoIoController => "no cgroup hierarchy accounts IO: no owner cgroups, no limits".to_owned(),
        Trouble::NotPermitted { .. }
        | Trouble::NoBtf { .. }
        | Trouble::UnsupportedKernel { .. }
        | Trouble::FewDescriptors { .. } => String::new(),
        Trouble::Newer(Newer { code }) => newer(lang, code),
    }
}

fn action(lang: Lang, trouble: &Trouble) -> Option<&'static str> {
    let Lang::En = lang;
    Some(match trouble {
        Trouble::MissingCapability { .. } => "run it as root, or give it these too",
        Trouble::Lockdown => "boot with lockdown=integrity or without",
        Trouble::ForeignPidNamespace => {
            "run it on the host, or in a container with the host's pids (hostPID: true)"
        }
        Trouble::LoadFailed { .. } | Trouble::HookMissing { .. } => {
            "a refusal by a kernel that the README names is worth a bug report; a tracepoint of a module comes with it"
        }
        Trouble::NoTracefs { .. } => "mount -t tracefs tracefs /sys/kernel/tracing",
        Trouble::TracefsUnreadable { .. } => "run it as root, or with CAP_DAC_READ_SEARCH",
        Trouble::SymbolsHidden => "run it with CAP_SYSLOG, or set kernel.kptr_restrict to 0 or 1",
        Trouble::SyscallHooks => {
            "nothing, but know it before you watch a host that is short of CPU"
        }
        Trouble::NoEtcd => {
            "name what to watch: --pid-of NAME, --unit NAME, --cgroup PATH or --pid N"
        }
        Trouble::SharedDisk { .. } => {
            "watch it under load to see who waits: iocontend watch; a disk of its own is what etcd's manual asks for"
        }
        Trouble::IostatsOff { .. } => "echo 1 > /sys/block/DISK/queue/iostats",
        Trouble::NoPsi => "boot with psi=1",
        _ => return None,
    })
}

/// What a kernel lacks, behind "it has no".
pub fn lack(lang: Lang, lack: &Lack) -> String {
    let Lang::En = lang;
    match lack {
        Lack::NoTracepoint { tracepoint } => format!("tracepoint {tracepoint} that can be used"),
        Lack::OtherArguments { tracepoint, found, expected } => {
            format!("tracepoint {tracepoint} with the arguments ({expected}); it has ({found})")
        }
        Lack::NoMember { member } => format!("member {member} in its type information"),
    }
}

/// Somebody and what they keep.
fn keeper(lang: Lang, one: &Keeper) -> String {
    let Lang::En = lang;
    let class = match one.file_class {
        FileClass::Other => "files",
        class => class.name(),
    };
    format!("{} {} {} ({class} in {})", one.role.name(), one.comm, one.pid, one.path)
}

/// Why hooks were not tried.
pub fn not_tried(lang: Lang, why: &NotTried) -> String {
    let Lang::En = lang;
    match why {
        NotTried::NothingToTry => "not tried: there is nothing to try".to_owned(),
        NotTried::NotPermitted => "not tried: needs root, or CAP_BPF and CAP_PERFMON".to_owned(),
        NotTried::FewDescriptors { limit } => {
            explain(lang, &Problem::FewDescriptors { limit: *limit }).what
        }
        NotTried::LoadFailed { error } => error.clone(),
        NotTried::Newer(Newer { code }) => newer(lang, code),
    }
}

/// What a capability is for.
pub fn used_for(lang: Lang, capability: &str) -> &'static str {
    let Lang::En = lang;
    match capability {
        "CAP_BPF" => "loading programs and tables",
        "CAP_PERFMON" => "attaching them to tracepoints and reading kernel memory",
        "CAP_SYS_PTRACE" => "program files, open files and folders of other users' processes",
        "CAP_DAC_READ_SEARCH" => "tracefs, and folders that others may not list",
        "CAP_SYSLOG" => {
            "addresses of kernel functions, without which writeback, the journal and limited direct IO have no owner"
        }
        _ => "",
    }
}

/// What a group of optional hooks costs.
pub fn cost(lang: Lang, group: &HookGroup, used: bool) -> String {
    let Lang::En = lang;
    let cost = match group {
        HookGroup::Syscalls => format!(
            "about {SYSCALL_NS} ns for every system call of the host while watching (6.18, two CPUs)"
        ),
        HookGroup::Sched => format!(
            "{SWITCH_NS} ns at every context switch while watching, {TARGET_SWITCH_NS} ns at those of targets (6.18, two CPUs)"
        ),
        HookGroup::Newer(name) => return newer(lang, name),
    };
    let why = match (group, used) {
        (HookGroup::Syscalls, true) => "xfs or btrfs is mounted, whose syncs have no end event",
        (HookGroup::Syscalls, false) => "not used here: neither xfs nor btrfs is mounted",
        (_, true) => "used for waits in write, read and page faults, unless --no-thread-waits",
        (_, false) => "not used here",
    };
    format!("{cost}; {why}")
}

/// What a way of attribution gives to whom.
pub fn attribution(lang: Lang, way: &Way) -> String {
    let Lang::En = lang;
    let text = match way {
        Way::Direct => "direct IO and reads: to the process that submits them",
        Way::IoUringAio => "io_uring (also its threads) and AIO: to the process that asked",
        Way::DeviceMapper => {
            "requests below LVM and other device-mapper devices: to the process above, once"
        }
        Way::Writeback => "pages that somebody else writes back: to those who dirtied them",
        Way::JournalExt4 => "blocks of ext4's journal: to those who filled them",
        Way::LogXfs => "the log of xfs: to those who filled it",
        Way::LimitedDirect => "direct IO that a limit holds back: to the process that waits for it",
        Way::OwnerCgroup => "what has no process: to the cgroup it is charged to",
        Way::DmCrypt => "what dm-crypt's threads submit: to those who wrote it",
        Way::Loop => "what a loop device's worker does in its file: to the device's users",
        Way::Newer(name) => return newer(lang, name),
    };
    text.to_owned()
}

/// What a kernel does otherwise, and what serves instead.
pub fn quirk(lang: Lang, quirk: &Quirk) -> String {
    let Lang::En = lang;
    match quirk {
        Quirk::NoIoStart => {
            "There is no block_io_start (new in 6.5): block_getrq and block_rq_insert serve instead, and nothing is lost."
                .to_owned()
        }
        Quirk::NoOwnerCgroup => {
            "Requests carry no owner cgroup: what a limit throttles may stay unattributed.".to_owned()
        }
        Quirk::Newer(Newer { code }) => newer(lang, code),
    }
}
