//! Paths that must not be waited for.

use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, symlink};

use super::*;

fn fifo(path: &Path) {
    rustix::fs::mknodat(CWD, path, FileType::Fifo, 0o600.into(), 0).unwrap();
}

fn find(tree: &Tree, path: &str) -> Result<Place, Errno> {
    tree.find(path.as_bytes())
}

/// Property: what was looked at is what is opened, also when a pipe has taken its name meanwhile; a pipe is not opened.
#[test]
fn a_pipe_swapped_in_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tab"), "text").unwrap();
    fifo(&dir.path().join("pipe"));
    let tree = Tree::of_host(dir.path()).unwrap();
    let place = find(&tree, "/tab").unwrap();
    std::fs::rename(dir.path().join("pipe"), dir.path().join("tab")).unwrap();
    let mut text = String::new();
    place.open().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "text");
    let pipe = find(&tree, "/tab").unwrap();
    assert!(!pipe.is_file());
    assert_eq!(pipe.open().unwrap_err(), Errno::INVAL);
}

/// Property: proc, sysfs and their like are not entered, by whichever way; a disk or tmpfs is.
#[test]
fn files_that_act_when_read_are_not_reached() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("link");
    symlink("/proc/self/root/etc/passwd", &link).unwrap();
    let tree = Tree::of_host(Path::new("/")).unwrap();
    for path in ["/proc/kmsg", "/proc", "/sys/kernel/profiling", "/etc/../proc/version"] {
        assert_eq!(find(&tree, path).err(), Some(Errno::XDEV), "{path}");
    }
    assert_eq!(find(&tree, link.to_str().unwrap()).err(), Some(Errno::XDEV));
    assert!(find(&tree, "/etc/passwd").unwrap().is_file());
    assert!(find(&tree, dir.path().to_str().unwrap()).unwrap().is_folder());
}

/// Property: no link and no `..` leads out of the root; links in circles end.
#[test]
fn nothing_leads_out_of_the_root() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    std::fs::create_dir_all(root.join("a/b")).unwrap();
    std::fs::write(root.join("a/file"), "inside").unwrap();
    std::fs::write(dir.path().join("file"), "outside").unwrap();
    symlink("/a", root.join("absolute")).unwrap();
    symlink("../../../../a/file", root.join("a/b/up")).unwrap();
    symlink("circle", root.join("circle")).unwrap();
    let tree = Tree::of_host(&root).unwrap();
    let inside = std::fs::metadata(root.join("a/file")).unwrap().ino();
    for path in ["/absolute/file", "/a/b/up", "/../../a/file", "a//./b/../file"] {
        assert_eq!(find(&tree, path).unwrap().identity().1, inside, "{path}");
    }
    assert_eq!(find(&tree, "/circle").err(), Some(Errno::LOOP));
    assert_eq!(find(&tree, "/../file").err(), Some(Errno::NOENT));
    assert_eq!(find(&tree, "/a/file/x").err(), Some(Errno::NOTDIR));
    assert!(find(&tree, "/").unwrap().is_folder());
}
