//! `iocontend undo`: takes leases back, the one that is named or all; and what is due.

use std::io::{self, Read as _};

use iocontend_core::lease::{Due, Lease, SCHEMA};
use iocontend_core::text::Lang;
use iocontend_core::text::lease::{self as words, Trouble};

use super::{Host, Place, block_on, explained, say, say_undone, stop_timer};
use crate::cli::UndoArgs;
use crate::error::{Failure, tell};
use crate::lease::store::{Found, Lock, Store};
use crate::lease::{self, timer};
use crate::runtime::signals::Signals;

/// A lease on stdin is that of a timer, which holds 120 KiB at most.
const LARGEST: u64 = 1 << 20;

pub(in crate::commands) fn run(args: &UndoArgs, signals: &Signals) -> Result<(), Failure> {
    let host = Host::new(&args.lease_args)?;
    let remembered = if args.record_on_stdin { Some(remembered(args)?) } else { None };
    block_on(undo(args, host, remembered, signals))
}

/// The lease that a timer holds.
fn remembered(args: &UndoArgs) -> Result<Lease, Failure> {
    let mut bytes = Vec::new();
    io::stdin().take(LARGEST).read_to_end(&mut bytes)?;
    let lease: Lease =
        serde_json::from_slice(&bytes).map_err(|error| Failure::other(&error.into()))?;
    if lease.schema != SCHEMA || args.id.as_ref() != Some(&lease.id) {
        let text = format!("{} of {} is not {SCHEMA} of that lease", lease.schema, lease.id);
        return Err(Failure::Failed(explained(&Trouble::Store("stdin", &text))));
    }
    Ok(lease)
}

async fn undo(
    args: &UndoArgs,
    host: Host,
    remembered: Option<Lease>,
    signals: &Signals,
) -> Result<(), Failure> {
    // A second signal ends a wait for the lock that the first did not.
    let mut stop = signals.ask();
    let place = match host.open()? {
        Ok(place) => place,
        Err(host) if remembered.is_some() => without_folder(host)?,
        Err(_) => return none(args),
    };
    let lock = place.lock(&mut stop).await?;
    let all = place.store.all().map_err(|error| place.store_failed(&error))?;
    let is_wanted = |found: &Found| args.id.as_ref().is_none_or(|wanted| *wanted == found.id);
    let (mut any, mut complete) = (false, true);
    for found in all.into_iter().filter(is_wanted) {
        any = true;
        complete &= take_back(args, &place, found, remembered.as_ref(), &lock)?;
    }
    if let Some(lease) = remembered.filter(|lease| !any && !place.store.has_ended(&lease.id)) {
        any = true;
        complete &= place.take_back(&lease, &lock).is_ok();
    }
    // Without a name all of them have been.
    if args.id.is_some() {
        place.recover(&lock)?;
    }
    match complete {
        _ if !any => none(args),
        true => Ok(()),
        false => Err(Failure::Said),
    }
}

/// Somebody removed the folder: what a timer remembers is restored all the same.
fn without_folder(host: Host) -> Result<Place, Failure> {
    if let Ok(store) = Store::create(&host.at.folder) {
        return Ok(Place { host, store });
    }
    let failed = |error: io::Error| Failure::other(&error.into());
    let folder = tempfile::tempdir().map_err(failed)?;
    let store = Store::open(folder.path()).map_err(failed)?;
    let gone = || failed(io::ErrorKind::NotFound.into());
    store.map(|store| Place { host, store }).ok_or_else(gone)
}

/// Whether nothing is left of it.
fn take_back(
    args: &UndoArgs,
    place: &Place,
    found: Found,
    remembered: Option<&Lease>,
    lock: &Lock,
) -> Result<bool, Failure> {
    let failed = |error: io::Error| place.store_failed(&error);
    let clock = lease::clock(&place.host.root).map_err(failed)?;
    Ok(match found.lease {
        _ if args.forget => {
            place.store.forget(&found.id).map_err(failed)?;
            say(&words::forgotten(Lang::En, &found.id));
            stop_timer(&found.id);
            true
        }
        Ok(lease) if lease.due(&clock, found.held) == Due::Restarted => {
            say_undone(&lease::forget_restarted(lease, &place.store));
            true
        }
        Ok(lease) => place.undo(lease, lock),
        Err(error) => {
            tell(&explained(&Trouble::Store(&found.id, &error)).what);
            if let Some(lease) = remembered {
                return Ok(place.take_back(lease, lock).is_ok());
            }
            if place.store.is_kept(&found.id) || timer::exists(&found.id) {
                say(&words::known_elsewhere(Lang::En, &found.id));
            }
            false
        }
    })
}

/// There is no such lease.
fn none(args: &UndoArgs) -> Result<(), Failure> {
    match &args.id {
        Some(_) if args.if_there => Ok(()),
        Some(id) => Err(Failure::NoTarget(explained(&Trouble::NoLease(id)))),
        None => {
            tell(words::none(Lang::En));
            Ok(())
        }
    }
}
