//! A guardian at work: it knows a lease, watches its record, the time and its partner, and ends it.
//!
//! What to do next is the engine's (`iocontend_core::lease::keeper`). It holds the lease in memory and the folder open, so neither a
//! lost record nor a folder that can only be read keeps it from restoring; it wakes once a second.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream as Socket;
use std::time::Duration;

use iocontend_core::lease::keeper::{self, Partner, Record, Step, View};
use iocontend_core::lease::{Due, Lease, State};
use rustix::process::setsid;
use tokio::net::UnixStream;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use super::keeper::{GRACE, ended};
use super::{Host, Place, block_on};
use crate::cli::GuardianArgs;
use crate::error::Failure;
use crate::lease::guardian::{ALONE, Charge, Guardian, LEAVE, PAIRED, READY, receive};
use crate::lease::store::{Hold, Known, Store};
use crate::lease::{self, timer};

/// Between two looks at the record.
const LOOK: Duration = Duration::from_secs(1);
/// Between two tries for the lock.
const TRY_AGAIN: Duration = Duration::from_millis(10);
/// Tries to take back what could not be written: a disk that is just being removed is busy for a moment.
const TRIES: usize = 5;

pub(in crate::commands) fn run(args: &GuardianArgs) -> Result<(), Failure> {
    close_inherited();
    let failed = |error: io::Error| Failure::other(&error.into());
    // It is no leader of a group, for it was started by a program; a shell that tries it may be told so.
    setsid().map_err(|error| failed(error.into()))?;
    let mut socket = io::stdin().as_fd().try_clone_to_owned().map(Socket::from).map_err(failed)?;
    let charge = receive(&mut socket).map_err(failed)?;
    // Nothing holds another folder's file system in place.
    let host = Host::new(&args.lease_args)?;
    std::env::set_current_dir("/").map_err(failed)?;
    let gone = || failed(io::ErrorKind::NotFound.into());
    let store = Store::open(&host.at.folder).map_err(failed)?.ok_or_else(gone)?;
    let kept = store.keep(&charge.lease.id).map_err(failed)?;
    rustix::thread::set_name(c"iocontend-lease").map_err(|error| failed(error.into()))?;
    block_on(guard(Place { host, store }, charge, socket, kept))
}

/// A pipe or lock of whoever started `apply` would be held as long as we live.
fn close_inherited() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<i32> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|fd| *fd > 2)
        .collect();
    for fd in open {
        // SAFETY: nothing here has opened a file yet but the folder that was just read and is closed.
        unsafe { libc::close(fd) };
    }
}

/// What it knows.
struct Guard {
    place: Place,
    lease: Lease,
    /// Of which file `lease` was read.
    stamp: Option<(u64, i64, i64, u64)>,
    partner: Other,
    is_stopped: bool,
    _kept: Hold,
}

/// The other one who knows the lease.
enum Other {
    /// Who started us.
    Above {
        stream: UnixStream,
        is_maker: bool,
    },
    /// Whom we started.
    Below(Guardian),
    Nobody,
}

async fn guard(
    place: Place,
    charge: Charge,
    mut socket: Socket,
    kept: Hold,
) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::other(&error.into());
    let mut stop = signal(SignalKind::terminate()).map_err(failed)?;
    // Our own session has no terminal; these are for the one who stays at it.
    let _ignored = [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::quit()].map(signal);
    // Whoever told us may be gone already. Then nobody else knows the lease, and that is what the loop finds.
    drop(socket.write_all(&[READY]));
    socket.set_nonblocking(true).map_err(failed)?;
    let stream = UnixStream::from_std(socket).map_err(failed)?;
    let partner = Other::Above { stream, is_maker: charge.is_by_maker };
    let mut guard =
        Guard { place, lease: charge.lease, stamp: None, partner, is_stopped: false, _kept: kept };
    loop {
        match keeper::next(guard.view()) {
            Step::End => return Ok(()),
            Step::TakeBack(why) => return guard.take_back(why).await,
            Step::Pair if guard.pair().is_ok() => {}
            Step::Pair | Step::Wait => guard.wait(&mut stop).await,
        }
    }
}

impl Guard {
    fn view(&mut self) -> View {
        let record = self.record();
        let partner = match &self.partner {
            Other::Above { is_maker: true, .. } => Partner::Maker,
            Other::Above { .. } | Other::Below(_) => Partner::Keeper,
            Other::Nobody => Partner::Nobody,
        };
        let is_over = self.left() == Some(Duration::ZERO);
        View { record, is_left: self.lease.left, partner, is_over, is_stopped: self.is_stopped }
    }

    /// Looks at the record, and remembers what it says.
    fn record(&mut self) -> Record {
        let stamp = self.place.store.stamp(&self.lease.id);
        if stamp.is_some() && stamp == self.stamp {
            return Record::Intact;
        }
        self.stamp = stamp;
        match self.place.store.known(&self.lease.id) {
            Known::Recorded(lease) => {
                self.lease = *lease;
                Record::Intact
            }
            Known::Ended => Record::Ended,
            Known::Lost(_) => {
                self.stamp = None;
                Record::Lost
            }
        }
    }

    /// How long it is until the lease ends; unknown without a clock. Whoever made it and stays goes first.
    fn left(&self) -> Option<Duration> {
        let now = lease::clock(&self.place.host.root).ok()?.boottime_ns;
        let end = Duration::from_nanos(self.lease.expires_boottime_ns);
        let grace = match self.partner {
            Other::Above { is_maker: true, .. } => GRACE,
            _ => Duration::ZERO,
        };
        Some(end.saturating_add(grace).saturating_sub(Duration::from_nanos(now)))
    }

    /// Until something may have changed.
    async fn wait(&mut self, stop: &mut Signal) {
        let longest = self.left().map_or(LOOK, |left| left.min(LOOK));
        let mut wants_to_leave = false;
        let is_gone = tokio::select! {
            biased;
            _ = stop.recv() => {
                self.is_stopped = true;
                false
            }
            heard = self.partner.heard() => match heard {
                Heard::Gone => true,
                Heard::Leave => {
                    wants_to_leave = true;
                    false
                }
                Heard::Look => false,
            },
            () = sleep(longest) => false,
        };
        if is_gone {
            if let Other::Below(guardian) = &mut self.partner {
                guardian.reap();
            }
            self.partner = Other::Nobody;
        } else if wants_to_leave {
            self.let_go();
        }
    }

    /// The process that made the lease leaves: from now on there are two of us.
    fn let_go(&mut self) {
        let above = std::mem::replace(&mut self.partner, Other::Nobody);
        self.record();
        let answer = if self.pair().is_ok() { PAIRED } else { ALONE };
        if let Other::Above { stream, .. } = &above {
            // Whoever is gone meanwhile is missed soon.
            drop(stream.try_write(&[answer]));
        }
        if answer == ALONE {
            // It takes the lease back, or is killed: then we do.
            self.partner = above;
        }
    }

    /// Starts another one.
    fn pair(&mut self) -> io::Result<()> {
        let charge = Charge { lease: self.lease.clone(), is_by_maker: false };
        self.partner = Other::Below(Guardian::start(&charge, &self.place.host.at)?);
        Ok(())
    }

    /// Ends the lease, unless somebody else does so meanwhile.
    async fn take_back(mut self, why: Due) -> Result<(), Failure> {
        for _ in 0..TRIES {
            let lock = loop {
                match self.place.store.try_lock() {
                    Ok(Some(lock)) => break lock,
                    Err(error) => return Err(self.place.store_failed(&error)),
                    Ok(None) => sleep(TRY_AGAIN).await,
                }
            };
            let (settings, store) = (&self.place.host.settings, &self.place.store);
            let undone = match store.known(&self.lease.id) {
                Known::Ended => return Ok(()),
                Known::Recorded(lease) => lease::undo(*lease, Some(why), settings, store, &lock),
                Known::Lost(_) => {
                    lease::undo_from_memory(self.lease.clone(), settings, store, &lock)
                }
            };
            drop(lock);
            if undone.complete {
                drop(timer::stop(&self.lease.id));
                return Ok(());
            }
            self.lease = undone.lease;
            // What somebody else changed stays, and stays on record.
            let is_pending = |state| matches!(state, State::Planned | State::Applied);
            let mut cells = self.lease.items.iter().flat_map(|item| &item.cells);
            if !cells.any(|cell| is_pending(cell.state)) {
                return Ok(());
            }
            sleep(LOOK).await;
        }
        Ok(())
    }
}

/// What the other one said.
enum Heard {
    Gone,
    Leave,
    Look,
}

impl Other {
    async fn heard(&self) -> Heard {
        let stream = match self {
            Self::Above { stream, .. } => stream,
            Self::Below(guardian) => {
                ended(guardian).await;
                return Heard::Gone;
            }
            Self::Nobody => return std::future::pending().await,
        };
        let mut word = [0];
        while stream.readable().await.is_ok() {
            match stream.try_read(&mut word) {
                Ok(1) if word == [LEAVE] => return Heard::Leave,
                Ok(1..) => return Heard::Look,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(0) | Err(_) => return Heard::Gone,
            }
        }
        Heard::Gone
    }
}
