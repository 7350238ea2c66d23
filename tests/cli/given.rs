//! Files that the user names: none makes a command wait, act on a device or fill the memory, and each is refused in words.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, mknodat};

use super::binary::run;

/// What is refused is refused at once; a program that is started on a busy machine takes its time.
const AT_ONCE: Duration = Duration::from_secs(10);

// Property: every command that reads a file refuses a pipe, a device, a folder, a file of the kernel's, an empty file and a huge one,
// each at once, with its name and what is wrong with it.
#[test]
fn what_is_no_file_of_ours_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    mknodat(CWD, at("fifo"), FileType::Fifo, 0o600.into(), 0).unwrap();
    fs::write(at("empty"), b"").unwrap();
    File::create(at("huge")).unwrap().set_len(3 << 30).unwrap();
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("replay/etcd.iocap");
    let capture = capture.to_str().unwrap();
    let commands: [&[&str]; 4] =
        [&["report"], &["report", capture, "--history"], &["advise"], &["apply", "--dry-run"]];
    let files = [
        (at("fifo"), "it is a FIFO"),
        (at(""), "it is a folder"),
        ("/dev/zero".to_owned(), "it is a device"),
        ("/proc/kmsg".to_owned(), "it is a file of the kernel's"),
        (at("none"), "No such file"),
        (at("empty"), ""),
        (at("huge"), ""),
    ];
    for command in commands {
        for (file, why) in &files {
            let begin = Instant::now();
            let ended = run(&[command, &[file]].concat()).ended(1);
            assert!(begin.elapsed() < AT_ONCE, "{command:?} {file}: {:?}", begin.elapsed());
            let said = &ended.stderr;
            assert!(said.contains(&format!("cannot read {file}: ")), "{command:?}: {said}");
            assert!(said.contains(why), "{command:?} {file}: {said}");
            assert_eq!(ended.stdout, "", "{command:?} {file}");
        }
    }
    let huge = run(&["apply", "--dry-run", &at("huge")]).ended(1);
    assert!(huge.stderr.contains("larger than 64.0 MiB"), "{}", huge.stderr);
}
