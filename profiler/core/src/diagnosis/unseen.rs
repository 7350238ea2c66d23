//! Syncs that nothing times: the hooks of their file system are not in place.
//!
//! Owns that they are not judged. The scheduler still shows how often and how long a thread slept in such a call, which is
//! neither how often nor how long it took.

use crate::plan::{GapReason, SyncFs};
use crate::report::{Filesystem, Reason, Report};

/// File systems whose syncs are not timed, each with a hook that is missing and why.
pub(super) struct Unseen<'a> {
    missing: Vec<(SyncFs, &'a str, Option<&'a GapReason>)>,
    mounts: Vec<&'a Filesystem>,
}

impl<'a> Unseen<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let hooks = report.coverage.attached.iter().filter(|one| !one.attached);
        let missing = hooks.filter_map(|one| {
            let filesystem = SyncFs::timed_by(&one.program, &one.hook)?;
            Some((filesystem, one.hook.as_str(), one.reason.as_ref()))
        });
        let mounts = report.devices.iter().filter_map(|device| device.filesystems.as_ref());
        Self { missing: missing.collect(), mounts: mounts.flatten().collect() }
    }

    /// Why syncs of this file, or in this folder, are not timed; `None` where they are. Where its file system is not known, it
    /// may be any that is mounted here, and only of those are hooks missed.
    pub(super) fn reason(&self, path: Option<&str>) -> Option<Reason> {
        let fstype = path.and_then(|path| self.fstype(path));
        let is_its = |filesystem: SyncFs| fstype.is_none_or(|fstype| filesystem.has(fstype));
        let (filesystem, hook, why) = self.missing.iter().find(|(of, ..)| is_its(*of))?;
        Some(Reason::SyncsNotTimed {
            filesystem: *filesystem,
            hook: (*hook).to_owned(),
            why: why.cloned(),
        })
    }

    /// The type of the file system that a file is on: the innermost mount above it.
    fn fstype(&self, path: &str) -> Option<&'a str> {
        let above = |mount: &&&Filesystem| {
            let rest = path.strip_prefix(mount.mount_point.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let innermost =
            self.mounts.iter().filter(above).max_by_key(|mount| mount.mount_point.len());
        innermost.map(|mount| mount.fstype.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Attached, Device, HookKind, sample};
    use iocontend_wire::programs;

    fn without(hooks: &[(&str, &str)], mounts: &[(&str, &str)]) -> Report {
        let mut report = sample::report();
        let missing = |(program, hook): &(&str, &str)| Attached {
            program: (*program).to_owned(),
            hook: (*hook).to_owned(),
            kind: HookKind::Tracepoint,
            attached: false,
            reason: Some(GapReason::NoTracepoint),
        };
        report.coverage.attached = hooks.iter().map(missing).collect();
        let mount = |(at, fstype): &(&str, &str)| Filesystem {
            mount_point: (*at).to_owned(),
            fstype: (*fstype).to_owned(),
            options: None,
        };
        let filesystems = Some(mounts.iter().map(mount).collect());
        report.devices = vec![Device { filesystems, ..Device::default() }];
        report
    }

    const EXT4: (&str, &str) = (programs::EXT4_SYNC_EXIT, "ext4:ext4_sync_file_exit");
    const MOUNTS: [(&str, &str); 3] =
        [("/", "ext4"), ("/var/lib/etcd", "xfs"), ("/var/lib/etcd2", "ext3")];

    /// Only the file system that a file is on counts: the innermost mount, by whole names.
    #[test]
    fn a_file_is_on_its_innermost_mount() {
        let report = without(&[EXT4], &MOUNTS);
        let unseen = Unseen::of(&report);
        let is_unseen = |path| unseen.reason(path).is_some();
        assert!(is_unseen(Some("/srv/etcd/member/wal")));
        assert!(!is_unseen(Some("/var/lib/etcd/member/wal")));
        assert!(is_unseen(Some("/var/lib/etcd2/member/wal")));
        assert!(is_unseen(Some("/var/lib/etcdata")));
        assert!(is_unseen(None), "it may be on ext4");
    }

    /// A hook of another sort of waits is no reason, nor is one of system calls that are no plain sync.
    #[test]
    fn only_hooks_of_syncs_count() {
        let exit = programs::SYNC_SYSCALL_EXIT;
        for hooks in [
            (programs::DIRTY_PAUSE, "writeback:balance_dirty_pages"),
            (exit, "syscalls:sys_exit_msync"),
            (exit, "syscalls:sys_exit_sync"),
        ] {
            assert!(Unseen::of(&without(&[hooks], &MOUNTS)).reason(None).is_none(), "{hooks:?}");
        }
        let report = without(&[(exit, "syscalls:sys_exit_fdatasync")], &MOUNTS);
        let unseen = Unseen::of(&report);
        assert!(unseen.reason(Some("/var/lib/etcd/member")).is_some());
        assert!(unseen.reason(Some("/srv")).is_none(), "ext4 has hooks of its own");
    }
}
