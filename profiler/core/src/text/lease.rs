//! Words about leases: what changes would do, what became of them.

use super::{Explained, Lang};
use crate::change::Change;
use crate::lease::{Due, Item, Lease, State};

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

/// What an item does, a line for each of its values.
pub fn item(lang: Lang, item: &Item) -> Vec<String> {
    let name = setting(lang, &item.change);
    let own = item.cells.iter().filter_map(|cell| Some((cell, cell.wanted.as_ref()?)));
    own.map(|(cell, wanted)| {
        let part = if cell.part.is_empty() { String::new() } else { format!(", {}", cell.part) };
        let state = match (cell.state, &cell.found, &item.error) {
            (State::Differs, Some(found), _) => {
                format!("; changed to {found} by somebody else, left as it is")
            }
            (State::Differs, None, _) => "; not there".to_owned(),
            (State::Undone, ..) => "; taken back".to_owned(),
            (_, _, Some(error)) => format!("; not taken back: {error}"),
            _ => String::new(),
        };
        format!("{name}{part}: {} to {wanted}{state}", cell.prior)
    })
    .collect()
}

/// The head of a lease.
pub fn lease(lang: Lang, lease: &Lease, due: Due) -> String {
    let Lang::En = lang;
    let due = match due {
        Due::Running => "running",
        Due::Expired => "expired",
        Due::Interrupted => "its process ended without taking it back",
        Due::Restarted => "of an earlier boot",
    };
    format!("{}, made {}, until {}: {due}", lease.id, lease.created, lease.expires)
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
pub fn applied(lang: Lang, id: &str, until: &str, left: bool) -> String {
    let Lang::En = lang;
    if left {
        format!("applied as lease {id}; the next run after {until} takes it back")
    } else {
        format!("applied as lease {id} until {until}; Ctrl-C takes it back")
    }
}

/// A lease was taken back.
pub fn undone(lang: Lang, id: &str, complete: bool) -> String {
    let Lang::En = lang;
    if complete {
        format!("lease {id} is taken back")
    } else {
        format!("lease {id} is not wholly taken back:")
    }
}
