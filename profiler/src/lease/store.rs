//! Where leases are kept: a folder that does not survive a restart of the host, as the settings do not.
//!
//! A lease is written whole beside its old self, made durable, and put in its place. `lock` is held while settings are written
//! or taken back, so that two runs do not interleave. `ID.held` is locked by the process that made a lease for as long as it
//! runs; the kernel lets go of it however that process ends.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use iocontend_core::lease::{Lease, SCHEMA};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

/// More than any lease holds: a process with 100,000 threads has 10 MiB.
const LIMIT: u64 = 64 << 20;
const TEMPORARY: &str = ".new-";
/// Where leases are kept unless another folder is named: it is gone after a restart, as the settings are.
const FOLDER: &str = "/run/iocontend";
/// Names another folder.
const FOLDER_VARIABLE: &str = "IOCONTEND_STATE_DIR";

/// The folder.
pub struct Store {
    folder: PathBuf,
}

/// A lease that was found, or a file that is none.
pub struct Found {
    /// Its name.
    pub id: String,
    /// What it holds, or why it cannot be read.
    pub lease: Result<Lease, String>,
    /// Whether the process that made it runs.
    pub held: bool,
}

/// Nobody else writes settings while this lives.
pub struct Lock {
    _file: File,
}

/// The process that made a lease runs while this lives.
pub struct Hold {
    _file: File,
}

impl Store {
    /// The folder, there or not.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Whether there is a folder at all.
    pub fn exists(&self) -> bool {
        self.folder.is_dir()
    }

    /// Makes the folder if it is not there. One that others may write to could hold anybody's wishes, and is refused.
    pub fn prepare(&self) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        self.check_owner()
    }

    fn check_owner(&self) -> io::Result<()> {
        let folder = std::fs::symlink_metadata(&self.folder)?;
        let own = rustix::process::geteuid().as_raw();
        if !folder.is_dir() || folder.uid() != own || folder.mode() & 0o022 != 0 {
            let text =
                "the folder must belong to the user who runs this, and be writable by nobody else";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        Ok(())
    }

    /// Waits until nobody else writes settings.
    pub fn lock(&self) -> io::Result<Lock> {
        self.check_owner()?;
        let file = self.open("lock")?;
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Err(Errno::INTR) => {}
                other => break other?,
            }
        }
        self.sweep();
        Ok(Lock { _file: file })
    }

    /// Marks a lease as that of a running process: this one.
    pub fn hold(&self, id: &str) -> io::Result<Hold> {
        let file = self.open(&format!("{id}.held"))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Hold { _file: file })
    }

    fn is_held(&self, id: &str) -> bool {
        let path = self.folder.join(format!("{id}.held"));
        let Ok(file) = OpenOptions::new().read(true).custom_flags(no_follow()).open(path) else {
            return false;
        };
        // The lock is let go with the file.
        flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
    }

    fn open(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600).custom_flags(no_follow());
        options.open(self.folder.join(name))
    }

    /// Writes a lease; when this returns, it outlives a crash.
    pub fn write(&self, lease: &Lease) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(lease)?;
        let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&self.folder)?;
        file.write_all(&bytes)?;
        file.as_file().sync_all()?;
        file.persist(self.path(&lease.id)).map_err(|error| error.error)?;
        File::open(&self.folder)?.sync_all()
    }

    /// Removes a lease that nothing is left of.
    pub fn remove(&self, id: &str) -> io::Result<()> {
        std::fs::remove_file(self.path(id))?;
        // Whoever has it open keeps its lock; it is nothing but a mark.
        drop(std::fs::remove_file(self.folder.join(format!("{id}.held"))));
        File::open(&self.folder)?.sync_all()
    }

    /// Whether a lease is still there.
    pub fn has(&self, id: &str) -> bool {
        self.path(id).exists()
    }

    /// All leases by name.
    pub fn all(&self) -> io::Result<Vec<Found>> {
        let mut ids = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".json"));
            ids.extend(id.filter(|id| is_id(id)).map(str::to_owned));
        }
        ids.sort_unstable();
        let found = |id: String| Found { lease: self.read(&id), held: self.is_held(&id), id };
        Ok(ids.into_iter().map(found).collect())
    }

    /// One lease.
    pub fn read(&self, id: &str) -> Result<Lease, String> {
        let mut options = OpenOptions::new();
        let file = options.read(true).custom_flags(no_follow()).open(self.path(id));
        let mut bytes = Vec::new();
        file.and_then(|file| file.take(LIMIT).read_to_end(&mut bytes))
            .map_err(|error| error.to_string())?;
        let lease: Lease = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        if lease.schema != SCHEMA || lease.id != id {
            return Err(format!("{} of {} is not {SCHEMA} of {id}", lease.schema, lease.id));
        }
        Ok(lease)
    }

    /// A name that no lease has, from the time.
    pub fn new_id(&self, time: &str) -> String {
        let names = (1..).map(|number| match number {
            1 => time.to_owned(),
            _ => format!("{time}-{number}"),
        });
        names.into_iter().find(|id| !self.has(id)).unwrap_or_else(|| time.to_owned())
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    /// Removes what a crash left: a lease that was never put in its place, and marks without a lease.
    fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let is_mark = |id: &str| is_id(id) && !self.has(id) && !self.is_held(id);
            if name.starts_with(TEMPORARY) || name.strip_suffix(".held").is_some_and(is_mark) {
                drop(std::fs::remove_file(entry.path()));
            }
        }
    }
}

/// The folder when none is named in the command.
pub fn default_folder() -> PathBuf {
    std::env::var_os(FOLDER_VARIABLE).map_or_else(|| PathBuf::from(FOLDER), PathBuf::from)
}

/// A name that is one element of a path.
pub fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(fits)
}

fn no_follow() -> i32 {
    i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0)
}
