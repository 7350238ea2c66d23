//! Starting a guardian: a small process of its own session that knows a lease and ends it, whatever becomes of who started it.
//!
//! It is this program again (`iocontend lease-guardian ID`), with a socket as its stdin and nothing else of ours: it gets the lease
//! through it, answers when it is ready, and sees in it when the other end is gone. What it does is `commands/lease/guardian.rs`.

use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use iocontend_core::lease::Lease;
use serde::{Deserialize, Serialize};

/// The hidden command.
pub const COMMAND: &str = "lease-guardian";
/// Its answer to the charge.
pub const READY: u8 = b'r';
/// Asks it to look at the record, which has more by now.
pub const LOOK: u8 = b'k';
/// Asks it to start a second one: the process that made the lease leaves.
pub const LEAVE: u8 = b'l';
/// Its answer: there are two.
pub const PAIRED: u8 = b'p';
/// Its answer: no second one could be started.
pub const ALONE: u8 = b'a';
/// For an answer. Starting takes milliseconds, under emulation some hundred.
const LIMIT: Duration = Duration::from_secs(20);
/// More than any charge holds.
const LARGEST: u32 = 128 << 20;

/// Where leases and settings are.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder of leases.
    pub folder: PathBuf,
    /// A folder that stands in for the host.
    pub root: Option<PathBuf>,
}

/// What a guardian is told.
#[derive(Debug, Serialize, Deserialize)]
pub struct Charge {
    /// The lease.
    pub lease: Lease,
    /// Whether it is told by the process that made the lease, not by another guardian.
    pub is_by_maker: bool,
}

/// A guardian that runs, and the socket to it.
pub struct Guardian {
    child: Child,
    /// Says nothing but answers, and ends with it.
    pub stream: UnixStream,
}

impl Guardian {
    /// Starts one and waits until it is ready.
    pub fn start(charge: &Charge, place: &Place) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(LIMIT))?;
        ours.set_write_timeout(Some(LIMIT))?;
        let mut command = Command::new("/proc/self/exe");
        command.arg0("iocontend").arg(COMMAND).arg(&charge.lease.id);
        command.arg("--state-dir").arg(&place.folder);
        if let Some(root) = &place.root {
            command.arg("--root").arg(root);
        }
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
        // It may be alone from its first moment on, so the charge is there before it.
        let bytes = bytes_of(charge)?;
        let sent = send_at_once(&ours, &bytes)?;
        let child = command.spawn()?;
        // The other end is the child's alone, so that its end is seen here.
        drop(command);
        let mut guardian = Self { child, stream: ours };
        let begun = guardian.tell(&bytes[sent..]);
        if begun.is_err() {
            // Its own socket ends, and so does it.
            drop(guardian.child.kill());
            drop(guardian.child.wait());
        }
        begun.map(|()| guardian)
    }

    /// Hands over what is left of the charge, and waits.
    fn tell(&mut self, rest: &[u8]) -> io::Result<()> {
        self.stream.write_all(rest)?;
        self.answer(READY)
    }

    fn answer(&mut self, wanted: u8) -> io::Result<()> {
        let mut answer = [0];
        self.stream.read_exact(&mut answer)?;
        if answer == [wanted] {
            Ok(())
        } else {
            Err(io::Error::other("a guardian could not start another"))
        }
    }

    /// The record has more by now.
    pub fn look(&mut self) -> io::Result<()> {
        self.stream.write_all(&[LOOK])
    }

    /// From now on it is one of two, without us.
    pub fn leave(&mut self) -> io::Result<()> {
        self.stream.write_all(&[LEAVE])?;
        self.answer(PAIRED)
    }

    /// Takes note of its end.
    pub fn reap(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A charge as it is sent: its length, then JSON.
fn bytes_of(charge: &Charge) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(charge)?;
    let length = u32::try_from(json.len()).map_err(io::Error::other)?;
    Ok([&length.to_le_bytes(), &json[..]].concat())
}

/// Sends what the socket takes while nobody reads, some 200 KB; gives how much that was.
fn send_at_once(mut stream: &UnixStream, bytes: &[u8]) -> io::Result<usize> {
    stream.set_nonblocking(true)?;
    let sent = match stream.write(bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        other => other?,
    };
    stream.set_nonblocking(false)?;
    Ok(sent)
}

/// Receives what a guardian is told.
pub fn receive(stream: &mut UnixStream) -> io::Result<Charge> {
    stream.set_read_timeout(Some(LIMIT))?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > LARGEST {
        return Err(io::Error::other("too long"));
    }
    let mut bytes = Vec::new();
    stream.take(u64::from(length)).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

impl Place {
    /// Independent of the folder that we are in.
    pub fn new(folder: &Path, root: Option<&Path>) -> io::Result<Self> {
        let root = root.map(std::path::absolute).transpose()?;
        Ok(Self { folder: std::path::absolute(folder)?, root })
    }
}
