//! Words about leases: what changes would do, what became of them, whether they helped.
//!
//! Names and values in these lines come from outside: whoever prints them makes them printable.

use super::{Explained, Lang};
use crate::change::Change;
use crate::lease::verified::{Verified, Word};
use crate::lease::verify::{Doubt, MIN_CALLS};
use crate::lease::{Due, Item, Lapse, Lease, State, Unread};

/// Who ends a lease when its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper<'a> {
    /// A timer of systemd, by its unit.
    Timer(&'a str),
    /// Guardians.
    Guardian,
    /// The process that made it, alone.
    Maker,
    /// Nobody.
    Nobody,
}

/// What can stop `apply`, `undo` and `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble<'a> {
    /// The document has no such advice that is recommended and has settings.
    NoAdvice(&'a str),
    /// Nobody can be asked.
    NobodyToAsk,
    /// A setting cannot be changed.
    Setting(&'a Change, &'a str),
    /// Another lease has the setting.
    Taken(&'a Change, &'a str),
    /// The folder of leases cannot be used.
    Store(&'a str, &'a str),
    /// There is no such lease.
    NoLease(&'a str),
    /// Whom the report was about cannot be told from it.
    NoTargets(&'a str),
    /// The time of the lease does not suffice to look.
    TooShort,
    /// Another run took the change back while it was looked at.
    TakenBackMeanwhile(&'a str),
    /// Nobody could be found who ends the lease.
    NoKeeper(&'a str),
    /// A signal came while another run was waited for.
    Stopped,
    /// The lease could not be left to its keeper, and was taken back.
    NotLeft(&'a str),
}

/// Trouble in words.
pub fn trouble(lang: Lang, trouble: &Trouble<'_>) -> Explained {
    let Lang::En = lang;
    let (what, hint) = match trouble {
        Trouble::NoAdvice(file) => (
            format!("{file} has no such advice that is recommended and changes settings"),
            Some("iocontend advise -o json lists all advice with its ids"),
        ),
        Trouble::NobodyToAsk => (
            "nothing was changed: there is no terminal to ask on".to_owned(),
            Some("add --yes to apply without being asked, or --dry-run to only look"),
        ),
        Trouble::Setting(change, error) => {
            (format!("{} was not changed: {error}", setting(lang, change)), None)
        }
        Trouble::Taken(change, id) => (
            format!("{} belongs to lease {id} already", setting(lang, change)),
            Some("take that one back first: iocontend undo ID"),
        ),
        Trouble::Store(folder, error) => (format!("leases in {folder}: {error}"), None),
        Trouble::NoLease(id) => {
            (format!("there is no lease {id}"), Some("iocontend status lists them"))
        }
        Trouble::NoTargets(file) => (
            format!("{file} does not say whose waits are to become shorter"),
            Some("name them as for watch, such as --pid-of etcd"),
        ),
        Trouble::TooShort => (
            "the lease would end before its effect has been seen".to_owned(),
            Some("choose a longer --lease or a shorter --window"),
        ),
        Trouble::TakenBackMeanwhile(id) => {
            (format!("lease {id} was taken back by another run: not verified"), None)
        }
        Trouble::NoKeeper(error) => (
            format!("nothing was changed: no process could be started that takes it back: {error}"),
            None,
        ),
        Trouble::Stopped => (
            "stopped while waiting for another run: nothing was done".to_owned(),
            Some("iocontend status lists what is in force"),
        ),
        Trouble::NotLeft(error) => {
            (format!("cannot be left without this process, so it is taken back: {error}"), None)
        }
    };
    Explained { what, hint: hint.map(str::to_owned) }
}

/// A setting's name.
pub fn setting(lang: Lang, change: &Change) -> String {
    let Lang::En = lang;
    match change {
        Change::CgroupDevice { cgroup, file, device, .. } => {
            format!("{file} of disk {}:{} in cgroup {cgroup}", device.major, device.minor)
        }
        Change::Cgroup { cgroup, file, .. } => format!("{file} of cgroup {cgroup}"),
        Change::Queue { device, file, .. } => format!("{file} of disk {device}"),
        Change::Sysctl { name, .. } => format!("kernel parameter {name}"),
        Change::IoPriority { process, .. } => format!("IO priority of process {}", process.pid),
    }
}

/// A part of a setting's name.
fn part_of(part: &str) -> String {
    if part.is_empty() { String::new() } else { format!(", {part}") }
}

/// A value that does not hold any more.
pub fn lapse(lang: Lang, lapse: &Lapse) -> String {
    let name = setting(lang, &lapse.change) + &part_of(&lapse.part);
    match &lapse.now {
        Some(now) => format!("{name}: not in force: {now} instead of {}", lapse.wanted),
        None => format!("{name}: not in force: it is gone"),
    }
}

/// A setting of which it is not known whether it holds.
pub fn unread(lang: Lang, unread: &Unread) -> String {
    format!("{}: not known whether in force: {}", setting(lang, &unread.change), unread.error)
}

/// What an item does, a line for each of its values.
pub fn item(lang: Lang, item: &Item) -> Vec<String> {
    let name = setting(lang, &item.change);
    let own = item.cells.iter().filter_map(|cell| Some((cell, cell.wanted.as_ref()?)));
    own.map(|(cell, wanted)| {
        let part = part_of(&cell.part);
        let state = match (cell.state, &cell.found, &item.error) {
            (State::Differs, Some(found), _) => {
                format!("; changed to {found} by somebody else, left as it is")
            }
            (State::Differs, None, _) => "; not there".to_owned(),
            (State::Replaced, ..) => {
                "; another one has that name by now and holds this value, left as it is".to_owned()
            }
            (State::Undone, ..) => "; taken back".to_owned(),
            (_, _, Some(error)) => format!("; not taken back: {error}"),
            _ => String::new(),
        };
        let became = cell.became.as_ref().map(|now| format!(", of which the kernel made {now}"));
        let became = became.unwrap_or_default();
        format!("{name}{part}: {} to {wanted}{became}{state}", cell.prior)
    })
    .collect()
}

/// The head of a lease: what it is, who ends it or what to do.
pub fn lease(lang: Lang, lease: &Lease, due: Due, keeper: Keeper<'_>) -> String {
    let Lang::En = lang;
    let id = &lease.id;
    let undo = || format!("`sudo iocontend undo {id}` restores its settings");
    let due = match due {
        _ if lease.has_differences() => "not wholly taken back".to_owned(),
        Due::Running => format!("running; {}", ends(lang, lease, keeper)),
        Due::Expired => format!("expired, and nobody took it back; {}", undo()),
        Due::Interrupted | Due::Unrecorded => {
            let last = match keeper {
                Keeper::Timer(unit) => format!("; {unit} does at {}", lease.expires),
                Keeper::Guardian => "; its guardian is about to".to_owned(),
                Keeper::Maker | Keeper::Nobody => String::new(),
            };
            format!("its process ended without taking it back{last}; {}", undo())
        }
        Due::Restarted => {
            "of an earlier boot: nothing of it is in force, and the next apply or undo forgets it"
                .to_owned()
        }
    };
    format!("{id}, made {}, until {}: {due}", lease.created, lease.expires)
}

/// How a lease ends.
fn ends(lang: Lang, lease: &Lease, keeper: Keeper<'_>) -> String {
    let Lang::En = lang;
    let until = &lease.expires;
    match keeper {
        Keeper::Timer(unit) => format!("reverts by itself at {until} ({unit})"),
        Keeper::Guardian => format!("reverts by itself at {until} (guardian process)"),
        Keeper::Maker => format!("its process takes it back at {until}"),
        Keeper::Nobody => {
            format!("nobody takes it back at {until}: `sudo iocontend undo {}` does now", lease.id)
        }
    }
}

/// No lease.
pub fn none(lang: Lang) -> &'static str {
    let Lang::En = lang;
    "no lease: nothing is changed by iocontend"
}

/// Everything is as wanted already.
pub fn nothing_to_do(lang: Lang) -> &'static str {
    let Lang::En = lang;
    "all settings are so already: nothing to do"
}

/// The question.
pub fn question(lang: Lang) -> &'static str {
    let Lang::En = lang;
    "apply? [y/N]"
}

/// Nothing was done, as the user wished.
pub fn declined(lang: Lang) -> &'static str {
    let Lang::En = lang;
    "nothing was changed"
}

/// Applied.
pub fn applied(lang: Lang, lease: &Lease, is_left: bool, keeper: Keeper<'_>) -> String {
    let Lang::En = lang;
    let (id, until) = (&lease.id, &lease.expires);
    if is_left {
        format!(
            "applied as lease {id}; {}; `iocontend undo {id}` takes it back now",
            ends(lang, lease, keeper)
        )
    } else {
        format!("applied as lease {id} until {until}; Ctrl-C takes it back")
    }
}

/// Somebody else ended a lease that this process stays for.
pub fn ended_elsewhere(lang: Lang, id: &str) -> String {
    let Lang::En = lang;
    format!("lease {id} is taken back, by another run or its guardian")
}

/// The record of a lease cannot be used any more.
pub fn lost(lang: Lang, id: &str, error: &str) -> String {
    let Lang::En = lang;
    format!("the record of lease {id} is lost ({error}): it is taken back from memory")
}

/// Beside an unreadable record: somebody knows what was in it.
pub fn known_elsewhere(lang: Lang, id: &str) -> String {
    let Lang::En = lang;
    format!("lease {id} has a guardian or a timer, which knows it and takes it back")
}

/// The guardian was killed.
pub fn guardian_replaced(lang: Lang, id: &str, error: Option<&str>) -> String {
    let Lang::En = lang;
    match error {
        None => format!("the guardian of lease {id} was killed; there is another one"),
        Some(error) => format!(
            "the guardian of lease {id} was killed, and no other could be started: {error}. While this process runs it takes the lease back"
        ),
    }
}

/// Another run holds the lock.
pub fn waiting(lang: Lang, holder: Option<(u32, &str)>) -> String {
    let Lang::En = lang;
    let who = match holder {
        Some((pid, "")) => format!("process {pid}"),
        Some((pid, name)) => format!("{name} (process {pid})"),
        None => "another run".to_owned(),
    };
    format!("waiting for {who}, which is writing settings; Ctrl-C ends the wait")
}

/// The record of a lease that is over could not be removed.
pub fn record_stays(lang: Lang, id: &str, error: &str) -> String {
    let Lang::En = lang;
    format!("the record of lease {id} could not be removed: {error}")
}

/// The record of a lease that is not over could not be written.
pub fn not_recorded(lang: Lang, id: &str, error: &str) -> String {
    let Lang::En = lang;
    format!("the record of lease {id} could not be written: {error}")
}

/// The timer of a lease that is over could not be removed.
pub fn timer_stays(lang: Lang, id: &str, error: &str) -> String {
    let Lang::En = lang;
    format!("the timer of lease {id} could not be removed: {error}. It finds nothing to do")
}

/// A lease was taken back, and why when nobody asked for it.
pub fn undone(lang: Lang, id: &str, why: Option<Due>, complete: bool) -> String {
    let Lang::En = lang;
    let why = match why {
        None | Some(Due::Running) => "",
        Some(Due::Expired) => ", whose time is over,",
        Some(Due::Interrupted) => ", whose process was killed,",
        Some(Due::Unrecorded) => ", whose record is lost,",
        // None of its settings is left.
        Some(Due::Restarted) => {
            return format!("lease {id} is of an earlier boot and is forgotten");
        }
    };
    if complete {
        format!("lease {id}{why} is taken back")
    } else {
        format!("lease {id}{why} is not wholly taken back:")
    }
}

/// A setting that needed no taking back.
pub fn gone(lang: Lang, change: &Change) -> String {
    format!("{} is gone, and so is what was set there", setting(lang, change))
}

/// A setting that was not taken back, for what has its name now is not what was changed.
pub fn replaced(lang: Lang, change: &Change) -> String {
    let kind = match change {
        Change::CgroupDevice { .. } => "another cgroup or disk has",
        Change::Cgroup { .. } => "another cgroup has",
        _ => "another disk has",
    };
    format!("{}: {kind} that name by now: nothing was written there", setting(lang, change))
}

/// A lease was forgotten, as was asked for.
pub fn forgotten(lang: Lang, id: &str) -> String {
    let Lang::En = lang;
    format!("lease {id} is forgotten; its settings stay as they are")
}

/// A lease that waits for somebody to take it back, as commands say that change nothing themselves.
pub fn overdue(lang: Lang, lease: &Lease, due: Due) -> Option<String> {
    let Lang::En = lang;
    let (id, why) = match due {
        Due::Running | Due::Restarted | Due::Unrecorded => return None,
        _ if lease.has_differences() => {
            return Some(format!(
                "lease {} is not wholly taken back: somebody else changed its values. `sudo iocontend status` lists them",
                lease.id
            ));
        }
        Due::Expired => (&lease.id, format!("is over since {}", lease.expires)),
        Due::Interrupted => (&lease.id, "was left behind by a run that was killed".to_owned()),
    };
    Some(format!(
        "lease {id} {why}, and its settings may still be there. `sudo iocontend undo {id}` restores them"
    ))
}

/// The look before the change begins.
pub fn looking_before(lang: Lang, seconds: u64) -> String {
    let Lang::En = lang;
    format!("watching for {seconds} s before the change")
}

/// The look with the change begins.
pub fn looking_after(lang: Lang, seconds: u64) -> String {
    let Lang::En = lang;
    format!("watching for {seconds} s with the change; Ctrl-C takes it back")
}

/// A signal came before it was known whether it helped.
pub fn not_verified(lang: Lang, changed: bool) -> &'static str {
    let Lang::En = lang;
    if changed {
        "stopped before it was known whether it helped: taken back"
    } else {
        "stopped before anything was changed"
    }
}

/// A value with its interval.
pub fn range(lang: Lang, value: &str, low: &str, high: &str) -> String {
    let Lang::En = lang;
    format!("{value} ({low} to {high})")
}

/// What was compared.
pub fn compared(lang: Lang, verified: &Verified) -> String {
    let Lang::En = lang;
    let call = verified.call.map_or("all syncs", |call| call.name());
    match verified.file_class {
        Some(class) => format!("{} {call}", class.name()),
        None => call.to_owned(),
    }
}

/// Whether it helped, and what becomes of it.
pub fn outcome(lang: Lang, verified: &Verified) -> String {
    let Lang::En = lang;
    match (verified.outcome, verified.doubt) {
        (Word::Helped, _) => {
            "It helped: waits are shorter, by more than chance and by enough to matter. The change stays."
                .to_owned()
        }
        (Word::NotHelped, _) => {
            "It did not help: waits are longer, or not shorter by enough to matter. The change is taken back."
                .to_owned()
        }
        (Word::Undecided, doubt) => {
            let why = match doubt {
                Some(Doubt::TooFewCalls) | None => {
                    format!("one of the windows has fewer than {MIN_CALLS} calls; a longer --window has more")
                }
                Some(Doubt::LoadFell) => "the targets asked for less with the change".to_owned(),
                Some(Doubt::OthersStopped) => {
                    "whoever was in the way was not at work any more with the change".to_owned()
                }
                Some(Doubt::Unsteady) => {
                    "waits were getting shorter before the change already".to_owned()
                }
                Some(Doubt::WideIntervals) => {
                    "the difference may be chance; a longer --window tells more".to_owned()
                }
            };
            format!("It cannot be told whether it helped: {why}. The change is taken back.")
        }
    }
}
