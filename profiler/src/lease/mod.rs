//! Leases at the edge: settings are planned, written and taken back, with a record on disk before the first write.
//!
//! Owns the order of things. What to write is the engine's (`iocontend_core::lease`), where it lies is `settings`', what outlives
//! a crash is `store`'s.

mod beneath;
pub mod guardian;
mod priorities;
pub mod settings;
pub mod store;
pub mod timer;

use std::io;

use iocontend_core::change::Change;
use iocontend_core::lease::{
    Clock, Due, Goal, Item, Lapse, Lease, Reading, State, Unread, Values, floors,
};
use rustix::time::{ClockId, clock_gettime};
use thiserror::Error;

use crate::host::HostRoot;
use settings::{SettingError, Settings};
use store::{Lock, Store};

/// Looks at one setting at most: a scheduler takes three, threads that start meanwhile some more.
const ROUNDS: usize = 8;

/// Why changes were not made.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// A setting cannot be read or written.
    #[error("{error}")]
    Setting {
        /// Which.
        change: Change,
        /// Why.
        error: SettingError,
    },
    /// Its cgroup, disk, process or file is not there.
    #[error("not there")]
    Gone(Change),
    /// Its value changed while it was being set, or the kernel made another of it.
    #[error("changed meanwhile")]
    Differs(Change),
    /// It asks for less than may be set.
    #[error("{error}")]
    Refused {
        /// Which.
        change: Change,
        /// Why.
        error: floors::Refused,
    },
    /// It holds still what it held before.
    #[error("no effect")]
    NoEffect(Change),
    /// Another lease has it.
    #[error("another lease has it")]
    Taken {
        /// Which.
        change: Change,
        /// The other one.
        id: String,
    },
    /// The lease cannot be stored, so nothing was changed.
    #[error("{0}")]
    Store(#[from] io::Error),
}

impl ApplyError {
    /// Whether more rights would help.
    pub fn is_permission(&self) -> bool {
        match self {
            Self::Setting { error, .. } => error.is_permission(),
            Self::Store(error) => error.kind() == io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }
}

/// What became of a lease that was taken back.
pub struct Undone {
    /// The lease, with what was found.
    pub lease: Lease,
    /// Why it was taken back.
    pub why: Option<Due>,
    /// Whether nothing is left of it.
    pub complete: bool,
    /// Settings that were gone with their cgroup, disk or process: nothing was written.
    pub gone: Vec<Change>,
    /// Settings whose name another cgroup or disk has by now: nothing was written.
    pub replaced: Vec<Change>,
    /// Its file could not be written or removed.
    pub store_error: Option<io::Error>,
}

/// The time as leases need it.
pub fn clock(root: &HostRoot) -> io::Result<Clock> {
    let boot_id = std::fs::read_to_string(root.proc.join("sys/kernel/random/boot_id"))?;
    let time = clock_gettime(ClockId::Boottime);
    let boottime_ns = u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or(0);
    Ok(Clock { boot_id: boot_id.trim().to_owned(), boottime_ns })
}

/// What changes would do now, one item for each that would do anything.
pub fn plan(changes: &[Change], settings: &impl Settings) -> Result<Vec<Item>, ApplyError> {
    let mut items: Vec<Item> = Vec::new();
    for change in changes {
        let at = |error| ApplyError::Setting { change: change.clone(), error };
        let identity = settings.identify(change).map_err(at)?;
        let now = match settings.read(change, &identity).map_err(at)? {
            Reading::Values(values) => values,
            Reading::Another(_) | Reading::Gone => return Err(ApplyError::Gone(change.clone())),
        };
        let planned = Item::plan(change.clone(), &now).map_err(|error| at(error.into()))?;
        let same = |item: &Item| iocontend_core::lease::setting(&item.change);
        if let Some(item) = planned {
            let item = Item { identity, ..item };
            let refused = |error| ApplyError::Refused { change: change.clone(), error };
            floors::check(&item, settings.memory_in_use(change)).map_err(refused)?;
            // Two values for one setting: the second one's prior value would be a lie.
            if items.iter().any(|other| same(other) == same(&item)) {
                return Err(ApplyError::Differs(change.clone()));
            }
            items.push(item);
        }
    }
    Ok(items)
}

/// Stores the lease, then writes its settings. After an error some may have been written: take it back then.
pub fn apply(
    lease: &mut Lease,
    settings: &impl Settings,
    store: &Store,
    _lock: &Lock,
) -> Result<(), ApplyError> {
    store.write(lease)?;
    for at in 0..lease.items.len() {
        let done = apply_item(&mut lease.items[at], settings);
        // The first version is enough to take it back; this one tells more.
        drop(store.write(lease));
        done?;
    }
    Ok(())
}

fn apply_item(item: &mut Item, settings: &impl Settings) -> Result<(), ApplyError> {
    let mut written = Values::new();
    for _ in 0..ROUNDS {
        let change = item.change.clone();
        let at = |error| ApplyError::Setting { change: change.clone(), error };
        let reading = settings.read(&item.change, &item.identity).map_err(at)?;
        if !matches!(reading, Reading::Values(_)) {
            return Err(ApplyError::Gone(item.change.clone()));
        }
        item.settle(&written, &reading);
        let parts = item.look(Goal::Apply, &reading);
        if item.cells.iter().any(|cell| cell.state == State::Differs) && !has_threads(&item.change)
        {
            return Err(ApplyError::Differs(item.change.clone()));
        }
        if parts.is_empty() {
            return Ok(());
        }
        settings.write(&item.change, &item.identity, &parts).map_err(at)?;
        written = parts;
    }
    Err(ApplyError::NoEffect(item.change.clone()))
}

/// A thread that ends meanwhile is no failure.
fn has_threads(change: &Change) -> bool {
    matches!(change, Change::IoPriority { .. })
}

/// Takes a lease back, the last change first, and removes it when nothing is left. Never fails: what could not be done stands in
/// the lease, which stays.
pub fn undo(
    mut lease: Lease,
    why: Option<Due>,
    settings: &impl Settings,
    store: &Store,
    _lock: &Lock,
) -> Undone {
    if std::mem::take(&mut lease.left) {
        // From now on its end is this process's: what is killed half way is gone on with by the next one. Where it cannot be
        // stored, its time does that.
        drop(store.write(&lease));
    }
    let (mut gone, mut replaced) = (Vec::new(), Vec::new());
    for item in lease.items.iter_mut().rev() {
        item.error = match undo_item(item, settings) {
            Ok(Found::Itself) => None,
            Ok(Found::Nothing) => {
                gone.push(item.change.clone());
                None
            }
            Ok(Found::Another) => {
                replaced.push(item.change.clone());
                None
            }
            Err(error) => Some(error.to_string()),
        };
    }
    let complete = lease.is_undone();
    let stored = if complete { store.end(&lease) } else { store.write(&lease) };
    Undone { lease, why, complete, gone, replaced, store_error: stored.err() }
}

/// What was found under a setting's name.
enum Found {
    Itself,
    Another,
    Nothing,
}

fn undo_item(item: &mut Item, settings: &impl Settings) -> Result<Found, SettingError> {
    for _ in 0..ROUNDS {
        let reading = settings.read(&item.change, &item.identity)?;
        let parts = item.look(Goal::Undo, &reading);
        if parts.is_empty() {
            return Ok(match reading {
                Reading::Values(_) => Found::Itself,
                Reading::Another(_) => Found::Another,
                Reading::Gone => Found::Nothing,
            });
        }
        settings.write(&item.change, &item.identity, &parts)?;
    }
    Err(io::Error::other("written, and read back as before").into())
}

/// Takes a lease back whose record is lost, from what is remembered of it, but not what another lease has by now.
pub fn undo_from_memory(
    mut lease: Lease,
    settings: &impl Settings,
    store: &Store,
    lock: &Lock,
) -> Undone {
    for found in store.all().unwrap_or_default() {
        if let Some(other) = found.lease.ok().filter(|other| other.id != lease.id) {
            lease.items.retain(|item| !other.touches(&item.change));
        }
    }
    undo(lease, Some(Due::Unrecorded), settings, store, lock)
}

/// Takes back every lease that is expired or was interrupted, and forgets those of an earlier boot.
///
/// # Errors
///
/// The folder of leases cannot be read.
pub fn recover(
    settings: &impl Settings,
    store: &Store,
    clock: &Clock,
    lock: &Lock,
) -> io::Result<Vec<Undone>> {
    store.sweep_ended(clock);
    let mut all = Vec::new();
    for found in store.all()? {
        let Ok(lease) = found.lease else { continue };
        match lease.due(clock, found.held) {
            Due::Running => {}
            Due::Restarted => all.push(forget_restarted(lease, store)),
            due => all.push(undo(lease, Some(due), settings, store, lock)),
        }
    }
    Ok(all)
}

/// Forgets a lease of an earlier boot: nothing is left of it.
pub fn forget_restarted(lease: Lease, store: &Store) -> Undone {
    let store_error = store.end(&lease).err();
    let (gone, replaced) = (Vec::new(), Vec::new());
    Undone { lease, why: Some(Due::Restarted), complete: true, gone, replaced, store_error }
}

/// What of a running lease does not hold any more.
#[derive(Debug, Default)]
pub struct Look {
    /// Values that do not hold.
    pub lapses: Vec<Lapse>,
    /// Settings that could not be read.
    pub unread: Vec<Unread>,
}

/// Looks at all settings of a running lease, and changes nothing.
pub fn look(lease: &Lease, settings: &impl Settings) -> Look {
    let mut look = Look::default();
    for item in &lease.items {
        match settings.read(&item.change, &item.identity) {
            Ok(reading) => look.lapses.extend(item.lapses(&reading)),
            Err(error) => {
                let (change, error) = (item.change.clone(), error.to_string());
                look.unread.push(Unread { change, error });
            }
        }
    }
    look
}

/// Leases that wait for somebody to take them back. Changes nothing and waits for nobody, so one that another run is just
/// taking back may be among them.
pub fn overdue(store: &Store, clock: &Clock) -> io::Result<Vec<(Lease, Due)>> {
    let all = store.all()?.into_iter();
    let due = all.filter_map(|found| {
        let lease = found.lease.ok()?;
        let due = lease.due(clock, found.held);
        matches!(due, Due::Expired | Due::Interrupted).then_some((lease, due))
    });
    Ok(due.collect())
}

/// The lease that has a setting which one of these changes would write.
pub fn taken(changes: &[Change], store: &Store) -> io::Result<Option<(Change, String)>> {
    for found in store.all()? {
        let Ok(lease) = found.lease else { continue };
        if let Some(change) = changes.iter().find(|change| lease.touches(change)) {
            return Ok(Some((change.clone(), lease.id)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
