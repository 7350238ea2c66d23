//! Files that the user names on the command line: opened without waiting for them, and read so far at most.
//!
//! Owns that no name makes a command hang, act on a device or fill the memory. A pipe is nobody's file, a device may do something
//! when it is opened, and files of the kernel's own file systems act or wait when they are read (`/proc/kmsg` both). So the path is
//! looked at with `O_PATH`, which opens nothing, and what is opened is the file that was looked at.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::path::Path;

use iocontend_core::text::InTheWay;
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, fstatfs, openat};
use thiserror::Error;

/// File systems whose files are made when they are read (include/uapi/linux/magic.h).
const OF_THE_KERNEL: [i64; 8] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x7472_6163, // tracefs
    0x6462_6720, // debugfs
    0x6367_7270, // cgroup2
    0x0027_e0eb, // cgroup
    0x7363_6673, // securityfs
    0xcafe_4a11, // bpf
];

/// Why a file is not read.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    /// It is no file that can be read to its end.
    #[error("no file")]
    Found(InTheWay),
    /// It is larger than what is read; in bytes.
    #[error("more than {0} bytes")]
    TooLarge(u64),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Opens a regular file for reading; the last name may be a link.
pub(crate) fn open(path: &Path) -> Result<File, Refusal> {
    let place = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let place = place.map_err(io::Error::from)?;
    let kind = FileType::from_raw_mode(fstat(&place).map_err(io::Error::from)?.st_mode);
    match kind {
        FileType::RegularFile => {}
        FileType::Directory => return Err(Refusal::Found(InTheWay::Folder)),
        FileType::Fifo => return Err(Refusal::Found(InTheWay::Fifo)),
        FileType::Socket => return Err(Refusal::Found(InTheWay::Socket)),
        _ => return Err(Refusal::Found(InTheWay::Device)),
    }
    // A server that does not know its type still serves files.
    if fstatfs(&place).is_ok_and(|found| OF_THE_KERNEL.contains(&found.f_type)) {
        return Err(Refusal::Found(InTheWay::OfKernel));
    }
    let path = format!("/proc/self/fd/{}", place.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat(CWD, path, flags, Mode::empty()).map_err(io::Error::from)?;
    Ok(File::from(file))
}

/// All of a file that has so many bytes at most.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>, Refusal> {
    let file = open(path)?;
    // One that is known to be too large is not read at all.
    if file.metadata()?.len() > most {
        return Err(Refusal::TooLarge(most));
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(Refusal::TooLarge(most));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use rustix::fs::mknodat;

    use super::*;

    fn refused(path: &Path) -> InTheWay {
        match open(path) {
            Err(Refusal::Found(found)) => found,
            other => panic!("{}: {other:?}", path.display()),
        }
    }

    // Property: what is no file that ends is refused at once, also through a link, and nothing waits for it.
    #[test]
    fn only_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        mknodat(CWD, at("fifo"), FileType::Fifo, 0o600.into(), 0).unwrap();
        symlink(at("fifo"), at("link")).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        assert_eq!(refused(&at("fifo")), InTheWay::Fifo);
        assert_eq!(refused(&at("link")), InTheWay::Fifo);
        assert_eq!(refused(&at("socket")), InTheWay::Socket);
        assert_eq!(refused(folder.path()), InTheWay::Folder);
        for (path, found) in [
            ("/dev/zero", InTheWay::Device),
            ("/dev/null", InTheWay::Device),
            ("/proc/kmsg", InTheWay::OfKernel),
            ("/proc/self/status", InTheWay::OfKernel),
            ("/sys/kernel/uevent_seqnum", InTheWay::OfKernel),
        ] {
            assert_eq!(refused(Path::new(path)), found, "{path}");
        }
        assert!(
            matches!(open(&at("none")), Err(Refusal::Io(error)) if error.kind() == io::ErrorKind::NotFound)
        );
    }

    // Property: the limit is a limit: one byte more is not read, a sparse file of gigabytes costs nothing.
    #[test]
    fn no_more_is_read_than_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"12345").unwrap();
        symlink(&path, folder.path().join("link")).unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read(&folder.path().join("link"), 6).unwrap(), b"12345");
        assert!(matches!(read(&path, 4), Err(Refusal::TooLarge(4))));
        File::create(&path).unwrap().set_len(3 << 30).unwrap();
        assert!(matches!(read(&path, 1 << 20), Err(Refusal::TooLarge(_))));
        std::fs::write(&path, b"").unwrap();
        assert_eq!(read(&path, 0).unwrap(), b"");
    }
}
