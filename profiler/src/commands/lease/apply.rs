//! `iocontend apply`: shows, asks, applies, looks whether it helped, and stays until the lease ends.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::time::Duration;

use iocontend_core::change::Change;
use iocontend_core::lease::window::Subject;
use iocontend_core::lease::{Item, Lease, SCHEMA};
use iocontend_core::report::{Report, Verdict, rfc3339};
use iocontend_core::selector::Selector;
use iocontend_core::text::lease::{self as words, Trouble};
use iocontend_core::text::{Lang, Problem};
use tokio::time::{Instant, sleep_until};

use super::verify::Check;
use super::{Place, explained, not_in_force, say, shown};
use crate::cli::ApplyArgs;
use crate::commands::watch::{Ended, StopSignals};
use crate::error::{Failure, tell};
use crate::lease::store::{Hold, Lock};
use crate::lease::{self, ApplyError};
use crate::live::now;
use crate::output;

/// Between two looks whether another run took the lease back.
const LOOK: Duration = Duration::from_secs(1);

/// What is to be applied, and for whom.
pub(super) struct Proposal {
    pub(super) advice: String,
    pub(super) changes: Vec<Change>,
    pub(super) subject: Subject,
    pub(super) targets: Vec<Selector>,
}

/// Reads the advice that is asked for out of a report.
fn proposal(args: &ApplyArgs) -> Result<Proposal, Failure> {
    let name = shown(&args.file.display().to_string());
    let report = read(&args.file, &name)?;
    let found = report.advice.iter().flatten().find(|advice| {
        let usable = advice.verdict == Verdict::Recommended && !advice.changes.is_empty();
        usable && args.id.as_ref().is_none_or(|id| advice.id == *id)
    });
    let advice = found.ok_or_else(|| Failure::Usage(explained(&Trouble::NoAdvice(&name))))?;
    let named = args.target.selectors();
    let targets = if named.is_empty() && args.verify {
        targets(&report).ok_or_else(|| Failure::Usage(explained(&Trouble::NoTargets(&name))))?
    } else {
        named
    };
    Ok(Proposal {
        advice: advice.id.clone(),
        changes: advice.changes.clone(),
        subject: Subject::of(advice, &report),
        targets,
    })
}

fn read(file: &Path, name: &str) -> Result<Report, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        let error = shown(&error.to_string());
        Failure::failed(&Problem::NotReadable { file: name, error: &error })
    };
    let bytes = std::fs::read(file).map_err(|error| unreadable(&error))?;
    Report::from_json(&bytes).map_err(|error| unreadable(&error))
}

/// Whom the report was about, as selectors. No selector is what was recognised as etcd.
fn targets(report: &Report) -> Option<Vec<Selector>> {
    match report.targets.as_slice() {
        [] => None,
        [only] if only.selector == "auto" => Some(Vec::new()),
        all => all.iter().map(|target| Selector::from_shown(&target.selector)).collect(),
    }
}

pub(in crate::commands) fn run(args: &ApplyArgs) -> Result<(), Failure> {
    let place = Place::new(&args.lease_args);
    let proposal = proposal(args)?;
    if args.verify && args.lease <= Check::length(args.window) {
        return Err(Failure::Usage(explained(&Trouble::TooShort)));
    }
    let items =
        lease::plan(&proposal.changes, &place.settings).map_err(|error| place.failed(&error))?;
    if items.is_empty() {
        tell(words::nothing_to_do(Lang::En));
        return Ok(());
    }
    show(&items, args.json)?;
    if args.dry_run || !(args.yes || ask()?) {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::other(&error.into()))?;
    runtime.block_on(apply(args, &place, &proposal))
}

/// What would be changed; beside the document where there is one.
fn show(items: &[Item], is_document_wanted: bool) -> Result<(), Failure> {
    let lines = items.iter().flat_map(|item| words::item(Lang::En, item));
    if is_document_wanted {
        lines.for_each(|line| say(&line));
    } else {
        let text: String = lines.map(|line| shown(&line) + "\n").collect();
        output::write(text.as_bytes())?;
    }
    Ok(())
}

fn ask() -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(explained(&Trouble::NobodyToAsk)));
    }
    tell(words::question(Lang::En));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    let yes = matches!(answer.trim(), "y" | "Y" | "yes");
    if !yes {
        tell(words::declined(Lang::En));
    }
    Ok(yes)
}

async fn apply(args: &ApplyArgs, place: &Place, proposal: &Proposal) -> Result<(), Failure> {
    // Before anything is changed, so that Ctrl-C always takes it back.
    let mut stop = StopSignals::new().map_err(|error| Failure::other(&error.into()))?;
    place.store.prepare().map_err(|error| place.store_failed(&error))?;
    let mut check = None;
    if args.verify {
        // What stands in the way is better known before a minute of watching than after it.
        free(place, &proposal.changes, &place.lock()?)?;
        let attached = check.insert(Check::start(args.window, proposal)?);
        if attached.before(&mut stop).await? == Ended::BySignal {
            tell(words::not_verified(Lang::En, false));
            return Err(Failure::Said);
        }
    }
    let (lease, _hold) = make(args, place, proposal)?;
    let end = Instant::now() + args.lease;
    if let Some(check) = &mut check {
        verified(args, place, proposal, &lease, check, &mut stop).await?;
    }
    if args.leave {
        // While the probes are still there: a run that is killed as it takes them out must not take back what it said stays.
        leave(place, &lease.id)
    } else {
        drop(check);
        stay(place, &lease.id, end, &mut stop).await
    }
}

/// Nothing is due, and no other lease has the settings.
fn free(place: &Place, changes: &[Change], lock: &Lock) -> Result<(), Failure> {
    place.recover(lock)?;
    let taken = lease::taken(changes, &place.store).map_err(|error| place.store_failed(&error))?;
    match taken {
        Some((change, id)) => Err(place.failed(&ApplyError::Taken { change, id })),
        None => Ok(()),
    }
}

/// Records the lease and makes its changes: all of them, or none.
fn make(args: &ApplyArgs, place: &Place, proposal: &Proposal) -> Result<(Lease, Hold), Failure> {
    let failed = |error: &io::Error| place.store_failed(error);
    let lock = place.lock()?;
    free(place, &proposal.changes, &lock)?;
    let items =
        lease::plan(&proposal.changes, &place.settings).map_err(|error| place.failed(&error))?;
    let clock = lease::clock(&place.root).map_err(|error| failed(&error))?;
    let (unix_ns, length) =
        (now().unix_ns, u64::try_from(args.lease.as_nanos()).unwrap_or(u64::MAX));
    let until = unix_ns.saturating_add(i64::try_from(length).unwrap_or(i64::MAX));
    let id = place.store.new_id(&format!("{}-{}", unix_ns / 1_000_000_000, std::process::id()));
    let hold = place.store.hold(&id).map_err(|error| failed(&error))?;
    let mut lease = Lease {
        schema: SCHEMA.to_owned(),
        id: id.clone(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        advice: Some(proposal.advice.clone()),
        created: rfc3339(unix_ns, 0),
        expires: rfc3339(until, 0),
        boot_id: clock.boot_id,
        expires_boottime_ns: clock.boottime_ns.saturating_add(length),
        // Until all of it is done, its end is that of this process.
        left: false,
        items,
    };
    if let Err(error) = lease::apply(&mut lease, &place.settings, &place.store, &lock) {
        if place.store.has(&id) {
            place.undo(lease, &lock);
        }
        return Err(place.failed(&error));
    }
    say(&words::applied(Lang::En, &id, &lease.expires, args.leave));
    Ok((lease, hold))
}

/// Watches with the change and judges. What is not kept, for whichever reason, is taken back before this returns its error.
async fn verified(
    args: &ApplyArgs,
    place: &Place,
    proposal: &Proposal,
    lease: &Lease,
    check: &mut Check,
    stop: &mut StopSignals,
) -> Result<(), Failure> {
    let is_there = || place.store.has(&lease.id);
    let outcome = check.after(&lease.id, &proposal.advice, &is_there, stop).await;
    let outcome = outcome.and_then(|verified| {
        let Some(verified) = verified else {
            tell(words::not_verified(Lang::En, true));
            return Ok(false);
        };
        match super::verify::print(&verified, args.json) {
            // Whoever does not read the table wants the change all the same.
            Ok(()) | Err(Failure::OutputClosed) => Ok(verified.kept),
            Err(error) => Err(error),
        }
    });
    match outcome {
        Ok(true) => Ok(()),
        other => {
            take_back(place, &lease.id)?;
            Err(other.err().unwrap_or(Failure::Said))
        }
    }
}

/// From now on its time alone ends it.
fn leave(place: &Place, id: &str) -> Result<(), Failure> {
    let _lock = place.lock()?;
    match place.store.read(id) {
        Ok(mut lease) => {
            lease.left = true;
            place.store.write(&lease).map_err(|error| place.store_failed(&error))
        }
        // Another run has taken it back.
        Err(_) => Ok(()),
    }
}

/// Waits for the end of the lease, or a signal, and takes it back.
async fn stay(
    place: &Place,
    id: &str,
    end: Instant,
    stop: &mut StopSignals,
) -> Result<(), Failure> {
    let mut told = BTreeSet::new();
    while place.store.has(id) && Instant::now() < end {
        say_what_lapsed(place, id, &mut told);
        tokio::select! {
            () = stop.wait() => break,
            () = sleep_until(end.min(Instant::now() + LOOK)) => {}
        }
    }
    take_back(place, id)
}

/// Says once of every value that it does not hold any more.
fn say_what_lapsed(place: &Place, id: &str, told: &mut BTreeSet<String>) {
    // Not while another run takes it back; one that was taken back has no values any more.
    let Ok(_lock) = place.lock() else { return };
    let Ok(lease) = place.store.read(id) else { return };
    for line in not_in_force(&lease::look(&lease, &place.settings)) {
        if !told.contains(&line) {
            say(&line);
            told.insert(line);
        }
    }
}

fn take_back(place: &Place, id: &str) -> Result<(), Failure> {
    let lock = place.lock()?;
    // Somebody else may have taken it back meanwhile.
    let Ok(lease) = place.store.read(id) else { return Ok(()) };
    if place.undo(lease, &lock) { Ok(()) } else { Err(Failure::Said) }
}
