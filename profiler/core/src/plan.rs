//! From what the kernel offers to what is attached: a pure decision, never by version number.
//!
//! Owns the list of programs, what each is needed for, and the configuration frozen into them. Reading BTF and
//! tracefs from the host, and doing what the plan says, is the edge's work.

mod dirty;
mod gap;
mod indirect;
mod waits;
mod xfs;

pub use gap::{Gap, GapReason, Loses, NoFormats, SyncFs};
pub use indirect::LOOP_USERS;

use std::collections::BTreeMap;

use iocontend_wire::config::{ABSENT, Config, DIO_ENDS, Offset};
use iocontend_wire::programs;
use iocontend_wire::tables::MAX_SHARDS;
use thiserror::Error;

use crate::btf::Btf;
use crate::tracefs::Format;

/// Where a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    /// BTF raw tracepoint.
    Btf(&'static str),
    /// Classic tracepoint: category and name.
    Classic(&'static str, &'static str),
}

impl Hook {
    /// The hook as people write it.
    pub fn name(self) -> String {
        match self {
            Self::Btf(name) => name.to_owned(),
            Self::Classic(category, name) => format!("{category}:{name}"),
        }
    }

    /// The kind of hook in reports.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Btf(_) => "tp_btf",
            Self::Classic(..) => "tracepoint",
        }
    }
}

/// One program and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Name of the program in the object.
    pub program: &'static str,
    /// Where.
    pub hook: Hook,
    /// What its absence costs.
    pub loses: Loses,
}

/// The decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What is attached, in this order; detached the other way round.
    pub programs: Vec<Planned>,
    /// What is not, and why.
    pub gaps: Vec<Gap>,
    /// Frozen into the programs.
    pub config: Config,
    /// Copies of the statistics.
    pub shards: u32,
    /// IO rings: one per CPU.
    pub rings: u32,
    /// Addresses of the kernel's functions are hidden from whoever asks.
    pub symbols_hidden: bool,
}

impl Plan {
    /// Tracepoints of the kernel's type information that programs go to.
    pub fn tracepoints(&self) -> impl Iterator<Item = &'static str> {
        self.programs.iter().filter_map(|planned| match planned.hook {
            Hook::Btf(name) => Some(name),
            Hook::Classic(..) => None,
        })
    }
}

/// Why nothing can be measured here.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PlanError {
    /// A tracepoint without which there is no measurement.
    #[error("the kernel has no tracepoint {0} that can be used")]
    NoTracepoint(&'static str),
    /// A tracepoint with arguments this program was not written for.
    #[error("the tracepoint {name} has the arguments ({found}), expected ({expected})")]
    Prototype {
        /// Its name.
        name: &'static str,
        /// What the kernel has.
        found: String,
        /// What is needed.
        expected: &'static str,
    },
    /// A member without which there is no measurement.
    #[error("the kernel's type information has no member {0}")]
    NoMember(&'static str),
}

/// Classic tracepoints of this host, by category and name.
pub type Formats = BTreeMap<(&'static str, &'static str), Format>;

/// Classic tracepoints whose format the plan wants to see.
pub const CLASSIC: [(&str, &str); 21] = [
    ("writeback", "balance_dirty_pages"),
    ("jbd2", "jbd2_start_commit"),
    ("jbd2", "jbd2_commit_locking"),
    ("jbd2", "jbd2_commit_flushing"),
    ("jbd2", "jbd2_commit_logging"),
    ("jbd2", "jbd2_end_commit"),
    ("jbd2", "jbd2_handle_stats"),
    ("ext4", "ext4_sync_file_enter"),
    ("ext4", "ext4_sync_file_exit"),
    ("xfs", "xfs_file_fsync"),
    ("xfs", "xlog_iclog_get_space"),
    ("xfs", "xlog_iclog_write"),
    ("xfs", "xlog_iclog_clean"),
    ("xfs", "xfs_log_ticket_regrant"),
    ("xfs", "xfs_log_ticket_ungrant"),
    ("xfs", "xfs_unwritten_convert"),
    ("xfs", "xfs_setfilesize"),
    ("xfs", "xfs_inode_set_need_inactive"),
    ("xfs", "xfs_inode_inactivating"),
    ("btrfs", "btrfs_sync_file"),
    ("syscalls", "sys_exit_fsync"),
];

/// System calls whose exit ends a sync on a file system that has no event for it.
pub const SYNC_SYSCALLS: [&str; 8] = [
    "sys_exit_fsync",
    "sys_exit_fdatasync",
    "sys_exit_write",
    "sys_exit_pwrite64",
    "sys_exit_writev",
    "sys_exit_pwritev",
    "sys_exit_pwritev2",
    "sys_exit_msync",
];

/// Completion functions of direct IO, by version (fs/iomap/direct-io.c, block/fops.c, fs/direct-io.c). The first
/// carries a `struct iomap_dio`.
pub const DIO_END_SYMBOLS: [&str; DIO_ENDS] = [
    "iomap_dio_bio_end_io",
    "blkdev_bio_end_io",
    "blkdev_bio_end_io_async",
    "blkdev_bio_end_io_simple",
    "dio_bio_end_io",
    "dio_bio_end_aio",
    "submit_bio_wait_endio",
    "btrfs_dio_end_io",
];

/// The completion function of writes to the log of an xfs (fs/xfs/xfs_log.c, 5.4 and later).
pub const XLOG_END_SYMBOL: &str = "xlog_bio_end_io";

/// What the host has, and what is wanted.
pub struct Facts<'a> {
    /// The kernel's type information.
    pub btf: &'a Btf<'a>,
    /// Formats of [`CLASSIC`].
    pub formats: Result<&'a Formats, NoFormats>,
    /// Addresses of [`DIO_END_SYMBOLS`], 0 where unknown.
    pub dio_ends: [u64; DIO_ENDS],
    /// Address of [`XLOG_END_SYMBOL`], 0 where unknown.
    pub xlog_end: u64,
    /// Whether the kernel has them and does not show their addresses.
    pub symbols_hidden: bool,
    /// Possible CPUs.
    pub cpus: u32,
    /// File system types mounted from block devices.
    pub filesystems: &'a [String],
    /// One event per IO.
    pub io_events: bool,
    /// Records in all IO rings together.
    pub io_records: u32,
    /// Watch the targets' threads as they leave the CPU and come back.
    pub thread_waits: bool,
    /// Waits in `sync`, `syncfs` and `sync_file_range` of everybody, although that slows every system call.
    pub sync_calls: bool,
    /// Major number of device-mapper devices, when threads of one of them submit for others.
    pub mapper_major: Option<u32>,
    /// A loop device with a file on a disk is there.
    pub has_loops: bool,
}

/// Decides.
pub fn plan(facts: &Facts<'_>) -> Result<Plan, PlanError> {
    let mut plan = Plan {
        programs: Vec::new(),
        gaps: Vec::new(),
        config: offsets(facts.btf)?,
        shards: 0,
        rings: 0,
        symbols_hidden: facts.symbols_hidden,
    };
    switches(&mut plan, facts);
    block_programs(&mut plan, facts)?;
    process_programs(&mut plan, facts);
    sync_programs(&mut plan, facts);
    waits::call_programs(&mut plan, facts);
    waits::uring_programs(&mut plan, facts);
    waits::thread_programs(&mut plan, facts);
    dirty::dirty_programs(&mut plan, facts);
    dirty::journal_programs(&mut plan, facts);
    indirect::stacked_programs(&mut plan, facts);
    indirect::loop_users(&mut plan, facts);
    xfs::log_programs(&mut plan, facts);
    Ok(plan)
}

/// One copy of the statistics per CPU while there are few, else sixteen shared ones.
fn switches(plan: &mut Plan, facts: &Facts<'_>) {
    #[expect(clippy::cast_possible_truncation, reason = "16")]
    let most = MAX_SHARDS as u32;
    plan.shards = facts.cpus.max(1).next_power_of_two().min(most);
    plan.config.shard_mask = plan.shards - 1;
    plan.config.shared_shards = u32::from(facts.cpus > most);
    plan.config.io_events = u32::from(facts.io_events);
    plan.config.weak_order = u32::from(!cfg!(target_arch = "x86_64"));
    plan.rings = facts.cpus.max(1).next_power_of_two();
    plan.config.ring_cpu_mask = plan.rings - 1;
    plan.config.ring_bits = (facts.io_records / plan.rings).max(1).ilog2();
    // Without the address of the first, a bio of iomap could not be told from one of the page cache.
    if facts.dio_ends[0] != 0 {
        let known: Vec<u64> = facts.dio_ends.into_iter().filter(|address| *address != 0).collect();
        plan.config.dio_ends[..known.len()].copy_from_slice(&known);
        plan.config.dio_end_count = u32::try_from(known.len()).unwrap_or(0);
    }
}

/// Checks a prototype's leading arguments.
fn expect_args(btf: &Btf<'_>, name: &'static str, expected: &'static str) -> Result<(), PlanError> {
    let found = btf.tracepoint(name).ok_or(PlanError::NoTracepoint(name))?;
    let wanted: Vec<&str> = expected.split(", ").collect();
    let fits = found.len() >= wanted.len()
        && found.iter().zip(&wanted).all(|(have, want)| *want == "_" || have == want);
    if fits {
        Ok(())
    } else {
        Err(PlanError::Prototype { name, found: found.join(", "), expected })
    }
}

fn block_programs(plan: &mut Plan, facts: &Facts<'_>) -> Result<(), PlanError> {
    let btf = facts.btf;
    let mut add = |program, hook, loses| plan.programs.push(Planned { program, hook, loses });
    // Completion first and start last: what is in flight meanwhile is known to have been in flight.
    for (program, name, expected, loses) in [
        (programs::RQ_COMPLETE, "block_rq_complete", "request, _, _", Loses::Everything),
        (programs::RQ_MERGE, "block_rq_merge", "request", Loses::Merges),
        (programs::RQ_REQUEUE, "block_rq_requeue", "request", Loses::Requeues),
        (programs::RQ_ISSUE, "block_rq_issue", "request", Loses::Everything),
    ] {
        match expect_args(btf, name, expected) {
            Ok(()) => add(program, Hook::Btf(name), loses),
            Err(error) if loses == Loses::Everything => return Err(error),
            Err(_) => plan.gaps.push(Gap {
                program,
                hook: Hook::Btf(name),
                reason: GapReason::NoTracepoint,
                loses,
            }),
        }
    }
    let mut add = |program, hook| {
        plan.programs.push(Planned { program, hook, loses: Loses::Everything });
    };
    if expect_args(btf, "block_io_start", "request").is_ok() {
        plan.config.has_io_start = 1;
        add(programs::IO_START, Hook::Btf("block_io_start"));
    } else {
        expect_args(btf, "block_rq_insert", "request")?;
        expect_args(btf, "block_getrq", "bio")?;
        add(programs::RQ_INSERT, Hook::Btf("block_rq_insert"));
        add(programs::GETRQ, Hook::Btf("block_getrq"));
    }
    Ok(())
}

fn process_programs(plan: &mut Plan, facts: &Facts<'_>) {
    for (program, name, expected, loses) in [
        (programs::EXIT, "sched_process_exit", "task_struct", Loses::Exits),
        (programs::FORK, "sched_process_fork", "task_struct, task_struct", Loses::ShortLived),
        (programs::EXEC, "sched_process_exec", "task_struct", Loses::ShortLived),
    ] {
        let hook = Hook::Btf(name);
        if expect_args(facts.btf, name, expected).is_ok() {
            plan.programs.push(Planned { program, hook, loses });
        } else {
            plan.gaps.push(Gap { program, hook, reason: GapReason::NoTracepoint, loses });
        }
    }
}

/// Why a function's address is not known.
fn no_symbol(facts: &Facts<'_>, name: &str) -> GapReason {
    if facts.symbols_hidden {
        GapReason::SymbolsHidden
    } else {
        GapReason::NoSymbol { symbol: name.to_owned() }
    }
}

/// Puts an offset where the programs look for it.
type SetOffset = fn(&mut Config, u32);

/// Whether ends of syncs have to be taken from system calls here.
fn needs_syscalls(facts: &Facts<'_>) -> bool {
    facts.filesystems.iter().any(|name| name == "xfs" || name == "btrfs")
}

/// Sync waits, per file system. The end is attached before the begin.
fn sync_programs(plan: &mut Plan, facts: &Facts<'_>) {
    let mounted = |name: &str| facts.filesystems.iter().any(|found| found == name);
    let needs_exits = needs_syscalls(facts);
    for name in SYNC_SYSCALLS {
        let hook = Hook::Classic("syscalls", name);
        let field = offset_of(facts, ("syscalls", "sys_exit_fsync"), "ret", 8);
        sync_program(
            plan,
            programs::SYNC_SYSCALL_EXIT,
            hook,
            SyncFs::XfsBtrfs,
            needs_exits,
            field,
            |c, at| {
                c.sys_exit_ret = at;
            },
        );
    }
    let ext4 = mounted("ext4") || mounted("ext3") || mounted("ext2");
    let exit = ("ext4", "ext4_sync_file_exit");
    let hook = Hook::Classic(exit.0, exit.1);
    let field = offset_of(facts, exit, "ret", 4);
    sync_program(plan, programs::EXT4_SYNC_EXIT, hook, SyncFs::Ext4, ext4, field, |c, at| {
        c.ext4_exit_ret = at;
    });
    let begins: [(&str, _, SyncFs, SetOffset); 3] = [
        (programs::EXT4_SYNC_ENTER, ("ext4", "ext4_sync_file_enter"), SyncFs::Ext4, |c, at| {
            c.ext4_enter_ino = at;
        }),
        (programs::XFS_SYNC_ENTER, ("xfs", "xfs_file_fsync"), SyncFs::Xfs, |c, at| c.xfs_ino = at),
        (programs::BTRFS_SYNC_ENTER, ("btrfs", "btrfs_sync_file"), SyncFs::Btrfs, |c, at| {
            c.btrfs_ino = at;
        }),
    ];
    for (program, tracepoint, filesystem, set) in begins {
        let hook = Hook::Classic(tracepoint.0, tracepoint.1);
        let field = offset_of(facts, tracepoint, "ino", 8);
        let needed = match filesystem {
            SyncFs::Ext4 => ext4,
            SyncFs::Xfs => mounted("xfs"),
            SyncFs::Btrfs | SyncFs::XfsBtrfs => mounted("btrfs"),
        };
        sync_program(plan, program, hook, filesystem, needed, field, set);
    }
    let config = &mut plan.config;
    let optional = |tracepoint, name| offset_of(facts, tracepoint, name, 4).unwrap_or(ABSENT);
    config.ext4_enter_dev = optional(("ext4", "ext4_sync_file_enter"), "dev");
    config.ext4_enter_datasync = optional(("ext4", "ext4_sync_file_enter"), "datasync");
    config.xfs_dev = optional(("xfs", "xfs_file_fsync"), "dev");
    config.btrfs_datasync = optional(("btrfs", "btrfs_sync_file"), "datasync");
}

/// Where a field stands in a classic tracepoint's record.
fn offset_of(
    facts: &Facts<'_>,
    tracepoint: (&'static str, &'static str),
    name: &'static str,
    size: u32,
) -> Result<u32, GapReason> {
    let formats = facts.formats.map_err(|why| GapReason::NoTracefs { why })?;
    let format = formats.get(&tracepoint).ok_or(GapReason::NoTracepoint)?;
    format.offset(name, size).ok_or_else(|| GapReason::no_field(name))
}

fn sync_program(
    plan: &mut Plan,
    program: &'static str,
    hook: Hook,
    filesystem: SyncFs,
    needed: bool,
    field: Result<u32, GapReason>,
    set: impl Fn(&mut Config, u32),
) {
    let loses = Loses::SyncWaits { filesystem };
    match field {
        Ok(at) if needed => {
            set(&mut plan.config, at);
            plan.programs.push(Planned { program, hook, loses });
        }
        Ok(_) => plan.gaps.push(Gap { program, hook, reason: GapReason::NotNeeded, loses }),
        Err(_) if !needed => {
            plan.gaps.push(Gap { program, hook, reason: GapReason::NotNeeded, loses });
        }
        Err(reason) => plan.gaps.push(Gap { program, hook, reason, loses }),
    }
}

/// Where a member is, of several (`type.path`) the first that this kernel has.
fn place(btf: &Btf<'_>, members: &[&str]) -> Option<u32> {
    members.iter().find_map(|member| {
        let (structure, path) = member.split_once('.')?;
        btf.offset(structure, path)
    })
}

/// The same, or that the first of them is missing.
fn need(btf: &Btf<'_>, members: &[&str]) -> Result<u32, GapReason> {
    let missing = || GapReason::no_field(members.first().copied().unwrap_or_default());
    place(btf, members).ok_or_else(missing)
}

/// Looks the members of a part of the configuration up; the one that is needed and not there is an error.
fn look_up<Part>(
    btf: &Btf<'_>,
    offsets: &[Offset<Part>],
    part: &mut Part,
) -> Result<(), &'static str> {
    for Offset { source, set } in offsets {
        match place(btf, source.members) {
            Some(at) => set(part, at),
            None if source.needed => {
                return Err(source.members.first().copied().unwrap_or_default());
            }
            None => {}
        }
    }
    Ok(())
}

/// Offsets without which there is no measurement are errors; the others switch something off.
fn offsets(btf: &Btf<'_>) -> Result<Config, PlanError> {
    let mut config = Config::absent();
    look_up(btf, Config::OFFSETS, &mut config).map_err(PlanError::NoMember)?;
    let way = [
        config.regs_orig_ax,
        config.regs_di,
        config.regs_r9,
        config.task_files,
        config.files_fdt,
        config.fdtable_fd,
    ];
    // Of no use without a way to the file.
    if way.contains(&ABSENT) {
        config.file_flags = ABSENT;
    }
    // An enum since 6.12; before that a macro, 1 << 4 since 4.x (include/linux/blkdev.h, blk-mq.h).
    config.rqf_flush_seq = btf.enumerator("__RQF_FLUSH_SEQ").map_or(1 << 4, |bit| 1 << (bit & 31));
    Ok(config)
}
