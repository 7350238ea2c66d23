//! What a file is to the process that has it.
//!
//! Owns the rules from path and owner to class; the shapes of paths are in `paths`, the folders of a
//! member in `etcd_paths`.

use crate::etcd_paths::{EtcdPaths, audit_log_path, etcd_paths, is_log_or_rotated};
use crate::facts::ProcessFacts;
use crate::ids::{FileClass, Role};
use crate::paths::{
    directly_in, in_member_dir, is_backup_path, is_below, is_container_log, is_db_or_defrag,
    is_member_wal, is_part_file, is_snap_file_name, is_wal_file_name,
};

/// Where k3s is told by its own documents to put the audit log (its flags are hidden in its title).
const K3S_AUDIT: &str = "/server/logs/audit.log";

/// The class of a file. `is_target` marks a process that is watched as a victim: it gets the rules of a
/// member by its `--data-dir`, whatever its role.
///
/// The path is the one in the owner's mount namespace and may end in ` (deleted)`.
pub fn classify(path: &str, owner: &ProcessFacts, role: Role, is_target: bool) -> FileClass {
    Classifier::new(owner, role, is_target).classify(path)
}

/// The rules for one owner, with its folders worked out once.
#[derive(Clone, Debug)]
pub struct Classifier<'a> {
    owner: &'a ProcessFacts,
    role: Role,
    member: Option<EtcdPaths>,
    audit_log: Option<String>,
}

impl<'a> Classifier<'a> {
    /// Prepares the rules for an owner.
    pub fn new(owner: &'a ProcessFacts, role: Role, is_target: bool) -> Self {
        let member = (is_target || role == Role::Etcd).then(|| etcd_paths(owner));
        let has_apiserver = matches!(role, Role::Apiserver | Role::Etcd);
        let audit_log = has_apiserver.then(|| audit_log_path(owner)).flatten();
        Self { owner, role, member, audit_log }
    }

    /// The class of a file of this owner.
    pub fn classify(&self, path: &str) -> FileClass {
        if let Some(class) = self.by_member_dirs(path).or_else(|| by_form(path)) {
            return class;
        }
        if self.is_audit_log(path) {
            FileClass::AuditLog
        } else if is_container_log(path) {
            FileClass::ContainerLog
        } else if self.is_backup_output(path) {
            FileClass::BackupOutput
        } else {
            FileClass::Other
        }
    }

    /// A member's files by its folders: looser than `by_form`, since only the member writes there.
    fn by_member_dirs(&self, path: &str) -> Option<FileClass> {
        let dirs = self.member.as_ref()?;
        let in_wal_dir = dirs.wal_dir.as_deref().and_then(|dir| directly_in(path, dir));
        let in_snap_dir = dirs.data_dir.as_deref().and_then(|dir| {
            let snap_dir = format!("{}/member/snap", dir.trim_end_matches('/'));
            directly_in(path, &snap_dir)
        });
        // Folders by form too: a flag may name a link, and open files show where it leads.
        let wal = in_wal_dir.or_else(|| in_member_dir(path, "wal")).is_some_and(is_wal_file_name);
        let snap =
            in_snap_dir.or_else(|| in_member_dir(path, "snap")).is_some_and(is_snap_file_name);
        match (wal, snap) {
            (true, _) => Some(FileClass::Wal),
            (_, true) => Some(FileClass::Snap),
            _ => None,
        }
    }

    fn is_audit_log(&self, path: &str) -> bool {
        let named = self.audit_log.as_deref().is_some_and(|log| is_log_or_rotated(path, log));
        named || self.role == Role::Etcd && is_k3s_audit_log(path)
    }

    fn is_backup_output(&self, path: &str) -> bool {
        match self.role {
            role if has_own_snapshots(role, self.owner) => {
                is_backup_path(path) && !self.in_member(path)
                    || is_part_file(path) && self.may_write(path)
            }
            Role::Backup => self.may_write(path) && is_data_path(path),
            _ => false,
        }
    }

    /// Whether the owner writes the file, as far as it is known: an open file that is only read is a
    /// source, a file that was not seen open is taken for written, since short-lived tools are seen late.
    fn may_write(&self, path: &str) -> bool {
        let mut open = self.owner.open_files.iter().filter(|f| f.path == path).peekable();
        open.peek().is_none() || open.any(|f| f.writable)
    }

    fn in_member(&self, path: &str) -> bool {
        let dir = self.member.as_ref().and_then(|dirs| dirs.data_dir.as_deref());
        dir.is_some_and(|dir| is_below(path, &format!("{}/member", dir.trim_end_matches('/'))))
    }
}

/// Whether a process takes snapshots within itself, so that only files tell when: a server of k3s, which is its etcd too, and
/// one of rke2, whose etcd is another process (k3s, pkg/etcd/snapshot.go, which rke2 calls). `comm` since this is asked for each IO.
pub(crate) fn has_own_snapshots(role: Role, owner: &ProcessFacts) -> bool {
    role == Role::Etcd || owner.comm == "rke2"
}

/// A member's files by form alone, so that a copier of them reads "db" and not "other".
fn by_form(path: &str) -> Option<FileClass> {
    if is_db_or_defrag(path) {
        Some(FileClass::Db)
    } else if is_member_wal(path) {
        Some(FileClass::Wal)
    } else if in_member_dir(path, "snap").is_some_and(is_snap_file_name) {
        Some(FileClass::Snap)
    } else {
        None
    }
}

fn is_k3s_audit_log(path: &str) -> bool {
    let Some(at) = path.rfind("/server/logs/") else { return false };
    is_log_or_rotated(&path[at..], K3S_AUDIT)
}

/// Not a program's own files, settings or logs: a backup tool writes these too, and they are no backup.
fn is_data_path(path: &str) -> bool {
    const NOT_DATA: [&str; 8] =
        ["/usr", "/etc", "/proc", "/sys", "/dev", "/lib", "/bin", "/var/log"];
    is_part_file(path) || is_backup_path(path) || !NOT_DATA.iter().any(|dir| is_below(path, dir))
}

#[cfg(test)]
#[path = "file_class_tests.rs"]
mod tests;
