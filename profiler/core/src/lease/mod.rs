//! A lease: changes of the host's settings that were asked for, with what is needed to take them back.
//!
//! Owns the document (`iocontend.lease/1`) and what to do next, from the lease, the values read now and the time. `kernel_text`
//! knows how the kernel prints values, `floors` how low they may be; `keeper` decides for whoever ends a lease; `window`, `verify`
//! and `verified` are about whether a change helped. Reads and writes nothing: that is the edge's.
//!
//! The rule that everything follows: a value is written only over one that is known. Applying writes over the prior value,
//! taking back over our own: the wanted one, or what the kernel made of it. Anything else was put there by somebody else, is
//! reported and stays.

pub mod floors;
pub mod keeper;
pub mod kernel_text;
pub mod verified;
pub mod verify;
pub mod window;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::change::Change;

/// The value of [`Lease::schema`] that this version writes.
pub const SCHEMA: &str = "iocontend.lease/1";

/// What a setting's parts hold, by part, as [`kernel_text`] normalises them. A setting with one value has the part `""`; a
/// device's line has one for each key, the priorities of a process one for each thread (`TID@START`).
pub type Values = BTreeMap<String, String>;

/// Changes made together and taken back together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Name and version of this document's shape: `iocontend.lease/1`.
    pub schema: String,
    /// Its name; also that of its file.
    pub id: String,
    /// The version that wrote it.
    pub tool_version: String,
    /// The advice it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// When it was made, RFC 3339.
    pub created: String,
    /// When it ends by the host's clock, RFC 3339: for people. [`Lease::expires_boottime_ns`] decides.
    pub expires: String,
    /// Which boot of the host it belongs to (`/proc/sys/kernel/random/boot_id`): none of these settings outlives it.
    pub boot_id: String,
    /// When it ends, CLOCK_BOOTTIME ns: a clock that is set does not make it longer.
    pub expires_boottime_ns: u64,
    /// Whether its process was done with it and left it behind. Otherwise a lease without its process was interrupted.
    pub left: bool,
    /// The settings, in the order of applying.
    pub items: Vec<Item>,
}

/// One setting of a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What was asked for.
    pub change: Change,
    /// Which cgroup and disk it was made on: names come back with others behind them.
    #[serde(default, skip_serializing_if = "Identity::is_unknown")]
    pub identity: Identity,
    /// Its parts.
    pub cells: Vec<Cell>,
    /// Why the last try of this setting failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What tells a cgroup or disk from a later one of the same name. What is absent is unknown, and so is what a lease of an earlier
/// version does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Inode of the cgroup's folder: cgroup2 never gives one twice within a boot (fs/kernfs/dir.c).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup_inode: Option<u64>,
    /// The disk's `diskseq`, which every new disk and medium counts up (block/genhd.c, Linux 5.15).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diskseq: Option<u64>,
}

impl Identity {
    /// Nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// Whether what is there now may be what was meant: nothing that is known of both differs.
    pub fn fits(&self, now: &Self) -> bool {
        let fits =
            |then: Option<u64>, now: Option<u64>| then.is_none() || now.is_none() || then == now;
        fits(self.cgroup_inode, now.cgroup_inode) && fits(self.diskseq, now.diskseq)
    }
}

/// One value of a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Which part of the setting.
    pub part: String,
    /// What it was.
    pub prior: String,
    /// What it is to be. Absent for one that the kernel itself resets when another value of the setting is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
    /// What the kernel made of the wanted one, where that is something else: it rounds and clamps. Read straight after the write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub became: Option<String>,
    /// How far it is.
    pub state: State,
    /// What stood there instead, when it is neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// How far a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// About to be written. After a crash it may have been.
    Planned,
    /// The wanted value was read back.
    Applied,
    /// The prior value was read back, or the setting is gone with its cgroup, disk or process.
    Undone,
    /// Somebody else changed it: not touched.
    Differs,
    /// Another cgroup or disk of that name holds our value: not touched.
    Replaced,
}

/// What a look at a setting gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Its parts.
    Values(Values),
    /// The same of another cgroup or disk, which has the name by now ([`Identity`]).
    Another(Values),
    /// Its cgroup, disk or process is not there any more.
    Gone,
}

impl Reading {
    /// What is there under the name, whosever it is.
    fn value(&self, part: &str) -> Option<&String> {
        match self {
            Self::Values(values) | Self::Another(values) => values.get(part),
            Self::Gone => None,
        }
    }
}

/// A value of a lease that does not hold any more while the lease runs: a manager of the cgroup, or somebody, wrote another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lapse {
    /// The setting.
    pub change: Change,
    /// Which part of it.
    pub part: String,
    /// What it should be.
    pub wanted: String,
    /// What it is; absent when its cgroup, disk or file is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
}

/// A setting of which nobody knows whether it still holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// The setting.
    pub change: Change,
    /// Why it could not be read.
    pub error: String,
}

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// To the wanted values.
    Apply,
    /// To the prior values.
    Undo,
}

/// The time as a lease needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// This boot.
    pub boot_id: String,
    /// CLOCK_BOOTTIME, ns.
    pub boottime_ns: u64,
}

/// What a lease that was found asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// Nothing: it runs.
    Running,
    /// Its time is over: take it back.
    Expired,
    /// Its process ended without taking it back: take it back.
    Interrupted,
    /// The host was started anew since, and all its settings with it: forget it.
    Restarted,
    /// Its record was lost or garbled while somebody still knew it: take it back from memory.
    Unrecorded,
}

impl Lease {
    /// What is to be done about it; `held` says whether the process that made it still runs.
    pub fn due(&self, clock: &Clock, held: bool) -> Due {
        if self.boot_id != clock.boot_id {
            Due::Restarted
        } else if !self.left && !held {
            Due::Interrupted
        } else if self.expires_boottime_ns <= clock.boottime_ns {
            Due::Expired
        } else {
            Due::Running
        }
    }

    /// Whether nothing of it is left to be taken back.
    pub fn is_undone(&self) -> bool {
        self.cells().all(|cell| cell.state == State::Undone)
    }

    /// Whether somebody else changed one of its values.
    pub fn has_differences(&self) -> bool {
        self.cells().any(|cell| matches!(cell.state, State::Differs | State::Replaced))
    }

    fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.items.iter().flat_map(|item| &item.cells)
    }

    /// Whether it has a setting that a change would write too. Two leases on one setting could not be taken back in any
    /// order, so the second one is refused.
    pub fn touches(&self, change: &Change) -> bool {
        self.items.iter().any(|item| setting(&item.change) == setting(change))
    }
}

/// Which setting a change is about, whatever the value.
pub fn setting(change: &Change) -> String {
    match change {
        Change::CgroupDevice { cgroup, file, device, .. } => {
            format!("cgroup {cgroup} {file} {}:{}", device.major, device.minor)
        }
        Change::Cgroup { cgroup, file, .. } => format!("cgroup {cgroup} {file}"),
        Change::Queue { device, file, .. } => format!("{device} {file}"),
        // Writing one of them zeroes the other (mm/page-writeback.c), so both are one setting.
        Change::Sysctl { name, .. } => {
            format!(
                "sysctl {}",
                kernel_text::pair_of(name).map_or(name.as_str(), |pair| pair.bytes)
            )
        }
        Change::IoPriority { process, .. } => format!("ioprio {process}"),
    }
}

impl Item {
    /// A change that is about to be made, from the values as they are. `None` when they are what is wanted already; an
    /// error when they cannot be told.
    pub fn plan(change: Change, now: &Values) -> Result<Option<Self>, kernel_text::NotUnderstood> {
        let mut cells = Vec::new();
        for (part, wanted) in kernel_text::wanted(&change, now)? {
            let prior = now.get(&part).ok_or(kernel_text::NotUnderstood)?.clone();
            if wanted.as_ref() != Some(&prior) {
                cells.push(Cell {
                    part,
                    prior,
                    wanted,
                    became: None,
                    state: State::Planned,
                    found: None,
                });
            }
        }
        let changes = cells.iter().any(|cell| cell.wanted.is_some());
        Ok(changes.then_some(Self { change, identity: Identity::default(), cells, error: None }))
    }

    /// Notes what was read and says what is to be written: parts and their values, none when all is as it should be or not
    /// ours.
    pub fn look(&mut self, goal: Goal, reading: &Reading) -> Values {
        if goal == Goal::Undo {
            self.adopt(reading);
        }
        let mut writes = Values::new();
        for cell in self.cells.iter_mut().filter(|cell| cell.wanted.is_some()) {
            writes.extend(cell.look(goal, reading));
        }
        let own = |cell: &Cell| cell.wanted.is_some();
        let settled = |cell: &Cell| cell.state == State::Undone;
        if goal == Goal::Undo && self.cells.iter().filter(|cell| own(cell)).all(settled) {
            // Only now: writing the others resets these once more.
            for cell in self.cells.iter_mut().filter(|cell| !own(cell)) {
                writes.extend(cell.restore(reading));
            }
        } else if goal == Goal::Undo && self.has_differences() {
            // The setting they follow is somebody else's by now, and so are they.
            self.cells
                .iter_mut()
                .filter(|cell| !own(cell))
                .for_each(|cell| cell.state = State::Undone);
        }
        writes
    }

    /// What is read straight after a write of our own is ours, whatever the kernel made of it. `written` is what was written. A
    /// value that the write did not move is none: nothing came of it.
    pub fn settle(&mut self, written: &Values, reading: &Reading) {
        for cell in self.cells.iter_mut().filter(|cell| written.contains_key(&cell.part)) {
            let now = reading.value(&cell.part).filter(|now| **now != cell.prior);
            cell.became = now.filter(|now| Some(*now) != cell.wanted.as_ref()).cloned();
        }
    }

    /// Values that were applied and do not hold now. A thread that ended is none.
    pub fn lapses(&self, reading: &Reading) -> Vec<Lapse> {
        let is_thread = matches!(self.change, Change::IoPriority { .. });
        let now = |part: &str| match reading {
            Reading::Values(values) => values.get(part),
            // Ours went with the one that was meant.
            Reading::Another(_) | Reading::Gone => None,
        };
        let lapse = |cell: &Cell| {
            let wanted = cell.ours().cloned().filter(|_| cell.state == State::Applied)?;
            let now = now(&cell.part);
            let holds = now == Some(&wanted) || (now.is_none() && is_thread);
            let (change, part) = (self.change.clone(), cell.part.clone());
            (!holds).then(|| Lapse { change, part, wanted, now: now.cloned() })
        };
        self.cells.iter().filter_map(lapse).collect()
    }

    fn has_differences(&self) -> bool {
        self.cells.iter().any(|cell| matches!(cell.state, State::Differs | State::Replaced))
    }

    /// Threads that started since have what the thread had that made them: those with the wanted priority get the prior one
    /// of the first thread, whose part stands first.
    fn adopt(&mut self, reading: &Reading) {
        let (Change::IoPriority { process, .. }, Reading::Values(now)) = (&self.change, reading)
        else {
            return;
        };
        let first = process.to_string();
        let Some(first) = self.cells.iter().find(|cell| cell.part == first).cloned() else {
            return;
        };
        for (part, value) in now {
            let known = self.cells.iter().any(|cell| cell.part == *part);
            if !known && Some(value) == first.wanted.as_ref() {
                self.cells.push(Cell {
                    part: part.clone(),
                    state: State::Applied,
                    ..first.clone()
                });
            }
        }
    }
}

impl Cell {
    /// The value that stands there because of us.
    pub fn ours(&self) -> Option<&String> {
        self.became.as_ref().or(self.wanted.as_ref())
    }

    fn look(&mut self, goal: Goal, reading: &Reading) -> Option<(String, String)> {
        if self.state == State::Undone {
            return None;
        }
        let now = reading.value(&self.part);
        let is_wanted = now.is_some() && now == self.ours();
        if matches!(reading, Reading::Another(_)) {
            // Ours went with the one that was meant, unless this one holds it: then only somebody who knows both can tell.
            self.found = None;
            self.state = if is_wanted { State::Replaced } else { State::Undone };
            return None;
        }
        let is_prior = now == Some(&self.prior);
        let write = match goal {
            Goal::Apply if is_prior && self.state == State::Planned => self.wanted.clone(),
            Goal::Undo if is_wanted => Some(self.prior.clone()),
            _ => None,
        };
        if let Some(value) = write {
            return Some((self.part.clone(), value));
        }
        self.found = None;
        self.state = match (goal, now) {
            (Goal::Apply, _) if is_wanted => State::Applied,
            (Goal::Undo, None) => State::Undone,
            (Goal::Undo, _) if is_prior => State::Undone,
            (_, other) => {
                self.found = other.cloned();
                State::Differs
            }
        };
        None
    }

    /// A value that the kernel reset when another one was written: back to what it was.
    fn restore(&mut self, reading: &Reading) -> Option<(String, String)> {
        let Reading::Values(values) = reading else {
            // Gone, or another's.
            self.state = State::Undone;
            return None;
        };
        match values.get(&self.part) {
            Some(now) if *now != self.prior && self.state != State::Undone => {
                Some((self.part.clone(), self.prior.clone()))
            }
            _ => {
                self.state = State::Undone;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
