//! Owns the measurement of context switches: a storm with nobody watching, with others watched, and as the target.
use anyhow::Result;

use super::storm::{Storm, Waiting};
use super::watcher::{self, Target, Watcher, Watchers};

/// One round: time of a switch, ns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Switches {
    pub(super) nobody: f64,
    /// Somebody else is the target.
    pub(super) others: f64,
    /// The storm is the target.
    pub(super) target: f64,
    pub(super) cpus: f64,
}

/// Of each storm.
const SECONDS: u64 = 3;

pub(super) fn round(watchers: &Watchers) -> Result<Switches> {
    let nobody = Waiting::new(SECONDS)?.rage()?;
    let others = {
        // Somebody who only waits.
        let idle = Waiting::new(SECONDS)?;
        watched(watchers, Waiting::new(SECONDS)?, idle.pid())?
    };
    let storm = Waiting::new(SECONDS)?;
    let pid = storm.pid();
    let target = watched(watchers, storm, pid)?;
    let cpus = nobody.ns * nobody.per_second / 1e9;
    Ok(Switches { nobody: nobody.ns, others: others.ns, target: target.ns, cpus })
}

/// A storm while iocontend watches a process.
fn watched(watchers: &Watchers, storm: Waiting, target: u32) -> Result<Storm> {
    let mut child = watchers.start(Watcher::Iocontend, Target::Pid(target))?;
    let result = storm.rage();
    watcher::end(child.as_mut())?;
    result
}
