//! What may be removed, and above all what may not.

use std::os::unix::fs::symlink;

use super::*;

/// Dropping removes the directory and all in it, and nothing beside it.
#[test]
fn drop_removes_only_its_own() {
    let parent = tempfile::tempdir().unwrap();
    let other = parent.path().join("iocontend-demo-other");
    fs::create_dir(&other).unwrap();
    let own = DemoDir::create_in(parent.path()).unwrap();
    let path = own.path().to_owned();
    fs::create_dir_all(path.join("member/wal")).unwrap();
    fs::write(path.join("member/wal/x"), "x").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    drop(own);
    assert!(!path.exists() && other.exists());
}

/// A link inside is removed as a link: what it points to stays.
#[test]
fn links_are_not_followed() {
    let parent = tempfile::tempdir().unwrap();
    let kept = parent.path().join("kept");
    fs::write(&kept, "x").unwrap();
    let own = DemoDir::create_in(parent.path()).unwrap();
    symlink(parent.path(), own.path().join("link")).unwrap();
    own.remove().unwrap();
    assert!(kept.exists());
}

/// A directory as a killed run leaves it: marker there, lock free, and `change` made to the marker.
fn leave_behind(parent: &Path, change: impl FnOnce(&mut Marker)) -> PathBuf {
    let path = parent.join("iocontend-demo-left");
    fs::create_dir(&path).unwrap();
    drop(write_marker(&path).unwrap());
    let file = path.join(MARKER);
    let mut marker: Marker = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut marker);
    fs::write(&file, serde_json::to_vec(&marker).unwrap()).unwrap();
    path
}

fn of_a_gone_process(marker: &mut Marker) {
    // The same pid, another start: the process that had the pid then is gone.
    marker.start_ticks += 1;
}

/// Removed when the process is gone: another start time, a pid that is free, another boot.
#[test]
fn leftovers_of_gone_processes_are_removed() {
    let changes: [fn(&mut Marker); 3] = [
        of_a_gone_process,
        // Above the highest pid the kernel gives.
        |marker| marker.pid = i32::MAX,
        |marker| marker.boot_id = "another boot".into(),
    ];
    for change in changes {
        let parent = tempfile::tempdir().unwrap();
        let path = leave_behind(parent.path(), change);
        let removed = remove_leftovers(parent.path());
        assert_eq!(removed.len(), 1);
        assert!(removed[0].removed.is_ok() && removed[0].path == path && !path.exists());
    }
}

/// Kept when the process lives, or when the marker is of another version or another directory.
#[test]
fn doubtful_leftovers_are_kept() {
    let changes: [fn(&mut Marker); 3] = [
        |_| {},
        |marker| {
            of_a_gone_process(marker);
            marker.iocontend_demo = MARKER_VERSION + 1;
        },
        |marker| {
            of_a_gone_process(marker);
            marker.dir_name = "iocontend-demo-elsewhere".into();
        },
    ];
    for change in changes {
        let parent = tempfile::tempdir().unwrap();
        let path = leave_behind(parent.path(), change);
        assert!(remove_leftovers(parent.path()).is_empty() && path.exists());
    }
}

/// Kept while the lock is held, whatever the pid says: it may be a process of another namespace.
#[test]
fn locked_leftovers_are_kept() {
    let parent = tempfile::tempdir().unwrap();
    let path = leave_behind(parent.path(), of_a_gone_process);
    let holder = File::open(path.join(MARKER)).unwrap();
    flock(&holder, FlockOperation::NonBlockingLockExclusive).unwrap();
    assert!(remove_leftovers(parent.path()).is_empty() && path.exists());
    drop(holder);
    assert_eq!(remove_leftovers(parent.path()).len(), 1);
}

/// Kept without a marker, with a broken one, with a linked one, under another name, or as a link.
#[test]
fn what_is_not_ours_is_kept() {
    let parent = tempfile::tempdir().unwrap();
    let left = leave_behind(parent.path(), of_a_gone_process);
    let renamed = parent.path().join("somebody-else");
    fs::rename(&left, &renamed).unwrap();
    symlink(&renamed, &left).unwrap();
    let bare = parent.path().join("iocontend-demo-bare");
    let broken = parent.path().join("iocontend-demo-broken");
    let linked = parent.path().join("iocontend-demo-linked");
    for dir in [&bare, &broken, &linked] {
        fs::create_dir(dir).unwrap();
    }
    fs::write(broken.join(MARKER), "{").unwrap();
    symlink(renamed.join(MARKER), linked.join(MARKER)).unwrap();
    assert!(remove_leftovers(parent.path()).is_empty());
    for path in [&left, &renamed, &bare, &broken, &linked] {
        assert!(path.exists(), "{}", path.display());
    }
}

/// A live run's directory survives the start of another run.
#[test]
fn a_running_demo_is_left_alone() {
    let parent = tempfile::tempdir().unwrap();
    let running = DemoDir::create_in(parent.path()).unwrap();
    assert!(remove_leftovers(parent.path()).is_empty());
    assert!(running.path().exists());
}
