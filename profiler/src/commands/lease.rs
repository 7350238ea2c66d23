//! `iocontend apply`, `undo` and `status`.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Duration;

use iocontend_core::change::Change;
use iocontend_core::lease::{Lease, SCHEMA};
use iocontend_core::report::{Report, Verdict, rfc3339};
use iocontend_core::text::lease::{self as words, Trouble};
use iocontend_core::text::{Explained, Lang, Problem};

use super::watch::StopSignals;
use crate::cli::{ApplyArgs, LeaseArgs, StatusArgs, UndoArgs};
use crate::error::{Failure, tell};
use crate::host::HostRoot;
use crate::lease::settings::HostSettings;
use crate::lease::store::{Lock, Store};
use crate::lease::{self, ApplyError, Undone};
use crate::live::now;
use crate::output;

fn explained(trouble: &Trouble<'_>) -> Explained {
    words::trouble(Lang::En, trouble)
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
        let folder = args.state_dir.display().to_string();
        Self { root, settings, store: Store::new(&args.state_dir), folder }
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

    /// Takes back what is due, and says so.
    fn recover(&self, lock: &Lock) -> Result<(), Failure> {
        let failed = |error| self.store_failed(&error);
        let clock = lease::clock(&self.root).map_err(failed)?;
        let all = lease::recover(&self.settings, &self.store, &clock, lock).map_err(failed)?;
        for undone in &all {
            say(undone);
        }
        Ok(())
    }

    fn undo(&self, lease: Lease, lock: &Lock) -> bool {
        let undone = lease::undo(lease, None, &self.settings, &self.store, lock);
        say(&undone);
        undone.complete
    }
}

/// What became of a lease that was taken back.
fn say(undone: &Undone) {
    tell(&words::undone(Lang::En, &undone.lease.id, undone.complete));
    if !undone.complete {
        for item in &undone.lease.items {
            for line in words::item(Lang::En, item) {
                tell(&line);
            }
        }
    }
    if let Some(error) = &undone.store_error {
        tell(&error.to_string());
    }
}

fn changes(file: &Path, id: Option<&str>) -> Result<(String, Vec<Change>), Failure> {
    let name = file.display().to_string();
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::failed(&Problem::NotReadable { file: &name, error: &error.to_string() })
    };
    let bytes = std::fs::read(file).map_err(|error| unreadable(&error))?;
    let report = Report::from_json(&bytes).map_err(|error| unreadable(&error))?;
    let found = report.advice.into_iter().flatten().find(|advice| {
        let usable = advice.verdict == Verdict::Recommended && !advice.changes.is_empty();
        usable && id.is_none_or(|id| advice.id == id)
    });
    let advice = found.ok_or_else(|| Failure::Usage(explained(&Trouble::NoAdvice(&name))))?;
    Ok((advice.id, advice.changes))
}

/// Shows, asks, applies, and stays until the lease ends.
pub(super) fn apply(args: &ApplyArgs) -> Result<(), Failure> {
    let place = Place::new(&args.lease_args);
    let (advice, changes) = changes(&args.file, args.id.as_deref())?;
    let items = lease::plan(&changes, &place.settings).map_err(|error| place.failed(&error))?;
    if items.is_empty() {
        tell(words::nothing_to_do(Lang::En));
        return Ok(());
    }
    let lines = items.iter().flat_map(|item| words::item(Lang::En, item));
    output::write((lines.collect::<Vec<_>>().join("\n") + "\n").as_bytes())?;
    if args.dry_run || !(args.yes || ask()?) {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::other(&error.into()))?;
    runtime.block_on(hold(args, &place, advice, &changes))
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

async fn hold(
    args: &ApplyArgs,
    place: &Place,
    advice: String,
    changes: &[Change],
) -> Result<(), Failure> {
    // Before anything is changed, so that Ctrl-C always takes it back.
    let mut stop = StopSignals::new().map_err(|error| Failure::other(&error.into()))?;
    let failed = |error: &io::Error| place.store_failed(error);
    place.store.prepare().map_err(|error| failed(&error))?;
    let lock = place.store.lock().map_err(|error| failed(&error))?;
    place.recover(&lock)?;
    if let Some((change, id)) =
        lease::taken(changes, &place.store).map_err(|error| failed(&error))?
    {
        return Err(place.failed(&ApplyError::Taken { change, id }));
    }
    let items = lease::plan(changes, &place.settings).map_err(|error| place.failed(&error))?;
    let clock = lease::clock(&place.root).map_err(|error| failed(&error))?;
    let (unix_ns, length) =
        (now().unix_ns, u64::try_from(args.lease.as_nanos()).unwrap_or(u64::MAX));
    let until = unix_ns.saturating_add(i64::try_from(length).unwrap_or(i64::MAX));
    let id = place.store.new_id(&format!("{}-{}", unix_ns / 1_000_000_000, std::process::id()));
    let _hold = place.store.hold(&id).map_err(|error| failed(&error))?;
    let mut lease = Lease {
        schema: SCHEMA.to_owned(),
        id: id.clone(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        advice: Some(advice),
        created: rfc3339(unix_ns, 0),
        expires: rfc3339(until, 0),
        boot_id: clock.boot_id,
        expires_boottime_ns: clock.boottime_ns.saturating_add(length),
        left: args.leave,
        items,
    };
    if let Err(error) = lease::apply(&mut lease, &place.settings, &place.store, &lock) {
        if place.store.has(&id) {
            place.undo(lease, &lock);
        }
        return Err(place.failed(&error));
    }
    tell(&words::applied(Lang::En, &id, &lease.expires, args.leave));
    drop(lock);
    if args.leave {
        return Ok(());
    }
    let end = tokio::time::Instant::now() + args.lease;
    while place.store.has(&id) && tokio::time::Instant::now() < end {
        let look = tokio::time::sleep_until(end.min(tokio::time::Instant::now() + LOOK));
        tokio::select! {
            () = stop.wait() => break,
            () = look => {}
        }
    }
    let lock = place.store.lock().map_err(|error| failed(&error))?;
    // Somebody else may have taken it back meanwhile.
    let Ok(lease) = place.store.read(&id) else { return Ok(()) };
    if place.undo(lease, &lock) { Ok(()) } else { Err(Failure::Said) }
}

/// Between two looks whether another run took the lease back.
const LOOK: Duration = Duration::from_secs(1);

/// Takes leases back.
pub(super) fn undo(args: &UndoArgs) -> Result<(), Failure> {
    let place = Place::new(&args.lease_args);
    let failed = |error: io::Error| place.store_failed(&error);
    let lock = if place.store.exists() { Some(place.store.lock().map_err(failed)?) } else { None };
    let all = if lock.is_some() { place.store.all().map_err(failed)? } else { Vec::new() };
    let wanted = |id: &str| args.id.as_deref().is_none_or(|wanted| wanted == id);
    let (mut any, mut complete) = (false, true);
    for found in all.into_iter().filter(|found| wanted(&found.id)) {
        any = true;
        let Some(lock) = &lock else { continue };
        match found.lease {
            Ok(_) if args.forget => place.store.remove(&found.id).map_err(failed)?,
            Ok(lease) => complete &= place.undo(lease, lock),
            Err(error) => {
                complete = false;
                tell(&explained(&Trouble::Store(&found.id, &error)).what);
            }
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
        let lock = place.store.lock().map_err(failed)?;
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
                writeln!(text, "{}", words::lease(Lang::En, &lease, due))?;
                for line in lease.items.iter().flat_map(|item| words::item(Lang::En, item)) {
                    writeln!(text, "  {line}")?;
                }
                documents.push(serde_json::json!({ "due": due, "lease": lease }));
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
