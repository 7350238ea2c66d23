//! What a recording may replace, and what it leaves as it was.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{CWD, Mode, mknodat};
use tempfile::{TempDir, tempdir};

use super::*;

fn refused(path: &Path) -> InTheWay {
    let checked = check(path);
    match create(path) {
        Err(FileError::InTheWay(found)) => {
            assert!(matches!(checked, Err(FileError::InTheWay(same)) if same == found));
            found
        }
        other => panic!("{}: {other:?}", path.display()),
    }
}

/// Names in a folder, so that nothing temporary stays unseen.
fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Property: a new capture is readable by its owner only, whatever the umask is.
#[test]
fn a_capture_is_its_owners_alone() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.iocap");
    check(&path).unwrap();
    assert_eq!(names(&folder), [""; 0], "a look creates nothing");
    drop(create(&path).unwrap());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read(&path).unwrap(), file_header());
}

/// Property: an older capture is replaced, also one that anybody could read, and who reads it reads on.
#[test]
fn an_older_capture_is_replaced_as_a_whole() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.iocap");
    let old = [&file_header()[..], b"blocks"].concat();
    fs::write(&path, &old).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let mut reader = File::open(&path).unwrap();
    drop(create(&path).unwrap());
    assert_eq!(fs::read(&path).unwrap(), file_header());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    assert_ne!(path.metadata().unwrap().ino(), reader.metadata().unwrap().ino());
    let mut read = Vec::new();
    reader.read_to_end(&mut read).unwrap();
    assert_eq!(read, old);
    assert_eq!(names(&folder), ["a.iocap"]);
}

/// Property: a file that is no capture stays as it is, also one that is empty or shorter than a capture's first bytes.
#[test]
fn what_is_no_capture_is_never_replaced() {
    let folder = tempdir().unwrap();
    for content in [&b"precious"[..], b"much more than eight bytes", b"", &MAGIC[..7]] {
        let path = folder.path().join("precious.txt");
        fs::write(&path, content).unwrap();
        assert_eq!(refused(&path), InTheWay::Other);
        assert_eq!(fs::read(&path).unwrap(), content);
        assert_eq!(names(&folder), ["precious.txt"]);
    }
}

/// Property: a link is not followed, wherever it leads: to nothing, to a file, to a capture.
#[test]
fn a_link_is_not_followed() {
    let folder = tempdir().unwrap();
    let target = folder.path().join("target");
    let link = folder.path().join("link");
    symlink(&target, &link).unwrap();
    assert_eq!(refused(&link), InTheWay::Link);
    assert!(!target.exists());
    for content in [&b"precious"[..], &file_header()] {
        fs::write(&target, content).unwrap();
        assert_eq!(refused(&link), InTheWay::Link);
        assert_eq!(fs::read(&target).unwrap(), content);
    }
}

/// Property: what is no file is refused at once: a FIFO without a reader does not hold the program.
#[test]
fn what_is_no_file_is_refused_at_once() {
    let folder = tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    assert_eq!(refused(&fifo), InTheWay::Fifo);
    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    assert_eq!(refused(&socket), InTheWay::Socket);
    assert_eq!(refused(folder.path()), InTheWay::Folder);
    assert_eq!(refused(Path::new("/dev/null")), InTheWay::Device);
}

/// Property: a capture that is being recorded keeps its name; once the recording ended it may be replaced.
#[test]
fn a_capture_that_is_being_recorded_is_not_replaced() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.iocap");
    let recording = create(&path).unwrap();
    assert_eq!(refused(&path), InTheWay::Busy);
    drop(recording);
    let again = create(&path).unwrap();
    assert_eq!(refused(&path), InTheWay::Busy, "also one that replaced another");
    drop(again);
}

/// Property: a folder that is not there is said by the look already.
#[test]
fn a_folder_that_is_not_there_is_said_at_once() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("no/such/a.iocap");
    assert!(matches!(check(&path), Err(FileError::Io(_))));
    fs::write(folder.path().join("no"), "a file").unwrap();
    assert!(matches!(check(&folder.path().join("no/a.iocap")), Err(FileError::Io(_))));
}
