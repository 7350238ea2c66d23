//! `iocontend apply`, `undo` and `status`: what they share.

mod apply;
mod guard;
mod keeper;
mod status;
mod undo;
mod verify;

use std::io;
use std::time::Duration;

use iocontend_core::change::Change;
use iocontend_core::lease::window::Subject;
use iocontend_core::lease::{Due, Lease};
use iocontend_core::render::safe::printable;
use iocontend_core::selector::Selector;
use iocontend_core::text::lease::{self as words, Keeper, Trouble};
use iocontend_core::text::{Explained, Lang};
use tokio::time::{Instant, sleep};

pub(super) use apply::run as apply;
pub(super) use guard::run as guard;
pub(super) use status::run as status;
pub(super) use undo::run as undo;

use crate::cli::LeaseArgs;
use crate::error::{Failure, tell};
use crate::host::HostRoot;
use crate::lease::settings::HostSettings;
use crate::lease::store::{Known, Lock, Store, default_folder};
use crate::lease::{self, ApplyError, Look, Undone, guardian, timer};
use crate::output;
use crate::runtime::block_on;
use crate::runtime::signals::StopSignals;

/// Between two tries for a lock.
const TRY_AGAIN: Duration = Duration::from_millis(20);
/// A run that writes settings takes milliseconds; only a longer wait is told.
const PATIENCE: Duration = Duration::from_millis(300);

/// Trouble in words that cannot steer a terminal: names in it come from reports and from the kernel.
fn explained(trouble: &Trouble<'_>) -> Explained {
    let explained = words::trouble(Lang::En, trouble);
    Explained { what: shown(&explained.what), ..explained }
}

/// One line, whatever names and values stand in it.
fn shown(line: &str) -> String {
    printable(line, &output::style())
}

/// The same on stderr.
fn say(line: &str) {
    tell(&shown(line));
}

/// What is to be applied, and for whom.
struct Proposal {
    advice: String,
    changes: Vec<Change>,
    subject: Subject,
    targets: Vec<Selector>,
}

/// The host's settings, and where its leases are.
struct Host {
    root: HostRoot,
    settings: HostSettings,
    at: guardian::Place,
}

/// The same with the folder of leases opened.
struct Place {
    host: Host,
    store: Store,
}

impl Host {
    fn new(args: &LeaseArgs) -> Result<Self, Failure> {
        let folder = args.state_dir.clone().unwrap_or_else(default_folder);
        let at = guardian::Place::new(&folder, args.root.as_deref())
            .map_err(|error| Failure::other(&error.into()))?;
        let root = at.root.as_ref().map_or_else(HostRoot::default, |root| HostRoot {
            proc: root.join("proc"),
            sys: root.join("sys"),
            cgroup: root.join("cgroup"),
        });
        Ok(Self { settings: HostSettings::new(root.clone()), root, at })
    }

    /// With its leases; nothing when there is no folder of them.
    fn open(self) -> Result<Result<Place, Self>, Failure> {
        match Store::open(&self.at.folder) {
            Ok(Some(store)) => Ok(Ok(Place { host: self, store })),
            Ok(None) => Ok(Err(self)),
            Err(error) => Err(self.store_failed(&error)),
        }
    }

    /// With its leases, whose folder is made if need be.
    fn create(self) -> Result<Place, Failure> {
        match Store::create(&self.at.folder) {
            Ok(store) => Ok(Place { host: self, store }),
            Err(error) => Err(self.store_failed(&error)),
        }
    }

    fn store_failed(&self, error: &io::Error) -> Failure {
        let folder = self.at.folder.display().to_string();
        let explained = explained(&Trouble::Store(&folder, &error.to_string()));
        match error.kind() {
            io::ErrorKind::PermissionDenied => Failure::NotHere(explained),
            _ => Failure::Failed(explained),
        }
    }

    fn failed(&self, error: &ApplyError) -> Failure {
        let text = error.to_string();
        let explained = match error {
            ApplyError::Store(error) => return self.store_failed(error),
            ApplyError::Taken { change, id } => explained(&Trouble::Taken(change, id)),
            ApplyError::Setting { change, .. }
            | ApplyError::Refused { change, .. }
            | ApplyError::Gone(change)
            | ApplyError::Differs(change)
            | ApplyError::NoEffect(change) => explained(&Trouble::Setting(change, &text)),
        };
        if error.is_permission() { Failure::NotHere(explained) } else { Failure::Failed(explained) }
    }
}

impl Place {
    fn store_failed(&self, error: &io::Error) -> Failure {
        self.host.store_failed(error)
    }

    /// The lock, as soon as nobody else has it. A wait is told, and ended by a signal.
    async fn lock(&self, stop: &mut StopSignals) -> Result<Lock, Failure> {
        let begin = Instant::now();
        let mut is_told = false;
        loop {
            if let Some(lock) = self.try_lock()? {
                return Ok(lock);
            }
            if !is_told && begin.elapsed() > PATIENCE {
                is_told = true;
                let holder = self.store.lock_holder();
                let name = |pid| std::fs::read_to_string(format!("/proc/{pid}/comm"));
                let holder = holder.map(|pid| (pid, name(pid).unwrap_or_default()));
                let holder = holder.as_ref().map(|(pid, name)| (*pid, name.trim()));
                say(&words::waiting(Lang::En, holder));
            }
            tokio::select! {
                biased;
                () = stop.wait() => return Err(Failure::Failed(explained(&Trouble::Stopped))),
                () = sleep(TRY_AGAIN) => {}
            }
        }
    }

    fn try_lock(&self) -> Result<Option<Lock>, Failure> {
        self.store.try_lock().map_err(|error| self.store_failed(&error))
    }

    /// Takes back what is due, and says so.
    fn recover(&self, lock: &Lock) -> Result<(), Failure> {
        let failed = |error| self.store_failed(&error);
        let clock = lease::clock(&self.host.root).map_err(failed)?;
        let all = lease::recover(&self.host.settings, &self.store, &clock, lock).map_err(failed)?;
        for undone in &all {
            say_undone(undone);
        }
        Ok(())
    }

    /// Whether nothing of it is left.
    fn undo(&self, lease: Lease, lock: &Lock) -> bool {
        let undone = lease::undo(lease, None, &self.host.settings, &self.store, lock);
        say_undone(&undone);
        undone.complete
    }

    /// Takes a lease back, by its record or, when that is lost, from memory: which is told and fails.
    fn take_back(&self, memory: &Lease, lock: &Lock) -> Result<(), Failure> {
        match self.store.known(&memory.id) {
            // Somebody else has taken it back meanwhile.
            Known::Ended => {
                say(&words::ended_elsewhere(Lang::En, &memory.id));
                Ok(())
            }
            Known::Recorded(lease) => {
                if self.undo(*lease, lock) {
                    Ok(())
                } else {
                    Err(Failure::Said)
                }
            }
            Known::Lost(error) => {
                say(&words::lost(Lang::En, &memory.id, &error));
                let (settings, store) = (&self.host.settings, &self.store);
                let undone = lease::undo_from_memory(memory.clone(), settings, store, lock);
                say_undone(&undone);
                Err(Failure::Said)
            }
        }
    }

    /// Who ends a lease.
    fn keeper<'a>(&self, id: &str, unit: &'a str) -> Keeper<'a> {
        if timer::exists(id) {
            Keeper::Timer(unit)
        } else if self.store.is_kept(id) {
            Keeper::Guardian
        } else if self.store.is_held(id) {
            Keeper::Maker
        } else {
            Keeper::Nobody
        }
    }
}

/// A line for everything that does not hold, or may not.
fn not_in_force(look: &Look) -> Vec<String> {
    let lapses = look.lapses.iter().map(|lapse| words::lapse(Lang::En, lapse));
    lapses.chain(look.unread.iter().map(|unread| words::unread(Lang::En, unread))).collect()
}

/// What became of a lease that was taken back. Its timer is removed with it.
fn say_undone(undone: &Undone) {
    let id = &undone.lease.id;
    say(&words::undone(Lang::En, id, undone.why, undone.complete));
    for change in &undone.gone {
        say(&words::gone(Lang::En, change));
    }
    for change in &undone.replaced {
        say(&words::replaced(Lang::En, change));
    }
    if !undone.complete {
        for item in &undone.lease.items {
            for line in words::item(Lang::En, item) {
                say(&line);
            }
        }
    }
    if let Some(error) = &undone.store_error {
        let error = error.to_string();
        let stays = if undone.complete { words::record_stays } else { words::not_recorded };
        say(&stays(Lang::En, id, &error));
    }
    if undone.complete {
        stop_timer(id);
    }
}

fn stop_timer(id: &str) {
    if let Err(error) = timer::stop(id) {
        say(&words::timer_stays(Lang::En, id, &error.to_string()));
    }
}

/// Says which leases wait for somebody to take them back: for commands that look at the host and change nothing. Whoever may
/// not read them may not restore either, and is not told.
pub(super) fn remind() {
    let Ok(clock) = lease::clock(&HostRoot::default()) else { return };
    let Ok(Some(store)) = Store::open(&default_folder()) else { return };
    let overdue = lease::overdue(&store, &clock).unwrap_or_default();
    // A guardian or timer is about to do it, or does it at the lease's time.
    let waits = |(lease, _): &&(Lease, Due)| !store.is_kept(&lease.id);
    let overdue = overdue.iter().filter(waits);
    for line in overdue.filter_map(|(lease, due)| words::overdue(Lang::En, lease, *due)) {
        say(&line);
    }
}
