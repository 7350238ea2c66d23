//! The names of the programs: what their functions are called in the object, and by which reports name them.

macro_rules! programs {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*

        /// All of them: the object has these, and no others.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

programs! {
    /// Of `block.rs`.
    IO_START = "io_start";
    /// Of `block.rs`.
    GETRQ = "getrq";
    /// Of `block.rs`.
    RQ_INSERT = "rq_insert";
    /// Of `block.rs`.
    RQ_ISSUE = "rq_issue";
    /// Of `block.rs`.
    RQ_REQUEUE = "rq_requeue";
    /// Of `block.rs`.
    RQ_MERGE = "rq_merge";
    /// Of `block.rs`.
    RQ_COMPLETE = "rq_complete";
    /// Of `dirty.rs`.
    DIRTY_FOLIO = "dirty_folio";
    /// Of `dirty.rs`.
    INODE_WRITE_START = "inode_write_start";
    /// Of `dirty.rs`.
    INODE_WRITTEN = "inode_written";
    /// Of `journal.rs`.
    HANDLE_STATS = "handle_stats";
    /// Of `journal.rs`.
    COMMIT_START = "commit_start";
    /// Of `journal.rs`.
    COMMIT_LOCKING = "commit_locking";
    /// Of `journal.rs`.
    COMMIT_FLUSHING = "commit_flushing";
    /// Of `journal.rs`.
    COMMIT_LOGGING = "commit_logging";
    /// Of `journal.rs`.
    COMMIT_END = "commit_end";
    /// Of `process.rs`.
    EXEC = "exec";
    /// Of `process.rs`.
    FORK = "fork";
    /// Of `process.rs`.
    EXIT = "exit";
    /// Of `stacked.rs`.
    STACK_QUEUE = "stack_queue";
    /// Of `stacked.rs`.
    STACK_SPLIT = "stack_split";
    /// Of `stacked.rs`.
    STACK_REMAP = "stack_remap";
    /// Of `sync.rs`.
    EXT4_SYNC_ENTER = "ext4_sync_enter";
    /// Of `sync.rs`.
    EXT4_SYNC_EXIT = "ext4_sync_exit";
    /// Of `sync.rs`.
    XFS_SYNC_ENTER = "xfs_sync_enter";
    /// Of `sync.rs`.
    BTRFS_SYNC_ENTER = "btrfs_sync_enter";
    /// Of `sync.rs`.
    SYNC_CALL_ENTER = "sync_call_enter";
    /// Of `sync.rs`.
    SYNC_SYSCALL_EXIT = "sync_syscall_exit";
    /// Of `threads.rs`.
    SWITCH = "switch";
    /// Of `threads.rs`.
    DIRTY_PAUSE = "dirty_pause";
    /// Of `uring.rs`.
    URING_SUBMIT = "uring_submit";
    /// Of `uring.rs`.
    URING_SUBMIT_SQE = "uring_submit_sqe";
    /// Of `uring.rs`.
    URING_COMPLETE = "uring_complete";
    /// Of `xfs_log.rs`.
    XFS_REGRANT = "xfs_regrant";
    /// Of `xfs_log.rs`.
    XFS_UNGRANT = "xfs_ungrant";
    /// Of `xfs_log.rs`.
    XFS_LOG_SPACE = "xfs_log_space";
    /// Of `xfs_log.rs`.
    XFS_LOG_WRITE = "xfs_log_write";
    /// Of `xfs_log.rs`.
    XFS_LOG_CLEAN = "xfs_log_clean";
    /// Of `xfs_log.rs`.
    XFS_DATA_WRITTEN = "xfs_data_written";
    /// Of `xfs_log.rs`.
    XFS_INODE_LEFT = "xfs_inode_left";
    /// Of `xfs_log.rs`.
    XFS_INODE_REMOVED = "xfs_inode_removed";
}
