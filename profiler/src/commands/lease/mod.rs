//! `iocontend apply`, `undo` and `status`: what they share, and the two short ones.

mod apply;
mod verify;

use std::io::{self, Write as _};

use iocontend_core::lease::{Due, Lease};
use iocontend_core::render::safe::printable;
use iocontend_core::text::lease::{self as words, Trouble};
use iocontend_core::text::{Explained, Lang};

pub(super) use apply::run as apply;

use crate::cli::{LeaseArgs, StatusArgs, UndoArgs};
use crate::error::{Failure, tell};
use crate::host::HostRoot;
use crate::lease::settings::HostSettings;
use crate::lease::store::{Lock, Store, default_folder};
use crate::lease::{self, ApplyError, Look, Undone};
use crate::output;

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

/// What all three work with.
struct Place {
    root: HostRoot,
    settings: HostSettings,
    store: Store,
    folder: String,
}

impl Place {
    fn new(args: &LeaseArgs) -> Self {
        let root = args.root.as_ref().map_or_else(HostRoot::default, |root| HostRoot {
            proc: root.join("proc"),
            sys: root.join("sys"),
            cgroup: root.join("cgroup"),
        });
        let settings = HostSettings::new(root.clone());
        let folder = args.state_dir.clone().unwrap_or_else(default_folder);
        let store = Store::new(&folder);
        Self { root, settings, store, folder: folder.display().to_string() }
    }

    fn store_failed(&self, error: &io::Error) -> Failure {
        let explained = explained(&Trouble::Store(&self.folder, &error.to_string()));
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
            | ApplyError::Gone(change)
            | ApplyError::Differs(change)
            | ApplyError::NoEffect(change) => explained(&Trouble::Setting(change, &text)),
        };
        if error.is_permission() { Failure::NotHere(explained) } else { Failure::Failed(explained) }
    }

    fn lock(&self) -> Result<Lock, Failure> {
        self.store.lock().map_err(|error| self.store_failed(&error))
    }

    /// Takes back what is due, and says so.
    fn recover(&self, lock: &Lock) -> Result<(), Failure> {
        let failed = |error| self.store_failed(&error);
        let clock = lease::clock(&self.root).map_err(failed)?;
        let all = lease::recover(&self.settings, &self.store, &clock, lock).map_err(failed)?;
        for undone in &all {
            say_undone(undone);
        }
        Ok(())
    }

    /// Whether nothing of it is left.
    fn undo(&self, lease: Lease, lock: &Lock) -> bool {
        let undone = lease::undo(lease, None, &self.settings, &self.store, lock);
        say_undone(&undone);
        undone.complete
    }
}

/// A line for everything that does not hold, or may not.
fn not_in_force(look: &Look) -> Vec<String> {
    let lapses = look.lapses.iter().map(|lapse| words::lapse(Lang::En, lapse));
    lapses.chain(look.unread.iter().map(|unread| words::unread(Lang::En, unread))).collect()
}

/// What became of a lease that was taken back.
fn say_undone(undone: &Undone) {
    say(&words::undone(Lang::En, &undone.lease.id, undone.why, undone.complete));
    for change in &undone.gone {
        say(&words::gone(Lang::En, change));
    }
    if !undone.complete {
        for item in &undone.lease.items {
            for line in words::item(Lang::En, item) {
                say(&line);
            }
        }
    }
    if let Some(error) = &undone.store_error {
        say(&error.to_string());
    }
}

/// Says which leases wait for somebody to take them back: for commands that look at the host and change nothing. Whoever may
/// not read them may not restore either, and is not told.
pub(super) fn remind() {
    let Ok(clock) = lease::clock(&HostRoot::default()) else { return };
    let overdue = lease::overdue(&Store::new(&default_folder()), &clock).unwrap_or_default();
    for line in overdue.iter().filter_map(|(lease, due)| words::overdue(Lang::En, lease, *due)) {
        say(&line);
    }
}

/// Takes leases back: the one that is named, or all; and what is due.
pub(super) fn undo(args: &UndoArgs) -> Result<(), Failure> {
    let place = Place::new(&args.lease_args);
    let failed = |error: io::Error| place.store_failed(&error);
    let wanted = |id: &str| args.id.as_deref().is_none_or(|wanted| wanted == id);
    let (mut any, mut complete) = (false, true);
    if place.store.exists() {
        let lock = place.lock()?;
        let all = place.store.all().map_err(failed)?;
        for found in all.into_iter().filter(|found| wanted(&found.id)) {
            any = true;
            match found.lease {
                Ok(_) if args.forget => {
                    place.store.remove(&found.id).map_err(failed)?;
                    say(&words::forgotten(Lang::En, &found.id));
                }
                Ok(lease) => complete &= place.undo(lease, &lock),
                Err(error) => {
                    complete = false;
                    tell(&explained(&Trouble::Store(&found.id, &error)).what);
                }
            }
        }
        // Without a name all of them have been.
        if args.id.is_some() {
            place.recover(&lock)?;
        }
    }
    match &args.id {
        Some(id) if !any => Err(Failure::NoTarget(explained(&Trouble::NoLease(id)))),
        _ if !complete => Err(Failure::Said),
        _ => {
            if !any {
                tell(words::none(Lang::En));
            }
            Ok(())
        }
    }
}

/// Takes back what is due, and lists the rest.
pub(super) fn status(args: &StatusArgs) -> Result<(), Failure> {
    let place = Place::new(&args.lease_args);
    let failed = |error: io::Error| place.store_failed(&error);
    let mut leases = Vec::new();
    if place.store.exists() {
        let lock = place.lock()?;
        place.recover(&lock)?;
        leases = place.store.all().map_err(failed)?;
    }
    let clock = lease::clock(&place.root).map_err(failed)?;
    let mut text = Vec::new();
    let mut documents = Vec::new();
    for found in leases {
        match found.lease {
            Ok(lease) => {
                let due = lease.due(&clock, found.held);
                let look = match due {
                    Due::Running => lease::look(&lease, &place.settings),
                    _ => Look::default(),
                };
                writeln!(text, "{}", shown(&words::lease(Lang::En, &lease, due)))?;
                for line in lease.items.iter().flat_map(|item| words::item(Lang::En, item)) {
                    writeln!(text, "  {}", shown(&line))?;
                }
                for line in not_in_force(&look) {
                    writeln!(text, "  {}", shown(&line))?;
                }
                documents.push(serde_json::json!({
                    "due": due,
                    "lease": lease,
                    "not_in_force": look.lapses,
                    "unread": look.unread,
                }));
            }
            Err(error) => tell(&explained(&Trouble::Store(&found.id, &error)).what),
        }
    }
    if args.json {
        let all = serde_json::json!({ "schema": "iocontend.status/1", "leases": documents });
        let mut bytes = serde_json::to_vec_pretty(&all).map_err(io::Error::from)?;
        bytes.push(b'\n');
        output::write(&bytes)?;
    } else if text.is_empty() {
        tell(words::none(Lang::En));
    } else {
        output::write(&text)?;
    }
    Ok(())
}
