//! Where a process with a role keeps its data: by its flags, and by what it has open for writing.

use crate::etcd_paths::{audit_log_path, etcd_paths};
use crate::facts::ProcessFacts;
use crate::file_class::Classifier;
use crate::ids::{Dev, FileClass, Role};
use crate::role::role_of;

/// Places of one process by its open files: a runtime has hundreds of logs open.
const OPEN_FILES: usize = 3;

/// A place where a process keeps data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What the files there are to it.
    pub file_class: FileClass,
    /// The folder or file, in the process's mount namespace.
    pub path: String,
    /// The device that `stat` gave for an open file.
    pub dev: Option<Dev>,
}

/// The role of a process and where it keeps data; `None` when it plays no role.
pub fn places(process: &ProcessFacts) -> Option<(Role, Vec<Place>)> {
    let role = role_of(process).role;
    if matches!(role, Role::Other | Role::Kernel | Role::Unattributed) {
        return None;
    }
    let mut places = Vec::new();
    let mut add = |file_class, path: Option<String>| {
        places.extend(path.map(|path| Place { file_class, path, dev: None }));
    };
    if role == Role::Etcd {
        let paths = etcd_paths(process);
        add(FileClass::Wal, paths.wal_dir);
        let db = paths.data_dir.map(|dir| format!("{}/member/snap", dir.trim_end_matches('/')));
        add(FileClass::Db, db);
    }
    if matches!(role, Role::Etcd | Role::Apiserver) {
        add(FileClass::AuditLog, audit_log_path(process));
    }
    by_open_files(process, role, &mut places);
    Some((role, places))
}

/// One place for each class and device that is not there by a flag.
fn by_open_files(process: &ProcessFacts, role: Role, places: &mut Vec<Place>) {
    let classifier = Classifier::new(process, role, false);
    let by_flag: Vec<FileClass> = places.iter().map(|place| place.file_class).collect();
    let mut added = 0;
    // Where somebody sent its standard output is not its data.
    for file in process.open_files.iter().filter(|file| file.writable && file.fd > 2) {
        let file_class = classifier.classify(&file.path);
        let seen = |place: &Place| place.file_class == file_class && place.dev == Some(file.dev);
        let is_etcds_own = role == Role::Etcd && file_class == FileClass::Other;
        if by_flag.contains(&file_class) || is_etcds_own || places.iter().any(seen) {
            continue;
        }
        if added == OPEN_FILES {
            return;
        }
        added += 1;
        places.push(Place { file_class, path: file.path.clone(), dev: Some(file.dev) });
    }
}
