//! What a path says by its form alone, whoever has it open.
//!
//! Owns the shapes of an etcd member's files and the words that mean "backup". A path may end in the
//! kernel's ` (deleted)`.

use crate::argv::{base_name, strip_deleted};

/// `…/member/snap/db`: the database of a member.
pub(crate) fn is_db_path(path: &str) -> bool {
    ends_with_elements(strip_deleted(path), "member/snap/db")
}

/// The database, or the copy a defragmentation writes beside it (`db.tmp.1234`, `db.tmp`).
pub(crate) fn is_db_or_defrag(path: &str) -> bool {
    in_member_dir(path, "snap").is_some_and(|name| {
        name == "db" || name == "db.tmp" || name.starts_with("db.tmp.") || name == "db.bak"
    })
}

/// `…/member/wal/*.wal`, or etcd's own name for a log wherever the log lives (`--wal-dir`).
pub(crate) fn is_member_wal(path: &str) -> bool {
    in_member_dir(path, "wal").is_some_and(|name| has_extension(name, ".wal"))
        || is_wal_name(base_name(path))
}

/// A segment, or one preallocated for the next (`0.tmp`, `1.tmp`).
pub(crate) fn is_wal_file_name(name: &str) -> bool {
    let preallocated =
        name.strip_suffix(".tmp").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    has_extension(name, ".wal") || preallocated || has_extension(name, ".wal.broken")
}

/// A raft snapshot, a database received with one, or one being received.
pub(crate) fn is_snap_file_name(name: &str) -> bool {
    has_extension(name, ".snap") || has_extension(name, ".snap.db") || is_receiving(name)
}

/// The base name of a file that lies directly in `…/member/<dir>/`.
pub(crate) fn in_member_dir<'a>(path: &'a str, dir: &str) -> Option<&'a str> {
    let (parent, name) = strip_deleted(path).rsplit_once('/')?;
    let member = parent.strip_suffix(dir)?;
    ends_with_elements(member.strip_suffix('/')?, "member").then_some(name)
}

/// The base name of a file that lies directly in a folder.
pub(crate) fn directly_in<'a>(path: &'a str, dir: &str) -> Option<&'a str> {
    let (parent, name) = strip_deleted(path).rsplit_once('/')?;
    (parent == dir.trim_end_matches('/') && !name.is_empty()).then_some(name)
}

/// Whether a path lies in a folder or below it.
pub(crate) fn is_below(path: &str, dir: &str) -> bool {
    let dir = dir.trim_end_matches('/');
    strip_deleted(path).strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

/// A `.part` file: etcd's snapshot client writes `<destination>.part` and renames it at the end.
pub(crate) fn is_part_file(path: &str) -> bool {
    has_extension(base_name(path), ".part")
}

/// A `.part` file whose name without it is a database's or a snapshot's, as etcd's users name them.
pub(crate) fn base_is_db_part(path: &str) -> bool {
    let stem = base_name(path).strip_suffix(".part");
    stem.is_some_and(|s| has_extension(s, ".db") || (s.contains("etcd") && s.contains("snap")))
}

/// Whether an element of the path says backup or snapshot, other than a container's layers and the
/// folders of programs and settings.
pub(crate) fn is_backup_path(path: &str) -> bool {
    const NOT_DATA: [&str; 7] = ["/usr", "/etc", "/proc", "/sys", "/dev", "/lib", "/bin"];
    let path = strip_deleted(path);
    if NOT_DATA.iter().any(|dir| is_below(path, dir)) || path.contains("io.containerd.") {
        return false;
    }
    path.split('/').any(|element| {
        let element = element.to_ascii_lowercase();
        let says_backup = element.contains("backup") || element.contains("snapshot");
        // A folder named "nobackup" holds what its owner wants left out.
        let denied = element.contains("snapshotter")
            || ["nobackup", "no-backup", "no_backup"].iter().any(|no| element.contains(no));
        says_backup && !denied
    })
}

/// A container's log: what the kubelet and Docker keep on the host.
pub(crate) fn is_container_log(path: &str) -> bool {
    ["/var/log/pods", "/var/log/containers"].iter().any(|dir| is_below(path, dir))
        || is_docker_log(path)
}

/// `…/containers/<id>/<id>-json.log`, rotated `.1`, `.2.gz`, and the `local` driver's files.
fn is_docker_log(path: &str) -> bool {
    let path = strip_deleted(path);
    let Some((_, below)) = path.split_once("/containers/") else { return false };
    let Some((id, rest)) = below.split_once('/') else { return false };
    id.len() == 64
        && (rest.starts_with("local-logs/")
            || rest.strip_prefix(id).is_some_and(|r| r.starts_with("-json.log")))
}

/// `%016x-%016x.wal`
fn is_wal_name(name: &str) -> bool {
    name.strip_suffix(".wal").and_then(|n| n.split_once('-')).is_some_and(|(seq, index)| {
        [seq, index].iter().all(|n| n.len() == 16 && n.bytes().all(|b| b.is_ascii_hexdigit()))
    })
}

/// `tmp123456` in the snap folder: a snapshot of the leader on its way in.
fn is_receiving(name: &str) -> bool {
    name.strip_prefix("tmp").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a path ends in these elements, as whole elements.
fn ends_with_elements(path: &str, elements: &str) -> bool {
    path.strip_suffix(elements).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// As text, so that `.snap.db` is one extension; a name that is only the extension has none.
fn has_extension(name: &str, extension: &str) -> bool {
    name.strip_suffix(extension).is_some_and(|stem| !stem.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_files_are_known_by_whole_elements_only() {
        for path in
            ["/var/lib/etcd/member/snap/db", "member/snap/db", "/x/member/snap/db (deleted)"]
        {
            assert!(is_db_path(path), "{path}");
        }
        for path in
            ["/x/remember/snap/db", "/x/member/snap/db2", "/x/snap/db", "/x/member/snap/a/db"]
        {
            assert!(!is_db_path(path), "{path}");
            assert!(!is_db_or_defrag(path), "{path}");
        }
        assert!(is_db_or_defrag("/x/member/snap/db.tmp.123"));
        assert!(is_member_wal("/x/member/wal/0.wal"));
        assert!(is_member_wal("/fast/0000000000000001-00000000000a0000.wal"));
        for path in ["/x/wal/1.wal", "/x/member/wal/.wal", "/x/member/wal/a.wal.gz", "/x/1-2.wal"] {
            assert!(!is_member_wal(path), "{path}");
        }
    }

    #[test]
    fn backup_paths_are_told_from_container_layers_and_settings() {
        for path in
            ["/backup/x", "/var/backups/e.db", "/d/etcd-snapshot-2024.db", "s3://b/Snapshots/x"]
        {
            assert!(is_backup_path(path), "{path}");
        }
        for path in [
            "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/3/fs/a",
            "/etc/backup.conf",
            "/usr/lib/snapshot/x.so",
            "/data/nobackup/run1",
            "/var/lib/etcd/member/snap/db",
        ] {
            assert!(!is_backup_path(path), "{path}");
        }
    }

    #[test]
    fn container_logs_are_those_of_the_kubelet_and_of_docker() {
        let id = "a".repeat(64);
        assert!(is_container_log("/var/log/pods/kube-system_x_1/etcd/0.log"));
        assert!(is_container_log("/var/log/containers/x.log"));
        assert!(is_container_log(&format!("/var/lib/docker/containers/{id}/{id}-json.log.1")));
        assert!(is_container_log(&format!(
            "/var/lib/docker/containers/{id}/local-logs/container.log"
        )));
        assert!(!is_container_log(&format!("/var/lib/docker/containers/{id}/config.v2.json")));
        assert!(!is_container_log("/var/log/podsx/x"));
        assert!(!is_container_log("/srv/containers/é/x-json.log"));
    }
}
