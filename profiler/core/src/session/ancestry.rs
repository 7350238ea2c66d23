//! Who started a process: the nearest ancestor whose work is to start others.
//!
//! Owns the names of such programs and the walk to them. A parent may be gone long before anybody asks, so the answer
//! is kept with the process as soon as it is known (`Known::started_by`).

use super::actors::{ActorId, Actors};
use crate::facts::ProcessFacts;
use crate::report::{StartedBy, Starter};

/// Generations that are looked at: a job of cron is three away, a shell in a session some more.
const DEEPEST: usize = 16;

/// The nearest such ancestor; `None` where none is known.
pub(super) fn started_by(actors: &Actors, id: ActorId) -> Option<StartedBy> {
    let mut child = actors.get(id)?;
    let unit = child.facts.unit().map(str::to_owned);
    for _ in 0..DEEPEST {
        let parent = actors.with_pid(child.facts.ppid)?;
        let (ours, theirs) = (child.facts.key.start_ticks, parent.facts.key.start_ticks);
        // Whoever has the parent's pid now and is younger than the child is somebody else.
        if ours == 0 || theirs == 0 || theirs > ours {
            return None;
        }
        if let Some(how) = starter(&parent.facts) {
            return named(how, &parent.facts, unit);
        }
        if parent.started_by.is_some() {
            return parent.started_by.clone();
        }
        child = parent;
    }
    None
}

/// What sort of starter this is, by its name.
fn starter(facts: &ProcessFacts) -> Option<Starter> {
    match facts.comm.as_str() {
        "cron" | "CRON" | "crond" | "anacron" | "fcron" | "atd" => Some(Starter::Cron),
        "systemd" => Some(Starter::Systemd),
        "kubelet" | "dockerd" | "conmon" | "crio" => Some(Starter::Container),
        "sshd" | "sshd-session" | "dropbear" => Some(Starter::Ssh),
        "login" | "agetty" => Some(Starter::Login),
        // The kernel cuts names to 15 bytes: `containerd-shim-runc-v2`.
        name if name.starts_with("containerd-shim") => Some(Starter::Container),
        _ => None,
    }
}

/// systemd adopts orphans as well: it started only what runs in a service.
fn named(how: Starter, facts: &ProcessFacts, unit: Option<String>) -> Option<StartedBy> {
    let name = if how == Starter::Systemd {
        unit.filter(|unit| unit.ends_with(".service"))?
    } else {
        facts.comm.clone()
    };
    Some(StartedBy { how, name, pid: Some(facts.key.pid) })
}
