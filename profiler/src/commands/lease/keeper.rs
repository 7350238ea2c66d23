//! The apply side of whoever ends a lease: a timer of systemd where systemd runs, else a guardian, which is watched in turn.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::time::Duration;

use iocontend_core::lease::Lease;
use iocontend_core::text::Lang;
use iocontend_core::text::lease as words;
use tokio::net::UnixStream;
use tokio::time::sleep;

use super::{Place, say};
use crate::lease::guardian::{Charge, Guardian};
use crate::lease::store::Known;
use crate::lease::timer;

/// How long after its time a lease that a process stays for is ended by somebody else.
pub(super) const GRACE: Duration = Duration::from_millis(500);
/// Between two tries to start a guardian.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Who ends a lease when the process that made it cannot.
pub(super) enum Keeper {
    Timer,
    Guardian(Option<Guardian>),
}

impl Keeper {
    /// Starts one for a lease that is on record and not applied yet.
    pub(super) fn start(lease: &Lease, length: Duration, place: &Place) -> io::Result<Self> {
        if timer::is_here() && timer::start(lease, &place.host.at, length).is_ok() {
            return Ok(Self::Timer);
        }
        Ok(Self::Guardian(Some(guardian(lease, place)?)))
    }

    /// The record has more by now.
    pub(super) fn look(&mut self) {
        if let Self::Guardian(Some(guardian)) = self {
            // One that was killed is noticed by `watch`.
            drop(guardian.look());
        }
    }

    /// The lease stays without this process.
    pub(super) fn leave(&mut self, lease: &Lease, place: &Place) -> io::Result<()> {
        match self {
            Self::Timer if timer::exists(&lease.id) => Ok(()),
            Self::Timer => Err(io::Error::other("its timer was removed")),
            Self::Guardian(guardian) => {
                if guardian.as_mut().is_some_and(|guardian| guardian.leave().is_ok()) {
                    return Ok(());
                }
                // It was killed just now.
                self::guardian(lease, place)?.leave()
            }
        }
    }

    /// Starts another guardian whenever it is killed, as long as the lease is there.
    pub(super) async fn watch(&mut self, lease: &RefCell<Lease>, place: &Place) -> Infallible {
        let Self::Guardian(guardian) = self else { return std::future::pending().await };
        loop {
            if let Some(running) = guardian {
                ended(running).await;
                running.reap();
                *guardian = None;
            } else {
                sleep(TRY_AGAIN).await;
            }
            let known = lease.borrow().clone();
            if matches!(place.store.known(&known.id), Known::Ended) {
                return std::future::pending().await;
            }
            let started = self::guardian(&known, place);
            let error = started.as_ref().err().map(ToString::to_string);
            say(&words::guardian_replaced(Lang::En, &known.id, error.as_deref()));
            *guardian = started.ok();
        }
    }
}

fn guardian(lease: &Lease, place: &Place) -> io::Result<Guardian> {
    Guardian::start(&Charge { lease: lease.clone(), is_by_maker: true }, &place.host.at)
}

/// Waits until a guardian is gone.
pub(super) async fn ended(guardian: &Guardian) {
    let stream = guardian.stream.try_clone().and_then(|stream| {
        stream.set_nonblocking(true)?;
        UnixStream::from_std(stream)
    });
    if let Ok(stream) = stream {
        // Reset when this is dropped: it is the same socket.
        let _blocking = Blocking(guardian);
        gone(&stream).await;
    }
}

/// Waits until the other end is gone, whatever it says before.
async fn gone(stream: &UnixStream) {
    let mut bytes = [0; 16];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut bytes) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return,
        }
    }
}

struct Blocking<'a>(&'a Guardian);

impl Drop for Blocking<'_> {
    fn drop(&mut self) {
        drop(self.0.stream.set_nonblocking(false));
    }
}
