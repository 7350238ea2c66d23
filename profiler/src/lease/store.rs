//! Where leases are kept: a folder that does not survive a restart of the host, as the settings do not.
//!
//! The folder is opened once and judged by its descriptor; every file is reached through that, so whoever renames folders on the way
//! meanwhile changes nothing. A lease (`ID.json`) is written whole beside its old self, made durable, and put in its place; one that
//! ended is `ID.done` until its time is over, which tells its keepers apart from one whose record was lost. `lock` is held while
//! settings are written or taken back, so that two runs do not interleave. `ID.held` is locked by the process that made a lease, and
//! `ID.kept` by its keepers, for as long as they run; the kernel lets go of it however they end.

use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use iocontend_core::lease::{Clock, Lease, SCHEMA};
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, Stat, flock, fstat, fsync, openat,
    renameat, statat, unlinkat,
};
use rustix::io::Errno;

/// More than any lease holds: a process with 100,000 threads has 10 MiB.
const LIMIT: u64 = 64 << 20;
const TEMPORARY: &str = ".new-";
const LOCK: &str = "lock";
/// Where leases are kept unless another folder is named: it is gone after a restart, as the settings are.
const FOLDER: &str = "/run/iocontend";
/// Names another folder.
const FOLDER_VARIABLE: &str = "IOCONTEND_STATE_DIR";
/// How long after its time it is still known that a lease ended: its keepers look every second, a timer of systemd may be late.
const REMEMBERED_NS: u64 = 60_000_000_000;

/// The folder, held open.
pub struct Store {
    dir: OwnedFd,
    /// Where it was found.
    path: PathBuf,
}

/// Why a record that can be read is lost.
const MOVED: &str = "the folder of leases was moved away";

/// A lease that was found, or a file that is none.
pub struct Found {
    /// Its name.
    pub id: String,
    /// What it holds, or why it cannot be read.
    pub lease: Result<Lease, String>,
    /// Whether the process that made it runs.
    pub held: bool,
}

/// What is known of one lease.
pub enum Known {
    /// Its record.
    Recorded(Box<Lease>),
    /// It ended.
    Ended,
    /// There is no record, or none that can be read, and nobody said that it ended.
    Lost(String),
}

/// Nobody else writes settings while this lives.
pub struct Lock {
    _file: OwnedFd,
}

/// The process that made a lease, or keeps it, runs while this lives.
pub struct Hold {
    _file: OwnedFd,
}

impl Store {
    /// The folder; nothing when it is not there. One that others may write to could hold anybody's wishes, and is refused.
    pub fn open(folder: &Path) -> io::Result<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = match openat(CWD, folder, flags, Mode::empty()) {
            Ok(dir) => dir,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => return Err(refused()),
            Err(error) => return Err(error.into()),
        };
        let found = fstat(&dir)?;
        let own = rustix::process::geteuid().as_raw();
        if found.st_uid != own || found.st_mode & 0o022 != 0 {
            return Err(refused());
        }
        Ok(Some(Self { dir, path: std::path::absolute(folder)? }))
    }

    /// The folder, made if it is not there.
    pub fn create(folder: &Path) -> io::Result<Self> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        Self::open(folder)?.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The lock, unless somebody else has it. Also in a folder that can only be read, or is not there any more.
    pub fn try_lock(&self) -> io::Result<Option<Lock>> {
        let file = match self.mark(LOCK) {
            Ok(file) => file,
            // Nobody else can make it either; the folder itself is locked where there is none.
            Err(
                Errno::ROFS
                | Errno::ACCESS
                | Errno::PERM
                | Errno::NOSPC
                | Errno::DQUOT
                | Errno::NOENT,
            ) => self.at(LOCK, OFlags::RDONLY).or_else(|_absent| self.at(".", OFlags::RDONLY))?,
            Err(error) => return Err(error.into()),
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                self.sweep();
                Ok(Some(Lock { _file: file }))
            }
            Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Who has the lock, as `/proc/locks` says it: the process's number.
    pub fn lock_holder(&self) -> Option<u32> {
        let file = statat(&self.dir, LOCK, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let (major, minor) = (rustix::fs::major(file.st_dev), rustix::fs::minor(file.st_dev));
        let place = format!("{major:02x}:{minor:02x}:{}", file.st_ino);
        let locks = std::fs::read_to_string("/proc/locks").ok()?;
        locks.lines().find_map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            // "1: FLOCK  ADVISORY  WRITE 1234 00:19:567 0 EOF"; those who wait have "->" in between.
            let is_it = fields.get(1) == Some(&"FLOCK") && fields.get(5) == Some(&place.as_str());
            fields.get(4).filter(|_| is_it)?.parse().ok()
        })
    }

    /// Marks a lease as that of a running process: this one.
    pub fn hold(&self, id: &str) -> io::Result<Hold> {
        let file = self.mark(&format!("{id}.held"))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Hold { _file: file })
    }

    /// Marks a lease as one that has a keeper: this process.
    pub fn keep(&self, id: &str) -> io::Result<Hold> {
        let file = self.mark(&format!("{id}.kept"))?;
        // Whoever looks whether there is a keeper has the lock for a moment.
        while let Err(error) = flock(&file, FlockOperation::LockShared) {
            if error != Errno::INTR {
                return Err(error.into());
            }
        }
        Ok(Hold { _file: file })
    }

    /// Whether the process that made a lease runs.
    pub fn is_held(&self, id: &str) -> bool {
        self.is_locked(&format!("{id}.held"), FlockOperation::NonBlockingLockShared)
    }

    /// Whether a lease has a keeper.
    pub fn is_kept(&self, id: &str) -> bool {
        self.is_locked(&format!("{id}.kept"), FlockOperation::NonBlockingLockExclusive)
    }

    fn is_locked(&self, name: &str, probe: FlockOperation) -> bool {
        let Ok(file) = self.at(name, OFlags::RDONLY) else { return false };
        // The lock is let go with the file.
        flock(&file, probe) == Err(Errno::WOULDBLOCK)
    }

    fn at(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        // Without waiting: what is no file is found out when it is read.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        openat(&self.dir, name, flags, Mode::from_raw_mode(0o600))
    }

    /// A file that is only there to be locked.
    fn mark(&self, name: &str) -> Result<OwnedFd, Errno> {
        self.at(name, OFlags::WRONLY | OFlags::CREATE)
    }

    /// Writes a lease; when this returns, it outlives a crash.
    pub fn write(&self, lease: &Lease) -> io::Result<()> {
        self.put(&record(&lease.id), lease)
    }

    fn put(&self, name: &str, lease: &Lease) -> io::Result<()> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let bytes = serde_json::to_vec_pretty(lease)?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let beside = format!("{TEMPORARY}{}-{count}", std::process::id());
        let file = self.at(&beside, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
        let mut file = File::from(file);
        let written = file.write_all(&bytes).and_then(|()| file.sync_all()).and_then(|()| {
            renameat(&self.dir, &beside, &self.dir, name)?;
            Ok(fsync(&self.dir)?)
        });
        if written.is_err() {
            self.remove(&beside);
        }
        written
    }

    /// Ends a lease that nothing is left of, or that is forgotten.
    pub fn end(&self, lease: &Lease) -> io::Result<()> {
        let renamed = renameat(&self.dir, record(&lease.id), &self.dir, ended(&lease.id));
        match renamed {
            // Lost: its keepers are told all the same.
            Err(Errno::NOENT) => self.put(&ended(&lease.id), lease)?,
            other => other?,
        }
        Ok(fsync(&self.dir)?)
    }

    /// The same of one that nobody may be able to read.
    pub fn forget(&self, id: &str) -> io::Result<()> {
        renameat(&self.dir, record(id), &self.dir, ended(id))?;
        Ok(fsync(&self.dir)?)
    }

    /// All leases by name.
    pub fn all(&self) -> io::Result<Vec<Found>> {
        let mut ids: Vec<String> = Vec::new();
        for name in self.names()? {
            let id = name.strip_suffix(".json").filter(|id| is_id(id));
            ids.extend(id.map(str::to_owned));
        }
        ids.sort_unstable();
        let found = |id: String| Found { lease: self.read(&id), held: self.is_held(&id), id };
        Ok(ids.into_iter().map(found).collect())
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.dir)? {
            names.extend(entry?.file_name().to_str().ok().map(str::to_owned));
        }
        Ok(names)
    }

    /// One lease.
    pub fn read(&self, id: &str) -> Result<Lease, String> {
        let lease = self.document(&record(id)).map_err(|error| error.to_string())?;
        if lease.schema != SCHEMA || lease.id != id {
            return Err(format!("{} of {} is not {SCHEMA} of {id}", lease.schema, lease.id));
        }
        Ok(lease)
    }

    fn document(&self, name: &str) -> io::Result<Lease> {
        let file = self.at(name, OFlags::RDONLY)?;
        if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("not a file"));
        }
        let mut bytes = Vec::new();
        File::from(file).take(LIMIT).read_to_end(&mut bytes)?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Whether the folder is still where it was: a record in one that was moved away is found by nobody who looks for it.
    fn is_in_place(&self) -> bool {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        match (fstat(&self.dir), statat(CWD, &self.path, flags)) {
            (Ok(own), Ok(there)) => (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino),
            // Not told: a folder that may not be looked at is none that was moved.
            (_, Err(Errno::NOENT)) => false,
            _ => true,
        }
    }

    /// What is known of a lease that was there.
    pub fn known(&self, id: &str) -> Known {
        match self.read(id) {
            Ok(_) if !self.is_in_place() => Known::Lost(MOVED.to_owned()),
            Ok(lease) => Known::Recorded(Box::new(lease)),
            Err(_) if self.stat(&ended(id)).is_some() => Known::Ended,
            Err(error) => Known::Lost(error),
        }
    }

    /// What a record's file looks like: as long as that stays, so does the record.
    pub fn stamp(&self, id: &str) -> Option<(u64, i64, i64, u64)> {
        if !self.is_in_place() {
            return None;
        }
        let stat = self.stat(&record(id))?;
        Some((stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec))
    }

    fn stat(&self, name: &str) -> Option<Stat> {
        statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()
    }

    /// Whether a lease is there, readable or not.
    pub fn has(&self, id: &str) -> bool {
        self.stat(&record(id)).is_some()
    }

    /// Whether a lease was there and ended.
    pub fn has_ended(&self, id: &str) -> bool {
        !self.has(id) && self.stat(&ended(id)).is_some()
    }

    /// A name that no lease has, from the time.
    pub fn new_id(&self, time: &str) -> String {
        let names = (1..).map(|number| match number {
            1 => time.to_owned(),
            _ => format!("{time}-{number}"),
        });
        let is_free = |id: &String| !self.has(id) && self.stat(&ended(id)).is_none();
        names.into_iter().find(is_free).unwrap_or_else(|| time.to_owned())
    }

    /// Whether it is removed; what is not, the next sweep finds.
    fn remove(&self, name: &str) -> bool {
        unlinkat(&self.dir, name, AtFlags::empty()).is_ok()
    }

    /// Removes what a crash left: a lease that was never put in its place, and marks without a lease.
    fn sweep(&self) {
        for name in self.names().unwrap_or_default() {
            let id = name.strip_suffix(".held").or_else(|| name.strip_suffix(".kept"));
            let is_mark =
                |id: &str| is_id(id) && !self.has(id) && !self.is_held(id) && !self.is_kept(id);
            if name.starts_with(TEMPORARY) || id.is_some_and(is_mark) {
                self.remove(&name);
            }
        }
    }

    /// Forgets leases that ended and whose time is over, so that nobody can ask any more.
    pub(super) fn sweep_ended(&self, clock: &Clock) {
        for name in self.names().unwrap_or_default() {
            if !name.strip_suffix(".done").is_some_and(is_id) {
                continue;
            }
            let is_asked_for = self.document(&name).is_ok_and(|lease| {
                lease.boot_id == clock.boot_id
                    && lease.expires_boottime_ns.saturating_add(REMEMBERED_NS) > clock.boottime_ns
            });
            if !is_asked_for {
                self.remove(&name);
            }
        }
    }
}

fn record(id: &str) -> String {
    format!("{id}.json")
}

fn ended(id: &str) -> String {
    format!("{id}.done")
}

fn refused() -> io::Error {
    let text = "the folder must belong to the user who runs this, be writable by nobody else, and be no link";
    io::Error::new(io::ErrorKind::PermissionDenied, text)
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
