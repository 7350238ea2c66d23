//! What userspace freezes into the programs before load: offsets found in the kernel's BTF, and switches.
//!
//! A member that this kernel does not have is [`ABSENT`]; the branch that would read it is then dead code for
//! the verifier.

/// "This kernel has no such member."
pub const ABSENT: u32 = u32::MAX;

/// How many completion functions of direct IO are told to the programs.
pub const DIO_ENDS: usize = 8;

/// Where an offset comes from: a member of one of the kernel's types, as `type.path`; of several the first that this
/// kernel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The members, each with its type in front. The first names them all when none is there.
    pub members: &'static [&'static str],
    /// Without it, what the configuration is for cannot be done.
    pub needed: bool,
}

const fn need(members: &'static [&'static str]) -> Source {
    Source { members, needed: true }
}

const fn may(members: &'static [&'static str]) -> Source {
    Source { members, needed: false }
}

/// One offset of a part of the configuration.
pub struct Offset<Part: 'static> {
    /// Where it comes from.
    pub source: Source,
    /// Puts it where the programs look for it.
    pub set: fn(&mut Part, u32),
}

/// A part of the configuration, each field once: name, type, what stands there when nothing is known, and for the offset of a
/// member where that comes from. Of this the layout, `absent`, and the table that is looked up are made.
macro_rules! frozen {
    ($(#[$doc:meta])* pub struct $name:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $absent:expr $(, $source:expr)?;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(C)]
        #[cfg_attr(not(target_arch = "bpf"), derive(bytemuck::Pod, bytemuck::Zeroable))]
        pub struct $name {
            $($(#[$field_doc])* $(#[doc = concat!("`", stringify!($source), "`.")])? pub $field: $type,)*
        }

        impl $name {
            /// Nothing known: every offset absent, every switch off.
            pub const fn absent() -> Self {
                Self { $($field: $absent,)* }
            }

            /// The offsets that come from the kernel's types.
            pub const OFFSETS: &[Offset<Self>] = &[
                $($(Offset { source: $source, set: |part, at| part.$field = at },)?)*
            ];
        }
    };
}

frozen! {
    /// Offsets in bytes, unless said otherwise.
    pub struct Config {
        rq_q: u32 = ABSENT, need(&["request.q"]);
        rq_cmd_flags: u32 = ABSENT, need(&["request.cmd_flags"]);
        rq_rq_flags: u32 = ABSENT, need(&["request.rq_flags"]);
        rq_data_len: u32 = ABSENT, need(&["request.__data_len"]);
        rq_sector: u32 = ABSENT, need(&["request.__sector"]);
        rq_bio: u32 = ABSENT, need(&["request.bio"]);
        rq_start_time_ns: u32 = ABSENT, need(&["request.start_time_ns"]);
        q_disk: u32 = ABSENT, need(&["request_queue.disk"]);
        disk_major: u32 = ABSENT, need(&["gendisk.major"]);
        disk_first_minor: u32 = ABSENT, need(&["gendisk.first_minor"]);
        bio_next: u32 = ABSENT, need(&["bio.bi_next"]);
        bio_end_io: u32 = ABSENT, may(&["bio.bi_end_io"]);
        bio_private: u32 = ABSENT, may(&["bio.bi_private"]);
        bio_io_vec: u32 = ABSENT, may(&["bio.bi_io_vec"]);
        bio_blkg: u32 = ABSENT, may(&["bio.bi_blkg"]);
        blkg_blkcg: u32 = ABSENT, may(&["blkcg_gq.blkcg"]);
        blkcg_cgroup: u32 = ABSENT, may(&["blkcg.css.cgroup"]);
        cgroup_kn: u32 = ABSENT, may(&["cgroup.kn"]);
        kn_id: u32 = ABSENT, may(&["kernfs_node.id"]);
        page_compound_head: u32 = ABSENT, may(&["page.compound_head"]);
        /// `folio.mapping` (or `page.mapping`).
        page_mapping: u32 = ABSENT, may(&["folio.mapping", "page.mapping"]);
        mapping_host: u32 = ABSENT, may(&["address_space.host"]);
        inode_ino: u32 = ABSENT, may(&["inode.i_ino"]);
        inode_sb: u32 = ABSENT, may(&["inode.i_sb"]);
        sb_dev: u32 = ABSENT, may(&["super_block.s_dev"]);
        iomap_dio_waiter: u32 = ABSENT, may(&["iomap_dio.submit.waiter"]);
        iomap_dio_iocb: u32 = ABSENT, may(&["iomap_dio.iocb"]);
        kiocb_filp: u32 = ABSENT, may(&["kiocb.ki_filp"]);
        file_inode: u32 = ABSENT, may(&["file.f_inode"]);
        task_tgid: u32 = ABSENT, need(&["task_struct.tgid"]);
        task_pid: u32 = ABSENT, need(&["task_struct.pid"]);
        task_flags: u32 = ABSENT, need(&["task_struct.flags"]);
        task_comm: u32 = ABSENT, need(&["task_struct.comm"]);
        task_start_boottime: u32 = ABSENT, need(&["task_struct.start_boottime"]);
        task_group_leader: u32 = ABSENT, need(&["task_struct.group_leader"]);
        task_real_parent: u32 = ABSENT, need(&["task_struct.real_parent"]);
        task_signal: u32 = ABSENT, need(&["task_struct.signal"]);
        signal_live: u32 = ABSENT, may(&["signal_struct.live.counter"]);
        task_mm: u32 = ABSENT, need(&["task_struct.mm"]);
        mm_arg_start: u32 = ABSENT, need(&["mm_struct.arg_start"]);
        mm_arg_end: u32 = ABSENT, need(&["mm_struct.arg_end"]);
        /// `pt_regs.orig_ax` (x86-64).
        regs_orig_ax: u32 = ABSENT, may(&["pt_regs.orig_ax"]);
        /// `pt_regs.di`: the first argument of a system call (x86-64).
        regs_di: u32 = ABSENT, may(&["pt_regs.di"]);
        /// `pt_regs.r9`: the sixth argument of a system call (x86-64).
        regs_r9: u32 = ABSENT, may(&["pt_regs.r9"]);
        task_files: u32 = ABSENT, may(&["task_struct.files"]);
        files_fdt: u32 = ABSENT, may(&["files_struct.fdt"]);
        fdtable_fd: u32 = ABSENT, may(&["fdtable.fd"]);
        /// `file.f_flags`; absent also when one of the members is that lead to it.
        file_flags: u32 = ABSENT, may(&["file.f_flags"]);

        /// Offsets in the records of `ext4:ext4_sync_file_enter`: `dev`.
        ext4_enter_dev: u32 = ABSENT;
        /// `ino`.
        ext4_enter_ino: u32 = ABSENT;
        /// `datasync`.
        ext4_enter_datasync: u32 = ABSENT;
        /// Offset of `ret` in `ext4:ext4_sync_file_exit`.
        ext4_exit_ret: u32 = ABSENT;
        /// Offsets in `xfs:xfs_file_fsync`: `dev`.
        xfs_dev: u32 = ABSENT;
        /// `ino`.
        xfs_ino: u32 = ABSENT;
        /// Offsets in `btrfs:btrfs_sync_file`: `ino`.
        btrfs_ino: u32 = ABSENT;
        /// `datasync`.
        btrfs_datasync: u32 = ABSENT;
        /// Offset of `ret` in `syscalls:sys_exit_*`.
        sys_exit_ret: u32 = ABSENT;

        /// 1: the kernel has `block_io_start`; 0: owners come from `block_getrq`.
        has_io_start: u32 = 0;
        /// Bit of `RQF_FLUSH_SEQ` in `rq_flags`, as a mask.
        rqf_flush_seq: u32 = 0;
        /// Copies of the statistics minus one; a power of two minus one.
        shard_mask: u32 = 0;
        /// 1: several CPUs share a copy, so adds are atomic.
        shared_shards: u32 = 0;
        /// 1: one event per IO goes to the ring.
        io_events: u32 = 1;
        /// CPUs with an IO ring minus one; a power of two minus one.
        ring_cpu_mask: u32 = 0;
        /// log2 of the records in the IO ring of one CPU.
        ring_bits: u32 = 0;
        /// 1: this architecture may show the end of a ring before what stands in it (all but x86-64).
        weak_order: u32 = 0;
        /// Number of valid entries in `dio_ends`.
        dio_end_count: u32 = 0;
        /// Kernel addresses of the completion functions of direct IO whose private data is a `struct iomap_dio`
        /// (first entry) and of the others; pages of such bios belong to user buffers and are never looked at.
        dio_ends: [u64; DIO_ENDS] = [0; DIO_ENDS];
        /// For the waits of the targets' threads.
        threads: Threads = Threads::absent();
        /// For syncs through `io_uring`.
        uring: Uring = Uring::absent();
        /// For the writers of pages that somebody else writes back.
        dirty: Dirty = Dirty::absent();
        /// For device-mapper and loop devices.
        indirect: Indirect = Indirect::absent();
        /// For the log of xfs.
        xfs_log: XfsLog = XfsLog::absent();
    }
}

frozen! {
    /// What the programs need to know of devices whose IO is submitted by threads of their own. Offsets in bytes, unless said
    /// otherwise.
    pub struct Indirect {
        /// 1: causes are carried through device-mapper.
        stacked: u32 = 0;
        /// 1: requests of loop devices are remembered.
        loops: u32 = 0;
        /// Major number of device-mapper devices.
        mapper_major: u32 = ABSENT;
        /// `bio.bi_bdev`.
        bio_bdev: u32 = ABSENT;
        /// `block_device.bd_disk`.
        bdev_disk: u32 = ABSENT;
        /// `bio.bi_iter.bi_sector`.
        bio_sector: u32 = ABSENT;
        /// `bio.bi_iter.bi_size`.
        bio_size: u32 = ABSENT;
        /// `request.tag`.
        rq_tag: u32 = ABSENT;
        /// `folio.index` (or `page.index`).
        folio_index: u32 = ABSENT;
        /// `kiocb.ki_pos`.
        kiocb_pos: u32 = ABSENT;
    }
}

frozen! {
    /// What the programs need to know of the log of xfs. Offsets in bytes, unless said otherwise.
    pub struct XfsLog {
        /// Kernel address of the completion function of the log's bios; 0: the log is not watched.
        end_io: u64 = 0;
        /// `dev` in the records of all tracepoints that are used.
        dev: u32 = ABSENT;
        /// `curr_res` of `xfs_log_ticket_ungrant` and `xfs_log_ticket_regrant`.
        ticket_left: u32 = ABSENT;
        /// `unit_res` of these two.
        ticket_unit: u32 = ABSENT;
        /// `flags` of `xlog_iclog_write`.
        iclog_flags: u32 = ABSENT;
        /// `lsn` of `xlog_iclog_write` and `xlog_iclog_clean`.
        iclog_lsn: u32 = ABSENT;
        /// `ino` in the records of the tracepoints about inodes.
        ino: u32 = ABSENT;
    }
}

frozen! {
    /// What the programs need to know of dirty pages. Offsets in bytes, unless said otherwise.
    pub struct Dirty {
        /// 1: dirtying is watched.
        watched: u32 = 0;
        /// `folio.flags` (or `page.flags`).
        folio_flags: u32 = ABSENT, need(&["folio.flags.f", "folio.flags", "page.flags"]);
        /// The bit of `PG_head` there, as a mask.
        head_mask: u32 = 0;
        /// `folio._nr_pages` (`_folio_nr_pages` before 6.15): pages of a large folio.
        folio_pages: u32 = ABSENT, may(&["folio._nr_pages", "folio._folio_nr_pages"]);
        inode_mode: u32 = ABSENT, need(&["inode.i_mode"]);
        mapping_flags: u32 = ABSENT, need(&["address_space.i_pages.xa_flags"]);
        bio_size: u32 = ABSENT, need(&["bio.bi_iter.bi_size"]);
        bio_opf: u32 = ABSENT, need(&["bio.bi_opf"]);
        /// 1: journals are watched; the following are offsets in the records of jbd2's tracepoints.
        journals: u32 = 0;
        /// `dev` of all of them.
        jbd2_dev: u32 = ABSENT;
        /// `transaction` of `jbd2_start_commit` and the other phases.
        jbd2_transaction: u32 = ABSENT;
        bio_flags: u32 = ABSENT, may(&["bio.bi_flags"]);
        /// The bit there that says that a bio went through blk-throttle, as a mask.
        throttled: u32 = 0;
        /// `tid` of `jbd2_handle_stats`.
        handle_tid: u32 = ABSENT;
        /// `dirtied_blocks` of `jbd2_handle_stats`.
        handle_blocks: u32 = ABSENT;
        /// Not used, always 0.
        pad: u32 = 0;
    }
}

frozen! {
    /// What the programs need to know of threads and their files. Offsets in bytes, unless said otherwise.
    pub struct Threads {
        state: u32 = ABSENT, need(&["task_struct.__state", "task_struct.state"]);
        /// 1: `sched_switch` tells the state itself, as its last argument.
        told_state: u32 = 0;
        /// The word that holds `task_struct.in_iowait`.
        iowait: u32 = ABSENT;
        /// Its bit there, as a mask.
        iowait_mask: u32 = 0;
        run_delay: u32 = ABSENT, may(&["task_struct.sched_info.run_delay"]);
        /// `task_struct.se.sum_exec_runtime`: time on a CPU, ns.
        ran: u32 = ABSENT, may(&["task_struct.se.sum_exec_runtime"]);
        /// `task_struct.sched_info.pcount`: how often it got a CPU.
        turns: u32 = ABSENT, may(&["task_struct.sched_info.pcount"]);
        /// Not used, always 0.
        pad: u32 = 0;
        /// `task_struct.ioac.syscr`: finished reads.
        syscr: u32 = ABSENT, may(&["task_struct.ioac.syscr"]);
        /// `task_struct.ioac.syscw`: finished writes.
        syscw: u32 = ABSENT, may(&["task_struct.ioac.syscw"]);
        /// `task_struct.maj_flt`: finished page faults that did IO.
        maj_flt: u32 = ABSENT, may(&["task_struct.maj_flt"]);
        /// `task_struct.min_flt`: the others.
        min_flt: u32 = ABSENT, may(&["task_struct.min_flt"]);
        files: u32 = ABSENT, may(&["task_struct.files"]);
        fdt: u32 = ABSENT, may(&["files_struct.fdt"]);
        fd: u32 = ABSENT, may(&["fdtable.fd"]);
        max_fds: u32 = ABSENT, may(&["fdtable.max_fds"]);
        inode_mode: u32 = ABSENT, may(&["inode.i_mode"]);
        /// `pt_regs.di` (x86-64): first argument of a system call.
        regs_di: u32 = ABSENT, may(&["pt_regs.di"]);
        /// `pt_regs.si` (x86-64): the second.
        regs_si: u32 = ABSENT, may(&["pt_regs.si"]);
        /// `pause` in the records of `writeback:balance_dirty_pages`, milliseconds.
        pause: u32 = ABSENT;
        plug: u32 = ABSENT, may(&["task_struct.plug"]);
        bio_list: u32 = ABSENT, may(&["task_struct.bio_list"]);
    }
}

frozen! {
    /// What the programs need to know of `io_uring`. Offsets in bytes, unless said otherwise.
    pub struct Uring {
        /// 1: its syncs are measured from submission to completion, so what a worker does for them is not.
        by_request: u32 = 0;
        opcode: u32 = ABSENT, need(&["io_kiocb.opcode"]);
        /// `io_kiocb.cqe.fd`: the file, until the request is over.
        fd: u32 = ABSENT, need(&["io_kiocb.cqe.fd"]);
        /// `io_kiocb.cqe.res`: its result, from then on.
        res: u32 = ABSENT, need(&["io_kiocb.cqe.res"]);
        worker: u32 = ABSENT, may(&["task_struct.worker_private"]);
        flags: u32 = ABSENT, need(&["io_kiocb.flags"]);
        cur_work: u32 = ABSENT, may(&["io_worker.cur_work"]);
        work: u32 = ABSENT, may(&["io_kiocb.work"]);
    }
}

const _: () = assert!(size_of::<Config>().is_multiple_of(8));

#[cfg(test)]
mod tests {
    extern crate std;
    use std::collections::BTreeSet;
    use std::vec::Vec;

    use super::*;

    /// The words of a part when offset after offset got a number of its own.
    fn words<Part: bytemuck::Pod>(mut part: Part, offsets: &[Offset<Part>]) -> Vec<u32> {
        for (number, offset) in (1_000_000..).zip(offsets) {
            (offset.set)(&mut part, number);
        }
        bytemuck::cast_slice::<u8, u32>(bytemuck::bytes_of(&part)).to_vec()
    }

    fn each_has_its_place<Part: bytemuck::Pod>(part: Part, offsets: &[Offset<Part>]) {
        let words = words(part, offsets);
        let set: BTreeSet<u32> =
            words.iter().copied().filter(|word| (1_000_000..2_000_000).contains(word)).collect();
        assert_eq!(set.len(), offsets.len());
        for offset in offsets {
            assert!(!offset.source.members.is_empty());
            assert!(
                offset.source.members.iter().all(|member| member.contains('.')),
                "{:?}",
                offset.source
            );
        }
    }

    #[test]
    fn no_offset_is_put_in_the_place_of_another() {
        each_has_its_place(Config::absent(), Config::OFFSETS);
        each_has_its_place(Threads::absent(), Threads::OFFSETS);
        each_has_its_place(Uring::absent(), Uring::OFFSETS);
        each_has_its_place(Dirty::absent(), Dirty::OFFSETS);
        assert!(Config::OFFSETS.len() > 40 && Threads::OFFSETS.len() > 15);
    }
}
