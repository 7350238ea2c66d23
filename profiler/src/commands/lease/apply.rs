//! `iocontend apply`: shows, asks, applies, looks whether it helped, and stays until the lease ends.

use std::cell::RefCell;
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
use tokio::time::{Instant, sleep_until, timeout};

use super::keeper::{GRACE, Keeper};
use super::verify::Check;
use super::{Host, Place, Proposal, block_on, explained, not_in_force, say, shown};
use crate::cli::ApplyArgs;
use crate::commands::report::not_read;
use crate::error::{Failure, tell};
use crate::host::given;
use crate::lease::store::{Hold, Known, Lock};
use crate::lease::{self, ApplyError, timer};
use crate::live::now;
use crate::output;
use crate::runtime::signals::{Signals, StopSignals};
use crate::runtime::watching::Ended;

/// Bytes that a report's document has at most: minutes of a busy host are 1 MB.
const LARGEST: u64 = 64 << 20;
/// Between two looks whether another run took the lease back.
const LOOK: Duration = Duration::from_secs(1);

/// Reads the advice that is asked for out of a report.
fn proposal(args: &ApplyArgs) -> Result<Proposal, Failure> {
    let name = shown(&args.file.display().to_string());
    let report = read(&args.file, &name)?;
    let found = report.advice.iter().flatten().find(|advice| {
        let usable = advice.verdict == Verdict::Recommended && !advice.changes.is_empty();
        usable && args.id.as_ref().is_none_or(|id| advice.id.name() == id)
    });
    let advice = found.ok_or_else(|| Failure::Usage(explained(&Trouble::NoAdvice(&name))))?;
    let named = args.target.selectors();
    let targets = if named.is_empty() && args.verify {
        targets(&report).ok_or_else(|| Failure::Usage(explained(&Trouble::NoTargets(&name))))?
    } else {
        named
    };
    Ok(Proposal {
        advice: advice.id.name().to_owned(),
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
    let bytes = given::read(file, LARGEST).map_err(|refusal| not_read(name, &refusal))?;
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

pub(in crate::commands) fn run(args: &ApplyArgs, signals: &Signals) -> Result<(), Failure> {
    let host = Host::new(&args.lease_args)?;
    let proposal = proposal(args)?;
    if args.verify && args.lease <= Check::length(args.window) {
        return Err(Failure::Usage(explained(&Trouble::TooShort)));
    }
    let items =
        lease::plan(&proposal.changes, &host.settings).map_err(|error| host.failed(&error))?;
    if items.is_empty() {
        tell(words::nothing_to_do(Lang::En));
        return Ok(());
    }
    show(&items, args.json)?;
    if args.dry_run || !(args.yes || ask()?) {
        return Ok(());
    }
    block_on(apply(args, host, &proposal, signals))
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

async fn apply(
    args: &ApplyArgs,
    host: Host,
    proposal: &Proposal,
    signals: &Signals,
) -> Result<(), Failure> {
    let place = host.create()?;
    let mut check = None;
    if args.verify {
        // What stands in the way is better known before a minute of watching than after it.
        let mut waiting = signals.ask();
        free(&place, &proposal.changes, &place.lock(&mut waiting).await?)?;
        // A signal ends what attaches.
        drop(waiting);
        let attached = check.insert(Check::start(args.window, proposal)?);
        let mut stop = signals.ask();
        if attached.before(&mut stop).await? == Ended::BySignal {
            tell(words::not_verified(Lang::En, false));
            return Err(Failure::Said);
        }
    }
    // Before anything is changed, so that Ctrl-C always takes it back.
    let mut stop = signals.ask();
    let Made { lease, mut keeper, end, _hold } = make(args, &place, proposal, &mut stop).await?;
    let memory = RefCell::new(lease);
    if let Some(check) = &mut check {
        let verified = verified(args, &place, proposal, &memory, check, &mut stop);
        watched(verified, &mut keeper, &memory, &place).await?;
    }
    if args.leave {
        // While the probes are still there: a run that is killed as it takes them out must not take back what it said stays.
        leave(&place, &memory, &mut keeper, &mut stop).await
    } else {
        drop(check);
        let stayed = stay(&place, &memory, end, &mut stop);
        watched(stayed, &mut keeper, &memory, &place).await
    }
}

/// Does something while the guardian is watched.
async fn watched<T>(
    work: impl Future<Output = T>,
    keeper: &mut Keeper,
    memory: &RefCell<Lease>,
    place: &Place,
) -> T {
    tokio::select! {
        biased;
        done = work => done,
        never = keeper.watch(memory, place) => match never {},
    }
}

/// Nothing is due, and no other lease has the settings.
fn free(place: &Place, changes: &[Change], lock: &Lock) -> Result<(), Failure> {
    place.recover(lock)?;
    let taken = lease::taken(changes, &place.store).map_err(|error| place.store_failed(&error))?;
    match taken {
        Some((change, id)) => Err(place.host.failed(&ApplyError::Taken { change, id })),
        None => Ok(()),
    }
}

/// A lease that was made.
struct Made {
    lease: Lease,
    keeper: Keeper,
    end: Instant,
    _hold: Hold,
}

/// Records the lease, finds somebody who ends it, and makes its changes: all of them, or none.
async fn make(
    args: &ApplyArgs,
    place: &Place,
    proposal: &Proposal,
    stop: &mut StopSignals,
) -> Result<Made, Failure> {
    let failed = |error: &io::Error| place.store_failed(error);
    let lock = place.lock(stop).await?;
    free(place, &proposal.changes, &lock)?;
    let settings = &place.host.settings;
    let items =
        lease::plan(&proposal.changes, settings).map_err(|error| place.host.failed(&error))?;
    let clock = lease::clock(&place.host.root).map_err(|error| failed(&error))?;
    let end = Instant::now() + args.lease;
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
    place.store.write(&lease).map_err(|error| failed(&error))?;
    let length = if args.leave { args.lease } else { args.lease.saturating_add(GRACE) };
    let mut keeper = match Keeper::start(&lease, length, place) {
        Ok(keeper) => keeper,
        Err(error) => {
            place.undo(lease, &lock);
            let error = error.to_string();
            return Err(Failure::Failed(explained(&Trouble::NoKeeper(&error))));
        }
    };
    if let Err(error) = lease::apply(&mut lease, settings, &place.store, &lock) {
        place.undo(lease, &lock);
        return Err(place.host.failed(&error));
    }
    keeper.look();
    let unit = format!("{}.timer", timer::unit(&id));
    say(&words::applied(Lang::En, &lease, args.leave, place.keeper(&id, &unit)));
    for item in &lease.items {
        let is_rounded = item.cells.iter().any(|cell| cell.became.is_some());
        words::item(Lang::En, item).iter().filter(|_| is_rounded).for_each(|line| say(line));
    }
    Ok(Made { lease, keeper, end, _hold: hold })
}

/// Watches with the change and judges. What is not kept, for whichever reason, is taken back before this returns its error.
async fn verified(
    args: &ApplyArgs,
    place: &Place,
    proposal: &Proposal,
    memory: &RefCell<Lease>,
    check: &mut Check,
    stop: &mut StopSignals,
) -> Result<(), Failure> {
    let id = memory.borrow().id.clone();
    let is_there = || place.store.has(&id);
    let outcome = check.after(&id, &proposal.advice, &is_there, stop).await;
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
            take_back(place, memory, stop).await?;
            Err(other.err().unwrap_or(Failure::Said))
        }
    }
}

/// From now on its time alone ends it.
async fn leave(
    place: &Place,
    memory: &RefCell<Lease>,
    keeper: &mut Keeper,
    stop: &mut StopSignals,
) -> Result<(), Failure> {
    // A signal that came while it was applied means that it is not wanted.
    if timeout(Duration::ZERO, stop.wait()).await.is_ok() {
        return take_back(place, memory, stop).await;
    }
    let lock = place.lock(stop).await?;
    let mut lease = match place.store.known(&memory.borrow().id) {
        Known::Recorded(lease) => *lease,
        Known::Ended | Known::Lost(_) => return place.take_back(&memory.borrow(), &lock),
    };
    lease.left = true;
    let left = place.store.write(&lease).and_then(|()| keeper.leave(&lease, place));
    if let Err(error) = left {
        say(&explained(&Trouble::NotLeft(&error.to_string())).what);
        place.take_back(&lease, &lock)?;
        return Err(Failure::Said);
    }
    Ok(())
}

/// Waits for the end of the lease, or a signal, and takes it back.
async fn stay(
    place: &Place,
    memory: &RefCell<Lease>,
    end: Instant,
    stop: &mut StopSignals,
) -> Result<(), Failure> {
    let mut told = BTreeSet::new();
    let id = memory.borrow().id.clone();
    while Instant::now() < end {
        match place.store.known(&id) {
            Known::Recorded(lease) => *memory.borrow_mut() = *lease,
            // It is not in force any more, or must not be: nobody else would know it.
            Known::Ended | Known::Lost(_) => break,
        }
        say_what_lapsed(place, &id, &mut told);
        tokio::select! {
            () = stop.wait() => break,
            () = sleep_until(end.min(Instant::now() + LOOK)) => {}
        }
    }
    take_back(place, memory, stop).await
}

/// Says once of every value that it does not hold any more.
fn say_what_lapsed(place: &Place, id: &str, told: &mut BTreeSet<String>) {
    // Not while another run takes it back; one that was taken back has no values any more.
    let Ok(Some(_lock)) = place.store.try_lock() else { return };
    let Ok(lease) = place.store.read(id) else { return };
    for line in not_in_force(&lease::look(&lease, &place.host.settings)) {
        if !told.contains(&line) {
            say(&line);
            told.insert(line);
        }
    }
}

async fn take_back(
    place: &Place,
    memory: &RefCell<Lease>,
    stop: &mut StopSignals,
) -> Result<(), Failure> {
    let lock = place.lock(stop).await?;
    let memory = memory.borrow().clone();
    place.take_back(&memory, &lock)
}
