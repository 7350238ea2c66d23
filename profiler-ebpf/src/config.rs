//! What userspace freezes into the programs before load: offsets found in the kernel's BTF, and switches.
//!
//! A member that this kernel does not have is [`ABSENT`]; the branch that would read it is then dead code for
//! the verifier.

/// "This kernel has no such member."
pub const ABSENT: u32 = u32::MAX;

/// How many completion functions of direct IO are told to the programs.
pub const DIO_ENDS: usize = 8;

/// Offsets in bytes, unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Config {
    /// `request.q`.
    pub rq_q: u32,
    /// `request.cmd_flags`.
    pub rq_cmd_flags: u32,
    /// `request.rq_flags`.
    pub rq_rq_flags: u32,
    /// `request.__data_len`.
    pub rq_data_len: u32,
    /// `request.__sector`.
    pub rq_sector: u32,
    /// `request.bio`.
    pub rq_bio: u32,
    /// `request.start_time_ns`.
    pub rq_start_time_ns: u32,
    /// `request_queue.disk`.
    pub q_disk: u32,
    /// `gendisk.major`.
    pub disk_major: u32,
    /// `gendisk.first_minor`.
    pub disk_first_minor: u32,
    /// `bio.bi_next`.
    pub bio_next: u32,
    /// `bio.bi_end_io`.
    pub bio_end_io: u32,
    /// `bio.bi_private`.
    pub bio_private: u32,
    /// `bio.bi_io_vec`.
    pub bio_io_vec: u32,
    /// `bio.bi_blkg`.
    pub bio_blkg: u32,
    /// `blkcg_gq.blkcg`.
    pub blkg_blkcg: u32,
    /// `blkcg.css.cgroup`.
    pub blkcg_cgroup: u32,
    /// `cgroup.kn`.
    pub cgroup_kn: u32,
    /// `kernfs_node.id`.
    pub kn_id: u32,
    /// `page.compound_head`.
    pub page_compound_head: u32,
    /// `folio.mapping` (or `page.mapping`).
    pub page_mapping: u32,
    /// `address_space.host`.
    pub mapping_host: u32,
    /// `inode.i_ino`.
    pub inode_ino: u32,
    /// `inode.i_sb`.
    pub inode_sb: u32,
    /// `super_block.s_dev`.
    pub sb_dev: u32,
    /// `iomap_dio.submit.waiter`.
    pub iomap_dio_waiter: u32,
    /// `iomap_dio.iocb`.
    pub iomap_dio_iocb: u32,
    /// `kiocb.ki_filp`.
    pub kiocb_filp: u32,
    /// `file.f_inode`.
    pub file_inode: u32,
    /// `task_struct.tgid`.
    pub task_tgid: u32,
    /// `task_struct.pid`.
    pub task_pid: u32,
    /// `task_struct.flags`.
    pub task_flags: u32,
    /// `task_struct.comm`.
    pub task_comm: u32,
    /// `task_struct.start_boottime`.
    pub task_start_boottime: u32,
    /// `task_struct.group_leader`.
    pub task_group_leader: u32,
    /// `task_struct.real_parent`.
    pub task_real_parent: u32,
    /// `task_struct.signal`.
    pub task_signal: u32,
    /// `signal_struct.live.counter`.
    pub signal_live: u32,
    /// `task_struct.mm`.
    pub task_mm: u32,
    /// `mm_struct.arg_start`.
    pub mm_arg_start: u32,
    /// `mm_struct.arg_end`.
    pub mm_arg_end: u32,
    /// `pt_regs.orig_ax` (x86-64).
    pub regs_orig_ax: u32,
    /// `pt_regs.di`: the first argument of a system call (x86-64).
    pub regs_di: u32,
    /// `pt_regs.r9`: the sixth argument of a system call (x86-64).
    pub regs_r9: u32,
    /// `task_struct.files`.
    pub task_files: u32,
    /// `files_struct.fdt`.
    pub files_fdt: u32,
    /// `fdtable.fd`.
    pub fdtable_fd: u32,
    /// `file.f_flags`; absent also when one of the members is that lead to it.
    pub file_flags: u32,

    /// Offsets in the records of `ext4:ext4_sync_file_enter`: `dev`.
    pub ext4_enter_dev: u32,
    /// `ino`.
    pub ext4_enter_ino: u32,
    /// `datasync`.
    pub ext4_enter_datasync: u32,
    /// Offset of `ret` in `ext4:ext4_sync_file_exit`.
    pub ext4_exit_ret: u32,
    /// Offsets in `xfs:xfs_file_fsync`: `dev`.
    pub xfs_dev: u32,
    /// `ino`.
    pub xfs_ino: u32,
    /// Offsets in `btrfs:btrfs_sync_file`: `ino`.
    pub btrfs_ino: u32,
    /// `datasync`.
    pub btrfs_datasync: u32,
    /// Offset of `ret` in `syscalls:sys_exit_*`.
    pub sys_exit_ret: u32,

    /// 1: the kernel has `block_io_start`; 0: owners come from `block_getrq`.
    pub has_io_start: u32,
    /// Bit of `RQF_FLUSH_SEQ` in `rq_flags`, as a mask.
    pub rqf_flush_seq: u32,
    /// Copies of the statistics minus one; a power of two minus one.
    pub shard_mask: u32,
    /// 1: several CPUs share a copy, so adds are atomic.
    pub shared_shards: u32,
    /// 1: one event per IO goes to the ring.
    pub io_events: u32,
    /// CPUs with an IO ring minus one; a power of two minus one.
    pub ring_cpu_mask: u32,
    /// log2 of the records in the IO ring of one CPU.
    pub ring_bits: u32,
    /// 1: this architecture may show the end of a ring before what stands in it (all but x86-64).
    pub weak_order: u32,
    /// Number of valid entries in `dio_ends`.
    pub dio_end_count: u32,
    /// Kernel addresses of the completion functions of direct IO whose private data is a `struct iomap_dio`
    /// (first entry) and of the others; pages of such bios belong to user buffers and are never looked at.
    pub dio_ends: [u64; DIO_ENDS],
    /// For the waits of the targets' threads.
    pub threads: Threads,
    /// For syncs through `io_uring`.
    pub uring: Uring,
    /// For the writers of pages that somebody else writes back.
    pub dirty: Dirty,
    /// For device-mapper and loop devices.
    pub indirect: Indirect,
    /// For the log of xfs.
    pub xfs_log: XfsLog,
}

/// What the programs need to know of devices whose IO is submitted by threads of their own. Offsets in bytes, unless said
/// otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Indirect {
    /// 1: causes are carried through device-mapper.
    pub stacked: u32,
    /// 1: requests of loop devices are remembered.
    pub loops: u32,
    /// Major number of device-mapper devices.
    pub mapper_major: u32,
    /// `bio.bi_bdev`.
    pub bio_bdev: u32,
    /// `block_device.bd_disk`.
    pub bdev_disk: u32,
    /// `bio.bi_iter.bi_sector`.
    pub bio_sector: u32,
    /// `bio.bi_iter.bi_size`.
    pub bio_size: u32,
    /// `request.tag`.
    pub rq_tag: u32,
    /// `folio.index` (or `page.index`).
    pub folio_index: u32,
    /// `kiocb.ki_pos`.
    pub kiocb_pos: u32,
}

impl Indirect {
    /// Nothing known.
    pub const fn absent() -> Self {
        Self {
            stacked: 0,
            loops: 0,
            mapper_major: ABSENT,
            bio_bdev: ABSENT,
            bdev_disk: ABSENT,
            bio_sector: ABSENT,
            bio_size: ABSENT,
            rq_tag: ABSENT,
            folio_index: ABSENT,
            kiocb_pos: ABSENT,
        }
    }
}

/// What the programs need to know of the log of xfs. Offsets in bytes, unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct XfsLog {
    /// Kernel address of the completion function of the log's bios; 0: the log is not watched.
    pub end_io: u64,
    /// `dev` in the records of all tracepoints that are used.
    pub dev: u32,
    /// `curr_res` of `xfs_log_ticket_ungrant` and `xfs_log_ticket_regrant`.
    pub ticket_left: u32,
    /// `unit_res` of these two.
    pub ticket_unit: u32,
    /// `flags` of `xlog_iclog_write`.
    pub iclog_flags: u32,
    /// `lsn` of `xlog_iclog_write` and `xlog_iclog_clean`.
    pub iclog_lsn: u32,
    /// `ino` in the records of the tracepoints about inodes.
    pub ino: u32,
}

impl XfsLog {
    /// Nothing known.
    pub const fn absent() -> Self {
        Self {
            end_io: 0,
            dev: ABSENT,
            ticket_left: ABSENT,
            ticket_unit: ABSENT,
            iclog_flags: ABSENT,
            iclog_lsn: ABSENT,
            ino: ABSENT,
        }
    }
}

/// What the programs need to know of dirty pages. Offsets in bytes, unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Dirty {
    /// 1: dirtying is watched.
    pub watched: u32,
    /// `folio.flags` (or `page.flags`).
    pub folio_flags: u32,
    /// The bit of `PG_head` there, as a mask.
    pub head_mask: u32,
    /// `folio._nr_pages` (`_folio_nr_pages` before 6.15): pages of a large folio.
    pub folio_pages: u32,
    /// `inode.i_mode`.
    pub inode_mode: u32,
    /// `address_space.i_pages.xa_flags`.
    pub mapping_flags: u32,
    /// `bio.bi_iter.bi_size`.
    pub bio_size: u32,
    /// `bio.bi_opf`.
    pub bio_opf: u32,
    /// 1: journals are watched; the following are offsets in the records of jbd2's tracepoints.
    pub journals: u32,
    /// `dev` of all of them.
    pub jbd2_dev: u32,
    /// `transaction` of `jbd2_start_commit` and the other phases.
    pub jbd2_transaction: u32,
    /// `bio.bi_flags`.
    pub bio_flags: u32,
    /// The bit there that says that a bio went through blk-throttle, as a mask.
    pub throttled: u32,
    /// `tid` of `jbd2_handle_stats`.
    pub handle_tid: u32,
    /// `dirtied_blocks` of `jbd2_handle_stats`.
    pub handle_blocks: u32,
    /// Not used, always 0.
    pub pad: u32,
}

impl Dirty {
    /// Nothing known.
    pub const fn absent() -> Self {
        Self {
            watched: 0,
            folio_flags: ABSENT,
            head_mask: 0,
            folio_pages: ABSENT,
            inode_mode: ABSENT,
            mapping_flags: ABSENT,
            bio_size: ABSENT,
            bio_opf: ABSENT,
            journals: 0,
            jbd2_dev: ABSENT,
            jbd2_transaction: ABSENT,
            bio_flags: ABSENT,
            throttled: 0,
            handle_tid: ABSENT,
            handle_blocks: ABSENT,
            pad: 0,
        }
    }
}

/// What the programs need to know of threads and their files. Offsets in bytes, unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Threads {
    /// `task_struct.__state`.
    pub state: u32,
    /// 1: `sched_switch` tells the state itself, as its last argument.
    pub told_state: u32,
    /// The word that holds `task_struct.in_iowait`.
    pub iowait: u32,
    /// Its bit there, as a mask.
    pub iowait_mask: u32,
    /// `task_struct.sched_info.run_delay`.
    pub run_delay: u32,
    /// `task_struct.se.sum_exec_runtime`: time on a CPU, ns.
    pub ran: u32,
    /// `task_struct.sched_info.pcount`: how often it got a CPU.
    pub turns: u32,
    /// Not used, always 0.
    pub pad: u32,
    /// `task_struct.ioac.syscr`: finished reads.
    pub syscr: u32,
    /// `task_struct.ioac.syscw`: finished writes.
    pub syscw: u32,
    /// `task_struct.maj_flt`: finished page faults that did IO.
    pub maj_flt: u32,
    /// `task_struct.min_flt`: the others.
    pub min_flt: u32,
    /// `task_struct.files`.
    pub files: u32,
    /// `files_struct.fdt`.
    pub fdt: u32,
    /// `fdtable.fd`.
    pub fd: u32,
    /// `fdtable.max_fds`.
    pub max_fds: u32,
    /// `inode.i_mode`.
    pub inode_mode: u32,
    /// `pt_regs.di` (x86-64): first argument of a system call.
    pub regs_di: u32,
    /// `pt_regs.si` (x86-64): the second.
    pub regs_si: u32,
    /// `pause` in the records of `writeback:balance_dirty_pages`, milliseconds.
    pub pause: u32,
    /// `task_struct.plug`.
    pub plug: u32,
    /// `task_struct.bio_list`.
    pub bio_list: u32,
}

impl Threads {
    /// Nothing known.
    pub const fn absent() -> Self {
        Self {
            state: ABSENT,
            told_state: 0,
            iowait: ABSENT,
            iowait_mask: 0,
            run_delay: ABSENT,
            ran: ABSENT,
            turns: ABSENT,
            pad: 0,
            syscr: ABSENT,
            syscw: ABSENT,
            maj_flt: ABSENT,
            min_flt: ABSENT,
            files: ABSENT,
            fdt: ABSENT,
            fd: ABSENT,
            max_fds: ABSENT,
            inode_mode: ABSENT,
            regs_di: ABSENT,
            regs_si: ABSENT,
            pause: ABSENT,
            plug: ABSENT,
            bio_list: ABSENT,
        }
    }
}

/// What the programs need to know of `io_uring`. Offsets in bytes, unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Uring {
    /// 1: its syncs are measured from submission to completion, so what a worker does for them is not.
    pub by_request: u32,
    /// `io_kiocb.opcode`.
    pub opcode: u32,
    /// `io_kiocb.cqe.fd`: the file, until the request is over.
    pub fd: u32,
    /// `io_kiocb.cqe.res`: its result, from then on.
    pub res: u32,
    /// `task_struct.worker_private`.
    pub worker: u32,
    /// `io_kiocb.flags`.
    pub flags: u32,
    /// `io_worker.cur_work`.
    pub cur_work: u32,
    /// `io_kiocb.work`.
    pub work: u32,
}

impl Uring {
    /// Nothing known.
    pub const fn absent() -> Self {
        Self {
            by_request: 0,
            opcode: ABSENT,
            fd: ABSENT,
            res: ABSENT,
            worker: ABSENT,
            cur_work: ABSENT,
            work: ABSENT,
            flags: ABSENT,
        }
    }
}

const _: () = assert!(size_of::<Config>().is_multiple_of(8));

impl Config {
    /// Nothing known: every offset absent, every switch off.
    pub const fn absent() -> Self {
        Self {
            rq_q: ABSENT,
            rq_cmd_flags: ABSENT,
            rq_rq_flags: ABSENT,
            rq_data_len: ABSENT,
            rq_sector: ABSENT,
            rq_bio: ABSENT,
            rq_start_time_ns: ABSENT,
            q_disk: ABSENT,
            disk_major: ABSENT,
            disk_first_minor: ABSENT,
            bio_next: ABSENT,
            bio_end_io: ABSENT,
            bio_private: ABSENT,
            bio_io_vec: ABSENT,
            bio_blkg: ABSENT,
            blkg_blkcg: ABSENT,
            blkcg_cgroup: ABSENT,
            cgroup_kn: ABSENT,
            kn_id: ABSENT,
            page_compound_head: ABSENT,
            page_mapping: ABSENT,
            mapping_host: ABSENT,
            inode_ino: ABSENT,
            inode_sb: ABSENT,
            sb_dev: ABSENT,
            iomap_dio_waiter: ABSENT,
            iomap_dio_iocb: ABSENT,
            kiocb_filp: ABSENT,
            file_inode: ABSENT,
            task_tgid: ABSENT,
            task_pid: ABSENT,
            task_flags: ABSENT,
            task_comm: ABSENT,
            task_start_boottime: ABSENT,
            task_group_leader: ABSENT,
            task_real_parent: ABSENT,
            task_signal: ABSENT,
            signal_live: ABSENT,
            task_mm: ABSENT,
            mm_arg_start: ABSENT,
            mm_arg_end: ABSENT,
            regs_orig_ax: ABSENT,
            regs_di: ABSENT,
            regs_r9: ABSENT,
            task_files: ABSENT,
            files_fdt: ABSENT,
            fdtable_fd: ABSENT,
            file_flags: ABSENT,
            ext4_enter_dev: ABSENT,
            ext4_enter_ino: ABSENT,
            ext4_enter_datasync: ABSENT,
            ext4_exit_ret: ABSENT,
            xfs_dev: ABSENT,
            xfs_ino: ABSENT,
            btrfs_ino: ABSENT,
            btrfs_datasync: ABSENT,
            sys_exit_ret: ABSENT,
            has_io_start: 0,
            rqf_flush_seq: 0,
            shard_mask: 0,
            shared_shards: 0,
            io_events: 1,
            ring_cpu_mask: 0,
            ring_bits: 0,
            weak_order: 0,
            dio_end_count: 0,
            dio_ends: [0; DIO_ENDS],
            threads: Threads::absent(),
            uring: Uring::absent(),
            dirty: Dirty::absent(),
            indirect: Indirect::absent(),
            xfs_log: XfsLog::absent(),
        }
    }
}
